"""A run folder becomes `report.html`: one file that needs no network, no script and nothing else beside it.

A pure function of files: it trains nothing, evaluates nothing, and computes nothing beyond statistics of what is there.
`film` alone plays, once, before the page is written: a picture of the models side by side.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from rich.table import Table
from rich.text import Text

from sandbox.files import write_text
from sandbox.report import animations, captions, evidence, figures, sections, together
from sandbox.report.names import decimals, number
from sandbox.report.pieces import typeset
from sandbox.report.prices import sentence as price
from sandbox.report.results import read
from sandbox.report.standings import Standing, leader, standings
from sandbox.report.together import film
from sandbox.report.verdicts import sentences, verdict

__all__ = ["film", "price", "table", "verdict", "write"]

LARGEST = 5_000_000  # bytes of the whole file


def write(folder: Path) -> Path:
    """Read `folder/results.json` and the animations beside it, write `folder/report.html` atomically, return its path.

    The file stays below 5 MB: animations that would pass it are left out, and the page says so.

    Raises ValueError, in one sentence, where the results are missing or foreign, or the page cannot be written.
    """
    results = read(folder)
    path = folder / "report.html"
    contenders, room = standings(results), LARGEST - len(page(results).encode())
    animated = animations.section(folder, contenders, room)
    side_by_side = together.section(folder, contenders, room - len(animated.encode()))
    try:
        write_text(path, page(results, animated, side_by_side))
    except OSError as problem:
        raise ValueError(f"{path} cannot be written ({problem.strerror}): make that path free and writable.") from None
    return path


def page(results: Mapping[str, Any], animated: str = "", side_by_side: str = "") -> str:
    """The whole page as HTML; `animated` and `side_by_side` are the sections with moving pictures."""
    here, contenders = Path(__file__).parent, standings(results)
    first, *more = sentences(results)
    return Template((here / "page.html").read_text(encoding="utf-8")).substitute(
        env=escape(str(results["env"])),
        style=(here / "page.css").read_text(encoding="utf-8"),
        verdict=typeset(first),
        price=typeset(price(results)),
        more=f"<ul class='more'>{''.join(f'<li>{typeset(said)}</li>' for said in more)}</ul>" if more else "",
        facts=sections.facts(results, contenders),
        table=sections.standings_table(contenders),
        comparisons=evidence.comparisons(contenders),
        prices=evidence.price(contenders),
        sweep=sections.swept(contenders),
        real_steps=sections.charts(figures.against_real_steps(contenders), *captions.REAL_STEPS),
        wall_clock=sections.charts(figures.against_wall_clock(contenders), *captions.WALL_CLOCK),
        equal_time=evidence.equal_time(contenders),
        band=sections.band_in_words(contenders),
        honesty=sections.charts(figures.honesty(contenders), *captions.HONESTY),
        together=side_by_side,
        animations=animated,
        fidelity=sections.fidelity(contenders),
        wrong=sections.wrong(contenders),
        cells=sections.cells(contenders),
        failures=sections.failures(contenders),
        origin=sections.origin(results),
        data=embedded(results),
    )


def embedded(results: Mapping[str, Any]) -> str:
    """`results` as JSON that cannot close its element: every "<", which JSON knows only in strings, is escaped.

    Of results that alone would fill the page, the returns of single episodes and the cards stay in `results.json`.
    """
    whole = _json(results)
    if len(whole.encode()) <= LARGEST // 2:
        return whole
    rows = [{key: value for key, value in row.items() if key != "card"} for row in results["rows"]]
    for row in rows:
        if isinstance(row.get("return_real"), dict):
            row["return_real"] = {key: value for key, value in row["return_real"].items() if key != "returns"}
    left_out = "too large for this page: the returns of single episodes and the cards, which results.json holds"
    return _json({**results, "rows": rows, "left_out": left_out})


def _json(results: Mapping[str, Any]) -> str:
    return json.dumps(results, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def table(results: Mapping[str, Any]) -> Table:
    """The standings for a terminal: a line for each mode, model and agent, over its seeds, the highest return marked.

    Raises ValueError, in one sentence, where `results` is not what a contrast writes.
    """
    contenders = standings(results)
    lines = Table(title=Text(f"{results['env']}: return in the simulator, mean [95 % interval]"), title_justify="left")
    lines.add_column("agent", overflow="fold")
    for heading in ("seeds", "real return", "in its dream", "gap", "real steps", "dream steps", "seconds"):
        lines.add_column(heading, justify="right")
    winner = leader(contenders)
    for standing in contenders:
        first = standing is winner
        cells = [standing.name + (" (best)" if first else ""), *_line(standing)]
        lines.add_row(*(Text(cell) for cell in cells), style="bold" if first else "")
    return lines


def _line(standing: Standing) -> Sequence[str]:
    finished, all_seeds = len(standing.done), len(standing.rows)
    return [
        str(finished) if finished == all_seeds else f"{finished} of {all_seeds}",
        str(standing.real) if standing.real else "failed",
        _cell(standing.dream),
        _cell(standing.gap, decimals(standing.real.mean) if standing.real else None, signed=True),
        _cell(standing.real_steps, places=0),
        _cell(standing.dream_steps or None, places=0),
        _cell(standing.wall_seconds(), places=0),
    ]


def _cell(value: float | None, places: int | None = None, signed: bool = False) -> str:
    if value is None:
        return "-"
    sign = "+" if signed and value > 0 else ""
    return sign + number(value, decimals(value) if places is None else places)
