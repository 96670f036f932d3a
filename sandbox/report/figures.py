"""Which contender goes into which chart: return against real steps, against wall-clock, and the dream's honesty.

A model keeps its tone and shape in every chart. Curves are returns seen inside the budget, while collecting; the mark
at a curve's end is the final evaluation, with its interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from sandbox.report.results import Interval, Point, Row, agent_name, decimals, number
from sandbox.report.series import Chart, Curve, Dot, Final, Series
from sandbox.report.standings import Standing, best, half_width, mean

FAMILIES = (
    "rnn",
    "diffusion",
    "transformer",
    "vae",
    "gan",
    "autoregressive",
)  # their tones stay the same in all reports
TONES = 8
FEWEST_FOR_A_BAND = 3  # with two, Student's quantile is 12.7 and the band covers the chart; the points show more
SIMULATOR = "simulator"
RETURN = "Return in the simulator (reward per episode)"
UNITS = ((180.0, 1.0, "seconds"), (10_800.0, 60.0, "minutes"), (float("inf"), 3600.0, "hours"))


def tones(table: Sequence[Standing]) -> dict[str, int]:
    """A tone for each model: a family's own, and one of the free ones, by name, for any other model or mode."""
    models = {_source(standing) for standing in table} - {"", SIMULATOR, "random"}
    own = {model: FAMILIES.index(model) for model in models if model in FAMILIES}
    free = [tone for tone in range(TONES) if tone not in own.values()]
    return own | {model: free[place % len(free)] for place, model in enumerate(sorted(models - own.keys()))}


def tone(standing: Standing, given: dict[str, int]) -> tuple[str, int]:
    """The CSS class and the shape of a contender, `given` the models' tones."""
    if _source(standing) in given:
        return f"tone tone-{given[_source(standing)]}", given[_source(standing)]
    return f"tone tone-{'random' if standing.mode == 'random' else SIMULATOR}", TONES  # the last shape


def against_real_steps(table: Sequence[Standing]) -> Chart:
    """Return in the simulator over the real steps that it cost."""
    return _learning(
        table,
        "real-steps",
        "Return against real steps",
        "Real steps (in the simulator, before the final evaluation)",
        lambda point: point.real_steps,
        lambda row: row.real_steps,
    )


def against_wall_clock(table: Sequence[Standing]) -> Chart:
    """Return in the simulator over the time that a cell took, in the unit that suits the longest."""
    longest = max((row.wall_seconds.get("total", 0.0) for standing in table for row in standing.done), default=0.0)
    _, unit, word = next(choice for choice in UNITS if longest <= choice[0])
    return _learning(
        table,
        "wall-clock",
        "Return against wall-clock",
        f"Wall-clock {word} of a cell (collecting, fitting and learning)",
        lambda point: point.wall_seconds / unit,
        lambda row: row.wall_seconds.get("total", 0.0) / unit,
    )


def honesty(table: Sequence[Standing]) -> Chart | None:
    """Return in the dream beside return in the simulator, or None where no agent was judged in a dream."""
    dreamers = [standing for standing in table if standing.dream is not None and standing.real is not None]
    if not dreamers:
        return None
    given = tones(table)
    series = []
    for standing in dreamers:
        css, shape = tone(standing, given)
        dots = [dot for row in standing.done for dot in _promises(row)]
        series.append(Series(_short(standing, table), _gap_text(standing), css, shape, dots, final=_promise(standing)))
    told = "; ".join(
        f"{s.name}: {standing.real} real, {_plain(standing.dream)} dreamed"
        for standing, s in zip(dreamers, series, strict=True)
    )
    return Chart(
        key="honesty",
        title="Return in the dream against return in the simulator",
        description=f"On the diagonal the dream told the truth. {told}.",
        x_label="Return in the agent's own dream",
        y_label=RETURN,
        series=series,
        diagonal=True,
    )


def _learning(
    table: Sequence[Standing],
    key: str,
    title: str,
    x_label: str,
    of_point: Callable[[Point], float],
    of_row: Callable[[Row], float],
) -> Chart:
    given, reference, random = tones(table), best(table, SIMULATOR), best(table, "random")
    drawn = [s for s in table if s.real and (s is reference or s.mode not in (SIMULATOR, "random"))]
    series: list[Series] = []
    for standing in drawn:
        css, shape = tone(standing, given)
        final = Final(
            mean(map(of_row, standing.done)) or 0.0, *_ends(standing.real), f"{standing.name}: {standing.real}"
        )
        second = any(other.tone == css for other in series)
        value = "" if standing.real is None else _plain(standing.real.mean)
        curve, dots = _mean_curve(standing.done, of_point), _observations(standing.done, of_point)
        series.append(Series(_short(standing, table), value, css, shape, dots, curve, final, second))
    told = "; ".join(str(one.final.title) for one in series if one.final)
    baseline = None
    if random is not None and random.real is not None:
        baseline = (random.real.mean, "random", _plain(random.real.mean), "tone tone-random")
        told += f"; random play: {random.real}"
    return Chart(key, title, f"Final evaluation, mean and 95 % interval: {told}.", x_label, RETURN, series, baseline)


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
        return Curve(x, values[0])
    centre, half = values.mean(axis=0), half_width(values)
    return Curve(x, centre, centre - half, centre + half)


def _observations(rows: Iterable[Row], of_point: Callable[[Point], float]) -> list[Dot]:
    return [
        Dot(
            of_point(point), point.real, f"{row.name}: {_plain(point.real)} after {number(point.real_steps)} real steps"
        )
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
    said = f"{row.name}: {_plain(row.dream)} in its dream, {row.real} in the simulator"
    return [*seen, Dot(row.dream, row.real.mean, said)]


def _promise(standing: Standing) -> Final:
    said = f"{standing.name}: {_plain(standing.dream)} in its dream, {standing.real} in the simulator"
    return Final(standing.dream or 0.0, *_ends(standing.real), said)


def _source(standing: Standing) -> str:
    return standing.model or standing.mode


def _ends(real: Interval | None) -> tuple[float, float, float]:
    return (real.mean, real.low, real.high) if real else (0.0, 0.0, 0.0)


def _short(standing: Standing, table: Sequence[Standing]) -> str:
    """A label's words: the model alone where its agent is plain from it."""
    if standing.mode == SIMULATOR:
        return f"{agent_name(standing.agent)}, simulator"
    mates = [other for other in table if (other.mode, other.model) == (standing.mode, standing.model)]
    words = [standing.model or "", "" if standing.mode == "dream" else standing.mode]
    words.append(agent_name(standing.agent) if len(mates) > 1 else "")
    return " ".join(word for word in words if word)


def _gap_text(standing: Standing) -> str:
    gap, real = standing.gap or 0.0, standing.real.mean if standing.real else 0.0
    sign = "+" if gap > 0 else ""
    return f"(gap {sign}{number(gap, decimals(real))})".replace("-", "−")


def _plain(value: float | None) -> str:
    return "nothing" if value is None else number(value, decimals(value)).replace("-", "−")
