"""How an observation becomes a picture in a pane: the world's own brush, a renderer that can be set, or lines."""

import os
from collections.abc import Callable
from typing import Any, Protocol

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import numpy as np
import pygame
from numpy.typing import NDArray

from sandbox.pictures.painters import painter, rendered
from sandbox.pictures.traces import MOST_LINES, labels
from sandbox.play.paint import GREY, GRID, INK, PANEL, write
from sandbox.play.session import Pane, Session
from sandbox.spaces import layout
from sandbox.worlds import World
from sandbox_envs.canvas import Canvas, Colour

Size = tuple[int, int]
# An episode of so many random steps shows whether a renderer can be set to an observation.
_PROBE_STEPS = 12
# How wide a letter is, at most, as a share of its height.
_LETTER = 0.62
# Where nobody's data tell, a line's box shows this many steps.
_SHOWN = 150


class Brush(Protocol):
    """Paints the panes of one session."""

    aspect: float  # width over height of its pictures

    def __call__(self, pane: Pane, session: Session, size: Size) -> pygame.Surface:
        """The picture of a pane, of about `size` pixels and of the brush's own aspect."""
        ...


def brush(session: Session) -> Brush:
    """The best brush that there is for a session's world."""
    if session.world.is_native:
        return _Native(session.world)
    settable = _Settable.of(session.world, session.seed)
    return settable if settable is not None else _Lines(session)


class _Quiet(Canvas):
    """A canvas for pictures that will be shrunk: words that would become too small to read are left out."""

    loud = 1.0  # how many times larger words are written, to be read when the picture has been shrunk; 0 for none

    def text(self, text: str, corner: tuple[int, int], colour: Colour, height: int = 13) -> None:
        if not self.loud:
            return
        high = round(height * self.loud)
        furthest = self.size[0] - round(_LETTER * high * len(text))
        super().text(text, (max(0, min(corner[0], furthest)), corner[1]), colour, high)

    def shrunk(self, size: Size) -> pygame.Surface:
        """The picture at another size."""
        return pygame.transform.smoothscale(self._surface, size)


class _Native:
    """A world of ours: `draw` paints observations, real or dreamed alike."""

    def __init__(self, world: World) -> None:
        env: Any = world.make_vec(1)
        self._simulation = env.unwrapped.simulation
        width, height = self._simulation.canvas_size
        self.aspect = width / height
        self._canvas = _Quiet((width, height), detail=1)

    def __call__(self, pane: Pane, session: Session, size: Size) -> pygame.Surface:
        is_real = pane is session.real
        self._canvas.loud = min(self._simulation.canvas_size[0] / size[0], 1.35) if is_real else 0.0
        self._simulation.draw(self._canvas, pane.obs, session.state if is_real else None)
        return self._canvas.shrunk(size)


class _Settable:
    """An environment of others whose renderer shows whatever state it is set to."""

    def __init__(self, env: Any, paint: Callable[[Any], NDArray[np.uint8]], first: Any) -> None:
        self._env, self._paint = env, paint
        height, width = paint(first).shape[:2]
        self.aspect = width / height

    @classmethod
    def of(cls, world: World, seed: int) -> "_Settable | None":
        """Such a brush, if a probe on a short episode shows that there is one."""
        probe = world.make()
        renders = "rgb_array" in (probe.metadata.get("render_modes") or ())
        probe.close()
        if not renders:
            return None
        env = world.make(render_mode="rgb_array")
        env.action_space.seed(seed)
        obs, action = [env.reset(seed=seed)[0]], []
        for _ in range(_PROBE_STEPS):
            action.append(env.action_space.sample())
            seen, _, terminated, truncated, _ = env.step(action[-1])
            obs.append(seen)
            if terminated or truncated:
                break
        paint = painter(env, obs, action)
        return None if paint is None else cls(env, paint, obs[0])

    def __call__(self, pane: Pane, session: Session, size: Size) -> pygame.Surface:
        return _surface(self._paint(pane.obs), size)


class _Lines:
    """Observations over time; the simulator is shown as it renders itself, where it does."""

    def __init__(self, session: Session) -> None:
        self.aspect = 1.6
        self._labels = labels(session.see.space)[:MOST_LINES]
        self._low, self._high = _range(session)
        self._renders = session.env is not None and session.env.render_mode == "rgb_array"

    def __call__(self, pane: Pane, session: Session, size: Size) -> pygame.Surface:
        if pane is session.real and self._renders:
            return _surface(rendered(session.env), size)
        picture = pygame.Surface(size)
        picture.fill(PANEL)
        real = np.array(session.real.trail)[:, : len(self._labels)]
        own = np.array(pane.trail)[:, : len(self._labels)]
        for line, box in enumerate(_boxes(len(self._labels), size)):
            self._chart(picture, real[:, line], own[:, line], line, box)
        return picture

    def _chart(
        self, picture: pygame.Surface, real: NDArray[Any], own: NDArray[Any], line: int, box: pygame.Rect
    ) -> None:
        write(picture, self._labels[line], (box.left, box.top), GREY, 12)
        write(picture, f"{own[-1]:.3g}", (box.right, box.top), INK, 12, right=True)
        chart = pygame.Rect(box.left, box.top + 13, box.width, box.height - 13)
        pygame.draw.rect(picture, GRID, chart, 1)
        for values, colour, width in ((real, GREY, 1), (own, Canvas.SKY, 2)):
            shown = values[-_SHOWN:]
            x = chart.left + 1 + np.arange(len(shown)) * ((chart.width - 2) / _SHOWN)  # from the left until it is full
            share = np.clip((shown - self._low[line]) / (self._high[line] - self._low[line]), 0, 1)
            y = chart.bottom - 2 - share * (chart.height - 4)
            if len(shown) > 1:
                pygame.draw.lines(picture, colour, False, np.stack([x, y], axis=1).tolist(), width)


def _range(session: Session) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From where to where each line is drawn: the range of the data, or the space's own."""
    starts = [model.starts.obs[:, -1] for model in session.models.values()]
    rows = np.concatenate(starts).astype(np.float64) if starts else session.real.row[None].astype(np.float64)
    low, high = rows.min(axis=0), rows.max(axis=0)
    margin = np.where(high > low, 0.1 * (high - low), 1.0)
    shown = min(layout(session.see.space).width, MOST_LINES)
    return (low - margin)[:shown], (high + margin)[:shown]


def _boxes(count: int, size: Size) -> list[pygame.Rect]:
    columns = 1 if count <= 4 else 2
    deep = -(-count // columns)
    wide, high = (size[0] - 8) // columns, (size[1] - 6) // deep
    return [pygame.Rect(4 + (i // deep) * wide, 3 + (i % deep) * high, wide - 6, high - 3) for i in range(count)]


def _surface(picture: NDArray[np.uint8], size: Size) -> pygame.Surface:
    """A picture `(H, W, 3)` as a surface of `size`, letterboxed where its aspect is another."""
    whole = pygame.surfarray.make_surface(np.ascontiguousarray(picture).transpose(1, 0, 2))
    scale = min(size[0] / whole.get_width(), size[1] / whole.get_height())
    fitted = pygame.transform.smoothscale(whole, (round(whole.get_width() * scale), round(whole.get_height() * scale)))
    ground = pygame.Surface(size)
    ground.fill(tuple(int(part) for part in picture[0, 0]))
    ground.blit(fitted, ((size[0] - fitted.get_width()) // 2, (size[1] - fitted.get_height()) // 2))
    return ground
