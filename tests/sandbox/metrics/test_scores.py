"""The scores against closed forms, brute force and SciPy."""

import numpy as np
import pytest
from scipy import stats

from sandbox.metrics.scores import (
    auroc,
    between_halves,
    brier,
    coverage,
    crps,
    energy_distance,
    energy_distance_1d,
    energy_score,
    ranks,
    spearman,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("draws", [2, 3, 50])
def test_the_crps_of_a_normal_law_is_the_closed_form_at_any_number_of_draws(draws: int, rng) -> None:
    truth = np.full(40_000, 0.7)
    found = crps(rng.normal(size=(draws, 40_000)), truth)
    exact = 0.7 * (2 * stats.norm.cdf(0.7) - 1) + 2 * stats.norm.pdf(0.7) - 1 / np.sqrt(np.pi)
    assert found == pytest.approx(exact, abs=0.012)


def test_the_energy_score_of_one_number_is_its_crps(rng) -> None:
    draws, truth = rng.normal(size=(7, 30)), rng.normal(size=30)
    assert energy_score(draws[..., None], truth[:, None]) == pytest.approx(crps(draws, truth))


@pytest.mark.parametrize(("shift", "spread"), [(0.5, 1.0), (0.0, 0.5), (0.0, 2.0), (0.0, 0.0)])
def test_nobody_scores_better_than_by_the_true_law(shift: float, spread: float, rng) -> None:
    truth, draws = rng.normal(size=(2000, 3)), rng.normal(size=(20, 2000, 3))
    assert energy_score(draws, truth) < energy_score(shift + spread * draws, truth) - 0.01
    assert (crps(draws, truth) < crps(shift + spread * draws, truth) - 0.005).all()


def test_one_draw_scores_its_distance(rng) -> None:
    truth = rng.normal(size=(9, 2))
    assert energy_score(truth[None] + [3, 4], truth) == pytest.approx(5)


def test_ranks_are_uniform_for_draws_of_the_true_law_with_atoms_or_without(rng) -> None:
    for law in (rng.normal, lambda size: rng.integers(0, 2, size).astype(float)):
        found = ranks(law(size=(9, 20_000)), law(size=20_000), rng)
        assert stats.kstest(found, "uniform").pvalue > 1e-3
        assert coverage(found, 0.5) == pytest.approx(0.5, abs=0.02)
        assert coverage(found, 0.9) == pytest.approx(0.9, abs=0.02)


def test_too_narrow_draws_cover_too_little(rng) -> None:
    found = ranks(0.3 * rng.normal(size=(32, 2000)), rng.normal(size=2000), rng)
    assert coverage(found, 0.9) < 0.5


@pytest.mark.parametrize("draws", [2, 200])
def test_the_brier_score_does_not_charge_for_few_draws(draws: int, rng) -> None:
    truth = rng.random(100_000) < 0.2
    assert brier(rng.random((draws, 100_000)) < 0.2, truth) == pytest.approx(0.2 * 0.8, abs=0.005)


def test_the_auroc_counts_pairs_and_ties_half(rng) -> None:
    score, truth = rng.integers(0, 5, 60), rng.random(60) < 0.4
    pairs = score[truth][:, None] - score[~truth]
    assert auroc(score, truth) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def test_the_auroc_of_one_class_does_not_exist() -> None:
    assert auroc(np.arange(4.0), np.zeros(4, bool)) is None
    assert auroc(np.arange(4.0), np.ones(4, bool)) is None


def test_the_energy_distance_is_its_definition(rng) -> None:
    a, b = rng.normal(size=(6, 3)), rng.normal(1, size=(9, 3))

    def apart(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.mean([np.linalg.norm(i - j) for i in x for j in y]))

    assert energy_distance(a, b) == pytest.approx(2 * apart(a, b) - apart(a, a) - apart(b, b))
    assert energy_distance(a, a) == pytest.approx(0, abs=1e-12)


def test_the_energy_distance_of_numbers_is_scipys_squared(rng) -> None:
    a, b = rng.normal(size=(40, 3)), rng.integers(0, 3, (25, 3)).astype(float)
    found = energy_distance_1d(a, b)
    assert found == pytest.approx([stats.energy_distance(a[:, i], b[:, i]) ** 2 for i in range(3)])
    assert energy_distance(a[:, :1], b[:, :1]) == pytest.approx(found[0])


def test_another_sample_of_the_law_seldom_exceeds_what_halves_differ_by(rng) -> None:
    exceeded = 0
    for _ in range(200):
        sample = rng.normal(size=(40, 2))
        bound = np.quantile(between_halves(sample[None], 60, rng), 0.95)
        exceeded += energy_distance(rng.normal(size=(20, 2)), sample[:20]) > bound
    assert 1 <= exceeded <= 26


def test_halves_keep_their_sides_over_all_steps(rng) -> None:
    sample = np.repeat(rng.normal(size=(1, 20, 2)), 3, axis=0)
    found = between_halves(sample, 5, rng)
    assert found.shape == (3, 5)
    assert np.array_equal(found[0], found[2])


def test_a_constant_list_has_no_order() -> None:
    assert spearman([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]) is None
    assert spearman([1.0, 2.0, 3.0], [10.0, 20.0, 90.0]) == pytest.approx(1)
