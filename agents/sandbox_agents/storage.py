"""An agent's folder: ``agent.json`` says what it is, a safetensors file beside it holds its tensors.

Nothing in the folder can be executed. ``agent.json`` names its tensor file with that file's SHA-256 and is written
last, by one atomic replacement; so a crash at any moment leaves the old agent or the new one, never half of each.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

FORMAT = "sandbox-agent"
VERSION = 1
Tensors = dict[str, NDArray[Any]]


def write_agent(folder: Path, record: dict[str, Any], tensors: Tensors) -> None:
    """Write ``record`` and ``tensors`` into ``folder``, in place of the agent that it may hold already.

    Raises:
        ValueError: ``folder`` is a file, holds something that is not an agent, or cannot be written.
    """
    manifest = folder / "agent.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = [item for item in folder.iterdir() if not item.name.startswith((".tmp-", "weights"))]
        if others and not manifest.exists():
            raise ValueError(f"{folder} holds other files and no agent: give an empty or a new folder")
        payload = save_tensors(tensors)
        digest = hashlib.sha256(payload).hexdigest()
        # The first agent of a folder has the plain name; a later one must not touch the file that is still in force.
        weights = f"weights-{digest[:12]}.safetensors" if manifest.exists() else "weights.safetensors"
        _replace(folder / weights, payload)
        stamp = {"format": FORMAT, "version": VERSION, "weights": {"file": weights, "sha256": digest}}
        _replace(manifest, json.dumps(stamp | record, indent=2, allow_nan=False).encode())
        for stale in [*folder.glob("weights*.safetensors"), *folder.glob(".tmp-*")]:
            if stale.name != weights:
                stale.unlink()
    except OSError as error:
        raise ValueError(f"the agent cannot be written to {folder} ({error.strerror}): give another folder") from error


def _replace(target: Path, payload: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def read_agent(folder: Path) -> tuple[dict[str, Any], Tensors]:
    """Return the record and the tensors of the agent in ``folder``.

    Raises:
        ValueError: it is missing, damaged, not an agent's, or of a newer version; the sentence says which.
    """
    manifest = folder / "agent.json"
    if folder.suffix == ".zip" and folder.is_file():
        raise ValueError(
            f"{folder} is Stable-Baselines3's own file, which runs code when it is read, and is not read here: where "
            f"you trust it, sandbox_agents.adopt(stable_baselines3.PPO.load({folder.name!r})).save('folder') in Python"
        )
    if not manifest.is_file():
        raise ValueError(f"there is no agent in {folder} (no agent.json): give a folder that an agent was saved to")
    try:
        record = json.loads(manifest.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ValueError(f"{manifest} is damaged (it is no JSON): save the agent again") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ValueError(f"{manifest} was not written by this project: give a folder that an agent was saved to")
    if not isinstance(record.get("version"), int) or record["version"] > VERSION:
        raise ValueError(f"{manifest} has format version {record.get('version')}, newer than {VERSION}: update sandbox")
    return record, _read_tensors(folder, manifest, record.get("weights"))


def _read_tensors(folder: Path, manifest: Path, weights: Any) -> Tensors:
    if not isinstance(weights, dict) or {"file", "sha256"} - set(weights) or not isinstance(weights["file"], str):
        raise ValueError(f"{manifest} is damaged (it does not name its weights): save the agent again")
    file = folder / Path(weights["file"]).name  # the bare name: no path in a manifest leads out of the folder
    if not file.is_file():
        raise ValueError(f"{file} is missing, though agent.json names it: copy the whole folder of the agent")
    payload = file.read_bytes()
    if hashlib.sha256(payload).hexdigest() != weights["sha256"]:
        raise ValueError(f"{file} is damaged (truncated or changed since it was saved): save the agent again")
    try:
        return load_tensors(payload)
    except SafetensorError as error:
        raise ValueError(f"{file} is no safetensors file: save the agent again") from error


def space_to_json(space: spaces.Space[Any]) -> dict[str, Any]:
    """Describe a space in plain JSON, exactly: ``space_from_json`` gives back an equal space.

    Raises:
        ValueError: the space is not made of Box, Discrete, MultiDiscrete, MultiBinary, Dict and Tuple.
    """
    dtype = None if space.dtype is None else np.dtype(space.dtype).str
    match space:
        case spaces.Box():
            bounds = {"low": _bound_to_json(space.low), "high": _bound_to_json(space.high)}
            return {"kind": "Box", "shape": list(space.shape), "dtype": dtype, **bounds}
        case spaces.Discrete():
            return {"kind": "Discrete", "n": int(space.n), "start": int(space.start), "dtype": dtype}
        case spaces.MultiDiscrete():
            return {"kind": "MultiDiscrete", "nvec": space.nvec.tolist(), "start": space.start.tolist(), "dtype": dtype}
        case spaces.MultiBinary():
            # MultiBinary(3) and MultiBinary((3,)) are different spaces.
            return {"kind": "MultiBinary", "n": list(space.n) if isinstance(space.n, tuple) else int(space.n)}
        case spaces.Dict():
            return {"kind": "Dict", "parts": [[key, space_to_json(part)] for key, part in space.spaces.items()]}
        case spaces.Tuple():
            return {"kind": "Tuple", "parts": [space_to_json(part) for part in space.spaces]}
    raise ValueError(f"the space {space} cannot be saved: use Box, Discrete, MultiDiscrete, MultiBinary, Dict or Tuple")


def space_from_json(data: Mapping[str, Any]) -> spaces.Space[Any]:
    """Build the space that ``space_to_json`` described."""
    match data["kind"]:
        case "Box":
            shape, dtype = tuple(data["shape"]), np.dtype(data["dtype"])
            low, high = _bound_from_json(data["low"], shape, dtype), _bound_from_json(data["high"], shape, dtype)
            return spaces.Box(low, high, shape, dtype.type)
        case "Discrete":
            return spaces.Discrete(data["n"], start=data["start"], dtype=np.dtype(data["dtype"]).type)
        case "MultiDiscrete":
            return spaces.MultiDiscrete(data["nvec"], dtype=np.dtype(data["dtype"]).type, start=data["start"])
        case "MultiBinary":
            return spaces.MultiBinary(data["n"])
        case "Dict":
            # Pairs, because Gymnasium sorts the keys of a plain dict, and the order is that of the observation's parts.
            return spaces.Dict([(key, space_from_json(part)) for key, part in data["parts"]])
        case "Tuple":
            return spaces.Tuple([space_from_json(part) for part in data["parts"]])
    raise ValueError(f"unknown kind of space {data['kind']!r}: the file was written by something else")


def _bound_to_json(bound: NDArray[Any]) -> Any:
    """Write one number where all are equal (an image has 12,288), and infinities as strings, which JSON lacks."""
    text = np.where(np.isfinite(bound), bound, 0).astype(object)
    text[np.isposinf(bound)], text[np.isneginf(bound)] = "inf", "-inf"
    values = text.ravel().tolist()
    if len(set(values)) == 1:
        return _plain(values[0])
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _bound_from_json(bound: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    values = [float(b) if isinstance(b, str) else b for b in (bound if isinstance(bound, list) else [bound])]
    if len(values) == 1:
        return np.full(shape, values[0], dtype)
    return np.array(values, dtype).reshape(shape)
