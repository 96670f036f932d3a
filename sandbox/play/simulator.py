"""The real side of a session: one life of a world, and the futures that it could have had instead."""

from typing import Any, Protocol

import numpy as np

from sandbox.branchable import BranchingError, branching
from sandbox.branching import Branching, Lives
from sandbox.spaces import Layout, Rows, action_layout, layout
from sandbox.worlds import PATIENCE, World

# How many futures tell the simulator's spread: ours cost microseconds, copies of others a step of each.
FUTURES, COPIES = 48, 12


class Simulator(Protocol):
    """One life of a world."""

    see: Layout
    do: Layout
    horizon: int  # steps of an episode at most

    @property
    def obs(self) -> Any:
        """What is seen now, in the environment's own space."""
        ...

    @property
    def futures(self) -> Rows | None:
        """What could be seen now instead, `(F, D)`; None where the world cannot be branched."""
        ...

    @property
    def state(self) -> Any:
        """The record behind the observation, where it is known."""
        ...

    def reset(self, seed: int) -> None:
        """Begin an episode."""
        ...

    def branch(self, seed: int) -> None:
        """From here on, `futures` are other futures of the present state under the same actions."""
        ...

    def step(self, action: Any) -> tuple[float, bool, bool]:
        """One tick by an action of the environment's own space: reward, terminated, truncated."""
        ...

    def close(self) -> None:
        """Let go of what the environment holds."""
        ...


def simulator(world: World) -> Simulator:
    """The simulator of `world`: ours by the engine, any other as Gymnasium makes it."""
    return _Native(world) if world.is_native else _Foreign(world)


class _Branches:
    """The futures of a simulator that can be branched."""

    def __init__(self, simulator: Branching, count: int) -> None:
        self._simulator, self._count = simulator, count
        self._lives: Lives | None = None

    def begin(self, life: Lives, seed: int) -> None:
        saved = life.save(np.arange(1))
        self._lives = self._simulator.resume(np.repeat(saved, self._count), seed)

    def step(self, action: Rows) -> None:
        assert self._lives is not None
        self._lives.step(np.repeat(action[None], self._count, axis=0))

    @property
    def obs(self) -> Rows | None:
        return None if self._lives is None else self._lives.obs


class _Native:
    def __init__(self, world: World) -> None:
        self._simulator = branching(world)
        self.see, self.do = self._simulator.spaces
        self.horizon = self._simulator.horizon
        self._branches = _Branches(self._simulator, FUTURES)

    def reset(self, seed: int) -> None:
        self._life, self._elapsed = self._simulator.begin(1, seed), 0
        self.branch(seed + 1)

    def branch(self, seed: int) -> None:
        self._branches.begin(self._life, seed)

    def step(self, action: Any) -> tuple[float, bool, bool]:
        row = self.do.to_row(action)
        reward, ended = self._life.step(row[None])
        self._branches.step(row)
        self._elapsed += 1
        return float(reward[0]), bool(ended[0]), self._elapsed >= self.horizon and not ended[0]

    @property
    def obs(self) -> Any:
        return self.see.from_rows(self._life.obs)[0]

    @property
    def futures(self) -> Rows | None:
        return self._branches.obs

    @property
    def state(self) -> Any:
        return self._life.save(np.arange(1))[0]

    def close(self) -> None:
        """Nothing is held."""


class _Foreign:
    """An environment of others; a copy of it lives the same life where that can be branched."""

    def __init__(self, world: World) -> None:
        modes = _render_modes(world)
        self.env = world.make(render_mode="rgb_array") if "rgb_array" in modes else world.make()
        self.see, self.do = layout(self.env.observation_space), action_layout(self.env.action_space)
        spec = self.env.spec
        self.horizon = world.horizon or (spec.max_episode_steps if spec else None) or PATIENCE
        self.obs: Any = None
        try:
            self._copied: Branching | None = branching(world)
        except BranchingError:
            self._copied = None
        self._branches = _Branches(self._copied, COPIES) if self._copied else None

    def reset(self, seed: int) -> None:
        self.obs, _ = self.env.reset(seed=seed % 2**31)
        self._elapsed = 0
        if self._copied is not None:
            self._shadow = self._copied.begin(1, seed % 2**31)
            self.branch(seed + 1)

    def branch(self, seed: int) -> None:
        if self._branches is not None:
            self._branches.begin(self._shadow, seed)

    def step(self, action: Any) -> tuple[float, bool, bool]:
        self.obs, reward, terminated, truncated, _ = self.env.step(action)
        if self._branches is not None:
            row = self.do.to_row(action)
            self._shadow.step(row[None])
            self._branches.step(row)
        self._elapsed += 1
        late = self._elapsed >= self.horizon
        return float(reward), bool(terminated), bool(truncated or late) and not terminated

    @property
    def futures(self) -> Rows | None:
        return self._branches.obs if self._branches else None

    @property
    def state(self) -> Any:
        return None

    def close(self) -> None:
        self.env.close()


def _render_modes(world: World) -> list[str]:
    env = world.make()
    modes = list(env.metadata.get("render_modes") or ())
    env.close()
    return modes
