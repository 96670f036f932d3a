"""The rows of a contrast gathered over seeds, and the verdict that they allow, in a sentence.

Nothing is computed here beyond aggregation for display. Over several seeds an interval is Student's t at 95 % over the
seeds' means (each seed one draw: Student, "The probable error of a mean", Biometrika 6, 1908). A single seed has no
spread over seeds, so its interval is the one over evaluation episodes that the row brings along, and the words say so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from sandbox.report.results import Interval, Row, agent_name, contender, number, rows

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Standing:
    """All seeds of one contender: the same mode, model and agent. Unfinished seeds are kept, to be named."""

    mode: str
    model: str | None
    agent: str
    rows: tuple[Row, ...]
    done: tuple[Row, ...] = field(init=False)
    real: Interval | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "done", tuple(row for row in self.rows if row.done))
        object.__setattr__(self, "real", over_seeds([row.real for row in self.done if row.real is not None]))

    @property
    def name(self) -> str:
        """How the contender is called in a sentence."""
        return contender(self.mode, self.model, self.agent)

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
    gathered: dict[tuple[str, str | None, str], list[Row]] = {}
    for row in rows(results):
        gathered.setdefault((row.mode, row.model, row.agent), []).append(row)
    return sorted((Standing(*key, tuple(members)) for key, members in gathered.items()), key=_height, reverse=True)


def best(table: Sequence[Standing], mode: str | None = None) -> Standing | None:
    """The contender with the highest mean real return, among those of one mode or among all."""
    judged = [standing for standing in table if standing.real is not None and mode in (None, standing.mode)]
    return max(judged, key=_height, default=None)


def over_seeds(seeds: Sequence[Interval]) -> Interval | None:
    """Mean and Student's t interval over seeds; one seed keeps its own interval, over episodes; none gives None."""
    if len(seeds) < 2:
        return seeds[0] if seeds else None
    means = np.array([seed.mean for seed in seeds])
    centre, half = float(means.mean()), float(half_width(means))
    return Interval(centre, centre - half, centre + half)


def half_width(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half of Student's 95 % interval over the first axis of `values`, shape (S, ...) with S >= 2 seeds."""
    seeds = len(values)
    quantile = float(stdtrit(seeds - 1, (1 + CONFIDENCE) / 2))
    return np.asarray(quantile * values.std(axis=0, ddof=1) / math.sqrt(seeds))


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of the values that exist, or None where none does."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def verdict(results: Mapping[str, Any]) -> str:
    """What the results show and what they do not: the best dream against the best agent of the simulator.

    "No difference shown" where the 95 % intervals overlap; a single seed proves nothing, and the words say so; a dream
    that is not shown to beat random play, and every cell that failed, are named.
    """
    table = standings(results)
    sentences = [_outcome(str(results["env"]), best(table, "dream"), best(table, "simulator"))]
    sentences += _beside_random(best(table, "dream"), best(table, "random"))
    return " ".join(sentences + _unfinished(table))


def _outcome(env: str, dream: Standing | None, simulator: Standing | None) -> str:
    if dream is None or simulator is None:
        return _nothing_to_compare(env, dream, simulator)
    ours, theirs = _figure(dream), _figure(simulator)
    seeds, steps = _seeds(dream, simulator), _same_steps(dream, simulator)
    if min(len(dream.done), len(simulator.done)) == 1:
        side = "no lower" if _height(dream) >= _height(simulator) else "lower"
        return (
            f"One seed proves nothing: on {env}, {steps}, the best dream-trained agent ({ours}) stands {side} than the "
            f"best agent trained in the simulator ({theirs}), over {seeds}; a lone seed's interval is over episodes."
        )
    if _interval(dream).overlaps(_interval(simulator)):
        return (
            f"No difference shown on {env}: {steps}, the 95 % intervals over {seeds} of the best dream-trained agent "
            f"({ours}) and of the best agent trained in the simulator ({theirs}) overlap."
        )
    verb = "beat" if _height(dream) > _height(simulator) else "fell short of"
    return (
        f"On {env}, {steps}, the best dream-trained agent ({ours}) {verb} the best agent trained in the simulator "
        f"({theirs}): means and 95 % intervals over {seeds}."
    )


def _nothing_to_compare(env: str, dream: Standing | None, simulator: Standing | None) -> str:
    there = dream or simulator
    if there is None:
        return f"No verdict on {env}: no agent trained in a dream or in the simulator was judged."
    missing = "agent trained in the simulator" if dream else "dream-trained agent"
    after = f"after {number(there.real_steps or 0)} real steps, over {_count(there)}"
    return f"No verdict on {env}: no {missing} was judged to compare with; {_figure(there)} {after}."


def _beside_random(dream: Standing | None, random: Standing | None) -> list[str]:
    if dream is None or random is None or _interval(dream).low > _interval(random).high:
        return []
    return [f"The dream-trained agent is not shown to be better than random play ({_interval(random)})."]


def _unfinished(table: Sequence[Standing]) -> list[str]:
    cells = [row for standing in table for row in standing.rows]
    lost = [row for row in cells if not row.done]
    if not lost:
        return []
    named = "; ".join(row.name + ("" if row.status in ("failed", "done") else f" ({row.status})") for row in lost)
    out = "is left out" if len(lost) == 1 else "are left out"
    return [f"{len(lost)} of {len(cells)} cells failed and {out}: {named}."]


def _same_steps(dream: Standing, simulator: Standing) -> str:
    ours, theirs = number(dream.real_steps or 0), number(simulator.real_steps or 0)
    return f"after the same {ours} real steps" if ours == theirs else f"after {ours} real steps against {theirs}"


def _seeds(dream: Standing, simulator: Standing) -> str:
    if len(dream.done) == len(simulator.done):
        return _count(dream)
    return f"{_count(dream)} against {len(simulator.done)}"


def _count(standing: Standing) -> str:
    seeds = len(standing.done)
    return "1 seed" if seeds == 1 else f"{seeds} seeds"


def _figure(standing: Standing) -> str:
    name = agent_name(standing.agent) if standing.mode == "simulator" else standing.name
    return f"{name}: {_interval(standing)}"


def _interval(standing: Standing) -> Interval:
    return standing.real or Interval(-math.inf, -math.inf, -math.inf)


def _height(standing: Standing) -> float:
    return _interval(standing).mean
