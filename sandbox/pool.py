"""Cells as processes of one thread each. `run_cell(folder)` is all that the grid knows of them.

So whatever can start a process on a folder, here or on another machine that sees it, can take this file's place.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sandbox import files
from sandbox.cell import CELL, MISTAKE, ROW, Cell

POLL_SECONDS = 0.2
ATTEMPTS = 2  # a process may have been killed by chance, for memory or by a person
TAIL = 12  # lines of a failed cell's log that are shown
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYGAME_HIDE_SUPPORT_PROMPT": "1"}


@dataclass(frozen=True)
class Running:
    """One cell under way."""

    cell: Cell
    stage: str
    seconds: float


@dataclass(frozen=True)
class Status:
    """What a display may show."""

    running: Sequence[Running]
    done: int
    total: int
    seconds_left: float | None  # by the pace of this run; None before a cell has ended
    best: str  # of the agents judged so far, in words; empty before there is one


@dataclass(frozen=True)
class Failure:
    """Why a cell has no row."""

    sentence: str
    tail: str  # of its log


@dataclass
class _Process:
    cell: Cell
    folder: Path
    process: subprocess.Popen[bytes]
    begun: float

    @property
    def is_done(self) -> bool:
        return self.process.poll() is not None


class Pool:
    """The cells of one contrast, run `jobs` at a time in folders of `place`."""

    def __init__(self, place: Path, jobs: int, show: Callable[[Status], None]) -> None:
        self._place, self._jobs, self._show = place, jobs, show
        self._running: list[_Process] = []
        self._failed: dict[str, Failure] = {}
        self._begun = time.perf_counter()

    def run(self, cells: Sequence[Cell], ended: Callable[[], str]) -> dict[str, Failure]:
        """Run every cell that has no row yet; returns the failures, by the cell's name.

        `ended` is called whenever a cell has ended, and says who is best so far. A cell that dies is tried once more
        and goes on where it was; one that ends with a user's mistake is not. The others go on in any case.
        """
        waiting = [cell for cell in cells if not (self._place / cell.name / ROW).exists()]
        left, attempts, best = len(waiting), dict.fromkeys((cell.name for cell in waiting), 0), ended()
        finished = 0
        before = _terminate_as_interrupt()
        try:
            while waiting or self._running:
                while waiting and len(self._running) < self._jobs:
                    attempts[waiting[0].name] += 1
                    self._start(waiting.pop(0))
                for each in [each for each in self._running if each.is_done]:
                    self._running.remove(each)
                    if self._again(each, attempts[each.cell.name]):
                        waiting.append(each.cell)
                        continue
                    finished += 1
                    best = ended()
                pace = (time.perf_counter() - self._begun) / finished if finished else None
                self._show(
                    Status(
                        [Running(each.cell, last_line(each.folder), self._since(each)) for each in self._running],
                        len(cells) - left + finished,
                        len(cells),
                        None if pace is None else pace * (left - finished),
                        best,
                    )
                )
                if self._running:
                    time.sleep(POLL_SECONDS)
        finally:
            self._stop()
            if before is not None:
                signal.signal(signal.SIGTERM, before)
        return self._failed

    def _again(self, each: _Process, attempts: int) -> bool:
        """Whether the cell should be tried once more; notes why not, where it failed for good."""
        status = each.process.returncode
        if status == 0 and (each.folder / ROW).exists():
            return False
        if status != MISTAKE and attempts < ATTEMPTS:
            return True
        self._failed[each.cell.name] = Failure(_sentence(each.folder, status), "\n".join(_lines(each.folder)[-TAIL:]))
        return False

    def _since(self, each: _Process) -> float:
        return time.perf_counter() - each.begun

    def _start(self, cell: Cell) -> None:
        folder = self._place / cell.name
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / CELL).exists():
            files.write_json(folder / CELL, asdict(cell))
        with (folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.cell", str(folder)],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=os.environ | _ONE_THREAD,
                start_new_session=True,  # Ctrl-C is for the grid, which stops its cells itself
            )
        self._running.append(_Process(cell, folder, process, time.perf_counter()))

    def _stop(self) -> None:
        for each in self._running:
            each.process.terminate()
        for each in self._running:
            each.process.wait()


def _terminate_as_interrupt() -> Any:
    """Let a polite kill of the grid stop its cells, as Ctrl-C does; returns the handler that was there."""
    if threading.current_thread() is not threading.main_thread():
        return None  # only the main thread may handle signals

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    return signal.signal(signal.SIGTERM, stop)


def last_line(folder: Path) -> str:
    """What a cell said last."""
    lines = _lines(folder)
    return lines[-1] if lines else "start"


def _lines(folder: Path) -> list[str]:
    try:
        return (folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _sentence(folder: Path, status: int) -> str:
    last = last_line(folder).removeprefix("error: ")
    how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    return f"{last} ({how}; the whole story is in {folder.name}/log.txt)"
