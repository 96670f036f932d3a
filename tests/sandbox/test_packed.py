"""Weights in fewer bits are nearly what they were, and take the room that was promised."""

import numpy as np
import pytest

from sandbox.models.packed import packed, unpacked

MATRIX, BIAS = "body.weight", "body.bias"


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    rows = np.array([0.001, 1.0, 50.0, 0.0])[:, None, None]  # of very different size, one of them empty
    return {
        MATRIX: (rows * rng.standard_normal((4, 6, 8))).astype(np.float32),
        BIAS: rng.standard_normal(5).astype(np.float32),
        "codec.mean": rng.standard_normal(3).astype(np.float32),
        "choice": np.array(2),
    }


@pytest.mark.parametrize(("bits", "nearness"), [(16, 2.0**-11), (8, 0.5 / 127)])
def test_every_number_is_off_by_half_a_step_of_its_row_at_most(
    arrays: dict[str, np.ndarray], bits: int, nearness: float
) -> None:
    found = unpacked(packed(arrays, {MATRIX, BIAS}, bits))
    assert set(found) == set(arrays)
    largest = np.abs(arrays[MATRIX]).max(axis=(1, 2), keepdims=True)
    assert (np.abs(found[MATRIX] - arrays[MATRIX]) <= 1.001 * nearness * largest + 1e-7).all()
    assert np.abs(found[BIAS] - arrays[BIAS]).max() < 0.002
    assert found[MATRIX].dtype == found[BIAS].dtype == np.float32
    for kept in ("codec.mean", "choice"):
        np.testing.assert_array_equal(found[kept], arrays[kept])


def test_eight_bits_take_a_quarter_of_the_room(arrays: dict[str, np.ndarray]) -> None:
    stored = packed(arrays, {MATRIX}, 8)
    assert stored[MATRIX].nbytes * 4 == arrays[MATRIX].nbytes
    assert sum(array.nbytes for array in stored.values()) - stored[MATRIX].nbytes < 100


def test_other_numbers_of_bits_are_refused(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="8 or 16 bits, not 4"):
        packed(arrays, {MATRIX}, 4)
