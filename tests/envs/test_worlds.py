"""What holds for every world: this file needs no line more when a world is added."""

import itertools
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import sandbox_envs

WORLDS = sandbox_envs.worlds()
KINDS = [(name, kind) for name in WORLDS for kind in sandbox_envs.simulation(name).observations]


def test_there_are_worlds() -> None:
    assert {"cartpole", "lander", "dodge", "wildfire", "racer"} <= set(WORLDS)


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> sandbox_envs.registry.World:
    return sandbox_envs.world(request.param)


@pytest.fixture(params=KINDS, ids="-".join)
def seen(request: pytest.FixtureRequest) -> tuple[Any, dict[str, Any]]:
    """A world, and the keyword that makes it with one kind of observation."""
    name, kind = request.param
    return sandbox_envs.world(name), {"observation": kind}


@pytest.mark.parametrize("num_envs", [1, 2, 7])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_the_batch_keeps_the_contract_and_equals_single_environments(
    seen: Any, mode: AutoresetMode, num_envs: int
) -> None:
    world, keywords = seen
    keywords = keywords | {"max_episode_steps": 60}
    envs = gymnasium.make_vec(world.id, num_envs=num_envs, autoreset_mode=mode, **keywords)
    sandbox_envs.check_vector_env(envs, lambda: gymnasium.make(world.id, **keywords), steps=200)


def test_gymnasiums_checker_has_nothing_to_say(seen: Any) -> None:
    world, keywords = seen
    check_env(gymnasium.make(world.id, render_mode="rgb_array", **keywords).unwrapped)
    check_env(gymnasium.make(world.id, **keywords).unwrapped)


def test_sb3s_checker_has_nothing_to_say(seen: Any) -> None:
    world, keywords = seen
    check_env_for_sb3(gymnasium.make(world.id, render_mode="rgb_array", **keywords))


def test_an_unknown_kind_of_observation_is_refused(world: Any) -> None:
    with pytest.raises(ValueError, match=r"observation must be '(vector|rays|grid)'"):
        gymnasium.make_vec(world.id, num_envs=2, observation="smell")


def test_an_observation_tells_the_state_and_nothing_else(seen: Any) -> None:
    world, keywords = seen
    envs = sandbox_envs.SimVectorEnv(world.name, 3, **keywords)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    for _ in range(20):
        obs = envs.step(envs.action_space.sample())[0]
    again = sandbox_envs.SimVectorEnv(world.name, 3, **keywords).restore(envs.snapshot())
    assert (again == obs).all()


def test_an_image_is_painted_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    painted = sandbox_envs.painter("dodge", observation="image")(picture)
    assert painted.shape == (400, 640, 3)
    assert (painted[3, ::10] == picture[0]).all()


def test_the_spec_and_the_world_name_the_same_time_limit(world: Any) -> None:
    assert gymnasium.spec(world.id).max_episode_steps == sandbox_envs.simulation(world.name).max_episode_steps


def test_the_observation_space_is_bounded_by_finite_numbers(seen: Any) -> None:
    world, keywords = seen
    space = sandbox_envs.simulation(world.name, **keywords).observation_space
    if isinstance(space, spaces.Box):
        assert np.isfinite(space.low).all()
        assert np.isfinite(space.high).all()
    else:
        assert isinstance(space, spaces.MultiDiscrete)


def test_any_observation_can_be_painted_without_an_environment(seen: Any) -> None:
    world, keywords = seen
    simulation = sandbox_envs.simulation(world.name, **keywords)
    paint = sandbox_envs.painter(simulation)
    width, height = simulation.canvas_size
    first = gymnasium.make(world.id, **keywords).reset(seed=0)[0]
    dreamed = np.clip(first + np.random.default_rng(0).normal(size=first.shape), -50, 50).astype(np.float32)
    for obs in (first, dreamed, np.zeros_like(first), 30 * np.ones_like(first)):
        picture = paint(obs)
        assert picture.shape == (height, width, 3)
        assert picture.dtype == np.uint8
    assert (paint(first) != paint(dreamed)).any()
    assert (paint(first) == paint(first)).all()


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
