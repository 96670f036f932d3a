"""The compiled brush: smooth shapes on an image `(H, W, 3)` of bytes, for worlds whose observation is an image.

Coordinates are pixels, x to the right and y downwards; the pixel (0, 0) reaches from 0 to 1, so its middle is at 0.5.
Everything is cut at the image's edges. A colour is (red, green, blue), and may lie between whole numbers.
"""

import math
from typing import Any

import numpy as np

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
def may_show(one: float, other: float, margin: float, length: int) -> bool:
    """Whether what lies between two places on an axis, give or take `margin`, may touch its `length` pixels."""
    return max(one, other) > -margin and min(one, other) < length + margin


@compiled
def lay(image: Any, picture: Any) -> None:
    """Copy a `picture` of the image's own shape over it, eight bytes at a time: both are contiguous."""
    words, source = image.reshape(-1).view(np.uint64), picture.reshape(-1).view(np.uint64)
    for word in range(len(words)):
        words[word] = source[word]


@compiled
def _chord(radius: float, reach: float, down: float) -> float:
    """Half the width of an ellipse of `reach` times its radius, where it is `down` of that from the middle; or -1."""
    return radius * math.sqrt(reach * reach - down * down) if reach > abs(down) else -1.0


@compiled
def ellipse(image: Any, x: float, y: float, radius_x: float, radius_y: float, colour: Any, alpha: float) -> None:
    """A filled ellipse, its edge smooth over one pixel."""
    top, bottom = span(y - radius_y - 0.5, y + radius_y + 0.5, image.shape[0])
    softness = min(radius_x, radius_y)
    for row in range(top, bottom):
        down = (row + 0.5 - y) / radius_y
        # What is surely inside needs no root, and what is surely outside not even a look; a pixel is left for rounding.
        outer = min(_chord(radius_x, 1.0 + 0.5 / softness, down) + 1.0, radius_x + 0.5)
        inner = _chord(radius_x, 1.0 - 0.5 / softness, down) - 1.0
        left, right = span(x - outer, x + outer, image.shape[1])
        for column in range(left, right):
            away = column + 0.5 - x
            if abs(away) < inner:
                blend(image, row, column, colour, alpha)
                continue
            across = away / radius_x
            cover = 0.5 + (1.0 - math.sqrt(across * across + down * down)) * softness
            if cover > 0.0:
                blend(image, row, column, colour, alpha * min(cover, 1.0))


@compiled
def line(image: Any, x0: float, y0: float, x1: float, y1: float, half_width: float, colour: Any, alpha: float) -> None:
    """A line with round ends, smooth over one pixel; it covers what is nearer to it than `half_width`."""
    margin = half_width + 0.5
    top, bottom = span(min(y0, y1) - margin, max(y0, y1) + margin, image.shape[0])
    if top >= bottom or max(x0, x1) + margin <= 0.0 or min(x0, x1) - margin >= image.shape[1]:
        return
    first, last = min(x0, x1) - margin, max(x0, x1) + margin
    along_x, along_y = x1 - x0, y1 - y0
    nearness = 1.0 / max(along_x * along_x + along_y * along_y, 1e-12)
    # How far a row's pixels may be from where the line, however long, crosses it; a pixel is left for rounding.
    slope = along_x / along_y if abs(along_y) > 1e-3 else 0.0
    reach = margin * math.sqrt(1.0 + slope * slope) + 1.0 if abs(along_y) > 1e-3 else math.inf
    for row in range(top, bottom):
        away_y = row + 0.5 - y0
        crossing = x0 + slope * away_y
        left, right = span(max(first, crossing - reach), min(last, crossing + reach), image.shape[1])
        for column in range(left, right):
            away_x = column + 0.5 - x0
            share = min(max((away_x * along_x + away_y * along_y) * nearness, 0.0), 1.0)
            off_x, off_y = away_x - share * along_x, away_y - share * along_y
            square = off_x * off_x + off_y * off_y
            if square < margin * margin:
                blend(image, row, column, colour, alpha * min(margin - math.sqrt(square), 1.0))


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
