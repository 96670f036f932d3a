"""From a network's outputs to actions, drawn in NumPy with the caller's random numbers.

SB3's ``predict`` builds distribution objects and draws from torch's global generator; this does neither, and its
greedy actions are the same.
"""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3 import DQN, PPO, SAC

Generator = np.random.Generator
Actions = NDArray[Any]


def choose(learner: Any, obs: torch.Tensor, rng: Generator | None) -> Actions:
    """Return actions (B, …) in the learner's space for flat observations ``obs`` (B, D).

    Raises:
        ValueError: the network's output is not finite, as after learning that diverged.
    """
    policy = learner.policy
    with torch.inference_mode():
        match learner:
            case PPO():
                scores = policy.action_net(policy.mlp_extractor.forward_actor(policy.features_extractor(obs)))
            case SAC():
                hidden = policy.actor.latent_pi(policy.actor.features_extractor(obs))
                scores = policy.actor.mu(hidden)
            case DQN():
                scores = policy.q_net.q_net(policy.q_net.features_extractor(obs))
    values: Actions = scores.cpu().numpy()
    if not np.isfinite(values).all():
        raise ValueError("the agent's actions are not finite: its learning diverged, or it was given such observations")
    if isinstance(learner, SAC):
        if rng is not None:
            with torch.inference_mode():
                log_std = policy.actor.log_std(hidden).clamp(-20.0, 2.0).cpu().numpy()  # SB3's own bounds
            values = values + np.exp(log_std) * rng.standard_normal(values.shape)
        bounded: Actions = np.tanh(values)
        return bounded
    if isinstance(learner, DQN):
        return _epsilon_greedy(values, learner.exploration_rate, rng)
    return _from_policy(policy, learner.action_space, values, rng)


def _epsilon_greedy(values: NDArray[Any], rate: float, rng: Generator | None) -> Actions:
    best: Actions = values.argmax(axis=1)
    if rng is None:
        return best
    return np.where(rng.random(len(best)) < rate, rng.integers(values.shape[1], size=len(best)), best)


def _from_policy(policy: Any, space: spaces.Space[Any], values: Actions, rng: Generator | None) -> Actions:
    """Read PPO's outputs: means of Gaussians, or logits of categorical or Bernoulli choices."""
    match space:
        case spaces.Box():
            if rng is None:
                return values
            std: Actions = np.exp(policy.log_std.detach().cpu().numpy())
            return values + std * rng.standard_normal(values.shape)
        case spaces.MultiBinary():
            edge = np.float64(0.5) if rng is None else rng.random(values.shape)
            bits: Actions = 1.0 / (1.0 + np.exp(-values.astype(np.float64))) > edge
            return bits
        case spaces.MultiDiscrete():
            ends = np.cumsum(space.nvec)[:-1]
            return np.stack([_categorical(part, rng) for part in np.split(values, ends, axis=1)], axis=1)
    return _categorical(values, rng)


def _categorical(logits: NDArray[Any], rng: Generator | None) -> Actions:
    # The largest of logits plus Gumbel noise is a draw from their softmax.
    chosen: Actions = (logits if rng is None else logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return chosen
