"""A window in which a world is watched: 60 pictures a second, pause, single steps, speed, reset, screenshots."""

import os
from typing import Any

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pygame
from numpy.typing import NDArray

from sandbox_envs.canvas import Canvas, Window

STRIP, PICTURES_PER_SECOND = 46, 60  # height of the strip beneath the picture, in pixels
HELP = "space: pause    right: one step    up, down: speed    r: reset    s: screenshot    q: quit"
SLOWEST, FASTEST = 1 / 16, 64.0


class Viewer(Window):
    """A window whose user decides how the time of a world passes.

    Args:
        title: what stands in the window's frame.
        size: width and height of the pictures that will be shown.
        steps_per_second: how many steps a second are asked for at speed 1.

    Attributes:
        paused: no step is asked for but single ones.
        speed: multiplies the steps that are asked for.
        closed: the user has closed the window; nothing that is shown afterwards is seen.

    Raises:
        WindowError: there is no display.
    """

    def __init__(self, title: str, size: tuple[int, int], steps_per_second: int) -> None:
        super().__init__(title, (max(size[0], 620), size[1] + STRIP))
        self.paused = False
        self.speed = 1.0
        self._pace = steps_per_second / PICTURES_PER_SECOND
        self._due = 0.0
        self._single = 0
        self._wishes: set[str] = set()

    def steps_due(self) -> int:
        """How many steps to take before the next picture; reads the keys, and waits for the time of that picture."""
        for event in () if self.closed else pygame.event.get():
            if event.type == pygame.QUIT:
                self.close()
                return 0
            if event.type == pygame.KEYDOWN:
                self._press(event.key)
        if self.closed:
            return 0
        self._clock.tick(PICTURES_PER_SECOND)
        self._due = 0.0 if self.paused else self._due + self.speed * self._pace
        steps, self._single = int(self._due) + self._single, 0
        self._due -= int(self._due)
        return steps

    def wished(self, wish: str) -> bool:
        """Whether a "reset" or a "screenshot" was asked for since this was last called."""
        if wish not in self._wishes:
            return False
        self._wishes.remove(wish)
        return True

    def present(self, picture: NDArray[Any], words: str) -> None:
        """Show a picture `(H, W, 3)`, and words beneath it."""
        if self.closed:
            return
        pace = "paused" if self.paused else f"speed {self.speed:g}"
        width, height = self._screen.get_size()
        strip = Canvas((width, STRIP))
        strip.sky(Canvas.NIGHT, Canvas.NIGHT)
        strip.text(f"{words}    {pace}", (10, 6), Canvas.WHITE, 12)
        strip.text(HELP, (10, 26), Canvas.GREY, 11)
        self._screen.fill(Canvas.NIGHT)
        left = (width - picture.shape[1]) // 2
        for pixels, corner in ((picture, (left, 0)), (strip.pixels(), (0, height - STRIP))):
            self._screen.blit(pygame.surfarray.make_surface(pixels.transpose(1, 0, 2)), corner)
        pygame.display.flip()

    def _press(self, key: int) -> None:
        match key:
            case pygame.K_SPACE:
                self.paused = not self.paused
            case pygame.K_RIGHT | pygame.K_PERIOD:
                self.paused, self._single = True, self._single + 1
            case pygame.K_UP | pygame.K_PLUS | pygame.K_KP_PLUS:
                self.speed = min(2.0 * self.speed, FASTEST)
            case pygame.K_DOWN | pygame.K_MINUS | pygame.K_KP_MINUS:
                self.speed = max(0.5 * self.speed, SLOWEST)
            case pygame.K_r:
                self._wishes.add("reset")
            case pygame.K_s:
                self._wishes.add("screenshot")
            case pygame.K_q | pygame.K_ESCAPE:
                self.close()
