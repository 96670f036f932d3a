"""The best constant action: a baseline that learns nothing and is sometimes hard to beat."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

import sandbox_agents
from sandbox_agents import ConstantAgent, constants

SEEN = spaces.Box(-1, 1, (3,), np.float32)
ACTIONS = [
    spaces.Discrete(5),
    spaces.Discrete(3, start=-1),
    spaces.MultiBinary(3),
    spaces.MultiDiscrete([3, 2]),
    spaces.MultiDiscrete([2, 2], start=[5, -5]),
    spaces.Box(-2, 2, (1,), np.float32),
    spaces.Box(-1, 1, (2, 3), np.float32),
    spaces.Box(-np.inf, np.inf, (2,), np.float32),
    spaces.Dict({"gas": spaces.Box(0, 1, (1,), np.float32), "gear": spaces.Discrete(4)}),
]


@pytest.mark.parametrize("space", ACTIONS, ids=str)
def test_constant_actions_belong_to_their_space_and_differ(space: spaces.Space[Any]) -> None:
    found = constants(space)
    assert 2 <= len(found) <= 64
    assert all(space.contains(action) for action in found)
    assert len({repr(action) for action in found}) == len(found)


@pytest.mark.parametrize("space", ACTIONS, ids=str)
def test_a_constant_agent_comes_back_from_its_folder(space: spaces.Space[Any], tmp_path: Path) -> None:
    agent = ConstantAgent(SEEN, space, constants(space)[-1])
    agent.save(tmp_path / "agent")
    loaded = sandbox_agents.load(tmp_path / "agent")
    assert loaded.name == "constant"
    assert loaded.action_space == space
    obs = np.zeros((4, 3), np.float32)
    assert repr(loaded.act(obs)) == repr(agent.act(obs))


def test_all_choices_are_tried_and_of_too_many_numbers_the_extremes_and_the_middle() -> None:
    assert [int(action) for action in constants(spaces.Discrete(5))] == [0, 1, 2, 3, 4]
    assert len(constants(spaces.Box(-1, 1, (2,), np.float32))) == 9
    wide = constants(spaces.Box(-1, 1, (6,), np.float32))
    assert [action.tolist() for action in wide] == [[-1] * 6, [0] * 6, [1] * 6]
