"""The compiled brush: smooth shapes on an image `(H, W, 3)` of bytes, for worlds whose observation is an image.

Coordinates are pixels, x to the right and y downwards; the pixel (0, 0) reaches from 0 to 1, so its middle is at 0.5.
Everything is cut at the image's edges. A colour is (red, green, blue), and may lie between whole numbers.
"""

import math
from typing import Any

from sandbox_envs.core import compiled


@compiled
def blend(image: Any, row: int, column: int, colour: Any, cover: float) -> None:
    """Lay a colour over one pixel, of which it covers the share `cover`."""
    for channel in range(3):
        old = float(image[row, column, channel])
        image[row, column, channel] = int(old + (colour[channel] - old) * cover + 0.5)


@compiled
def span(low: float, high: float, length: int) -> tuple[int, int]:
    """The pixels, first and one past the last, of an axis of `length` that a shape from `low` to `high` may touch."""
    # Cut before it is rounded: what is very far away would overflow an integer.
    first, last = min(max(low, 0.0), float(length)), min(max(high, 0.0), float(length))
    return int(first), math.ceil(last)


@compiled
def ellipse(image: Any, x: float, y: float, radius_x: float, radius_y: float, colour: Any, alpha: float) -> None:
    """A filled ellipse, its edge smooth over one pixel."""
    top, bottom = span(y - radius_y - 0.5, y + radius_y + 0.5, image.shape[0])
    left, right = span(x - radius_x - 0.5, x + radius_x + 0.5, image.shape[1])
    softness = min(radius_x, radius_y)
    for row in range(top, bottom):
        for column in range(left, right):
            across, down = (column + 0.5 - x) / radius_x, (row + 0.5 - y) / radius_y
            cover = 0.5 + (1.0 - math.sqrt(across * across + down * down)) * softness
            if cover > 0.0:
                blend(image, row, column, colour, alpha * min(cover, 1.0))


@compiled
def line(image: Any, x0: float, y0: float, x1: float, y1: float, half_width: float, colour: Any, alpha: float) -> None:
    """A line with round ends, smooth over one pixel; it covers what is nearer to it than `half_width`."""
    margin = half_width + 0.5
    top, bottom = span(min(y0, y1) - margin, max(y0, y1) + margin, image.shape[0])
    left, right = span(min(x0, x1) - margin, max(x0, x1) + margin, image.shape[1])
    along_x, along_y = x1 - x0, y1 - y0
    length = max(along_x * along_x + along_y * along_y, 1e-12)
    for row in range(top, bottom):
        for column in range(left, right):
            away_x, away_y = column + 0.5 - x0, row + 0.5 - y0
            share = min(max((away_x * along_x + away_y * along_y) / length, 0.0), 1.0)
            off_x, off_y = away_x - share * along_x, away_y - share * along_y
            cover = margin - math.sqrt(off_x * off_x + off_y * off_y)
            if cover > 0.0:
                blend(image, row, column, colour, alpha * min(cover, 1.0))


@compiled
def quad(image: Any, x: Any, y: Any, colour: Any) -> None:
    """A filled convex quadrilateral with the corners `x` and `y`, four each; hard edges, so that neighbours join."""
    top, bottom = span(min(y), max(y), image.shape[0])
    if max(x) < 0.0 or min(x) > image.shape[1]:
        return
    for row in range(top, bottom):
        level, low, high = row + 0.5, 1e9, -1e9
        for corner in range(4):
            after = (corner + 1) % 4
            if (y[corner] <= level) != (y[after] <= level):
                share = (level - y[corner]) / (y[after] - y[corner])
                crossing = x[corner] + share * (x[after] - x[corner])
                low, high = min(low, crossing), max(high, crossing)
        if low <= high:
            left, right = span(low - 0.5, high - 0.5, image.shape[1])
            for column in range(left, right):
                for channel in range(3):
                    image[row, column, channel] = colour[channel]
