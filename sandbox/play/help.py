"""The overlay that lists the keys."""

import pygame

from sandbox.play.paint import GREY, INK, PANEL, write
from sandbox_envs.canvas import Canvas

KEYS = (
    ("arrows, digits", "act (or let a gamepad act)"),
    ("tab", "hand over to the next player: pilot, agent, you"),
    ("space", "pause"),
    ("n", "a single step"),
    ("+ / -", "faster / slower"),
    ("r", "reset: the next episode, all from the same start"),
    ("backspace", "the same episode again, all from the same start"),
    ("s", "re-sync: all dreams to the simulator's present state"),
    ("t / g", "dream warmer / colder (also page up / page down)"),
    ("F1 … F12", "show or hide a dream"),
    ("v", "record a film, and stop"),
    ("h", "this help"),
    ("q, escape", "quit"),
)


def overlay(screen: pygame.Surface) -> None:
    """Lay the list over the picture."""
    unit = screen.get_height() / 720
    box = pygame.Rect(0, 0, round(600 * unit), round((76 + 28 * len(KEYS)) * unit))
    box.center = screen.get_rect().center
    veil = pygame.Surface(box.size)
    veil.fill(PANEL)
    veil.set_alpha(238)
    screen.blit(veil, box)
    pygame.draw.rect(screen, Canvas.SKY, box, max(1, round(2 * unit)), border_radius=round(8 * unit))
    write(screen, "one joystick, many worlds", (box.left + 28 * unit, box.top + 20 * unit), INK, 18 * unit)
    for line, (keys, what) in enumerate(KEYS):
        y = box.top + (58 + 28 * line) * unit
        write(screen, keys, (box.left + 28 * unit, y), Canvas.YELLOW, 14 * unit)
        write(screen, what, (box.left + 190 * unit, y), GREY, 14 * unit)
