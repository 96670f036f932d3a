"""Proper scores and distances that need samples only, so that every family can be ranked by them. NumPy and SciPy.

A score is proper where nobody scores better than by the true law (Gneiting & Raftery, "Strictly proper scoring rules,
prediction, and estimation", 2007). Estimates from M draws are the fair ones (Ferro, "Fair scores for ensemble
forecasts", 2014): unbiased whatever M is, so that models may be compared at any number of draws.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import cdist, pdist

Numbers = NDArray[np.floating]


def energy_score(draws: Numbers, truth: Numbers) -> float:
    """The mean over N of E|X − y| − ½ E|X − X'|, from draws `(M, N, D)` and truth `(N, D)`; lower is better.

    Gneiting & Raftery (2007), equation 22; the second mean is over all pairs of different draws.
    """
    count = len(draws)
    to_truth = np.linalg.norm(draws - truth, axis=-1).mean()
    if count < 2:
        return float(to_truth)
    apart = sum(np.linalg.norm(draws[i + 1 :] - draws[i], axis=-1).mean(axis=1).sum() for i in range(count - 1))
    return float(to_truth - apart / (count * (count - 1)))


def crps(draws: Numbers, truth: Numbers) -> NDArray[np.float64]:
    """The continuous ranked probability score of each column: draws `(M, N, …)` and truth `(N, …)` give `(…)`.

    It is the energy score of one number (Gneiting & Raftery, 2007, equation 21), here exactly, by sorting.
    """
    count = len(draws)
    to_truth = np.abs(draws - truth).mean(axis=(0, 1))
    if count < 2:
        return np.asarray(to_truth, np.float64)
    # The sum of |x_i − x_j| over pairs i < j: the k-th smallest is added k times and taken away M − 1 − k times.
    weight = 2 * np.arange(count) - count + 1
    pairs = np.tensordot(weight, np.sort(draws, axis=0).astype(np.float64), axes=1).mean(axis=0)
    return np.asarray(to_truth - pairs / (count * (count - 1)), np.float64)


# Where the next value is certain, its last bits decide about no interval.
ROUNDING = 1e-3


def ranks(draws: Numbers, truth: Numbers, rng: np.random.Generator, tie: float = ROUNDING) -> NDArray[np.float64]:
    """Where each truth stands among its draws, in (0, 1): draws `(M, …)`, truth `(…)`; uniform if they are of one law.

    Ties, which are all differences up to `tie`, are broken at random, so that this also holds for laws with atoms
    (Czado, Gneiting & Held, "Predictive model assessment for count data", 2009).
    """
    below = (draws < truth - tie).sum(axis=0)
    equal = (np.abs(draws - truth) <= tie).sum(axis=0)
    return np.asarray((below + rng.random(truth.shape) * (equal + 1)) / (len(draws) + 1), np.float64)


def coverage(ranked: NDArray[np.float64], level: float) -> float:
    """The share of truths, given as `ranks`, inside the central interval of probability `level`; `level` is best."""
    return float((np.abs(ranked - 0.5) <= level / 2).mean())


def brier(draws: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """The mean squared error of the drawn share of an event, draws `(M, N)` and truth `(N,)`, less the luck of M draws.

    Brier, "Verification of forecasts expressed in terms of probability", 1950; fair: Ferro (2014), equation 2.
    """
    count, share = len(draws), draws.mean(axis=0)
    luck = share * (1 - share) / (count - 1) if count > 1 else np.zeros_like(share)
    return float((np.square(share - truth) - luck).mean())


def auroc(score: Numbers, truth: NDArray[np.bool_]) -> float | None:
    """The probability that a true case scores above a false one, ties counting half, `(N,)` each; None without both.

    By ranks (Mann & Whitney, 1947); no threshold is involved.
    """
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return None
    rank = stats.rankdata(score)
    return float((rank[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def mean_distance(a: Numbers) -> float:
    """E|A − A'| of two draws from the empirical law of a sample `(n, D)`; a draw may meet itself."""
    return float(2 * pdist(a).sum()) / len(a) ** 2


def energy_distance(a: Numbers, b: Numbers) -> float:
    """2 E|A − B| − E|A − A'| − E|B − B'| between the samples `(n, D)` and `(m, D)`; 0 for equal laws only.

    Székely & Rizzo, "Energy statistics", 2013, equation 6: the V-statistic, a distance of the two empirical laws, never
    negative. Between samples of one law it is (1/n + 1/m) E|A − A'| on average: that is its noise floor.
    """
    if a.shape[1] == 1:
        return float(energy_distance_1d(a[:, 0], b[:, 0]))
    return float(max(2 * cdist(a, b).mean() - mean_distance(a) - mean_distance(b), 0.0))


def energy_distance_1d(a: Numbers, b: Numbers) -> NDArray[np.float64]:
    """The same for numbers, column by column: `(n, …)` and `(m, …)` give `(…)`; equal to 2 ∫ (F − G)² (exactly)."""
    pooled = np.concatenate([a, b]).astype(np.float64)
    order = np.argsort(pooled, axis=0)
    step = np.where(order < len(a), 1 / len(a), -1 / len(b))
    gap = np.diff(np.take_along_axis(pooled, order, axis=0), axis=0)
    return np.asarray(2 * (np.square(np.cumsum(step, axis=0)[:-1]) * gap).sum(axis=0), np.float64)


def between_halves(sample: Numbers, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Energy distances between halves of a sample, `(T, count)`: how far apart chance alone leaves n draws of one law.

    `sample` `(T, 2n, D)` is halved at random `count` times, each time in the same way at every one of T steps. This is
    the permutation law of the distance (Székely & Rizzo, 2013, section 7).
    """
    half = sample.shape[1] // 2
    side = np.ones((count, sample.shape[1])) / half
    for row in side:
        row[rng.permutation(sample.shape[1])[:half]] *= -1
    distances = [-((side @ cdist(each, each)) * side).sum(axis=1) for each in sample]
    return np.maximum(distances, 0.0)


def spearman(a: Sequence[float], b: Sequence[float]) -> float | None:
    """The rank correlation of two lists `(P,)`; None where one of them is constant and has no order.

    Spearman, "The proof and measurement of association between two things", 1904.
    """
    if min(np.ptp(a), np.ptp(b)) == 0:
        return None
    return float(stats.spearmanr(a, b).statistic)
