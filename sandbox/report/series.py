"""What a chart is made of, in the units of the data: dots, mean curves, judged ends, and the series that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Dot:
    """One observed point, with the words that a pointer resting on it shows."""

    x: float
    y: float
    title: str
    faint: bool = False


@dataclass(frozen=True)
class Curve:
    """A mean line over P points; `low` and `high` are its band, or None where there is no spread to show."""

    x: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Final:
    """The judged end of a series with its interval."""

    x: float
    y: float
    low: float
    high: float
    title: str


@dataclass(frozen=True)
class Series:
    """One contender in a chart: `tone` is a CSS class, `shape` an index into `charts.SHAPES`, `value` ends a label.

    `final` is the judged end, which carries the label; `marks` are further judged points, each with its interval.
    """

    name: str
    value: str
    tone: str
    shape: int
    dots: Sequence[Dot] = ()
    curve: Curve | None = None
    final: Final | None = None
    dashed: bool = False
    marks: Sequence[Final] = ()


@dataclass(frozen=True)
class Chart:
    """What is drawn and how it is read aloud.

    `baseline` is a dashed height with its label, value and tone; `diagonal` draws y = x on equal axes; `log_x` gives
    every factor of ten the same width; `x_ticks` are the only ticks, with their words, where they are given. Narrow
    screens leave out the values behind the labels, and what stands in brackets behind `x_label`.
    """

    key: str
    title: str
    description: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    baseline: tuple[float, str, str, str] | None = None
    diagonal: bool = False
    log_x: bool = False
    x_ticks: Sequence[tuple[float, str]] = ()
