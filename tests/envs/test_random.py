import numpy as np
import pytest
from scipy import stats

from sandbox_envs.core import compiled
from sandbox_envs.random import draw_normal, draw_uniform, key_of, mix, normal, normals, uniform

MASK = 2**64 - 1


def plain_mix(value: int) -> int:
    """SplitMix64's finaliser in Python's own integers."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def test_the_mixer_is_splitmix64() -> None:
    state, expected = 1234567, [6457827717110365317, 3203168211198807973, 9817491932198370423]
    for value in expected:  # the reference implementation's first outputs for this seed
        state = (state + 0x9E3779B97F4A7C15) & MASK
        assert plain_mix(state) == value
        assert int(mix(np.uint64(state))) == value


def test_uniform_draws_are_uniform_and_never_0_or_1() -> None:
    key = np.uint64(key_of(np.uint64(3)))
    drawn = np.array([uniform(key, np.uint64(counter)) for counter in range(20000)])
    assert drawn.min() > 0
    assert drawn.max() < 1
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3


def test_normal_draws_are_normal_and_uncorrelated_between_rows_and_counts() -> None:
    keys = np.array([key_of(np.uint64(seed)) for seed in range(400)], np.uint64)
    drawn = normals(keys, np.zeros(400, np.uint64), 50)
    assert drawn.dtype == np.float32
    assert stats.kstest(drawn.ravel(), "norm").pvalue > 1e-3
    correlation = np.corrcoef(drawn.T)
    assert np.abs(correlation - np.eye(50)).max() < 0.25
    assert np.abs(np.corrcoef(drawn) - np.eye(400)).max() < 0.75


def test_a_row_draws_the_same_alone_as_in_a_batch() -> None:
    keys = np.array([key_of(np.uint64(seed)) for seed in range(5)], np.uint64)
    counters = np.arange(5, dtype=np.uint64) * np.uint64(7)
    batch = normals(keys, counters, 6)
    for row in range(5):
        assert (normals(keys[row : row + 1], counters[row : row + 1], 6)[0] == batch[row]).all()
    assert batch[2, 1] == np.float32(normal(keys[2], np.uint64(15)))


def test_mixed_draws_of_a_record_never_use_a_number_twice() -> None:
    @compiled
    def drawn(s: np.ndarray, values: np.ndarray) -> None:
        for index in range(values.shape[0]):
            values[index, 0] = draw_uniform(s[0], -1.0, 1.0)
            values[index, 1] = draw_normal(s[0])

    record = np.zeros(1, [("key", "u8"), ("counter", "u8")])
    record["key"] = key_of(np.uint64(0))
    values = np.empty((20000, 2))
    drawn(record, values)
    assert record["counter"][0] == 3 * 20000
    assert stats.kstest(values[:, 0], "uniform", (-1, 2)).pvalue > 1e-3
    assert stats.kstest(values[:, 1], "norm").pvalue > 1e-3
    for lag in range(1, 4):
        assert stats.spearmanr(values[lag:, 0], values[:-lag, 1]).statistic == pytest.approx(0, abs=0.03)
    assert stats.spearmanr(values[:, 0], values[:, 1]).statistic == pytest.approx(0, abs=0.03)


def test_neighbouring_seeds_give_unrelated_streams() -> None:
    first = np.array([uniform(np.uint64(key_of(np.uint64(seed))), np.uint64(0)) for seed in range(5000)])
    assert stats.kstest(first, "uniform").pvalue > 1e-3
    assert stats.spearmanr(first[1:], first[:-1]).statistic == pytest.approx(0, abs=0.05)
