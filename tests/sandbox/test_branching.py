"""Branching: a state that is gone back to is the same state, and its futures are the simulator's own law."""

import random
import threading
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from sandbox.branchable import BranchingError, branching
from sandbox.branching import Branching, futures, play, visit
from sandbox.worlds import World, world
from sandbox_agents import RandomAgent


class Stroll(gymnasium.Env[Any, Any]):
    """Steps of 1 by the action and a normal draw; ends after 8 steps. Its dice are those of `draw`."""

    observation_space: Any = spaces.Box(-100, 100, (2,), np.float32)
    action_space: Any = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.own = random.Random(seed)
        self.place, self.steps = 0.0, 0
        return self.seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.place += 2 * int(action) - 1 + self.draw()
        self.steps += 1
        return self.seen(), self.place, self.steps == 8, False, {}

    def seen(self) -> Any:
        return np.array([self.place, self.steps], np.float32)

    def draw(self) -> float:
        return self.np_random.normal()


class OwnDice(Stroll):
    def draw(self) -> float:
        return self.own.gauss(0, 1)


class GlobalDice(Stroll):
    def draw(self) -> float:
        return float(np.random.normal())  # noqa: NPY002 - what users' environments do


class Locked(Stroll):
    def __init__(self) -> None:
        self.lock = threading.Lock()


class Shared(Stroll):
    total = [0.0]  # noqa: RUF012 - shared by all copies, as a process or a window is

    def draw(self) -> float:
        self.total[0] += 1
        return self.total[0]


for kind in (Stroll, OwnDice, GlobalDice, Locked, Shared):
    gymnasium.register(f"{kind.__name__}-v0", kind, max_episode_steps=50)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def branched(name: str) -> tuple[Branching, RandomAgent]:
    chosen = world(name)
    return branching(chosen), RandomAgent(*chosen.spaces, 0)


@pytest.mark.parametrize("name", ["Stroll-v0", "OwnDice-v0"])
def test_the_futures_of_a_copied_state_follow_the_environments_own_law(name: str) -> None:
    simulator, actor = branched(name)
    visited = visit(simulator, actor, 3, 0, rng())
    action = np.ones((1, 3, 1), np.float32)
    lived = futures(simulator, visited, action, 400, rng(1))
    change = lived.obs[0, ..., 0] - visited.starts.obs[:, -1, 0]
    assert np.abs(change.mean(axis=0) - 1).max() < 0.2
    assert np.abs(change.std(axis=0) - 1).max() < 0.15
    assert len(np.unique(change)) > 1100


@pytest.mark.parametrize("name", ["Stroll-v0", "lander"])
def test_the_same_seed_gives_the_same_futures_and_another_gives_others(name: str) -> None:
    simulator, actor = branched(name)
    visited = visit(simulator, actor, 4, 2, rng())
    actions = play(simulator, visited, actor, 5, rng(1))
    one, again, other = (futures(simulator, visited, actions, 8, rng(seed)) for seed in (2, 2, 3))
    assert np.array_equal(one.obs, again.obs)
    assert not np.array_equal(one.obs, other.obs)


@pytest.mark.parametrize("name", ["cartpole", "CartPole-v1"])
def test_in_a_world_without_chance_a_visited_state_is_what_its_history_leads_to(name: str) -> None:
    simulator, actor = branched(name)
    visited = visit(simulator, actor, 12, 4, rng())
    begun = visited.starts.length == 4
    assert begun.any()
    assert (visited.starts.length < 4).any()
    # The state four steps ago, and the actions since then, lead to the present observation.
    late = visit(simulator, actor, 1, 0, rng())
    actions = play(simulator, late, actor, 6, rng(5))
    lived = futures(simulator, late, actions, 3, rng(1))
    assert np.array_equal(lived.obs[:, 0], lived.obs[:, 1])
    for start in np.flatnonzero(begun):
        velocity = np.diff(visited.starts.obs[start, :, 0]) / 0.02
        assert velocity == pytest.approx(visited.starts.obs[start, :-1, 1], abs=1e-3)
        pushed = np.diff(visited.starts.obs[start, :, 1]) > 0
        assert np.array_equal(pushed, visited.starts.action[start, :, 0] == 1)


def test_a_short_history_is_right_aligned_and_zero_before() -> None:
    simulator, actor = branched("Stroll-v0")
    starts = visit(simulator, actor, 60, 5, rng()).starts
    assert np.array_equal(starts.length, np.minimum(starts.obs[:, -1, 1], 5))
    for obs, length in zip(starts.obs, starts.length, strict=True):
        assert (obs[: 5 - length] == 0).all()
        assert np.array_equal(np.diff(obs[5 - length :, 1]), np.ones(length))


def test_every_state_of_an_episode_is_kept_alike_often() -> None:
    simulator, actor = branched("Stroll-v0")
    age = visit(simulator, actor, 800, 0, rng()).starts.obs[:, -1, 1].astype(int)
    assert np.bincount(age, minlength=8).min() > 60
    assert age.max() == 7  # the eighth step ends the episode: nothing follows from there


def test_a_future_that_ended_stays_as_it_ended_and_earns_no_more() -> None:
    simulator, actor = branched("Stroll-v0")
    visited = visit(simulator, actor, 5, 0, rng())
    lived = futures(simulator, visited, play(simulator, visited, actor, 12, rng()), 3, rng())
    left = 8 - visited.starts.obs[:, -1, 1].astype(int)
    assert np.array_equal(lived.ended.argmax(axis=0) + 1, np.tile(left, (3, 1)))
    for state, steps in enumerate(left):
        assert (lived.obs[steps - 1 :, :, state] == lived.obs[steps - 1, :, state]).all()
        assert (lived.reward[steps:, :, state] == 0).all()
        assert (lived.reward[:steps, :, state] != 0).all()


def test_living_on_does_not_change_what_was_saved() -> None:
    for name in ("Stroll-v0", "lander"):
        simulator, actor = branched(name)
        visited = visit(simulator, actor, 3, 0, rng())
        actions = play(simulator, visited, actor, 4, rng())
        before = futures(simulator, visited, actions, 2, rng(7)).obs
        play(simulator, visited, actor, 9, rng())
        assert np.array_equal(futures(simulator, visited, actions, 2, rng(7)).obs, before)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("GlobalDice-v0", "does not live on as the original does"),
        ("Shared-v0", "does not live on as the original does"),
        ("Locked-v0", "cannot be copied"),
    ],
)
def test_what_shares_something_with_its_copies_cannot_be_branched(name: str, told: str) -> None:
    with pytest.raises(BranchingError, match=f"{name} cannot be branched: .*{told}"):
        branching(World(name))
