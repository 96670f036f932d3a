"""Weights in half the room or a quarter: 16-bit numbers, or 8-bit ones with a scale for every row of a matrix."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# Beside the 8-bit numbers of the array that it belongs to.
_SCALE = ".scale"
_MOST = 127


def packed(arrays: Mapping[str, Array], learned: Collection[str], bits: int) -> dict[str, Array]:
    """The arrays named in `learned` in 16 or in 8 bits each, all others as they are.

    Eight bits are whole numbers times the largest of their row over 127 (absmax quantisation; Dettmers et al. 2022,
    LLM.int8()); a row is an index of the first dimension. What has one dimension takes 16 in any case.

    Raises:
        ValueError: another number of bits.
    """
    if bits not in (8, 16):
        raise ValueError(f"weights are packed into 8 or 16 bits, not {bits}")
    stored: dict[str, Array] = {}
    for name, array in arrays.items():
        if name not in learned:
            stored[name] = array
        elif bits == 16 or array.ndim < 2:
            stored[name] = array.astype(np.float16)
        else:
            largest = np.abs(array).max(axis=tuple(range(1, array.ndim)), keepdims=True)
            scale = np.where(largest > 0, largest / _MOST, 1).astype(np.float32)
            stored[name] = np.round(array / scale).astype(np.int8)
            stored[name + _SCALE] = scale
    return stored


def unpacked(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """What was packed, in 32 bits again, and everything else as it is."""
    scales = {name for name in arrays if name.endswith(_SCALE) and name.removesuffix(_SCALE) in arrays}
    full = {}
    for name, array in arrays.items():
        if name in scales:
            continue
        if name + _SCALE in scales:
            full[name] = array.astype(np.float32) * arrays[name + _SCALE]
        else:
            full[name] = array.astype(np.float32) if array.dtype == np.float16 else array
    return full
