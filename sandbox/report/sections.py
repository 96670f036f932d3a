"""The report's sections as HTML: facts, standings, fidelity, every cell, what failed, and where the figures come from.

Everything that comes from outside passes `escape` here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from sandbox.report.charts import shape
from sandbox.report.figures import tone, tones
from sandbox.report.results import Row, decimals, number
from sandbox.report.standings import Standing, best, mean

NOTHING = "<td class='none'>–</td>"
PARTS = ("collect", "fit", "learn")


def typeset(sentence: str) -> str:
    """Escaped text in which a number's hyphen is a minus sign and its interval does not break over lines."""
    text = re.sub(r"(?<![\w-])-(?=\d)", "−", escape(sentence)).replace(" %", "\N{NO-BREAK SPACE}%")
    return re.sub(r"−?[\d,.]+ \[[^\]]+\]", lambda found: f"<span class='figure'>{found[0]}</span>", text)


def facts(results: Mapping[str, Any], table: Sequence[Standing]) -> str:
    """The contrast's size at a glance."""
    cells = [row for standing in table for row in standing.rows]
    seeds = sorted({row.seed for row in cells})
    episodes = sorted({row.episodes for row in cells if row.done})
    entries = {
        "Real steps": number(float(results.get("real_steps") or 0)),
        "Seeds": ", ".join(map(str, seeds)) or "none",
        "Cells": f"{sum(row.done for row in cells)} of {len(cells)} finished",
        "Judged over": " or ".join(map(str, episodes)) + " fresh episodes" if episodes else "nothing",
    }
    return "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in entries.items())


def standings_table(table: Sequence[Standing]) -> str:
    """One line for each mode, model and agent, the highest return first and marked."""
    given, leader = tones(table), best(table)
    lines = "".join(_standing(standing, standing is leader, *tone(standing, given)) for standing in table)
    heads = [
        "Agent",
        "Seeds",
        "Return in the simulator",
        "Return in its dream",
        "Gap",
        "Real steps",
        "Dream steps",
        "Seconds",
    ]
    return _table("Standings, highest real return first", heads, lines)


def _standing(standing: Standing, first: bool, css: str, index: int) -> str:
    drawn = "<path class='baseline' d='M0,7 L14,7'/>" if standing.mode == "random" else shape(index, 7, 7, 6)
    key = f"<svg class='key {css}' viewBox='0 0 14 14' aria-hidden='true'>{drawn}</svg>"
    mark = " <em class='best'>best</em>" if first else ""
    finished, seeds = len(standing.done), len(standing.rows)
    cells = [
        f"<th scope='row' class='keyed'>{key}{escape(standing.name)}{mark}</th>",
        f"<td>{finished if finished == seeds else f'{finished} of {seeds}'}</td>",
        f"<td>{typeset(str(standing.real))}</td>" if standing.real else "<td class='none'>failed</td>",
        _number(standing.dream),
        _number(standing.gap, decimals(standing.real.mean) if standing.real else None, signed=True),
        _number(standing.real_steps, places=0),
        _number(standing.dream_steps or None, places=0),
        _number(standing.wall_seconds(), places=0),
    ]
    return f"<tr{' class=first' if first else ''}>{''.join(cells)}</tr>"


def band_in_words(table: Sequence[Standing]) -> str:
    """What an interval means here: over seeds, or, where there is one seed, over episodes."""
    counts = [len(standing.done) for standing in table if standing.done]
    if not counts:
        return "No cell finished, so no interval is drawn."
    lone = "a single seed’s interval is over its evaluation episodes and says nothing about other seeds"
    if max(counts) == 1:
        return f"Intervals are 95\N{NO-BREAK SPACE}%; {lone}."
    besides = f"; {lone}" if min(counts) == 1 else ""
    return f"Bands and whiskers are Student’s 95\N{NO-BREAK SPACE}% intervals over seeds{besides}."


def honesty(chart: str | None) -> str:
    """The chart of dreamed against real return, or the sentence that stands in its place."""
    if chart is None:
        return "<p class='absent'>No agent was judged in a dream, so there is no promise to check.</p>"
    return chart


def fidelity(table: Sequence[Standing]) -> str:
    """How true each dream is: its models' own metrics, averaged over seeds; empty where there are none."""
    dreamers = [standing for standing in table if any(row.fidelity for row in standing.done)]
    metrics = list(dict.fromkeys(name for standing in dreamers for row in standing.done for name in row.fidelity))
    if not metrics:
        return ""
    lines = "".join(
        f"<tr><th scope='row'>{escape(metric.replace('_', ' '))}</th>"
        + "".join(_number(mean(row.fidelity.get(metric) for row in standing.done)) for standing in dreamers)
        + "</tr>"
        for metric in metrics
    )
    caption = "How true each dream is: figures of its model, means over seeds"
    grid = _table(caption, ["Metric", *(standing.name for standing in dreamers)], lines)
    return f"<section aria-labelledby='fidelity'><h2 id='fidelity'>How true the dreams are</h2>{grid}</section>"


def cells(table: Sequence[Standing]) -> str:
    """Every cell on a line of its own."""
    heads = ["Cell", "Status", "Return in the simulator", "In its dream", "Real steps", "Evaluation steps"]
    heads += [f"{part.capitalize()}, s" for part in PARTS] + ["All, s"]
    lines = "".join(_cell(row) for standing in table for row in standing.rows)
    return _table("Every cell; a cell's interval is over its evaluation episodes", heads, lines)


def _cell(row: Row) -> str:
    return (
        f"<tr><th scope='row'>{escape(row.name)}</th><td>{escape(row.status)}</td>"
        + (f"<td>{typeset(str(row.real))}</td>" if row.real else NOTHING)
        + _number(row.dream)
        + _number(row.real_steps, places=0)
        + _number(row.evaluation_steps, places=0)
        + "".join(_number(row.wall_seconds.get(part), places=0) for part in (*PARTS, "total"))
        + "</tr>"
    )


def failures(table: Sequence[Standing]) -> str:
    """The cells that did not finish and why; empty where all did."""
    lost = [row for standing in table for row in standing.rows if not row.done]
    if not lost:
        return ""
    entries = "".join(
        f"<li><strong>{escape(row.name)}</strong> ({escape(row.status)}): {escape(row.error or 'no reason given')}</li>"
        for row in lost
    )
    return f"<section aria-labelledby='failed'><h2 id='failed'>What failed</h2><ul>{entries}</ul></section>"


def origin(results: Mapping[str, Any]) -> str:
    """The command, the notes, the machine and the versions behind the figures."""
    notes = results.get("notes")
    listed = "".join(f"<li>{escape(str(note))}</li>" for note in notes) if isinstance(notes, list) else ""
    machine, versions = results.get("machine"), results.get("versions")
    pairs = {**(machine if isinstance(machine, dict) else {}), **(versions if isinstance(versions, dict) else {})}
    terms = "".join(
        f"<div><dt>{escape(str(key))}</dt><dd>{escape(str(value))}</dd></div>" for key, value in pairs.items()
    )
    command = escape(str(results.get("command") or "not recorded"))
    return (
        f"<pre aria-label='Command'><code>{command}</code></pre>"
        + (f"<ul>{listed}</ul>" if listed else "")
        + (f"<dl class='facts small'>{terms}</dl>" if terms else "")
    )


def _number(value: float | None, places: int | None = None, signed: bool = False) -> str:
    if value is None:
        return NOTHING
    sign = "+" if signed and value > 0 else ""
    text = number(value, decimals(value) if places is None else places).replace("-", "−")
    return f"<td>{sign}{text}</td>"


def _table(caption: str, heads: Sequence[str], lines: str) -> str:
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in heads)
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{escape(caption)}'><table>"
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )
