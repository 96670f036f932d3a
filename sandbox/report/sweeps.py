"""A knob as an experiment: what the agent earned, and what its dream promised, against the value of a swept setting.

The shape to look for is World Models' table of temperatures (Ha & Schmidhuber, 2018): where a dream is too easy, what
it promises rises while what it keeps falls below random play.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sandbox.report.figures import ends, plain, short
from sandbox.report.names import settings
from sandbox.report.results import Interval, Row
from sandbox.report.series import Chart, Curve, Dot, Final, Series
from sandbox.report.standings import Standing, best, over_seeds

CLOSEST = 0.04  # share of the axis between two values; closer ones would cover each other and stand in equal steps
ASIDE = 0.012  # share of the axis by which a promise stands beside the return, so that neither covers the other


def sweeps(table: Sequence[Standing]) -> list[Chart]:
    """A chart for every swept setting of every contender; empty where nothing was swept."""
    groups: dict[tuple[str, ...], list[Standing]] = {}
    for standing in table:
        for setting in standing.sweep:
            others = {name: value for name, value in standing.sweep.items() if name != setting}
            key = (setting, standing.mode, standing.model or "", standing.agent, *settings(others))
            groups.setdefault(key, []).append(standing)
    judged = {key: [each for each in group if each.real] for key, group in groups.items()}
    several = [(key[0], group) for key, group in judged.items() if len(group) > 1]
    return [_chart(place, setting, group, table) for place, (setting, group) in enumerate(several)]


def _chart(place: int, setting: str, group: Sequence[Standing], table: Sequence[Standing]) -> Chart:
    where = _positions([standing.sweep[setting] for standing in group])
    ordered = sorted(group, key=lambda standing: where[standing.sweep[setting]])
    at = [where[standing.sweep[setting]] for standing in ordered]
    aside = ASIDE * (at[-1] - at[0])
    real = _series("real", "tone tone-0", 0, ordered, at, lambda row: row.real.mean if row.real else None)
    promised = _series("dreamed", "tone tone-1", 1, ordered, [x + aside for x in at], lambda row: row.dream)
    random = best(table, "random")
    words = setting.replace("_", " ")
    told = "; ".join(f"{each.sweep[setting]}: {each.real} real, {plain(each.dream)} dreamed" for each in ordered)
    first = Standing(ordered[0].mode, ordered[0].model, ordered[0].agent, (), _without(ordered[0].sweep, setting))
    return Chart(
        key=f"sweep-{place}",
        title=f"{first.name}: return against {words}",
        description=f"Mean and 95 % interval at every {words}: {told}.",
        x_label=f"{words[0].upper()}{words[1:]}, {short(first, [])}",
        y_label="Return (reward per episode)",
        series=[each for each in (real, promised) if each is not None],
        baseline=(random.real.mean, "random", plain(random.real.mean), "tone tone-random")
        if random is not None and random.real is not None
        else None,
        x_ticks=[(x, str(each.sweep[setting])) for x, each in zip(at, ordered, strict=True)],
    )


def _series(
    name: str, css: str, shape: int, ordered: Sequence[Standing], at: Sequence[float], of: Callable[[Row], float | None]
) -> Series | None:
    """One kind of return over the values: dots are seeds, marks have their interval over seeds."""
    marks, dots = list[Final](), list[Dot]()
    for x, standing in zip(at, ordered, strict=True):
        seeds = [(row, value) for row in standing.done for value in [of(row)] if value is not None]
        dots += [Dot(x, value, f"{row.name}: {plain(value)} {name}") for row, value in seeds]
        alone = standing.real if name == "real" else None  # a lone seed's real return has its interval over episodes
        known = alone or over_seeds([Interval(value, value, value) for _, value in seeds])
        if known is not None:
            marks.append(Final(x, *ends(known), f"{standing.name}: {known} {name}"))
    if not marks:
        return None
    curve = Curve(np.array([mark.x for mark in marks]), np.array([mark.y for mark in marks]))
    return Series(name, "", css, shape, dots, curve, marks[-1], name == "dreamed", marks[:-1])


def _positions(values: Sequence[float | str]) -> Mapping[float | str, float]:
    """Where each value stands on the axis: at itself, or in equal steps where values are words or crowd together."""
    numbers = sorted(value for value in values if isinstance(value, int | float))
    span = numbers[-1] - numbers[0] if numbers else 0.0
    close = any(b - a < CLOSEST * span for a, b in itertools.pairwise(numbers))
    if len(numbers) < len(values) or close:
        words = sorted({value for value in values if isinstance(value, str)})
        in_order: list[float | str] = [*dict.fromkeys(numbers), *words]
        return {value: float(place) for place, value in enumerate(in_order)}
    return {value: float(value) for value in values}


def _without(sweep: Mapping[str, float | str], setting: str) -> dict[str, float | str]:
    return {name: value for name, value in sweep.items() if name != setting}
