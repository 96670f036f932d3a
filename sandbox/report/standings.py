"""The rows of a contrast gathered over seeds: contenders, their intervals, and who stands highest.

Nothing is computed here beyond aggregation for display, by `sandbox.statistics`. A single seed has no spread over
seeds, so its interval is the one over evaluation episodes that the row brings along, and the words say so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.report.names import contender
from sandbox.report.results import Interval, Row, rows
from sandbox.statistics import interval

MODELLED = ("dream", "mix", "upsample", "plan")  # ways to use a model; their rows without one are baselines
_RESAMPLING_SEED = 0  # the same files give the same page


@dataclass(frozen=True)
class Standing:
    """All seeds of one contender: the same mode, model, agent and sweep. Unfinished seeds are kept, to be named."""

    mode: str
    model: str | None
    agent: str
    rows: tuple[Row, ...]
    sweep: Mapping[str, float | str] = field(default_factory=dict)
    done: tuple[Row, ...] = field(init=False)
    real: Interval | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "done", tuple(row for row in self.rows if row.done))
        object.__setattr__(self, "real", over_seeds([row.real for row in self.done if row.real is not None]))

    @property
    def name(self) -> str:
        """How the contender is called in a sentence."""
        return contender(self.mode, self.model, self.agent, self.sweep)

    @property
    def modelled(self) -> bool:
        """Whether this is a way of using a generative model, and no baseline."""
        return self.mode in MODELLED and self.model is not None

    @property
    def returns(self) -> NDArray[np.float64]:
        """The mean return of every finished seed, `(S,)`."""
        return np.array([row.real.mean for row in self.done if row.real is not None])

    @property
    def height(self) -> float:
        """Where the contender stands in the ranking."""
        return -math.inf if self.real is None else self.real.mean

    @property
    def dream(self) -> float | None:
        """Mean return in the agent's own dream."""
        return mean(row.dream for row in self.done)

    @property
    def gap(self) -> float | None:
        """Mean of what the dream promised beyond what the simulator paid."""
        return mean(row.gap for row in self.done)

    @property
    def real_steps(self) -> float | None:
        """Mean steps taken in the simulator before the evaluation."""
        return mean(row.real_steps for row in self.done)

    @property
    def dream_steps(self) -> float | None:
        """Mean steps taken in the dream."""
        return mean(row.dream_steps for row in self.done)

    def wall_seconds(self, part: str = "total") -> float | None:
        """Mean seconds of one cell, or of one `part` of it: collect, fit, learn."""
        return mean(row.wall_seconds.get(part) for row in self.done)


def standings(results: Mapping[str, Any]) -> list[Standing]:
    """Every contender of `results`, the highest real return first and those without one last.

    Raises ValueError, in one sentence, where `results` is not what a contrast writes.
    """
    gathered: dict[tuple[str, str | None, str, tuple[tuple[str, float | str], ...]], list[Row]] = {}
    for row in rows(results):
        gathered.setdefault((row.mode, row.model, row.agent, tuple(row.sweep.items())), []).append(row)
    table = [
        Standing(mode, model, agent, tuple(members), dict(sweep))
        for (mode, model, agent, sweep), members in gathered.items()
    ]
    return sorted(table, key=lambda standing: standing.height, reverse=True)


def best(table: Sequence[Standing], mode: str | None = None) -> Standing | None:
    """The contender with the highest mean real return, among those of one mode or among all."""
    judged = [standing for standing in table if standing.real is not None and mode in (None, standing.mode)]
    return max(judged, key=lambda standing: standing.height, default=None)


def leader(table: Sequence[Standing]) -> Standing | None:
    """The best contender that anyone could use: a perfect model is a yardstick."""
    return best([standing for standing in table if standing.mode != "perfect"])


def modelled(table: Sequence[Standing]) -> list[Standing]:
    """The judged contenders that use a generative model, in the order of `table`."""
    return [standing for standing in table if standing.modelled and standing.real is not None]


def over_seeds(seeds: Sequence[Interval]) -> Interval | None:
    """Centre and interval over seeds; one seed keeps its own interval, over episodes; none gives None."""
    if len(seeds) < 2:
        return seeds[0] if seeds else None
    return Interval(*interval([seed.mean for seed in seeds], np.random.default_rng(_RESAMPLING_SEED)))


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of the values that exist, or None where none does."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
