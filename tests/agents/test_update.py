"""PPO's written-out update against Stable-Baselines3's own, by the weights that both leave."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from stable_baselines3 import PPO

from sandbox_agents import make
from sandbox_agents.algorithms import Ppo

Rows = Callable[..., VectorEnv[Any, Any, Any]]
SEEN = spaces.Box(-1.0, 1.0, (5,), np.float32)


def learned(envs: VectorEnv[Any, Any, Any], config: dict[str, Any]) -> dict[str, Any]:
    """The weights and moments after three rollouts of 96 in minibatches of 24."""
    sizes = {"rollout_size": 96, "batch_size": 24, "n_epochs": 3, "net_arch": [24, 16]}
    agent: Any = make("ppo", envs.single_observation_space, envs.single_action_space, 3, sizes | config)
    agent.learn(envs, 288, seed=0)
    assert agent._learner.num_timesteps == 288
    tensors: dict[str, Any] = agent._learner.tensors()
    return tensors


def compare(envs: Callable[[], VectorEnv[Any, Any, Any]], config: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
    ours = learned(envs(), config)
    with patch.context() as context:
        context.setattr(Ppo, "train", PPO.train)
        theirs = learned(envs(), config)
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        np.testing.assert_allclose(ours[key], value, atol=2e-5, err_msg=key)


@pytest.mark.parametrize(
    "config",
    [{}, {"ent_coef": 0.1, "clip_range": 0.02}, {"waves": [0.5, 2]}],
    ids=["default", "entropy", "waves"],
)
def test_every_kind_of_action_is_learned_as_by_sb3(
    whatever: Rows, action_space: spaces.Space[Any], config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    compare(lambda: whatever(SEEN, action_space, 4), config, monkeypatch)


@pytest.mark.parametrize("activation", ["tanh", "relu", "elu"])
@pytest.mark.parametrize("net_arch", [[], [8], [8, 8, 8]], ids=str)
def test_every_net_is_learned_as_by_sb3(
    whatever: Rows, activation: str, net_arch: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"activation": activation, "net_arch": net_arch, "vf_coef": 0.7, "max_grad_norm": 0.1}
    compare(lambda: whatever(SEEN, spaces.Box(-1.0, 1.0, (2,), np.float32), 4), config, monkeypatch)


def test_a_divergence_stops_an_update_where_sb3_stops(whatever: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (learned(whatever(SEEN, spaces.Discrete(3), 4), {"target_kl": kl}) for kl in (1e-6, 1e3))
    assert any(not np.allclose(few[key], many[key], atol=1e-4) for key in few)
    compare(lambda: whatever(SEEN, spaces.Discrete(3), 4), {"target_kl": 1e-6}, monkeypatch)
