"""The brush: world units to pixels, headless first.

A picture is painted on a plain surface in memory, which needs no display; only render_mode="human" opens a window.
"""

import os
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pygame
import pygame.gfxdraw

if TYPE_CHECKING:
    from sandbox_envs.core import Simulation

Point = tuple[float, float]
Colour = tuple[int, int, int]


class Canvas:
    """A picture of `size` pixels that shows the world from `left, bottom` to `right, top`, in the world's own units.

    Lengths are in world units, y points up; text and line widths are in pixels. Wong's colours ("Points of view: Color
    blindness", Nature Methods 2011) stay apart for every kind of colour vision.
    """

    NIGHT: Colour = (11, 16, 38)
    DUSK: Colour = (35, 48, 92)
    WHITE: Colour = (236, 240, 250)
    GREY: Colour = (142, 152, 178)
    ORANGE: Colour = (230, 159, 0)
    SKY: Colour = (86, 180, 233)
    GREEN: Colour = (0, 158, 115)
    YELLOW: Colour = (240, 228, 66)
    BLUE: Colour = (0, 114, 178)
    RED: Colour = (213, 94, 0)
    PINK: Colour = (204, 121, 167)

    def __init__(self, size: tuple[int, int], detail: int = 2) -> None:
        self.size = size
        self._detail = detail  # painted larger and then averaged: smooth edges for every shape alike
        self._surface = pygame.Surface((size[0] * detail, size[1] * detail))
        self._backdrops: dict[Callable[[Canvas], None], Any] = {}
        self._stamps: dict[tuple[Hashable, float], Any] = {}
        self._written: dict[tuple[str, Colour, int], Any] = {}  # a text is painted for milliseconds, and comes again
        self.view(0.0, 0.0, float(size[0]), float(size[1]))

    def view(self, left: float, bottom: float, right: float, top: float) -> None:
        """Show this part of the world."""
        width, height = self._surface.get_size()
        self._left, self._top = left, top
        self._scale_x, self._scale_y = width / (right - left), height / (top - bottom)

    def pixel(self, point: Point) -> tuple[int, int]:
        """Where a point of the world lies on the (larger) surface."""
        x = (point[0] - self._left) * self._scale_x
        y = (self._top - point[1]) * self._scale_y
        return int(min(max(x, -20000.0), 20000.0)), int(min(max(y, -20000.0), 20000.0))

    def sky(self, above: Colour, below: Colour) -> None:
        """Fill the picture with a gradient."""
        strip = pygame.Surface((1, 2))
        strip.set_at((0, 0), above)
        strip.set_at((0, 1), below)
        pygame.transform.smoothscale(strip, self._surface.get_size(), self._surface)

    def backdrop(self, paint: "Callable[[Canvas], None]") -> None:
        """Fill the picture with what `paint` makes of this canvas: always the same, so it is painted once and kept."""
        kept = self._backdrops.get(paint)
        if kept is None:
            paint(self)
            self._backdrops[paint] = self._surface.copy()
        else:
            self._surface.blit(kept, (0, 0))

    def stamp(self, key: Hashable, centre: Point, reach: float, paint: "Callable[[Canvas], None]") -> None:
        """Put at `centre` what `paint` draws, opaque, around the origin, no further off than `reach` world units.

        It is painted once for each `key`, which must tell apart all that look different.
        """
        kept = self._stamps.get((key, self._scale_x))
        if kept is None:
            kept = self._stamps[key, self._scale_x] = self._apart(reach, paint)
        x, y = self.pixel(centre)
        self._surface.blit(kept, (x - kept.get_width() // 2, y - kept.get_height() // 2))

    def _apart(self, reach: float, paint: "Callable[[Canvas], None]") -> Any:
        """A transparent picture of what `paint` draws, the origin in its middle, at this canvas's scale."""
        whole, left, top = self._surface, self._left, self._top
        sides = (2 * round(reach * self._scale_x), 2 * round(reach * self._scale_y))
        self._surface = pygame.Surface(sides, pygame.SRCALPHA)
        self._left, self._top = -0.5 * sides[0] / self._scale_x, 0.5 * sides[1] / self._scale_y
        paint(self)
        apart, self._surface, self._left, self._top = self._surface, whole, left, top
        return apart

    def picture(self, picture: NDArray[np.uint8]) -> None:
        """Fill the canvas with a picture `(H, W, 3)` of any size, enlarged without smoothing: pixels stay pixels."""
        small = pygame.surfarray.make_surface(np.asarray(picture, np.uint8).transpose(1, 0, 2))
        pygame.transform.scale(small, self._surface.get_size(), self._surface)

    def line(self, points: Sequence[Point], colour: Colour, width: float = 1.0) -> None:
        """A line through the points, `width` pixels wide."""
        pygame.draw.lines(
            self._surface, colour, False, [self.pixel(p) for p in points], max(1, round(width * self._detail))
        )

    def polygon(self, points: Sequence[Point], colour: Colour, alpha: int = 255) -> None:
        """A filled polygon; `alpha` below 255 lets shine through what is behind."""
        pygame.gfxdraw.filled_polygon(self._surface, [self.pixel(p) for p in points], (*colour, alpha))

    def box(self, left: float, bottom: float, width: float, height: float, colour: Colour) -> None:
        """A filled rectangle with upright sides."""
        (x, y), (end_x, end_y) = self.pixel((left, bottom + height)), self.pixel((left + width, bottom))
        self._surface.fill(colour, (min(x, end_x), min(y, end_y), abs(end_x - x), abs(end_y - y)))

    def tiles(self, colours: NDArray[np.uint8], left: float, bottom: float, right: float, top: float) -> None:
        """Fill a rectangle with a grid of equal tiles of the given colours `(H, W, 3)`, the first row at the top."""
        (x, y), (end_x, end_y) = self.pixel((left, top)), self.pixel((right, bottom))
        small = pygame.surfarray.make_surface(np.asarray(colours, np.uint8).transpose(1, 0, 2))
        self._surface.blit(pygame.transform.scale(small, (end_x - x, end_y - y)), (x, y))

    def circle(self, centre: Point, radius: float, colour: Colour, alpha: int = 255) -> None:
        """A filled circle; the radius is in world units along x, and at least half a pixel."""
        pixels = max(1, round(radius * self._scale_x))
        x, y = self.pixel(centre)
        pygame.gfxdraw.filled_circle(self._surface, x, y, pixels, (*colour, alpha))

    def text(self, text: str, corner: tuple[int, int], colour: Colour, height: int = 13) -> None:
        """Text whose upper left corner is `corner`, in pixels of the finished picture."""
        written = self._written.get((text, colour, height))
        if written is None:
            # No font is kept: an environment of Gymnasium's quits pygame when it closes, and kept fonts die with it.
            pygame.font.init()
            font = pygame.font.Font(None, round(height * 1.4 * self._detail))
            written = font.render(text, True, colour)
            if len(self._written) == 256:
                self._written.clear()
            self._written[text, colour, height] = written
        self._surface.blit(written, (corner[0] * self._detail, corner[1] * self._detail))

    def pixels(self) -> NDArray[np.uint8]:
        """The finished picture, `(H, W, 3)`; a copy."""
        finished = pygame.transform.smoothscale(self._surface, self.size)
        packed = pygame.image.tobytes(finished, "RGB")  # a tenth of the time of surfarray.array3d
        return np.frombuffer(packed, np.uint8).reshape(self.size[1], self.size[0], 3).copy()


class Painter:
    """Paints observations of one simulation, real or dreamed; no environment need have been stepped."""

    def __init__(self, simulation: "Simulation") -> None:
        self._simulation = simulation
        self._canvas: Canvas | None = None

    def __call__(self, obs: NDArray[Any], state: Any = None) -> NDArray[np.uint8]:
        """The picture `(H, W, 3)` of one observation; `state` may add what it hides. An image is shown as it is."""
        if self._canvas is None:
            self._canvas = Canvas(self._simulation.canvas_size)
        if self._simulation.observation == "image":
            self._canvas.picture(np.clip(obs, 0, 255).astype(np.uint8))
        else:
            self._simulation.draw(self._canvas, obs, state)
        return self._canvas.pixels()

    def __getstate__(self) -> dict[str, Any]:
        return {"_simulation": self._simulation, "_canvas": None}


def painter(world: "str | Simulation", **parameters: Any) -> Painter:
    """A function from one observation to its picture, for a world's name, id or simulation.

    Raises:
        ValueError: an unknown world or parameter.
    """
    from sandbox_envs.vector import resolved

    return Painter(resolved(world, parameters))


class WindowError(ValueError):
    """No window can be opened here."""


class Window:
    """A window that shows pictures until its user closes it; what is shown afterwards is not seen.

    Raises:
        WindowError: there is no display.
    """

    def __init__(self, title: str, size: tuple[int, int]) -> None:
        try:
            pygame.display.init()
            # Without a display SDL paints silently off the screen; that is taken only from those who asked for it.
            unasked = os.environ.get("SDL_VIDEODRIVER") != "offscreen"
            if unasked and pygame.display.get_driver() == "offscreen":
                pygame.display.quit()
                pygame.display.init()  # what began it may have been something else, before SDL_VIDEODRIVER was set
            if unasked and pygame.display.get_driver() == "offscreen":
                pygame.display.quit()
                raise pygame.error("there is no display")
            self._screen = pygame.display.set_mode(size)
        except pygame.error as error:
            raise WindowError(
                f"No window can be opened ({error}): use render_mode='rgb_array', or set SDL_VIDEODRIVER=dummy."
            ) from error
        pygame.display.set_caption(title)
        self._clock = pygame.time.Clock()
        self.closed = False

    def show(self, picture: NDArray[np.uint8], frames_per_second: int) -> None:
        """Show a picture `(H, W, 3)`, and wait as long as the frame rate asks."""
        if not self.closed and pygame.event.get(pygame.QUIT):
            self.close()
        if self.closed:
            return
        pygame.event.pump()
        pygame.surfarray.blit_array(self._screen, picture.transpose(1, 0, 2))
        pygame.display.flip()
        self._clock.tick(frames_per_second)

    def close(self) -> None:
        """Close the window."""
        if not self.closed:
            pygame.display.quit()
        self.closed = True
