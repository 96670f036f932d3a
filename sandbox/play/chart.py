"""The drift of every dream over the last steps, on a logarithmic scale, above what the simulator does to itself."""

import math
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np
import pygame
from numpy.typing import NDArray

from sandbox.play.paint import GREY, GRID, INK, PANEL, write
from sandbox.play.session import TRAIL

if TYPE_CHECKING:
    from sandbox.play.mosaic import Mosaic

LOW, HIGH = 0.1, 100.0
_TICKS = (0.1, 1.0, 10.0, 100.0)


def drift(surface: pygame.Surface, box: pygame.Rect, mosaic: "Mosaic", unit: float) -> None:
    """Draw the chart into `box`; lengths are multiples of `unit` pixels."""
    session = mosaic.session
    write(surface, "distance to the simulator", (box.left, box.top), INK, 14 * unit)
    write(surface, f"× {session.unit}", (box.right, box.top + 2 * unit), GREY, 11 * unit, right=True)
    top = box.top + round(20 * unit)
    chart = pygame.Rect(
        box.left + round(30 * unit), top, box.width - round(30 * unit), box.bottom - top - round(18 * unit)
    )
    pygame.draw.rect(surface, PANEL, chart)
    if session.own is not None:
        own = float(_y(session.own, chart))
        pygame.draw.rect(surface, GRID, (chart.left, own, chart.width, chart.bottom - own))
        words = "the simulator's own futures (95 %)"
        write(surface, words, (chart.right - 6 * unit, chart.bottom - 16 * unit), GREY, 11 * unit, right=True)
    for tick in _TICKS:
        y = float(_y(tick, chart))
        pygame.draw.line(surface, GRID, (chart.left, y), (chart.right, y))
        write(surface, f"{tick:g}", (chart.left - 5 * unit, y - 6 * unit), GREY, 11 * unit, right=True)
    pace = chart.width / TRAIL
    for pane, colour in mosaic.colours():
        known = list(takewhile(lambda distance: distance is not None, pane.distances))
        heights = _y(np.array(known, np.float64), chart)
        points = [(chart.left + step * pace, y) for step, y in enumerate(heights.tolist())]
        if len(points) > 1:
            pygame.draw.lines(surface, colour, False, points, max(1, round(2 * unit)))
        if points:
            pygame.draw.circle(surface, colour, points[-1], 3.5 * unit)
    shown = max((len(pane.distances) for pane in session.dreams), default=1)
    first = session.steps - shown + 1
    write(surface, f"step {max(first, 0)}", (chart.left, chart.bottom + 4 * unit), GREY, 11 * unit)
    write(surface, f"step {max(first, 0) + TRAIL}", (chart.right, chart.bottom + 4 * unit), GREY, 11 * unit, right=True)


def _y(distance: float | NDArray[np.float64], chart: pygame.Rect) -> NDArray[np.float64]:
    share = np.log(np.clip(distance, LOW, HIGH) / LOW) / math.log(HIGH / LOW)
    return np.asarray(chart.bottom - share * chart.height)
