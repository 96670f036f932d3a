"""Any Gymnasium vector environment, as Stable-Baselines3 wants to see one."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from .spaces import Batch, Flat, action_map, flat_dim, flatten_batch

# SB3 looks into every row's info at every step, and only a finished row has anything to say.
_NOTHING: dict[str, Any] = {}


class Sb3VecEnv(VecEnv):
    """A ``gymnasium.vector.VectorEnv`` of B rows behind SB3's interface, without Python per row.

    Observations of any space arrive as float32 vectors ``(B, D)``; actions are taken as Box(-1, 1, (A,)),
    Discrete, MultiDiscrete or MultiBinary and handed on in the environment's own space (see ``spaces.action_map``).
    A finished row's info holds ``terminal_observation`` (D,), ``TimeLimit.truncated`` and ``episode``
    (return ``r``, length ``l``, seconds ``t``, as SB3's Monitor gives them); all other rows share one empty dict.

    Raises:
        ValueError: autoreset is not SAME_STEP, a space is not supported, or an observation or reward is not finite.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        require_same_step(envs)
        self._envs = envs
        self._actions = action_map(envs.single_action_space)
        flat = spaces.Box(-np.inf, np.inf, (flat_dim(envs.single_observation_space),), np.float32)
        self._returns = np.zeros(envs.num_envs)
        self._lengths = np.zeros(envs.num_envs, np.int64)
        self._steps = 0
        self._born = time.perf_counter()
        super().__init__(envs.num_envs, flat, self._actions.learner_space)

    def reset(self) -> Flat:
        """Reset every row, with the seed that was last given to ``seed``; return the observations (B, D)."""
        obs, _ = self._envs.reset(seed=self._seeds[0])
        self._reset_seeds()
        self._returns[:], self._lengths[:], self._steps = 0.0, 0, 0
        return self._flat(obs)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions (B, A) for ``step_wait``."""
        self._chosen = self._actions.to_env(actions)

    def step_wait(self) -> tuple[Flat, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Step every row; return observations (B, D), rewards (B,), dones (B,) and one info a row."""
        obs, reward, terminated, truncated, infos = self._envs.step(self._chosen)
        self._steps += 1
        self._require_finite("reward", reward)
        self._returns += reward
        self._lengths += 1
        done = np.logical_or(terminated, truncated)
        row_infos = [_NOTHING] * self.num_envs
        if done.any():
            self._finish(np.flatnonzero(done), np.logical_and(truncated, ~terminated), infos, row_infos)
        return self._flat(obs), np.asarray(reward, np.float32), done, row_infos

    def _finish(
        self,
        rows: NDArray[np.intp],
        cut: NDArray[np.bool_],
        infos: dict[str, Any],
        row_infos: list[dict[str, Any]],
    ) -> None:
        """Write the infos of the finished ``rows`` and start their counts anew."""
        last = flatten_batch(self._envs.single_observation_space, final_obs(infos["final_obs"], rows))
        self._require_finite("final observation", last, rows)
        seconds = round(time.perf_counter() - self._born, 6)
        for k, row in enumerate(rows.tolist()):
            row_infos[row] = {
                "terminal_observation": last[k],
                "TimeLimit.truncated": bool(cut[row]),
                "episode": {"r": float(self._returns[row]), "l": int(self._lengths[row]), "t": seconds},
            }
        self._returns[rows], self._lengths[rows] = 0.0, 0

    def _flat(self, obs: Batch) -> Flat:
        flat = flatten_batch(self._envs.single_observation_space, obs)
        self._require_finite("observation", flat)
        # SB3 reads the observations again after the next step, and an environment may write that one over them.
        return flat.copy()

    def _require_finite(self, what: str, values: NDArray[Any], rows: NDArray[np.intp] | None = None) -> None:
        if not np.isfinite(values).all():
            bad = int(np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))[0])
            row = bad if rows is None else int(rows[bad])
            raise ValueError(
                f"the environment gave a {what} that is not finite (row {row}, step {self._steps} after reset): "
                "correct the environment before training in it"
            )

    def close(self) -> None:
        """Leave the environment open: it belongs to the caller."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute of the vector environment, once for each of the rows ``indices``."""
        if attr_name == "render_mode":  # SB3 asks before it knows how many rows there are, and expects an answer
            return [None] * self._envs.num_envs
        return [getattr(self._envs, attr_name)] * len(self._rows(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: the rows of a vector environment have no attributes of their own."""
        raise AttributeError(f"{attr_name!r} cannot be set: the rows of a batch have no attributes of their own")

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call a method of the vector environment and return its answer once for each of the rows ``indices``."""
        return [getattr(self._envs, method_name)(*method_args, **method_kwargs)] * len(self._rows(indices))

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Return False for every row: a row of a batch has no wrappers."""
        return [False] * len(self._rows(indices))

    def _rows(self, indices: Any) -> Sequence[int]:
        return list(self._get_indices(indices))


def require_same_step(envs: VectorEnv[Any, Any, Any]) -> None:
    """Refuse, in one sentence, an environment whose finished rows do not start again within the same step."""
    mode = envs.metadata.get("autoreset_mode")
    if mode is None or AutoresetMode(mode) is not AutoresetMode.SAME_STEP:
        raise ValueError(
            f"agents learn in environments with autoreset SAME_STEP and this one has {mode}: make it with "
            "gymnasium.make_vec(…, vector_kwargs={'autoreset_mode': gymnasium.vector.AutoresetMode.SAME_STEP})"
        )


def final_obs(stored: Any, rows: NDArray[np.intp]) -> Batch:
    """Gather the last observations of the finished ``rows`` out of ``infos["final_obs"]``, as one batch.

    Gymnasium stores one observation an entry in an object array; a batch of the space itself is read as well.
    """
    if isinstance(stored, np.ndarray) and stored.dtype == object:
        return _stack([stored[row] for row in rows])
    if isinstance(stored, dict):
        return {key: final_obs(part, rows) for key, part in stored.items()}
    if isinstance(stored, tuple):
        return tuple(final_obs(part, rows) for part in stored)
    return np.asarray(stored)[rows]


def _stack(observations: list[Any]) -> Batch:
    if isinstance(observations[0], dict):
        return {key: _stack([obs[key] for obs in observations]) for key in observations[0]}
    if isinstance(observations[0], tuple):
        return tuple(_stack(list(parts)) for parts in zip(*observations, strict=True))
    return np.stack([np.asarray(obs) for obs in observations])
