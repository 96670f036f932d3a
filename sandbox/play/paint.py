"""Colours and words of the mosaic. Wong's palette stays apart for every kind of colour vision; see `Canvas`."""

import math
import os
import re
from functools import lru_cache

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pygame

from sandbox_envs.canvas import Canvas, Colour

GROUND: Colour = (7, 10, 24)
PANEL: Colour = (17, 23, 46)
GRID: Colour = (44, 54, 92)
INK: Colour = Canvas.WHITE
GREY: Colour = Canvas.GREY
# One a dream, in this order; blue is too dark on this ground.
COLOURS: tuple[Colour, ...] = (
    Canvas.ORANGE,
    Canvas.SKY,
    Canvas.GREEN,
    Canvas.YELLOW,
    Canvas.PINK,
    Canvas.RED,
)
_PARTS = re.compile(r"\d|[^\d]+")


def write(
    surface: pygame.Surface,
    text: str,
    corner: tuple[float, float],
    colour: Colour,
    height: float,
    *,
    right: bool = False,
    middle: bool = False,
    most: float = math.inf,
) -> int:
    """Write words of about `height` pixels from their upper left corner, or right, or middle; returns their width.

    Of words that are wider than `most` pixels the end is written: of a path it tells most.
    """
    # Numbers change in every picture, words do not: digit by digit a text costs a hundredth of what rendering it would.
    parts = [_written(part, colour, max(8, round(height))) for part in _PARTS.findall(text)]
    width = sum(part.get_width() for part in parts)
    if width > most and len(text) > 2:
        kept = min(len(text) - 2, max(1, int(len(text) * most / width)))  # the mark that words are missing counts, too
        shorter = f"…{text[-kept:]}"
        return write(surface, shorter, corner, colour, height, right=right, middle=middle, most=most)
    x = round(corner[0] - (width if right else width / 2 if middle else 0))
    for part in parts:
        surface.blit(part, (x, round(corner[1])))
        x += part.get_width()
    return width


@lru_cache(maxsize=4096)
def _written(part: str, colour: Colour, height: int) -> pygame.Surface:
    pygame.font.init()
    # No font is kept: an environment of Gymnasium's quits pygame when it closes, and kept fonts die with it.
    large = pygame.font.Font(None, round(height * 2.76)).render(part, True, colour)
    size = max(1, round(large.get_width() / 2)), max(1, round(large.get_height() / 2))
    return pygame.transform.smoothscale(large, size)  # small letters keep their distances so
