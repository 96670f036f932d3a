from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from sandbox_agents import Sb3Agent, applicable, evaluate, make, names

Rows = Callable[..., VectorEnv[Any, Any, Any]]
QUICK: dict[str, dict[str, Any]] = {
    "ppo": {"rollout_size": 64, "batch_size": 32, "n_epochs": 2},
    "sac": {"learning_starts": 20, "net_arch": [16], "batch_size": 16},
    "dqn": {"learning_starts": 20, "net_arch": [16], "batch_size": 16},
}


def agent_for(name: str, envs: VectorEnv[Any, Any, Any], seed: int = 0, **config: Any) -> Sb3Agent:
    agent = make(name, envs.single_observation_space, envs.single_action_space, seed, QUICK[name] | config)
    assert isinstance(agent, Sb3Agent)
    return agent


def weights(agent: Sb3Agent) -> dict[str, Any]:
    return agent._learner.tensors()


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def world_of(name: str) -> str:
    return "Pendulum-v1" if name == "sac" else "CartPole-v1"


def test_ppo_learns_with_any_observation_and_action(
    whatever: Rows, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> None:
    envs = whatever(observation_space, action_space)
    agent = agent_for("ppo", envs)
    agent.learn(envs, 96)
    obs, _ = envs.reset(seed=1)
    rng = np.random.default_rng(0)
    for action in (agent.act(obs), agent.act(obs, rng)):
        assert batch_space(action_space, 3).contains(action)


@pytest.mark.parametrize("name", ["sac", "dqn"])
def test_sac_and_dqn_learn_where_they_apply(
    whatever: Rows, name: str, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> None:
    if name not in applicable(action_space):
        with pytest.raises(ValueError, match=f"{name} cannot act in"):
            make(name, observation_space, action_space, 0)
        return
    envs = whatever(observation_space, action_space)
    agent = agent_for(name, envs)
    agent.learn(envs, 60)
    obs, _ = envs.reset(seed=1)
    for action in (agent.act(obs), agent.act(obs, np.random.default_rng(0))):
        assert batch_space(action_space, 3).contains(action)


@pytest.mark.parametrize("name", ["ppo", "sac", "dqn"])
def test_the_same_seed_gives_bitwise_the_same_weights(classic: Rows, name: str) -> None:
    def learned(seed: int, disturbance: int) -> dict[str, Any]:
        torch.manual_seed(disturbance)
        np.random.seed(disturbance)  # noqa: NPY002 - it must not matter
        agent = agent_for(name, envs := classic(world_of(name), 4), seed)
        agent.learn(envs, 200)
        torch.randn(disturbance)
        agent.learn(classic(world_of(name), 2), 64)
        return weights(agent)

    assert same(learned(1, 5), learned(1, 6))
    assert not same(learned(1, 5), learned(2, 5))


@pytest.mark.parametrize("name", ["ppo", "sac", "dqn"])
def test_the_callers_random_numbers_are_left_alone(classic: Rows, name: str) -> None:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    expected = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    agent = agent_for(name, envs := classic(world_of(name), 2))
    agent.learn(envs, 64)
    agent.act(envs.reset(seed=0)[0], np.random.default_rng(0))
    torch.testing.assert_close(torch.rand(3), expected[0], rtol=0, atol=0)
    np.testing.assert_array_equal(np.random.rand(3), expected[1])  # noqa: NPY002


@pytest.mark.parametrize("name", ["ppo", "sac", "dqn"])
def test_greedy_actions_are_those_of_sb3(classic: Rows, name: str) -> None:
    envs = classic(world_of(name), 8)
    agent = agent_for(name, envs, normalize_obs=False)
    agent.learn(envs, 200)
    obs, _ = envs.reset(seed=0)
    expected, _ = agent._learner.predict(obs, deterministic=True)
    if name == "sac":
        expected = expected * 2
    np.testing.assert_allclose(agent.act(obs), expected, rtol=1e-6)


def test_sampled_actions_follow_the_policy(classic: Rows) -> None:
    envs = classic("Acrobot-v1", 1)
    agent = agent_for("ppo", envs, normalize_obs=False)
    with torch.no_grad():
        agent._learner.policy.action_net.bias.copy_(torch.tensor([0.0, 1.0, -1.0]))
    obs = np.repeat(envs.reset(seed=0)[0], 20_000, axis=0)
    counts = np.bincount(agent.act(obs, np.random.default_rng(0)), minlength=3) / len(obs)
    with torch.no_grad():
        chance = agent._learner.policy.get_distribution(torch.from_numpy(obs[:1])).distribution.probs[0].numpy()
    np.testing.assert_allclose(counts, chance, atol=0.012)


def test_sampled_actions_depend_on_the_given_numbers_only(classic: Rows) -> None:
    envs = classic("Pendulum-v1", 4)
    agent = agent_for("ppo", envs)
    obs, _ = envs.reset(seed=0)
    first, again, other = (agent.act(obs, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", ["ppo", "sac", "dqn"])
@pytest.mark.parametrize("steps", [64, 100, 203])
def test_a_budget_is_kept_to_the_step(classic: Rows, name: str, steps: int) -> None:
    class Counting(gymnasium.vector.VectorWrapper[Any, Any, Any, Any]):
        ticks = 0

        def step(self, actions: Any) -> Any:
            self.ticks += 1
            return super().step(actions)

    envs = Counting(classic(world_of(name), 4))
    agent = agent_for(name, envs)
    seen: list[int] = []
    agent.learn(envs, steps, callback=seen.append)
    assert envs.ticks == steps // 4
    assert agent.steps == seen[-1] == steps // 4 * 4
    assert agent._learner._n_updates > 0


def test_many_rows_do_not_make_rollouts_of_a_step(classic: Rows) -> None:
    agent = agent_for("ppo", envs := classic("CartPole-v1", 128))
    seen: list[int] = []
    agent.learn(envs, 128 * 32, callback=seen.append)
    assert seen == [128 * 16, 128 * 32]


@pytest.mark.parametrize(("steps", "rollout"), [(6_400, 34 * 64), (256_000, 67 * 64), (2_560_000, 513 * 64)])
def test_long_runs_take_long_rollouts(classic: Rows, steps: int, rollout: int) -> None:
    envs = classic("CartPole-v1", 64)
    agent = make("ppo", envs.single_observation_space, envs.single_action_space, 0)
    assert isinstance(agent, Sb3Agent)

    def first(done: int) -> bool:
        seen.append(done)
        return False

    seen: list[int] = []
    agent.learn(envs, steps, callback=first)
    assert seen[0] == rollout


def test_a_callback_stops_between_updates(classic: Rows) -> None:
    agent = agent_for("ppo", envs := classic("CartPole-v1", 4))
    agent.learn(envs, 640, callback=lambda done: done < 128)
    assert agent.steps == 128


def test_learning_goes_on_in_another_world_with_the_same_optimiser(classic: Rows) -> None:
    agent = agent_for("ppo", first := classic("CartPole-v1", 4))
    agent.learn(first, 128)
    count = agent._obs_stats.count
    agent.learn(classic("CartPole-v1", 8), 128)
    assert agent._obs_stats.count == count + 128 + 8
    moments = agent._learner.policy.optimizer.state_dict()["state"][0]
    assert int(moments["step"]) == 2 * 2 * 2 + 2 * 2 * 2  # rollouts × epochs × minibatches, twice


def test_transitions_of_two_worlds_never_meet(classic: Rows) -> None:
    agent = agent_for("dqn", first := classic("CartPole-v1", 2))
    agent.learn(first, 60)
    agent.learn(first, 60)
    assert agent._learner.replay_buffer.size() == 60
    agent.learn(classic("CartPole-v1", 2), 40)
    assert agent._learner.replay_buffer.size() == 20
    assert agent._learner.exploration_rate == pytest.approx(0.05)


def test_a_frozen_copy_stays_while_the_agent_learns_on(classic: Rows) -> None:
    agent = agent_for("ppo", envs := classic("CartPole-v1", 4))
    agent.learn(envs, 64)
    copy, before = agent.frozen(), weights(agent)
    agent.learn(envs, 64)
    assert same(weights(copy), before)
    assert not same(weights(agent), before)
    copy.learn(classic("CartPole-v1", 4), 64)


def test_statistics_are_vec_normalizes(classic: Rows) -> None:
    seen: list[Any] = []

    class Watching(gymnasium.vector.VectorWrapper[Any, Any, Any, Any]):
        def reset(self, **kwargs: Any) -> Any:
            obs, info = super().reset(**kwargs)
            seen.append(obs.copy())
            return obs, info

        def step(self, actions: Any) -> Any:
            obs, *rest = super().step(actions)
            seen.append(obs.copy())
            return obs, *rest

    envs = Watching(classic("CartPole-v1", 4))
    agent = agent_for("ppo", envs)
    agent.learn(envs, 256)
    np.testing.assert_allclose(agent._obs_stats.mean, np.concatenate(seen).mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(agent._obs_stats.var, np.concatenate(seen).var(axis=0), rtol=1e-2)


def test_bad_questions_get_one_sentence(classic: Rows) -> None:
    envs = classic("CartPole-v1", 4)
    observation_space, action_space = envs.single_observation_space, envs.single_action_space
    with pytest.raises(ValueError, match=r"'ppp' is not an agent: did you mean 'ppo'\?"):
        make("ppp", observation_space, action_space, 0)
    with pytest.raises(ValueError, match=r"'gama' is not a setting of ppo: did you mean 'gamma'\?"):
        make("ppo", observation_space, action_space, 0, {"gama": 0.9})
    with pytest.raises(ValueError, match="'gamma' must be between 0 and 1, not 2"):
        make("ppo", observation_space, action_space, 0, {"gamma": 2})
    with pytest.raises(ValueError, match="'batch_size' must be at least 2, not 1"):
        make("ppo", observation_space, action_space, 0, {"batch_size": 1})
    with pytest.raises(ValueError, match=r"'rollout_size' must be a whole number, not 1\.5"):
        make("ppo", observation_space, action_space, 0, {"rollout_size": 1.5})
    with pytest.raises(ValueError, match=r"'relux' is not an activation: did you mean 'relu'\?"):
        make("ppo", observation_space, action_space, 0, {"activation": "relux"})
    make("ppo", observation_space, action_space, 0, {"vf_coef": 0, "ent_coef": 0, "target_kl": 0.02, "gamma": 1})
    with pytest.raises(ValueError, match="sac needs a bounded Box"):
        make("sac", observation_space, action_space, 0)
    agent = agent_for("ppo", envs)
    with pytest.raises(ValueError, match="3 steps are fewer than the 4 rows"):
        agent.learn(envs, 3)
    with pytest.raises(ValueError, match="made for the observation space"):
        agent.learn(classic("Acrobot-v1", 2), 64)
    assert names() == ["ppo", "sac", "dqn", "random"]


def test_a_diverged_agent_says_so_instead_of_acting(classic: Rows) -> None:
    envs = classic("CartPole-v1", 2)
    agent = agent_for("ppo", envs)
    with torch.no_grad():
        agent._learner.policy.action_net.bias.fill_(torch.nan)
    with pytest.raises(ValueError, match="actions are not finite"):
        agent.act(envs.reset(seed=0)[0])


@pytest.mark.parametrize(("settled", "batch"), [({}, 32), ({"rollout_size": 2048}, 8)], ids=["open", "settled"])
def test_a_rollout_whose_size_is_open_has_at_most_64_minibatches(
    classic: Rows, settled: dict[str, int], batch: int
) -> None:
    envs = classic("CartPole-v1", 4)
    agent: Any = make(
        "ppo", envs.single_observation_space, envs.single_action_space, 0, {"batch_size": 8, "n_epochs": 1} | settled
    )
    agent.learn(envs, 4096)
    assert agent._learner.n_steps * 4 == 2048
    assert agent._learner.batch_size == batch


def test_tensorboard_is_written_where_asked(classic: Rows, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    agent = agent_for("ppo", envs := classic("CartPole-v1", 4))
    agent.learn(envs, 256, tensorboard=tmp_path / "log")
    assert list((tmp_path / "log").glob("events*"))


def test_ppo_learns_cartpole_in_twenty_thousand_steps(classic: Rows) -> None:
    envs = classic("CartPole-v1", 16)
    agent = make("ppo", envs.single_observation_space, envs.single_action_space, 0)
    assert isinstance(agent, Sb3Agent)
    agent.learn(envs, 30_000)
    assert evaluate(agent, classic("CartPole-v1", 8), 16, seed=5).mean > 400


def test_maps_take_short_rollouts_unless_settings_say_otherwise() -> None:
    buttons = spaces.Discrete(3)
    of_a_map, of_a_list = spaces.MultiDiscrete([4] * 36), spaces.MultiDiscrete([4, 3, 2])
    assert make("ppo", of_a_map, buttons, 0).settings.rollout_size == 2048
    assert make("ppo", of_a_map, buttons, 0, {"rollout_size": 96}).settings.rollout_size == 96
    assert make("ppo", of_a_list, buttons, 0).settings.rollout_size == 0
