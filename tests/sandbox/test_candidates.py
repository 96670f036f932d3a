"""Which round's agent is chosen: predictions, corrected by what real episodes showed."""

import numpy as np
from gymnasium import spaces

from sandbox.candidates import Candidate, ranked
from sandbox_agents import RandomAgent


def candidate(number: int, predicted: float, *surprises: float) -> Candidate:
    agent = RandomAgent(spaces.Box(-1, 1, (2,)), spaces.Discrete(2), 0)
    return Candidate(number, agent, predicted=predicted, surprises=np.array(surprises))


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
