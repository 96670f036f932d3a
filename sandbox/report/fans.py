"""A forecast as a fan chart in one self-contained SVG: a panel for each dimension, and the score over the steps below.

The fan is the central intervals of the dreamed futures (the Bank of England's chart of inflation; Britton, Fisher &
Whitley, "The Inflation Report projections: understanding the fan chart", 1998). A class has no intervals: the more
futures are of a class, the stronger is the colour of its row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sandbox.forecast import Forecast
from sandbox.report.axes import LETTER, Frame, Label, Pair, apart, tick_text, ticks
from sandbox.report.strokes import path, text
from sandbox.report.stylesheet import document

WIDTH, EDGE, GAP = 860.0, 24.0, 34.0  # px: the drawing, its margin, and between two panels
HEAD, TITLE, FOOT = 104.0, 32.0, 30.0  # px: above all panels; above and below the plot of one
LOW, HIGH = 118.0, 300.0  # px: the plot of one panel among several, and of a lonely one
SCORES = (("dream", "line"), ("persistence", "line dashed"), ("climatology", "line dotted"))
_CONSTANT = 1e-6  # a smaller share of itself is rounding: no axis can show it
FAINTEST = 0.01  # a class that fewer futures are of is left white


def draw(forecast: Forecast, title: str, subtitle: str, tone: str, dimensions: Sequence[int]) -> str:
    """The chart as the text of an SVG file; `tone` is the CSS class of the model's colour."""
    columns = 1 if len(dimensions) == 1 else 2
    width = (WIDTH - 2 * EDGE - (columns - 1) * GAP) / columns
    plot = HIGH if columns == 1 else LOW
    marks = [_marks(forecast, dimension) for dimension in dimensions]
    room = max(map(_room, marks))  # one for all panels, so that their steps stand below each other
    parts, top = _head(title, subtitle, tone), HEAD
    for place, dimension in enumerate(dimensions):
        left = EDGE + place % columns * (width + GAP)
        top = HEAD + place // columns * (TITLE + plot + FOOT)
        x_range = (1.0 - len(forecast.past), float(len(forecast.truth)))
        frame = Frame(left + room, top + TITLE, left + width, top + TITLE + plot, x_range, marks[place])
        parts.append(text(left, top + TITLE - 14, forecast.names[dimension], "name", "start"))
        if place < columns:
            parts.append(text(frame.x(0), frame.top - 10, "now", "hint", "middle"))
        parts += _panel(forecast, dimension, frame, tone)
    bottom = top + TITLE + plot + FOOT + 14
    parts += _scores(forecast, (EDGE, bottom + TITLE, WIDTH - EDGE, bottom + TITLE + LOW), tone)
    return document(parts, (WIDTH, bottom + TITLE + LOW + FOOT + 22), title, subtitle)


def _head(title: str, subtitle: str, tone: str) -> list[str]:
    """Title, subtitle and the key to the strokes."""
    parts = [text(EDGE, 34, title, "title", "start"), text(EDGE, 55, subtitle, "subtitle", "start")]
    x, y = EDGE, 80.0
    for css, words in (("truth", "what happened"), ("median", "median future"), ("", "50 % and 90 % of the futures")):
        swatch = path(css, [(x, y), (x + 26, y)]) if css else _swatch(x, y)
        parts.append(_toned(tone, [swatch]) + text(x + 34, y + 4, words, "tick", "start"))
        x += 34 + len(words) * LETTER + 22
    return parts


def _swatch(x: float, y: float) -> str:
    outer = [(x, y - 8), (x + 26, y - 8), (x + 26, y + 8), (x, y + 8)]
    return path("band", outer) + path("band inner", [(a, y + (b - y) / 2) for a, b in outer])


def _panel(forecast: Forecast, dimension: int, frame: Frame, tone: str) -> list[str]:
    """One dimension: the axes, the dreamed futures, and over them what happened."""
    count, past = _classes(forecast, dimension), forecast.past[:, dimension]
    parts = (_class_axis(frame, count) if count else _value_axis(frame)) + _time_axis(frame)
    seen = _curve(frame, np.concatenate([past, forecast.truth[:, dimension]]).astype(np.float64), 1 - len(past))
    if not count:
        return [*parts, _toned(tone, _fan(frame, forecast, dimension)), path("truth", seen)]
    parts.append(text(frame.right, frame.top - 10, "stronger: more futures", "hint", "end"))
    return [*parts, _toned(tone, _cells(frame, forecast, dimension, count)), path("truth", _stairs(frame, seen))]


def _classes(forecast: Forecast, dimension: int) -> int:
    """How many classes a dimension has, 0 where it is a number."""
    element = forecast.elements[dimension]
    return {"continuous": 0, "binary": 2, "categorical": element.categories}[element.kind]


def _marks(forecast: Forecast, dimension: int) -> list[float]:
    """Round values that enclose the fan and what happened, or the borders between the rows of classes."""
    if count := _classes(forecast, dimension):
        return [border - 0.5 for border in range(count + 1)]
    low, high = forecast.band(0.9, dimension)
    seen = np.concatenate([low, high, forecast.past[:, dimension], forecast.truth[:, dimension]])
    lowest, highest = float(seen.min()), float(seen.max())
    if highest - lowest <= _CONSTANT * abs(lowest):
        lowest, highest = lowest - 0.5 * (abs(lowest) or 1.0), highest + 0.5 * (abs(highest) or 1.0)
    return ticks(lowest, highest, 3)


def _fan(frame: Frame, forecast: Forecast, dimension: int) -> list[str]:
    """Both bands and the median, from the present on."""
    present = forecast.past[-1:, dimension].astype(np.float64)
    parts = []
    for level, css in ((0.9, "band"), (0.5, "band inner")):
        low, high = (np.concatenate([present, end]) for end in forecast.band(level, dimension))
        parts.append(path(css, _curve(frame, high, 0) + _curve(frame, low, 0)[::-1]))
    median = np.concatenate([present, forecast.band(0.0, dimension)[0]])
    return [*parts, path("median", _curve(frame, median, 0))]


def _cells(frame: Frame, forecast: Forecast, dimension: int, count: int) -> list[str]:
    """For every step and class the share of futures that are of it, as strength of colour."""
    parts = []
    classes = np.rint(forecast.futures[..., dimension]).astype(np.int64)
    for step, drawn in enumerate(classes, start=1):
        left, right = frame.x(step - 0.5), frame.x(step + 0.5)
        for kind, share in enumerate(np.bincount(drawn, minlength=count) / len(drawn)):
            if share >= FAINTEST:
                top, bottom = frame.y(kind + 0.5), frame.y(kind - 0.5)
                parts.append(
                    f'<rect class="cell" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
                    f'height="{bottom - top:.1f}" opacity="{0.7 * share:.2f}"/>'
                )
    return parts


def _scores(forecast: Forecast, box: tuple[float, float, float, float], tone: str) -> list[str]:
    """The score over the steps beside the baselines', labelled at their ends."""
    curves = {name: forecast.score(name) for name, _ in SCORES}
    highest = max(float(curve.max()) for curve in curves.values())
    marks, right = ticks(0.0, highest, 3), box[2] - len("persistence") * LETTER - 24
    frame = Frame(box[0] + _room(marks), box[1], right, box[3], (0.0, float(len(forecast.truth))), marks)
    words = (
        f"CRPS in standard deviations of the log, mean over dimensions and {len(forecast.at)} starts; lower is better"
    )
    parts = [text(box[0], box[1] - 14, words, "name", "start"), *_value_axis(frame), *_time_axis(frame)]
    labels = []
    for name, css in SCORES:
        colour = tone if name == "dream" else "tone tone-random"
        points = _curve(frame, curves[name], 1)
        parts.append(_toned(colour, [path(css, points)]))
        labels.append(Label(*points[-1], name, colour))
    for label, y in zip(labels, apart(labels, frame.bottom), strict=True):
        parts.append(text(label.x + 10, y + 4, label.text, f"label {label.tone}", "start"))
    return [*parts, text(frame.left, frame.bottom + 38, "steps ahead", "axis-label", "start")]


def _room(marks: Sequence[float]) -> float:
    """Pixels for the words of an axis."""
    return max(len(tick_text(mark)) for mark in marks) * LETTER + 10


def _value_axis(frame: Frame) -> list[str]:
    parts = []
    for value in frame.y_ticks:
        parts.append(path("grid", [(frame.left, frame.y(value)), (frame.right, frame.y(value))]))
        parts.append(text(frame.left - 8, frame.y(value) + 4, tick_text(value), "tick", "end"))
    return parts


def _class_axis(frame: Frame, count: int) -> list[str]:
    """A number in the middle of every class's row, as far as there is room."""
    apart_by = max(1, round(count * 14 / (frame.bottom - frame.top)))
    borders = [path("grid", [(frame.left, frame.y(y)), (frame.right, frame.y(y))]) for y in frame.y_ticks]
    return borders + [
        text(frame.left - 8, frame.y(kind) + 4, str(kind), "tick", "end") for kind in range(0, count, apart_by)
    ]


def _time_axis(frame: Frame) -> list[str]:
    parts = [path("axis", [(frame.left, frame.bottom), (frame.right, frame.bottom)])]
    if frame.x_range[0] < 0:
        parts.append(path("present", [(frame.x(0), frame.top - 6), (frame.x(0), frame.bottom)]))
    for value in ticks(*frame.x_range, 6):
        if frame.x_range[0] <= value <= frame.x_range[1] and value == round(value):
            parts.append(path("stub", [(frame.x(value), frame.bottom), (frame.x(value), frame.bottom + 5)]))
            parts.append(text(frame.x(value), frame.bottom + 18, tick_text(value), "tick", "middle"))
    return parts


def _curve(frame: Frame, values: NDArray[np.float64], first: int) -> list[Pair]:
    """The pixels of values at steps `first`, `first + 1`, …"""
    return [(frame.x(first + step), frame.y(float(value))) for step, value in enumerate(values)]


def _stairs(frame: Frame, points: Sequence[Pair]) -> list[Pair]:
    """A class holds for a step and jumps: the curve of one, level half a step to either side of each point."""
    half = (frame.x(1) - frame.x(0)) / 2
    return [(min(max(x + side, frame.left), frame.right), y) for x, y in points for side in (-half, half)]


def _toned(tone: str, parts: Sequence[str]) -> str:
    return f'<g class="{tone}">{"".join(parts)}</g>'
