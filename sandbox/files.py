"""Files that are either whole or absent: written beside their place, synced, and moved into it."""

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

FORMAT = 1


class DamagedFileError(ValueError):
    """A file that cannot be read as what it should be; the message names it."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of `path` that takes its place, file or folder, when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        if temporary.is_file():
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        elif path.is_dir():
            # A folder cannot be replaced in one call; the old one steps aside and is removed last.
            aside = temporary.with_suffix(".old")
            path.rename(aside)
            temporary.rename(path)
            shutil.rmtree(aside)
            return
        temporary.replace(path)
    except OSError as error:
        if error.filename is None:  # a full disk is told by a write, which knows no name
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def refusal(error: OSError, path: Path) -> str:
    """That something cannot be written, in words: the file that `error` names, or else `path`, and the reason."""
    return f"{error.filename or path} cannot be written ({error.strerror})"


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON to `path` atomically."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The JSON in `path`.

    Raises:
        DamagedFileError: where the file is missing, truncated or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DamagedFileError(f"there is no file {path}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{path} is not readable JSON ({error}); make it again") from None


def read_header(path: Path, kind: str, needed: Sequence[str], what: str, anew: str) -> dict[str, Any]:
    """The JSON object in `path` that describes `what` and has all keys that are `needed`.

    Raises:
        DamagedFileError: where `read_json` says so, or it is of another kind, of a newer format or lacks a key; the
            message ends with how the thing is made `anew`.
    """
    header = read_json(path)
    if not isinstance(header, dict) or header.get("kind") != kind:
        raise DamagedFileError(f"{path} does not describe {what}")
    missing = [key for key in ("format", *needed) if key not in header]
    if missing:
        raise DamagedFileError(f"{path} lacks {missing[0]}; {anew}")
    if header["format"] > FORMAT:
        raise DamagedFileError(f"{path.parent} has format {header['format']}, newer than this Sandbox reads")
    return header


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], header: Mapping[str, Any], kind: str) -> None:
    """Write named arrays and their JSON `header` as one `.safetensors` file, atomically."""
    metadata = {"kind": kind, "format": str(FORMAT), "header": json.dumps(header, allow_nan=False)}
    # Not `ascontiguousarray`, which gives an array without dimensions one.
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(contiguous, metadata))


def read_arrays(path: Path, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays and the header that `write_arrays` wrote.

    Raises:
        DamagedFileError: where the file is missing, truncated, of another kind or of a newer format.
    """
    if not path.is_file():
        raise DamagedFileError(f"there is no file {path}")
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise DamagedFileError(f"{path} is no readable {kind} file ({error}); make or copy it again") from None
    if metadata.get("kind") != kind:
        raise DamagedFileError(f"{path} holds {metadata.get('kind', 'foreign data')}, not {kind}")
    if int(metadata["format"]) > FORMAT:
        raise DamagedFileError(f"{path} has format {metadata['format']}, newer than this Sandbox reads; update it")
    return arrays, json.loads(metadata["header"])


def require_writable(path: Path) -> None:
    """Refuse, before anything is spent, a path that cannot be written.

    Raises:
        ValueError: names the path.
    """
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"{path} cannot be written: {folder} is no folder that may be written to")
