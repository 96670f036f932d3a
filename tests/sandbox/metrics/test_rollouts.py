"""Rollouts: the true law stays among the simulator's futures; the more a law is wrong, the sooner it leaves."""

import json

import numpy as np
import pytest

from sandbox.branchable import branching
from sandbox.collection import collect
from sandbox.metrics import Section, rollouts
from sandbox.metrics.baselines import Persistence
from sandbox.metrics.dreamed import dreamed
from sandbox.trajectories import starts_at
from sandbox.worlds import world
from sandbox_agents import RandomAgent


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture(scope="module")
def followed(law, simulator, actor, data):
    def follow(**wrong: float) -> Section:
        return rollouts(law(**wrong), simulator, actor, data, rng(), 12, 24, 15)

    return follow


def test_the_true_law_stays_and_the_baselines_leave_at_once(followed) -> None:
    horizon = followed().figures["drift_horizon"]
    assert horizon.dream > 12
    assert horizon.simulator > 12
    assert horizon.persistence < 1
    assert horizon.climatology < 3


def test_the_more_a_law_is_wrong_the_sooner_it_leaves(followed) -> None:
    right, wrong, worse = (followed(bias=bias).figures["drift_horizon"].dream for bias in (0.0, 0.15, 1.0))
    assert right > wrong > worse


def test_the_curve_of_the_truth_keeps_below_the_bound(followed) -> None:
    section = followed()
    curve = section.details["curve"]
    assert {len(line) for line in curve.values()} == {15}
    assert np.mean(np.array(curve["dream"]) < curve["bound"]) > 0.9
    assert curve["persistence"][-1] > curve["bound"][-1]
    assert json.loads(json.dumps(section.details, allow_nan=False)) == section.details


def test_in_a_world_without_chance_any_visible_error_is_a_departure() -> None:
    chosen = world("CartPole-v1")
    actor = RandomAgent(*chosen.spaces, 0)
    data = collect(chosen.make_vec(1), actor, 300, rng())
    horizon = rollouts(Persistence(data), branching(chosen), actor, data, rng(), 4, 6, 10).figures["drift_horizon"]
    assert horizon.dream < 2
    assert horizon.simulator == 10


def test_a_dream_that_ended_stays_as_it_ended(law, data) -> None:
    begin = starts_at(data, np.arange(6), 3)
    lived = dreamed(law(ending=0.5), begin, np.zeros((12, 6, 1), np.float32), 9, rng())
    assert lived.obs.shape == (12, 9, 6, 5)
    ended = lived.ended[:-1]
    assert ended.any()
    assert (lived.ended[1:] | ~ended).all()
    assert (lived.obs[1:][ended] == lived.obs[:-1][ended]).all()
    assert (lived.reward[1:][ended] == 0).all()
