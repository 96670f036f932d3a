"""An agent in the middle of learning: everything that decides what it does next, as arrays and JSON.

SB3's own `save` is not enough to go on with the same bits: rows, random numbers, replay memory and running returns are
missing there (Stable-Baselines3 documents as much).
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from .algorithms import Guided
from .storage import Tensors
from .vec_env import Sb3VecEnv

_COUNTS = (
    "num_timesteps",
    "_n_updates",
    "_n_calls",
    "_episode_num",
    "_current_progress_remaining",
    "_begin",
    "_reported",
)
_SEEN = ("_last_obs", "_last_original_obs", "_last_episode_starts")
_SCALED = ("returns", "old_obs", "old_reward")  # of VecNormalize
_COUNTED = ("_returns", "_lengths", "_steps")  # of Sb3VecEnv
_MEMORY = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class Keeper(Protocol):
    """Where unfinished learning is kept: arrays and JSON, in one file, whole or absent."""

    @property
    def is_due(self) -> bool:
        """Whether the state should be kept now."""
        ...

    def kept(self) -> tuple[Tensors, dict[str, Any]] | None:
        """What was kept last."""
        ...

    def keep(self, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> None:
        """Keep arrays and JSON."""
        ...


class Restorable(Protocol):
    """An environment whose state can be kept."""

    def snapshot(self) -> Tensors:
        """Its state."""
        ...

    def restore(self, kept: Tensors) -> Any:
        """Go back to that state."""
        ...


def state_of(learner: Guided, envs: Restorable) -> tuple[Tensors, dict[str, Any]]:
    """Everything but weights, optimiser and statistics."""
    arrays: Tensors = {f"envs.{name}": array for name, array in envs.snapshot().items()}
    record: dict[str, Any] = {name: getattr(learner, name) for name in _COUNTS if hasattr(learner, name)}
    scaled, rows = _wrappers(learner)
    for owner, names in ((learner, _SEEN), (scaled, _SCALED), (rows, _COUNTED)):
        for name in names:
            value = getattr(owner, name, None)
            if value is not None:
                arrays[f"now.{name}"] = np.array(value)
    record["actions"] = learner.action_space.np_random.bit_generator.state
    kind, words, place, has_gauss, gauss = np.random.get_state()  # noqa: NPY002 - SB3 draws from it
    record["numpy"] = [kind, int(place), int(has_gauss), float(gauss)]
    arrays |= {"numpy": np.array(words), "torch": torch.get_rng_state().numpy()}
    if learner.device.type == "cuda":
        arrays["cuda"] = torch.cuda.get_rng_state(learner.device).numpy()
    if isinstance(learner, OffPolicyAlgorithm):
        memory = learner.replay_buffer
        assert memory is not None
        record |= {"pos": int(memory.pos), "full": bool(memory.full)}
        used = memory.buffer_size if memory.full else memory.pos
        arrays |= {f"memory.{name}": getattr(memory, name)[:used].copy() for name in _MEMORY}
    return arrays, record


def put_back(learner: Guided, envs: Restorable, arrays: Tensors, record: Mapping[str, Any]) -> None:
    """Undo everything that has happened since `state_of`; the learner has settled in `envs` already."""
    envs.restore({name.removeprefix("envs."): value for name, value in arrays.items() if name.startswith("envs.")})
    for name in _COUNTS:
        if name in record:
            setattr(learner, name, record[name])
    scaled, rows = _wrappers(learner)
    for owner, names in ((learner, _SEEN), (scaled, _SCALED), (rows, _COUNTED)):
        for name in names:
            if f"now.{name}" in arrays:
                setattr(owner, name, arrays[f"now.{name}"].copy() if name != "_steps" else int(arrays[f"now.{name}"]))
    learner.action_space.np_random.bit_generator.state = record["actions"]
    kind, place, has_gauss, gauss = record["numpy"]
    np.random.set_state((kind, arrays["numpy"], place, has_gauss, gauss))  # noqa: NPY002
    torch.set_rng_state(torch.from_numpy(arrays["torch"]))
    if "cuda" in arrays:
        torch.cuda.set_rng_state(torch.from_numpy(arrays["cuda"]), learner.device)
    if isinstance(learner, OffPolicyAlgorithm):
        memory = learner.replay_buffer
        assert memory is not None
        memory.pos, memory.full = record["pos"], record["full"]
        for name in _MEMORY:
            kept = arrays[f"memory.{name}"]
            getattr(memory, name)[: len(kept)] = kept


def _wrappers(learner: Guided) -> tuple[VecNormalize | None, Sb3VecEnv]:
    env = learner.env
    scaled = env if isinstance(env, VecNormalize) else None
    rows = scaled.venv if scaled is not None else env
    assert isinstance(rows, Sb3VecEnv)
    return scaled, rows
