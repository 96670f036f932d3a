"""Which contender goes into which chart: return against real steps, against wall-clock, and the dream's honesty.

A model keeps its tone and shape in every chart. Curves are returns seen on the way, by evaluations that are
counted apart or, in older files, while collecting; the mark at a curve's end is the final evaluation and its interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from sandbox.report.names import agent_name, decimals, number, settings
from sandbox.report.results import Interval, Point, Row
from sandbox.report.series import Chart, Curve, Dot, Final, Series
from sandbox.report.standings import MODELLED, Standing, best, mean
from sandbox.report.tones import SIMULATED, tone, tones
from sandbox.statistics import half_width

FEWEST_FOR_A_BAND = 3  # with two, Student's quantile is 12.7 and the band covers the chart; the points show more
MOST_IN_A_CHART = 9  # contenders; with more every way of using a model has a chart of its own
WIDE_RANGE = 8.0  # of the series' ends; beyond, a logarithmic axis shows them all
RETURN = "Return in the simulator (reward per episode)"
UNITS = ((180.0, 1.0, "seconds"), (10_800.0, 60.0, "minutes"), (float("inf"), 3600.0, "hours"))
WAYS = {"dream": "dreams", "mix": "real and dreamed experience mixed", "upsample": "upsampled logs", "plan": "planning"}


def against_real_steps(table: Sequence[Standing]) -> list[Chart]:
    """Return in the simulator over the real steps that it cost."""
    return _learning(
        table,
        "real-steps",
        "Return against real steps",
        "Real steps (in the simulator, evaluations left out)",
        lambda point: point.real_steps,
        lambda row: row.real_steps,
    )


def against_wall_clock(table: Sequence[Standing]) -> list[Chart]:
    """Return in the simulator over the time that a cell took, in the unit that suits the longest."""
    longest = max((row.wall_seconds.get("total", 0.0) for standing in table for row in standing.done), default=0.0)
    _, unit, word = next(choice for choice in UNITS if longest <= choice[0])
    return _learning(
        table,
        "wall-clock",
        "Return against wall-clock",
        f"Wall-clock {word} of a cell (collecting, fitting, learning and planning)",
        lambda point: point.wall_seconds / unit,
        lambda row: row.wall_seconds.get("total", 0.0) / unit,
    )


def honesty(table: Sequence[Standing]) -> list[Chart]:
    """Return in the dream beside return in the simulator; empty where no agent was judged in a dream."""
    dreamers = [standing for standing in table if standing.dream is not None and standing.real is not None]
    return [_honesty(group, table, suffix, what) for suffix, what, group in by_way(dreamers) if group]


def _honesty(dreamers: Sequence[Standing], table: Sequence[Standing], suffix: str, what: str) -> Chart:
    given = tones(table)
    series = []
    for standing in dreamers:
        css, shape = tone(standing, given)
        dots = [dot for row in standing.done for dot in _promises(row)]
        series.append(Series(short(standing, table), _gap_text(standing), css, shape, dots, final=_promise(standing)))
    told = "; ".join(
        f"{s.name}: {standing.real} real, {plain(standing.dream)} dreamed"
        for standing, s in zip(dreamers, series, strict=True)
    )
    return Chart(
        key=f"honesty{suffix}",
        title=f"Return in the dream against return in the simulator{what}",
        description=f"On the diagonal the dream told the truth. {told}.",
        x_label="Return in the agent's own dream",
        y_label=RETURN,
        series=series,
        diagonal=True,
    )


def by_way(contenders: Sequence[Standing]) -> list[tuple[str, str, list[Standing]]]:
    """One group, or, where that would be a crowd, one for each way of using a model: suffix, words, members.

    Baselines that learn in a dream without a model stand beside the dreams.
    """
    ways = [way for way in MODELLED if any(standing.mode == way for standing in contenders)]
    if len(contenders) <= MOST_IN_A_CHART or len(ways) < 2:
        return [("", "", list(contenders))]
    groups: dict[str, list[Standing]] = {way: [] for way in ways}
    for standing in contenders:
        groups[standing.mode if standing.mode in groups else ways[0]].append(standing)
    return [(f"-{way}", f": {WAYS[way]}", members) for way, members in groups.items()]


def _learning(
    table: Sequence[Standing],
    key: str,
    title: str,
    x_label: str,
    of_point: Callable[[Point], float],
    of_row: Callable[[Row], float],
) -> list[Chart]:
    given = tones(table)
    references = [standing for mode in SIMULATED for standing in [best(table, mode)] if standing is not None]
    others = [s for s in table if s.real and s.mode not in (*SIMULATED, "random")]
    charts = []
    for suffix, what, group in by_way(others):
        drawn = [s for s in table if s in references or s in group]
        series: list[Series] = []
        for standing in drawn:
            css, shape = tone(standing, given)
            second = any(other.tone == css for other in series)
            series.append(_series(standing, short(standing, table), css, shape, second, of_point, of_row))
        told = "; ".join(str(one.final.title) for one in series if one.final)
        baseline = _random_line(table)
        told += f"; random play: {plain(baseline[0])}" if baseline else ""
        description = f"Final evaluation, mean and 95 % interval: {told}."
        log_x = _is_wide([one.final.x for one in series if one.final])
        label = x_label.replace(" (", ", logarithmic (") if log_x else x_label
        charts.append(Chart(key + suffix, title + what, description, label, RETURN, series, baseline, log_x=log_x))
    return charts


def _series(
    standing: Standing,
    name: str,
    css: str,
    shape: int,
    second: bool,
    of_point: Callable[[Point], float],
    of_row: Callable[[Row], float],
) -> Series:
    end = mean(map(of_row, standing.done)) or 0.0
    final = Final(end, *ends(standing.real), f"{standing.name}: {standing.real}")
    value = "" if standing.real is None else plain(standing.real.mean)
    curve, dots = _mean_curve(standing.done, of_point), _observations(standing.done, of_point)
    return Series(name, value, css, shape, dots, curve, final, second)


def _random_line(table: Sequence[Standing]) -> tuple[float, str, str, str] | None:
    random = best(table, "random")
    if random is None or random.real is None:
        return None
    return random.real.mean, "random", plain(random.real.mean), "tone tone-random"


def _is_wide(xs: Sequence[float]) -> bool:
    above = [x for x in xs if x > 0]
    return bool(above) and max(above) >= WIDE_RANGE * min(above)


def _mean_curve(rows: Iterable[Row], of_point: Callable[[Point], float]) -> Curve | None:
    """The mean over seeds where all of them were seen, straight lines between a seed's points, with its t interval."""
    seen = [np.array([(of_point(p), p.real) for p in row.curve if p.real is not None]) for row in rows]
    curves = [curve[np.argsort(curve[:, 0], kind="stable")] for curve in seen if len(curve)]  # each (P, 2)
    if not curves:
        return None
    start, end = max(curve[0, 0] for curve in curves), min(curve[-1, 0] for curve in curves)
    x = np.unique(np.concatenate([curve[:, 0] for curve in curves]))
    x = x[(x >= start) & (x <= end)]
    if not len(x):
        return None
    values = np.stack([np.interp(x, curve[:, 0], curve[:, 1]) for curve in curves])  # (S, P)
    if len(curves) < FEWEST_FOR_A_BAND:
        return Curve(x, values.mean(axis=0))
    centre, half = values.mean(axis=0), half_width(values)
    return Curve(x, centre, centre - half, centre + half)


def _observations(rows: Iterable[Row], of_point: Callable[[Point], float]) -> list[Dot]:
    return [
        Dot(of_point(point), point.real, f"{row.name}: {plain(point.real)} after {number(point.real_steps)} real steps")
        for row in rows
        for point in row.curve
        if point.real is not None
    ]


def _promises(row: Row) -> list[Dot]:
    """A seed's promises and what came of them: while it collected (faint), and at the end."""
    seen = [
        Dot(point.dream, point.real, f"{row.name}, after {number(point.real_steps)} real steps", faint=True)
        for point in row.curve
        if point.dream is not None and point.real is not None
    ]
    if row.dream is None or row.real is None:
        return seen
    said = f"{row.name}: {plain(row.dream)} in its dream, {row.real} in the simulator"
    return [*seen, Dot(row.dream, row.real.mean, said)]


def _promise(standing: Standing) -> Final:
    said = f"{standing.name}: {plain(standing.dream)} in its dream, {standing.real} in the simulator"
    return Final(standing.dream or 0.0, *ends(standing.real), said)


def ends(real: Interval | None) -> tuple[float, float, float]:
    """Mean, lower and upper end, as a mark takes them."""
    return (real.mean, real.low, real.high) if real else (0.0, 0.0, 0.0)


def short(standing: Standing, table: Sequence[Standing]) -> str:
    """A label's words: the model alone where its agent is plain from it."""
    if standing.mode in SIMULATED:
        return f"{agent_name(standing.agent)}, {standing.mode}"
    mates = [
        other
        for other in table
        if (other.mode, other.model, other.sweep) == (standing.mode, standing.model, standing.sweep)
    ]
    way = "log alone" if standing.mode == "upsample" and standing.model is None else standing.mode
    words = [standing.model or "", "" if standing.mode == "dream" else way]
    words.append(agent_name(standing.agent) if len(mates) > 1 else "")
    return ", ".join([" ".join(word for word in words if word), *settings(standing.sweep)])


def _gap_text(standing: Standing) -> str:
    gap, real = standing.gap or 0.0, standing.real.mean if standing.real else 0.0
    sign = "+" if gap > 0 else ""
    return f"(gap {sign}{number(gap, decimals(real))})".replace("-", "−")


def plain(value: float | None) -> str:
    """A value with a true minus sign; nothing for None."""
    return "nothing" if value is None else number(value, decimals(value)).replace("-", "−")
