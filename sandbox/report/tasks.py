"""Several contrasts in one picture: a column a task, a row a way of learning, so that one sees which family pays where.

Return lies along the row, in each task's own units, with its 95 % interval over seeds; the band is the interval of the
best agent that learned in the simulator from as many real steps.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from sandbox.report.axes import LETTER, Frame, tick_text, ticks
from sandbox.report.charts import shape
from sandbox.report.figures import WAYS, plain
from sandbox.report.names import FLOORS, agent_name, number
from sandbox.report.standings import MODELLED, Standing, best, standings
from sandbox.report.strokes import path, text
from sandbox.report.stylesheet import document
from sandbox.report.tones import SIMULATED, tone, tones

TITLE = "What an agent earns, by the way in which it learned"
Source = tuple[str, str]  # mode and model: what a row stands for on every task
WIDTH, EDGE, GAP = 960.0, 24.0, 26.0  # px: the drawing, its margin, and between two tasks
NARROWEST = 156.0  # px: a task, whose budget needs as much, and its name perhaps more; more tasks make a wider drawing
BOLD = 1.15  # letters of a name, beside usual ones
HEAD, ROW, GROUP, FOOT = 108.0, 20.0, 30.0, 62.0  # px: above the rows; a row; a row under a heading; below them
OUTSIDE = 0.5  # of the range of means: so far, or as far as the usual interval, before one is cut off
YARDSTICKS = {"simulator": "best in the simulator", "ceiling": "with more steps", "perfect": "in a perfect model"}
BASELINES = {"persistence": "in persistence", "constant": FLOORS["constant"]}


@dataclass(frozen=True)
class Column:
    """One task: its name, what it cost, and who stands in which row."""

    name: str
    real_steps: int
    seeds: int
    rows: Mapping[Source, Standing]
    random: Standing | None
    tones: Mapping[str, int]

    @property
    def simulator(self) -> Standing | None:
        """The best agent of the simulator from as many real steps."""
        return self.rows.get(("simulator", ""))


def column(contrasts: Sequence[Mapping[str, Any]]) -> Column:
    """One task's column, from all contrasts on it.

    Raises:
        ValueError: contrasts of different tasks or budgets, or a row that stands in two of them.
    """
    first = contrasts[0]
    for key in ("env", "real_steps"):
        if any(each[key] != first[key] for each in contrasts):
            raise ValueError(
                f"{first['env']} has contrasts of different {key.replace('_', ' ')}: name those that agree"
            )
    together = {"env": first["env"], "rows": [row for each in contrasts for row in each["rows"]]}
    table = [standing for standing in standings(together) if standing.real is not None and not standing.sweep]
    found: dict[Source, Standing] = {}
    for standing in table:  # the best first: it is who stands for its row
        if standing.mode == "random":  # so far away, mostly, that it would hide all differences
            continue
        model = standing.model or ("log alone" if standing.mode == "upsample" else "")
        found.setdefault((standing.mode, model), standing)
    seeds = max((len(standing.done) for standing in table), default=0)
    return Column(str(first["env"]), int(first["real_steps"]), seeds, found, best(table, "random"), tones(table))


def by_task(contrasts: Sequence[Mapping[str, Any]]) -> list[Column]:
    """A column for each task, in the order in which they are named first; see `column`."""
    tasks = dict.fromkeys(str(each["env"]) for each in contrasts)
    return [column([each for each in contrasts if each["env"] == task]) for task in tasks]


def draw(columns: Sequence[Column]) -> str:
    """The picture as the text of an SVG file."""
    rows = _rows(columns)
    names = max(len(words) for _, words, _ in rows) * LETTER + 14
    longest = max(len(_heading(task)) for task in columns) * LETTER * BOLD
    width = max(NARROWEST, longest, (WIDTH - 2 * EDGE - names - GAP * len(columns)) / len(columns))
    total = max(WIDTH, 2 * EDGE + names + (GAP + width) * len(columns))
    heights, y = list[float](), HEAD
    for _, _, heading in rows:
        y += ROW + (GROUP if heading else 0)
        heights.append(y)
    bottom = y + ROW
    parts = [text(EDGE, 34, TITLE, "title", "start")]
    parts.append(text(EDGE, 55, _told(columns), "subtitle", "start"))
    for (_, words, heading), height in zip(rows, heights, strict=True):
        if heading:
            parts.append(text(EDGE, height - ROW - 1, heading, "hint", "start"))
        parts.append(text(EDGE + 8, height + 4, words, "row", "start"))
    for place, task in enumerate(columns):
        left = EDGE + names + GAP + place * (width + GAP)
        values = max(len(_value(each)) for each in task.rows.values()) * LETTER + 12
        frame = Frame(left, HEAD, left + width - values, bottom, *_ranges(task))
        parts += _task(task, frame, {source: y for (source, _, _), y in zip(rows, heights, strict=True)})
    return document(parts, (total, bottom + FOOT), TITLE, _told(columns))


def _rows(columns: Sequence[Column]) -> list[tuple[Source, str, str]]:
    """Source, words and, where a group begins, its heading."""
    there = {source for task in columns for source in task.rows}
    rows: list[tuple[Source, str, str]] = []
    for mode, words in YARDSTICKS.items():
        rows += [((mode, ""), words, "") for source in there if source == (mode, "")]
    for mode in MODELLED:
        models = sorted((source for source in there if source[0] == mode), key=lambda s: (s[1] == "log alone", s[1]))
        rows += [(source, source[1], "" if place else WAYS[mode]) for place, source in enumerate(models)]
    for mode, words in BASELINES.items():
        rows += [((mode, ""), words, "no model at all") for source in there if source == (mode, "")]
    return rows


def _heading(task: Column) -> str:
    """A world's name without the module or namespace that it comes from."""
    return re.split("[:/]", task.name)[-1]


def _ranges(task: Column) -> tuple[tuple[float, float], list[float]]:
    """The returns along a row, and the rows themselves as a unit range.

    Baselines without a model have no say: they may be so far away that all differences would vanish.
    """
    rivals = {source: each for source, each in task.rows.items() if source[0] not in BASELINES} or task.rows
    shown = [each.real for each in rivals.values() if each.real is not None]
    means = [real.mean for real in shown]
    usual = float(np.median([real.high - real.low for real in shown])) / 2
    room = max(OUTSIDE * (max(means) - min(means)), usual) or 1.0
    low = max(min(real.low for real in shown), min(means) - room)
    high = min(max(real.high for real in shown), max(means) + room)
    marks = ticks(low, high, 3)
    return (marks[0], marks[-1]), [0.0, 1.0]


def _task(task: Column, frame: Frame, heights: Mapping[Source, float]) -> list[str]:
    seeds = f"{task.seeds} seed{'' if task.seeds == 1 else 's'}"
    parts = [
        text(frame.left, HEAD - 24, _heading(task), "name", "start"),
        text(frame.left, HEAD - 8, f"{number(task.real_steps)} real steps, {seeds}", "tick", "start"),
        path("axis", [(frame.left, frame.bottom), (frame.right, frame.bottom)]),
    ]
    if task.simulator is not None and task.simulator.real is not None:
        low, high = frame.x(task.simulator.real.low), frame.x(task.simulator.real.high)
        box = [(low, HEAD + 4), (max(high, low + 1), HEAD + 4), (max(high, low + 1), frame.bottom), (low, frame.bottom)]
        parts.append(f'<g class="tone">{path("band", box)}</g>')
    taken = -math.inf
    for value in ticks(*frame.x_range, 3):
        x, words = frame.x(value), tick_text(value)
        parts.append(path("grid", [(x, HEAD + 4), (x, frame.bottom)]))
        half = len(words) * LETTER / 2
        if x - half > taken + LETTER:
            parts.append(text(x, frame.bottom + 18, words, "tick", "middle"))
            taken = x + half
    for source, standing in task.rows.items():
        if source in heights:
            parts.append(_mark(standing, task, frame, heights[source]))
    if task.random is not None and task.random.real is not None:
        parts.append(
            text(frame.left, frame.bottom + 40, f"random play {plain(task.random.real.mean)}", "hint", "start")
        )
    return parts


def _mark(standing: Standing, task: Column, frame: Frame, y: float) -> str:
    """A row's whisker, its shape over it, and its value at the end of the row."""
    assert standing.real is not None
    css, index = tone(standing, task.tones)
    value = text(frame.right + 10, y + 4, _value(standing), "value", "start")
    if not frame.x_range[0] <= standing.real.mean <= frame.x_range[1]:
        is_below = standing.real.mean < frame.x_range[0]
        edge, sign, anchor = (frame.left + 2, "‹", "start") if is_below else (frame.right - 2, "›", "end")
        where = text(edge, y + 4, sign, "value", anchor)
        return f'<g class="{css}">{where}{value}</g>'
    low, high = frame.x(standing.real.low), frame.x(standing.real.high)
    parts = [path("whisker", [(low, y), (high, y)])]
    for end, x in ((standing.real.low, low), (standing.real.high, high)):
        if frame.x_range[0] <= end <= frame.x_range[1]:  # else it does not end here
            parts.append(path("whisker", [(x, y - 4), (x, y + 4)]))
    title = f"<title>{escape(f'{standing.name} on {task.name}: {standing.real}')}</title>"
    parts.append(f"<g>{title}{shape(index, frame.x(standing.real.mean), y, 5.5)}</g>")
    return f'<g class="{css}">{"".join(parts)}{value}</g>'


def _value(standing: Standing) -> str:
    mean = plain(standing.real.mean if standing.real else None)
    return f"{mean} {agent_name(standing.agent)}" if standing.mode in SIMULATED else mean


def _told(columns: Sequence[Column]) -> str:
    alone = " (over episodes where there is one seed)" if any(task.seeds == 1 for task in columns) else ""
    return (
        f"Mean real return, 95 % interval over seeds{alone}; the band is the best agent that learned in the simulator"
    )
