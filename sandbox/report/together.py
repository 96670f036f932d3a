"""One picture of a whole contrast: the simulator beside every model's dream, all moved by the best agent's actions.

`film` plays and records it, before the page is written; `section` is, like the rest of the page, made from files alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from sandbox.files import read_json, write_json
from sandbox.report.animations import home, moving, webp
from sandbox.report.names import agent_name
from sandbox.report.pieces import absent, typeset
from sandbox.report.pieces import section as titled
from sandbox.report.results import Row, read
from sandbox.report.standings import Standing, modelled, standings

TITLE = "The simulator and its dreams, side by side"
FILM, MADE_OF = "mosaic.webp", "mosaic.json"
MOST_MODELS = 6  # more panes cannot be told apart in the width of a page
STEPS, SECONDS = 150, 60.0  # of the film, at most; of playing, after which it ends early
SEED = 3  # of the episode


def film(folder: Path, report: Callable[[str], None]) -> str | None:
    """Record `folder/mosaic.webp` unless it is there already; returns why it could not be, in one sentence.

    Never raises for what an environment, its renderer or an agent may raise: a report is not lost for a picture.

    Raises ValueError, in one sentence, where the results are missing or foreign.
    """
    rows = chosen(folder, standings(read(folder)))
    if not rows or _made_of(folder) == _cells(rows):
        return None
    report("record the simulator and its dreams, side by side")
    try:
        _film(folder, rows)
        write_json(folder / MADE_OF, _cells(rows))
    except Exception as error:  # what a foreign environment raises is open-ended
        from sandbox.pictures import in_one_line

        return f"the simulator and its dreams could not be recorded side by side ({in_one_line(error)})"
    return None


def section(folder: Path, table: Sequence[Standing], room: int) -> str:
    """The film under its heading, in at most `room` bytes, or why there is none; empty where nothing was dreamed."""
    body = _shown(folder, table) if modelled(table) else ""
    whole = titled("together", TITLE, body)
    if len(whole.encode()) <= room:
        return whole
    return titled("together", TITLE, absent("The film was left out, for the page would pass 5 MB with it."))


def _shown(folder: Path, table: Sequence[Standing]) -> str:
    rows = chosen(folder, table)
    content = webp(folder / FILM) if _made_of(folder) == _cells(rows) else None
    if content is None:
        return absent("The models were not recorded side by side.")
    driver = rows[0]
    words = typeset(
        f"{driver.name}: its actions move the simulator, at the left, and the dream of each model’s best agent, from "
        "the same start. A dream’s distance from the simulator is in units of the simulator’s own spread where it can "
        "be branched, else of the data’s; its surprise is that of the real step to the model."
    )
    label = f"Animation: the simulator beside the dreams of {', '.join(str(row.model) for row in rows)}"
    return (
        f"<figure class='mosaic' tabindex='0' aria-label='{escape(label)}'>{moving(content, label)}"
        f"<figcaption>{words}</figcaption></figure>"
    )


def chosen(folder: Path, table: Sequence[Standing]) -> list[Row]:
    """The best seed of each model, wherever that did best and its files are still there; the best model first."""
    found: dict[str, Row] = {}
    for standing in modelled(table):
        row = max(standing.done, key=lambda row: row.real.mean if row.real else float("-inf"))
        place = home(folder, row)
        if (
            row.model
            and row.model not in found
            and place
            and all((place / part).is_dir() for part in ("model", "agent"))
        ):
            found[row.model] = row
    return list(found.values())[:MOST_MODELS]


def _film(folder: Path, rows: Sequence[Row]) -> None:
    # Here, because reading results needs neither torch nor pygame.
    import torch

    from sandbox.actors import actor
    from sandbox.cell import Cell
    from sandbox.models.fitted import FittedModel
    from sandbox.pictures import no_screen
    from sandbox.play.players import Player
    from sandbox.play.record import record
    from sandbox.play.session import Session
    from sandbox.worlds import World

    torch.set_num_threads(1)
    driver, cells = rows[0], folder / "cells"
    cell = Cell.read(cells / driver.cell)
    world = World(cell.world, dict(cell.arguments), cell.time_limit)
    models = {str(row.model): FittedModel.load(cells / row.cell / "model") for row in rows}
    with no_screen():
        session = Session(world, models, SEED)
        try:
            acting = actor(str(cells / driver.cell / "agent"), world, SEED)  # or no film is begun
            player = Player(agent_name(driver.agent), lambda: acting, session.see, SEED)
            record(session, player, folder / FILM, STEPS, seconds=SECONDS)
        finally:
            session.close()


def _cells(rows: Sequence[Row]) -> list[str]:
    return [row.cell for row in rows]


def _made_of(folder: Path) -> object:
    """The cells of the film in `folder`, or None where there is no film, or nobody knows of what."""
    try:
        return read_json(folder / MADE_OF) if (folder / FILM).is_file() else None
    except (OSError, ValueError):
        return None
