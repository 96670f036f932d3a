"""What a person sees while a long command runs: live where there is a terminal, plain lines where there is none."""

import importlib.metadata
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from sandbox import pool

_out = Console(soft_wrap=True, highlight=False)


def opening(device: str, seconds: float) -> None:
    """The first line of every long command: what it runs on and how long that may take."""
    build = importlib.metadata.version("torch")
    show(f"device {device} · torch {build} · 1 thread a process · about {duration(seconds)}")


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    return f"{max(seconds, 1):.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def show(what: Any) -> None:
    """Print a sentence or a table; a table is as wide as it needs to be where nobody's screen limits it."""
    if isinstance(what, Table) and not _out.is_terminal:
        Console(width=160, highlight=False).print(what)
    else:
        _out.print(what, markup=False) if isinstance(what, str) else _out.print(what)


def note(sentence: str) -> None:
    """Something worth knowing that stops nothing."""
    show(f"note: {sentence}")


def notes(sentences: Sequence[str]) -> None:
    """Several notes."""
    for sentence in sentences:
        note(sentence)


def complain(sentence: str) -> None:
    """Something that failed, on the error stream."""
    print(f"sandbox: {sentence}", file=sys.stderr)


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told (done, total); without a terminal, one line every tenth."""
    if not _out.is_terminal:
        told = 0

        def tell(done: int, total: int) -> None:
            nonlocal told
            if done * 10 // total > told:
                told = done * 10 // total
                show(f"{label}: {told * 10} %")

        yield tell
        return
    with Progress(TextColumn(label), BarColumn(), TimeRemainingColumn(), console=_out, transient=True) as bar:
        task = bar.add_task(label)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def live() -> "Iterator[Callable[[pool.Status], None]]":
    """A display of the running cells; without a terminal, a line whenever a cell enters another stage."""
    if not _out.is_terminal:
        told: dict[str, str] = {}

        def tell(status: "pool.Status") -> None:
            for each in status.running:
                # "round 3: …: evaluate from episode 10" is of no interest to a log.
                if told.get(each.cell.name) != each.stage and "evaluate from" not in each.stage:
                    told[each.cell.name] = each.stage
                    show(f"[{status.done}/{status.total}] {_name(each)}: {each.stage} ({each.seconds:.0f} s)")

        yield tell
        return
    with Live(console=_out, refresh_per_second=4, transient=True) as screen:

        def draw(status: "pool.Status") -> None:
            left = "" if status.seconds_left is None else f", about {duration(status.seconds_left)} left"
            best = f"best so far {status.best}" if status.best else None
            title = f"{status.done} of {status.total} cells done{left}"
            table = Table("cell", "stage", "time", title=title, caption=best, box=None)
            for each in status.running:
                table.add_row(_name(each), each.stage, f"{each.seconds:.0f} s")
            screen.update(table)

        yield draw


def _name(each: "pool.Running") -> str:
    return f"{each.cell.mode} {each.cell.model or each.cell.agent} seed {each.cell.seed}"
