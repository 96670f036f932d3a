"""`results.json` as a contrast writes it: read, checked and typed. No figure is changed here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

ABBREVIATIONS = {"ppo", "sac", "dqn", "td3", "a2c", "trpo", "cem", "mppi"}


@dataclass(frozen=True)
class Interval:
    """A mean return with its 95 % interval, in the environment's units of reward."""

    mean: float
    low: float
    high: float

    def overlaps(self, other: Interval) -> bool:
        """Whether the two intervals share a value."""
        return self.low <= other.high and other.low <= self.high

    def __str__(self) -> str:
        places = decimals(self.mean, self.low, self.high)
        return f"{number(self.mean, places)} [{number(self.low, places)}, {number(self.high, places)}]"


@dataclass(frozen=True)
class Point:
    """One point of a learning curve; a return that was not seen is None."""

    real_steps: float
    wall_seconds: float
    real: float | None
    dream: float | None


@dataclass(frozen=True)
class Row:
    """One cell of the contrast: a mode, a model, an agent and a seed."""

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
        return f"{contender(self.mode, self.model, self.agent)}, seed {self.seed}"


def read(folder: Path) -> dict[str, Any]:
    """The content of `folder/results.json`; NaN and infinities, which JSON does not know, become null.

    Raises ValueError, in one sentence, where the file is missing, cut off, or not a contrast's results.
    """
    path = folder / "results.json"
    try:
        results = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except FileNotFoundError:
        raise ValueError(f"{folder} holds no results.json: name the folder that `sandbox contrast` wrote.") from None
    except OSError as problem:
        raise ValueError(f"{path} cannot be read ({problem.strerror}): check its permissions.") from None
    except ValueError:
        raise ValueError(f"{path} is cut off or not JSON: run `sandbox contrast` again to write it anew.") from None
    try:
        rows(results)
    except ValueError as problem:
        raise ValueError(f"{path}: {problem}") from None
    return dict(results)


def rows(results: Mapping[str, Any]) -> list[Row]:
    """The rows of `results`, checked and typed; ValueError, in one sentence, where these are no contrast's results."""
    raw = results.get("rows") if isinstance(results, Mapping) else None
    if not isinstance(raw, list) or not isinstance(results.get("env"), str):
        raise ValueError("not a contrast's results, which have an 'env' and a list of 'rows': name another folder.")
    return [_row(entry, index) for index, entry in enumerate(raw)]


def contender(mode: str, model: str | None, agent: str) -> str:
    """How a contender is called: "SAC in the simulator", "PPO in the rnn dream", "random", "PPO, perfect"."""
    if mode == "random":
        return "random"
    if mode == "simulator":
        return f"{agent_name(agent)} in the simulator"
    place = " ".join(part for part in (model, mode) if part)
    return f"{agent_name(agent)} in the {place}" if mode == "dream" else f"{agent_name(agent)}, {place}"


def agent_name(agent: str) -> str:
    """An algorithm's name as it is written in prose: "PPO"."""
    return agent.upper() if agent in ABBREVIATIONS else agent


def decimals(*values: float) -> int:
    """How many decimals show about three digits of the largest of `values`."""
    scale = max((abs(value) for value in values), default=0.0)
    return 0 if scale >= 100 else 1 if scale >= 10 else 2 if scale >= 1 else 3


def number(value: float, places: int = 0) -> str:
    """`value` with its thousands separated; never a negative zero."""
    text = f"{value:,.{places}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def as_number(value: object) -> float | None:
    """A finite number, or None for whatever else stands in its place."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    return float(value) if math.isfinite(value) else None


def _row(entry: object, index: int) -> Row:
    if not isinstance(entry, dict):
        raise ValueError(f"row {index} is not an object: run `sandbox contrast` again.")
    for key in ("mode", "agent", "seed", "status"):
        if entry.get(key) is None:
            raise ValueError(f"row {index} has no {key!r}: run `sandbox contrast` again.")
    returned = _object(entry, "return_real")
    return Row(
        mode=str(entry["mode"]),
        model=None if entry.get("model") is None else str(entry["model"]),
        agent=str(entry["agent"]),
        seed=int(as_number(entry["seed"]) or 0),
        status=str(entry["status"]),
        real_steps=as_number(entry.get("real_steps")) or 0.0,
        dream_steps=as_number(entry.get("dream_steps")) or 0.0,
        wall_seconds=_numbers(_object(entry, "wall_seconds")),
        real=_interval(returned),
        episodes=int(as_number(returned.get("episodes")) or 0),
        dream=as_number(entry.get("return_dream")),
        evaluation_steps=as_number(entry.get("evaluation_steps")) or 0.0,
        curve=_curve(entry.get("curve")),
        fidelity=_numbers(_object(entry, "fidelity")),
        cell=str(entry.get("cell") or ""),
        error=None if entry.get("error") is None else str(entry["error"]),
    )


def _interval(returned: Mapping[str, Any]) -> Interval | None:
    centre = as_number(returned.get("mean"))
    if centre is None:
        return None
    low, high = as_number(returned.get("low")), as_number(returned.get("high"))
    return Interval(centre, centre if low is None else low, centre if high is None else high)


def _curve(raw: object) -> tuple[Point, ...]:
    points = []
    for entry in raw if isinstance(raw, list) else []:
        seen = entry if isinstance(entry, dict) else {}
        steps, seconds = as_number(seen.get("real_steps")), as_number(seen.get("wall_seconds"))
        if steps is not None and seconds is not None:
            points.append(
                Point(steps, seconds, as_number(seen.get("return_real")), as_number(seen.get("return_dream")))
            )
    return tuple(points)


def _object(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def _numbers(raw: Mapping[str, Any]) -> dict[str, float]:
    known = {str(key): as_number(value) for key, value in raw.items()}
    return {key: value for key, value in known.items() if value is not None}
