"""The report's sections as HTML: facts, standings, figures, every cell, what failed, and where the figures come from.

Everything that comes from outside passes `escape` here or in `pieces`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from sandbox.report import cards
from sandbox.report.charts import draw, shape
from sandbox.report.entries import as_number
from sandbox.report.names import decimals, number, seconds
from sandbox.report.panels import grid
from sandbox.report.pieces import NOTHING, absent, cell, figure, row_head, section, table, typeset
from sandbox.report.results import Row, log_steps
from sandbox.report.series import Chart
from sandbox.report.standings import Standing, leader, mean
from sandbox.report.sweeps import sweeps
from sandbox.report.tones import tone, tones
from sandbox.statistics import SEEDS_FOR_BOOTSTRAP

PLAIN = ("env_arguments", "real_steps", "ceiling_steps", "horizon", "settings", "sweep", "device")


def facts(results: Mapping[str, Any], contenders: Sequence[Standing]) -> str:
    """The contrast's size at a glance."""
    rows = [row for standing in contenders for row in standing.rows]
    seeds = sorted({row.seed for row in rows})
    episodes = sorted({row.episodes for row in rows if row.done})
    cost, ceiling = as_number(results.get("step_seconds")), as_number(results.get("ceiling_steps"))
    known = log_steps(results)
    entries = {
        "Real steps": number(as_number(results.get("real_steps")) or 0),
        "Of them in a log": None if known is None else number(known),
        "Ceiling": f"{number(ceiling)} steps" if ceiling else None,
        "One step costs": None if cost is None else seconds(cost),
        "Seeds": f"{len(seeds)} ({', '.join(map(str, seeds))})" if seeds else "none",
        "Cells": f"{sum(row.done for row in rows)} of {len(rows)} finished",
        "Judged over": " or ".join(map(str, episodes)) + " fresh episodes" if episodes else "nothing",
    }
    return _terms({name: text for name, text in entries.items() if text is not None})


def standings_table(contenders: Sequence[Standing]) -> str:
    """One line for each contender, the highest return first and marked."""
    given, first = tones(contenders), leader(contenders)
    lines = "".join(_standing(standing, standing is first, *tone(standing, given)) for standing in contenders)
    heads = ["Agent", "Seeds", "Return in the simulator", "Return in its dream", "Gap"]
    return table("Standings, highest real return first", [*heads, "Real steps", "Dream steps", "Seconds"], lines)


def _standing(standing: Standing, first: bool, css: str, index: int) -> str:
    drawn = "<path class='baseline' d='M0,7 L14,7'/>" if standing.mode == "random" else shape(index, 7, 7, 6)
    key = f"<svg class='key {css}' viewBox='0 0 14 14' aria-hidden='true'>{drawn}</svg>"
    mark = " <em class='best'>best</em>" if first else ""
    finished, seeds = len(standing.done), len(standing.rows)
    cells = [
        f"<th scope='row' class='keyed'>{key}{escape(standing.name)}{mark}</th>",
        f"<td>{finished if finished == seeds else f'{finished} of {seeds}'}</td>",
        f"<td>{typeset(str(standing.real))}</td>" if standing.real else "<td class='none'>failed</td>",
        cell(standing.dream),
        cell(standing.gap, decimals(standing.real.mean) if standing.real else None, signed=True),
        cell(standing.real_steps, places=0),
        cell(standing.dream_steps or None, places=0),
        cell(standing.wall_seconds(), places=0),
    ]
    return f"<tr{' class=first' if first else ''}>{''.join(cells)}</tr>"


def band_in_words(contenders: Sequence[Standing]) -> str:
    """What an interval means here: over seeds, or, where there is one seed, over episodes."""
    counts = [len(standing.done) for standing in contenders if standing.done]
    if not counts:
        return "No cell finished, so no interval is drawn."
    lone = "a single seed’s interval is over its evaluation episodes and says nothing about other seeds"
    if max(counts) == 1:
        return f"Intervals are 95\N{NO-BREAK SPACE}%; {lone}."
    besides = f"; {lone}" if min(counts) == 1 else ""
    many = (
        f"; from {SEEDS_FOR_BOOTSTRAP} seeds up a return is the interquartile mean with a bootstrap interval"
        if max(counts) >= SEEDS_FOR_BOOTSTRAP
        else ""
    )
    return f"Bands and whiskers are Student’s 95\N{NO-BREAK SPACE}% intervals over seeds{many}{besides}."


def charts(drawn: Sequence[Chart], caption: str, instead: str) -> str:
    """A figure of each chart, under its title where there are several, or the sentence that stands in their place."""
    if not drawn:
        return absent(instead)
    titles = [f"<h3>{escape(chart.title)}</h3>" if len(drawn) > 1 else "" for chart in drawn]
    captions = ["" if chart is not drawn[-1] else caption for chart in drawn]
    return "".join(
        title + figure([draw(chart)], below, chart.title)
        for chart, title, below in zip(drawn, titles, captions, strict=True)
    )


def swept(contenders: Sequence[Standing]) -> str:
    """What a swept setting does; empty where nothing was swept."""
    caption = (
        "Mean return in the simulator and in the dream at every value of the setting, with 95 % intervals; small "
        "points are single seeds, the horizontal dashed line is random play. Where a dream promises much and the agent "
        "earns little, it was exploited."
    )
    drawn = sweeps(contenders)
    return section("sweep", "What the swept setting does", charts(drawn, caption, "") if drawn else "")


def fidelity(contenders: Sequence[Standing]) -> str:
    """How true each dream is: score cards as panels, all figures as a table, means over seeds; empty without any."""
    dreamers = [standing for standing in contenders if any(row.fidelity for row in standing.done)]
    metrics = list(dict.fromkeys(name for standing in dreamers for row in standing.done for name in row.fidelity))
    if not metrics:
        return ""
    lines = "".join(
        f"<tr>{row_head(metric.replace('_', ' '))}"
        + "".join(cell(mean(row.fidelity.get(metric) for row in standing.done)) for standing in dreamers)
        + "</tr>"
        for metric in metrics
    )
    caption = (
        "Scores of each model on transitions that it never saw, as shares of the better baseline’s; less is better. 0 "
        "is flawless, 1 no better than “nothing changes” or a draw from the log. An arrow leaves the scale."
    )
    panels = cards.score_cards(contenders)
    shown = figure([grid(panels)], caption, "Score cards of the models") if panels else ""
    every = table("Every figure of the models, means over seeds", ["Metric", *(each.name for each in dreamers)], lines)
    return section("fidelity", "How true the dreams are", shown + every)


def wrong(contenders: Sequence[Standing]) -> str:
    """Where the dreams go wrong: the worst dimensions and the drift over time; empty where no card tells it."""
    panels, drift = cards.worst_dimensions(contenders), cards.drift(contenders)
    worst = (
        "The dimensions that each model foresees worst: CRPS of its forecasts, means over starts, seeds and the steps "
        "ahead, of which there are up to 50 where episodes last, in standard deviations of the data that it was made "
        "from; on one scale for all."
    )
    far = (
        "CRPS of each model’s forecasts of real episodes that it has not seen, under the actions taken there: the mean "
        "over the dimensions, in standard deviations of the data that it was made from, over starts and seeds, as far "
        "as every seed’s forecasts go. Each model is judged by its own cells’ episodes; the dashed lines, means over "
        "the models as far as all go, are “nothing changes” and draws from those data. Only what went on is forecast."
    )
    parts = [figure([grid(panels)], worst, "The worst dimensions of each model")] if panels else []
    parts += [charts(drift, far, "")] if drift else []
    return section("wrong", "Where the dreams go wrong", "".join(parts))


def cells(contenders: Sequence[Standing]) -> str:
    """Every cell on a line of its own, and what was noted while it ran."""
    rows = [row for standing in contenders for row in standing.rows]
    parts = list(dict.fromkeys(part for row in rows for part in row.wall_seconds if part != "total"))
    heads = ["Cell", "Status", "Return in the simulator", "In its dream", "Real steps", "Evaluation steps"]
    heads += [*(f"{part.capitalize()}, s" for part in parts), "All, s", "Of it in the simulator, s"]
    lines = "".join(_cell(row, parts) for row in rows)
    noted = "".join(f"<li>{escape(f'{row.name}: {said}')}</li>" for row in rows for said in row.notes)
    grid = table("Every cell; a cell's interval is over its evaluation episodes", heads, lines)
    return grid + (f"<ul>{noted}</ul>" if noted else "")


def _cell(row: Row, parts: Sequence[str]) -> str:
    return (
        f"<tr>{row_head(row.name)}<td>{escape(row.status)}</td>"
        + (f"<td>{typeset(str(row.real))}</td>" if row.real else NOTHING)
        + cell(row.dream)
        + cell(row.real_steps, places=0)
        + cell(row.evaluation_steps, places=0)
        + "".join(cell(row.wall_seconds.get(part), places=0) for part in (*parts, "total"))
        + cell(row.simulator_seconds, places=0)
        + "</tr>"
    )


def failures(contenders: Sequence[Standing]) -> str:
    """The cells that did not finish and why; empty where all did."""
    lost = [row for standing in contenders for row in standing.rows if not row.done]
    entries = "".join(
        f"<li><strong>{escape(row.name)}</strong> ({escape(row.status)}): {escape(row.error or 'no reason given')}</li>"
        for row in lost
    )
    return section("failed", "What failed", f"<ul>{entries}</ul>" if lost else "")


def origin(results: Mapping[str, Any]) -> str:
    """The command, the notes, the settings, the machine and the versions behind the figures."""
    notes = results.get("notes")
    listed = "".join(f"<li>{escape(str(each))}</li>" for each in notes) if isinstance(notes, list) else ""
    set_to = {name.replace("_", " "): results[name] for name in PLAIN if results.get(name) not in (None, {}, [])}
    groups = {"Settings": set_to, "Machine": results.get("machine"), "Versions": results.get("versions")}
    terms = "".join(
        f"<h3>{name}</h3><dl class='facts small'>{_terms(pairs)}</dl>"
        for name, pairs in groups.items()
        if isinstance(pairs, dict) and pairs
    )
    command = escape(str(results.get("command") or "not recorded"))
    return f"<pre aria-label='Command'><code>{command}</code></pre>" + (f"<ul>{listed}</ul>" if listed else "") + terms


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _terms(entries: Mapping[str, object]) -> str:
    return "".join(
        f"<div><dt>{escape(str(name))}</dt><dd>{escape(_value(value))}</dd></div>" for name, value in entries.items()
    )
