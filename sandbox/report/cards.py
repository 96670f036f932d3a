"""How true each dream is, as small multiples, and where it goes wrong: its worst dimensions and its drift over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sandbox.report.entries import as_number
from sandbox.report.figures import by_way, short
from sandbox.report.names import decimals, number
from sandbox.report.panels import Bar, Panel
from sandbox.report.results import Row
from sandbox.report.series import Chart, Curve, Final, Series
from sandbox.report.standings import Standing, mean
from sandbox.report.tones import TONES, tone, tones

# Scores of which less is better, what they are called, and the baselines that a dream has to be better than.
SCORES = {
    "energy_score": ("next step", ("persistence", "climatology")),
    "crps": ("dimensions", ("crps_climatology",)),
    "reward_error": ("reward, error", ("reward_error_climatology",)),
    "reward_crps": ("reward, law", ("reward_crps_climatology",)),
    "ending_brier": ("ending", ("ending_brier_climatology",)),
}
SCALE = 1.25  # of the baseline's score: the length of a whole track
WORST = 5  # dimensions that are shown of each dream
BASELINES = ("persistence", "climatology")


def score_cards(table: Sequence[Standing]) -> list[Panel]:
    """A panel for each contender with figures of its model: every score as a share of its baseline's."""
    given, panels = tones(table), []
    judged = [standing for standing in table if any(row.fidelity for row in standing.done)]
    names = [name for name in SCORES if any(name in row.fidelity for standing in judged for row in standing.done)]
    for place, standing in enumerate(judged):
        known = {key: mean(row.fidelity.get(key) for row in standing.done) for key in _keys(standing.done)}
        bars = [_score(known, name) for name in names]
        told = "; ".join(f"{bar.words}: {bar.figure}" for bar in bars)
        css, shape = tone(standing, given)
        panels.append(
            Panel(
                key=f"card-{place}",
                title=short(standing, table),
                description=f"Scores of the model as shares of the better baseline's, 0 is flawless: {told}.",
                tone=css,
                shape=shape,
                bars=bars,
                mark=(1 / SCALE, "baseline"),
            )
        )
    return panels if names else []


def worst_dimensions(table: Sequence[Standing]) -> list[Panel]:
    """A panel for each contender whose card tells its dimensions: those with the largest error."""
    known = [(standing, _dimensions(standing.done)) for standing in table]
    told = [(standing, found) for standing, found in known if found]
    longest = max((value for _, found in told for value in found.values()), default=0.0) or 1.0
    given = tones(table)
    panels = []
    for place, (standing, found) in enumerate(told):
        css, shape = tone(standing, given)
        first = sorted(found.items(), key=lambda item: -item[1])[:WORST]
        bars = [Bar(name, value / longest, number(value, decimals(value))) for name, value in first]
        words = "; ".join(f"{bar.words}: {bar.figure}" for bar in bars)
        panels.append(
            Panel(f"worst-{place}", short(standing, table), f"The largest errors: {words}.", css, shape, bars)
        )
    return panels


def drift(table: Sequence[Standing]) -> list[Chart]:
    """How well dreams foresee real episodes, over the steps ahead; empty where no card tells it."""
    known = {standing.name: _drift(standing.done) for standing in table}
    told = [standing for standing in table if "dream" in known[standing.name]]
    return [_drift_chart(group, table, known, suffix, what) for suffix, what, group in by_way(told) if group]


def _drift_chart(
    group: Sequence[Standing],
    table: Sequence[Standing],
    known: Mapping[str, Mapping[str, Sequence[float]]],
    suffix: str,
    what: str,
) -> Chart:
    given = tones(table)
    series = [_line(short(each, table), *tone(each, given), known[each.name]["dream"]) for each in group]
    # Every contender has episodes of its own, and so has its baseline: one line stands for them all.
    for name in BASELINES:
        curves = [known[each.name][name] for each in group if name in known[each.name]]
        if curves:
            series.append(_line(name, "tone tone-random", TONES, _together(curves), dashed=True))
    words = "; ".join(f"{one.name}: {one.value}" for one in series)
    return Chart(
        key=f"drift{suffix}",
        title=f"How far the dreams foresee{what}",
        description=f"CRPS of the models' forecasts by steps ahead; at the last step of each {words}.",
        x_label="Steps ahead (under the same actions)",
        y_label="CRPS, standard deviations (less is better)",
        series=series,
    )


def _keys(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.fidelity))


def _score(known: Mapping[str, float | None], name: str) -> Bar:
    """One score beside the better of its baselines."""
    words, baselines = SCORES[name]
    beside = [value for value in (known.get(baseline) for baseline in baselines) if value is not None]
    score = known.get(name)
    if score is None or not beside or min(beside) <= 0:
        return Bar(words, None, "–")
    share = score / min(beside)
    return Bar(words, share / SCALE, f"{number(share, 2 if share < 10 else 0)}")


def _dimensions(rows: Sequence[Row]) -> dict[str, float]:
    """The error of every dimension, mean over the seeds whose cards tell it."""
    told = [_numbers(row.card.get("dimensions")) for row in rows]
    names = dict.fromkeys(name for found in told for name in found)
    means = {name: mean(found.get(name) for found in told) for name in names}
    return {name: value for name, value in means.items() if value is not None}


def _drift(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Curves over the steps ahead, by what they are of, mean over the seeds as far as all were followed."""
    found: dict[str, list[list[float]]] = {}
    for row in rows:
        curves = row.card.get("drift")
        for name, curve in curves.items() if isinstance(curves, dict) else ():
            values = [as_number(value) for value in curve] if isinstance(curve, list) else []
            known = [value for value in values if value is not None]
            if known and len(known) == len(values):
                found.setdefault(str(name), []).append(known)
    return {name: _together(curves) for name, curves in found.items()}


def _together(curves: Sequence[Sequence[float]]) -> list[float]:
    """The mean curve, as far as the shortest one goes."""
    means: list[float] = np.mean([curve[: min(map(len, curves))] for curve in curves], axis=0).tolist()
    return means


def _line(name: str, css: str, index: int, values: Sequence[float], dashed: bool = False) -> Series:
    steps, last = np.arange(1, len(values) + 1, dtype=np.float64), values[-1]
    figure = number(last, decimals(last))
    final = Final(float(steps[-1]), last, last, last, f"{name}: {figure} after {len(values)} steps")
    return Series(name, figure, css, index, (), Curve(steps, np.asarray(values)), final, dashed)


def _numbers(raw: Any) -> dict[str, float]:
    known = {str(name): as_number(value) for name, value in (raw.items() if isinstance(raw, dict) else ())}
    return {name: value for name, value in known.items() if value is not None}
