"""Collection: an agent lives in a world, and what happens is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from sandbox.spaces import action_layout, layout
from sandbox.trajectories import Trajectories


class Actor(Protocol):
    """Whoever chooses actions: `act` maps a batch of observations to a batch of actions."""

    def act(self, obs: Any, rng: np.random.Generator | None = None) -> Any:
        """The actions, `(B, …)`; sampled from the policy with `rng`, greedy without."""
        ...


class CollectionError(ValueError):
    """The environment or the agent gave something that must not be stored; the message names the step."""


@dataclass
class _Row:
    """The episodes of one row of the batch: finished ones, and the one under way."""

    finished: list[list[tuple[Any, ...]]] = field(default_factory=list)
    current: list[tuple[Any, ...]] = field(default_factory=list)


def collect(
    envs: VectorEnv[Any, Any, Any],
    actor: Actor,
    steps: int,
    rng: np.random.Generator,
    *,
    finish_up_to: int | None = None,
    source: Mapping[str, Any] | None = None,
    horizon: int | None = None,
) -> Trajectories:
    """Let `actor` live `steps` steps in `envs`, all rows together, each row from a fresh reset.

    With `finish_up_to`, the episodes under way at the end go on until they end or that many steps are spent in all.
    A batch of B rows spends B steps a tick; the last tick may be only partly kept, so the count is exact.

    Raises:
        CollectionError: a NaN or infinite observation, reward or action, or an environment that raised.
    """
    if steps < 1:
        raise ValueError(f"cannot collect {steps} steps; ask for at least 1")
    if envs.metadata.get("autoreset_mode") is not AutoresetMode.SAME_STEP:
        raise ValueError("collection needs a vector environment that resets in the same step (SAME_STEP)")
    see, do = layout(envs.single_observation_space), action_layout(envs.single_action_space)
    limit = steps if finish_up_to is None else max(steps, finish_up_to)
    rows = [_Row() for _ in range(envs.num_envs)]
    obs, _ = envs.reset(seed=int(rng.integers(2**31 - 1)))
    present = see.to_rows(obs)
    spent = 0
    while spent < steps or (spent < limit and any(row.current for row in rows)):
        # Past the wanted steps, only rows with an unfinished episode are still recorded.
        recorded = [i for i, row in enumerate(rows) if spent < steps or row.current][: limit - spent]
        _require_finite("the environment returned an observation", present, spent)  # a reset's, too
        action = actor.act(obs, rng)
        acted = do.to_rows(action)
        _require_finite("the agent chose an action", acted, spent)
        try:
            obs, reward, terminated, truncated, info = envs.step(action)
        except Exception as error:
            raise CollectionError(f"the environment raised at step {spent}: {type(error).__name__}: {error}") from error
        following = see.to_rows(obs)
        successor = following.copy()
        for i in np.flatnonzero(terminated | truncated):
            successor[i] = see.to_row(_final_obs(info, int(i)))
        _require_finite("the environment returned an observation", successor, spent)
        _require_finite("the environment returned a reward", np.asarray(reward, np.float64), spent)
        for k in recorded:
            row = rows[k]
            row.current.append((present[k], acted[k], reward[k], successor[k], terminated[k], truncated[k]))
            if terminated[k] or truncated[k]:
                row.finished.append(row.current)
                row.current = []
        spent += len(recorded)
        present = following
    episodes = [episode for row in rows for episode in (*row.finished, row.current) if episode]
    return _assemble(episodes, envs, horizon, source or {})


def _final_obs(info: dict[str, Any], row: int) -> Any:
    """What a row last saw before its reset; some vector environments batch a nested observation, some do not."""
    final = info["final_obs"]
    return {key: part[row] for key, part in final.items()} if isinstance(final, dict) else final[row]


def _require_finite(what: str, values: NDArray[Any], step: int) -> None:
    if not np.isfinite(values).all():
        raise CollectionError(f"{what} with NaN or infinity at step {step}; nothing was stored")


def _assemble(
    episodes: list[list[tuple[Any, ...]]],
    envs: VectorEnv[Any, Any, Any],
    horizon: int | None,
    source: Mapping[str, Any],
) -> Trajectories:
    obs, action, reward, next_obs, terminated, truncated = zip(*(step for e in episodes for step in e), strict=True)
    return Trajectories(
        obs=np.array(obs, np.float32),
        action=np.array(action, np.float32),
        reward=np.array(reward, np.float64),
        next_obs=np.array(next_obs, np.float32),
        terminated=np.array(terminated, bool),
        truncated=np.array(truncated, bool),
        lengths=np.array([len(episode) for episode in episodes], np.int64),
        observation_space=envs.single_observation_space,
        action_space=envs.single_action_space,
        horizon=horizon,
        source=dict(source),
    )
