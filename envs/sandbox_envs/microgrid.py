"""Microgrid: a village with solar panels and a battery buys and sells electricity, hour by hour, at a market's price.

Units are kW, kWh, hours and euros. In an hour with `solar`, `load` and `price`, all of them seen before it is decided:

    leak          stored *= 1 - leak
    charging      stored += efficiency * flow          for flow > 0, as far as power and capacity allow
    discharging   stored += flow / efficiency          for flow < 0, as far as power and charge allow
    the grid      grid = load - solar + flow, which is bought at price + fee, or sold at price where it is below 0
    reward        what the village would pay without a battery, less what it pays, less wear * |flow| while discharging

What the batteries' models of Xu, Zhao, Zheng, Litvinov and Kirschen, "Factoring the cycle aging cost of batteries
participating in electricity markets" (2018) reduce to with a linear cost of wear. An idle battery earns 0, but for what
leaks. Sun, load and price come from the stochastic generator of `series.py`, whose prices have heavy tails, or, with
`series="measured.csv"`, from the user's own measurements in the form that `read_series` describes.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox_envs.core import Simulation, compiled
from sandbox_envs.random import draw_uniform
from sandbox_envs.series import begin, pass_an_hour, read_series, sun_height

if TYPE_CHECKING:
    from sandbox_envs.canvas import Canvas

GROUND = 196.0  # pixels from below
HOURS = 72  # how far the picture looks back
MOST, PRICE = 20.0, 0.1  # the greatest power that is seen, in units of the battery's; EUR/kWh in a unit of price
LOW_PRICE, MIDDLE_PRICE, HIGH_PRICE = 0.074, 0.129, 0.31  # the heuristic's thresholds, EUR/kWh


class Parameters(NamedTuple):
    """Microgrid's constants."""

    capacity: float = 200.0
    """What the battery holds, kWh."""
    power: float = 50.0
    """The fastest it can be charged or discharged, kW; also the unit in which powers are seen."""
    efficiency: float = 0.95
    """What is left after charging, and again after discharging."""
    leak: float = 0.0005
    """Share of the charge that is lost in an hour."""
    wear: float = 0.02
    """What discharging costs in life, EUR/kWh."""
    fee: float = 0.08
    """What the network takes of all that is bought, EUR/kWh."""
    solar_peak: float = 120.0
    """Generator: power of the panels under a cloudless zenith sun, kW."""
    load_mean: float = 40.0
    """Generator: mean load, kW."""
    latitude: float = 48.0
    """Generator: degrees north."""
    spike_rate: float = 0.015
    """Generator: probability of a price spike in an hour."""
    spike_size: float = 0.2
    """Generator: scale of a spike, EUR/kWh."""
    spike_tail: float = 1.8
    """Generator: tail index of a spike's size; below 2 it has no variance."""
    first_day: int = 0
    """Day of the year on which a measured series begins, from 0."""
    series: Any = np.empty((0, 3))
    """Path of a CSV file of measurements to take instead of the generator."""


class Microgrid(Simulation):
    """Action, `(1,)` in [-1, 1]: from discharging at full power to charging at full power.

    Observation, `(8,)`: charge from 0 to 1; solar, load (units of `power`) and price (units of 0.1 EUR/kWh) of the hour
    to come; sine and cosine of the time of day and of the time of year. Reward: euros saved. It ends by the time limit
    only, after a week.
    """

    Parameters = Parameters
    fields: ClassVar = [
        *((name, "f8") for name in ("stored", "flow", "grid", "saved", "lost", "solar", "load", "price")),
        *((name, "f8") for name in ("cloud", "habit", "market", "spike")),
        ("clock", "i8"),
        ("trail", "f4", (HOURS, 4)),
    ]
    max_episode_steps = 168
    frames_per_second = 8
    canvas_size = (760, 430)

    def __init__(self, *, series: str | Path | None = None, **parameters: Any) -> None:
        super().__init__(**parameters)
        if series is not None:
            if not isinstance(series, str | Path):
                raise ValueError(f"Microgrid's series must be the path of a CSV file, got {series!r}.")
            self.parameters = self.parameters._replace(series=read_series(series))

    @staticmethod
    def reset(s: Any, p: Any) -> None:
        """Midnight of any day, the battery anywhere between empty and full."""
        s.stored = p.capacity * draw_uniform(s, 0.0, 1.0)
        s.flow, s.grid, s.saved, s.lost = 0.0, 0.0, 0.0, 0.0
        begin(s, p)
        for hour in range(HOURS):
            for line in range(4):
                s.trail[hour, line] = 0.0

    @staticmethod
    def step(s: Any, action: Any, p: Any) -> tuple[float, bool]:
        """Settle the hour that was seen, then let the next one come."""
        _charge(s, action[0] * p.power, p)
        s.grid = s.load - s.solar + s.flow
        saved = _bill(s.load - s.solar, s.price, p) - _bill(s.grid, s.price, p) - p.wear * max(-s.flow, 0.0)
        s.saved += saved
        hour = s.elapsed % HOURS
        s.trail[hour, 0], s.trail[hour, 1], s.trail[hour, 2], s.trail[hour, 3] = s.solar, s.load, s.price, s.stored
        pass_an_hour(s, p)
        return saved, False

    @staticmethod
    def observe(s: Any, obs: Any, p: Any) -> None:
        """Charge, powers, price and calendar; powers and prices beyond the space's bounds are seen as the bounds."""
        obs[0] = min(max(s.stored / p.capacity, 0.0), 1.0)
        obs[1] = min(s.solar / p.power, MOST)
        obs[2] = min(s.load / p.power, MOST)
        obs[3] = min(max(s.price / PRICE, -40.0), 40.0)
        day = 2.0 * math.pi * (s.clock % 24) / 24.0
        year = 2.0 * math.pi * ((s.clock // 24 + p.first_day) % 365) / 365.0
        obs[4], obs[5] = math.sin(day), math.cos(day)
        obs[6], obs[7] = math.sin(year), math.cos(year)

    @property
    def observation_space(self) -> spaces.Box:
        """Eight bounded numbers of about unit size."""
        low = np.array([0.0, 0.0, 0.0, -40.0, -1.0, -1.0, -1.0, -1.0], np.float32)
        high = np.array([1.0, MOST, MOST, 40.0, 1.0, 1.0, 1.0, 1.0], np.float32)
        return spaces.Box(low, high, dtype=np.float32)

    @property
    def action_space(self) -> spaces.Box:
        """The battery's flow; 1 charges at full power."""
        return spaces.Box(-1.0, 1.0, (1,), np.float32)

    def check(self) -> None:
        """Refuse what makes no battery and no year."""
        p = self.parameters
        for name in ("capacity", "power", "spike_tail"):
            if getattr(p, name) <= 0:
                raise ValueError(f"Microgrid's {name} must be above 0, got {getattr(p, name)}.")
        if not 0 < p.efficiency <= 1:
            raise ValueError(f"Microgrid's efficiency must be above 0 and at most 1, got {p.efficiency}.")
        for name, most in (("leak", 1.0), ("spike_rate", 1.0), ("first_day", 364)):
            if not 0 <= getattr(p, name) <= most:
                raise ValueError(f"Microgrid's {name} must be from 0 to {most}, got {getattr(p, name)}.")
        for name in ("wear", "fee", "solar_peak", "load_mean", "spike_size"):
            if getattr(p, name) < 0:
                raise ValueError(f"Microgrid's {name} must not be below 0, got {getattr(p, name)}.")
        if abs(p.latitude) > 90:
            raise ValueError(f"Microgrid's latitude must be from -90 to 90, got {p.latitude}.")

    def draw(self, canvas: "Canvas", obs: NDArray[Any], state: Any = None) -> None:
        """The village under its sky; what flows, and the last three days, only where the state is known."""
        scene(canvas, np.asarray(obs, np.float64), self.parameters, state)


@compiled
def _charge(s: Any, wanted: float, p: Any) -> None:
    """Charge (`wanted` > 0) or discharge by as much of what is wanted, kWh in this hour, as there is room or charge."""
    leaked = p.leak * s.stored
    s.stored -= leaked
    before = s.stored
    if wanted > 0.0:
        s.flow = min(wanted, (p.capacity - s.stored) / p.efficiency)
        s.stored = min(before + p.efficiency * s.flow, p.capacity)
    else:
        s.flow = -min(-wanted, s.stored * p.efficiency)
        s.stored = max(before + s.flow / p.efficiency, 0.0)
    s.lost += leaked + s.flow - (s.stored - before)


@compiled
def _bill(grid: float, price: float, p: Any) -> float:
    return grid * (price + p.fee) if grid > 0.0 else grid * price


def heuristic(obs: NDArray[Any], p: Parameters = Parameters()) -> NDArray[np.float32]:  # noqa: B008
    """Threshold rules, `(B, 8) -> (B, 1)`: buy when it is cheap, sell when it is dear, else serve the village itself.

    Below `LOW_PRICE` the battery is charged at full power, above `HIGH_PRICE` discharged; in between it takes what the
    panels have left over, and gives what the village lacks from `MIDDLE_PRICE` on. The thresholds were found by random
    search for the default parameters.
    """
    missing, price = (obs[:, 2] - obs[:, 1]).astype(np.float64), PRICE * obs[:, 3].astype(np.float64)
    flow = np.where((missing < 0) | (price >= MIDDLE_PRICE), -missing, 0.0)
    flow = np.where(price <= LOW_PRICE, 1.0, np.where(price >= HIGH_PRICE, -1.0, flow))
    return np.clip(flow, -1.0, 1.0).astype(np.float32)[:, np.newaxis]


def scene(canvas: "Canvas", obs: NDArray[np.float64], p: Parameters, state: Any) -> None:
    """Panels, houses, battery and pylon on one cable, above the last three days."""
    width, height = canvas.size
    canvas.view(0.0, 0.0, float(width), float(height))
    solar, load, price = obs[1] * p.power, obs[2] * p.power, obs[3] * PRICE
    _sky(canvas, obs, solar, p)
    canvas.polygon([(0.0, 0.0), (0.0, GROUND), (width, GROUND), (width, 0.0)], (18, 24, 46))
    canvas.line([(0.0, GROUND), (width, GROUND)], canvas.GREY, 3)
    _panels(canvas, min(solar / max(p.solar_peak, 1e-9), 1.0))
    _houses(canvas, load / max(2.2 * p.load_mean, 1e-9))
    _battery(canvas, min(max(float(obs[0]), 0.0), 1.0))
    _pylon(canvas)
    _cable(canvas, p, state)
    below = round(height - GROUND) + 34
    hour = round(math.atan2(obs[4], obs[5]) * 12.0 / math.pi) % 24
    canvas.text(f"{hour:02d}:00", (14, 12), canvas.WHITE)
    canvas.text(f"sun {solar:.0f} kW", (90, below), canvas.YELLOW)
    canvas.text(f"village {load:.0f} kW", (292, below), canvas.PINK)
    canvas.text(f"battery {100 * obs[0]:.0f} %", (492, below), canvas.GREEN)
    canvas.text(f"{100 * price:.0f} ct/kWh", (645, below), canvas.RED if price > HIGH_PRICE else canvas.SKY)
    if state is not None:
        canvas.text(f"saved {float(state['saved']):.0f} EUR", (width - 130, 12), canvas.WHITE)
    _past(canvas, p, state)


def _blend(one: Any, other: Any, share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * min(max(share, 0.0), 1.0)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _sky(canvas: "Canvas", obs: NDArray[np.float64], solar: float, p: Parameters) -> None:
    """Day or night by the calendar that is seen; clouds by what is missing of a clear sky's sunshine."""
    width, height = canvas.size
    hour = (math.atan2(obs[4], obs[5]) * 12.0 / math.pi) % 24.0 + 0.5
    day = (math.atan2(obs[6], obs[7]) * 365.0 / (2.0 * math.pi)) % 365.0
    sun = sun_height(hour, day, math.radians(p.latitude))
    low = _blend(_blend((58, 66, 120), canvas.ORANGE, 5.0 * sun), (150, 196, 226), 4.0 * sun - 0.6)
    canvas.sky(_blend(canvas.NIGHT, (24, 92, 150), 3.0 * sun), low)
    for star in range(60 if sun == 0.0 else 0):
        place = (width * ((star * 0.618034) % 1.0), height - 200.0 * ((star * star * 0.754878) % 1.0))
        canvas.circle(place, 0.5 + 0.8 * ((star * 0.381966) % 1.0), canvas.WHITE, alpha=90 + 2 * star)
    across, up = width * (0.06 + 0.88 * (hour - 4.0) / 16.0), GROUND + 30.0 + 190.0 * sun
    if sun > 0.0:
        for halo in (30.0, 23.0, 16.0):
            canvas.circle((across, up), halo, canvas.YELLOW, alpha=255 if halo == 16.0 else 40)
    cover = 1.0 - min(solar / max(p.solar_peak * sun, 1e-9), 1.0) if sun > 0.03 else 0.3
    for cloud in range(5):
        x, y = width * (0.1 + 0.21 * cloud), GROUND + 170.0 + 22.0 * math.sin(2.4 * cloud)
        for puff in range(4):
            size = (10.0 + 6.0 * (puff % 2) + 3.0 * (cloud % 3)) * (0.4 + cover)
            shade = _blend((70, 80, 120), canvas.WHITE, 2.0 * sun)
            canvas.circle((x + 17.0 * (puff - 1.5), y + 4.0 * (puff % 2)), size, shade, alpha=round(30 + 140 * cover))
    for far, colour in ((0.0, (46, 84, 96)), (1.0, (30, 62, 72))):
        dark = _blend(_blend(colour, canvas.NIGHT, 0.55), colour, 3.0 * sun)
        xs = np.linspace(0.0, width, 60)
        ridge = [(x, GROUND + 50.0 - 22.0 * far + 16.0 * math.sin(0.013 * x + 2.2 * far)) for x in xs]
        canvas.polygon([(0.0, GROUND), *ridge, (width, GROUND)], dark)


def _panels(canvas: "Canvas", share: float) -> None:
    for left in (52.0, 104.0, 156.0):
        canvas.line([(left + 22.0, GROUND), (left + 22.0, GROUND + 24.0)], canvas.GREY, 3)
        corners = [(left, GROUND + 10.0), (left + 30.0, GROUND + 10.0), (left + 46.0, GROUND + 44.0)]
        canvas.polygon([*corners, (left + 16.0, GROUND + 44.0)], _blend((20, 42, 96), canvas.YELLOW, 0.75 * share))
        for rib in (0.33, 0.66):
            canvas.line([(left + 30 * rib, GROUND + 10), (left + 16 + 30 * rib, GROUND + 44)], canvas.WHITE, 0.5)
        canvas.line([(left + 8.0, GROUND + 27.0), (left + 38.0, GROUND + 27.0)], canvas.WHITE, 0.5)


def _houses(canvas: "Canvas", share: float) -> None:
    """Twenty-four windows, of which the more are lit the more the village takes."""
    lit = round(24 * min(share, 1.0))
    for house in range(6):
        left, tall = 252.0 + 32.0 * house, 30.0 + 9.0 * (house * 7 % 4)
        canvas.box(left, GROUND, 28.0, tall, (58, 52, 84))
        canvas.polygon(
            [(left - 3, GROUND + tall), (left + 31, GROUND + tall), (left + 14, GROUND + tall + 15)], canvas.RED
        )
        for window in range(4):
            on = (window * 6 + house * 5 % 6) < lit
            place = (left + 4.0 + 12.0 * (window % 2), GROUND + tall - 11.0 - 12.0 * (window // 2))
            canvas.box(*place, 8.0, 7.0, canvas.YELLOW if on else (30, 34, 62))


def _battery(canvas: "Canvas", charge: float) -> None:
    left, wide, tall = 500.0, 60.0, 96.0
    canvas.box(left + 18.0, GROUND + tall, 24.0, 9.0, canvas.GREY)
    canvas.box(left, GROUND, wide, tall, canvas.GREY)
    canvas.box(left + 4.0, GROUND + 4.0, wide - 8.0, tall - 8.0, canvas.NIGHT)
    canvas.box(left + 6.0, GROUND + 6.0, wide - 12.0, (tall - 12.0) * charge, canvas.GREEN)
    for mark in (0.25, 0.5, 0.75):
        canvas.line([(left + 4, GROUND + 6 + 84 * mark), (left + 14, GROUND + 6 + 84 * mark)], canvas.WHITE, 1)


def _pylon(canvas: "Canvas") -> None:
    x, top = 680.0, GROUND + 120.0
    for side in (-1.0, 1.0):
        canvas.line([(x + 20.0 * side, GROUND), (x + 3.0 * side, top), (x - 3.0 * side, top)], canvas.GREY, 2)
        for low, high, reach in ((0.0, 0.33, 20.0), (0.33, 0.62, 14.5), (0.62, 0.85, 9.0)):
            rise = [(x + reach * side, GROUND + 120.0 * low), (x - (reach - 5.0) * side, GROUND + 120.0 * high)]
            canvas.line(rise, canvas.GREY, 1)
    for arm in (82.0, 104.0):
        canvas.line([(x - 26.0, GROUND + arm), (x + 26.0, GROUND + arm)], canvas.GREY, 2)
        canvas.line(
            [(x + 26.0, GROUND + arm - 5), (722.0, GROUND + arm - 13), (760.0, GROUND + arm - 12)], canvas.GREY, 1
        )


def _cable(canvas: "Canvas", p: Parameters, state: Any) -> None:
    """What the last hour moved, from the panels past village and battery to the grid, or back."""
    ends, y = (120.0, 345.0, 530.0, 680.0), GROUND - 18.0
    canvas.line([(ends[0], y), (ends[-1], y)], (70, 80, 120), 3)
    for x in ends:
        canvas.line([(x, y), (x, GROUND)], (70, 80, 120), 3)
    if state is None or int(state["elapsed"]) == 0:
        return
    solar, load = (float(value) for value in state["trail"][(int(state["elapsed"]) - 1) % HOURS][:2])
    flows = (solar, solar - load, -float(state["grid"]))
    colours = (canvas.YELLOW, canvas.SKY, canvas.SKY)
    for begin_x, end_x, flow, colour in zip(ends, ends[1:], flows, colours, strict=False):
        size, way = min(8.0, 9.0 * math.sqrt(abs(flow) / max(p.power, 1e-9))), math.copysign(1.0, flow)
        for arrow in range(int((end_x - begin_x - 16.0) / 20.0)) if size > 0.8 else ():
            x = begin_x + 18.0 + 20.0 * arrow + way * 5.0 * (int(state["elapsed"]) % 4 - 1.5)
            canvas.polygon(
                [(x - way * size, y + 0.8 * size), (x - way * size, y - 0.8 * size), (x + way * size, y)], colour
            )


def _past(canvas: "Canvas", p: Parameters, state: Any) -> None:
    """Three days of sunshine and load at the left, of price and charge at the right."""
    pace, bottom, tall = 356.0 / HOURS, 24.0, 84.0
    for left in (16.0, 388.0):
        canvas.box(left, bottom, 356.0, tall, (28, 38, 74))
    if state is None:
        return
    now = int(state["elapsed"])
    hours = min(now, HOURS)
    rows = state["trail"][np.arange(now - hours, now) % HOURS].astype(float)
    power = tall / max(1.05 * float(rows[:, :2].max(initial=0.0)), p.power)
    dearest = tall / max(1.05 * float(rows[:, 2].max(initial=0.0)), 0.4)
    for hour, (solar, _, price, _) in enumerate(rows):
        x = 356.0 + (hour - hours) * pace
        canvas.box(16.0 + x, bottom, pace, power * solar, canvas.YELLOW)
        colour = canvas.RED if price > HIGH_PRICE else canvas.SKY
        canvas.box(388.0 + x, bottom, pace, dearest * price, colour)
    xs = 356.0 + (np.arange(hours) - hours + 0.5) * pace
    if hours > 1:
        canvas.line(list(zip(16.0 + xs, bottom + power * rows[:, 1], strict=True)), canvas.PINK, 2)
        charge = bottom + tall * rows[:, 3] / p.capacity
        canvas.line(list(zip(388.0 + xs, charge, strict=True)), canvas.GREEN, 2)
    top = canvas.size[1] - 18
    canvas.text("three days of sun (bars) and load (line)", (16, top), canvas.GREY, 11)
    canvas.text("of price (bars, red where dear) and charge (line)", (388, top), canvas.GREY, 11)
