"""The settings of each learner: what they are called, what they are by default, and the reason in one line."""

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from gymnasium import spaces

from .maps import sides_of
from .spaces import image_shape


@dataclass(frozen=True)
class Settings:
    """What every learner has in common; names are Stable-Baselines3's wherever it has the thing.

    Attributes:
        learning_rate: Adam's step size.
        gamma: discount of a step; also of the return by which rewards are scaled.
        net_arch: widths of the hidden layers.
        activation: relu, tanh or elu between them.
        waves: numbers are also seen as sines and cosines of so many half turns a deviation (``waves.py``).
        normalize_obs: observations are shifted and scaled by their running mean and deviation (VecNormalize).
        normalize_reward: rewards are divided by the running deviation of the discounted return (VecNormalize).
    """

    learning_rate: float = 3e-4
    gamma: float = 0.99
    net_arch: tuple[int, ...] = (64, 64)
    activation: str = "tanh"
    waves: tuple[float, ...] = ()
    normalize_obs: bool = False
    normalize_reward: bool = False

    learner: ClassVar[str] = ""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Return these defaults with ``config`` over them.

        Raises:
            ValueError: a key that this learner does not have (with the nearest name), or a value of the wrong kind.
        """
        known = {field.name: field for field in fields(cls)}
        for key, value in config.items():
            require_known(key, list(known), f"a setting of {cls.learner}")
            _require_kind(key, value, known[key].default)
            _require_range(key, value, known[key].default)
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in config.items()}
        return replace(cls(), **values)


@dataclass(frozen=True)
class PpoSettings(Settings):
    """PPO for dreams and batched simulators of many rows.

    Attributes:
        rollout_size: samples between two updates, over all rows (SB3's n_steps × rows); 0 for a sixtieth of the steps
            to learn from, between 2,048 and 32,768. (Of maps 2,048.)
        batch_size: samples of a minibatch, about; a rollout is cut into equal parts, 64 at most where its size is left
            open.
        n_epochs: passes over a rollout.
        gae_lambda: the trace of generalised advantage estimation.
        clip_range: how far an update may move a probability ratio.
        ent_coef: weight of the entropy bonus.
        vf_coef: weight of the value loss.
        max_grad_norm: gradients are clipped to this norm.
        target_kl: an update stops early beyond 1.5 times this divergence; null for never.
        log_std_init: logarithm of the first standard deviation of continuous actions.
        anneal: the learning rate falls linearly to zero over each call of ``learn``.
    """

    rollout_size: int = 0
    batch_size: int = 256
    n_epochs: int = 6
    learning_rate: float = 1e-3
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    target_kl: float | None = None
    log_std_init: float = 0.0
    anneal: bool = True
    normalize_obs: bool = True
    normalize_reward: bool = True

    learner: ClassVar[str] = "ppo"


@dataclass(frozen=True)
class SacSettings(Settings):
    """SAC for few steps in a simulator.

    Attributes:
        buffer_size: transitions that are remembered.
        learning_starts: uniformly random steps before the first update.
        batch_size: transitions of an update.
        tau: share of the critic that goes into its target at each update.
        train_freq: steps of the batch between two rounds of updates.
        gradient_steps: updates of a round; -1 for one a transition.
        ent_coef: weight of the entropy, or "auto" to learn it.
    """

    learning_rate: float = 1e-3
    buffer_size: int = 200_000
    learning_starts: int = 100
    batch_size: int = 256
    tau: float = 0.005
    train_freq: int = 1
    gradient_steps: int = -1
    ent_coef: float | str = "auto"

    learner: ClassVar[str] = "sac"


@dataclass(frozen=True)
class DqnSettings(Settings):
    """DQN for few steps in a simulator.

    Attributes:
        buffer_size: transitions that are remembered.
        learning_starts: uniformly random steps before the first update.
        batch_size: transitions of an update.
        tau: share of the network that goes into its target at each target update.
        train_freq: steps of the batch between two rounds of updates.
        gradient_steps: updates of a round; -1 for one a transition.
        target_update_interval: steps between two target updates.
        exploration_fraction: share of the steps over which exploration falls.
        exploration_initial_eps: share of random actions at first.
        exploration_final_eps: share of random actions in the end.
        n_steps: steps of the return in a target.
        max_grad_norm: gradients are clipped to this norm.
    """

    learning_rate: float = 1e-3
    buffer_size: int = 200_000
    learning_starts: int = 100
    batch_size: int = 128
    tau: float = 1.0
    train_freq: int = 1
    gradient_steps: int = 1
    target_update_interval: int = 100
    exploration_fraction: float = 0.3
    exploration_initial_eps: float = 1.0
    exploration_final_eps: float = 0.05
    n_steps: int = 1
    max_grad_norm: float = 10.0

    learner: ClassVar[str] = "dqn"


LEARNERS: dict[str, type[Settings]] = {kind.learner: kind for kind in (PpoSettings, SacSettings, DqnSettings)}


ACTIVATIONS = ["relu", "tanh", "elu"]
_AT_MOST_ONE = (
    "gamma",
    "gae_lambda",
    "tau",
    "exploration_fraction",
    "exploration_initial_eps",
    "exploration_final_eps",
)
_LOWEST = {"batch_size": 2, "rollout_size": 0, "gradient_steps": -1, "learning_starts": 0, "log_std_init": -20}


def defaults(name: str, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> dict[str, Any]:
    """Return what ``make`` changes of a learner's settings for kinds of spaces."""
    changed: dict[str, Any] = {}
    if name == "ppo" and isinstance(action_space, spaces.Box):
        # Pendulum-v1 is learned from 50k dreamed steps with relu and from 100k with tanh; Acrobot-v1 never with relu.
        changed["activation"] = "relu"
    if name == "ppo" and isinstance(observation_space, spaces.MultiDiscrete) and sides_of(observation_space):
        # A map takes many updates: Wildfire, 1,000,000 steps, seed 0: -16 by rollouts of 2,048, -20 by 4,096, -30 by
        # 16,384. (Lander is the other way round: see ``Ppo.run``.)
        changed["rollout_size"] = 2048
    if image_shape(observation_space):
        # A frame takes 50 kB as the floats that a learner remembers, and is scaled where it is seen.
        changed |= {"normalize_obs": False} | ({"rollout_size": 2048} if name == "ppo" else {"buffer_size": 10_000})
    return changed


def read_config(path: Path | str, agent: str | None = None) -> dict[str, Any]:
    """Read an agent's settings from a JSON or TOML file.

    Args:
        path: a file that ends in .json or .toml and holds one flat table.
        agent: whose settings; None to accept the settings of any learner.

    Raises:
        ValueError: the file is missing, no table, or holds an unknown setting (with the nearest name).
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        config = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise ValueError(f"the settings file {path} cannot be read ({error.strerror}): give another path") from error
    except ValueError as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        raise ValueError(f"the settings file {path} is no {kind} ({error}): correct it") from error
    if not isinstance(config, dict):
        raise ValueError(f"the settings file {path} must hold one table of settings, such as {{'gamma': 0.98}}")
    kinds = [LEARNERS[agent]] if agent in LEARNERS else list(LEARNERS.values())
    known = {field.name: field for kind in kinds for field in fields(kind)}
    for key in config:
        require_known(key, list(known), f"a setting of {agent or 'any learner'}")
    return config


def require_known(name: str, known: list[str], what: str) -> None:
    """Raise a ValueError that offers the nearest of the ``known`` names, unless ``name`` is one of them."""
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
    raise ValueError(f"{name!r} is not {what}: {hint}")


def _require_kind(key: str, value: Any, default: Any) -> None:
    """Hold a value to the kind of its default: a whole number, a number, a switch, a word or a list of widths."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match default:
        case bool():
            fits, kind = isinstance(value, bool), "true or false"
        case int():
            fits, kind = number and isinstance(value, int), "a whole number"
        case float():
            fits, kind = number, "a number"
        case () if key == "waves":
            fits = isinstance(value, list | tuple) and all(
                type(w) in (int, float) and 0 < w < float("inf") for w in value
            )
            kind = "a list of positive numbers"
        case tuple():
            fits = isinstance(value, list | tuple) and all(isinstance(w, int) and w > 0 for w in value)
            kind = "a list of positive widths"
        case None:
            fits, kind = number or value is None, "a number or null"
        case _:
            fits, kind = isinstance(value, str) or number, "a word"
    if not fits:
        raise ValueError(f"the setting {key!r} must be {kind}, not {value!r}")


def _require_range(key: str, value: Any, default: Any) -> None:
    """Hold a value to what its meaning allows: SB3 fails on others only later, or learns nothing."""
    if key == "activation":
        require_known(value, ACTIVATIONS, "an activation")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    lowest = _LOWEST.get(key, 1 if isinstance(default, int) else 0)  # whole numbers count things
    highest = 1 if key in _AT_MOST_ONE else float("inf")
    if not lowest <= value <= highest:
        bounds = f"between {lowest} and {highest}" if highest == 1 else f"at least {lowest}"
        raise ValueError(f"the setting {key!r} must be {bounds}, not {value!r}")
