"""No learned policy: at every step a planner tries many courses of action in its mind and begins the best.

The cross-entropy method (Rubinstein 1999; in a learned model: PETS, Chua et al. 2018): plans are drawn at random, the
best of them say where to draw the next ones. Continuous actions are drawn from Gaussians whose noise persists over the
steps ahead (iCEM, Pinneri et al. 2020: noise that is new at every step averages out, and no swing is ever tried),
discrete ones from categorical distributions, one for every step ahead.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from .spaces import Batch, rows_of
from .storage import space_from_json, space_to_json, write_agent

Plans = NDArray[Any]  # (B, K, T, A): K plans of T actions for each of B situations
Values = NDArray[np.float64]
_LEAST_STD, _LEAST_CHANCE = 0.05, 0.02  # of a draw: what is certain too early is not tried any more


class Foresight(Protocol):
    """What a planner asks: what would come of it."""

    def returns(self, obs: Batch, plans: Plans, rng: np.random.Generator) -> Values:
        """What each plan is worth, `(B, K)`; `plans` hold the environment's actions as flat rows `(B, K, T, A)`."""
        ...

    def save(self, path: Path) -> None:
        """Write what it foresees by into the folder `path`."""
        ...


@dataclass(frozen=True)
class PlannerSettings:
    """How a planner plans.

    Attributes:
        steps: how far a plan looks ahead (T).
        plans: how many are tried at once (K).
        iterations: rounds of trying, each nearer to the best of the last.
        elites: share of the plans that say where the next ones are drawn.
        momentum: share of the old distribution in the next one.
        persistence: correlation of the noise of a plan of numbers from one step to the next; with the equations of
            Pendulum-v1, 10 episodes returned -207 on average with 0, -193 with 0.7 and -172 with 0.9.
        seed: decides the plans of greedy acting: the same observations, the same actions.
    """

    steps: int = 20
    plans: int = 64
    iterations: int = 4
    elites: float = 0.125
    momentum: float = 0.1
    persistence: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "plans", "iterations"):
            if getattr(self, name) < (2 if name == "plans" else 1):
                raise ValueError(f"a planner's {name} must be at least {2 if name == 'plans' else 1}")
        if not 0 <= self.persistence < 1:
            raise ValueError(f"a planner's persistence must be from 0 to below 1, not {self.persistence}")


def can_plan(action_space: spaces.Space[Any]) -> bool:
    """Whether a planner can draw actions of `action_space`: a bounded Box of numbers, or Discrete."""
    if isinstance(action_space, spaces.Box):
        return bool(action_space.is_bounded()) and np.issubdtype(action_space.dtype or np.float32, np.floating)
    return isinstance(action_space, spaces.Discrete)


class Planner:
    """An agent that plans anew at every step, by what it sees now alone: between two steps it remembers nothing.

    So acting depends on the observation and the random numbers only, and an interrupted life goes on to the same bits.
    The price: each plan begins from nothing, and a model with a memory is asked without its history.
    """

    name = "cem"

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        foresight: Foresight,
        settings: PlannerSettings | None = None,
    ) -> None:
        """Plan in an environment of these single spaces by `foresight`.

        Raises:
            ValueError: actions that are neither a bounded Box of numbers nor Discrete.
        """
        if not can_plan(action_space):
            raise ValueError(f"a planner draws actions of a bounded Box or Discrete, not of {action_space}")
        self.observation_space, self.action_space = observation_space, action_space
        self.foresight = foresight
        self.settings = settings or PlannerSettings()

    def act(self, obs: Batch, rng: np.random.Generator | None = None) -> Batch:
        """The first actions of the best plans; with `rng`, of plans drawn from where the best were found.

        Without it the plans are drawn by numbers that the observations and the seed decide. Were they the seed's alone,
        a planner that finds nothing better than to wait would find the same at the next step, and wait for ever.
        """
        draw = rng or np.random.default_rng([self.settings.seed, *_digest(obs)])
        search = _search(self.action_space, rows_of(obs), self.settings)
        for _ in range(self.settings.iterations):
            plans = search.draw(self.settings.plans, draw)
            values = self.foresight.returns(obs, search.as_acted(plans), draw)
            if not np.isfinite(values).all():
                raise ValueError("a plan's worth is not finite: the model that it was tried in has diverged")
            search.narrow(plans, values)
        return search.first(None if rng is None else draw)

    def save(self, path: Path | str) -> None:
        """Write the settings into the folder `path`, and what it foresees by into `path/foresight`."""
        record = {
            "agent": self.name,
            "settings": asdict(self.settings),
            "observation_space": space_to_json(self.observation_space),
            "action_space": space_to_json(self.action_space),
        }
        write_agent(Path(path), record, {})
        self.foresight.save(Path(path) / "foresight")

    @classmethod
    def restore(cls, record: Mapping[str, Any], foresight: Foresight) -> "Planner":
        """The planner that `save` described, with what it foresees by.

        Raises:
            ValueError: a record that describes no planner.
        """
        try:
            settings = PlannerSettings(**record["settings"])
            seen, acted = (space_from_json(record[f"{which}_space"]) for which in ("observation", "action"))
        except (KeyError, TypeError) as error:
            raise ValueError(f"the planner is damaged ({error}): save it again") from error
        return cls(seen, acted, foresight, settings)


def _digest(obs: Batch) -> list[int]:
    """A number for each part of a batch of observations: equal observations, equal numbers."""
    if isinstance(obs, dict | tuple):
        return [number for part in (obs.values() if isinstance(obs, dict) else obs) for number in _digest(part)]
    return [zlib.crc32(np.ascontiguousarray(obs).tobytes())]


def is_planner(path: Path | str) -> bool:
    """Whether the folder `path` holds a planner."""
    try:
        record = json.loads((Path(path) / "agent.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("agent") == Planner.name


class _Gaussian:
    """Plans of numbers: a mean and a spread for every step ahead, in units of half the range of the actions."""

    def __init__(self, space: spaces.Box, rows: int, settings: PlannerSettings) -> None:
        self._settings, self._space = settings, space
        self._low, self._high = (bound.astype(np.float64).ravel() for bound in (space.low, space.high))
        self.mean = np.zeros((rows, settings.steps, len(self._low)))
        self.std = np.ones_like(self.mean)

    def draw(self, count: int, rng: np.random.Generator) -> Plans:
        """`count` plans a situation, `(B, K, T, A)` from -1 to 1; the first one is the mean itself."""
        noise = rng.standard_normal((len(self.mean), count, *self.mean.shape[1:]))
        last = self._settings.persistence
        for step in range(1, noise.shape[2]):
            noise[:, :, step] = last * noise[:, :, step - 1] + np.sqrt(1 - last**2) * noise[:, :, step]
        noise[:, 0] = 0.0
        return np.clip(self.mean[:, None] + self.std[:, None] * noise, -1.0, 1.0)

    def as_acted(self, plans: Plans) -> Plans:
        """Plans in the environment's units."""
        return self._low + (plans + 1.0) / 2.0 * (self._high - self._low)

    def narrow(self, plans: Plans, values: Values) -> None:
        """Move towards the best plans."""
        best = _best(plans, values, self._settings)  # (B, E, T, A)
        keep = self._settings.momentum
        self.mean = keep * self.mean + (1 - keep) * best.mean(axis=1)
        self.std = np.maximum(keep * self.std + (1 - keep) * best.std(axis=1), _LEAST_STD)

    def first(self, rng: np.random.Generator | None) -> Batch:
        """The actions to begin with, `(B, …)`."""
        begun = self.mean[:, 0]
        if rng is not None:
            begun = np.clip(begun + self.std[:, 0] * rng.standard_normal(begun.shape), -1.0, 1.0)
        acted = self.as_acted(begun).reshape(-1, *self._space.shape).astype(self._space.dtype)
        return acted.clip(self._space.low, self._space.high)


class _Categorical:
    """Plans of choices: the chance of every choice at every step ahead."""

    def __init__(self, space: spaces.Discrete, rows: int, settings: PlannerSettings) -> None:
        self._settings, self._space, self._count = settings, space, int(space.n)
        self.chance = np.full((rows, settings.steps, self._count), 1.0 / self._count)

    def draw(self, count: int, rng: np.random.Generator) -> Plans:
        """`count` plans a situation, `(B, K, T, 1)`, choices counted from 0; the first one is the likeliest."""
        edges = np.cumsum(self.chance, axis=-1)[:, None, :, :-1]  # (B, 1, T, n - 1)
        where = rng.random((len(self.chance), count, self._settings.steps, 1))
        drawn: NDArray[np.int64] = (where > edges).sum(axis=-1)
        drawn[:, 0] = self.chance.argmax(axis=-1)
        return drawn[..., None]

    def as_acted(self, plans: Plans) -> Plans:
        """Plans in the environment's units."""
        return plans + int(self._space.start)

    def narrow(self, plans: Plans, values: Values) -> None:
        """Move towards the best plans."""
        best = _best(plans, values, self._settings)[..., 0]  # (B, E, T)
        share = (best[..., None] == np.arange(self._count)).mean(axis=1)
        keep = self._settings.momentum
        chance = np.maximum(keep * self.chance + (1 - keep) * share, _LEAST_CHANCE)
        self.chance = chance / chance.sum(axis=-1, keepdims=True)

    def first(self, rng: np.random.Generator | None) -> Batch:
        """The actions to begin with, `(B,)`."""
        begun = self.chance[:, 0]
        if rng is None:
            chosen = begun.argmax(axis=-1)
        else:
            chosen = (rng.random((len(begun), 1)) > np.cumsum(begun, axis=-1)[:, :-1]).sum(axis=-1)
        return (chosen + int(self._space.start)).astype(self._space.dtype or np.int64)


def _search(space: spaces.Space[Any], rows: int, settings: PlannerSettings) -> _Gaussian | _Categorical:
    if isinstance(space, spaces.Discrete):
        return _Categorical(space, rows, settings)
    assert isinstance(space, spaces.Box)
    return _Gaussian(space, rows, settings)


def _best(plans: Plans, values: Values, settings: PlannerSettings) -> Plans:
    """The elite of each situation's plans, `(B, E, T, A)`."""
    count = max(1, round(settings.elites * plans.shape[1]))
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]  # (B, E)
    return np.take_along_axis(plans, order[:, :, None, None], axis=1)
