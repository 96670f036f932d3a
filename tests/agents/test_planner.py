"""A planner finds what pays, by what it sees and the random numbers that it is given alone."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from numpy.typing import NDArray

import sandbox_agents
from sandbox_agents import Planner, PlannerSettings, can_plan

SEEN = spaces.Box(-np.inf, np.inf, (3,), np.float32)


class Towards:
    """Whatever is closest to a target pays most, at every step ahead."""

    def __init__(self, target: float) -> None:
        self.target = target

    def returns(self, obs: Any, plans: NDArray[Any], rng: np.random.Generator) -> NDArray[np.float64]:
        return -np.abs(plans - self.target).sum(axis=(2, 3))

    def save(self, path: Path) -> None:
        path.mkdir()


class TruePendulum:
    """Gymnasium's equations of Pendulum-v1, from its observation: a model without error."""

    def returns(self, obs: Any, plans: NDArray[Any], rng: np.random.Generator) -> NDArray[np.float64]:
        angle = np.repeat(np.arctan2(obs[:, 1], obs[:, 0])[:, None], plans.shape[1], axis=1)
        speed = np.repeat(obs[:, 2].astype(float)[:, None], plans.shape[1], axis=1)
        total = np.zeros(plans.shape[:2])
        for step in range(plans.shape[2]):
            torque = plans[:, :, step, 0]
            near = (angle + np.pi) % (2 * np.pi) - np.pi
            total -= near**2 + 0.1 * speed**2 + 0.001 * torque**2
            speed = np.clip(speed + (15 * np.sin(angle) + 3 * torque) * 0.05, -8, 8)
            angle = angle + speed * 0.05
        return total

    def save(self, path: Path) -> None:
        path.mkdir()


def test_a_true_model_makes_planning_near_optimal_on_pendulum() -> None:
    envs = gymnasium.make_vec("Pendulum-v1", 10, "sync")
    planner = Planner(envs.single_observation_space, envs.single_action_space, TruePendulum())
    assert sandbox_agents.evaluate(planner, envs, 10, seed=3).mean > -180  # solved agents reach about -150


@pytest.mark.parametrize(
    ("space", "target"),
    [(spaces.Discrete(5, start=3), 6.0), (spaces.Box(-2.0, 4.0, (2,), np.float32), 3.1)],
)
def test_what_pays_most_is_found_among_choices_and_numbers(space: spaces.Space[Any], target: float) -> None:
    planner = Planner(SEEN, space, Towards(target), PlannerSettings(steps=3, iterations=8))
    acted = planner.act(np.zeros((4, 3), np.float32))
    assert np.allclose(acted, target, atol=0.2)
    assert all(space.contains(each) for each in acted)


class Swing:
    """A swing with three pushes, too weak to lift it at once: a plan is worth how high it comes."""

    def returns(self, obs: Any, plans: NDArray[Any], rng: np.random.Generator) -> NDArray[np.float64]:
        state = np.repeat(obs[:, None].astype(float), plans.shape[1], axis=1)
        highest = np.zeros(plans.shape[:2])
        for step in range(plans.shape[2]):
            state = self.pushed(state, plans[:, :, step, 0])
            highest = np.maximum(highest, np.abs(state[..., 0]))
        return highest

    def pushed(self, state: NDArray[np.float64], choice: NDArray[Any]) -> NDArray[np.float64]:
        """Angle and speed `(…, 2)`, 0.2 s later."""
        speed = state[..., 1] + 0.2 * (0.8 * (choice - 1) - 2.5 * np.sin(state[..., 0]))
        return np.stack([state[..., 0] + 0.2 * speed, speed], axis=-1)

    def save(self, path: Path) -> None:
        path.mkdir()


@pytest.mark.parametrize("seed", range(8))
def test_a_planner_does_not_put_off_forever_what_it_plans(seed: int) -> None:
    swing = Swing()
    planner = Planner(SEEN, spaces.Discrete(3), swing, PlannerSettings(plans=32, iterations=2, seed=seed))
    state = np.array([[0.02, 0.0]])
    for _ in range(100):
        state = swing.pushed(state, planner.act(state.astype(np.float32)))
        if abs(state[0, 0]) > 2.5:
            return
    raise AssertionError(f"after 100 steps it hangs at {state[0, 0]:.2f}")


def test_greedy_planning_depends_on_nothing_but_the_observation() -> None:
    planner = Planner(SEEN, spaces.Discrete(3), Towards(1.0), PlannerSettings(steps=2, plans=4, iterations=1))
    obs = np.zeros((2, 3), np.float32)
    first = planner.act(obs)
    planner.act(obs, np.random.default_rng(9))
    assert np.array_equal(first, planner.act(obs))


def test_random_numbers_decide_what_is_explored() -> None:
    planner = Planner(SEEN, spaces.Box(-1, 1, (1,), np.float32), Towards(0.0), PlannerSettings(steps=2, iterations=1))
    obs = np.zeros((2, 3), np.float32)
    one, same, other = (planner.act(obs, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_stored_planner_is_not_loaded_without_its_model(tmp_path: Path) -> None:
    Planner(SEEN, spaces.Discrete(3), Towards(1.0)).save(tmp_path / "agent")
    with pytest.raises(ValueError, match=r"sandbox\.planning\.load_agent"):
        sandbox_agents.load(tmp_path / "agent")


def test_actions_that_no_planner_draws_are_refused() -> None:
    for space in (spaces.MultiBinary(3), spaces.MultiDiscrete([2, 3]), spaces.Box(-np.inf, np.inf, (1,))):
        assert not can_plan(space)
        with pytest.raises(ValueError, match="bounded Box or Discrete"):
            Planner(SEEN, space, Towards(0.0))
