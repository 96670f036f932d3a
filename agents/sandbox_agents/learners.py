"""From settings to a learner: which of SB3's parameters each setting is, and an empty memory for new rows."""

import warnings
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from .algorithms import Dqn, EvenRolloutBuffer, Guided, Ppo, Sac
from .images import Eye
from .laws import Policy
from .settings import DqnSettings, PpoSettings, SacSettings, Settings
from .waves import Waves

ACTIVATIONS: dict[str, type[torch.nn.Module]] = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "elu": torch.nn.ELU}


def build(
    settings: Settings,
    dim: int,
    action_space: spaces.Space[Any],
    device: torch.device,
    image: tuple[int, int, int] | None = None,
) -> Guided:
    """Build the learner of ``settings`` for flat observations (D,), without an environment.

    Raises:
        ValueError: settings that scale an ``image``, which is scaled as it is seen, or see it as waves.
    """
    policy: dict[str, Any] = {
        "activation_fn": ACTIVATIONS[settings.activation],
        "optimizer_kwargs": {"fused": True, "eps": 1e-5 if isinstance(settings, PpoSettings) else 1e-8},
        "net_arch": list(settings.net_arch),
    }
    if image is not None:
        if settings.normalize_obs:
            raise ValueError("images are divided by 255 where they are seen: leave normalize_obs false")
        if settings.waves:
            raise ValueError("images are seen by convolutions, and not as waves: leave waves empty")
        policy |= {"features_extractor_class": Eye, "features_extractor_kwargs": {"shape": image}}
    elif settings.waves:
        policy |= {"features_extractor_class": Waves, "features_extractor_kwargs": {"waves": settings.waves}}
    learner = _choose(settings, policy, device, action_space)
    learner.observation_space = spaces.Box(-np.inf, np.inf, (dim,), np.float32)
    learner.action_space = action_space
    learner.n_envs = 1
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You are trying to run PPO on the GPU")  # the caller chose the device
        learner._setup_model()
    return learner


def _choose(
    settings: Settings, policy: dict[str, Any], device: torch.device, action_space: spaces.Space[Any]
) -> Guided:
    match settings:
        case PpoSettings():
            return _ppo(settings, policy, device)
        case SacSettings():
            return _sac(settings, policy, device, action_space)
        case DqnSettings():
            return _dqn(settings, policy, device)
    raise ValueError(f"no learner goes by the settings {type(settings).__name__}")


def _ppo(settings: PpoSettings, policy: dict[str, Any], device: torch.device) -> Ppo:
    rate = settings.learning_rate
    learner = Ppo(
        Policy,
        None,  # type: ignore[arg-type]
        learning_rate=(lambda left: rate * left) if settings.anneal else rate,
        n_steps=1,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip_range,
        ent_coef=settings.ent_coef,
        vf_coef=settings.vf_coef,
        max_grad_norm=settings.max_grad_norm,
        target_kl=settings.target_kl,
        rollout_buffer_class=EvenRolloutBuffer,
        policy_kwargs=policy | {"log_std_init": settings.log_std_init},
        device=device,
        _init_setup_model=False,
    )
    learner.rollout_size, learner.smallest_batch = settings.rollout_size, settings.batch_size
    return learner


def _sac(settings: SacSettings, policy: dict[str, Any], device: torch.device, action_space: spaces.Space[Any]) -> Sac:
    return Sac(
        "MlpPolicy",
        None,  # type: ignore[arg-type]
        learning_rate=settings.learning_rate,
        buffer_size=settings.buffer_size,
        learning_starts=settings.learning_starts,
        batch_size=settings.batch_size,
        tau=settings.tau,
        gamma=settings.gamma,
        train_freq=settings.train_freq,
        gradient_steps=settings.gradient_steps,
        ent_coef=settings.ent_coef,
        target_entropy=-float(np.prod(action_space.shape or 1)),  # SB3's "auto" asks an environment for it
        policy_kwargs=policy,
        device=device,
        _init_setup_model=False,
    )


def _dqn(settings: DqnSettings, policy: dict[str, Any], device: torch.device) -> Dqn:
    learner = Dqn(
        "MlpPolicy",
        None,  # type: ignore[arg-type]
        learning_rate=settings.learning_rate,
        buffer_size=settings.buffer_size,
        learning_starts=settings.learning_starts,
        batch_size=settings.batch_size,
        tau=settings.tau,
        gamma=settings.gamma,
        train_freq=settings.train_freq,
        gradient_steps=settings.gradient_steps,
        n_steps=settings.n_steps,
        target_update_interval=settings.target_update_interval,
        exploration_fraction=settings.exploration_fraction,
        exploration_initial_eps=settings.exploration_initial_eps,
        exploration_final_eps=settings.exploration_final_eps,
        max_grad_norm=settings.max_grad_norm,
        policy_kwargs=policy,
        device=device,
        _init_setup_model=False,
    )
    learner.exploration_rate = settings.exploration_initial_eps
    return learner


def fresh_memory(learner: Guided, is_seasoned: bool) -> None:
    """Give the learner an empty memory for its present number of rows.

    One that ``is_seasoned`` has learned before: it need not begin with random actions again.
    """
    if isinstance(learner, PPO):
        learner.rollout_buffer.n_envs = learner.n_envs
        return
    assert isinstance(learner, OffPolicyAlgorithm)
    old = learner.replay_buffer
    assert old is not None
    learner.replay_buffer = type(old)(
        learner.buffer_size,
        learner.observation_space,
        learner.action_space,
        device=learner.device,
        n_envs=learner.n_envs,
        **learner.replay_buffer_kwargs,
    )
    if is_seasoned:
        learner.learning_starts = 0
        if isinstance(learner, DQN):
            final = learner.exploration_final_eps
            learner.exploration_schedule = lambda _: final
