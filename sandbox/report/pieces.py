"""The pieces of a page: typeset sentences, tables that scroll, figures that the keyboard reaches, sections."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from sandbox.report.names import decimals, number

NOTHING = "<td class='none'>–</td>"


def typeset(sentence: str) -> str:
    """Escaped text in which a number's hyphen is a minus sign; an interval or a p-value does not break over lines."""
    text = re.sub(r"(?<![\w-])-(?=\d)", "−", escape(sentence)).replace(" %", "\N{NO-BREAK SPACE}%")
    text = re.sub(r"\bp (=|&lt;) (?=\d)", "p\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", text)
    return re.sub(r"−?[\d,.]+ \[[^\]]+\]", lambda found: f"<span class='figure'>{found[0]}</span>", text)


def cell(value: float | None, places: int | None = None, signed: bool = False) -> str:
    """A figure in a table; a dash where there is none."""
    return NOTHING if value is None else f"<td>{figured(value, places, signed)}</td>"


def figured(value: float, places: int | None = None, signed: bool = False) -> str:
    """A figure with a true minus sign, and a plus where it is `signed`."""
    sign = "+" if signed and value > 0 else ""
    return sign + number(value, decimals(value) if places is None else places).replace("-", "−")


def words_cell(words: str | None) -> str:
    """Words in a table; a dash where there are none."""
    return f"<td>{typeset(words)}</td>" if words else NOTHING


def row_head(name: str) -> str:
    """The head of a table's row."""
    return f"<th scope='row'>{escape(name)}</th>"


def table(caption: str, heads: Sequence[str], lines: str) -> str:
    """A table with a caption and heads, in a region that scrolls by itself and can be reached by the keyboard."""
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in heads)
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{escape(caption)}'><table>"
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def figure(drawings: Sequence[str], caption: str, label: str) -> str:
    """Drawings with a caption, where there is one, as a figure that can be reached by the keyboard."""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure tabindex='0' aria-label='{escape(label)}'>{''.join(drawings)}{below}</figure>"


def section(name: str, title: str, body: str) -> str:
    """A section under its heading; empty where there is no body."""
    if not body:
        return ""
    return f"<section aria-labelledby='{name}'><h2 id='{name}'>{escape(title)}</h2>{body}</section>"


def note(sentence: str) -> str:
    """A remark in small print."""
    return f"<p class='note'>{typeset(sentence)}</p>"


def absent(sentence: str) -> str:
    """The sentence that stands in the place of what is not there."""
    return f"<p class='absent'>{typeset(sentence)}</p>"
