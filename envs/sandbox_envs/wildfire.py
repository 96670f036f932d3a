"""Wildfire: a fire spreads over hills, driven by the wind; a crew cuts breaks and douses what burns.

The spread is the cellular automaton of Alexandridis, Vakalis, Siettos and Bafas, "A cellular automata model for forest
fire spread prediction: the case of the wildfire that swept through Spetses Island in 1990", 2008. In every tick a
burning cell lights each of its eight neighbours with the probability

    spread * fuel * exp(V (0.045 + 0.131 (cos a - 1))) * exp(0.078 * slope)

of the fuel's readiness to burn (grass 0.7, brush 1, forest 1.4), the wind's speed V in m/s, the angle `a` between wind
and spread, and the slope upwards in degrees, all independently. Ours are three simplifications: a diagonal neighbour
burns `sqrt(1/2)` as readily, being further off; a slope is the difference of two heights, whose unit is the height that
one degree gains over one cell; and a cell burns out in every tick with the same probability, so that it has no age.

Height shows in the fuel: grass in the valleys, then brush, then forest, and rocks on the peaks.
"""

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox_envs.core import Simulation, compiled
from sandbox_envs.random import draw_bits, draw_uniform

if TYPE_CHECKING:
    from sandbox_envs.canvas import Canvas

BARE, GRASS, BRUSH, FOREST, HOUSE, FIRE, BURNT, CREW_ON_FUEL, CREW_ON_BARE = range(9)
READINESS = np.array([0.0, 0.7, 1.0, 1.4, 1.0], np.float32)  # of bare ground, grass, brush, forest and houses
NORTH, SOUTH, WEST, EAST, CUT, DOUSE = range(6)
WAYS = np.array([(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)])  # to neighbours: (down, right)
SLOPE, DIAGONAL = 0.078, math.sqrt(0.5)
HOUSES, HOUSE_COST, CUT_COST = 5, 5.0, 0.5  # what is lost with a house, and with a cell that is cut, in cells
COINS = np.float32(2.0**16)


class Parameters(NamedTuple):
    """Wildfire's constants."""

    size: int = 12
    """Cells along each side, 6 to 64."""
    spread: float = 0.1
    """Probability that a burning cell lights a neighbour of brush in one tick, on the level and without wind."""
    burn_out: float = 0.08
    """Probability that a burning cell burns out in one tick."""
    wind: float = 6.0
    """Speed of the wind, m/s."""
    wind_angle: float = 0.0
    """Where the wind blows, degrees counterclockwise from east."""
    relief: float = 12.0
    """How steep the hills are, degrees; 0 is level."""
    rocks: float = 0.03
    """Share of bare cells among the fuel."""


@compiled
def _drawn(s: Any, low: float, high: float) -> float:
    """A uniform draw, compiled once: where it stands itself it is compiled anew, ten times in what follows."""
    return draw_uniform(s, low, high)


@compiled
def _raise_hills(s: Any, p: Any) -> None:
    """Heights: four waves of random length, direction and phase, as steep as asked for."""
    size = s.cell.shape[0]
    cos, sin = np.empty(size), np.empty(size)
    s.height[:] = 0.0
    for _ in range(4):
        down, right = _drawn(s, -1.6, 1.6), _drawn(s, -1.6, 1.6)
        phase = _drawn(s, 0.0, 2.0 * math.pi)
        unit = 2.0 * math.pi / size
        steep = 0.5 * p.relief / (unit * math.sqrt(0.5 + down * down + right * right))
        for column in range(size):
            cos[column], sin[column] = math.cos(unit * right * column), math.sin(unit * right * column)
        for row in range(size):
            angle = unit * down * row + phase
            here, beside = steep * math.cos(angle), steep * math.sin(angle)
            for column in range(size):  # the cosine of a sum
                s.height[row, column] += here * cos[column] - beside * sin[column]


@compiled
def _grow_fuel(s: Any, p: Any) -> None:
    """Fuel by height, relative to the highest and lowest place."""
    size, low, high = s.cell.shape[0], s.height[0, 0], s.height[0, 0]
    for row in range(size):
        for column in range(size):
            low, high = min(low, s.height[row, column]), max(high, s.height[row, column])
    high += np.float32(1e-3)
    for row in range(size):
        for column in range(size):
            share = (s.height[row, column] - low) / (high - low) + _drawn(s, -0.12, 0.12)
            kind = GRASS if share < 0.3 else (BRUSH if share < 0.6 else FOREST)
            is_bare = share > 1.0 or _drawn(s, 0.0, 1.0) < p.rocks
            s.cell[row, column] = BARE if is_bare else kind


@compiled
def _build_village(s: Any) -> None:
    """Houses in and around a random place, where the crew starts."""
    size = s.cell.shape[0]
    s.row = 1 + int(_drawn(s, 0.0, size - 2.0))
    s.column = 1 + int(_drawn(s, 0.0, size - 2.0))
    for house in range(HOUSES):
        row, column = s.row - 1 + int(_drawn(s, 0.0, 3.0)), s.column - 1 + int(_drawn(s, 0.0, 3.0))
        s.house_row[house], s.house_column[house] = row, column
        s.cell[row, column] = HOUSE


@compiled
def _light(s: Any, row: int, column: int) -> None:
    s.cell[row, column], s.catch[row, column] = FIRE, 0.0
    s.glow[row + 1, column + 1] = s.emit[row, column]
    s.fires[row + 1] += 1


@compiled
def _start_fire(s: Any) -> None:
    """Four cells burn, at least a third of the map away from the village, or as far as 30 looks found."""
    size, furthest, row, column = s.cell.shape[0], -1.0, 0, 0
    for _ in range(30):
        down, right = int(_drawn(s, 0.0, size - 1.0)), int(_drawn(s, 0.0, size - 1.0))
        far = math.sqrt(float((down - s.row) ** 2 + (right - s.column) ** 2))
        far = min(far, size / 3.0) if s.cell[down, right] != BARE else 0.0
        if far > furthest:
            furthest, row, column = far, down, right
    for down in range(2):
        for right in range(2):
            if s.cell[row + down, column + right] != HOUSE:
                _light(s, row + down, column + right)


# One tick, row by row. No cell asks what its neighbours are, so that a processor takes many cells at once; only rows
# without fire in or beside them are passed over.


@compiled
def _light_row(ready: Any, above: Any, beside: Any, below: Any, winds: Any, chances: Any, lit: Any) -> None:
    """Which cells of a row catch fire, from the glow of the (wider) rows around it; 1 or 0 each."""
    nw, n, ne, w, e, sw, so, se = winds[0], winds[1], winds[2], winds[3], winds[4], winds[5], winds[6], winds[7]
    one, none = np.float32(1.0), np.float32(0.0)
    for column in range(ready.shape[0]):
        c = ready[column]  # the fire that goes north comes from the cell below
        spared = max(none, one - c * nw * below[column + 2]) * max(none, one - c * n * below[column + 1])
        spared *= max(none, one - c * ne * below[column]) * max(none, one - c * w * beside[column + 2])
        spared *= max(none, one - c * e * beside[column]) * max(none, one - c * sw * above[column + 2])
        spared *= max(none, one - c * so * above[column + 1]) * max(none, one - c * se * above[column])
        lit[column] = np.float32(chances[column]) >= COINS * spared


@compiled
def _burn_row(cell: Any, lit: Any, chances: Any, out: Any) -> None:
    """What catches fire burns, and some of what burned is burnt."""
    for column in range(cell.shape[0]):
        ends = (cell[column] == FIRE) & (chances[column] < out)
        cell[column] = np.uint8(FIRE) if lit[column] else (np.uint8(BURNT) if ends else cell[column])


@compiled
def _heat_row(cell: Any, catch: Any, emit: Any, glow: Any) -> None:
    """Only what burns glows, and it cannot catch fire again."""
    for column in range(cell.shape[0]):
        burns = cell[column] == FIRE
        glow[column + 1] = emit[column] if burns else np.float32(0.0)
        catch[column] = np.float32(0.0) if burns else catch[column]


@compiled
def _count_row(cell: Any, kind: int) -> Any:
    count = np.uint8(0)  # a row has 64 cells at most, and bytes are added many at once
    for column in range(cell.shape[0]):
        count = np.uint8(count + np.uint8(cell[column] == kind))
    return count


@compiled
def _spread(s: Any, p: Any) -> tuple[float, int]:
    """One tick of the fire: what it took, in cells, and how many burn."""
    cell, catch, glow, emit, fires = s.cell, s.catch, s.glow, s.emit, s.fires
    size = cell.shape[0]
    bits = np.empty((size * size + 3) // 4, np.uint64)
    draw_bits(s, bits)
    chances = bits.view(np.uint16)[: size * size].reshape(size, size)
    lit, near = np.empty((size, size), np.uint8), np.empty(size, np.bool_)
    for row in range(size):
        near[row] = fires[row] + fires[row + 1] + fires[row + 2] > 0
        if near[row]:
            _light_row(catch[row], glow[row], glow[row + 1], glow[row + 2], s.winds, chances[row], lit[row])
    lost, burning, out = 0.0, 0, np.uint16(COINS * p.burn_out)
    for house in range(HOUSES):
        row, column = s.house_row[house], s.house_column[house]
        if near[row] and lit[row, column] and cell[row, column] == HOUSE:
            lost += HOUSE_COST
            cell[row, column] = FIRE  # two houses may stand in one cell, which is lost once
    for row in range(size):
        if near[row]:
            lost += _count_row(lit[row], 1)
            _burn_row(cell[row], lit[row], chances[row], out)
            _heat_row(cell[row], catch[row], emit[row], glow[row + 1])
            fires[row + 1] = _count_row(cell[row], FIRE)
            burning += fires[row + 1]
    return lost, burning


@compiled
def _act(s: Any, action: int) -> float:
    """The crew moves, cuts or douses; what it cut, in cells."""
    size = s.cell.shape[0]
    if action <= EAST:
        row = s.row + (action == SOUTH) - (action == NORTH)
        column = s.column + (action == EAST) - (action == WEST)
        if 0 <= row < size and 0 <= column < size and s.cell[row, column] != FIRE:
            s.row, s.column = row, column
    elif action == CUT and GRASS <= s.cell[s.row, s.column] <= FOREST:
        s.cell[s.row, s.column], s.catch[s.row, s.column] = BARE, 0.0
        return CUT_COST
    elif action == DOUSE:
        for row in range(max(s.row - 1, 0), min(s.row + 2, size)):
            for column in range(max(s.column - 1, 0), min(s.column + 2, size)):
                if s.cell[row, column] == FIRE:
                    s.cell[row, column] = BURNT
                    s.glow[row + 1, column + 1] = 0.0
                    s.fires[row + 1] -= 1
    return 0.0


@compiled
def _copy(given: Any, to: Any) -> None:
    for place in range(given.shape[0]):
        to[place] = given[place]


class Wildfire(Simulation):
    """Actions: the crew goes 0 north, 1 south, 2 west, 3 east (not into fire), 4 cuts its cell, 5 douses around it.

    Dousing puts out the fire in the eight cells around the crew; a cut cell of fuel is bare. The crew's own cell is
    kept wet and never burns. Observation, `(size * size,)`, row by row from the north: 0 bare, 1 grass, 2 brush,
    3 forest, 4 house, 5 fire, 6 burnt, 7 the crew on what can burn, 8 the crew on what cannot. Reward: less one for
    each cell that catches fire, six for a house, a half for a cut cell; in percent of the map. The episode ends when
    nothing burns.
    """

    Parameters = Parameters
    observations = ("grid",)
    fields: ClassVar = [
        *((name, "i8") for name in ("row", "column")),
        *((name, "i8", (HOUSES,)) for name in ("house_row", "house_column")),
        ("winds", "f4", (8,)),
    ]
    max_episode_steps = 200
    frames_per_second = 12
    canvas_size = (480, 516)

    def record_fields(self) -> list[Any]:
        """Besides, layers of the map: what a cell takes (`catch`), could give (`emit`) and does give (`glow`)."""
        size = self.parameters.size
        layers = [
            (name, kind, (size, size))
            for name, kind in (("cell", "u1"), ("catch", "f4"), ("emit", "f4"), ("height", "f4"))
        ]
        return [*self.fields, *layers, ("glow", "f4", (size + 2, size + 2)), ("fires", "u1", (size + 2,))]

    @staticmethod
    def reset(s: Any, p: Any) -> None:
        """New hills, a new village, and a fire away from it."""
        for way in range(8):
            down, right = WAYS[way]
            turn = math.atan2(-float(down), float(right)) - math.radians(p.wind_angle)
            gain = math.exp(p.wind * (0.045 + 0.131 * (math.cos(turn) - 1.0)))
            s.winds[way] = p.spread * gain * (DIAGONAL if down != 0 and right != 0 else 1.0)
        _raise_hills(s, p)
        _grow_fuel(s, p)
        _build_village(s)
        s.glow[:] = 0.0
        s.fires[:] = 0
        size = s.cell.shape[0]
        for row in range(size):
            for column in range(size):
                rise = math.exp(SLOPE * s.height[row, column])
                s.catch[row, column] = READINESS[s.cell[row, column]] * rise
                s.emit[row, column] = 1.0 / rise
        _start_fire(s)

    @staticmethod
    def step(s: Any, action: Any, p: Any) -> tuple[float, bool]:
        """The crew acts, then the fire spreads from what still burns."""
        lost = _act(s, action[0])
        dry = s.catch[s.row, s.column]
        s.catch[s.row, s.column] = 0.0
        taken, burning = _spread(s, p)
        s.catch[s.row, s.column] = dry
        return -100.0 * (lost + taken) / s.cell.size, burning == 0

    @staticmethod
    def observe(s: Any, obs: Any, p: Any) -> None:
        """Every cell, and the crew."""
        size = s.cell.shape[0]
        for row in range(size):
            _copy(s.cell[row], obs[row * size : (row + 1) * size])
        obs[s.row * size + s.column] = CREW_ON_FUEL if s.catch[s.row, s.column] > 0.0 else CREW_ON_BARE

    @property
    def observation_space(self) -> spaces.MultiDiscrete:
        """One of nine categories in each cell."""
        return spaces.MultiDiscrete(np.full(self.parameters.size**2, 9), dtype="uint8")

    @property
    def action_space(self) -> spaces.Discrete:
        """Four ways, cut and douse."""
        return spaces.Discrete(6)

    def check(self) -> None:
        """Refuse a map that is too small or too large to hold, and chances that are none."""
        p = self.parameters
        if not 6 <= p.size <= 64:
            raise ValueError(f"Wildfire's size must be from 6 to 64 cells, got {p.size}.")
        for name in ("spread", "burn_out"):
            if not 0 < getattr(p, name) <= 1:
                raise ValueError(f"Wildfire's {name} must be above 0 and at most 1, got {getattr(p, name)}.")
        if not 0 <= p.rocks < 1:
            raise ValueError(f"Wildfire's rocks must be from 0 to below 1, got {p.rocks}.")
        for name, most in (("wind", 30.0), ("relief", 45.0)):
            if not 0 <= getattr(p, name) <= most:
                raise ValueError(f"Wildfire's {name} must be from 0 to {most:g}, got {getattr(p, name)}.")

    def draw(self, canvas: "Canvas", obs: NDArray[Any], state: Any = None) -> None:
        """The map, smoke drifting from what burns, and the wind; the hills' shade only from the state."""
        from sandbox_envs.wildfire_scene import scene

        scene(canvas, np.asarray(obs), self.parameters, state)


def heuristic(obs: NDArray[Any]) -> NDArray[np.int64]:
    """A scripted crew, `(B, size * size) -> (B,)`: go to the nearest fire that has much left to burn; douse it."""
    size = math.isqrt(obs.shape[1])
    grid = obs.reshape(-1, size, size)
    crew = (grid >= CREW_ON_FUEL).reshape(len(grid), -1).argmax(axis=1)
    row, column = crew // size, crew % size  # (B,)
    fuel = np.pad((grid >= GRASS) & (grid <= HOUSE), ((0, 0), (1, 1), (1, 1)))
    left = sum(fuel[:, 1 + d : 1 + d + size, 1 + r : 1 + r + size].astype(np.int64) for d, r in WAYS)
    down = np.arange(size)[None, :, None] - row[:, None, None]  # (B, size, size), from the crew
    right = np.arange(size)[None, None, :] - column[:, None, None]
    is_fire, far = grid == FIRE, np.maximum(np.abs(down), np.abs(right))
    cost = np.where(is_fire, np.abs(down) + np.abs(right) - 1.0 * left, np.inf).reshape(len(grid), -1)
    target = cost.argmin(axis=1)
    down, right = target // size - row, target % size - column
    move = np.where(np.abs(down) > np.abs(right), np.where(down < 0, NORTH, SOUTH), np.where(right < 0, WEST, EAST))
    return np.where((is_fire & (far == 1)).any(axis=(1, 2)), DOUSE, move).astype(np.int64)
