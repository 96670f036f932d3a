"""Keys become actions of any space."""

import numpy as np
import pytest
from gymnasium import spaces

import sandbox
import sandbox_envs
from sandbox.play.controls import DOWN, LEFT, OURS, RIGHT, UP, Controls
from sandbox.spaces import action_layout

PRESSES = [(), (LEFT,), (RIGHT,), (UP,), (DOWN,), ("1",), ("2",), (LEFT, UP), ("9",)]


@pytest.mark.parametrize("name", sandbox_envs.worlds())
def test_every_key_is_an_action_of_every_world(name: str) -> None:
    world = sandbox.world(name)
    controls = Controls(world.name, action_layout(world.spaces[1]))
    for held in PRESSES:
        assert world.spaces[1].contains(controls.action(held)), held
    assert controls.words


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(7, start=-3),
        spaces.MultiDiscrete([3, 4]),
        spaces.MultiBinary(3),
        spaces.Box(-2.0, 5.0, (1,)),
        spaces.Box(0.0, 1.0, (5,)),
    ],
)
def test_every_key_is_an_action_of_any_space(space: spaces.Space[object]) -> None:
    controls = Controls("else", action_layout(space))
    for held in PRESSES:
        assert space.contains(controls.action(held)), held


def test_a_rocket_goes_where_the_arrows_point() -> None:
    controls = Controls("sandbox/Lander-v0", action_layout(spaces.Discrete(4)))
    assert [int(controls.action(held)) for held in ((), (LEFT,), (UP,), (RIGHT,))] == [0, 1, 2, 3]
    assert int(controls.action((LEFT, UP))) == 2, "the key pressed last"


def test_a_world_without_a_rest_goes_on_with_the_last_choice() -> None:
    controls = Controls("CartPole-v1", action_layout(spaces.Discrete(2)))
    assert [int(controls.action(held)) for held in ((RIGHT,), (), (LEFT,), ())] == [1, 1, 0, 0]


def test_a_stick_pushes_as_far_as_it_is_pushed() -> None:
    controls = Controls("else", action_layout(spaces.Box(-2.0, 2.0, (1,))))
    assert controls.action((), {RIGHT: 0.25}).tolist() == [0.5]
    assert controls.action((LEFT,)).tolist() == [-2.0]


def test_levers_stay_where_they_were_left() -> None:
    controls = Controls("sandbox/Supply-v0", action_layout(spaces.Box(-1.0, 1.0, (4,), np.float32)))
    controls.action(("3", UP))
    for _ in range(100):
        controls.action((UP,))
    assert controls.action(()).tolist() == [0.0, 0.0, 1.0, 0.0]
    assert "[+1.00]" in controls.words


def test_the_keys_of_our_worlds_belong_to_worlds_that_exist() -> None:
    assert set(OURS) <= {sandbox_envs.world(name).id for name in sandbox_envs.worlds()}
