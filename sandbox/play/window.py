"""The window in which a session is played: keyboard, gamepad, hand-over to an agent, and a film on request."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pygame

from sandbox.play.controls import DOWN, LEFT, RIGHT, UP, Controls
from sandbox.play.film import Film, film
from sandbox.play.gamepad import Gamepad
from sandbox.play.help import overlay
from sandbox.play.mosaic import Mosaic, Status
from sandbox.play.players import Player
from sandbox.play.record import LINGER, pace
from sandbox.play.session import Session
from sandbox_envs.canvas import Window, WindowError

PICTURES_PER_SECOND = 60
SLOWEST, FASTEST = 1 / 16, 16.0
_WARMER = 1.1
HUMAN = "you"
_ARROWS = {pygame.K_LEFT: LEFT, pygame.K_RIGHT: RIGHT, pygame.K_UP: UP, pygame.K_DOWN: DOWN}
_DIGITS = {getattr(pygame, f"K_{digit}"): str(digit) for digit in range(1, 10)}
_HELD = _ARROWS | _DIGITS


class Theatre(Window):
    """A window on a session; `tick` is one picture's worth of time.

    Attributes:
        paused: no step is taken but single ones.
        speed: multiplies the world's own pace.
        player: who acts; None while the user does.
        gamepad: acts beside the keyboard, if there is one.
        has_help: the list of keys lies over the picture.
        notes: what was told to the user, the latest last.

    Raises:
        WindowError: there is no display; says how to record instead.
    """

    def __init__(
        self,
        session: Session,
        players: Sequence[Player],
        *,
        size: tuple[int, int] = (1280, 720),
        folder: Path = Path(),
        record: Path | None = None,
    ) -> None:
        """Open the window; `record` begins a film at once, and `folder` takes those that are asked for by key."""
        self.mosaic = Mosaic(session, size)
        try:
            super().__init__(f"{session.world.name.removeprefix('sandbox/')} and its dreams · Sandbox", size)
        except WindowError as error:
            name = session.world.name.removeprefix("sandbox/")
            raise WindowError(
                f"no window can be opened here ({error.__cause__}); record a film instead, "
                f"with sandbox play {name} --record play.webp"
            ) from None
        self.session, self._players = session, list(players)
        self.player: Player | None = None
        self.controls = Controls(session.world.name, session.do)
        self.paused, self.speed, self.has_help = False, 1.0, False
        self.notes: list[str] = ["h: help    tab: hand over    space: pause"]
        self.gamepad: Gamepad | None = None
        self._folder = folder
        self._pace = pace(session)
        self._held: dict[str, None] = {}  # in the order in which they were pressed
        self._due, self._single, self._waited = 0.0, 0, 0
        self._is_stale = True  # the picture shows less than there is
        self._film: Film | None = film(record, self._pace) if record else None
        self._film_path = record

    @property
    def is_recording(self) -> bool:
        """Whether a film is under way."""
        return self._film is not None

    def run(self, pictures: int | None = None) -> None:
        """Play until the window is closed, or for so many pictures; a film under way is finished in any case."""
        shown = 0
        try:
            while not self.closed and (pictures is None or shown < pictures):
                self.tick()
                shown += 1
        finally:
            self.stop_recording()

    def tick(self) -> None:
        """Read the keys, take the steps that are due, show a picture, and wait for the next one's time."""
        self._listen()
        if self.closed:
            return
        steps, self._single = self._steps_due(), 0
        self.session.thrift = 1 if self.paused else 2  # sixty times a second nobody reads every number
        for _ in range(steps):
            self._step()
        if steps or self._is_stale:
            self._show(steps > 0)
        self._clock.tick(PICTURES_PER_SECOND)

    def _show(self, has_moved: bool) -> None:
        picture = self.mosaic.draw(self._status())
        if self._film is not None and has_moved:
            self._film.add(self.mosaic.pixels())
        self._screen.blit(picture, (0, 0))
        if self.has_help:
            overlay(self._screen)
        pygame.display.flip()
        self._is_stale = False

    def hand_over(self) -> None:
        """The next of the players acts, and after the last of them the user again."""
        at = -1 if self.player is None else self._players.index(self.player)
        self.player = self._players[at + 1] if at + 1 < len(self._players) else None

    def record(self) -> None:
        """Begin a film in the folder, or finish the one under way."""
        if self._film is not None:
            self.stop_recording()
            return
        name = self.session.world.name.rpartition("/")[2].replace(":", "-")
        self._film_path = self._folder / time.strftime(f"{name}-%Y%m%d-%H%M%S.webp")
        self._film = film(self._film_path, self._pace)

    def stop_recording(self) -> None:
        """Write the film under way, if there is one."""
        if self._film is None:
            return
        reel, self._film = self._film, None
        shown = reel.finish()
        self.notes.append(f"{shown} pictures in {self._film_path}" if shown else "nothing was recorded")
        self._is_stale = True

    def _step(self) -> None:
        if self.session.over:
            self._waited += 1
            if self._waited > LINGER * self._pace:
                self._begin(again=False)
                return
        if self.player is None:
            sticks = self.gamepad.sticks() if self.gamepad else None
            action = self.controls.action(self._held, sticks)
        else:
            action = self.player.act(self.session.real.row)
        self.session.step(action)

    def _begin(self, *, again: bool) -> None:
        self._waited = 0
        self.session.reset(again=again)

    def _steps_due(self) -> int:
        if self.paused:
            self._due = 0.0
            return self._single
        self._due += self.speed * self._pace / PICTURES_PER_SECOND
        steps = int(self._due)
        self._due -= steps
        return steps + self._single

    def _status(self) -> Status:
        speed = "paused" if self.paused else f"speed {self.speed:g}"
        driver = HUMAN if self.player is None else self.player.name
        note = self.notes[-1] if self.notes else ""
        hint = self.controls.words if self.player is None else ""
        return Status(f"{driver} · {speed}", tuple(line for line in (hint, note) if line), self.is_recording)

    def _listen(self) -> None:
        for event in pygame.event.get():
            self._is_stale = True  # whatever it was, the picture may have to tell of it
            if event.type == pygame.QUIT:
                self.close()
                return
            if event.type == pygame.KEYDOWN:
                self._press(event.key, getattr(event, "mod", 0))
            elif event.type == pygame.KEYUP:
                self._held.pop(_HELD.get(event.key, ""), None)
            elif self.gamepad is not None:
                told = self.gamepad.heard(event)
                if told in self._wishes:
                    self._wishes[told]()
                elif told:
                    self.notes.append(told)
                    self.gamepad = None
            if self.closed:
                return

    def _press(self, key: int, modifiers: int) -> None:
        if key in _HELD:
            self._held[_HELD[key]] = None
        elif pygame.K_F1 <= key <= pygame.K_F12:
            self._toggle(key - pygame.K_F1)
        elif key == pygame.K_r and modifiers & pygame.KMOD_SHIFT:
            self._begin(again=True)
        elif key in _WISH_OF:
            self._wishes[_WISH_OF[key]]()

    def _toggle(self, number: int) -> None:
        if number < len(self.mosaic.shown):
            self.mosaic.shown[number] = not self.mosaic.shown[number]

    @property
    def _wishes(self) -> dict[str, Callable[[], None]]:
        return {
            "pause": lambda: setattr(self, "paused", not self.paused),
            "single": self._take_one,
            "faster": lambda: setattr(self, "speed", min(2 * self.speed, FASTEST)),
            "slower": lambda: setattr(self, "speed", max(self.speed / 2, SLOWEST)),
            "reset": lambda: self._begin(again=False),
            "again": lambda: self._begin(again=True),
            "resync": self.session.resync,
            "warmer": lambda: self.session.set_temperature(self.session.temperature * _WARMER),
            "colder": lambda: self.session.set_temperature(self.session.temperature / _WARMER),
            "hand over": self.hand_over,
            "record": self.record,
            "help": lambda: setattr(self, "has_help", not self.has_help),
            "quit": self.close,
        }

    def _take_one(self) -> None:
        self.paused, self._single = True, self._single + 1


_WISH_OF = {
    pygame.K_SPACE: "pause",
    pygame.K_n: "single",
    pygame.K_PERIOD: "single",
    pygame.K_PLUS: "faster",
    pygame.K_EQUALS: "faster",
    pygame.K_KP_PLUS: "faster",
    pygame.K_MINUS: "slower",
    pygame.K_KP_MINUS: "slower",
    pygame.K_r: "reset",
    pygame.K_BACKSPACE: "again",
    pygame.K_s: "resync",
    pygame.K_t: "warmer",
    pygame.K_PAGEUP: "warmer",
    pygame.K_g: "colder",
    pygame.K_PAGEDOWN: "colder",
    pygame.K_TAB: "hand over",
    pygame.K_v: "record",
    pygame.K_h: "help",
    pygame.K_q: "quit",
    pygame.K_ESCAPE: "quit",
}
