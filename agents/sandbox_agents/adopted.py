"""A model that was made with Stable-Baselines3 itself, as an agent of ours: it acts as before, and may learn on."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.preprocessing import get_flattened_obs_dim, is_image_space
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.common.type_aliases import TrainFrequencyUnit
from stable_baselines3.common.vec_env import VecNormalize
from stable_baselines3.dqn.policies import DQNPolicy
from stable_baselines3.sac.policies import SACPolicy

from .learners import ACTIVATIONS
from .sb3 import Sb3Agent
from .settings import LEARNERS
from .spaces import action_map, flat_dim
from .storage import Tensors, space_to_json

POLICIES: dict[type[BaseAlgorithm], type[Any]] = {PPO: ActorCriticPolicy, SAC: SACPolicy, DQN: DQNPolicy}
# What acting does with normalised observations, as ``VecNormalize`` does by default.
_CLIP, _EPSILON = 10.0, 1e-8


def adopt(
    model: BaseAlgorithm,
    observation_space: spaces.Space[Any] | None = None,
    action_space: spaces.Space[Any] | None = None,
    *,
    normalized: VecNormalize | None = None,
) -> Sb3Agent:
    """Return an agent that acts as ``model`` does, and learns on with its settings and a fresh optimiser.

    Args:
        model: a PPO, SAC or DQN of Stable-Baselines3 with the policy "MlpPolicy", in hand or from its ``load``.
        observation_space: the environment's own, where the model was shown flattened ones (by ``Sb3VecEnv``, say).
        action_space: likewise.
        normalized: the ``VecNormalize`` that it learned behind; by default the one around the model's environment.
            A model from a file has none, and does not know that it had one: without it, it acts blindly.

    Raises:
        ValueError: another algorithm or policy, or nets, spaces or scales that agents here do not have.
    """
    name = _name_of(model)
    own_observations = observation_space or model.observation_space
    own_actions = action_space or model.action_space
    _require_same_sight(model, own_observations)
    normalized = normalized or model.get_vec_normalize_env()
    tensors = {f"policy.{key}": value for key, value in model.policy.state_dict().items()}
    for variable in model._get_torch_save_params()[1]:
        tensors[variable] = getattr(model, variable)
    if name == "ppo" and isinstance(own_actions, spaces.Box) and model.action_space == own_actions:
        _rescale(tensors, own_actions)
    elif model.action_space not in (own_actions, action_map(own_actions).learner_space):
        raise ValueError(f"the model acts in {model.action_space} and not in {own_actions}: give its own action space")
    if isinstance(model, DQN):
        tensors |= {"exploration_rate": torch.tensor(model.exploration_rate), "calls": torch.tensor(0)}
    record = {
        "agent": name,
        "seed": model.seed or 0,
        "steps": model.num_timesteps,
        "calls": 0,
        "settings": _settings(model, name, normalized),
        "observation_space": space_to_json(own_observations),
        "action_space": space_to_json(own_actions),
    }
    weights = {key: value.detach().cpu().numpy() for key, value in tensors.items()}
    return Sb3Agent.restore(record, weights | _scales(normalized, own_observations), Path(type(model).__name__))


def _name_of(model: BaseAlgorithm) -> str:
    """Which learner it is.

    Raises:
        ValueError: none of ours, or one whose policy is not "MlpPolicy".
    """
    for kind, policy in POLICIES.items():
        if isinstance(model, kind):
            if type(model.policy) is not policy or getattr(model, "use_sde", False):
                break
            if model.policy.features_extractor_class is not FlattenExtractor:
                break
            return kind.__name__.lower()
    raise ValueError(
        f"a {type(model).__name__} with a {type(model.policy).__name__} cannot be adopted: it takes a PPO, SAC or DQN "
        'with the policy "MlpPolicy", without state-dependent exploration'
    )


def _require_same_sight(model: BaseAlgorithm, own: spaces.Space[Any]) -> None:
    """Refuse a model that would see something else in the same observation."""
    if is_image_space(model.observation_space):
        raise ValueError("the model sees images as rows of numbers, agents here by convolutions: train anew")
    seen = get_flattened_obs_dim(model.observation_space)
    if seen != flat_dim(own):
        raise ValueError(
            f"the model is shown {seen} numbers, and an observation of {own} has {flat_dim(own)} for agents here: "
            "give the observation space of its environment, or train anew"
        )


def _settings(model: Any, name: str, normalized: VecNormalize | None) -> dict[str, Any]:
    """The model's settings under our names, most of which are its own."""
    rate = model.lr_schedule
    known = (field.name for field in fields(LEARNERS[name]))
    found = {key: getattr(model, key) for key in known if isinstance(getattr(model, key, None), int | float)}
    found |= {
        "learning_rate": float(rate(1.0)),
        "net_arch": _widths(model.policy.net_arch),
        "activation": _activation(model.policy.activation_fn),
        "normalize_obs": normalized is not None and normalized.norm_obs,
        "normalize_reward": normalized is not None and normalized.norm_reward,
    }
    if name == "ppo":
        return found | {
            "clip_range": float(model.clip_range(1.0)),
            "rollout_size": model.n_steps * model.n_envs,
            "anneal": float(rate(0.0)) < float(rate(1.0)),
        }
    if model.train_freq.unit is TrainFrequencyUnit.STEP:
        found["train_freq"] = model.train_freq.frequency
    if name == "sac" and isinstance(model.ent_coef, str):
        found["ent_coef"] = "auto"
    return found


def _widths(net_arch: Any) -> list[int]:
    """The widths of the hidden layers, which actor and critic share here.

    Raises:
        ValueError: they differ.
    """
    nets = list(net_arch.values()) if isinstance(net_arch, dict) else [net_arch]
    if any(net != nets[0] for net in nets):
        raise ValueError(f"the model's nets have different widths, {net_arch}: agents here have one for all")
    return list(nets[0])


def _activation(function: Callable[..., Any]) -> str:
    for name, known in ACTIVATIONS.items():
        if known is function:
            return name
    raise ValueError(f"the model's nets have an activation that agents here do not know: use {', '.join(ACTIVATIONS)}")


def _rescale(weights: dict[str, Any], space: spaces.Box) -> None:
    """A PPO of SB3 draws actions in the environment's units, one of ours between -1 and 1."""
    low, high = (torch.as_tensor(bound.ravel().astype(np.float64)) for bound in (space.low, space.high))
    middle, half = (low + high) / 2, (high - low) / 2
    weights["policy.action_net.weight"] = weights["policy.action_net.weight"] / half[:, None].float()
    weights["policy.action_net.bias"] = (weights["policy.action_net.bias"] - middle.float()) / half.float()
    weights["policy.log_std"] = weights["policy.log_std"] - half.log().float()


def _scales(normalized: VecNormalize | None, space: spaces.Space[Any]) -> Tensors:
    """The running statistics of observations and returns, as an agent's file holds them.

    Raises:
        ValueError: scales of another kind than ``VecNormalize`` has by default.
    """
    known = {"observation": RunningMeanStd(shape=(flat_dim(space),)), "return": RunningMeanStd(shape=())}
    shapes = {name: stats.mean.shape for name, stats in known.items()}
    if normalized is not None:
        if (normalized.clip_obs, normalized.epsilon) != (_CLIP, _EPSILON):
            raise ValueError(f"the model saw observations cut at {normalized.clip_obs}: agents here cut at {_CLIP}")
        known["return"] = normalized.ret_rms
        if isinstance(normalized.obs_rms, RunningMeanStd) and normalized.norm_obs:
            known["observation"] = normalized.obs_rms
    scales = {f"{name}.count": np.array(stats.count) for name, stats in known.items()}
    for part in ("mean", "var"):
        scales |= {f"{name}.{part}": np.reshape(getattr(stats, part), shapes[name]) for name, stats in known.items()}
    return scales
