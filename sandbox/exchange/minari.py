"""Minari datasets as trajectories and back (Younis et al., "Minari", Farama Foundation)."""

import importlib
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox.exchange.tables import LogError
from sandbox.spaces import Layout, Rows, action_layout, from_json, layout, to_json
from sandbox.trajectories import Trajectories

# What Minari's own metadata cannot hold: the exact spaces, the time limit, the provenance.
_HEADER = "sandbox"
_ID = re.compile(r"(?:[-\w/]+/)?[-\w]+-v\d+")


def read_minari(dataset_id: str) -> Trajectories:
    """A local Minari dataset. An episode's last observation is the true successor of its last step.

    Raises:
        LogError: a malformed or absent name, a missing package, or data that cannot be learned from.
    """
    minari = _minari()
    _require_name(dataset_id)
    try:
        dataset = minari.load_dataset(dataset_id)
    except FileNotFoundError:
        raise LogError(
            f"there is no local Minari dataset {dataset_id}; `minari download {dataset_id}` fetches one"
        ) from None
    header = dataset.storage.metadata.get(_HEADER) or {}
    see = layout(from_json(header["observation_space"]) if header else dataset.observation_space)
    do = action_layout(from_json(header["action_space"]) if header else dataset.action_space)
    episodes = [_columns(episode, see, do) for episode in dataset.iterate_episodes()]
    episodes = [columns for columns in episodes if len(columns["reward"])]
    if not episodes:
        raise LogError(f"the Minari dataset {dataset_id} holds no steps")
    spec = getattr(dataset, "env_spec", None)
    return Trajectories(
        **{name: np.concatenate([columns[name] for columns in episodes]) for name in episodes[0]},
        lengths=np.array([len(columns["reward"]) for columns in episodes], np.int64),
        observation_space=see.space,
        action_space=do.space,
        horizon=header["horizon"] if header else spec.max_episode_steps if spec else None,
        source=header["source"] if header else {"log": f"minari:{dataset_id}"},
    )


def write_minari(data: Trajectories, dataset_id: str) -> Path:
    """Write `data` as the local Minari dataset `dataset_id`, `(namespace/)name-v0`; returns its folder.

    Raises:
        LogError: a malformed or taken name, a missing package, or an episode whose steps do not follow each other.
    """
    minari = _minari()
    _require_name(dataset_id)
    storage = importlib.import_module("minari.storage.datasets_root_dir")
    folder = Path(storage.get_dataset_path(dataset_id))
    if folder.exists():
        raise LogError(f"there is a Minari dataset {dataset_id} already; choose another name or version")
    buffers = [_buffer(data, episode) for episode in range(len(data.lengths))]
    header = {
        "observation_space": to_json(data.observation_space),
        "action_space": to_json(data.action_space),
        "horizon": data.horizon,
        "source": dict(data.source),
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Minari misses an author and a link to code, which none knows
            dataset = minari.create_dataset_from_buffers(
                dataset_id,
                buffers,
                observation_space=data.observation_space,
                action_space=data.action_space,
                jpeg_encoding=False,  # lossless
            )
        dataset.storage.update_metadata({_HEADER: header})
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # half a dataset would be taken for a whole one
        raise
    return folder


def _minari() -> Any:
    """The package, which is an extra.

    Raises:
        LogError: it is not installed.
    """
    try:
        importlib.import_module("h5py")
        return importlib.import_module("minari")
    except ImportError as error:
        raise LogError(
            f"Minari datasets need a package that is not installed ({error.name}); "
            "pip install 'sandbox-worlds[minari]' brings it"
        ) from None


def _require_name(dataset_id: str) -> None:
    if not _ID.fullmatch(dataset_id):
        raise LogError(f"{dataset_id!r} is no name of a Minari dataset; it looks like name-v0 or namespace/name-v0")


def _columns(episode: Any, see: Layout, do: Layout) -> dict[str, NDArray[Any]]:
    """One episode of T steps, with its T + 1 observations, as columns."""
    obs = see.to_rows(episode.observations)
    return {
        "obs": obs[:-1],
        "action": do.to_rows(episode.actions),
        "reward": np.asarray(episode.rewards, np.float64),
        "next_obs": obs[1:],
        "terminated": np.asarray(episode.terminations, bool),
        "truncated": np.asarray(episode.truncations, bool),
    }


def _buffer(data: Trajectories, episode: int) -> Any:
    """One episode as Minari takes it: T + 1 observations, so every step must begin where the one before ended."""
    at = slice(*np.searchsorted(data.episode, [episode, episode + 1]))
    obs, next_obs = data.obs[at], data.next_obs[at]
    if not np.array_equal(obs[1:], next_obs[:-1]):
        raise LogError(
            f"episode {episode} has a step that does not begin where the one before ended; Minari needs that"
        )
    buffer = importlib.import_module("minari.data_collector.episode_buffer").EpisodeBuffer
    return buffer(
        observations=_batch(data.observation_layout, np.concatenate([obs, next_obs[-1:]])),
        actions=_batch(data.action_layout, data.action[at]),
        rewards=data.reward[at],
        terminations=data.terminated[at],
        truncations=data.truncated[at],
    )


def _batch(as_: Layout, rows: Rows) -> Any:
    """Rows as a batch of the space, but not clipped to its bounds where the dtype allows it: what was seen is kept."""
    if isinstance(as_.space, spaces.Box) and np.issubdtype(as_.space.dtype or np.float32, np.floating):
        return rows.astype(as_.space.dtype).reshape(-1, *as_.space.shape)
    return as_.from_rows(rows)
