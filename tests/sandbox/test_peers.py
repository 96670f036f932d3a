"""Environments of other people, from the extra `peers`: what users will bring."""

import numpy as np
import pytest

import sandbox_agents
from sandbox.collection import collect
from sandbox.dream import DreamVectorEnv
from sandbox.models.fit import FitSettings, fit
from sandbox.worlds import WorldError, examine, world


def dreamed(name: str, steps: int) -> DreamVectorEnv:
    chosen = world(name)
    found = examine(chosen)
    actor = sandbox_agents.make("random", *chosen.spaces, 0)
    data = collect(found.world.make_vec(1), actor, steps, np.random.default_rng(0), horizon=found.horizon)
    return DreamVectorEnv(fit(data, "mixture", settings=FitSettings(updates=30)), 3)


@pytest.mark.parametrize("name", ["FrozenLake-v1", "Blackjack-v1", "MountainCarContinuous-v0"])
def test_gymnasiums_own_worlds_are_dreamed_in_their_own_spaces(name: str) -> None:
    envs = dreamed(name, 60)
    obs, _ = envs.reset(seed=0)
    for _ in range(20):
        assert envs.observation_space.contains(obs)
        obs, *_ = envs.step(envs.action_space.sample())


@pytest.mark.filterwarnings("ignore")
def test_a_slow_traffic_simulator_is_dreamed() -> None:
    pytest.importorskip("highway_env")
    envs = dreamed("highway_env:highway-fast-v0", 12)
    obs, _ = envs.reset(seed=0)
    assert obs.shape == (3, 5, 5)


@pytest.mark.filterwarnings("ignore")
def test_a_world_of_images_is_refused_with_the_reason() -> None:
    pytest.importorskip("minigrid")
    with pytest.raises(WorldError, match="looks like an image"):
        examine(world("minigrid:MiniGrid-Empty-5x5-v0"))
