"""Decisions: a dream that is the simulator ranks as it does and promises no more; one that is upside down does not."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from sandbox.metrics import Distracted, exploitation, graded, rank_agreement
from sandbox.worlds import world
from sandbox_agents import RandomAgent


class Balancer:
    """A scripted agent for CartPole: push to where the pole leans."""

    name = "balancer"

    def __init__(self) -> None:
        self.observation_space, self.action_space = world("cartpole").spaces

    def act(self, obs: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        return (obs[:, 2] + 0.5 * obs[:, 3] + 0.02 * obs[:, 0] + 0.05 * obs[:, 1] > 0).astype(np.int64)

    def save(self, path: object) -> None:
        raise AssertionError("nobody saves a balancer")


class Scored(gymnasium.vector.VectorWrapper):
    """The same world with rewards times `factor`."""

    def __init__(self, env: Any, factor: float) -> None:
        super().__init__(env)
        self.factor = factor

    def step(self, actions: Any) -> Any:
        obs, reward, *rest = self.env.step(actions)
        return obs, reward * self.factor, *rest


@pytest.fixture
def envs():
    return lambda: world("cartpole", horizon=200).make_vec(16)


def test_the_simulator_ranks_as_it_does_itself_and_its_mirror_does_not(envs) -> None:
    places = {"dream": envs(), "persistence": Scored(envs(), 0.0), "climatology": Scored(envs(), -1.0)}
    section = rank_agreement(graded(Balancer(), 8), places, envs(), episodes=32)
    figure = section.figures["rank_agreement"]
    assert figure.dream > 0.9
    assert figure.simulator > 0.9
    assert figure.persistence == 0
    assert figure.climatology < -0.9
    returns = section.details["returns"]
    assert returns["real"][0] < 60 < returns["real"][-1]
    assert len(returns["policies"]) == 8


def test_too_few_policies_are_refused(envs) -> None:
    with pytest.raises(ValueError, match="7 policies are too few to rank; give at least 8"):
        rank_agreement(graded(Balancer(), 7), {"dream": envs()}, envs())


def test_a_dream_that_promises_double_has_a_gap_and_the_simulator_has_none(envs) -> None:
    honest = exploitation(Balancer(), {"dream": envs()}, envs(), seed=1, episodes=32)
    assert honest.figures["gap"].dream == 0  # the same seed, the same episodes
    assert abs(honest.figures["gap"].simulator) < 20
    double = exploitation(Balancer(), {"dream": Scored(envs(), 2.0)}, envs(), seed=1, episodes=32)
    assert double.figures["gap"].dream == pytest.approx(double.details["exploitation"]["real"])
    assert 5 < double.figures["random_gap"].dream < double.figures["gap"].dream


def test_a_distracted_agent_acts_at_random_as_often_as_it_is_distracted() -> None:
    agent, obs = Balancer(), np.tile(np.float32([0, 0, 0.1, 0]), (4000, 1))
    rng = np.random.default_rng(0)
    for epsilon, expected in ((0.0, 1.0), (0.5, 0.75), (1.0, 0.5)):
        assert Distracted(agent, epsilon).act(obs, rng).mean() == pytest.approx(expected, abs=0.03)
    with pytest.raises(ValueError, match="needs random numbers"):
        Distracted(agent, 0.5).act(obs)


def test_distraction_keeps_the_shape_of_continuous_actions() -> None:
    see, do = world("Pendulum-v1").spaces
    mixed = Distracted(RandomAgent(see, do, 0), 0.5).act(np.zeros((5, 3), np.float32), np.random.default_rng(0))
    assert mixed.shape == (5, 1)
    assert all(do.contains(action) for action in mixed)
