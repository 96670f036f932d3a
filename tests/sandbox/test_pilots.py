"""A world's own heuristic acts as an agent does."""

import numpy as np
import pytest

import sandbox
import sandbox_envs
from sandbox.pilots import Erring, NoPilotError, Pilot
from sandbox_agents import evaluate
from sandbox_envs.shows import heuristic_of


@pytest.mark.parametrize("name", sandbox_envs.worlds())
def test_a_pilot_acts_as_the_heuristic_of_its_world(name: str) -> None:
    world = sandbox.world(name)
    envs = world.make_vec(4)
    heuristic = heuristic_of(envs.unwrapped)  # type: ignore[arg-type]
    assert heuristic is not None
    obs, _ = envs.reset(seed=0)
    assert np.array_equal(Pilot(world).act(obs), heuristic(obs))
    erring = Erring(Pilot(world), world, mistakes=1.0)
    assert np.array_equal(erring.act(obs), heuristic(obs)), "without chance it makes no mistakes"


def test_mistakes_are_as_frequent_as_asked_and_decided_by_the_seed() -> None:
    world = sandbox.world("lander")
    obs, _ = world.make_vec(4000).reset(seed=0)
    right = Pilot(world).act(obs)
    erring = Erring(Pilot(world), world, mistakes=0.4)
    acted = erring.act(obs, np.random.default_rng(0))
    assert (acted != right).mean() == pytest.approx(0.4 * 0.75, abs=0.03), "one mistake of four is right by chance"
    assert np.array_equal(acted, erring.act(obs, np.random.default_rng(0)))


def test_a_pilot_can_be_evaluated_as_an_agent() -> None:
    world = sandbox.world("lander")
    assert evaluate(Pilot(world), world.make_vec(10), 20, seed=0).mean > 100


def test_a_world_of_others_has_no_pilot() -> None:
    with pytest.raises(NoPilotError, match="Pendulum-v1 has no scripted pilot; take random"):
        Pilot(sandbox.world("Pendulum-v1"))


def test_a_pilot_is_not_stored() -> None:
    with pytest.raises(ValueError, match="the world's file holds it"):
        Pilot(sandbox.world("lander")).save("anywhere")
