"""Forecasts: from a situation in a log, many futures of a model under the logged actions, beside what happened."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sandbox.metrics.baselines import Step, with_baselines
from sandbox.metrics.dreamed import dreamed
from sandbox.metrics.scores import coverage, crps, ranks
from sandbox.metrics.standard import Standard
from sandbox.models.core import State
from sandbox.models.fitted import FittedModel
from sandbox.spaces import Element, Rows, brief
from sandbox.trajectories import Starts, Trajectories, starts_at

LEVELS = (0.5, 0.9)
FEWEST_FUTURES = 2
# Futures that are kept at once: more starts than these allow are dreamed one group after the other.
_ROWS = 8192


class ForecastError(ValueError):
    """A forecast that cannot be made of this log; the message says why and what could be."""


@dataclass(frozen=True)
class Forecast:
    """F futures over T steps from the first of S starts, what happened there, and the scores over all S starts.

    A class counts from 0, a number is in the world's units; scores are in standard deviations of the log or of the
    climate that was given, `scale`.
    """

    names: tuple[str, ...]  # (D,)
    elements: tuple[Element, ...]  # (D,)
    at: NDArray[np.int64]  # (S,), the transitions of the log that the forecasts begin with
    past: Rows  # (H + 1, D), what was seen up to the first start; the last row is the present
    truth: Rows  # (T, D), what happened then
    futures: Rows  # (T, F, D); a future that ended stays as it ended
    ended: NDArray[np.float64]  # (T,), the share of all futures that have ended though the log goes on
    crps: Mapping[str, NDArray[np.float64]]  # (T, D) each, of `dream`, `persistence` and `climatology`
    coverage: Mapping[float, NDArray[np.float64]]  # (T,) each: how often a band of 0.5, 0.9 held a number that varies
    scale: NDArray[np.float64]  # (D,)

    def score(self, who: str) -> NDArray[np.float64]:
        """The CRPS of `who` at every step, the mean over the dimensions, `(T,)`."""
        return np.asarray(self.crps[who].mean(axis=1), np.float64)

    def band(self, level: float, dimension: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The ends of the central interval of probability `level`, `(T,)` each; level 0 is the median twice."""
        low, high = np.quantile(self.futures[..., dimension], [(1 - level) / 2, (1 + level) / 2], axis=1)
        return low, high


def columns(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """The columns of the `wanted` dimensions among all `names`; all of them where none is wanted.

    Raises:
        ForecastError: with the nearest name that exists.
    """
    for name in wanted:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ForecastError(f"there is no dimension {name}{hint}; there are {', '.join(names)}")
    return [names.index(name) for name in wanted] or list(range(len(names)))


def forecast(
    model: FittedModel,
    data: Trajectories,
    at: NDArray[np.int64],
    steps: int,
    futures: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
    *,
    climate: Trajectories | None = None,
) -> Forecast:
    """Let `model` dream `futures` futures of `steps` steps from each start `at` `(S,)`, under the logged actions.

    A start is a transition of `data`: the model knows its observation and the history before it, and takes its action
    first. `choose` draws starts that go on long enough. `climate` is the data that the model was made from, where they
    are at hand: climatology draws from them, and their standard deviations are the unit of the scores. Without it both
    come from `data`; a log that judges is thus generous to climatology, which may draw the very thing that happened.

    The score is the continuous ranked probability score, fair for the number of futures (see `metrics.scores.crps`). A
    class is scored by the sum over its values of the score of "it is this one", a Brier score up to a factor.

    Raises:
        ForecastError: data of other spaces than the model's, or starts, steps or futures that cannot be.
    """
    _check(model, data, at, steps, futures, temperature)
    climate = data if climate is None else climate
    _check_spaces(model, climate, "climate")
    standard = Standard.of(climate)
    dreamers = with_baselines(_Warmed(model, temperature), climate)
    scores = {name: np.zeros((steps, len(standard.names))) for name in dreamers}
    held, ended = np.zeros((len(LEVELS), steps)), np.zeros(steps)
    fan: Rows | None = None
    for group in np.array_split(at, -(-len(at) * futures // _ROWS)):
        share = len(group) / len(at)
        begun = starts_at(data, group, model.history)
        index = group + np.arange(steps)[:, None]  # (T, G)
        actions, truth = data.action[index].astype(np.float32), data.next_obs[index]
        for name, dreamer in dreamers.items():
            lives = dreamed(dreamer, begun, actions, 1 if name == "persistence" else futures, rng)
            scores[name] += share * _crps(lives.obs, truth, standard)
            if name == "dream":
                fan = lives.obs[:, :, 0] if fan is None else fan
                ended += share * lives.ended.mean(axis=(1, 2))
                if len(standard.varying):
                    held += share * _held(lives.obs, truth, standard, rng)
    assert fan is not None
    first = starts_at(data, at[:1], model.history)
    return Forecast(
        names=standard.names,
        elements=standard.layout.elements,
        at=at,
        past=first.obs[0, -1 - int(first.length[0]) :],
        truth=data.next_obs[at[0] + np.arange(steps)],
        futures=fan,
        ended=ended,
        crps=scores,
        coverage=dict(zip(LEVELS, held, strict=True)) if len(standard.varying) else {},
        scale=standard.spread,
    )


def choose(
    data: Trajectories,
    steps: int,
    history: int,
    count: int,
    rng: np.random.Generator,
    episode: int | None = None,
    step: int | None = None,
) -> NDArray[np.int64]:
    """Up to `count` starts, `(S,)`, after which the log goes on for `steps` steps; the first is the one to draw.

    The others are drawn, each at most once, from all transitions that have `history` steps behind them, or, where no
    episode is long enough for that, from all that go on. The first is drawn alike unless `episode` or `step` is given:
    an episode alone begins after `history` steps or as late as it can, a step alone is taken in the first episode that
    is long enough. Only what went on is forecast: episodes that ended sooner are not among the judges.

    Raises:
        ForecastError: an episode or step outside the data, or episodes that are all too short.
    """
    if steps < 1:
        raise ForecastError(f"--steps {steps} forecasts nothing; ask for at least 1")
    if count < 1:
        raise ForecastError(f"--starts {count} judges nothing; ask for at least 1")
    longest = int(data.lengths.max(initial=0))
    if longest < steps:
        raise ForecastError(f"--steps {steps} is more than any episode of the log has; the longest has {longest}")
    left = data.lengths[data.episode] - data.elapsed
    able = np.flatnonzero((left >= steps) & (data.elapsed >= history))
    drawn = rng.permutation(able if len(able) else np.flatnonzero(left >= steps))[:count]
    if episode is None and step is None:
        return drawn
    first = _chosen(data, steps, history, episode, step)
    return np.concatenate([[first], drawn[drawn != first][: count - 1]])


def _chosen(data: Trajectories, steps: int, history: int, episode: int | None, step: int | None) -> int:
    """The transition of an episode and its step, where one of the two may be left open."""
    if episode is None:
        enough = np.flatnonzero(data.lengths >= (step or 0) + steps)
        episode = int(enough[0]) if len(enough) else int(data.lengths.argmax())
    if not 0 <= episode < len(data.lengths):
        raise ForecastError(f"--episode {episode} is not in the log, whose episodes are 0 to {len(data.lengths) - 1}")
    length = int(data.lengths[episode])
    if length < steps:
        raise ForecastError(f"--steps {steps} is more than the {length} steps that episode {episode} has")
    step = min(history, length - steps) if step is None else step
    if not 0 <= step <= length - steps:
        raise ForecastError(
            f"--at {step} leaves no {steps} steps in episode {episode}, which has {length}; "
            f"begin at 0 to {length - steps}, or ask for fewer --steps"
        )
    return int(data.lengths[:episode].sum()) + step


class _Warmed:
    """A model at one temperature, as `Dynamics` that need not be told it."""

    def __init__(self, model: FittedModel, temperature: float) -> None:
        self.model, self.temperature = model, temperature
        self.noise_dim, self.history, self.device = model.noise_dim, model.history, model.device

    def begin(self, starts: Starts) -> State:
        return self.model.begin(starts)

    def step(self, state: State, action: Tensor, noise: Tensor, temperature: float = 1.0) -> Step:
        with torch.inference_mode():
            return self.model.step(state, action, noise, self.temperature)


def _check(
    model: FittedModel, data: Trajectories, at: NDArray[np.int64], steps: int, futures: int, temperature: float
) -> None:
    if futures < FEWEST_FUTURES:
        raise ForecastError(f"--futures {futures} shows no spread; ask for at least {FEWEST_FUTURES}")
    if temperature <= 0:
        raise ForecastError(f"--temperature {temperature:g} must be positive")
    _check_spaces(model, data, "log")
    if not len(at):
        raise ForecastError("a forecast needs at least one start")
    beyond = at + steps > np.cumsum(data.lengths)[data.episode[at]]
    if beyond.any():
        raise ForecastError(f"the log does not go on for {steps} steps after transition {int(at[beyond][0])}")


def _check_spaces(model: FittedModel, data: Trajectories, name: str) -> None:
    pairs = (("observations", data.observation_space, model.observation), ("actions", data.action_space, model.action))
    for what, given, own in pairs:
        if given != own.space:
            raise ForecastError(
                f"the {name} has {what} {brief(given)}, the model dreams {brief(own.space)}: it is of another world"
            )


def _crps(obs: Rows, truth: Rows, standard: Standard) -> NDArray[np.float64]:
    """The mean over G starts of the score at every step of every dimension: `(T, M, G, D)`, `(T, G, D)` to `(T, D)`."""
    each = [
        np.bincount(standard.origin, crps(standard.points(drawn, "spread"), standard.points(seen, "spread")))
        for drawn, seen in zip(obs, truth, strict=True)
    ]
    return np.stack(each)


def _held(obs: Rows, truth: Rows, standard: Standard, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often the central bands of each of `LEVELS` held a number that varies, at every step, `(2, T)`."""
    pairs = zip(obs, truth, strict=True)
    ranked = [ranks(standard.numbers(drawn), standard.numbers(seen), rng) for drawn, seen in pairs]
    return np.array([[coverage(each, level) for each in ranked] for level in LEVELS])
