"""Statistics beside scipy's and beside simulation: what says 95 % must hold 95 % of the time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sandbox.statistics import bootstrap, half_width, holm, interquartile_mean, interval, paired, welch

OURS, THEIRS = [3.1, 4.7, 2.2, 9.0], [7.5, 6.1, 11.0]


def test_welchs_test_is_scipys() -> None:
    assert welch(OURS, THEIRS) == pytest.approx(stats.ttest_ind(OURS, THEIRS, equal_var=False).pvalue)


def test_the_paired_test_is_scipys() -> None:
    assert paired(OURS[:3], THEIRS) == pytest.approx(stats.ttest_rel(OURS[:3], THEIRS).pvalue)


def test_the_interval_of_a_few_seeds_is_students() -> None:
    low, high = stats.t.interval(0.95, 3, loc=np.mean(OURS), scale=stats.sem(OURS))
    assert interval(OURS, np.random.default_rng(0)) == pytest.approx((np.mean(OURS), low, high))
    assert half_width(np.stack([OURS, OURS], axis=1)).tolist() == pytest.approx([(high - low) / 2] * 2)


def test_the_interquartile_mean_is_the_mean_of_the_middle_half() -> None:
    values = np.random.default_rng(0).normal(size=(5, 13))
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25, axis=1))
    assert interquartile_mean([0.0, 1.0, 3.0, 1000.0]) == 2.0


def test_without_spread_only_equal_means_are_equal() -> None:
    for test in (welch, paired):
        assert test([500.0] * 3, [500.0] * 3) == 1.0
        assert test([500.0] * 3, [480.0] * 3) == 0.0


def test_holms_correction_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]).tolist() == pytest.approx([1.0, 1.0])
    assert holm([]).tolist() == []


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.935), (5, 0.935), (10, 0.91), (20, 0.91)])
def test_an_interval_covers_what_it_says(seeds: int, least: float) -> None:
    rng = np.random.default_rng(seeds)
    held = [
        low <= 0 <= high
        for _, low, high in (interval(rng.normal(size=seeds), rng) for _ in range(1000 if seeds < 10 else 300))
    ]
    assert np.mean(held) >= least


def test_a_stratified_bootstrap_keeps_every_stratum_in_every_resample() -> None:
    apart = np.array([[0.0, 100.0, 200.0, 300.0]] * 10)  # (S, K): no spread within a stratum
    assert bootstrap(apart, np.random.default_rng(0)) == (150.0, 150.0)


def test_corrected_tests_that_share_a_reference_err_together_in_one_of_twenty_experiments() -> None:
    """Six equal contenders beside one: uncorrected, more than one in ten experiments would tell one of them apart."""
    rng, experiments = np.random.default_rng(0), 1000
    raw = []
    for _ in range(experiments):
        seen = rng.normal(size=(7, 5))
        raw.append([welch(ours, seen[0]) for ours in seen[1:]])
    assert np.mean([min(holm(each)) <= 0.05 for each in raw]) <= 0.05
    assert np.mean(np.min(raw, axis=1) <= 0.05) > 0.1
