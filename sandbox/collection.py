"""Collection: an agent lives in a world, and what happens is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from sandbox.spaces import action_layout, layout
from sandbox.trajectories import Trajectories

# The types in which transitions are stored.
COLUMNS: dict[str, Any] = {
    "obs": np.float32,
    "action": np.float32,
    "reward": np.float64,
    "next_obs": np.float32,
    "terminated": bool,
    "truncated": bool,
}


class Actor(Protocol):
    """Whoever chooses actions: `act` maps a batch of observations to a batch of actions."""

    def act(self, obs: Any, rng: np.random.Generator | None = None) -> Any:
        """The actions, `(B, …)`; sampled from the policy with `rng`, greedy without."""
        ...


class Keeper(Protocol):
    """Where an unfinished collection is kept; see `sandbox.journal.Keeper`."""

    @property
    def is_due(self) -> bool:
        """Whether the state should be kept now."""
        ...

    def kept(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """What was kept last."""
        ...

    def keep(self, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> None:
        """Keep arrays and JSON."""
        ...


class Restorable(Protocol):
    """A simulator of one row whose state can be kept; see `sandbox.counted.Counted`."""

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Its state."""
        ...

    def restore(self, kept: Mapping[str, NDArray[Any]]) -> Any:
        """Go back to that state; returns the observation."""
        ...


class CollectionError(ValueError):
    """The environment or the agent gave something that must not be stored; the message names the step."""


Transition = tuple[Any, ...]  # obs, action, reward, next_obs, terminated, truncated: one of each column


@dataclass
class _Row:
    """The episodes of one row of the batch: finished ones, and the one under way."""

    finished: list[list[Transition]] = field(default_factory=list)
    current: list[Transition] = field(default_factory=list)

    @property
    def episodes(self) -> list[list[Transition]]:
        """All of them that hold anything."""
        return [*self.finished, *([self.current] if self.current else [])]

    def add(self, transition: Transition) -> None:
        """One more step; its flags say whether the episode goes on."""
        self.current.append(transition)
        if transition[-2] or transition[-1]:
            self.finished.append(self.current)
            self.current = []


def collect(
    envs: VectorEnv[Any, Any, Any],
    actor: Actor,
    steps: int,
    rng: np.random.Generator,
    *,
    finish_up_to: int | None = None,
    source: Mapping[str, Any] | None = None,
    horizon: int | None = None,
    keeper: Keeper | None = None,
) -> Trajectories:
    """Let `actor` live `steps` steps in `envs`, all rows together, each row from a fresh reset.

    With `finish_up_to`, the episodes under way at the end go on until they end or that many steps are spent in all.
    A batch of B rows spends B steps a tick; the last tick may be only partly kept, so the count is exact.
    A `keeper` lets a collection that was interrupted go on where it was; `envs` is then a `Restorable` of one row.

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
    first = int(rng.integers(2**31 - 1))
    kept = None if keeper is None else keeper.kept()
    obs = envs.reset(seed=first)[0] if kept is None else _resume(envs, rows[0], rng, *kept)
    present = see.to_rows(obs)
    spent = sum(len(episode) for row in rows for episode in row.episodes)
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
            rows[k].add((present[k], acted[k], reward[k], successor[k], terminated[k], truncated[k]))
        spent += len(recorded)
        present = following
        if keeper is not None and keeper.is_due:
            keeper.keep(_columns(rows[0].episodes) | _restorable(envs).snapshot(), {"rng": rng.bit_generator.state})
    episodes = [episode for row in rows for episode in row.episodes]
    return _assemble(episodes, envs, horizon, source or {})


def _final_obs(info: dict[str, Any], row: int) -> Any:
    """What a row last saw before its reset; some vector environments batch a nested observation, some do not."""
    final = info["final_obs"]
    return {key: part[row] for key, part in final.items()} if isinstance(final, dict) else final[row]


def _require_finite(what: str, values: NDArray[Any], step: int) -> None:
    if not np.isfinite(values).all():
        raise CollectionError(f"{what} with NaN or infinity at step {step}; nothing was stored")


def _restorable(envs: Any) -> Restorable:
    state: Restorable = envs
    return state


def _resume(
    envs: Any, row: _Row, rng: np.random.Generator, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]
) -> Any:
    """Put everything back as it was kept; returns the present observation."""
    for transition in zip(*(arrays[name] for name in COLUMNS), strict=True):
        row.add(transition)
    rng.bit_generator.state = record["rng"]
    return _restorable(envs).restore(arrays)


def _columns(episodes: Sequence[Sequence[Transition]]) -> dict[str, NDArray[Any]]:
    """Transitions as columns, in the types in which they are stored."""
    columns = zip(*(step for episode in episodes for step in episode), strict=True)
    return {name: np.array(column, COLUMNS[name]) for name, column in zip(COLUMNS, columns, strict=True)}


def _assemble(
    episodes: Sequence[Sequence[Transition]],
    envs: VectorEnv[Any, Any, Any],
    horizon: int | None,
    source: Mapping[str, Any],
) -> Trajectories:
    return Trajectories(
        **_columns(episodes),
        lengths=np.array([len(episode) for episode in episodes], np.int64),
        observation_space=envs.single_observation_space,
        action_space=envs.single_action_space,
        horizon=horizon,
        source=dict(source),
    )
