"""Dodge: fireballs cross a hall towards a runner, who can only step aside.

After DoomTakeCover, the task of Ha and Schmidhuber, "World Models", 2018. Units are metres and seconds; the runner
stays on the line y = 0, x points right, and y along the hall to the far wall, where a fireball is born in every step
with the probability `birth_rate * time_step` (a Poisson process, but for that rounding). It is born anywhere along the
wall and flies straight, at a speed of its own, to where the runner stands in that moment, give or take `scatter`.

Only positions are seen, never velocities: where a fireball is heading shows in two looks at it, not in one. A policy
without memory must keep clear of everything near; one that remembers can let pass by what will miss.
"""

import functools
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox_envs.core import Simulation, compiled
from sandbox_envs.random import draw_normal, draw_uniform
from sandbox_envs.raster import ellipse, lay

if TYPE_CHECKING:
    from sandbox_envs.canvas import Canvas

HALF_WIDTH, LENGTH = 4.0, 9.0  # the hall's side walls stand at ±4 m, its far wall at 9 m
RUNNER, BALL = 0.4, 0.4  # radii
REACH = RUNNER + BALL  # a ball nearer than this hits, and one that is further behind is forgotten
FLIGHT = 0.9  # how high the balls fly, which only the eye minds
BALLS, SEEN = 16, 4  # how many there may be at once, and how many of them are seen, the nearest ones

CAMERA, EYE, HORIZON, SCALE = 6.0, 3.0, 0.62, 0.18  # it stands 6 m behind the runner and 3.6 m high
ORANGE, YELLOW, PALE, SKY, WHITE = (230, 159, 0), (240, 228, 66), (255, 250, 215), (86, 180, 233), (236, 240, 250)
PIXELS = 64


class Parameters(NamedTuple):
    """Dodge's constants."""

    birth_rate: float = 1.0
    """Fireballs a second; 0 leaves the hall empty."""
    ball_speed: float = 4.0
    """Mean speed along the hall, m/s."""
    speed_spread: float = 0.3
    """A ball's speed is uniform within this share of the mean."""
    scatter: float = 1.2
    """Standard deviation of the aim, m; 0 always aims at the runner."""
    runner_speed: float = 4.0
    """m/s."""
    time_step: float = 0.05
    """s."""


@compiled
def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@compiled
def _fly(s: Any, time_step: float) -> bool:
    """Move every ball; is the runner hit? Forget what has passed, and keep the rest sorted, the nearest first."""
    hit, kept = False, 0
    for ball in range(s.count):
        x, y = s.ball_x[ball] + time_step * s.ball_vx[ball], s.ball_y[ball] + time_step * s.ball_vy[ball]
        vx, vy = s.ball_vx[ball], s.ball_vy[ball]
        hit = hit or (x - s.x) * (x - s.x) + y * y < REACH * REACH
        if y <= -REACH:
            continue
        place = kept  # insertion sort: a ball seldom overtakes another
        while place > 0 and s.ball_y[place - 1] > y:
            s.ball_x[place], s.ball_y[place] = s.ball_x[place - 1], s.ball_y[place - 1]
            s.ball_vx[place], s.ball_vy[place] = s.ball_vx[place - 1], s.ball_vy[place - 1]
            place -= 1
        s.ball_x[place], s.ball_y[place], s.ball_vx[place], s.ball_vy[place] = x, y, vx, vy
        kept += 1
    s.count = kept
    return hit


@compiled
def _throw(s: Any, p: Any) -> None:
    """A new ball at the far wall, aimed at the runner, more or less."""
    start = draw_uniform(s, -HALF_WIDTH + BALL, HALF_WIDTH - BALL)
    target = _clip(s.x + p.scatter * draw_normal(s), -HALF_WIDTH + BALL, HALF_WIDTH - BALL)
    speed = p.ball_speed * (1.0 + draw_uniform(s, -p.speed_spread, p.speed_spread))
    s.ball_x[s.count], s.ball_y[s.count] = start, LENGTH
    s.ball_vx[s.count], s.ball_vy[s.count] = (target - start) * speed / LENGTH, -speed
    s.count += 1


@compiled
def project(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Where a point of the hall is seen: across from -0.8 to 0.8, up from 0 to 1, and how large a metre is there."""
    scale = SCALE * CAMERA / (CAMERA + y)
    return x * scale, HORIZON + (z - EYE) * scale, scale


@functools.cache
def hall(height: int, width: int) -> NDArray[np.uint8]:
    """The empty hall as the camera sees it, `(height, width, 3)`: tiles, pillars, and the glow at the far wall."""
    up = 1.0 - (np.arange(4 * height) + 0.5)[:, None] / (4 * height)  # painted larger, then averaged
    across = 1.6 * (np.arange(4 * width) + 0.5)[None, :] / (4 * width) - 0.8
    nearest = SCALE * CAMERA / (CAMERA + LENGTH)
    floor, wall = (HORIZON - up) / EYE + 0 * across, np.abs(across) / HALF_WIDTH + 0 * up  # the scale where it is met
    scale = np.maximum(np.maximum(floor, wall), nearest)
    y, x, z = SCALE * CAMERA / scale - CAMERA, across / scale, (up - HORIZON) / scale + EYE
    tiles = 34.0 + 9.0 * ((np.floor(x / 1.25) + np.floor(y / 1.5)) % 2)
    pillars = 25.0 + 14.0 * (np.abs((y + 1.5) % 3.0 - 1.5) < 0.22) + 2.0 * np.floor(z / 0.8 % 2)
    grey = np.where(
        scale == nearest,
        17.0 + 5.0 * (np.floor(x + 0.5 * (np.floor(2 * z) % 2)) % 2),
        np.where(floor >= wall, tiles, pillars),
    )
    light = grey[..., None] * np.array([0.85, 1.0, 1.7])
    glow = np.where(scale == nearest, np.exp(-((z - 0.9) ** 2)), 0.35 * np.exp(-((LENGTH - y) / 3.0) - 0.3 * z))
    light = light * (1.0 - 0.045 * y)[..., None] + glow[..., None] * np.array([150.0, 70.0, 12.0])
    averaged = light.reshape(height, 4, width, 4, 3).mean(axis=(1, 3))
    painted: NDArray[np.uint8] = np.clip(averaged, 0, 255).astype(np.uint8)
    return painted


HALL = hall(PIXELS, PIXELS)


@compiled
def _dot(image: Any, x: float, y: float, z: float, radius_x: float, radius_z: float, colour: Any, alpha: float) -> None:
    """An ellipse that faces the camera, `radius_x` by `radius_z` metres, on a square image."""
    across, up, scale = project(x, y, z)
    high, wide = float(image.shape[0]), image.shape[1] / 1.6
    ellipse(
        image, (across + 0.8) * wide, (1.0 - up) * high, radius_x * scale * wide, radius_z * scale * high, colour, alpha
    )


@compiled
def _paint_runner(s: Any, image: Any) -> None:
    _dot(image, s.x, 0.0, 0.0, 1.3 * RUNNER, 0.45 * RUNNER, (8, 10, 20), 0.6)
    _dot(image, s.x, 0.0, 0.75, RUNNER, 0.75, SKY, 1.0)
    _dot(image, s.x, 0.0, 1.65, 0.26, 0.26, WHITE, 1.0)


class Dodge(Simulation):
    """Actions: 0 stay, 1 left, 2 right. Reward: 1 a step, the last one included. The episode ends with the first hit.

    Observation "vector", `(9,)`: x of the runner in half widths of the hall; then for each of the four nearest balls,
    the nearest to the runner's line first, how far it is to the right of the runner (in half widths), and how far away
    it is (in lengths of the hall). Where there are fewer balls, (0, 1) stands: straight ahead at the far wall.
    Observation "image", `(64, 64, 3)`: the hall seen from behind the runner, with all balls.
    """

    Parameters = Parameters
    fields: ClassVar = [
        ("x", "f8"),
        ("count", "i8"),
        *((name, "f8", (BALLS,)) for name in ("ball_x", "ball_y", "ball_vx", "ball_vy")),
    ]
    observations = ("vector", "image")
    max_episode_steps = 1000
    frames_per_second = 30
    canvas_size = (640, 400)

    @staticmethod
    def reset(s: Any, p: Any) -> None:
        """Anywhere along the line; the first ball is thrown, unless none ever is."""
        s.x = draw_uniform(s, RUNNER - HALF_WIDTH, HALF_WIDTH - RUNNER)
        s.count = 0
        for ball in range(BALLS):
            s.ball_x[ball] = s.ball_y[ball] = s.ball_vx[ball] = s.ball_vy[ball] = 0.0
        if p.birth_rate > 0:
            _throw(s, p)

    @staticmethod
    def step(s: Any, action: Any, p: Any) -> tuple[float, bool]:
        """The runner steps, the balls fly, and another may be thrown."""
        step = p.runner_speed * p.time_step
        s.x += step if action[0] == 2 else (-step if action[0] == 1 else 0.0)
        s.x = _clip(s.x, RUNNER - HALF_WIDTH, HALF_WIDTH - RUNNER)
        hit = _fly(s, p.time_step)
        if draw_uniform(s, 0.0, 1.0) < p.birth_rate * p.time_step and s.count < BALLS:
            _throw(s, p)
        return 1.0, hit

    @staticmethod
    def observe(s: Any, obs: Any, p: Any) -> None:
        """The runner, and where the nearest balls are."""
        obs[0] = s.x / HALF_WIDTH
        for ball in range(SEEN):
            is_there = ball < s.count
            obs[1 + 2 * ball] = (s.ball_x[ball] - s.x) / HALF_WIDTH if is_there else 0.0
            obs[2 + 2 * ball] = s.ball_y[ball] / LENGTH if is_there else 1.0

    @staticmethod
    def observe_image(s: Any, obs: Any, p: Any) -> None:
        """The hall, painted from the far wall to the near."""
        lay(obs, HALL)
        painted = False
        for place in range(s.count):
            ball = s.count - 1 - place
            if s.ball_y[ball] < 0.0 and not painted:
                _paint_runner(s, obs)
                painted = True
            x, y = s.ball_x[ball], s.ball_y[ball]
            _dot(obs, x, y, 0.0, 1.4 * BALL, 0.5 * BALL, ORANGE, 0.3)
            _dot(obs, x, y, FLIGHT, 1.7 * BALL, 1.7 * BALL, ORANGE, 0.45)
            _dot(obs, x, y, FLIGHT, BALL, BALL, YELLOW, 1.0)
        if not painted:
            _paint_runner(s, obs)

    @property
    def observation_space(self) -> spaces.Box:
        """Nine bounded numbers of about unit size, or an image."""
        if self.observation == "image":
            return spaces.Box(0, 255, (PIXELS, PIXELS, 3), np.uint8)
        low = np.array([-1.0, *([-2.0, -0.1] * SEEN)], np.float32)
        return spaces.Box(low, np.array([1.0, *([2.0, 1.0] * SEEN)], np.float32), dtype=np.float32)

    @property
    def action_space(self) -> spaces.Discrete:
        """0 stay, 1 left, 2 right."""
        return spaces.Discrete(3)

    def check(self) -> None:
        """Refuse what stands still, runs backwards or is born twice in a step."""
        p = self.parameters
        for name in ("ball_speed", "runner_speed", "time_step"):
            if getattr(p, name) <= 0:
                raise ValueError(f"Dodge's {name} must be above 0, got {getattr(p, name)}.")
        if p.scatter < 0:
            raise ValueError(f"Dodge's scatter must not be below 0, got {p.scatter}.")
        if not 0 <= p.speed_spread < 1:
            raise ValueError(f"Dodge's speed_spread must be from 0 to below 1, got {p.speed_spread}.")
        if not 0 <= p.birth_rate * p.time_step <= 1:
            raise ValueError(
                f"Dodge's birth_rate must be from 0 to one a step, {1 / p.time_step:g}; got {p.birth_rate}."
            )
        if p.ball_speed * (1 + p.speed_spread) * p.time_step > 2 * REACH:
            raise ValueError(f"Dodge's ball_speed {p.ball_speed} passes through the runner between two steps.")

    def draw(self, canvas: "Canvas", obs: NDArray[Any], state: Any = None) -> None:
        """The hall seen from behind the runner; the balls' tails, which tell their speed, only from the state."""
        scene(canvas, np.asarray(obs, np.float64), state)


def heuristic(obs: NDArray[Any]) -> NDArray[np.int64]:
    """A scripted runner without memory, `(B, 9) -> (B,)`: towards the place that expects the fewest hits on the way.

    A ball at (x, y) has yet to fly the share `y / LENGTH` of its way. Since it was born between the walls, it will land
    between `(x - share * HALF_WIDTH) / (1 - share)` and as much to the right; one look cannot tell where.
    """
    p, reach = Parameters(), REACH + 0.45  # a wide berth, since the next look may tell more
    places = np.linspace(RUNNER - HALF_WIDTH, HALF_WIDTH - RUNNER, 41)[None, :, None]  # (1, P, 1)
    x = obs[:, :1, None] * HALF_WIDTH  # (B, 1, 1)
    ball_x, share = x + obs[:, None, 1::2] * HALF_WIDTH, np.clip(obs[:, None, 2::2], 0.0, 0.999)  # (B, 1, SEEN)
    left = np.clip((ball_x - share * HALF_WIDTH) / (1.0 - share), -HALF_WIDTH, HALF_WIDTH) - 0.45
    right = np.clip((ball_x + share * HALF_WIDTH) / (1.0 - share), -HALF_WIDTH, HALF_WIDTH) + 0.45
    time = share * LENGTH / p.ball_speed
    there = x + np.clip(places - x, -p.runner_speed * time, p.runner_speed * time)  # where the runner is by then
    overlap = np.maximum(np.minimum(there + reach, right) - np.maximum(there - reach, left), 0.0)  # (B, P, SEEN)
    harm = (np.where(share < 0.999, overlap / (right - left), 0.0) * np.exp(-time / 0.4)).sum(axis=2)
    harm += 0.02 * np.abs(places[..., 0]) + 0.002 * np.abs(places - x)[..., 0]  # rather the middle, rather near
    way = places[0, harm.argmin(axis=1), 0] - x[:, 0, 0]
    return np.where(np.abs(way) < 0.13, 0, np.where(way < 0, 1, 2)).astype(np.int64)


def scene(canvas: "Canvas", obs: NDArray[np.float64], state: Any) -> None:
    """The hall, the balls from the far wall to the near, and the runner between them."""
    canvas.view(-0.8, 0.0, 0.8, 1.0)
    canvas.picture(hall(canvas.size[1], canvas.size[0]))
    x = float(np.clip(obs[0], -1.0, 1.0)) * HALF_WIDTH
    if state is not None:
        columns = (state[name][: state["count"]] for name in ("ball_x", "ball_y", "ball_vx", "ball_vy"))
        balls = list(zip(*columns, strict=True))
    else:
        seen = [(x + HALF_WIDTH * obs[at], LENGTH * obs[at + 1], 0.0, 0.0) for at in range(1, len(obs), 2)]
        balls = [ball for ball in seen if ball[1] < 0.995 * LENGTH]
    balls.sort(key=lambda ball: -ball[1])
    for ball in balls:
        if ball[1] >= 0.0:
            _fireball(canvas, *ball)
    _runner(canvas, x)
    for ball in balls:
        if ball[1] < 0.0:
            _fireball(canvas, *ball)


def _disc(canvas: "Canvas", x: float, y: float, z: float, wide: float, high: float, colour: Any, alpha: int) -> None:
    across, up, scale = project(x, max(y, -2.0), z)
    turn = np.linspace(0.0, 2.0 * np.pi, 25)
    rim = zip(across + wide * scale * np.cos(turn), up + high * scale * np.sin(turn), strict=True)
    canvas.polygon([(float(a), float(b)) for a, b in rim], colour, alpha)


def _fireball(canvas: "Canvas", x: float, y: float, vx: float, vy: float) -> None:
    for size, alpha in ((2.2, 28), (1.5, 40), (0.8, 50)):  # light on the floor
        _disc(canvas, x, y, 0.0, 1.5 * size * BALL, 0.6 * size * BALL, ORANGE, alpha)
    for ember in range(9, 0, -1):  # a tail as long as what it flew in the last third of a second
        back, size = 0.036 * ember, BALL * (1.0 - 0.085 * ember)
        if vy:
            _disc(canvas, x - back * vx, y - back * vy, FLIGHT + 0.03 * ember, size, size, (213, 94, 0), 70)
    for size, colour, alpha in ((2.4, ORANGE, 26), (1.8, ORANGE, 45), (1.35, (213, 94, 0), 120)):
        _disc(canvas, x, y, FLIGHT, size * BALL, size * BALL, colour, alpha)
    for size, colour, lift in ((1.0, ORANGE, 0.0), (0.72, YELLOW, 0.03), (0.4, PALE, 0.06)):
        _disc(canvas, x, y, FLIGHT + lift, size * BALL, size * BALL, colour, 255)


def _runner(canvas: "Canvas", x: float) -> None:
    def place(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [project(x + across, 0.0, z)[:2] for across, z in points]

    _disc(canvas, x, 0.0, 0.0, 1.5 * RUNNER, 0.5 * RUNNER, (4, 6, 14), 150)
    for side in (-1.0, 1.0):
        canvas.line(place((0.12 * side, 0.8), (0.22 * side, 0.42), (0.2 * side, 0.04)), (0, 114, 178), 7)
        canvas.line(place((0.2 * side, 1.35), (0.36 * side, 1.05), (0.3 * side, 0.75)), SKY, 5)
    canvas.polygon(place((-0.2, 0.72), (0.2, 0.72), (0.27, 1.4), (0.12, 1.5), (-0.12, 1.5), (-0.27, 1.4)), SKY)
    _disc(canvas, x, 0.0, 1.68, 0.19, 0.21, WHITE, 255)
