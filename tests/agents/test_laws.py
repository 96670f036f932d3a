"""The laws of PPO's policy against SB3's distribution objects, and their draws against their probabilities."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy

from sandbox_agents.laws import Policy, draw, law_of

SPACES = {
    "box": spaces.Box(-1.0, 1.0, (2,), np.float32),
    "discrete": spaces.Discrete(4),
    "multi_discrete": spaces.MultiDiscrete([3, 2, 4]),
    "multi_binary": spaces.MultiBinary(3),
}


@pytest.fixture(params=SPACES)
def policy(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    seen = spaces.Box(-np.inf, np.inf, (5,), np.float32)
    made: Any = Policy(seen, SPACES[request.param], lambda _: 1e-3, log_std_init=-0.7)
    torch.nn.init.normal_(made.action_net.weight)  # far from uniform
    return made


def outputs_of(policy: Any, obs: torch.Tensor) -> torch.Tensor:
    outputs: torch.Tensor = policy.action_net(policy.mlp_extractor.forward_actor(obs))
    return outputs


def test_probabilities_and_entropies_are_those_of_sb3(policy: Any) -> None:
    obs = torch.randn(50, 5)
    with torch.no_grad():
        actions, values, log_prob = policy(obs)
        expected, expected_log_prob, entropy = ActorCriticPolicy.evaluate_actions(policy, obs, actions)
        columns = actions.reshape(50, -1)
        law = law_of(policy.action_space, outputs_of(policy, obs), getattr(policy, "log_std", None), columns)
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(log_prob, expected_log_prob)
    torch.testing.assert_close(law.entropy, entropy)


def test_draws_are_as_frequent_as_they_are_probable(policy: Any) -> None:
    obs = torch.randn(1, 5).repeat(40_000, 1)
    with torch.no_grad():
        outputs = outputs_of(policy, obs)
        drawn = draw(policy.action_space, outputs, getattr(policy, "log_std", None))
    if isinstance(policy.action_space, spaces.Box):
        torch.testing.assert_close(drawn.mean(0), outputs[0], atol=0.02, rtol=0.0)
        torch.testing.assert_close(drawn.std(0), policy.log_std.exp().detach(), atol=0.02, rtol=0.0)
        return
    actions, counts = torch.unique(drawn, dim=0, return_counts=True)
    law = law_of(policy.action_space, outputs[: len(actions)], None, actions)
    torch.testing.assert_close(counts / len(obs), law.log_prob.exp(), atol=0.015, rtol=0.0)


def test_gradients_are_those_of_autograd(policy: Any) -> None:
    with torch.no_grad():
        outputs = outputs_of(policy, torch.randn(30, 5))
        actions = draw(policy.action_space, outputs, getattr(policy, "log_std", None))
    log_std = torch.tensor([-0.7, 0.2], requires_grad=True)
    outputs.requires_grad_()
    law = law_of(policy.action_space, outputs, log_std, actions)
    (gradient,) = torch.autograd.grad(law.log_prob.sum(), outputs, retain_graph=True)
    torch.testing.assert_close(law.gradient, gradient)
    if law.by_log_std is not None:
        (by_log_std,) = torch.autograd.grad(law.log_prob.sum(), log_std)
        torch.testing.assert_close(law.by_log_std.sum(0), by_log_std)
    else:
        (gradient,) = torch.autograd.grad(law.entropy.sum(), outputs)
        torch.testing.assert_close(law.entropy_gradient, gradient)
