"""What a few seeds allow one to say: intervals, tests, and a correction for asking often. Arrays in, figures out.

A seed is the sampling unit: the episodes of one seed share an agent, so that they say nothing about the next seed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

CONFIDENCE = 0.95
SEEDS_FOR_BOOTSTRAP = (
    10  # below, a percentile bootstrap is far too narrow: at 3 seeds it covers 75 % where it says 95 %
)
RESAMPLES = 2000

Values = NDArray[np.float64]


def half_width(values: ArrayLike) -> Values:
    """Half of Student's 95 % interval of the mean, over the first axis of `values`, `(S, ...)` with S >= 2 seeds.

    Student, "The probable error of a mean", Biometrika 6, 1908.
    """
    seen = np.asarray(values, np.float64)
    quantile = float(stdtrit(len(seen) - 1, (1 + CONFIDENCE) / 2))
    return np.asarray(quantile * seen.std(axis=0, ddof=1) / math.sqrt(len(seen)))


def interval(values: ArrayLike, rng: np.random.Generator) -> tuple[float, float, float]:
    """Centre, lower and upper end over `values`, `(S,)` with S >= 2 seeds.

    The mean with Student's interval; from ten seeds up the interquartile mean with a percentile bootstrap.
    """
    seen = np.asarray(values, np.float64)
    if len(seen) >= SEEDS_FOR_BOOTSTRAP:
        return (float(interquartile_mean(seen)), *bootstrap(seen, rng))
    centre, half = float(seen.mean()), float(half_width(seen))
    return centre, centre - half, centre + half


def interquartile_mean(values: ArrayLike) -> Values:
    """The mean of the middle half of `values`, over the last axis; a quarter, rounded down, is cut at either end.

    Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice", NeurIPS 2021.
    """
    ordered = np.sort(np.asarray(values, np.float64), axis=-1)
    cut = ordered.shape[-1] // 4
    return np.asarray(ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1))


def bootstrap(values: ArrayLike, rng: np.random.Generator) -> tuple[float, float]:
    """The 95 % percentile bootstrap of the interquartile mean of `values`, `(S,)`, or `(S, K)` for K strata (tasks).

    Seeds are resampled within each stratum on its own (Efron, "Bootstrap methods", Annals of Statistics 7, 1979;
    stratified as by Agarwal et al., 2021).
    """
    seen = np.asarray(values, np.float64).reshape(len(np.asarray(values)), -1)  # (S, K)
    seeds, strata = seen.shape
    drawn = rng.integers(seeds, size=(RESAMPLES, seeds, strata))
    resampled = np.take_along_axis(np.broadcast_to(seen, drawn.shape), drawn, axis=1)
    low, high = np.quantile(interquartile_mean(resampled.reshape(RESAMPLES, -1)), _ends())
    return float(low), float(high)


def welch(ours: ArrayLike, theirs: ArrayLike) -> float:
    """The two-sided p-value that `ours` and `theirs`, `(S,)` and `(R,)`, at least two each, have one mean.

    Welch, "The generalization of 'Student's' problem when several different population variances are involved",
    Biometrika 34, 1947. Without any spread the answer is 1 where the means agree and 0 where they do not.
    """
    one, other = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    shares = np.array([one.var(ddof=1) / len(one), other.var(ddof=1) / len(other)])
    difference, spread = float(one.mean() - other.mean()), float(shares.sum())
    if spread == 0:
        return 1.0 if difference == 0 else 0.0
    freedom = spread**2 / float(shares[0] ** 2 / (len(one) - 1) + shares[1] ** 2 / (len(other) - 1))
    return _two_sided(difference / math.sqrt(spread), freedom)


def paired(ours: ArrayLike, theirs: ArrayLike) -> float:
    """The two-sided p-value that the differences of `ours` and `theirs`, `(S,)` each, S >= 2, have the mean 0.

    Student's test of 1908 on the differences: for seeds that share what they learned from.
    """
    differences = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    difference, spread = float(differences.mean()), float(differences.std(ddof=1))
    if spread == 0:
        return 1.0 if difference == 0 else 0.0
    return _two_sided(difference / spread * math.sqrt(len(differences)), len(differences) - 1)


def holm(p_values: ArrayLike) -> Values:
    """The p-values `(M,)` corrected so that among M true hypotheses any is rejected with at most the level's chance.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979. It asks
    nothing about how the tests hang together, so that they may share a reference.
    """
    raw = np.asarray(p_values, np.float64)
    order = np.argsort(raw, kind="stable")
    stepped = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    corrected = np.empty_like(raw)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def _two_sided(t: float, freedom: float) -> float:
    return float(2 * stdtr(freedom, -abs(t)))


def _ends() -> tuple[float, float]:
    return (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
