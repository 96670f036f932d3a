"""A gamepad: sticks act, buttons wish."""

from typing import Any

import pygame

from sandbox.play.controls import DOWN, LEFT, RIGHT, UP

# The order of SDL's buttons on most pads: A, B, X, Y, left and right shoulder, back, start.
BUTTONS = ("single", "record", "hand over", "resync", "colder", "warmer", "reset", "pause")
_DEAD = 0.2  # of a stick's way that is nothing
LOST = "the gamepad is gone; the keyboard works"


class NoGamepadError(ValueError):
    """A gamepad was asked for and there is none."""


class Gamepad:
    """The first gamepad that is plugged in."""

    def __init__(self) -> None:
        """Take it.

        Raises:
            NoGamepadError: none is plugged in.
        """
        pygame.joystick.init()
        if not pygame.joystick.get_count():
            raise NoGamepadError("no gamepad was found; plug one in, or leave --gamepad out and play by keyboard")
        self._pad: Any = pygame.joystick.Joystick(0)
        self.name = str(self._pad.get_name())

    def sticks(self) -> dict[str, float]:
        """How far `left`, `right`, `up` and `down` are pushed, from 0 to 1, by the first stick or the cross."""
        across = self._pad.get_axis(0) if self._pad.get_numaxes() > 0 else 0.0
        along = self._pad.get_axis(1) if self._pad.get_numaxes() > 1 else 0.0
        if self._pad.get_numhats():
            hat = self._pad.get_hat(0)
            across, along = hat[0] or across, -hat[1] or along
        ways = {LEFT: -across, RIGHT: across, UP: -along, DOWN: along}
        return {way: float(pushed) for way, pushed in ways.items() if pushed > _DEAD}

    def heard(self, event: Any) -> str | None:
        """The wish behind an event, or a sentence where the gamepad was pulled out."""
        if event.type == pygame.JOYDEVICEREMOVED:
            return LOST
        if event.type == pygame.JOYBUTTONDOWN and event.button < len(BUTTONS):
            return BUTTONS[event.button]
        return None
