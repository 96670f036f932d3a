"""Ties: what the others tell comes back to them, what they do not tell stays, and so does what the data never saw."""

import numpy as np
import pytest
import torch

import sandbox
from sandbox.dream import DreamVectorEnv
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.models.ties import MOST, Ties
from sandbox.pilots import Erring, Pilot
from sandbox.trajectories import Trajectories


def heights(count: int = 6000, seed: int = 0) -> torch.Tensor:
    """A place, a height over the pad, the height over the ground, which is the same over the pad, and chance."""
    generator = torch.Generator().manual_seed(seed)
    place, height, hill, chance = torch.randn(4, count, generator=generator)
    over_ground = height - torch.where(place.abs() > 1, hill * (place.abs() - 1), 0.0)
    return torch.stack([place, height, over_ground, chance], dim=-1)


@pytest.fixture(scope="module")
def ties() -> Ties:
    torch.manual_seed(0)
    made = Ties(4, 4)
    made.learn(heights(), torch.tensor([False, False, True, True]), 1500, np.random.default_rng(0))
    return made


def test_what_the_others_tell_is_tied_and_chance_is_not(ties: Ties) -> None:
    assert ties.tied.tolist() == [False, False, True, False]


def test_a_dream_that_lost_it_takes_it_back_where_it_is_told_and_only_there(ties: Ties) -> None:
    true = heights(2000, seed=1)
    true = true[(true.abs() < 2).all(dim=1)]
    over_pad, over_hills = true[:, 0].abs() < 0.8, true[:, 0].abs() > 1.5
    lost = true.clone()
    lost[:, 2] += 0.2
    settled = lost
    for _ in range(30):
        settled = ties.settled(settled)
        assert torch.equal(settled[:, [0, 1, 3]], lost[:, [0, 1, 3]])
    assert (settled - true)[over_pad, 2].abs().median() < 0.04
    assert (settled - lost)[over_hills, 2].abs().median() < 0.01
    assert (ties.settled(true) - true).abs().quantile(0.95) < 0.006, "what is true already stays about where it is"


def test_what_is_far_away_or_beyond_the_data_is_not_pulled_back(ties: Ties) -> None:
    far = torch.tensor([[0.0, 0.0, 2.0, 0.0], [0.0, 9.0, 9.2, 0.0]])
    assert torch.equal(ties.settled(far), far)


def test_ties_that_go_on_know_more_than_new_ones_after_as_many_updates(ties: Ties) -> None:
    going_on, new = Ties(4, 4), Ties(4, 4)
    going_on.inherit(ties)
    for each in (going_on, new):
        each.learn(heights(seed=2), torch.tensor([False, False, True, True]), 100, np.random.default_rng(0))
    assert going_on.tied.tolist() == ties.tied.tolist()
    assert not new.tied.any()


def test_nothing_is_tied_before_it_was_learned_or_where_nothing_drifts() -> None:
    untaught = Ties(4, 4)
    seen = heights(500)
    assert torch.equal(untaught.settled(seen), seen)
    untaught.learn(heights(), torch.zeros(4, dtype=torch.bool), 100, np.random.default_rng(0))
    assert not untaught.tied.any()


def test_no_more_are_tied_than_a_dream_has_time_for() -> None:
    generator = torch.Generator().manual_seed(0)
    one = torch.randn(5000, 1, generator=generator)
    alike = Ties(MOST + 4, MOST + 4)
    alike.learn(one.repeat(1, MOST + 4), torch.ones(MOST + 4, dtype=torch.bool), 600, np.random.default_rng(0))
    assert int(alike.tied.sum()) == MOST


def test_of_very_many_numbers_no_ties_are_sought() -> None:
    many = Ties(60, 60)
    seen = torch.randn(500, 1, generator=torch.Generator().manual_seed(0)).repeat(1, 60)
    many.learn(seen, torch.ones(60, dtype=torch.bool), 100, np.random.default_rng(0))
    assert torch.equal(many.settled(seen), seen)


@pytest.fixture(scope="module")
def flown() -> Trajectories:
    world = sandbox.world("lander")
    erring = Erring(Pilot(world), world, mistakes=0.3)
    return sandbox.collect(world.make_vec(8), erring, 8000, np.random.default_rng(0))


def test_a_dream_of_lander_knows_the_pad_beneath_it(flown: Trajectories) -> None:
    model = fit(flown, "mixture", settings=FitSettings(updates=500))
    ties = model.network.codec.ties
    assert ties.tied[7], "the height over the ground"
    tied = apart_over_the_pad(model)
    ties.tied.zero_()
    assert tied < 0.1 < 0.2 < apart_over_the_pad(model)


def apart_over_the_pad(model: FittedModel) -> float:
    """The median distance of the two heights, m, over the pad, where the pilot flies in the dream."""
    world = sandbox.world("lander")
    pilot, dream = Pilot(world), DreamVectorEnv(model, 128, horizon=400)
    obs, _ = dream.reset(seed=0)
    apart = []
    for _ in range(150):
        obs = dream.step(pilot.act(obs))[0]
        over_pad = np.abs(obs[:, 0]) < 0.2
        apart.append(np.abs(obs[over_pad, 1] - obs[over_pad, 7]))
    return 20 * float(np.median(np.concatenate(apart)))
