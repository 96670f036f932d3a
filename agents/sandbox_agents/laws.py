"""The laws that the outputs of PPO's policy stand for: draws, log-probabilities, entropies and their gradients.

Gaussians of a Box, categorical choices of a Discrete and a MultiDiscrete, coins of a MultiBinary, as in SB3; its
distribution objects take longer to build than a batch of small nets takes to compute.
"""

from typing import Any, NamedTuple

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor
from torch.nn import functional

HALF_LOG_TAU = 0.9189385332046727  # log(2 pi) / 2


class Law(NamedTuple):
    """N actions under the laws that a policy's outputs stand for, and how these change with the outputs."""

    log_prob: Tensor  # (N,)
    entropy: Tensor  # (N,)
    gradient: Tensor  # (N, K) of log_prob by the outputs
    entropy_gradient: Tensor  # (N, K)
    by_log_std: Tensor | None = None  # (N, A) of log_prob by the logarithms of the deviations, of Gaussians


class Policy(ActorCriticPolicy):
    """SB3's policy of two nets, which draws its actions by the laws of this file."""

    def forward(self, obs: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Draw actions (N, ...) for observations (N, D), with their values (N, 1) and log-probabilities (N,)."""
        if deterministic:
            return super().forward(obs, deterministic)
        features = self.features_extractor(obs)
        outputs = self.action_net(self.mlp_extractor.forward_actor(features))
        values = self.value_net(self.mlp_extractor.forward_critic(features))
        log_std = getattr(self, "log_std", None)
        actions = draw(self.action_space, outputs, log_std)
        log_prob = law_of(self.action_space, outputs, log_std, actions).log_prob
        return actions.reshape(len(actions), *(self.action_space.shape or ())), values, log_prob


def draw(space: spaces.Space[Any], outputs: Tensor, log_std: Tensor | None) -> Tensor:
    """Actions (N, A) for a policy's ``outputs`` (N, K), by torch's random numbers."""
    match space:
        case spaces.Box():
            assert log_std is not None
            return outputs + log_std.exp() * torch.randn_like(outputs)
        case spaces.MultiBinary():
            return torch.bernoulli(outputs.sigmoid())
        case spaces.MultiDiscrete():
            parts = torch.split(outputs, space.nvec.tolist(), dim=1)
            return torch.cat([_choice(part) for part in parts], dim=1)
    return _choice(outputs)


def _choice(logits: Tensor) -> Tensor:
    """(N, 1) of (N, K): the choice whose exponential waiting time, at the rate of its probability, is the shortest."""
    return (logits.softmax(dim=1) / torch.empty_like(logits).exponential_()).argmax(dim=1, keepdim=True)


def law_of(space: spaces.Space[Any], outputs: Tensor, log_std: Tensor | None, actions: Tensor) -> Law:
    """What a policy's ``outputs`` (N, K), means or logits, say of ``actions`` (N, A) as a rollout buffer has them.

    Args:
        space: of the actions: a Box, Discrete, MultiDiscrete or MultiBinary.
        outputs: means of Gaussians, or logits.
        log_std: (A,) logarithms of the Gaussians' deviations, of a Box.
        actions: what was done.
    """
    match space:
        case spaces.Box():
            assert log_std is not None
            return _gaussian(outputs, log_std, actions)
        case spaces.MultiBinary():
            return _bernoulli(outputs, actions)
        case spaces.MultiDiscrete():
            logits, choices = torch.split(outputs, space.nvec.tolist(), dim=1), torch.split(actions.long(), 1, dim=1)
            parts = [_categorical(*part) for part in zip(logits, choices, strict=True)]
            return Law(
                torch.stack([part.log_prob for part in parts]).sum(0),
                torch.stack([part.entropy for part in parts]).sum(0),
                torch.cat([part.gradient for part in parts], dim=1),
                torch.cat([part.entropy_gradient for part in parts], dim=1),
            )
    return _categorical(outputs, actions.long())


def _gaussian(means: Tensor, log_std: Tensor, actions: Tensor) -> Law:
    scale = (-log_std).exp()
    off = (actions - means) * scale
    log_prob = (-0.5 * off.square() - log_std - HALF_LOG_TAU).sum(1)
    entropy = (log_std + 0.5 + HALF_LOG_TAU).sum().expand(len(means))
    return Law(log_prob, entropy, off * scale, torch.zeros_like(means), off.square() - 1.0)


def _categorical(logits: Tensor, choice: Tensor) -> Law:
    logs = functional.log_softmax(logits, dim=1)
    shares = logs.exp()
    entropy = -(shares * logs).sum(1)
    gradient = (-shares).scatter_add_(1, choice, torch.ones_like(logits[:, :1]))
    return Law(logs.gather(1, choice)[:, 0], entropy, gradient, -shares * (logs + entropy[:, None]))


def _bernoulli(logits: Tensor, bits: Tensor) -> Law:
    shares = logits.sigmoid()
    log_prob = -functional.binary_cross_entropy_with_logits(logits, bits, reduction="none").sum(1)
    entropy = functional.binary_cross_entropy_with_logits(logits, shares, reduction="none").sum(1)
    return Law(log_prob, entropy, bits - shares, -logits * shares * (1.0 - shares))
