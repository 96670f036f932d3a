"""What holds for every world: this file needs no line more when a world is added."""

import itertools
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import sandbox_envs

WORLDS = sandbox_envs.worlds()


def test_there_are_worlds() -> None:
    assert {"cartpole", "lander"} <= set(WORLDS)


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> sandbox_envs.registry.World:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    return sandbox_envs.world(request.param)


@pytest.mark.parametrize("num_envs", [1, 2, 7])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_the_batch_keeps_the_contract_and_equals_single_environments(
    world: Any, mode: AutoresetMode, num_envs: int
) -> None:
    envs = gymnasium.make_vec(world.id, num_envs=num_envs, autoreset_mode=mode, max_episode_steps=60)
    sandbox_envs.check_vector_env(envs, lambda: gymnasium.make(world.id, max_episode_steps=60), steps=200)


def test_gymnasiums_checker_has_nothing_to_say(world: Any) -> None:
    check_env(gymnasium.make(world.id, render_mode="rgb_array").unwrapped)
    check_env(gymnasium.make(world.id).unwrapped)


def test_sb3s_checker_has_nothing_to_say(world: Any) -> None:
    check_env_for_sb3(gymnasium.make(world.id, render_mode="rgb_array"))


def test_the_spec_and_the_world_name_the_same_time_limit(world: Any) -> None:
    assert gymnasium.spec(world.id).max_episode_steps == sandbox_envs.simulation(world.name).max_episode_steps


def test_the_observation_space_is_bounded_by_finite_numbers(world: Any) -> None:
    space = sandbox_envs.simulation(world.name).observation_space
    assert np.isfinite(space.low).all()
    assert np.isfinite(space.high).all()


def test_any_observation_can_be_painted_without_an_environment(world: Any) -> None:
    paint = sandbox_envs.painter(world.id)
    width, height = sandbox_envs.simulation(world.name).canvas_size
    seen = gymnasium.make(world.id).reset(seed=0)[0]
    dreamed = np.clip(seen + np.random.default_rng(0).normal(size=seen.shape), -50, 50).astype(np.float32)
    for obs in (seen, dreamed, np.zeros_like(seen), 30 * np.ones_like(seen)):
        picture = paint(obs)
        assert picture.shape == (height, width, 3)
        assert picture.dtype == np.uint8
    assert (paint(seen) != paint(dreamed)).any()
    assert (paint(seen) == paint(seen)).all()


def test_what_happens_shows_in_the_pictures(world: Any) -> None:
    env = gymnasium.make(world.id, render_mode="rgb_array")
    env.reset(seed=0)
    env.action_space.seed(0)
    pictures = []
    for _ in range(3):
        pictures.append(env.render())
        for _ in range(4):
            env.step(env.action_space.sample())
    assert all((one != other).any() for one, other in itertools.pairwise(pictures))


def test_a_batch_renders_every_row(world: Any) -> None:
    envs = gymnasium.make_vec(world.id, num_envs=3, render_mode="rgb_array")
    envs.reset(seed=0)
    frames = envs.render()
    assert len(frames) == 3
    assert (frames[0] != frames[1]).any()


def test_a_window_opens_where_there_is_a_display(world: Any) -> None:
    env = gymnasium.make(world.id, render_mode="human")
    env.reset(seed=0)
    env.step(env.action_space.sample())
    env.close()


def test_a_made_environment_can_be_pickled(world: Any) -> None:
    env = gymnasium.make(world.id, render_mode="rgb_array")
    env.reset(seed=0)
    env.render()
    twin = pickle.loads(pickle.dumps(env))
    action = env.action_space.sample()
    assert (twin.step(action)[0] == env.step(action)[0]).all()
    assert (twin.render() == env.render()).all()
