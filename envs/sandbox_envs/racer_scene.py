"""How Racer looks: from above, the car driving up the picture, with its rays, skid marks, a map and a speedometer."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sandbox_envs.racer import COS, FRONT, POINTS, RANGE, RAYS, REAR, SIDE, SIN, SPEED, SPIN, TRAIL

if TYPE_CHECKING:
    from sandbox_envs.canvas import Canvas

Points = list[tuple[float, float]]
Place = Callable[[NDArray[Any]], Points]
MEADOW, STRIPE, TARMAC, PALE_TARMAC = (46, 84, 58), (52, 93, 63), (74, 78, 92), (80, 84, 98)


def scene(canvas: "Canvas", obs: NDArray[np.float64], p: Any, state: Any) -> None:
    """The car stands still in the picture, 24 m to either side; x is to the right, y the way the car looks."""
    canvas.view(-24.0, -11.0, 24.0, 25.0)
    rays = np.clip(obs[:RAYS], 0.0, 1.0) * RANGE
    ends = [(float(-d * sin), float(d * cos)) for d, cos, sin in zip(rays, COS, SIN, strict=True)]
    if state is None:
        canvas.sky(canvas.NIGHT, canvas.NIGHT)
        canvas.polygon([(0.0, 0.0), *ends], TARMAC)
        canvas.line(ends, canvas.ORANGE, 3)
    else:
        place = _view_of(state)
        _meadow(canvas, place, state)
        _road(canvas, place, state)
        _skid_marks(canvas, place, state)
    for x, y in ends:
        canvas.line([(0.0, 0.0), (x, y)], (112, 124, 150), 1)
        canvas.circle((x, y), 0.22, canvas.YELLOW)
    _car(canvas, p.steering * float(state["steer"]) if state is not None else 0.0, state)
    _dashboard(canvas, obs)
    if state is not None:
        _map(canvas, state)


def _view_of(state: Any) -> Place:
    """From the world to what the car sees: `(N, 2)` metres to points of the picture."""
    x, y, cos, sin = (float(state[name]) for name in ("x", "y", "cos", "sin"))

    def place(points: NDArray[Any]) -> Points:
        away = np.asarray(points, np.float64).reshape(-1, 2) - (x, y)
        across, up = away[:, 0] * sin - away[:, 1] * cos, away[:, 0] * cos + away[:, 1] * sin
        return list(zip(across.tolist(), up.tolist(), strict=True))

    return place


def _meadow(canvas: "Canvas", place: Place, state: Any) -> None:
    """A chequered lawn that lies still in the world, so that driving shows."""
    canvas.sky(MEADOW, MEADOW)
    field = 8.0
    column, row = round(float(state["x"]) / field), round(float(state["y"]) / field)
    for east in range(column - 5, column + 6):
        for north in range(row - 5, row + 6):
            if (east + north) % 2:
                corners = np.add([(0, 0), (1, 0), (1, 1), (0, 1)], (east, north))
                canvas.polygon(place(field * corners), STRIPE)


def _road(canvas: "Canvas", place: Place, state: Any) -> None:
    left, right = place(state["left"]), place(state["right"])
    near = [k for k in range(POINTS) if min(math.hypot(*left[k]), math.hypot(*right[k])) < 42.0]
    for k in near:
        after = (k + 1) % POINTS
        canvas.polygon([left[k], right[k], right[after], left[after]], TARMAC if k % 2 else PALE_TARMAC)
    for k in near:
        after, kerb = (k + 1) % POINTS, canvas.RED if k % 2 else canvas.WHITE
        for edge in (left, right):
            canvas.line([edge[k], edge[after]], kerb, 6)
            canvas.circle(edge[k], 0.2, kerb)
        if k % 2:
            middle = [tuple(0.5 * (np.array(left[at]) + right[at])) for at in (k, after)]
            canvas.line([(float(x), float(y)) for x, y in middle], (126, 132, 150), 2)
    if 0 in near:
        for square in range(8):  # the line where every lap begins
            for lane in range(2):
                start = np.array(left[0]) + (np.array(right[0]) - left[0]) * square / 8
                across = (np.array(right[0]) - left[0]) / 8
                along = np.array((-across[1], across[0])) * 0.8
                near_left = start + lane * along
                corners = (near_left, near_left + across, near_left + across + along, near_left + along)
                shade = canvas.WHITE if (square + lane) % 2 else canvas.NIGHT
                canvas.polygon([(float(x), float(y)) for x, y in corners], shade)


def _skid_marks(canvas: "Canvas", place: Place, state: Any) -> None:
    """Where the tyres slid in the last two seconds, and smoke where they slide now."""
    count = min(int(state["elapsed"]), TRAIL)
    newest = int(state["elapsed"]) - 1
    marks = [state["trail"][at % TRAIL] for at in range(newest, newest - count, -1)]
    points = place(np.array([mark[:2] for mark in marks])) if marks else []
    for age in range(count - 1):
        slip = float(marks[age][2])
        if slip > 0.08:
            (x0, y0), (x1, y1) = points[age], points[age + 1]
            for wheel in (-0.7, 0.7):
                canvas.line([(x0 + wheel, y0 - REAR), (x1 + wheel, y1 - REAR)], (44, 46, 58), 4)
            if age < 12:
                puff = (x1 + 0.3 * math.sin(2.1 * age), y1 - REAR)
                canvas.circle(puff, 0.5 + 0.12 * age, canvas.WHITE, alpha=int(min(slip, 0.4) * (220 - 16 * age)))


def _car(canvas: "Canvas", steering: float, state: Any) -> None:
    def turned(x: float, y: float, angle: float, wide: float, long: float) -> Points:
        cos, sin = math.cos(angle), math.sin(angle)
        corners = ((-wide, -long), (wide, -long), (wide, long), (-wide, long))
        return [(x + a * cos - b * sin, y + a * sin + b * cos) for a, b in corners]

    canvas.polygon(turned(0.25, -0.25, 0.0, 1.0, 2.3), (24, 30, 40), alpha=110)
    for side in (-0.95, 0.95):
        canvas.polygon(turned(side, FRONT, steering, 0.19, 0.45), canvas.NIGHT)
        canvas.polygon(turned(side, -REAR, 0.0, 0.22, 0.48), canvas.NIGHT)
    canvas.polygon([(-0.85, -2.1), (0.85, -2.1), (0.9, 0.4), (0.5, 2.3), (-0.5, 2.3), (-0.9, 0.4)], canvas.SKY)
    canvas.polygon([(-0.12, -2.1), (0.12, -2.1), (0.12, 2.3), (-0.12, 2.3)], canvas.WHITE)
    canvas.polygon([(-0.55, -0.6), (0.55, -0.6), (0.42, 0.6), (-0.42, 0.6)], canvas.NIGHT)
    canvas.polygon([(-1.0, -2.4), (1.0, -2.4), (1.0, -2.0), (-1.0, -2.0)], canvas.BLUE)
    if state is not None and state["pedal"] < -0.05:
        for side in (-0.7, 0.7):
            canvas.circle((side, -2.4), 0.28, canvas.RED)


def _dashboard(canvas: "Canvas", obs: NDArray[np.float64]) -> None:
    vx, vy, spin = float(obs[RAYS]) * SPEED, float(obs[RAYS + 1]) * SIDE, float(obs[RAYS + 2]) * SPIN
    canvas.polygon([(-24.0, -11.0), (24.0, -11.0), (24.0, -8.9), (-24.0, -8.9)], canvas.NIGHT, alpha=215)
    for step in range(24):
        lit = step < vx
        shade = (canvas.SKY if step < 12 else (canvas.YELLOW if step < 19 else canvas.ORANGE)) if lit else canvas.DUSK
        left = -14.6 + 0.55 * step
        canvas.polygon([(left, -10.4), (left + 0.4, -10.4), (left + 0.4, -9.5), (left, -9.5)], shade)
    baseline = canvas.size[1] - 23
    canvas.text(f"{3.6 * vx:3.0f} km/h", (16, baseline), canvas.WHITE)
    canvas.text(f"sideways {vy:+.1f} m/s    turn {math.degrees(spin):+.0f} °/s", (346, baseline), canvas.GREY)


def _map(canvas: "Canvas", state: Any) -> None:
    """The whole track in a corner, north up, and where the car is."""
    line = 0.5 * (np.asarray(state["left"], np.float64) + state["right"])
    low, high = line.min(axis=0), line.max(axis=0)
    scale = 9.0 / float((high - low).max())

    def place(point: NDArray[Any]) -> tuple[float, float]:
        x, y = (point - 0.5 * (low + high)) * scale + (18.0, 19.0)
        return float(x), float(y)

    canvas.polygon([(12.4, 13.4), (23.6, 13.4), (23.6, 24.6), (12.4, 24.6)], canvas.NIGHT, alpha=190)
    canvas.line([place(point) for point in (*line, line[0])], canvas.GREY, 4)
    canvas.circle(place(np.array([state["x"], state["y"]])), 0.45, canvas.SKY)
