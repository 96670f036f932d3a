"""Colours and words of the mosaic. Wong's palette stays apart for every kind of colour vision; see `Canvas`."""

import os
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


def write(
    surface: pygame.Surface,
    text: str,
    corner: tuple[float, float],
    colour: Colour,
    height: float,
    *,
    right: bool = False,
    middle: bool = False,
) -> int:
    """Write words of about `height` pixels from their upper left corner, or right, or middle; returns their width."""
    letters = [_letter(one, colour, max(8, round(height))) for one in text]
    width = sum(letter.get_width() for letter in letters)
    x = round(corner[0] - (width if right else width / 2 if middle else 0))
    for letter in letters:
        surface.blit(letter, (x, round(corner[1])))
        x += letter.get_width()
    return width


@lru_cache(maxsize=4096)
def _letter(letter: str, colour: Colour, height: int) -> pygame.Surface:
    """Numbers change in every picture, letters do not: a text costs a hundredth of what rendering it would."""
    pygame.font.init()
    # No font is kept: an environment of Gymnasium's quits pygame when it closes, and kept fonts die with it.
    return pygame.font.Font(None, round(height * 1.38)).render(letter, True, colour)
