"""The strokes that every chart is drawn with, as SVG elements; their looks are the style sheet's."""

from collections.abc import Sequence
from html import escape

from sandbox.report.axes import Pair


def path(css: str, points: Sequence[Pair]) -> str:
    """A line through points in pixels; closed where it is a band."""
    closed = "Z" if css.split()[0] == "band" else ""
    return f'<path class="{css}" d="M{" L".join(f"{x:.1f},{y:.1f}" for x, y in points)}{closed}"/>'


def text(x: float, y: float, content: str, css: str, anchor: str) -> str:
    """Words at a point in pixels; `anchor` is start, middle or end."""
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'
