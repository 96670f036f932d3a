"""Small environments whose behaviour is known to the digit."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

OBSERVATIONS = {
    "box": spaces.Box(-1.0, 1.0, (2, 3), np.float64),
    "image": spaces.Box(0, 255, (4, 4, 3), np.uint8),
    "discrete": spaces.Discrete(4, start=-2),
    "multi_discrete": spaces.MultiDiscrete([3, 2], start=[1, 0]),
    "multi_binary": spaces.MultiBinary([2, 2]),
    "dict": spaces.Dict({"b": spaces.Discrete(3), "a": spaces.Box(-1.0, 1.0, (2,))}),
    "tuple": spaces.Tuple((spaces.Discrete(3), spaces.Dict({"x": spaces.MultiBinary(2)}))),
}
ACTIONS = {
    "box": spaces.Box(np.array([-2.0, 10.0]), np.array([2.0, 11.0]), (2,), np.float64),
    "box_2d": spaces.Box(-3.0, 5.0, (2, 2), np.float32),
    "discrete": spaces.Discrete(3, start=5),
    "multi_discrete": spaces.MultiDiscrete([[3, 2], [2, 4]], start=[[0, 1], [0, 7]]),
    "multi_binary": spaces.MultiBinary((2, 2)),
}


class Whatever(gymnasium.Env[Any, Any]):
    """Has any spaces; episodes of 1 to 9 steps end either way, and an action outside its space is an error."""

    def __init__(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> None:
        self.observation_space = observation_space
        self.action_space = action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self._left = int(self.np_random.integers(1, 10))
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), f"{action!r} is not in {self.action_space}"
        self._left -= 1
        ends, dies = self._left == 0, bool(self.np_random.integers(2))
        return self.observation_space.sample(), float(self._left), ends and dies, ends and not dies, {}


class Ladder(gymnasium.Env[Any, Any]):
    """Draws its length at each reset, 1 or 19, and pays 1 a step: the mean return over fair episodes is 10."""

    observation_space = spaces.Box(0.0, 20.0, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._age, self._length = 0, int(self.np_random.choice([1, 19]))
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._age += 1
        return np.full(1, self._age, np.float32), 1.0, self._age >= self._length, False, {}


def _rows(make: Callable[[], Any], count: int, mode: AutoresetMode) -> VectorEnv[Any, Any, Any]:
    return SyncVectorEnv([make] * count, autoreset_mode=mode)


@pytest.fixture(params=OBSERVATIONS)
def observation_space(request: pytest.FixtureRequest) -> spaces.Space[Any]:
    return OBSERVATIONS[request.param]


@pytest.fixture(params=ACTIONS)
def action_space(request: pytest.FixtureRequest) -> spaces.Space[Any]:
    return ACTIONS[request.param]


@pytest.fixture
def whatever() -> Callable[..., VectorEnv[Any, Any, Any]]:
    """Rows of an environment with the given observation and action spaces."""

    def make(
        observation_space: spaces.Space[Any], action_space: spaces.Space[Any], count: int = 3
    ) -> VectorEnv[Any, Any, Any]:
        return _rows(lambda: Whatever(observation_space, action_space), count, AutoresetMode.SAME_STEP)

    return make


@pytest.fixture
def ladder() -> Callable[..., VectorEnv[Any, Any, Any]]:
    """Rows of an environment whose episodes have random lengths, in any autoreset mode."""

    def make(count: int, mode: AutoresetMode = AutoresetMode.SAME_STEP) -> VectorEnv[Any, Any, Any]:
        return _rows(Ladder, count, mode)

    return make


@pytest.fixture
def classic() -> Callable[..., VectorEnv[Any, Any, Any]]:
    """Rows of one of Gymnasium's own environments."""

    def make(name: str, count: int, mode: AutoresetMode = AutoresetMode.SAME_STEP) -> VectorEnv[Any, Any, Any]:
        return _rows(lambda: gymnasium.make(name), count, mode)

    return make
