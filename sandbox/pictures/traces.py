"""Observations as lines that grow over time: the picture of a world that has no other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sandbox.spaces import Rows, layout

MOST_LINES = 8
# Painted larger and then averaged: smooth lines.
_DETAIL = 2
_MARGIN, _GAP, _TEXT = 12, 6, 11  # pixels of the finished picture
# Wong, "Points of view: Color blindness", Nature Methods 2011.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#6b5b00", "#444444")
_PAPER, _GRID, _INK = "#ffffff", "#e3e6ec", "#4a5160"


@dataclass(frozen=True)
class Scale:
    """What every trace of one world shares, so that two episodes side by side can be compared."""

    labels: tuple[str, ...]  # D' of them, at most `MOST_LINES`
    low: NDArray[np.float64]  # (D',)
    high: NDArray[np.float64]  # (D',)
    steps: int  # the longest episode


def scale(space: spaces.Space[Any], episodes: Sequence[Rows]) -> Scale:
    """The scale on which all of `episodes`, rows `(T + 1, D)` each, can be drawn; shows the first dimensions."""
    rows = np.concatenate(episodes)[:, :MOST_LINES].astype(np.float64)
    low, high = rows.min(axis=0), rows.max(axis=0)
    margin = np.where(high > low, 0.08 * (high - low), 0.5 + 0.1 * np.abs(high))
    steps = max(len(episode) for episode in episodes) - 1
    return Scale(tuple(labels(space)[:MOST_LINES]), low - margin, high + margin, max(steps, 1))


def labels(space: spaces.Space[Any], name: str = "") -> list[str]:
    """A name for each dimension of an observation: `speed`, `position[1]`, or `obs[3]` where there is no other."""
    match space:
        case spaces.Dict():
            parts = [(f"{name}.{key}" if name else str(key), part) for key, part in space.spaces.items()]
            return [label for path, part in parts for label in labels(part, path)]
        case spaces.Tuple():
            return [label for i, part in enumerate(space.spaces) for label in labels(part, f"{name or 'obs'}.{i}")]
    name = name or "obs"
    if layout(space).width == 1:
        return [name]
    return [f"{name}[{','.join(map(str, place))}]" for place in np.ndindex(space.shape or ())]


def trace(rows: Rows, step: int, drawn: Scale, size: tuple[int, int]) -> Image.Image:
    """The episode `rows` `(T + 1, D)` up to `step`, one small chart a dimension, as a picture of `size` pixels."""
    large = Image.new("RGB", (size[0] * _DETAIL, size[1] * _DETAIL), _PAPER)
    draw = ImageDraw.Draw(large)
    for line, box in enumerate(_boxes(len(drawn.labels), (size[0] * _DETAIL, size[1] * _DETAIL))):
        _chart(draw, rows[: step + 1, line], drawn, line, box)
    return large.resize(size, Image.Resampling.LANCZOS)


Box = tuple[float, float, float, float]  # left, top, right, bottom


def _boxes(count: int, size: tuple[int, int]) -> list[Box]:
    """Where each chart stands: one column of up to four, or two columns."""
    columns = 1 if count <= 4 else 2
    deep = -(-count // columns)
    margin, gap = _MARGIN * _DETAIL, _GAP * _DETAIL
    width = (size[0] - 2 * margin - (columns - 1) * 2 * gap) / columns
    height = (size[1] - 2 * margin - (deep - 1) * gap) / deep
    corners = [(margin + (i // deep) * (width + 2 * gap), margin + (i % deep) * (height + gap)) for i in range(count)]
    return [(left, top, left + width, top + height) for left, top in corners]


def _chart(draw: ImageDraw.ImageDraw, values: NDArray[np.float32], drawn: Scale, line: int, box: Box) -> None:
    left, top, right, bottom = box
    top += (_TEXT + 3) * _DETAIL  # the label's own line
    font = ImageFont.load_default(_TEXT * _DETAIL)
    draw.text((left, box[1]), drawn.labels[line], _INK, font)
    draw.text((right, box[1]), f"{float(values[-1]):.3g}", _INK, font, anchor="ra")
    draw.rectangle((left, top, right, bottom), "#f6f7f9")
    low, high = drawn.low[line], drawn.high[line]
    if low < 0 < high:
        zero = bottom - (bottom - top) * (0 - low) / (high - low)
        draw.line([(left, zero), (right, zero)], _GRID, _DETAIL)
    x = left + (right - left) * np.arange(len(values)) / drawn.steps
    y = bottom - (bottom - top) * np.clip((values - low) / (high - low), 0, 1)
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    colour, radius = _COLOURS[line], 2.5 * _DETAIL
    draw.line(points, colour, 2 * _DETAIL, joint="curve")
    draw.ellipse((x[-1] - radius, y[-1] - radius, x[-1] + radius, y[-1] + radius), colour)
