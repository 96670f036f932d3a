from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces.utils import flatdim, flatten
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from sandbox_agents.core import applicable
from sandbox_agents.spaces import action_map, flat_dim, flatten_batch, rows_of, sample_batch
from sandbox_agents.storage import space_from_json, space_to_json


def a_batch(space: spaces.Space[Any], count: int) -> tuple[list[Any], Any]:
    space.seed(0)
    singles = [space.sample() for _ in range(count)]
    return singles, concatenate(space, singles, create_empty_array(space, count))


def test_a_flattened_batch_holds_what_gymnasium_flattens_one_by_one(observation_space: spaces.Space[Any]) -> None:
    singles, batch = a_batch(observation_space, 5)
    if isinstance(observation_space, spaces.MultiDiscrete):  # gymnasium's flatten forgets the start of this one
        singles = [single - observation_space.start for single in singles]
        expected = np.stack([np.concatenate([np.eye(n)[i] for i, n in zip(s, (3, 2), strict=True)]) for s in singles])
    else:
        expected = np.stack([flatten(observation_space, single) for single in singles])
    flat = flatten_batch(observation_space, batch)
    assert flat.dtype == np.float32
    assert flat_dim(observation_space) == flatdim(observation_space) == flat.shape[1]
    np.testing.assert_array_equal(flat, expected.astype(np.float32))
    assert rows_of(batch) == 5


def test_random_actions_are_of_the_space_and_use_the_given_numbers_only(action_space: spaces.Space[Any]) -> None:
    drawn = sample_batch(action_space, 50, np.random.default_rng(3))
    again = sample_batch(action_space, 50, np.random.default_rng(3))
    assert all(action_space.contains(action) for action in iterate(batch_space(action_space, 50), drawn))
    np.testing.assert_array_equal(drawn, again)
    assert len(np.unique(np.asarray(drawn).reshape(50, -1), axis=0)) > 2


def test_random_actions_of_composite_and_half_open_spaces_are_of_the_space() -> None:
    space = spaces.Dict(
        {
            "half": spaces.Box(np.array([0.0, -np.inf]), np.array([np.inf, 5.0]), (2,), np.float64),
            "whole": spaces.Box(3, 5, (2,), np.int32),
            "pair": spaces.Tuple((spaces.Discrete(2), spaces.MultiBinary(3))),
        }
    )
    drawn = sample_batch(space, 20, np.random.default_rng(0))
    assert all(space.contains(action) for action in iterate(batch_space(space, 20), drawn))
    assert set(drawn["whole"].ravel()) == {3, 4, 5}


def test_what_the_learner_chooses_reaches_the_environment_inside_its_space(action_space: spaces.Space[Any]) -> None:
    mapped = action_map(action_space)
    mapped.learner_space.seed(0)
    chosen = np.stack([mapped.learner_space.sample() for _ in range(40)])
    acted = mapped.to_env(chosen)
    batched = batch_space(action_space, 40)
    assert acted.dtype == action_space.dtype
    assert batched.contains(acted)


def test_box_actions_of_one_mean_the_bounds() -> None:
    space = spaces.Box(np.array([-2, 10], np.float32), np.array([2, 11], np.float32), (2,), np.float32)
    to_env = action_map(space).to_env
    np.testing.assert_array_equal(
        to_env(np.array([[-1.0, -1.0], [1.0, 1.0], [7.0, -7.0]])), [[-2, 10], [2, 11], [2, 10]]
    )
    np.testing.assert_allclose(to_env(np.zeros((1, 2))), [[0.0, 10.5]])


def test_a_space_survives_its_json(observation_space: spaces.Space[Any]) -> None:
    assert space_from_json(space_to_json(observation_space)) == observation_space


def test_an_action_space_survives_its_json(action_space: spaces.Space[Any]) -> None:
    assert space_from_json(space_to_json(action_space)) == action_space


def test_infinite_bounds_survive_their_json() -> None:
    low, high = np.array([-np.inf, 0.1], np.float32), np.array([3.0, np.inf], np.float32)
    space = spaces.Box(low, high, (2,), np.float32)
    assert space_from_json(space_to_json(space)) == space


@pytest.mark.parametrize(
    ("space", "known"),
    [
        (spaces.Box(-1, 1, (1,)), ["ppo", "sac", "random"]),
        (spaces.Box(-np.inf, 1, (1,)), ["random"]),
        (spaces.Discrete(2), ["ppo", "dqn", "random"]),
        (spaces.MultiBinary(2), ["ppo", "random"]),
        (spaces.Tuple((spaces.Discrete(2),)), ["random"]),
    ],
)
def test_applicable_says_who_can_act(space: spaces.Space[Any], known: list[str]) -> None:
    assert applicable(space) == known


def test_spaces_that_nobody_can_read_are_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match="cannot read the observation space Text"):
        flat_dim(spaces.Text(5))
    with pytest.raises(ValueError, match="need bounds for actions"):
        action_map(spaces.Box(-np.inf, np.inf, (1,)))
    with pytest.raises(ValueError, match="cannot act in the action space Tuple"):
        action_map(spaces.Tuple((spaces.Discrete(2),)))
