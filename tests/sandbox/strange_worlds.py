"""Environments as users bring them: a sound one, and one for every way of being unsound."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Walk(gymnasium.Env[Any, Any]):
    """A sound little world: walk left or right; ends by itself beyond ±4."""

    observation_space: Any = spaces.Box(-10, 10, (2,), np.float32)
    action_space: Any = spaces.Discrete(2)

    def __init__(self, stride: float = 1.0, render_mode: str | None = None) -> None:
        self.stride = stride
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.place, self.steps = 0.0, 0
        return self.seen(), {}

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        self.place += self.stride * (2 * int(action) - 1) + self.np_random.normal(0, 0.1)
        self.steps += 1
        return self.seen(), float(self.place), bool(abs(self.place) > 4), False, {}

    def seen(self) -> Any:
        return np.array([self.place, min(self.steps / 100, 10)], np.float32)


class Endless(Walk):
    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        obs, reward, _, _, info = super().step(action)
        self.place = float(np.clip(self.place, -4, 4))
        return obs, reward, False, False, info


class Raising(Walk):
    """Raises at step 7 of its life."""

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        self.life = getattr(self, "life", 0) + 1
        if self.life > 7:
            raise RuntimeError("the gearbox broke")
        return super().step(action)


class Tiring(Walk):
    """Passes every examination and raises later, as a simulator with a leak does."""

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        self.life = getattr(self, "life", 0) + 1
        if self.life > 350:
            raise RuntimeError("out of licences")
        return super().step(action)


class OldGym(Walk):
    def step(self, action: Any) -> Any:
        obs, reward, terminated, _, info = super().step(action)
        return obs, reward, terminated, info


class NoSeed(Walk):
    def reset(self) -> Any:  # type: ignore[override]
        self.place, self.steps = 0.0, 0
        return self.seen(), {}


class BareObservation(Walk):
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return super().reset(seed=seed)[0]


class NanObservation(Walk):
    def seen(self) -> Any:
        return np.array([np.nan, 0], np.float32) if self.steps == 3 else super().seen()


class InfiniteReward(Walk):
    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        obs, _, terminated, truncated, info = super().step(action)
        return obs, np.inf, terminated, truncated, info


class WrongShape(Walk):
    def seen(self) -> Any:
        return np.zeros(3, np.float32)


class Images(Walk):
    observation_space = spaces.Box(0, 255, (64, 64, 3), np.uint8)


class Spot(gymnasium.Env[Any, Any]):
    """A bright spot on a dark, grainy wall, as an image: it is pushed about and pays by where it is."""

    observation_space: Any = spaces.Box(0, 255, (64, 64, 3), np.uint8)
    action_space: Any = spaces.Discrete(4)

    def __init__(self, stride: int = 4) -> None:
        self.stride = stride
        self.wall = np.random.default_rng(0).integers(20, 60, size=(64, 64, 3)).astype(np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.place, self.steps = self.np_random.integers(4, 50, size=2), 0
        return self.seen(), {}

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        push = self.stride * np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])[int(action)]
        self.place = np.clip(self.place + push, 0, 53)
        self.steps += 1
        return self.seen(), float(self.place[0]) / 53, False, self.steps >= 60, {}

    def seen(self) -> Any:
        image = self.wall.copy()
        image[self.place[0] : self.place[0] + 11, self.place[1] : self.place[1] + 11] = 220
        return image


class Words(Walk):
    observation_space = spaces.Text(8)


class UnboundedActions(Walk):
    action_space = spaces.Box(-np.inf, np.inf, (1,))


class DoubleObservation(Walk):
    """A mere warning: float64 where the space says float32."""

    def seen(self) -> Any:
        return super().seen().astype(np.float64)


def make_walk(stride: float = 2.0) -> Walk:
    return Walk(stride)


gymnasium.register("StrangeWalk-v0", Walk, max_episode_steps=50)


class Unseeded(Walk):
    """Draws from a generator that no seed reaches, as some simulators of others do."""

    noise = np.random.default_rng()

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        self.place += float(self.noise.normal(0, 0.01))
        return super().step(action)


class Shifting(Walk):
    """Has another observation space in every instance."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        Shifting.made += 1
        self.observation_space = spaces.Box(-10 - Shifting.made, 10, (2,), np.float32)


class Momentary(Walk):
    """Ends at once."""

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        obs, reward, _, _, info = super().step(action)
        return obs, reward, True, False, info


class Favourite(Walk):
    """Five steps, each of which pays where the third of four choices is made."""

    action_space: Any = spaces.Discrete(4)

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        obs, _, _, _, info = super().step(int(action) % 2)
        return obs, float(action == 2), False, self.steps >= 5, info
