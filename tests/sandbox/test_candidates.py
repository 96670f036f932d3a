"""Which round's agent is chosen: predictions, corrected by what real episodes showed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox.candidates import Candidate, Surprises, estimates, ranked
from sandbox.models.fit import FitSettings, fit
from sandbox.trajectories import Trajectories
from sandbox_agents import RandomAgent


def candidate(number: int, predicted: float, *surprises: float, chance: float = 0.0) -> Candidate:
    """One whose dreams all return what is `predicted`; `chance` is the deviation of its dreams from one start."""
    agent = RandomAgent(spaces.Box(-1, 1, (2,)), spaces.Discrete(2), 0)
    seen = Surprises(np.array(surprises), np.full(len(surprises), chance**2))
    return Candidate(number, agent, predicted=np.full(4, predicted), surprises=seen)


def order(*candidates: Candidate) -> list[int]:
    return [each.round for each in ranked(list(candidates))]


def test_without_real_episodes_predictions_decide() -> None:
    assert order(candidate(1, -5.0), candidate(2, 3.0), candidate(3, 1.0)) == [2, 3, 1]


def test_a_promise_that_episodes_broke_is_not_believed_again() -> None:
    rng = np.random.default_rng(0)
    honest = candidate(1, 50.0, *rng.normal(0, 10, 9))
    boaster = candidate(2, 1000.0, *rng.normal(-1200, 10, 9))
    assert order(boaster, honest) == [1, 2]


def test_an_early_folly_says_nothing_of_the_others() -> None:
    # As in Supply: the first agent returned thousands less than its dream promised, later ones what theirs did.
    rng = np.random.default_rng(0)
    lived = [candidate(1, -8350.0, *rng.normal(-2066, 3000, 9)), candidate(2, -1062.0, *rng.normal(-75, 60, 9))]
    lived += [candidate(3, -442.0, *rng.normal(110, 20, 9)), candidate(4, -501.0, *rng.normal(101, 20, 9))]
    assert order(*lived, candidate(5, -300.0))[0] == 5


def test_many_episodes_weigh_more_than_one() -> None:
    rng = np.random.default_rng(0)
    others = [candidate(9, -90.0, *rng.normal(0, 30, 8)), candidate(8, -80.0, *rng.normal(5, 30, 8))]
    once, often = candidate(1, 0.0, 40.0), candidate(2, 0.0, *[40.0] * 20)
    assert order(once, often, *others)[:2] == [2, 1]


def test_where_no_reward_was_ever_seen_any_candidate_will_do() -> None:
    # As in FrozenLake: every episode returns nothing, and every dream says so.
    assert sorted(order(candidate(1, 0.0, 0.0, 0.0), candidate(2, 0.0, 0.0, 0.0), candidate(3, 0.0))) == [1, 2, 3]


def test_what_chance_explains_is_no_evidence() -> None:
    # As on Pendulum: one of the first agent's dreams from the start of a real episode failed now and then, the episode
    # did not; and of its other episodes dreams were right.
    seen = Surprises(np.array([15.0, 173.0, 2.6]), np.array([67.0, 208.0, 0.1]) ** 2)
    lucky = replace(candidate(1, -108.4), surprises=seen)
    others = [candidate(number, -107.0, 1.6, 2.5, chance=0.7) for number in (2, 3, 4)]
    worth = estimates([lucky, *others])
    assert worth[0].mean < -104, "by the plain mean of its surprises it would be worth -44"


def test_of_those_that_nobody_can_tell_apart_the_latest_leads() -> None:
    rng = np.random.default_rng(0)
    shared, own = rng.normal(0, 100, 64), rng.normal(0, 1, (3, 64))  # starts differ, agents hardly do
    predicted = shared + np.array([[-100.0], [-100.1], [-103.0]]) + own - own.mean(axis=1, keepdims=True)
    level = [replace(candidate(number, 0.0), predicted=returns) for number, returns in enumerate(predicted, 1)]
    assert order(*level) == [2, 1, 3], "the first is ahead by less than the error, the third behind by more"


def test_dreams_are_compared_with_the_episodes_from_the_same_starts() -> None:
    """Long episodes after short ones are no surprise where the dream knows from its start how long an episode is."""
    rng = np.random.default_rng(0)
    data = countdowns(rng.integers(1, 20, 200))
    model = fit(data, "mixture", seed=0, settings=FitSettings(updates=600))
    agent = RandomAgent(data.observation_space, data.action_space, 0)
    told = Candidate(1, agent)
    told.correct(model, countdowns([2, 18, 3, 17, 1, 19]), rng, greedy=True)
    assert np.abs(told.surprises.by).max() < 3
    assert told.surprises.by.var() < 4, "the returns themselves have a variance of 60"
    assert (told.surprises.chance < 4).all()


def countdowns(lengths: Sequence[int] | NDArray[np.integer]) -> Trajectories:
    """Episodes that tell how many steps are left, of which each pays 1."""
    left = np.concatenate([np.arange(length, 0, -1) for length in lengths])
    count = len(left)
    obs = np.stack([left, np.zeros(count)], axis=1).astype(np.float32)
    following = obs - np.array([1, 0], np.float32)
    return Trajectories(
        obs,
        np.zeros((count, 1), np.float32),
        np.ones(count),
        following,
        left == 1,
        np.zeros(count, bool),
        np.array(lengths, np.int64),
        spaces.Box(0, 30, (2,)),
        spaces.Discrete(2),
        horizon=40,
    )
