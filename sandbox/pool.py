"""Cells as processes of one thread each. `run_cell(folder)` is all that the grid knows of them.

So whatever can start a process on a folder, here or on another machine that sees it, can take this file's place.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

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
        self._interrupt = _Interrupt()

    def run(self, cells: Sequence[Cell], ended: Callable[[], str]) -> dict[str, Failure]:
        """Run every cell that has no row yet; returns the failures, by the cell's name.

        `ended` is called whenever a cell has ended, and says who is best so far. A cell that dies is tried once more
        and goes on where it was; one that ends with a user's mistake is not. The others go on in any case.
        """
        with self._interrupt.heard():
            try:
                return self._run(cells, ended)
            finally:
                self._stop()

    def _run(self, cells: Sequence[Cell], ended: Callable[[], str]) -> dict[str, Failure]:
        waiting = [cell for cell in cells if not (self._place / cell.name / ROW).exists()]
        left, attempts, best = len(waiting), dict.fromkeys((cell.name for cell in waiting), 0), ended()
        finished = 0
        while waiting or self._running:
            while waiting and len(self._running) < self._jobs:
                cell = waiting.pop(0)
                attempts[cell.name] += 1
                try:
                    self._start(cell)
                except OSError as error:
                    self._failed[cell.name] = Failure(files.refusal(error, self._place / cell.name), "")
                    finished += 1
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
        with self._interrupt.held(), (folder / "log.txt").open("ab") as log:
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


class _Interrupt:
    """Ctrl-C, and a polite kill of the grid that does the same; neither strikes while a cell is being started.

    Else a process could begin that nobody knows of, and that nobody would stop.
    """

    def __init__(self) -> None:
        self._is_held = self._is_late = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Until the end of this, SIGINT and SIGTERM raise KeyboardInterrupt; in other threads nothing changes."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may handle signals
            return
        ours = [signal.SIGTERM]
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and not ignored, as in the background
            ours.append(signal.SIGINT)
        before = {each: signal.signal(each, self._strike) for each in ours}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Until the end of this, an interrupt waits."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._is_late:
            self._is_late = False
            raise KeyboardInterrupt

    def _strike(self, *_: object) -> None:
        if not self._is_held:
            raise KeyboardInterrupt
        self._is_late = True


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
