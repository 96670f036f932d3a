"""The agent in the simulator beside the same agent in its dream: animated WebP files, embedded in the page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path

from sandbox.report.names import decimals, number
from sandbox.report.pieces import absent, typeset
from sandbox.report.results import Row
from sandbox.report.standings import Standing, modelled

PLACES = (("simulator", "in the simulator"), ("dream", "in its dream"))


def section(folder: Path, table: Sequence[Standing], room: int) -> str:
    """For the best and the worst contender that dreams, its animations from `folder/cells`, in at most `room` bytes.

    What is absent, not a WebP file or too large for the page is said in a sentence in its place.
    """
    parts = []
    for rank, row in _best_and_worst(folder, table):
        films = {where: _part(folder, row, place) for place, where in PLACES}
        part = _pair(rank, row, [_film(content, where, row.name) for where, content in films.items()])
        if not any(films.values()):
            part = absent(f"{row.name}: no animation was recorded.")
        elif len(part.encode()) > room:
            part = _pair(rank, row, [absent(f"{row.name}: left out, for the page would pass 5 MB with it.")])
        room -= len(part.encode())
        parts.append(part)
    return "".join(parts) or absent("No dream-trained agent finished, so there is none to show.")


def _best_and_worst(folder: Path, table: Sequence[Standing]) -> list[tuple[str, Row]]:
    """The best seed of the first and of the last contender; of those with a film, where any has one."""
    chosen = [max(standing.done, key=_height) for standing in modelled(table) if standing.done]
    filmed = [row for row in chosen if any(_part(folder, row, place) for place, _ in PLACES)]
    dreamers = filmed or [row for row in chosen if row.dream is not None]
    return [("best", dreamers[0]), *([("worst", dreamers[-1])] if len(dreamers) > 1 else [])] if dreamers else []


def _height(row: Row) -> float:
    return row.real.mean if row.real else float("-inf")


def _pair(rank: str, row: Row, shown: Sequence[str]) -> str:
    returned = f"{row.real} in the simulator" if row.real else "not judged"
    dreamed = "" if row.dream is None else f"; {number(row.dream, decimals(row.dream))} in its dream"
    words = typeset(f"{row.name}: return {returned}{dreamed}")
    return (
        f"<details open><summary>The {rank}: {escape(row.name)}</summary>"
        f"<figure class='films' tabindex='0' aria-label='{escape(f'Animations of {row.name}')}'>"
        f"<div class='pair'>{''.join(shown)}</div><figcaption>{words}.</figcaption></figure></details>"
    )


def _film(content: bytes | None, where: str, name: str) -> str:
    if content is None:
        return absent(f"No animation of the agent {where} was recorded.")
    return f"<div class='film'>{moving(content, f'Animation: {name}, acting {where}')}<p>{where}</p></div>"


def moving(content: bytes, told: str) -> str:
    """An animated picture within the page; `told` stands for it where it is not seen."""
    return f"<img src='data:image/webp;base64,{b64encode(content).decode()}' alt='{escape(told)}'>"


def home(folder: Path, row: Row) -> Path | None:
    """The folder of the row's cell in the run's `folder`; its name may not lead out of there."""
    return folder / "cells" / row.cell if row.cell and Path(row.cell).name == row.cell else None


def _part(folder: Path, row: Row, place: str) -> bytes | None:
    cell = home(folder, row)
    return None if cell is None else webp(cell / f"{place}.webp")


def webp(path: Path) -> bytes | None:
    """The file's bytes, or None where there is no such WebP file."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    return content if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None
