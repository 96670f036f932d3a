"""A model of Stable-Baselines3's own acts as it did before, survives a file, and learns on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from sandbox_agents import Sb3VecEnv, adopt, load, make

from .conftest import OBSERVATIONS, Whatever

Rows = Callable[..., VectorEnv[Any, Any, Any]]


def small() -> dict[str, Any]:
    return {"policy_kwargs": {"net_arch": [16, 8]}, "seed": 5, "device": "cpu"}  # SB3 writes into it


TASKS = {
    "ppo": ("CartPole-v1", lambda envs: PPO("MlpPolicy", envs, n_steps=32, batch_size=16, **small())),
    "ppo in a box": ("Pendulum-v1", lambda envs: PPO("MlpPolicy", envs, n_steps=32, batch_size=16, **small())),
    "sac": ("Pendulum-v1", lambda envs: SAC("MlpPolicy", envs, learning_starts=16, **small())),
    "dqn": ("CartPole-v1", lambda envs: DQN("MlpPolicy", envs, learning_starts=16, gamma=0.9, **small())),
}


def some_of(space: spaces.Space[Any], count: int = 64) -> Any:
    space.seed(0)
    return np.stack([space.sample() for _ in range(count)])


def assert_same_actions(model: Any, agent: Any, obs: Any) -> None:
    expected, _ = model.predict(obs, deterministic=True)
    np.testing.assert_allclose(agent.act(obs), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_it_acts_as_it_did_and_learns_on(task: str, classic: Rows, tmp_path: Path) -> None:
    name, build = TASKS[task]
    model = build(make_vec_env(name, n_envs=1))
    model.learn(96)
    agent = adopt(model)
    obs = model.observation_space.sample()[None].repeat(8, 0) + np.linspace(-0.1, 0.1, 8, dtype=np.float32)[:, None]
    assert_same_actions(model, agent, obs)
    assert (agent.name, agent.steps, agent.settings.net_arch) == (task[:3], 96, (16, 8))
    assert agent.settings.gamma == model.gamma
    agent.save(tmp_path / "agent")
    assert_same_actions(model, load(tmp_path / "agent"), obs)
    before = agent._tensors()
    agent.learn(classic(name, 2), 128)
    assert agent.steps == 96 + 128
    assert any(not np.array_equal(before[key], now) for key, now in agent._tensors().items() if key in before)


def test_what_it_draws_is_spread_as_before() -> None:
    envs = DummyVecEnv([lambda: Whatever(spaces.Box(-1, 1, (2,)), spaces.Box(np.array([-2, 10]), np.array([2, 11])))])
    model = PPO("MlpPolicy", envs, **small())
    agent, obs = adopt(model), np.zeros((20_000, 2), np.float32)
    # Wide laws are cut at the bounds of the space, there as here.
    drawn, expected = agent.act(obs, np.random.default_rng(0)), model.predict(obs)[0]
    np.testing.assert_allclose(drawn.mean(axis=0), expected.mean(axis=0), atol=0.03)
    np.testing.assert_allclose(drawn.std(axis=0), expected.std(axis=0), atol=0.03)


@pytest.mark.parametrize("kind", ["box", "discrete", "multi_discrete", "multi_binary"])
def test_every_space_that_both_know(kind: str) -> None:
    from_zero = {"discrete": spaces.Discrete(4), "multi_discrete": spaces.MultiDiscrete([3, 2])}  # SB3 knows no others
    seen = from_zero.get(kind, OBSERVATIONS[kind])
    for acting in (spaces.MultiDiscrete([3, 2]), spaces.MultiBinary(4), spaces.Discrete(3)):
        model = PPO("MlpPolicy", DummyVecEnv([lambda a=acting: Whatever(seen, a)]), **small())
        assert_same_actions(model, adopt(model), some_of(seen))


def test_scales_come_along(tmp_path: Path) -> None:
    envs = VecNormalize(make_vec_env("Pendulum-v1", n_envs=2))
    model = PPO("MlpPolicy", envs, n_steps=32, **small())
    model.learn(128)
    model.save(tmp_path / "model.zip")
    obs = some_of(gymnasium.make("Pendulum-v1").observation_space)
    for agent in (adopt(model), adopt(PPO.load(tmp_path / "model.zip"), normalized=envs)):
        expected, _ = model.predict(envs.normalize_obs(obs), deterministic=True)
        np.testing.assert_allclose(agent.act(obs), expected, rtol=1e-5, atol=1e-5)
        assert agent.settings.normalize_obs
        assert agent.settings.normalize_reward


def test_a_model_that_learned_in_a_batch_of_ours_gets_its_spaces_back(classic: Rows) -> None:
    envs = classic("Pendulum-v1", 2)
    model = PPO("MlpPolicy", Sb3VecEnv(envs), n_steps=32, **small())
    agent = adopt(model, envs.single_observation_space, envs.single_action_space)
    obs = some_of(envs.single_observation_space)
    twice = 2.0 * np.clip(model.predict(obs, deterministic=True)[0], -1.0, 1.0)
    np.testing.assert_allclose(agent.act(obs), twice, rtol=1e-5, atol=1e-6)


def test_what_cannot_be_taken_in_is_refused_in_a_sentence(tmp_path: Path) -> None:
    envs = make_vec_env("CartPole-v1", n_envs=1)
    uneven = PPO("MlpPolicy", envs, policy_kwargs={"net_arch": {"pi": [8], "vf": [16]}}, device="cpu")
    image = DummyVecEnv([lambda: Whatever(spaces.Box(0, 255, (36, 36, 3), np.uint8), spaces.Discrete(2))])
    cut = PPO("MlpPolicy", VecNormalize(envs, clip_obs=5.0), device="cpu")
    for model, sentence in (
        (A2C("MlpPolicy", envs, device="cpu"), "a A2C with a ActorCriticPolicy cannot be adopted"),
        (uneven, "different widths"),
        (PPO("CnnPolicy", image, device="cpu"), "cannot be adopted"),
        (PPO("MlpPolicy", image, device="cpu"), "the model sees images"),
        (cut, "cut at 5"),
    ):
        with pytest.raises(ValueError, match=sentence):
            adopt(model)
    with pytest.raises(ValueError, match="is shown 4 numbers"):
        adopt(PPO("MlpPolicy", envs, device="cpu"), spaces.Box(-1, 1, (3,)))
    with pytest.raises(ValueError, match="acts in Discrete"):
        adopt(PPO("MlpPolicy", envs, device="cpu"), action_space=spaces.Discrete(3))
    PPO("MlpPolicy", envs, device="cpu").save(tmp_path / "model.zip")
    with pytest.raises(ValueError, match="runs code when it is read"):
        load(tmp_path / "model.zip")


def test_an_adopted_agent_is_what_making_one_gives() -> None:
    model = SAC("MlpPolicy", make_vec_env("Pendulum-v1", n_envs=1), device="cpu", ent_coef=0.3, learning_rate=1e-4)
    agent, made = adopt(model), make("sac", model.observation_space, model.action_space, 0)
    assert agent.settings.ent_coef == 0.3
    assert agent.settings.learning_rate == 1e-4
    assert type(agent) is type(made)
