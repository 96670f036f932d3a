"""The linear law of a step: exact where physics is, and silent where a line does not explain nearly everything."""

import numpy as np
import pytest
import torch

import sandbox
import sandbox_agents
from sandbox.models.codec import Codec
from sandbox.models.linear import FINEST, MOST_TERMS, LinearLaw
from sandbox.trajectories import Trajectories


def steps(count: int = 2000, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Three numbers and two actions; the first change obeys a line, the second the action's own, the third no line."""
    generator = torch.Generator().manual_seed(seed)
    obs = torch.randn(count, 3, generator=generator)
    action = torch.eye(2)[torch.randint(0, 2, (count,), generator=generator)]
    change = torch.stack(
        [
            0.5 * obs[:, 1] - 0.2 * obs[:, 0] + 0.1,
            torch.where(action[:, 0] > 0, obs[:, 0], -obs[:, 2]),
            torch.sin(5 * obs[:, 0]),
        ],
        dim=-1,
    )
    return torch.cat([obs, action], dim=-1), change


def test_what_a_line_explains_is_expected_and_what_none_explains_is_left_to_the_head() -> None:
    law = LinearLaw(3, 2, 3)
    law.learn(*steps())
    x, change = steps(seed=1)
    expected = law(x)
    assert torch.allclose(expected[:, :2], change[:, :2], atol=0.01), "each action has a line of its own"
    assert not expected[:, 2].any()
    assert law.scale[:2].tolist() == pytest.approx([FINEST, FINEST])
    assert law.scale[2] == 1


def test_few_steps_of_many_numbers_are_not_learned_by_heart() -> None:
    law = LinearLaw(30, 1, 30)
    generator = torch.Generator().manual_seed(0)
    law.learn(torch.randn(70, 31, generator=generator), torch.randn(70, 30, generator=generator))
    assert not law.weights.any()
    assert law.scale.eq(1).all()


def test_of_many_numbers_products_are_left_out_and_of_very_many_all() -> None:
    wide = LinearLaw(100, 4, 1)
    assert len(wide.weights) == 1 + 100 + 4 < MOST_TERMS
    x = torch.randn(500, 104, generator=torch.Generator().manual_seed(0))
    wide.learn(x, x[:, :1] - x[:, 102:103])
    assert torch.allclose(wide(x), x[:, :1] - x[:, 102:103], atol=0.01)
    widest = LinearLaw(MOST_TERMS, 1, 1)
    x = torch.randn(500, MOST_TERMS + 1, generator=torch.Generator().manual_seed(0))
    widest.learn(x, x[:, :1])
    assert torch.equal(widest(x), torch.zeros(500, 1))


@pytest.fixture(scope="module")
def flown() -> Trajectories:
    world = sandbox.world("lander")
    agent = sandbox_agents.make("random", *world.spaces, seed=0)
    return sandbox.collect(world.make_vec(8), agent, 3000, np.random.default_rng(0))


def test_a_rocket_moves_by_its_speed_and_falls_as_all_things_do(flown: Trajectories) -> None:
    codec = Codec(flown.observation_layout.elements, flown.action_layout.elements)
    codec.measure(flown)
    codec.learn_law(flown)
    assert codec.law.has_law.tolist() == [True] * 4 + [False, False, True, False, False], (
        "no turn, hill or gust is a line"
    )
    assert codec.law.scale[codec.law.has_law].max() < 0.01
    assert codec.law.scale[~codec.law.has_law].eq(1).all()


def test_a_record_tells_the_change_that_it_was_made_from(flown: Trajectories) -> None:
    codec = Codec(flown.observation_layout.elements, flown.action_layout.elements)
    now, action, following = (torch.from_numpy(each) for each in (flown.obs, flown.action, flown.next_obs))
    codec.measure(flown)
    for learn in (lambda: None, lambda: codec.learn_law(flown)):
        learn()
        x, change = codec.features(now, action), codec.change(now, following)
        record = codec.record(x, change)
        assert torch.allclose(codec.recorded(x, record), change, atol=1e-5)
    assert record.std(dim=0).max() < 1.01, "everything is told in its own unit"
