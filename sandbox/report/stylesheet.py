"""The page's style sheet for a drawing that stands alone: the same colours and strokes, without the page.

Drawing programs know no custom properties, so that every `var(--name)` is put in as the colour that it means; the dark
colours follow in a block of their own, for whoever prefers them.
"""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

_PAGE = Path(__file__).parent / "page.css"
_ALONE = Path(__file__).parent / "alone.css"
_VARIABLE = re.compile(r"var\(--([\w-]+)\)")


def document(parts: Sequence[str], size: tuple[float, float], title: str, description: str) -> str:
    """The text of an SVG file of so many pixels, wide and high, that needs nothing beside it."""
    width, height = (f"{length:.0f}" for length in size)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title text" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        f'<title id="title">{escape(title)}</title>\n<desc id="text">{escape(description)}</desc>\n'
        f"<style>\n{standalone(_ALONE.read_text(encoding='utf-8'))}\n</style>\n"
        f'<rect class="paper" width="{width}" height="{height}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def standalone(extra: str) -> str:
    """The rules for `svg …` and for tones of the page, and the `extra` rules, with light colours and with dark ones."""
    sheet = _PAGE.read_text(encoding="utf-8")
    light, dark = (_colours(block) for block in re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)[:2])
    rules = [line.removeprefix("svg ") for line in sheet.splitlines() if line.startswith(("svg ", ".tone"))]
    rules += extra.splitlines()
    coloured = [rule for rule in rules if _VARIABLE.search(rule)]
    return "\n".join(
        (
            *(_resolved(rule, light) for rule in rules),
            "@media (prefers-color-scheme: dark) {",
            *(_resolved(rule, light | dark) for rule in coloured),
            "}",
        )
    )


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): ([^;]+);", block))


def _resolved(rule: str, values: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda found: values[found[1]], rule)
