"""`sandbox compare`: several contrasts in one picture."""

from pathlib import Path
from typing import Annotated

import tyro


def compare(
    contrasts: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    out: Path = Path("compare.svg"),
) -> int:
    """Draw several contrasts beside each other: a column a task, a row a way of learning.

    Args:
        contrasts: folders that `sandbox contrast` wrote, or their results.json; several of one task share its column.
        out: the picture, an .svg.
    """
    from sandbox import console, files
    from sandbox.report.results import read
    from sandbox.report.tasks import by_task, draw

    if out.suffix != ".svg":
        raise ValueError(f"--out {out} is no .svg, and contrasts are compared in nothing else")
    if not contrasts:
        raise ValueError("no contrast was named; name the folders that `sandbox contrast` wrote")
    files.require_writable(out)
    files.write_text(out, draw(by_task([read(path) for path in contrasts])))
    console.show(str(out))
    return 0
