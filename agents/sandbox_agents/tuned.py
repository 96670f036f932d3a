"""The strongest settings found for learning in a simulator that grants few steps: the baseline that a dream must beat.

They depend on the kind of action and on the budget, never on the environment, so that they serve anyone's. Each was
chosen by the mean greedy return over 64 episodes, one row, one thread (in brackets, a seed each):

==============  ======  =============================================================  ==========================
task            steps   these settings                                                 for comparison
==============  ======  =============================================================  ==========================
Pendulum-v1     2,000   SAC -157 (-158 -156 -157 -158)                                 one update a step: -787
CartPole-v1     2,000   PPO 357 (478 206 361 455 202 260 391 500)                      DQN below: 306
Acrobot-v1      5,000   PPO -126 (-96 -98 -93 -98 -132 -106 -118 -268)                 DQN below: -388
==============  ======  =============================================================  ==========================
"""

from collections.abc import Callable
from typing import Any

from gymnasium import spaces

from .core import MANY
from .spaces import image_shape

FEW = 20_000  # from here on there is data enough for the plain defaults


def tuned(name: str, action_space: spaces.Space[Any], steps: int) -> dict[str, Any]:
    """Return what to give ``make`` as ``config`` for learning from ``steps`` steps of a simulator with one row.

    Args:
        name: ppo, sac or dqn; anything else gets no settings.
        action_space: the environment's own single action space.
        steps: the whole budget.
    """
    if steps >= FEW:
        return farsighted(name, steps)
    if name not in _FEW_STEPS:
        return {}
    return _FEW_STEPS[name](action_space)


def farsighted(name: str, steps: int) -> dict[str, Any]:
    """Return what to give ``make`` as ``config`` for learning with ``steps`` real steps, in dreams or in the simulator.

    With a gamma of 0.99 an agent looks a hundred steps ahead, and what lies beyond is hardly worth the way: in the
    dream of a model of 16,000 real steps of Lander (an rnn, without fear of ends) PPO from scratch learned to land in
    63 % of its flights with 0.99 and in 81 % with 0.995, in the simulator in 48 and 84 % (one seed, 420,000 steps). In
    the simulator itself PPO has 169, 163 and 163 with 0.995 after a million steps of 64 rows, 160, 147 and 150 with the
    defaults of ``agents/train.py`` (docs/results/lander.md, docs/results/worlds.md).

    Args:
        name: ppo, sac or dqn; only ppo gets settings.
        steps: the whole budget.
    """
    return {"gamma": 0.995} if name == "ppo" and steps >= FEW else {}


def patient(
    name: str, observation_space: spaces.Space[Any], action_space: spaces.Space[Any], steps: int
) -> dict[str, Any]:
    """Return what to give ``make`` as ``config`` for a long run in a batched simulator, of ``MANY`` steps and more.

    So many steps teach a larger net what a small one never tells apart: on Dodge two layers of 64 came to rest at 557
    to 723 whatever else was tried, and these settings without waves at 698 (with a gamma of 0.98); with them PPO has
    845, more than the scripted runner's 801 (eight million steps, seed 0; docs/results/worlds.md).

    Args:
        name: ppo, sac or dqn; only ppo gets settings.
        observation_space: the environment's own single observation space; only vectors of numbers get settings.
        action_space: its own single action space; only choices get settings.
        steps: the whole budget.
    """
    is_vector = isinstance(observation_space, spaces.Box) and not image_shape(observation_space)
    fits = name == "ppo" and is_vector and isinstance(action_space, spaces.Discrete)
    return dict(_PATIENT) if fits and steps >= MANY else {}


_PATIENT: dict[str, Any] = {
    "n_epochs": 3,  # where steps are plenty, fresh ones teach more than a sixth look at the old
    "net_arch": [128, 128],
    "activation": "relu",
    "waves": [0.25, 0.5, 1.0, 2.0],
}


def studious(name: str) -> dict[str, Any]:
    """Return what to give ``make`` as ``config`` for learning from remembered steps alone, by many updates.

    A life of few steps wants haste, a memory wants patience, and a net that can hold it: from 5,000 remembered steps of
    an erring pilot of Lander and 50,000 that a model drew, DQN with the settings above returned -172 after 60,000
    updates, with these -114 after 40,000; from 5,000 of a pilot of Pendulum and 50,000 drawn, SAC with two layers of 64
    returned -516 after 10,000 updates, with these, the nets of its own paper (Haarnoja et al. 2018), -126 (a seed each,
    50 episodes).
    """
    return dict(_STUDIOUS.get(name, {}))


_STUDIOUS: dict[str, dict[str, Any]] = {
    "dqn": {"learning_rate": 5e-4, "target_update_interval": 500, "net_arch": [128, 128]},
    "sac": {"net_arch": [256, 256], "activation": "relu"},
}


def _ppo(action_space: spaces.Space[Any]) -> dict[str, Any]:
    return {
        "rollout_size": 256,  # eight updates within 2,000 steps; with rollouts of 1,024, Acrobot falls to -398
        "batch_size": 64,  # minibatches of 32 gained nothing and took longer
        "n_epochs": 10,  # SB3's own: with 20 passes CartPole falls to 298, with 5 Acrobot to -206
        "gae_lambda": 0.9,  # a short trace: of one row's few samples, variance is the larger error
        "anneal": False,  # the last samples come from the best policy, so they deserve full steps
    }


def _sac(action_space: spaces.Space[Any]) -> dict[str, Any]:
    return {
        "learning_rate": 1e-3,  # three times SB3's: the zoo's for Pendulum
        "gradient_steps": 2,  # two updates a step: the one setting that solves Pendulum within 2,000 steps
    }


def _dqn(action_space: spaces.Space[Any]) -> dict[str, Any]:
    return {
        "learning_rate": 2e-3,  # the zoo's for CartPole
        "gradient_steps": 2,  # more than two did not help (212 with four)
        "target_update_interval": 10,  # as the zoo: a slow target wastes a short life
        "exploration_fraction": 0.2,  # exploring for half of it gave 116 on CartPole
        "exploration_final_eps": 0.04,  # the zoo's for CartPole
    }


_FEW_STEPS: dict[str, Callable[[spaces.Space[Any]], dict[str, Any]]] = {"ppo": _ppo, "sac": _sac, "dqn": _dqn}
