"""The mosaic: a session as one picture, the simulator at the left, its dreams beside it, their drift beneath."""

import math
from dataclasses import dataclass

import numpy as np
import pygame
from numpy.typing import NDArray

from sandbox.play.brushes import brush
from sandbox.play.chart import HIGH, LOW, drift
from sandbox.play.paint import COLOURS, GREY, GRID, GROUND, INK, PANEL, write
from sandbox.play.session import Pane, Session
from sandbox_envs.canvas import Canvas, Colour

SIZE = (1280, 720)
# More dreams than this are too small to be told apart.
MOST_DREAMS = 12
_LEFT = 0.36  # of the width, for the simulator
_DIM = 110  # how dark a pane becomes that has ended, of 255
_SIDE, _FOOT = 86, 42  # room for the meters beside a picture or beneath it, in pixels of a picture 720 high
_RAREST = 1e-3  # the end of a surprise meter


@dataclass(frozen=True)
class Status:
    """What the driver of a session has to say beneath the simulator."""

    driver: str = ""  # who acts
    words: tuple[str, ...] = ()  # a line each
    recording: bool = False


class Mosaic:
    """Draws a session; keeps nothing of it between pictures but the brush."""

    def __init__(self, session: Session, size: tuple[int, int] = SIZE) -> None:
        """Prepare pictures of `size` pixels.

        Raises:
            ValueError: more dreams than can be told apart, or a picture too small to read.
        """
        if len(session.models) > MOST_DREAMS:
            raise ValueError(f"{len(session.models)} dreams are too many for one picture; take {MOST_DREAMS} or fewer")
        if size[0] < 480 or size[1] < 270:
            raise ValueError(f"a mosaic of {size[0]}x{size[1]} cannot be read; take 480x270 or more")
        self.session, self.size = session, size
        self.surface = pygame.Surface(size)
        self.shown = [True] * len(session.models)  # which dreams have a pane
        self._brush = brush(session)
        self._unit = size[1] / 720  # of every length and every letter

    def draw(self, status: Status | None = None) -> pygame.Surface:
        """The session as it is now."""
        self.surface.fill(GROUND)
        edge = self._px(12)
        left = round(self.size[0] * _LEFT) if any(self.shown) else self.size[0] - edge
        self._draw_real(pygame.Rect(edge, edge, left - edge, self.size[1] - 2 * edge), status or Status())
        field = pygame.Rect(left + edge, edge, self.size[0] - left - 2 * edge, self.size[1] - 2 * edge)
        chosen = [i for i, is_shown in enumerate(self.shown) if is_shown]
        places, beside = self._arranged(len(chosen), field)
        for place, number in zip(places, chosen, strict=True):
            self._draw_dream(self.session.dreams[number], COLOURS[number % len(COLOURS)], place, beside)
        return self.surface

    def pixels(self) -> NDArray[np.uint8]:
        """What was last drawn, `(H, W, 3)`; a copy."""
        packed = pygame.image.tobytes(self.surface, "RGB")
        return np.frombuffer(packed, np.uint8).reshape(self.size[1], self.size[0], 3).copy()

    def _px(self, length: float) -> int:
        return max(1, round(length * self._unit))

    def _arranged(self, count: int, field: pygame.Rect) -> tuple[list[pygame.Rect], bool]:
        """A grid of `count` panes whose pictures are as large as can be; their meters stand beside them or beneath."""
        gap = self._px(10)
        best: tuple[float, int, int, int, bool] = (0.0, 1, field.width, field.height, False)
        for columns in range(1, count + 1):
            rows = math.ceil(count / columns)
            wide, high = (field.width + gap) // columns - gap, (field.height + gap) // rows - gap
            for beside in (False, True):
                room = (wide - self._px(12 + (_SIDE if beside else 0)), high - self._px(34 + (0 if beside else _FOOT)))
                best = max(best, (min(room[0], room[1] * self._brush.aspect), columns, wide, high, beside))
        _, columns, wide, high, beside = best
        corners = [
            (field.left + (i % columns) * (wide + gap), field.top + (i // columns) * (high + gap)) for i in range(count)
        ]
        return [pygame.Rect(*corner, wide, high) for corner in corners], beside

    def _draw_real(self, place: pygame.Rect, status: Status) -> None:
        session, pane = self.session, self.session.real
        head = self._px(30)
        most = place.height - head - (self._px(300) if any(self.shown) else self._px(60))
        box = self._picture(pane, place, head, most)
        write(self.surface, "simulator", (place.left, place.top + self._px(4)), INK, self._px(19))
        self._return(pane, place.right, place.top + self._px(6), 17)
        if pane.ended:
            what = "the time limit ended the episode" if pane.truncated else "the episode has ended"
            self._banner(box, what, Canvas.BLUE)
        y = box.bottom + self._px(10)
        name = session.world.name.removeprefix("sandbox/")
        told = f"{name}   step {session.steps}   temperature {session.temperature:.2g}"
        used = write(self.surface, told, (place.left, y), INK, self._px(14), most=0.75 * place.width)
        if status.driver:
            room = place.width - used - self._px(12)
            write(self.surface, status.driver, (place.right, y), Canvas.YELLOW, self._px(14), right=True, most=room)
        for line in status.words:
            y += self._px(20)
            write(self.surface, line, (place.left, y), GREY, self._px(13))
        if status.recording:
            centre = (box.right - self._px(14), box.top + self._px(14))
            pygame.draw.circle(self.surface, Canvas.RED, centre, self._px(7))
        if any(self.shown):
            y += self._px(28)
            drift(self.surface, pygame.Rect(place.left, y, place.width, place.bottom - y), self, self._unit)

    def colours(self) -> list[tuple[Pane, Colour]]:
        """The dreams that are shown, each with its colour."""
        pairs = zip(self.session.dreams, self.shown, strict=True)
        return [(pane, COLOURS[i % len(COLOURS)]) for i, (pane, is_shown) in enumerate(pairs) if is_shown]

    def _picture(self, pane: Pane, place: pygame.Rect, head: int, most: int) -> pygame.Rect:
        """Paint a pane's picture beneath its head, as large as `most` pixels of height allow; returns where it is."""
        wide = min(place.width, int(most * self._brush.aspect))
        high = round(wide / self._brush.aspect)
        box = pygame.Rect(place.left + (place.width - wide) // 2, place.top + head, wide, high)
        self.surface.blit(self._brush(pane, self.session, box.size), box)
        if pane.ended:
            veil = pygame.Surface(box.size)
            veil.set_alpha(_DIM)
            self.surface.blit(veil, box)
        return box

    def _draw_dream(self, pane: Pane, colour: Colour, place: pygame.Rect, beside: bool) -> None:
        pygame.draw.rect(self.surface, PANEL, place, border_radius=self._px(6))
        inner = place.inflate(-self._px(12), -self._px(8))
        chip = pygame.Rect(inner.left, inner.top + self._px(3), self._px(12), self._px(12))
        pygame.draw.rect(self.surface, colour, chip, border_radius=self._px(3))
        write(self.surface, pane.name, (inner.left + self._px(19), inner.top + self._px(1)), INK, self._px(15))
        self._return(pane, inner.right, inner.top + self._px(2), 14)
        head, side, foot = self._px(24), self._px(_SIDE) if beside else 0, 0 if beside else self._px(_FOOT)
        room = pygame.Rect(inner.left, inner.top, inner.width - side, inner.height)
        box = self._picture(pane, room, head, inner.height - head - foot)
        if pane.ended:
            self._banner(box, f"thinks the episode has ended (step {pane.ended_at})", Canvas.RED)
        if beside:
            meters = pygame.Rect(box.right + self._px(9), box.top, inner.right - box.right, 0)
            self._meters(pane, colour, meters, 56, True)
        else:
            self._meters(pane, colour, pygame.Rect(inner.left, inner.bottom - foot, inner.width, 0), 17, False)

    def _meters(self, pane: Pane, colour: Colour, place: pygame.Rect, pace: float, is_tall: bool) -> None:
        """Distance and surprise from the place's top, `pace` apart."""
        far = None if pane.distance is None else _log_share(pane.distance, LOW, HIGH)
        told = "–" if pane.distance is None else f"{pane.distance:.1f} ×" if pane.distance < HIGH else "> 99 ×"
        tick = None if self.session.own is None else _log_share(self.session.own, LOW, HIGH)
        rare = None if pane.p is None else _log_share(1 / pane.p, 1.0, 1 / _RAREST)
        said = "–" if pane.p is None else f"p {pane.p:.2f}" if pane.p >= 0.01 else f"p {pane.p:.3f}"
        meter = self._tall_meter if is_tall else self._flat_meter
        top = place.top + self._px(6)
        meter(pygame.Rect(place.left, top, place.width, 0), "distance", told, far, colour, tick)
        meter(pygame.Rect(place.left, top + self._px(pace), place.width, 0), "surprise", said, rare, colour, None)

    def _flat_meter(
        self, place: pygame.Rect, what: str, told: str, share: float | None, colour: Colour, tick: float | None
    ) -> None:
        """Name, bar and number in a row."""
        write(self.surface, what, place.topleft, GREY, self._px(12))
        write(self.surface, told, place.topright, INK, self._px(12), right=True)
        left, width = place.left + self._px(62), place.width - self._px(118)
        self._bar(pygame.Rect(left, place.top + self._px(3), width, self._px(7)), share, colour, tick)

    def _tall_meter(
        self, place: pygame.Rect, what: str, told: str, share: float | None, colour: Colour, tick: float | None
    ) -> None:
        """Name, number and bar beneath each other."""
        write(self.surface, what, place.topleft, GREY, self._px(12))
        write(self.surface, told, (place.left, place.top + self._px(15)), INK, self._px(15))
        width = place.width - self._px(9)
        self._bar(pygame.Rect(place.left, place.top + self._px(35), width, self._px(7)), share, colour, tick)

    def _bar(self, track: pygame.Rect, share: float | None, colour: Colour, tick: float | None) -> None:
        """A bar filled from left to right; `tick` marks what the simulator itself would reach."""
        pygame.draw.rect(self.surface, GRID, track, border_radius=self._px(3))
        if share:
            filled = pygame.Rect(track.left, track.top, max(self._px(3), round(track.width * share)), track.height)
            pygame.draw.rect(self.surface, colour, filled, border_radius=self._px(3))
        if tick is not None:
            x = track.left + round(track.width * tick)
            ends = (x, track.top - self._px(2)), (x, track.bottom + self._px(1))
            pygame.draw.line(self.surface, INK, *ends, self._px(2))

    def _return(self, pane: Pane, right: int, y: int, height: float) -> None:
        number = f"{pane.gained:,.0f}" if abs(pane.gained) >= 100 else f"{pane.gained:.1f}"
        write(self.surface, f"return {number.replace('-', '−')}", (right, y), INK, self._px(height), right=True)

    def _banner(self, box: pygame.Rect, words: str, colour: Colour) -> None:
        high = self._px(24)
        strip = pygame.Rect(box.left, box.bottom - high, box.width, high)
        pygame.draw.rect(self.surface, colour, strip)
        write(self.surface, words, (box.centerx, strip.top + self._px(5)), INK, self._px(13), middle=True)


def _log_share(value: float, low: float, high: float) -> float:
    """Where a value lies between `low` and `high` on a logarithmic scale, from 0 to 1."""
    return min(max(math.log(max(value, 1e-12) / low) / math.log(high / low), 0.0), 1.0)
