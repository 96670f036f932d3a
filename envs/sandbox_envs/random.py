"""Counter-based random numbers: what row `i` draws depends on its key and its own count, and on nothing else.

A generator with hidden state couples the rows of a batch: whoever draws first shifts what the others get. Here a draw
is a hash of `(key, counter)` by SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
2014), so that a row is bitwise the same in a batch of 1, 7 or 1,024, and a run resumes from two integers.
"""

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def mix(value: np.uint64) -> np.uint64:
    """SplitMix64's finaliser: a bijection of 64 bits in which every input bit moves every output bit."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def key_of(seed: np.uint64) -> np.uint64:
    """The key of a row whose seed is `seed`; neighbouring seeds give unrelated keys.

    Called from Python it returns a Python int: keep it as `np.uint64`, or numba takes it for a signed number.
    """
    return mix(mix(np.uint64(seed) + _GOLDEN) ^ _MIX_1)


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def uniform(key: np.uint64, counter: np.uint64) -> float:
    """The draw number `counter` of stream `key`, uniform in the open interval (0, 1)."""
    bits = mix(key + (np.uint64(counter) + np.uint64(1)) * _GOLDEN) >> np.uint64(11)
    return (np.float64(bits) + 0.5) * _TO_UNIT


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def normal(key: np.uint64, counter: np.uint64) -> float:
    """A standard normal by Box and Muller (1958) from the uniform draws `2 * counter` and `2 * counter + 1`.

    So a stream is drawn from either by `uniform` or by `normal`, not by both; `draw_uniform` and `draw_normal` may mix.
    """
    first = uniform(key, np.uint64(2) * np.uint64(counter))
    second = uniform(key, np.uint64(2) * np.uint64(counter) + np.uint64(1))
    return math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def normals(keys: NDArray[np.uint64], counters: NDArray[np.uint64], count: int) -> NDArray[np.float32]:
    """`count` standard normals a row, `(B, count)`: row `i` draws numbers `counters[i] … counters[i] + count - 1`."""
    drawn = np.empty((keys.shape[0], count), np.float32)
    for row in range(keys.shape[0]):
        for column in range(count):
            drawn[row, column] = normal(keys[row], counters[row] + np.uint64(column))
    return drawn


# For worlds: draws from the stream of a record `s`, which holds `key` and `counter`. A uniform takes one number of the
# stream and a normal two, so that no number is ever used twice, however the two are mixed.


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def draw_uniform(s: Any, low: float, high: float) -> float:
    """The next draw of the record's own stream, uniform between `low` and `high`."""
    drawn = uniform(s.key, s.counter)
    s.counter += np.uint64(1)
    return low + (high - low) * drawn


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def draw_normal(s: Any) -> float:
    """The next standard normal of the record's own stream (Box and Muller, 1958)."""
    first = uniform(s.key, s.counter)
    second = uniform(s.key, s.counter + np.uint64(1))
    s.counter += np.uint64(2)
    return math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def draw_bits(s: Any, bits: NDArray[np.uint64]) -> None:
    """Fill the array `bits` with the next numbers of the record's own stream, 64 fair coins each."""
    for place in range(bits.shape[0]):
        bits[place] = mix(s.key + (s.counter + np.uint64(place) + np.uint64(1)) * _GOLDEN)
    s.counter += np.uint64(bits.shape[0])
