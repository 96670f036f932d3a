"""Charts as hand-written SVG: a frame with readable axes, curves with bands, marks with whiskers, labels at the ends.

A chart is drawn twice, for wide and for narrow screens, and the style sheet shows one of the two: text keeps its size.
Colours are the style sheet's (classes `tone-…`), after Okabe and Ito's colour-blind-safe palette ("Color universal
design", 2008); every tone has a shape of its own besides, so that no reader depends on colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape

from sandbox.report.axes import LETTER, Frame, Label, Pair, apart, log_ticks, tick_text, ticks
from sandbox.report.series import Chart, Final, Series
from sandbox.report.strokes import path, text

CIRCLE, SQUARE, TRIANGLE, DIAMOND, FLAG = (24, 0.0), (4, 45.0), (3, -90.0), (4, 0.0), (3, 90.0)  # corners, turn
HEXAGON, PENTAGON, OCTAGON, SHIELD = (6, 0.0), (5, -90.0), (8, 22.5), (5, 90.0)
SHAPES = (CIRCLE, SQUARE, TRIANGLE, DIAMOND, FLAG, HEXAGON, PENTAGON, OCTAGON, SHIELD)
COLUMN = 13.0  # px between two whiskers side by side
NEAR = 70.0  # px from the frame's edge, within which a mark's label may stand beyond it
SPARE = 16.0  # px that bold words may take beyond what their letters are counted as
WIDE = 500  # px from which on a chart has room for values behind its labels
LONGEST = 14  # letters of a label on a narrow screen; "SAC, simulator" just fits


def draw(chart: Chart) -> str:
    """The chart as HTML: one SVG for wide screens and one for narrow ones."""
    return f'<div class="wide">{_svg(chart, 720)}</div><div class="narrow">{_svg(chart, 350)}</div>'


def shape(index: int, x: float, y: float, radius: float, css: str = "mark") -> str:
    """A regular polygon around (x, y): the shape that belongs to a tone."""
    corners, turn = SHAPES[index % len(SHAPES)]
    angles = [math.radians(turn) + 2 * math.pi * corner / corners for corner in range(corners)]
    points = " ".join(f"{x + radius * math.cos(a):.1f},{y + radius * math.sin(a):.1f}" for a in angles)
    return f'<polygon class="{css}" points="{points}"/>'


def _svg(chart: Chart, width: int) -> str:
    wide = width > WIDE
    frame = _frame(chart, width, wide)
    height = frame.bottom + 46
    places = _places(frame, chart)
    parts = _axes(frame, chart, wide) + (_diagonal(frame, wide) if chart.diagonal else [])
    if chart.baseline:
        parts.append(
            path("baseline", [(frame.left, frame.y(chart.baseline[0])), (frame.right, frame.y(chart.baseline[0]))])
        )
    parts += [_group(series, _under(frame, series)) for series in chart.series]
    parts += [_group(series, _over(frame, series, x)) for series, x in zip(chart.series, places, strict=True)]
    name = f"{chart.key}-{width}"
    return (
        f'<svg role="img" aria-labelledby="{name}-title {name}-text" viewBox="0 0 {width} {height:.0f}">'
        f'<title id="{name}-title">{escape(chart.title)}</title>'
        f'<desc id="{name}-text">{escape(chart.description)}</desc>'
        f"{''.join(parts)}{''.join(_labels(frame, chart, places, width))}</svg>"
    )


def _frame(chart: Chart, width: int, wide: bool) -> Frame:
    texts = [_label(series.name, series.value, wide) for series in chart.series]
    texts += [_label(*chart.baseline[1:3], wide)] if chart.baseline else []
    columns = 0 if chart.diagonal else _column(chart) * len(chart.series)
    margin = min(max((len(text) for text in texts), default=0) * LETTER + 22 + columns, 0.5 * width)
    x_range, y_ticks = _ranges(chart)
    left, top, right = max(len(tick_text(tick)) for tick in y_ticks) * LETTER + 14, 34.0, width - margin
    bottom = top + (right - left if chart.diagonal and not wide else 430 if chart.diagonal else 310 if wide else 240)
    right = min(right, left + bottom - top) if chart.diagonal else right
    return Frame(left, top, right, bottom, x_range, y_ticks, chart.log_x)


def _ranges(chart: Chart) -> tuple[Pair, list[float]]:
    finals = [final for series in chart.series for final in (series.final, *series.marks) if final]
    curves = [series.curve for series in chart.series if series.curve]
    dots = [dot for series in chart.series for dot in series.dots]
    xs = [dot.x for dot in dots] + [final.x for final in finals] + [float(x) for curve in curves for x in curve.x]
    ys = [dot.y for dot in dots] + [final.y for final in finals] + [float(y) for curve in curves for y in curve.mean]
    ys += [chart.baseline[0]] if chart.baseline else []
    ys = ys or [0.0]
    # Two seeds can give intervals that dwarf every point: the axis follows them for half the points' own range.
    room = 0.5 * (max(ys) - min(ys))
    low = max(min([final.low for final in finals] + ys), min(ys) - room)
    high = min(max([final.high for final in finals] + ys), max(ys) + room)
    if chart.diagonal:
        span = ticks(min([low, *xs]), max([high, *xs]), 6)
        return (span[0], span[-1]), span
    return _x_range(chart, xs), ticks(low, high, 5)


def _x_range(chart: Chart, xs: Sequence[float]) -> Pair:
    """From zero, or, on a logarithmic axis, from the smallest number above it; some room beside ticks of their own."""
    if chart.x_ticks:
        first, last = chart.x_ticks[0][0], chart.x_ticks[-1][0]
        room = 0.06 * (last - first) or 1.0
        return first - room, last + room
    high = max([*xs, 1e-9])
    above = [x for x in xs if x > 0]
    return (min(min(above, default=high), 0.5 * high) if chart.log_x else 0.0), high


def _axes(frame: Frame, chart: Chart, wide: bool) -> list[str]:
    parts = []
    for value in frame.y_ticks:
        y = frame.y(value)
        parts.append(path("grid", [(frame.left, y), (frame.right, y)]))
        parts.append(text(frame.left - 8, y + 4, tick_text(value), "tick", "end"))
    for value, words in _x_ticks(frame, chart, wide):
        x = frame.x(value)
        parts.append(path("stub", [(x, frame.bottom), (x, frame.bottom + 5)]))
        parts.append(text(x, frame.bottom + 19, words, "tick", "middle"))
    parts.append(path("axis", [(frame.left, frame.bottom), (frame.right, frame.bottom)]))
    parts.append(text(0, 14, chart.y_label, "axis-label", "start"))
    parts.append(
        text(
            frame.left,
            frame.bottom + 39,
            chart.x_label if wide else chart.x_label.split(" (")[0],
            "axis-label",
            "start",
        )
    )
    return parts


def _x_ticks(frame: Frame, chart: Chart, wide: bool) -> Sequence[tuple[float, str]]:
    if chart.x_ticks:
        return chart.x_ticks
    low, high = frame.x_range
    values = (log_ticks if chart.log_x else ticks)(low, high, 6 if wide else 3)
    return [(value, tick_text(value)) for value in values if low <= value <= high]


def _diagonal(frame: Frame, wide: bool) -> list[str]:
    parts = [path("diagonal", [(frame.left, frame.bottom), (frame.right, frame.top)])]
    words = ("promised more than it kept", "kept more than it promised") if wide else ("overpromised", "underpromised")
    parts.append(text(frame.right - 10, frame.bottom - 12, words[0], "hint", "end"))
    parts.append(text(frame.left + 10, frame.top + 20, words[1], "hint", "start"))
    return parts


def _under(frame: Frame, series: Series) -> list[str]:
    """Bands and single observations, which must not hide a line."""
    parts = []
    curve = series.curve
    if curve is not None and curve.low is not None and curve.high is not None:
        there = [(frame.x(x), frame.y(y)) for x, y in zip(curve.x, curve.high, strict=True)]
        back = [(frame.x(x), frame.y(y)) for x, y in zip(curve.x[::-1], curve.low[::-1], strict=True)]
        parts.append(path("band", there + back))
    for dot in series.dots:
        css = "dot faint" if dot.faint else "dot"
        parts.append(
            f'<circle class="{css}" cx="{frame.x(dot.x):.1f}" cy="{frame.y(dot.y):.1f}" r="2.6">'
            f"<title>{escape(dot.title)}</title></circle>"
        )
    return parts


def _over(frame: Frame, series: Series, place: float) -> list[str]:
    """The mean line and the judged end with its whisker, in pixel column `place`."""
    parts = []
    curve, final = series.curve, series.final
    if curve is not None:
        points = [(frame.x(x), frame.y(y)) for x, y in zip(curve.x, curve.mean, strict=True)]
        parts.append(path("line dashed" if series.dashed else "line", points))
        if final is not None:
            parts.append(path("bridge", [points[-1], (place, frame.y(final.y))]))
    for mark in series.marks:
        parts += _judged(frame, mark, series.shape, frame.x(mark.x))
    return parts + (_judged(frame, final, series.shape, place) if final is not None else [])


def _judged(frame: Frame, final: Final, index: int, place: float) -> list[str]:
    """A judged point: its whisker, and its shape over it."""
    mark = shape(index, place, frame.y(final.y), 6)
    return [*_whisker(frame, final, place), f'<g class="final"><title>{escape(final.title)}</title>{mark}</g>']


def _column(chart: Chart) -> float:
    """Pixels between two whiskers: less where many share the margin."""
    return min(COLUMN, 4 * COLUMN / max(len(chart.series), 1))


def _places(frame: Frame, chart: Chart) -> list[float]:
    """The pixel column of each judged end: side by side where two whiskers or marks would cover each other."""
    places, column = list[float](), _column(chart)
    taken: list[tuple[float, float, float]] = []  # column, upper and lower row
    for final in (series.final for series in chart.series):
        x = frame.x(final.x) if final else frame.left
        if final and not chart.diagonal:
            top, bottom = frame.y(max(final.high, final.y)) - 8, frame.y(min(final.low, final.y)) + 8
            while any(abs(x - other) < column - 0.5 and top < under and over < bottom for other, over, under in taken):
                x += column
            taken.append((x, top, bottom))
        places.append(x)
    return places


def _whisker(frame: Frame, final: Final, x: float) -> list[str]:
    low, high = frame.y(final.low), frame.y(final.high)
    parts = [path("whisker", [(x, low), (x, high)])]
    for value, y in ((final.low, low), (final.high, high)):
        # An interval that leaves the frame gets no end bar: it does not end there.
        if frame.y_ticks[0] <= value <= frame.y_ticks[-1]:
            parts.append(path("whisker", [(x - 4, y), (x + 4, y)]))
    return parts


def _labels(frame: Frame, chart: Chart, places: Sequence[float], width: int) -> list[str]:
    wide = width > WIDE
    outside = max([frame.right, *places])  # labels of the ends at the frame's edge share one column, right of them all
    wanted = [
        Label(
            outside if x >= frame.right - 1 else x,
            frame.y(series.final.y),
            _label(series.name, series.value, wide),
            series.tone,
        )
        for series, x in zip(chart.series, places, strict=True)
        if series.final
    ]
    if chart.baseline:
        height, name, value, tone = chart.baseline
        wanted.append(Label(outside, frame.y(height), _label(name, value, wide), tone))
    marks = [
        (x, frame.y(series.final.y)) for series, x in zip(chart.series, places, strict=True) if series.final is not None
    ]
    wanted = [_clear_of(marks, label, (frame.left, width - SPARE), outside) for label in wanted]
    parts = []
    for label, y in zip(wanted, apart(wanted, frame.bottom - 4), strict=True):
        side = -1 if label.is_left else 1
        if abs(y - label.y) > 5:
            parts.append(path("leader", [(label.x + 7 * side, label.y), (label.x + 12 * side, y)]))
        anchor = "end" if label.is_left else "start"
        parts.append(text(label.x + 14 * side, y + 4, label.text, f"label {label.tone}", anchor))
    return parts


def _clear_of(marks: Sequence[Pair], label: Label, room: Pair, outside: float) -> Label:
    """The label where it covers no other mark: in the column `outside`, if that is near, or to the left of its own.

    Its words stay in the `room` from one column to another.
    """
    if not label.covers(marks):
        return label
    beyond, left = replace(label, x=outside), replace(label, is_left=True)
    if outside - label.x < NEAR and beyond.span[1] <= room[1]:
        return beyond
    return label if left.covers(marks) or left.span[0] < room[0] else left


def _label(name: str, value: str, wide: bool) -> str:
    if wide:
        return f"{name} {value}".strip()
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _group(series: Series, parts: Iterable[str]) -> str:
    return f'<g class="{series.tone}">{"".join(parts)}</g>'
