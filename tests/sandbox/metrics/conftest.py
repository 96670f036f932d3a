"""A world whose law is written down twice: as an environment, and as the dynamics that a flawless model would be."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from sandbox.branchable import branching
from sandbox.branching import Branching
from sandbox.collection import collect
from sandbox.models.core import State
from sandbox.trajectories import Starts, Trajectories
from sandbox.worlds import World
from sandbox_agents import RandomAgent

HORIZON = 30
CLOCK, CONSTANT, LAMP, PLACE, ROOM = range(5)


class Diced(gymnasium.Env[Any, Any]):
    """A clock that is certain, a constant, a lamp that the action switches, a place and a room left to chance."""

    observation_space = spaces.Dict(
        {
            "clock": spaces.Box(0, 100, (1,)),
            "constant": spaces.Box(-1, 1, (1,)),
            "lamp": spaces.MultiBinary(1),
            "place": spaces.Box(-100, 100, (1,)),
            "room": spaces.Discrete(3),
        }
    )
    action_space = spaces.Discrete(2)

    def __init__(self, ending: float = 0.05) -> None:
        self.ending = ending

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.clock, self.lamp, self.place, self.room = 0.0, 0, self.np_random.normal(), 0
        return self.seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.clock += 0.1
        self.lamp = int(action)
        self.place = 0.8 * self.place + int(action) - 0.5 + 0.3 * self.np_random.normal()
        self.room = self.np_random.choice(3, p=[0.6, 0.3, 0.1])
        reward = self.place + 0.1 * self.np_random.normal()
        return self.seen(), float(reward), bool(self.np_random.random() < self.ending), False, {}

    def seen(self) -> dict[str, Any]:
        return {
            "clock": np.array([self.clock], np.float32),
            "constant": np.array([0.5], np.float32),
            "lamp": np.array([self.lamp], np.int8),
            "place": np.array([self.place], np.float32),
            "room": np.int64(self.room),
        }


gymnasium.register("Diced-v0", Diced, max_episode_steps=HORIZON)


class Law:
    """The law of `Diced` as dynamics; `bias` moves the place, `spread` widens its noise, `late` delays the clock."""

    noise_dim = 4
    history = 3

    def __init__(self, bias: float = 0.0, spread: float = 1.0, late: float = 0.0, ending: float = 0.05) -> None:
        self.bias, self.spread, self.late, self.ending = bias, spread, late, ending

    def begin(self, starts: Starts) -> State:
        return {"obs": torch.from_numpy(starts.obs[:, -1].copy())}

    def step(
        self, state: State, action: Tensor, noise: Tensor, temperature: float = 1.0
    ) -> tuple[tuple[Tensor, Tensor, Tensor], State]:
        obs = state["obs"].clone()
        dice = torch.special.ndtr(noise)
        obs[:, CLOCK] += 0.1 - self.late * dice[:, 3]
        obs[:, LAMP] = action[:, 0]
        obs[:, PLACE] = 0.8 * obs[:, PLACE] + action[:, 0] - 0.5 + self.bias + 0.3 * self.spread * noise[:, 0]
        obs[:, ROOM] = (dice[:, 1] > 0.6).float() + (dice[:, 1] > 0.9).float()
        return (obs, obs[:, PLACE] + 0.1 * noise[:, 2], dice[:, 3] < self.ending), {"obs": obs}


@pytest.fixture(scope="session")
def law() -> type[Law]:
    return Law


@pytest.fixture(scope="session")
def diced() -> World:
    return World("Diced-v0")


@pytest.fixture(scope="session")
def actor(diced: World) -> RandomAgent:
    return RandomAgent(*diced.spaces, 0)


@pytest.fixture(scope="session")
def data(diced: World, actor: RandomAgent) -> Trajectories:
    return collect(diced.make_vec(1), actor, 1500, np.random.default_rng(1), horizon=HORIZON)


@pytest.fixture(scope="session")
def held_out(diced: World, actor: RandomAgent) -> Trajectories:
    return collect(diced.make_vec(1), actor, 1500, np.random.default_rng(2), horizon=HORIZON)


@pytest.fixture(scope="session")
def simulator(diced: World) -> Branching:
    return branching(diced)
