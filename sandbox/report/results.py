"""`results.json` as a contrast writes it: read, checked and typed. No figure is changed here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.report.entries import (
    WAY_OUT,
    as_number,
    items,
    mapping,
    maybe_words,
    numbers,
    numeric,
    refusal,
    whole,
    words,
)
from sandbox.report.names import contender, decimals, number


@dataclass(frozen=True)
class Interval:
    """A mean return with its 95 % interval, in the environment's units of reward; bounds that nobody knows are NaN."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.low):
            return number(self.mean, decimals(self.mean))
        places = decimals(self.mean, self.low, self.high)
        return f"{number(self.mean, places)} [{number(self.low, places)}, {number(self.high, places)}]"


@dataclass(frozen=True)
class Point:
    """One point of a learning curve; a return that was not seen, and seconds that were not measured, are None."""

    real_steps: float
    wall_seconds: float
    simulator_seconds: float | None
    real: float | None
    dream: float | None


@dataclass(frozen=True)
class Row:
    """One cell of the contrast: a mode, a model, an agent, the values of swept settings, and a seed."""

    mode: str
    model: str | None
    agent: str
    seed: int
    status: str
    real_steps: float
    dream_steps: float
    wall_seconds: Mapping[str, float]
    real: Interval | None
    episodes: int
    dream: float | None
    evaluation_steps: float
    curve: tuple[Point, ...]
    fidelity: Mapping[str, float]
    cell: str
    error: str | None
    sweep: Mapping[str, float | str] = field(default_factory=dict)
    log: str | None = None  # a hash of the log that it learned from, where several rows share one
    card: Mapping[str, Any] = field(default_factory=dict)
    simulator_seconds: float | None = None  # the part of its wall-clock that was spent inside the simulator
    notes: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether the cell finished and its agent was judged in the simulator."""
        return self.status == "done" and self.real is not None

    @property
    def gap(self) -> float | None:
        """What the dream promised beyond what the simulator paid."""
        return None if self.dream is None or self.real is None else self.dream - self.real.mean

    @property
    def name(self) -> str:
        """How the cell is called in a sentence."""
        return f"{contender(self.mode, self.model, self.agent, self.sweep)}, seed {self.seed}"


def read(place: Path) -> dict[str, Any]:
    """The content of `place`, or of its `results.json`; NaN and infinities, which JSON does not know, become null.

    Raises ValueError, in one sentence, where the file is missing, cut off, edited, or not a contrast's results.
    """
    path = place if place.is_file() else place / "results.json"
    try:
        results = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except FileNotFoundError:
        raise ValueError(f"{place} holds no results.json: name the folder that `sandbox contrast` wrote.") from None
    except OSError as problem:
        raise ValueError(f"{path} cannot be read ({problem.strerror}): check its permissions.") from None
    except ValueError:
        raise ValueError(f"{path} is cut off or not JSON: run `sandbox contrast` again to write it anew.") from None
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply for a contrast's results: {WAY_OUT}") from None
    try:
        rows(results)
    except ValueError as problem:
        raise ValueError(f"{path}: {problem}") from None
    return dict(results)


def log_steps(results: Mapping[str, Any]) -> float | None:
    """The steps of the log that whatever uses a model began with; None without one."""
    log = results.get("log")
    return as_number(log.get("steps")) if isinstance(log, Mapping) else None


def rows(results: Mapping[str, Any]) -> list[Row]:
    """The rows of `results`, checked and typed; ValueError, in one sentence, where these are no contrast's results."""
    raw = results.get("rows") if isinstance(results, Mapping) else None
    if not isinstance(raw, list) or not isinstance(results.get("env"), str):
        raise ValueError("not a contrast's results, which have an 'env' and a list of 'rows': name another folder.")
    for key in ("real_steps", "step_seconds", "ceiling_steps"):
        numeric(results, key, "the results")
    read_rows = [_row(entry, f"row {index}") for index, entry in enumerate(raw)]
    _require_different(read_rows)
    return read_rows


def _require_different(found: list[Row]) -> None:
    """Refuse a cell that stands there twice: it would count as two seeds."""
    seen: dict[str, int] = {}
    for index, row in enumerate(found):
        if row.name in seen:
            raise ValueError(f"rows {seen[row.name]} and {index} are both of {row.name}: {WAY_OUT}")
        seen[row.name] = index


def _row(entry: object, where: str) -> Row:
    if not isinstance(entry, dict):
        raise ValueError(f"{where} is not an object: run `sandbox contrast` again.")
    for key in ("mode", "agent", "seed", "status"):
        if entry.get(key) is None:
            raise ValueError(f"{where} has no {key!r}: run `sandbox contrast` again.")
    returned = mapping(entry, "return_real", where)
    return Row(
        mode=words(entry, "mode", where),
        model=maybe_words(entry, "model", where),
        agent=words(entry, "agent", where),
        seed=whole(entry, "seed", where),
        status=words(entry, "status", where),
        real_steps=numeric(entry, "real_steps", where) or 0.0,
        dream_steps=numeric(entry, "dream_steps", where) or 0.0,
        wall_seconds=numbers(mapping(entry, "wall_seconds", where), where),
        real=_interval(returned, where),
        episodes=int(numeric(returned, "episodes", where) or 0),
        dream=numeric(entry, "return_dream", where),
        evaluation_steps=numeric(entry, "evaluation_steps", where) or 0.0,
        curve=tuple(_points(items(entry, "curve", where), where)),
        fidelity=numbers(mapping(entry, "fidelity", where), where),
        cell=maybe_words(entry, "cell", where) or "" if entry.get("cell") else "",
        error=maybe_words(entry, "error", where) if entry.get("error") else None,
        sweep=_sweep(mapping(entry, "sweep", where), where),
        log=maybe_words(entry, "log", where) if entry.get("log") else None,
        card=mapping(entry, "card", where),
        simulator_seconds=numeric(entry, "simulator_seconds", where),
        notes=tuple(str(note) for note in items(entry, "notes", where)),
    )


def _interval(returned: Mapping[str, Any], where: str) -> Interval | None:
    """The judged return; its figures have to agree with each other."""
    centre, low, high = (numeric(returned, key, where) for key in ("mean", "low", "high"))
    if centre is None:
        return None
    slack = 1e-6 * max(1.0, abs(centre))
    episodes = [as_number(value) for value in items(returned, "returns", where)]
    known = [value for value in episodes if value is not None]
    if known and len(known) == len(episodes) and abs(math.fsum(known) / len(known) - centre) > slack:
        raise ValueError(f"{where}: the mean {centre} is not that of the {len(known)} returns beside it: {WAY_OUT}")
    ends = Interval(centre, centre if low is None else low, centre if high is None else high)
    if not ends.low - slack <= ends.mean <= ends.high + slack:
        raise ValueError(f"{where}: the mean {centre} does not lie in its interval, {low} to {high}: {WAY_OUT}")
    return ends


def _points(raw: list[Any], where: str) -> list[Point]:
    points = []
    for index, seen in enumerate(raw):
        if not isinstance(seen, dict):
            raise refusal(where, f"curve[{index}]", seen, "an object")
        steps, spent = numeric(seen, "real_steps", where), numeric(seen, "wall_seconds", where)
        own, real, dream = (numeric(seen, key, where) for key in ("simulator_seconds", "return_real", "return_dream"))
        if steps is not None and spent is not None:
            points.append(Point(steps, spent, own, real, dream))
    return points


def _sweep(raw: Mapping[str, Any], where: str) -> dict[str, float | str]:
    found: dict[str, float | str] = {}
    for key, value in raw.items():
        if not isinstance(value, str | bool) and as_number(value) is None:
            raise refusal(where, f"sweep {key}", value, "a number or a word")
        found[str(key)] = str(value).lower() if isinstance(value, bool) else value
    return found
