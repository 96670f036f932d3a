"""Lander: a rocket with a main and two side thrusters lands on a pad, in gusting wind, between hills that change.

Units are metres, seconds and radians; x points right, y up, angles counterclockwise; the pad's middle is the origin.
The wind is an Ornstein-Uhlenbeck process (Uhlenbeck and Ornstein, "On the theory of the Brownian motion", 1930), drawn
exactly. The reward is the progress of a potential (Ng, Harada and Russell, "Policy invariance under reward
transformations", 1999) less time and fuel, and 100 more or less at the end.

What is seen is all that moves the rocket: only the hills to its sides are hidden, of which it knows the ground beneath.
"""

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox_envs.core import Simulation, compiled
from sandbox_envs.random import draw_normal, draw_uniform

if TYPE_CHECKING:
    from sandbox_envs.canvas import Canvas

HALF_WIDTH, CEILING, PAD = 40.0, 45.0, 5.0  # the field ends at ±40 m and at 45 m; the pad reaches from -5 m to 5 m
FOOT_X, FOOT_Y, NOSE = 1.4, -2.0, 2.6  # feet and nose, seen from the centre of mass
SPACING, VERTICES = 5.0, 17  # the ground is a line through a height every 5 m
SOFT_VX, SOFT_VY, SOFT_ANGLE, SOFT_SPIN = 2.0, 3.0, 0.3, 1.0  # what a landing may have left
TIME_COST, MAIN_COST, SIDE_COST = 0.3, 0.1, 0.01  # a step, and each at full throttle; else hovering pays too well
LENGTH, SPEED, SPIN = 20.0, 8.0, 2.0  # units of what is observed
LOW = np.array([-2.5, -1.0, -4.0, -4.0, -1.0, -1.0, -4.0, -1.0, -4.0], np.float32)
HIGH = np.array([2.5, 2.5, 4.0, 4.0, 1.0, 1.0, 4.0, 3.0, 4.0], np.float32)


class Parameters(NamedTuple):
    """Lander's constants."""

    gravity: float = 3.7
    """m/s²; Mars."""
    thrust: float = 9.0
    """Acceleration by the main thruster at full throttle, m/s²."""
    side_thrust: float = 0.8
    """Acceleration by a side thruster, m/s²."""
    torque: float = 1.6
    """Angular acceleration by a side thruster, rad/s²."""
    damping: float = 0.4
    """How fast the air stops a spin, 1/s."""
    drag: float = 0.1
    """How fast the rocket takes on the wind's speed, 1/s."""
    wind: float = 5.0
    """Standard deviation of the wind, m/s; 0 is calm."""
    gust_time: float = 2.0
    """How long a gust lasts, s."""
    roughness: float = 9.0
    """Height of the highest hills, m; 0 is flat."""
    time_step: float = 0.06
    """s."""
    continuous: bool = False
    """Throttles in [-1, 1] instead of four actions: (main, of which what is below 0 counts as 0; side)."""


@compiled
def _ground(s: Any, x: float) -> float:
    place = min(max((x + HALF_WIDTH) / SPACING, 0.0), VERTICES - 1.000001)
    left = int(place)
    return float(s.ground[left] + (place - left) * (s.ground[left + 1] - s.ground[left]))


@compiled
def _potential(s: Any) -> float:
    height = s.y + FOOT_Y
    distance = math.sqrt(s.x * s.x + height * height) / LENGTH
    speed = math.sqrt(s.vx * s.vx + s.vy * s.vy) / SPEED
    return -60.0 * (distance + speed + float(abs(s.angle)))


@compiled
def _touches(s: Any) -> bool:
    left_x, left_y = s.x - FOOT_X * s.cos - FOOT_Y * s.sin, s.y - FOOT_X * s.sin + FOOT_Y * s.cos
    right_x, right_y = s.x + FOOT_X * s.cos - FOOT_Y * s.sin, s.y + FOOT_X * s.sin + FOOT_Y * s.cos
    nose_x, nose_y = s.x - NOSE * s.sin, s.y + NOSE * s.cos
    return bool(left_y <= _ground(s, left_x) or right_y <= _ground(s, right_x) or nose_y <= _ground(s, nose_x))


@compiled
def _is_soft(s: Any) -> bool:
    slow = abs(s.vx) <= SOFT_VX and abs(s.vy) <= SOFT_VY
    return bool(abs(s.x) <= PAD and slow and abs(s.angle) <= SOFT_ANGLE and abs(s.spin) <= SOFT_SPIN)


@compiled
def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


class Lander(Simulation):
    """Actions: 0 nothing, 1 left, 2 main, 3 right; left and right push the nose to that side.

    Observation, `(9,)`: x, height of the feet over the pad, both speeds, sine and cosine of the angle, spin, height of
    the feet over the ground beneath, wind; each in units that make it about one. Reward: progress towards the pad,
    slowness and uprightness, less time and fuel; +100 for a soft landing on the pad, -100 for every other end.
    """

    Parameters = Parameters
    fields: ClassVar = [
        *((name, "f8") for name in ("x", "y", "vx", "vy", "angle", "sin", "cos", "spin", "wind", "potential")),
        *((name, "f8") for name in ("main", "side")),
        ("ground", "f8", (VERTICES,)),
    ]
    max_episode_steps = 400
    frames_per_second = 30
    canvas_size = (640, 400)

    @staticmethod
    def reset(s: Any, p: Any) -> None:
        """High above, to either side of the pad, drifting and a little aslant; new hills."""
        s.x = draw_uniform(s, -25.0, 25.0)
        s.y = draw_uniform(s, 30.0, 38.0)
        s.vx = draw_uniform(s, -4.0, 4.0)
        s.vy = draw_uniform(s, -3.0, 0.0)
        s.angle = draw_uniform(s, -0.2, 0.2)
        s.spin = draw_uniform(s, -0.1, 0.1)
        s.sin, s.cos = math.sin(s.angle), math.cos(s.angle)
        s.wind = p.wind * draw_normal(s)
        s.main, s.side = 0.0, 0.0
        for vertex in range(VERTICES):
            beside = abs(vertex * SPACING - HALF_WIDTH) - PAD
            height = draw_uniform(s, -0.2, 1.0) * p.roughness
            s.ground[vertex] = height * _clip(beside / 15.0, 0.0, 1.0)
        s.potential = _potential(s)

    @staticmethod
    def step(s: Any, action: Any, p: Any) -> tuple[float, bool]:
        """One step of semi-implicit Euler, then a look at what was touched."""
        if p.continuous:
            s.main, s.side = max(float(action[0]), 0.0), float(action[1])
        else:
            s.main = 1.0 if action[0] == 2 else 0.0
            s.side = -1.0 if action[0] == 1 else (1.0 if action[0] == 3 else 0.0)
        push, slide = s.main * p.thrust, s.side * p.side_thrust
        s.vx += p.time_step * (slide * s.cos - push * s.sin + p.drag * (s.wind - s.vx))
        s.vy += p.time_step * (slide * s.sin + push * s.cos - p.gravity - p.drag * s.vy)
        s.spin -= p.time_step * (s.side * p.torque + p.damping * s.spin)
        s.x += p.time_step * s.vx
        s.y += p.time_step * s.vy
        angle = s.angle + p.time_step * s.spin
        s.angle = angle - 2.0 * math.pi * math.floor((angle + math.pi) / (2.0 * math.pi))
        s.sin, s.cos = math.sin(s.angle), math.cos(s.angle)

        lasting = math.exp(-p.time_step / p.gust_time)
        s.wind = lasting * s.wind + p.wind * math.sqrt(1.0 - lasting * lasting) * draw_normal(s)

        before, s.potential = s.potential, _potential(s)
        reward = s.potential - before - TIME_COST - MAIN_COST * s.main - SIDE_COST * abs(s.side)
        if _touches(s):
            return reward + (100.0 if _is_soft(s) else -100.0), True
        if abs(s.x) > HALF_WIDTH or s.y > CEILING:
            return reward - 100.0, True
        return reward, False

    @staticmethod
    def observe(s: Any, obs: Any, p: Any) -> None:
        """Everything but the hills to the sides, and cut to the space's bounds, which only a lost rocket meets."""
        height = s.y + FOOT_Y
        obs[0] = _clip(s.x / LENGTH, -2.5, 2.5)
        obs[1] = _clip(height / LENGTH, -1.0, 2.5)
        obs[2] = _clip(s.vx / SPEED, -4.0, 4.0)
        obs[3] = _clip(s.vy / SPEED, -4.0, 4.0)
        obs[4] = s.sin
        obs[5] = s.cos
        obs[6] = _clip(s.spin / SPIN, -4.0, 4.0)
        obs[7] = _clip((height - _ground(s, s.x)) / LENGTH, -1.0, 3.0)
        obs[8] = _clip(s.wind / SPEED, -4.0, 4.0)

    @property
    def observation_space(self) -> spaces.Box:
        """Nine bounded numbers of about unit size."""
        return spaces.Box(LOW, HIGH, dtype=np.float32)

    @property
    def action_space(self) -> spaces.Discrete | spaces.Box:
        """Four actions; or, if `continuous`, the throttles of main and side thrusters."""
        return spaces.Box(-1.0, 1.0, (2,), np.float32) if self.parameters.continuous else spaces.Discrete(4)

    def check(self) -> None:
        """Refuse what would divide by zero or run backwards."""
        p = self.parameters
        for name in ("gravity", "thrust", "gust_time", "time_step"):
            if getattr(p, name) <= 0:
                raise ValueError(f"Lander's {name} must be above 0, got {getattr(p, name)}.")
        for name in ("wind", "drag", "damping", "roughness"):
            if getattr(p, name) < 0:
                raise ValueError(f"Lander's {name} must not be below 0, got {getattr(p, name)}.")

    def draw(self, canvas: "Canvas", obs: NDArray[Any], state: Any = None) -> None:
        """The rocket in its landscape; the hills it does not see, and its flames, only where the state is known."""
        scene(canvas, np.asarray(obs, np.float64), state)


def heuristic(obs: NDArray[Any]) -> NDArray[np.int64]:
    """A scripted pilot, `(B, 9) -> (B,)`: lean so as to be pushed to the pad, fall the slower the lower."""
    p = Parameters()
    x, height, vx, vy = obs[:, 0] * LENGTH, obs[:, 1] * LENGTH, obs[:, 2] * SPEED, obs[:, 3] * SPEED
    angle, spin, wind = np.arctan2(obs[:, 4], obs[:, 5]), obs[:, 6] * SPIN, obs[:, 8] * SPEED
    wanted_push = -0.12 * x - 0.5 * vx - p.drag * wind
    wanted_angle = np.clip(-wanted_push / p.gravity, -0.5, 0.5) * np.clip(height / 4.0, 0.6, 1.0)
    turn = 2.0 * (wanted_angle - angle) - 1.6 * spin
    too_fast = -vy - np.clip(0.8 + 0.2 * height, 0.8, 6.0)
    action = np.where(too_fast > 0, 2, 0)
    turning = (np.abs(turn) > 0.16) & (too_fast < 0.6)
    return np.where(turning, np.where(turn > 0, 1, 3), action).astype(np.int64)


def scene(canvas: "Canvas", obs: NDArray[np.float64], state: Any) -> None:
    """Sky, wind, ground and rocket, from an observation and, where there is one, the record behind it."""
    canvas.view(-HALF_WIDTH, -5.0, HALF_WIDTH, CEILING)
    canvas.backdrop(_night)
    _wind_streaks(canvas, obs[8] * SPEED)
    _hills(canvas, obs, state)
    _rocket(canvas, obs, state)
    words = f"wind {obs[8] * SPEED:+.1f} m/s    speed {math.hypot(obs[2], obs[3]) * SPEED:.1f} m/s"
    canvas.text(words, (10, 10), canvas.GREY)


def _night(canvas: "Canvas") -> None:
    canvas.sky(canvas.NIGHT, canvas.DUSK)
    for star in range(70):  # the golden ratio scatters them evenly, the same ones in every picture
        place = (-HALF_WIDTH + 80.0 * ((star * 0.618034) % 1.0), CEILING - 46.0 * ((star * star * 0.754878) % 1.0))
        canvas.circle(place, 0.05 + 0.1 * ((star * 0.381966) % 1.0), canvas.WHITE, alpha=110 + 2 * star)
    canvas.circle((29.0, 37.0), 3.2, canvas.GREY, alpha=200)
    canvas.circle((30.3, 37.8), 3.0, (20, 27, 58))


def _wind_streaks(canvas: "Canvas", wind: float) -> None:
    for streak in range(16):
        x, y = -38.0 + 76.0 * ((streak * 0.618034) % 1.0), 12.0 + 1.9 * streak
        canvas.line([(x, y), (x + 0.5 * wind, y)], (70, 92, 148), 1)
        canvas.circle((x + 0.5 * wind, y), 0.1, canvas.SKY)


def _hills(canvas: "Canvas", obs: NDArray[np.float64], state: Any) -> None:
    corners = [SPACING * vertex - HALF_WIDTH for vertex in range(VERTICES)]
    if state is not None:
        line = list(zip(corners, (float(height) for height in state["ground"]), strict=True))
    else:  # an observation knows the ground beneath the rocket and at the pad: a gentle slope through both
        x, beneath = obs[0] * LENGTH, (obs[1] - obs[7]) * LENGTH
        known = [(side * HALF_WIDTH, 4.0) for side in (-1, 1)] + [(-PAD, 0.0), (PAD, 0.0)]
        line = sorted([*known, (x, beneath)] if PAD < abs(x) < HALF_WIDTH else known)
    canvas.polygon([(-HALF_WIDTH, -6.0), *line, (HALF_WIDTH, -6.0)], (24, 30, 52))
    canvas.line(line, canvas.BLUE, 2)
    canvas.polygon([(-PAD, 0.0), (PAD, 0.0), (PAD, -0.6), (-PAD, -0.6)], canvas.GREEN)
    for beacon in (-PAD, PAD):
        canvas.line([(beacon, 0.0), (beacon, 1.4)], canvas.GREY, 2)
        canvas.circle((beacon, 1.6), 0.35, canvas.YELLOW)


def _rocket(canvas: "Canvas", obs: NDArray[np.float64], state: Any) -> None:
    size = max(math.hypot(obs[4], obs[5]), 1e-6)  # a dream's sine and cosine need not lie on the circle
    sin, cos, x, y = obs[4] / size, obs[5] / size, obs[0] * LENGTH, obs[1] * LENGTH - FOOT_Y

    def place(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x + across * cos - along * sin, y + across * sin + along * cos) for across, along in points]

    if state is not None and state["main"] > 0:
        reach = -1.5 - 2.6 * float(state["main"])
        canvas.polygon(place((-0.6, -1.4), (0.6, -1.4), (0.0, reach)), canvas.ORANGE)
        canvas.polygon(place((-0.3, -1.4), (0.3, -1.4), (0.0, 0.4 * reach - 0.9)), canvas.YELLOW)
    if state is not None and state["side"] != 0:
        side = -math.copysign(1.0, float(state["side"]))
        tip = side * (0.8 + 1.6 * abs(float(state["side"])))
        canvas.polygon(place((0.7 * side, 1.5), (0.7 * side, 1.0), (tip, 1.25)), canvas.YELLOW)
    for side in (-1.0, 1.0):
        canvas.line(place((side * 0.6, -0.6), (side * FOOT_X, FOOT_Y)), canvas.GREY, 2)
        canvas.line(place((side * (FOOT_X - 0.35), FOOT_Y), (side * (FOOT_X + 0.35), FOOT_Y)), canvas.GREY, 2)
    canvas.polygon(place((-0.7, -1.3), (0.7, -1.3), (0.8, 1.2), (0.0, NOSE), (-0.8, 1.2)), canvas.WHITE)
    canvas.polygon(place((-0.8, 1.2), (0.8, 1.2), (0.0, NOSE)), canvas.RED)
    canvas.circle(place((0.0, 0.6))[0], 0.32, canvas.BLUE)
