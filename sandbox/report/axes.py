"""Where things go in a chart: data to pixels, round tick values, and labels that do not cover each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.report.names import number

Pair = tuple[float, float]
LETTER = 6.9  # px: a generous width of one letter at the charts' 12 px
LINE = 16.0  # px between the base lines of two labels


@dataclass(frozen=True)
class Frame:
    """The plotting area in pixels, and the data that fill it: `y` from its first tick to its last."""

    left: float
    top: float
    right: float
    bottom: float
    x_range: Pair
    y_ticks: Sequence[float]
    log_x: bool = False

    def x(self, value: float) -> float:
        """The pixel column of `value`, kept inside the frame."""
        low, high = self.x_range
        kept = min(max(value, low), high)
        share = math.log(kept / low) / math.log(high / low) if self.log_x else (kept - low) / (high - low)
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        """The pixel row of `value`, kept inside the frame."""
        low, high = self.y_ticks[0], self.y_ticks[-1]
        return self.bottom - (min(max(value, low), high) - low) / (high - low) * (self.bottom - self.top)


@dataclass(frozen=True)
class Label:
    """Words that stand to the right of the point (x, y), in pixels, or to its left."""

    x: float
    y: float
    text: str
    tone: str
    is_left: bool = False

    @property
    def span(self) -> Pair:
        """From which column to which the words and their point reach."""
        reach = len(self.text) * LETTER + 20
        return (self.x - reach, self.x) if self.is_left else (self.x, self.x + reach)

    def beside(self, other: Label) -> bool:
        """Whether the two would overlap if they stood on the same line."""
        (first, last), (begin, end) = self.span, other.span
        return first < end and begin < last

    def covers(self, marks: Sequence[Pair]) -> bool:
        """Whether the words would lie on one of the `marks`, which are pixels, other than their own point."""
        first, last = self.span
        return any(first - 6 < x < last + 6 and abs(y - self.y) < 12 and x != self.x for x, y in marks)


def ticks(low: float, high: float, about: int) -> list[float]:
    """About `about` round numbers, 1, 2, 2.5 or 5 times a power of ten apart, that enclose `low` and `high`."""
    rough = max(high - low, 1e-9) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(nice * power for nice in (1, 2, 2.5, 5, 10) if nice * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 10) for index in range(first, max(last, first + 1) + 1)]


def log_ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers from `low` to `high`, both positive: 1, 2 and 5 times the powers of ten, or the powers alone."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for leads in ((1, 2, 5), (1, 3), (1,)):
        found = [lead * 10.0**power for power in powers for lead in leads if low <= lead * 10.0**power <= high]
        if len(found) <= about:
            return found
    return found[:: math.ceil(len(found) / about)]


def tick_text(value: float) -> str:
    """A tick's value with as many decimals as it needs and a true minus sign."""
    places = next((places for places in range(12) if abs(value - round(value, places)) < 1e-9 * max(1, abs(value))), 12)
    return number(value, places).replace("-", "\N{MINUS SIGN}")


def apart(labels: Sequence[Label], bottom: float) -> list[float]:
    """A row in pixels for each label: a line apart wherever two would overlap, and none below `bottom`."""
    rows = [min(label.y, bottom) for label in labels]
    downwards = sorted(range(len(labels)), key=rows.__getitem__)
    for place, index in enumerate(downwards):
        above = [rows[other] + LINE for other in downwards[:place] if labels[index].beside(labels[other])]
        rows[index] = max([rows[index], *above])
    upwards = downwards[::-1]
    for place, index in enumerate(upwards):
        below = [rows[other] - LINE for other in upwards[:place] if labels[index].beside(labels[other])]
        rows[index] = min([rows[index], bottom, *below])
    return rows
