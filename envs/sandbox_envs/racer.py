"""Racer: a car whose tyres slip goes round a track that nobody has seen before.

The car is the single-track model (Riekert and Schunck, "Zur Fahrmechanik des gummibereiften Kraftfahrzeugs", 1940; see
Pacejka, "Tire and Vehicle Dynamics", 2012): two wheels, of which the front one steers and the rear one drives. A tyre
that moves along at `u` and sideways at `w` pushes against the slip, per kg of the car, with

    F = -grip * N * s / sqrt(1 + s^2)    where s = stiffness * w / max(|u|, 3 m/s)

with N its share of the weight: proportional to a small slip, and never more than the grip; and what driving or braking
takes of the grip is lost to the sides (the friction circle). So too much throttle in a bend breaks the rear loose.

The track's middle line is a circle with four waves on it, `r(a) = R (1 + sum of A_k cos(k a + phase_k))`, k = 2 to 5,
resampled to even spacing; every episode draws another one. Units are metres, seconds and radians; angles and sideways
lengths count to the left.
"""

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox_envs.core import Simulation, compiled
from sandbox_envs.random import draw_uniform
from sandbox_envs.raster import lay, line, may_show, quad

if TYPE_CHECKING:
    from sandbox_envs.canvas import Canvas

POINTS, FINE = 96, 384  # corners of the track's polygon, and of the curve that it is made from
WAVES = (0.24, 0.13, 0.055, 0.025)  # the largest A_k: no bend is tighter than about 10 m
BEHIND, AHEAD, RANGE = 6, 15, 40.0  # the corners that rays may meet, and how far they reach, m
DEGREES = np.array([100, 75, 55, 38, 24, 12, 5, 0, -5, -12, -24, -38, -55, -75, -100])
RAYS = len(DEGREES)
COS, SIN = np.cos(np.radians(DEGREES)).astype(np.float32), np.sin(np.radians(DEGREES)).astype(np.float32)
FRONT, REAR, TURNING = 1.4, 1.2, 1.6  # distance of the axles from the centre of mass, m; yaw inertia per mass, m²
GRAVITY, ROLLING = 9.81, 0.2
SPEED, SIDE, SPIN = 20.0, 5.0, 2.0  # units of what is observed
PER_METRE, CRASH = 0.1, 5.0  # reward
PIXELS, SCALE, COLUMN, ROW = 64, 1.6, 32.0, 46.0  # of the image: size, pixels a metre, and where the car is
GRASS, ROAD, DARK, KERB, WHITE = (54, 104, 62), (92, 96, 110), (78, 82, 96), (213, 94, 0), (236, 240, 250)
CAR, METER = (86, 180, 233), (240, 228, 66)
MEADOW = np.full((PIXELS, PIXELS, 3), GRASS, np.uint8)
TRAIL = 40  # steps of which the picture shows the skid marks


class Parameters(NamedTuple):
    """Racer's constants."""

    grip: float = 1.2
    """Friction between tyre and road; 0.4 is wet."""
    stiffness: float = 8.0
    """How steeply the front tyre answers slip, 1/rad; the rear one, being wider, a third more steeply."""
    engine: float = 4.5
    """Acceleration at full throttle from standing, m/s²."""
    brakes: float = 8.0
    """Deceleration at full braking, m/s², as far as the grip goes."""
    drag: float = 0.004
    """Deceleration by the air, per (m/s)²."""
    steering: float = 0.45
    """Largest angle of the front wheel, rad."""
    radius: float = 45.0
    """R of the track, m."""
    half_width: float = 5.0
    """Of the road, m."""
    time_step: float = 0.05
    """s."""


@compiled
def _draw_line(p: Any, s: Any, x: Any, y: Any) -> None:
    """A closed curve of FINE corners."""
    amplitude, cos, sin, turn_cos, turn_sin = np.empty((5, 4))
    for wave in range(4):
        phase = draw_uniform(s, 0.0, 2.0 * math.pi)
        amplitude[wave] = WAVES[wave] * draw_uniform(s, 0.3, 1.0)
        cos[wave], sin[wave] = math.cos(phase), math.sin(phase)
        turn = 2.0 * math.pi * (wave + 2) / FINE
        turn_cos[wave], turn_sin[wave] = math.cos(turn), math.sin(turn)
    mirror = 1.0 if draw_uniform(s, 0.0, 1.0) < 0.5 else -1.0  # so that left bends are no more common than right ones
    for at in range(FINE):
        radius = 1.0
        for wave in range(4):
            radius += amplitude[wave] * cos[wave]
            c, n = cos[wave], sin[wave]
            cos[wave], sin[wave] = c * turn_cos[wave] - n * turn_sin[wave], c * turn_sin[wave] + n * turn_cos[wave]
        angle = 2.0 * math.pi * at / FINE
        x[at], y[at] = p.radius * radius * math.cos(angle), mirror * p.radius * radius * math.sin(angle)


@compiled
def _build_track(s: Any, p: Any) -> None:
    """POINTS corners of both edges, evenly spaced along the middle line."""
    x, y, length = np.empty(FINE), np.empty(FINE), np.empty(FINE + 1)
    _draw_line(p, s, x, y)
    length[0] = 0.0
    for at in range(FINE):
        after = (at + 1) % FINE
        length[at + 1] = length[at] + math.sqrt((x[after] - x[at]) ** 2 + (y[after] - y[at]) ** 2)
    s.spacing = length[FINE] / POINTS
    middle_x, middle_y, at = np.empty(POINTS), np.empty(POINTS), 0
    for point in range(POINTS):
        while length[at + 1] < point * s.spacing:
            at += 1
        share, after = (point * s.spacing - length[at]) / (length[at + 1] - length[at]), (at + 1) % FINE
        middle_x[point], middle_y[point] = x[at] + share * (x[after] - x[at]), y[at] + share * (y[after] - y[at])
    for point in range(POINTS):
        before, after = (point - 1) % POINTS, (point + 1) % POINTS
        along_x, along_y = middle_x[after] - middle_x[before], middle_y[after] - middle_y[before]
        size = p.half_width / math.sqrt(along_x * along_x + along_y * along_y)
        s.left[point, 0], s.left[point, 1] = middle_x[point] - size * along_y, middle_y[point] + size * along_x
        s.right[point, 0], s.right[point, 1] = middle_x[point] + size * along_y, middle_y[point] - size * along_x


@compiled
def _locate(s: Any) -> float:
    """Find the car along the track (`place`, in corners); how far left of the middle line it is, m."""
    corner, share, aside = int(s.place), 0.0, 0.0
    for _ in range(4):
        after = (corner + 1) % POINTS
        x, y = 0.5 * (s.left[corner, 0] + s.right[corner, 0]), 0.5 * (s.left[corner, 1] + s.right[corner, 1])
        along_x = 0.5 * (s.left[after, 0] + s.right[after, 0]) - x
        along_y = 0.5 * (s.left[after, 1] + s.right[after, 1]) - y
        square = along_x * along_x + along_y * along_y
        share = ((s.x - x) * along_x + (s.y - y) * along_y) / square
        aside = ((s.y - y) * along_x - (s.x - x) * along_y) / math.sqrt(square)
        if share >= 1.0:
            corner = after
        elif share < 0.0:
            corner = (corner - 1) % POINTS
        else:
            break
    s.place = corner + min(max(share, 0.0), 0.999999)
    return aside


@compiled
def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@compiled
def _push(along: float, aside: float, force: float, grip: float, stiffness: float) -> float:
    """A tyre's sideways force, when it moves `along` and `aside` and drives or brakes with `force`."""
    slip = stiffness * aside / max(abs(along), 3.0)
    return -math.sqrt(max(grip * grip - force * force, 0.0)) * slip / math.sqrt(1.0 + slip * slip)


@compiled
def _drive(s: Any, p: Any, time_step: float) -> None:
    """One step of semi-implicit Euler; all forces are per kg of the car."""
    cos, sin = math.cos(p.steering * s.steer), math.sin(p.steering * s.steer)
    front_grip = p.grip * GRAVITY * REAR / (FRONT + REAR)
    rear_grip = p.grip * GRAVITY * FRONT / (FRONT + REAR)
    side, rear_side = s.vy + FRONT * s.spin, s.vy - REAR * s.spin
    front_along, front_side = cos * s.vx + sin * side, cos * side - sin * s.vx  # as the front wheel stands
    brakes = p.brakes * max(-s.pedal, 0.0)  # they stop a wheel, and do not turn it backwards
    front_force = _clip(-0.6 * brakes * _clip(front_along, -1.0, 1.0), -front_grip, front_grip)
    drive = p.engine * max(s.pedal, 0.0) - 0.4 * brakes * _clip(s.vx, -1.0, 1.0)
    rear_force = _clip(drive, -rear_grip, rear_grip)
    front_push = _push(front_along, front_side, front_force, front_grip, p.stiffness)
    rear_push = _push(s.vx, rear_side, rear_force, rear_grip, p.stiffness * 4.0 / 3.0)
    s.slip = max(abs(front_side), abs(rear_side)) / max(abs(s.vx), 3.0)
    speed = math.sqrt(s.vx * s.vx + s.vy * s.vy)
    slowing = p.drag * speed + ROLLING / max(speed, 1.0)
    ahead = rear_force + front_force * cos - front_push * sin - slowing * s.vx
    left = rear_push + front_push * cos + front_force * sin - slowing * s.vy
    turn = (FRONT * (front_push * cos + front_force * sin) - REAR * rear_push) / TURNING
    vx, vy = s.vx + time_step * ahead, s.vy + time_step * left
    s.spin += time_step * turn
    cos, sin = math.cos(time_step * s.spin), math.sin(time_step * s.spin)
    s.vx, s.vy = cos * vx + sin * vy, cos * vy - sin * vx  # the car turns, its way does not: no energy is won
    size = 1.5 - 0.5 * (s.cos * s.cos + s.sin * s.sin)  # back to 1, should roundings have moved it
    s.cos, s.sin = size * (s.cos * cos - s.sin * sin), size * (s.sin * cos + s.cos * sin)
    s.x += time_step * (s.vx * s.cos - s.vy * s.sin)
    s.y += time_step * (s.vx * s.sin + s.vy * s.cos)


@compiled
def _cast(s: Any, edge: Any, distances: Any) -> None:
    """Shorten the rays that meet an edge of the road."""
    corner = int(s.place)
    after = (corner + 1) % POINTS
    along = (edge[after, 0] - edge[corner, 0]) * s.cos + (edge[after, 1] - edge[corner, 1]) * s.sin
    first = corner - (BEHIND if along > 0.0 else AHEAD)
    cos, sin, x, y = np.float32(s.cos), np.float32(s.sin), np.float32(s.x), np.float32(s.y)
    old_x = old_y = x
    for step in range(BEHIND + AHEAD + 1):
        point = (first + step) % POINTS
        away_x, away_y = edge[point, 0] - x, edge[point, 1] - y
        new_x, new_y = away_x * cos + away_y * sin, away_y * cos - away_x * sin  # as the car sees it
        if step > 0:
            area = old_x * new_y - old_y * new_x
            for ray in range(RAYS):  # without branches, so that a processor takes many rays at once
                here, there = COS[ray] * old_y - SIN[ray] * old_x, COS[ray] * new_y - SIN[ray] * new_x
                distance = area / (there - here)
                meets = (here * there <= np.float32(0.0)) & (distance > np.float32(0.0))
                distances[ray] = min(distances[ray], distance if meets else np.float32(RANGE))
        old_x, old_y = new_x, new_y


@compiled
def _pixel(s: Any, x: float, y: float) -> tuple[float, float]:
    """Where the image shows a point of the world: the car looks up."""
    away_x, away_y = x - s.x, y - s.y
    ahead, left = away_x * s.cos + away_y * s.sin, away_y * s.cos - away_x * s.sin
    return COLUMN - SCALE * left, ROW - SCALE * ahead


@compiled
def _paint_edge(x: Any, y: Any, image: Any) -> None:
    """A kerb through the pixels `x`, `y` `(POINTS + 1,)`; most of a track lies beyond the image."""
    for at in range(POINTS):
        if may_show(y[at], y[at + 1], 2.0, PIXELS) and may_show(x[at], x[at + 1], 2.0, PIXELS):
            line(image, x[at], y[at], x[at + 1], y[at + 1], 0.7, KERB if at % 2 == 0 else WHITE, 1.0)


class Racer(Simulation):
    """Actions, both in [-1, 1]: the front wheel's angle, to the left; the throttle, or below 0 the brakes.

    Observation "rays", `(18,)`: how far it is to the edge of the road in fifteen directions, from 100 degrees left to
    100 degrees right of the nose (in 40 m); speed forwards (in 20 m/s), sideways (in 5 m/s) and of the turn (in
    2 rad/s). Observation "image", `(64, 64, 3)`: the track from above, the car looking up, 40 m by 40 m; below, a bar
    as long as the speed. Reward: a tenth of every metre along the middle line, and -5 for leaving the road, which ends
    the episode.
    """

    Parameters = Parameters
    fields: ClassVar = [
        *((name, "f8") for name in ("x", "y", "cos", "sin", "vx", "vy", "spin", "steer", "pedal", "slip")),
        *((name, "f8") for name in ("place", "spacing")),
        *((name, "f4", (POINTS, 2)) for name in ("left", "right")),
        ("trail", "f4", (TRAIL, 3)),
    ]
    observations = ("rays", "image")
    max_episode_steps = 600
    frames_per_second = 30
    canvas_size = (640, 480)

    @staticmethod
    def reset(s: Any, p: Any) -> None:
        """A new track; the car rolls along it, more or less in the middle."""
        _build_track(s, p)
        aside, angle = draw_uniform(s, 0.3, 0.7), draw_uniform(s, -0.1, 0.1)
        s.x = aside * s.left[0, 0] + (1.0 - aside) * s.right[0, 0]
        s.y = aside * s.left[0, 1] + (1.0 - aside) * s.right[0, 1]
        along_x, along_y = s.left[0, 1] - s.right[0, 1], s.right[0, 0] - s.left[0, 0]
        size = math.sqrt(along_x * along_x + along_y * along_y)
        cos, sin = math.cos(angle), math.sin(angle)
        s.cos, s.sin = (along_x * cos - along_y * sin) / size, (along_y * cos + along_x * sin) / size
        s.vx, s.vy, s.spin = draw_uniform(s, 4.0, 8.0), 0.0, 0.0
        s.steer, s.pedal, s.slip, s.place = 0.0, 0.0, 0.0, 0.0
        s.trail[:] = 0.0
        _locate(s)

    @staticmethod
    def step(s: Any, action: Any, p: Any) -> tuple[float, bool]:
        """The car drives two half steps; how far it came along the track is the reward."""
        s.steer, s.pedal = float(action[0]), float(action[1])
        _drive(s, p, 0.5 * p.time_step)
        _drive(s, p, 0.5 * p.time_step)
        mark = s.trail[s.elapsed % TRAIL]
        mark[0], mark[1], mark[2] = s.x, s.y, s.slip
        before = s.place
        aside = _locate(s)
        corners = s.place - before
        corners -= POINTS * math.floor(corners / POINTS + 0.5)  # over the line where the count begins anew
        is_lost = abs(aside) > p.half_width
        return PER_METRE * s.spacing * corners - (CRASH if is_lost else 0.0), is_lost

    @staticmethod
    def observe(s: Any, obs: Any, p: Any) -> None:
        """What a driver feels: room and motion."""
        for ray in range(RAYS):
            obs[ray] = RANGE
        _cast(s, s.left, obs)
        _cast(s, s.right, obs)
        for ray in range(RAYS):
            obs[ray] *= np.float32(1.0 / RANGE)
        obs[RAYS] = _clip(s.vx / SPEED, -2.0, 4.0)
        obs[RAYS + 1] = _clip(s.vy / SIDE, -4.0, 4.0)
        obs[RAYS + 2] = _clip(s.spin / SPIN, -4.0, 4.0)

    @staticmethod
    def observe_image(s: Any, obs: Any, p: Any) -> None:
        """The road piece by piece, its kerbs, the car, and a bar for the speed."""
        lay(obs, MEADOW)
        left_x, left_y, right_x, right_y = np.empty((4, POINTS + 1))
        for at in range(POINTS + 1):
            left_x[at], left_y[at] = _pixel(s, s.left[at % POINTS, 0], s.left[at % POINTS, 1])
            right_x[at], right_y[at] = _pixel(s, s.right[at % POINTS, 0], s.right[at % POINTS, 1])
        for at in range(POINTS):
            x = left_x[at], right_x[at], right_x[at + 1], left_x[at + 1]
            y = left_y[at], right_y[at], right_y[at + 1], left_y[at + 1]
            quad(obs, x, y, ROAD if at % 2 == 0 else DARK)
        _paint_edge(left_x, left_y, obs)
        _paint_edge(right_x, right_y, obs)
        wheel = 4.0 * p.steering * s.steer
        line(obs, COLUMN, ROW - 1.5, COLUMN - wheel, ROW - 4.0, 0.6, METER, 1.0)
        line(obs, COLUMN, ROW - 1.6, COLUMN, ROW + 1.9, 1.4, CAR, 1.0)
        line(obs, 3.0, PIXELS - 2.5, 3.0 + _clip(1.8 * s.vx, 0.0, 58.0), PIXELS - 2.5, 1.0, METER, 1.0)

    @property
    def observation_space(self) -> spaces.Box:
        """Distances from 0 to 1 and three motions, or an image."""
        if self.observation == "image":
            return spaces.Box(0, 255, (PIXELS, PIXELS, 3), np.uint8)
        low, high = [0.0] * RAYS + [-2.0, -4.0, -4.0], [1.0] * RAYS + [4.0, 4.0, 4.0]
        return spaces.Box(np.array(low, np.float32), np.array(high, np.float32), dtype=np.float32)

    @property
    def action_space(self) -> spaces.Box:
        """The wheel, and throttle or brakes."""
        return spaces.Box(-1.0, 1.0, (2,), np.float32)

    def check(self) -> None:
        """Refuse a car that cannot drive and a track that crosses itself."""
        p = self.parameters
        for name in ("grip", "stiffness", "engine", "steering", "radius", "half_width", "time_step"):
            if getattr(p, name) <= 0:
                raise ValueError(f"Racer's {name} must be above 0, got {getattr(p, name)}.")
        for name in ("brakes", "drag"):
            if getattr(p, name) < 0:
                raise ValueError(f"Racer's {name} must not be below 0, got {getattr(p, name)}.")
        if p.half_width > 0.18 * p.radius:
            raise ValueError(f"Racer's half_width must be at most 0.18 of the radius {p.radius}, got {p.half_width}.")
        if p.grip * p.stiffness * p.time_step > 1.5:
            raise ValueError(f"Racer's time_step {p.time_step} is too long for tyres with this grip and stiffness.")

    def draw(self, canvas: "Canvas", obs: NDArray[Any], state: Any = None) -> None:
        """The car and its rays; the whole track, skid marks and a map only from the state."""
        from sandbox_envs.racer_scene import scene

        scene(canvas, np.asarray(obs, np.float64), self.parameters, state)


def heuristic(obs: NDArray[Any]) -> NDArray[np.float32]:
    """A scripted driver, `(B, 18) -> (B, 2)`: steer to where there is room, as fast as one can brake for what is seen.

    After "follow the gap" (Sezer and Gokcetek, "A novel obstacle avoidance method: Follow the Gap Method", 2012).
    """
    rays, vx, spin = obs[:, :RAYS] * RANGE, obs[:, RAYS] * SPEED, obs[:, RAYS + 2] * SPIN  # (B, RAYS), (B,), (B,)
    weight = rays**2.5 * (np.abs(DEGREES) < 80)
    aim = (weight * np.radians(DEGREES)).sum(axis=1) / weight.sum(axis=1)
    steer = 2.8 * aim + 0.017 * (rays[:, 1] - rays[:, -2]) - 0.2 * spin
    wanted = np.sqrt(9.0 + 2.0 * 5.5 * rays[:, 5:10].max(axis=1))
    pedal = 0.27 * (wanted - vx) - 0.2 * np.abs(obs[:, RAYS + 1] * SIDE)
    action: NDArray[np.float32] = np.stack([steer, pedal], axis=1).clip(-1.0, 1.0).astype(np.float32)
    return action
