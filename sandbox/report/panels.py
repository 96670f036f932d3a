"""Small multiples: for each contender one little panel of the same rows, so that profiles are compared at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from sandbox.report.charts import shape
from sandbox.report.strokes import path, text

WIDTH, HEAD, LINE, LEFT, RIGHT = 230.0, 40.0, 20.0, 96.0, 186.0  # px; a track runs from LEFT to RIGHT
LONGEST, LONGEST_TITLE = 15, 30  # letters that there is room for


@dataclass(frozen=True)
class Bar:
    """One row of a panel: words, a length as a share of the panel's full scale, and the figure as it is written.

    `length` is None where there is nothing to show; `words` then says why in the figure's place.
    """

    words: str
    length: float | None
    figure: str


@dataclass(frozen=True)
class Panel:
    """One contender's rows; `mark` is the share of the scale at which a baseline stands, with its words."""

    key: str
    title: str
    description: str
    tone: str
    shape: int
    bars: Sequence[Bar]
    mark: tuple[float, str] | None = None


def grid(panels: Sequence[Panel]) -> str:
    """All panels as HTML, as many in a line as there is room for."""
    return f"<div class='panels'>{''.join(map(_panel, panels))}</div>"


def _panel(panel: Panel) -> str:
    height = HEAD + LINE * len(panel.bars) + (16 if panel.mark else 0)
    parts = [
        f'<g class="{panel.tone}">{shape(panel.shape, 6, 10, 6)}</g>',
        text(18, 14, cut(panel.title, LONGEST_TITLE), "name", "start"),
    ]
    for place, bar in enumerate(panel.bars):
        parts += _bar(bar, HEAD + LINE * place, panel.tone)
    if panel.mark:
        x, bottom = _x(panel.mark[0]), HEAD + LINE * len(panel.bars) - 6
        parts.append(path("baseline", [(x, HEAD - 14), (x, bottom)]))
        parts.append(text(x, bottom + 14, panel.mark[1], "hint", "middle"))
    return (
        f'<svg role="img" aria-labelledby="{panel.key}-title {panel.key}-text" viewBox="0 0 {WIDTH:.0f} {height:.0f}">'
        f'<title id="{panel.key}-title">{escape(panel.title)}</title>'
        f'<desc id="{panel.key}-text">{escape(panel.description)}</desc>{"".join(parts)}</svg>'
    )


def _bar(bar: Bar, y: float, tone: str) -> list[str]:
    parts = [text(0, y + 4, cut(bar.words, LONGEST), "tick", "start"), path("grid", [(LEFT, y), (RIGHT, y)])]
    if bar.length is not None:
        x = _x(bar.length)
        end = f'<circle class="dot-end" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>' if bar.length <= 1 else _beyond(x, y)
        parts.append(f'<g class="{tone}">{path("bar", [(LEFT, y), (x, y)])}{end}</g>')
    return [*parts, text(WIDTH, y + 4, bar.figure, "tick", "end")]


def _beyond(x: float, y: float) -> str:
    """The head of an arrow: the figure lies beyond the scale."""
    return f'<polygon class="dot-end" points="{x - 6:.1f},{y - 5:.1f} {x + 3:.1f},{y:.1f} {x - 6:.1f},{y + 5:.1f}"/>'


def _x(share: float) -> float:
    return LEFT + min(max(share, 0.0), 1.0) * (RIGHT - LEFT)


def cut(words: str, longest: int) -> str:
    """Words no longer than `longest` letters."""
    return words if len(words) <= longest else f"{words[: longest - 1]}…"
