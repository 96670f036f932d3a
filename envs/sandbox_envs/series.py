"""What a microgrid cannot choose, hour by hour: sunshine, load and price, from a generator or from measurements.

The generator, with x, y and z standard normal autoregressions of the first order (they last 8, 5 and 10 hours):

    sun     sin e = max(0, sin(phi) sin(d) + cos(phi) cos(d) cos(w)), phi the latitude, w the hour angle and the sun's
            declination d = -23.44 deg cos(2 pi (day + 10) / 365) (Cooper, "The absorption of radiation in solar
            stills", 1969)
    solar   solar_peak * sin e * clear,  clear = 1 / (1 + exp(-0.8 - 1.6 x)): the share that the clouds let through
    load    load_mean * shape(hour) * exp(0.25 y - 0.25^2 / 2): lognormal, with peaks at 7:30 and 19:00
    price   0.1 + 0.04 (peak at 8:00) + 0.09 (peak at 19:00) - 0.11 sin e * clear + 0.02 z + spike, in EUR/kWh, cut to
            the limits of the European day-ahead market of 2022, -0.5 and 4

where a spike loses 40 % every hour, and a new one, of a Pareto (Lomax) size, comes in with probability `spike_rate`:
mean reversion with jumps, after Lucia and Schwartz, "Electricity prices and power derivatives" (2002). With its tail
index of 1.8 the size has a mean and no variance: for the tail of the saving, no number of episodes is many.
"""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox_envs.core import compiled
from sandbox_envs.random import draw_normal, draw_uniform

FLOOR, CAP = -0.5, 4.0  # EUR/kWh
CLOUD, HABIT, MARKET, SPIKE = math.exp(-1 / 8), math.exp(-1 / 5), math.exp(-1 / 10), 0.6  # what an hour leaves
TILT = math.radians(23.44)
COLUMNS = {
    "solar": {"kW": 1.0, "W": 1e-3, "MW": 1e3},
    "load": {"kW": 1.0, "W": 1e-3, "MW": 1e3},
    "price": {"EUR/kWh": 1.0, "ct/kWh": 1e-2, "EUR/MWh": 1e-3},
}
DEAREST = 20.0  # EUR/kWh; no market has seen it, and many a file names the wrong unit
FEWEST = 48  # hours of a series: of a single day nothing can be learned


def sun_height(hour: float, day: float, latitude: float) -> float:
    """The sine of the sun's elevation at `hour` of the day of the year, 0 by night; the latitude is in radians."""
    declination = -TILT * math.cos(2.0 * math.pi * (day + 10.0) / 365.0)
    angle = math.pi * (hour - 12.0) / 12.0
    across = math.cos(latitude) * math.cos(declination) * math.cos(angle)
    return max(0.0, math.sin(latitude) * math.sin(declination) + across)


_sun_height = compiled(sun_height)  # a picture needs it, too, and shall not wait for a compiler


@compiled
def bump(hour: float, peak: float, width: float) -> float:
    """A bell around an hour of the day."""
    return math.exp(-0.5 * ((hour - peak) / width) ** 2)


@compiled
def begin(s: Any, p: Any) -> None:
    """Begin at midnight: of any day of the year, or of any day of the measurements."""
    days = p.series.shape[0] // 24
    day = int(draw_uniform(s, 0.0, 1.0) * (days if days > 0 else 365))
    s.clock = 24 * day
    s.cloud, s.habit, s.market = draw_normal(s), draw_normal(s), draw_normal(s)
    s.spike = 0.0
    _look_up(s, p)


@compiled
def pass_an_hour(s: Any, p: Any) -> None:
    """Bring sunshine, load and price of the next hour."""
    s.clock += 1
    if p.series.shape[0] == 0:
        s.cloud = CLOUD * s.cloud + math.sqrt(1.0 - CLOUD * CLOUD) * draw_normal(s)
        s.habit = HABIT * s.habit + math.sqrt(1.0 - HABIT * HABIT) * draw_normal(s)
        s.market = MARKET * s.market + math.sqrt(1.0 - MARKET * MARKET) * draw_normal(s)
        s.spike *= SPIKE
        if draw_uniform(s, 0.0, 1.0) < p.spike_rate:
            s.spike += p.spike_size * (draw_uniform(s, 0.0, 1.0) ** (-1.0 / p.spike_tail) - 1.0)
    _look_up(s, p)


@compiled
def _look_up(s: Any, p: Any) -> None:
    hour, day = s.clock % 24 + 0.5, (s.clock // 24 + p.first_day) % 365
    height = _sun_height(hour, day, math.radians(p.latitude))
    if p.series.shape[0] > 0:
        row = s.clock % (p.series.shape[0] // 24 * 24)  # whole days, over and over
        s.solar, s.load, s.price = p.series[row, 0], p.series[row, 1], p.series[row, 2]
        return
    clear = height / (1.0 + math.exp(-0.8 - 1.6 * s.cloud))
    shape = 0.72 + 0.35 * bump(hour, 7.5, 1.5) + 0.95 * bump(hour, 19.0, 2.2)
    s.solar = p.solar_peak * clear
    s.load = p.load_mean * shape * math.exp(0.25 * s.habit - 0.03125)
    daily = 0.1 + 0.04 * bump(hour, 8.0, 1.5) + 0.09 * bump(hour, 19.0, 2.0)
    s.price = min(max(daily - 0.11 * clear + 0.02 * s.market + s.spike, FLOOR), CAP)


def read_series(path: str | Path) -> NDArray[np.float64]:
    """Measurements from a CSV file: solar and load in kW, price in EUR/kWh, `(hours, 3)`.

    Its first row names the columns, of which `solar`, `load` and `price` are read; its second row holds their units
    (kW, W or MW; EUR/kWh, ct/kWh or EUR/MWh); each row after it is an hour, the first of them from midnight.

    Raises:
        ValueError: one sentence that names the file and, where it is one cell, its row and column.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(reader.line_num, row) for reader in [csv.reader(file)] for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"The series {path} cannot be read ({reason}): give the path of a CSV file.") from error
    while rows and not any(cell.strip() for cell in rows[-1][1]):
        rows.pop()
    places, factors = _header(path, rows)
    hours = rows[2:]
    if len(hours) < FEWEST:
        raise ValueError(f"The series {path} has {len(hours)} hours: give at least {FEWEST}, a row each.")
    return np.array(
        [[_number(path, line, row, name, places[name], factors[name]) for name in COLUMNS] for line, row in hours]
    )


def _header(path: Path, rows: list[tuple[int, list[str]]]) -> tuple[dict[str, int], dict[str, float]]:
    """Where each column stands, and by what its unit is multiplied."""
    names, units = ([cell.strip() for cell in row] for _, row in [*rows[:2], *[(0, [])] * 2][:2])
    places, factors = {}, {}
    for name, known in COLUMNS.items():
        if name not in names:
            raise ValueError(
                f"The series {path} has no column {name!r} in row 1: name {', '.join(COLUMNS)}, with commas."
            )
        places[name] = names.index(name)
        unit = units[places[name]] if places[name] < len(units) else ""
        if unit not in known:
            told = f"holds {unit!r}" if unit else "is empty"
            raise ValueError(f"The series {path}, row 2, column {name}: the unit {told}: write {' or '.join(known)}.")
        factors[name] = known[unit]
    return places, factors


def _number(path: Path, line: int, row: list[str], name: str, place: int, factor: float) -> float:
    cell = row[place].strip() if place < len(row) else ""
    where = f"The series {path}, row {line}, column {name}:"
    if not cell:
        raise ValueError(f"{where} the cell is empty: fill the gap, for instance with the hour of the day before.")
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"{where} {cell!r} is no number: write one, with a point for decimals.") from None
    if not math.isfinite(value):
        raise ValueError(f"{where} {cell!r} is not finite: fill the gap, for instance with the hour of the day before.")
    if name != "price" and value < 0:
        raise ValueError(f"{where} {cell} is below 0: power that is made or used counts from 0 up.")
    if name == "price" and abs(value * factor) > DEAREST:
        raise ValueError(f"{where} {cell} is {value * factor:g} EUR/kWh: correct it, or the unit in row 2.")
    return value * factor
