"""A map of categories in few numbers: how much there is of each, where, and what lies near what.

A net that sees every cell's category must learn anew at each place what a thing means there, and how the places of two
things differ; from a reward that may take more episodes than there are. Which things lie side by side says as much in
few numbers (co-occurrence: Haralick, Shanmugam and Dinstein, "Textural features for image classification", 1973), and
so does the way from each kind of thing to the nearest ones of another.
"""

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

SMALLEST = 5  # cells along a side: fewer choices are taken for what they are
RARE = 1e-4  # of nearness: what is further off has no direction


def sides_of(space: spaces.MultiDiscrete) -> tuple[int, int, int] | None:
    """Return (height, width, categories) of the maps in ``space``; None if it holds none.

    A map has the same K categories in each cell. It has shape (H, W), or is a list of H·H cells, row by row.
    """
    shape = space.shape
    side = round(shape[0] ** 0.5)
    if len(shape) == 1 and side * side == shape[0]:
        shape = side, side
    if len(shape) != 2 or min(shape) < SMALLEST or space.nvec.min() != space.nvec.max():
        return None
    return shape[0], shape[1], int(space.nvec.flat[0])


def map_dim(sides: tuple[int, int, int]) -> int:
    """Return how many numbers ``describe`` gives."""
    kinds = sides[2]
    return 3 * kinds + 4 * kinds * kinds


def describe(cells: NDArray[np.integer], kinds: int) -> NDArray[np.float32]:
    """Describe a batch of maps (B, H, W) of the categories 0 to K - 1 by (B, 3 K + 4 K²) numbers.

    For each category its share of the map and its centre (down, right; -1 to 1). For each pair (i, j), of what is seen
    from the cells of i on average: how many of the eight cells beside and of the cell itself are j; how near the cells
    of j are, as the logarithm of a sum in which a cell one step further off counts a factor e less; and the mean way to
    them (down, right; in cells), weighted alike. What is not there is at 0, 0.
    """
    count, height, width = cells.shape
    is_kind = (cells[..., None] == np.arange(kinds)).astype(np.float32)  # (B, H, W, K)
    flat = is_kind.reshape(count, height * width, kinds)
    present = flat.sum(axis=1)  # (B, K)
    centre = np.matmul(_places(height, width), flat) / np.maximum(present, 1.0)[:, None]  # (B, 2, K)

    next_down, fade_down, way_down = _kernels(height)
    next_right, fade_right, way_right = _kernels(width)
    along = np.matmul(fade_right, is_kind)  # (B, H, W, K): over columns
    layers = (
        _over_rows(next_down, np.matmul(next_right, is_kind)),
        _over_rows(fade_down, along),
        _over_rows(way_down, along),
        _over_rows(fade_down, np.matmul(way_right, is_kind)),
    )
    mean_of = flat.transpose(0, 2, 1) / np.maximum(present, 1.0)[:, :, None]
    beside, near, down, right = (np.matmul(mean_of, layer.reshape(flat.shape)) for layer in layers)  # (B, K, K) each
    known = near + RARE
    parts = (present / (height * width), centre, beside, np.log(known / RARE), down / known, right / known)
    return np.concatenate([part.reshape(count, -1) for part in parts], axis=1)


def _places(height: int, width: int) -> NDArray[np.float32]:
    down, right = np.linspace(-1.0, 1.0, height), np.linspace(-1.0, 1.0, width)
    return np.stack([down.repeat(width), np.tile(right, height)]).astype(np.float32)  # (2, H W)


def _kernels(length: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """From every place to every other, (L, L): is it beside, how much does it count, and that times the way."""
    way = np.arange(length, dtype=np.float32)[None, :] - np.arange(length, dtype=np.float32)[:, None]
    fade = np.exp(-np.abs(way))
    return (np.abs(way) <= 1.0).astype(np.float32), fade, fade * way


def _over_rows(kernel: NDArray[np.float32], maps: NDArray[np.float32]) -> NDArray[np.float32]:
    count, height, width, kinds = maps.shape
    made: NDArray[np.float32] = np.matmul(kernel, maps.reshape(count, height, width * kinds))
    return made
