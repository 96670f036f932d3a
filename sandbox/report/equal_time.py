"""What the best agent of the simulator had reached by the time that a use of a model took: read off its curve.

No evaluation is invented between two others: what counts is the last one made by then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.report.results import Interval, Row
from sandbox.report.standings import Standing, modelled, over_seeds
from sandbox.report.tones import SIMULATED


@dataclass(frozen=True)
class ByThen:
    """One contender, the seconds that it took, and the best of the simulator by then; `ended`: it took no longer."""

    ours: Standing
    seconds: float
    theirs: Standing
    real: Interval
    ended: bool


def at_equal_time(table: Sequence[Standing]) -> list[ByThen]:
    """For every contender that uses a model the best agent of the simulator after the same wall-clock, where known."""
    peers = [standing for standing in table if standing.mode in SIMULATED and standing.real]
    found = []
    for ours in modelled(table):
        spent = ours.wall_seconds()
        reached = [] if spent is None else [each for peer in peers for each in [_by_then(ours, spent, peer)] if each]
        if reached:
            found.append(max(reached, key=lambda each: each.real.mean))
    return found


def _by_then(ours: Standing, spent: float, peer: Standing) -> ByThen | None:
    """The mean over the peer's seeds of their last evaluation by then; None where a seed had none yet."""
    last = [_last(row, spent) for row in peer.done]
    known = [value for value in last if value is not None]
    real = over_seeds(known)
    if real is None or len(known) < len(last):
        return None
    return ByThen(ours, spent, peer, real, all(_ended(row, spent) for row in peer.done))


def _ended(row: Row, spent: float) -> bool:
    return row.curve[-1].wall_seconds <= spent


def _last(row: Row, spent: float) -> Interval | None:
    """The final evaluation, which has more episodes than the curve, where the whole run took no longer."""
    if row.curve and _ended(row, spent):
        return row.real
    judged = [(point.wall_seconds, point.real) for point in row.curve if point.real is not None]
    real = max((each for each in judged if each[0] <= spent), key=lambda each: each[0], default=(0.0, None))[1]
    # A curve has means alone: of one seed no interval is known.
    return None if real is None else Interval(real, math.nan, math.nan)
