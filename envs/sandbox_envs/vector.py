"""The batch of rows as a Gymnasium vector environment."""

import operator
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from sandbox_envs import registry
from sandbox_envs.canvas import Painter
from sandbox_envs.core import (
    DISABLED,
    NEXT_STEP,
    SAME_STEP,
    Simulation,
    action_bounds,
    action_rows,
    loops_of,
    machine_code,
    row_keys,
)

_MODES = {
    AutoresetMode.SAME_STEP: SAME_STEP,
    AutoresetMode.NEXT_STEP: NEXT_STEP,
    AutoresetMode.DISABLED: DISABLED,
}
_NO_LIMIT = int(np.iinfo(np.int64).max)

Seeds = int | Sequence[int | None] | None
Rows = NDArray[Any] | Sequence[int] | slice | None
Step = tuple[NDArray[Any], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]


def resolved(simulation: str | type[Simulation] | Simulation, parameters: dict[str, Any]) -> Simulation:
    """A simulation from its name, its class or itself; parameters go with the first two.

    Raises:
        ValueError: parameters for a simulation that already holds its own, or an unknown name or parameter.
    """
    if isinstance(simulation, str):
        return registry.simulation(simulation, **parameters)
    if isinstance(simulation, type):
        return simulation(**parameters)
    if parameters:
        raise ValueError(f"{simulation} holds its own parameters: give {', '.join(parameters)} to its class instead.")
    return simulation


class SimVectorEnv(VectorEnv[NDArray[Any], NDArray[Any], NDArray[Any]]):
    """`num_envs` rows of a simulation, stepped together; equal, row by row and bit by bit, to as many single ones.

    Row `i` of `reset(seed=s)` gets the seed `s + i`, as in Gymnasium's SyncVectorEnv; a list of seeds is taken, too.
    What is returned shares no memory with what the next step returns.

    Args:
        simulation: a world's name, its class, or an instance that holds its parameters.
        num_envs: the number of rows, B.
        max_episode_steps: where an episode is truncated; None takes the world's own limit, -1 sets none.
        autoreset_mode: SAME_STEP (default: the returned `obs` is the next episode's first, the last one is in
            `info["final_obs"]`), NEXT_STEP or DISABLED (then call `reset(options={"reset_mask": mask})`).
        render_mode: "rgb_array" or None.
        parameters: the world's parameters, if `simulation` is a name or a class; `observation` among them, such as
            "image", where the world has several kinds.

    Raises:
        ValueError: one sentence on the argument that makes no sense.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(
        self,
        simulation: str | type[Simulation] | Simulation,
        num_envs: int = 1,
        *,
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        render_mode: str | None = None,
        **parameters: Any,
    ) -> None:
        super().__init__()
        self.simulation = resolved(simulation, parameters)
        self.num_envs = _count(num_envs)
        self.autoreset_mode = _autoreset_mode(autoreset_mode)
        self.render_mode = _render_mode(render_mode)
        self.metadata = {
            **self.metadata,
            "autoreset_mode": self.autoreset_mode,
            "render_fps": self.simulation.frames_per_second,
        }
        self.single_observation_space = self.simulation.observation_space
        self.single_action_space = self.simulation.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

        self._limit = _step_limit(self.simulation.max_episode_steps if max_episode_steps is None else max_episode_steps)
        self._mode = _MODES[self.autoreset_mode]
        self._low, self._high = action_bounds(self.single_action_space)
        self._obs_shape = (self.num_envs, *(self.single_observation_space.shape or ()))
        self._obs_dtype = self.single_observation_space.dtype
        self._final_obs = np.empty(self._obs_shape, self._obs_dtype)
        self._final_rows = np.empty(self.num_envs, np.int64)
        self._states = np.zeros(self.num_envs, self.simulation.dtype)
        self._action_shape = (self.num_envs, *(self.single_action_space.shape or ()))
        self._begun = False
        self._painter: Painter | None = None
        self._bind()

    def reset(
        self, *, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begin new episodes: in all rows, or in those of `options["reset_mask"]`, a boolean array `(B,)`.

        Without a seed every row goes on with its own stream of random numbers.

        Raises:
            ValueError: a seed or mask of the wrong kind or length.
        """
        rows = _reset_mask(options, self.num_envs, self._begun)
        self._seed(seed, rows)
        self._begun = True
        return self._observe(rows), {}

    def step(self, actions: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Step every row; returns `obs (B, …), reward (B,), terminated (B,), truncated (B,), info`.

        Raises:
            ValueError: an action outside the space (nothing was stepped), or a row that ended and must be reset.
        """
        if self._mode == DISABLED and self._states["ended"].any():
            rows = np.flatnonzero(self._states["ended"]).tolist()
            raise ValueError(f"Rows {rows} have ended: reset them with options={{'reset_mask': mask}} first.")
        (obs, reward, terminated, truncated), finished = self.advance(actions)
        info = self._final_info(terminated | truncated, finished) if finished and self._mode == SAME_STEP else {}
        return obs, reward, terminated, truncated, info

    def advance(self, actions: Any) -> tuple[Step, int]:
        """What `step` does, without `info`; also returns how many episodes ended. An ended row stays as it ended."""
        if not self._begun:
            raise gymnasium.error.ResetNeeded("Call reset() before the first step().")
        given = action_rows(self.single_action_space, actions, self._action_shape, self._low.dtype)
        count = self.num_envs
        obs, reward = np.empty(self._obs_shape, self._obs_dtype), np.empty(count)
        terminated, truncated = np.empty(count, np.bool_), np.empty(count, np.bool_)
        finished = self._step_rows(
            self._states, given, self._low, self._high, obs, self._final_obs, self._final_rows,
            reward, terminated, truncated, self._limit, self._mode, self.simulation.parameters,
        )  # fmt: skip
        if finished < 0:
            row = -1 - finished
            action = np.asarray(actions)[row].tolist()
            raise ValueError(
                f"The action {action} of row {row} is not in {self.single_action_space}: nothing was stepped."
            )
        return (obs, reward, terminated, truncated), finished

    def snapshot(self, rows: Rows = None) -> NDArray[Any]:
        """A copy of the rows' records, random streams and elapsed steps included: `(B,)`, or `(len(rows),)`."""
        return self._states[slice(None) if rows is None else rows].copy()

    def restore(self, snapshot: NDArray[Any], rows: Rows = None, *, seed: Seeds = None) -> NDArray[Any]:
        """Put records back into `rows` (or all) and return the observations of the whole batch, `(B, …)`.

        A snapshot of one row may go to many rows. They then share one future, unless `seed` gives row `i` of the batch
        a stream of its own (seed `s + i`, or a list of B seeds): the same state, a thousand futures.

        Raises:
            ValueError: the snapshot is another world's, or has another length.
        """
        rows = slice(None) if rows is None else rows
        if snapshot.dtype != self._states.dtype:
            raise ValueError(f"The snapshot is not one of {type(self.simulation).__name__}: its records differ.")
        if snapshot.shape not in ((1,), self._states[rows].shape):
            raise ValueError(f"A snapshot of {len(snapshot)} rows does not fit {len(self._states[rows])} rows.")
        self._states[rows] = snapshot
        self._begun = True
        if seed is not None:
            restored = np.zeros(self.num_envs, np.bool_)
            restored[rows] = True
            self._seed(seed, restored)
        return self._observe(np.zeros(self.num_envs, np.bool_))

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """A picture of every row, `(H, W, 3)` each, or None without a render mode."""
        if self.render_mode is None or not self._begun:
            return None
        if self._painter is None:
            self._painter = Painter(self.simulation)
        obs = self._observe(np.zeros(self.num_envs, np.bool_))
        return tuple(self._painter(seen, state) for seen, state in zip(obs, self._states, strict=True))

    def _observe(self, begin: NDArray[np.bool_]) -> NDArray[Any]:
        obs = np.empty(self._obs_shape, self._obs_dtype)
        self._reset_rows(self._states, begin, obs, self.simulation.parameters)
        return obs

    def _bind(self) -> None:
        world: Any = type(self.simulation)
        loops, obs = loops_of(world, self.simulation.observation), self._final_obs
        p = self.simulation.parameters
        actions, flags = np.empty((self.num_envs, len(self._low)), self._low.dtype), np.empty(self.num_envs, np.bool_)
        self._reset_rows = machine_code(loops.reset_rows, self._states, flags, obs, p)
        self._step_rows = machine_code(
            loops.step_rows, self._states, actions, self._low, self._high, obs, obs, self._final_rows,
            np.empty(self.num_envs), flags, flags, self._limit, self._mode, p,
        )  # fmt: skip

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_reset_rows", "_step_rows")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._bind()

    def _seed(self, seed: Seeds, rows: NDArray[np.bool_]) -> None:
        """Give the rows in the mask new streams where a seed is given, or where they have none yet."""
        seeds = _seed_list(seed, self.num_envs)
        if isinstance(seed, int | np.integer):
            super().reset(seed=int(seed))
        if not self._begun:
            drawn = self.np_random.integers(2**63, size=self.num_envs)
            seeds = [int(new) if given is None else given for given, new in zip(seeds, drawn, strict=True)]
        chosen = [row for row in np.flatnonzero(rows).tolist() if seeds[row] is not None]
        self._states["key"][chosen] = row_keys([seeds[row] or 0 for row in chosen])
        self._states["counter"][chosen] = 0

    def _final_info(self, ended: NDArray[np.bool_], finished: int) -> dict[str, Any]:
        final_obs = np.empty(self.num_envs, object)
        last = self._final_obs[:finished].copy()
        for row, obs in zip(self._final_rows[:finished].tolist(), last, strict=True):
            final_obs[row] = obs
        return {"final_obs": final_obs, "_final_obs": ended, "final_info": {}, "_final_info": ended.copy()}


def _count(num_envs: int) -> int:
    if not isinstance(num_envs, int | np.integer) or num_envs < 1:
        raise ValueError(f"num_envs must be a whole number from 1, got {num_envs!r}.")
    return int(num_envs)


def _autoreset_mode(mode: AutoresetMode | str) -> AutoresetMode:
    if mode in (known := [mode.value for mode in AutoresetMode]) or isinstance(mode, AutoresetMode):
        return AutoresetMode(mode)
    raise ValueError(f"autoreset_mode must be one of {', '.join(known)}, got {mode!r}.")


def _render_mode(mode: str | None) -> str | None:
    if mode not in (None, "rgb_array"):
        raise ValueError(f"A batch is rendered with render_mode='rgb_array' or not at all, got {mode!r}.")
    return mode


def _step_limit(limit: int | None) -> int:
    if limit is None or limit == -1:
        return _NO_LIMIT
    if not isinstance(limit, int | np.integer) or limit < 1:
        raise ValueError(f"max_episode_steps must be a whole number from 1 (or -1 for none), got {limit!r}.")
    return int(limit)


def _seed_list(seed: Seeds, count: int) -> list[int | None]:
    if seed is None or isinstance(seed, int | np.integer):
        seeds: list[int | None] = [None if seed is None else int(seed) + row for row in range(count)]
    else:
        seeds = [None if one is None else operator.index(one) for one in seed]
    if len(seeds) != count:
        raise ValueError(f"A list of seeds must hold one for each of the {count} rows, got {len(seeds)}.")
    if any(one is not None and one < 0 for one in seeds):
        raise ValueError(f"A seed must be a whole number from 0, got {seed!r}.")
    return seeds


def _reset_mask(options: dict[str, Any] | None, count: int, begun: bool) -> NDArray[np.bool_]:
    mask = (options or {}).get("reset_mask")
    if mask is None:
        return np.ones(count, np.bool_)
    if not isinstance(mask, np.ndarray) or mask.shape != (count,) or mask.dtype != np.bool_ or not mask.any():
        raise ValueError(f"options['reset_mask'] must be a boolean array of shape ({count},) with at least one True.")
    if not begun:
        raise ValueError("The first reset must be of all rows: leave options['reset_mask'] out.")
    return mask
