"""The break-even price of a real step: from which cost of a step on a dream is cheaper than the simulator.

For a return that both reach, `price = (overhead of the dream − overhead of the simulator) / (steps of the simulator −
steps of the dream)`. Steps are real ones; overhead is wall-clock less the simulator's own. With a step that costs `c`
seconds the dream takes `c · its steps + its overhead`, which is less than the simulator's exactly where `c` passes the
price. Arrays in, figures out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.statistics import CONFIDENCE, RESAMPLES

SHARE = 0.9  # of the way from random play to the ceiling, fixed before anything is run


@dataclass(frozen=True)
class Price:
    """From which cost of one real step on the dream pays.

    `price`: above `seconds`. `never`: at no cost. `always`: at any cost, or, where the dream needs more real steps but
    less time of its own, as long as a step costs less than `seconds`. `low` and `high` are the 95 % interval of the
    price, `inf` where it has no upper end; both are None where either side has but one seed.
    """

    answer: Literal["price", "never", "always"]
    seconds: float | None
    low: float | None = None
    high: float | None = None


def goal(random: float, ceiling: float) -> float:
    """The return that both sides have to hold: 90 % of the way from `random` to `ceiling`."""
    return random + SHARE * (ceiling - random)


def first_hold(returns: ArrayLike, wanted: float) -> int | None:
    """The first of the evaluations `(P,)` that reaches `wanted` and still does at the next one; None where none does.

    The last evaluation has no next one: it holds where it reaches `wanted` itself.
    """
    reached = np.asarray(returns, np.float64) >= wanted
    holds = reached & np.append(reached[1:], True)
    return int(holds.argmax()) if holds.any() else None


def break_even(dream: ArrayLike, simulator: ArrayLike, rng: np.random.Generator) -> Price:
    """The price from the seeds of both sides that reach the goal: `(S, 2)` and `(R, 2)`, S, R >= 1.

    A seed is its real steps and its overhead in seconds where it first holds the goal. The price is that of the means
    over seeds; its interval resamples the seeds of both sides (percentiles; narrow where seeds are few).
    """
    ours, theirs = np.asarray(dream, np.float64), np.asarray(simulator, np.float64)
    steps, overhead = _difference(ours.mean(axis=0), theirs.mean(axis=0))
    low, high = _interval(ours, theirs, rng) if min(len(ours), len(theirs)) > 1 else (None, None)
    if steps > 0:
        return Price("price", float(overhead / steps), low, high) if overhead > 0 else Price("always", None, low, high)
    if overhead >= 0:
        return Price("never", None, low, high)
    return Price("always", float(overhead / steps) if steps < 0 else None, low, high)


def _difference(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """The real steps that the dream saves and the overhead that it adds."""
    return theirs[..., 0] - ours[..., 0], ours[..., 1] - theirs[..., 1]


def _interval(ours: NDArray[np.float64], theirs: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """Percentiles of the price over resampled seeds: 0 where a resampled dream always pays, inf where it never does."""
    steps, overhead = _difference(*(_resampled(side, rng) for side in (ours, theirs)))
    prices = np.where(overhead >= 0, math.inf, 0.0)
    saves = steps > 0
    prices[saves] = np.maximum(overhead[saves] / steps[saves], 0.0)
    low = np.quantile(prices, (1 - CONFIDENCE) / 2, method="lower")  # no value lies between a number and infinity
    return float(low), float(np.quantile(prices, (1 + CONFIDENCE) / 2, method="higher"))


def _resampled(side: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The means of resampled seeds, `(RESAMPLES, 2)`."""
    drawn = rng.integers(len(side), size=(RESAMPLES, len(side)))
    return np.asarray(side[drawn].mean(axis=1))
