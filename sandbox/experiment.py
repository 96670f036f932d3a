"""The contrast: a grid of cells, run as processes of one thread each, gathered into `results.json`."""

import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sandbox import files
from sandbox.cell import CELL, ROW, Cell
from sandbox.grid import Contrast, estimated_seconds
from sandbox.worlds import Examination, examine

__all__ = ["Contrast", "Progress", "estimated_seconds", "gather", "machine", "run", "versions"]

RESULTS, CONTRAST = "results.json", "contrast.json"
POLL_SECONDS = 0.2


@dataclass
class Progress:
    """What a display may show of one cell."""

    cell: Cell
    stage: str
    seconds: float


def run(
    contrast: Contrast,
    out: Path,
    *,
    jobs: int = 1,
    command: str = "",
    show: Callable[[list[Progress], int, int], None] = lambda running, done, total: None,
    warn: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Run every cell that `out` does not hold yet, `jobs` at a time, and write `out/results.json`.

    Raises:
        ValueError: a contrast that cannot be run, or a folder that holds other results.
    """
    contrast.check()
    if jobs < 1:
        raise ValueError(f"--jobs {jobs} runs nothing; use 1 or more")
    found = examine(contrast.world)
    for warning in found.warnings:
        warn(warning)
    cells = contrast.cells(found)
    _claim(out, cells)
    missing = [cell for cell in cells if not (out / "cells" / cell.name / ROW).exists()]
    if len(missing) < len(cells):
        warn(f"{len(cells) - len(missing)} of {len(cells)} cells are in {out} already; only the others are run")
    failed = _run_all(missing, out, jobs, show, len(cells))
    return gather(contrast, found, cells, failed, out, command)


def _claim(out: Path, cells: Sequence[Cell]) -> None:
    """Make `out` the folder of these cells, or refuse."""
    wanted = sorted(cell.name for cell in cells)
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; name a folder")
    if out.is_dir() and any(out.iterdir()):
        stored = files.read_json(out / CONTRAST) if (out / CONTRAST).exists() else None
        if not isinstance(stored, dict) or stored.get("cells") != wanted:
            raise ValueError(f"--out {out} exists and holds other results; name another folder or remove it")
    try:
        out.mkdir(parents=True, exist_ok=True)
        files.write_json(out / CONTRAST, {"cells": wanted})
    except OSError as error:
        raise ValueError(f"--out {out} cannot be written ({error.strerror}); name another folder") from None


def _run_all(
    missing: Sequence[Cell],
    out: Path,
    jobs: int,
    show: Callable[[list[Progress], int, int], None],
    total: int,
) -> dict[str, str]:
    """Run the missing cells; returns the error of each one that failed, by name."""
    waiting, failed = list(missing), {}
    running: dict[str, tuple[Cell, subprocess.Popen[bytes], float]] = {}
    done = total - len(missing)
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                cell = waiting.pop(0)
                running[cell.name] = (cell, _start(cell, out / "cells" / cell.name), time.perf_counter())
            for name, (_, process, _) in list(running.items()):
                if process.poll() is None:
                    continue
                del running[name]
                done += 1
                if process.returncode != 0 or not (out / "cells" / name / ROW).exists():
                    failed[name] = _error(out / "cells" / name, process.returncode)
            now = time.perf_counter()
            stages = [Progress(c, _last_line(out / "cells" / c.name), now - begun) for c, _, begun in running.values()]
            show(stages, done, total)
            if running:
                time.sleep(POLL_SECONDS)
    finally:
        for _, process, _ in running.values():
            process.terminate()
            process.wait()
    return failed


def _start(cell: Cell, folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(".*.tmp"):
        stale.unlink() if stale.is_file() else None
    files.write_json(folder / CELL, asdict(cell))
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYGAME_HIDE_SUPPORT_PROMPT": "1"}
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "sandbox.cell", str(folder)],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | threads,
        )


def _last_line(folder: Path) -> str:
    try:
        lines = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    return lines[-1] if lines else "start"


def _error(folder: Path, status: int) -> str:
    last = _last_line(folder).removeprefix("error: ")
    return f"{last} (exit status {status}; the whole story is in {folder.name}/log.txt)"


def gather(
    contrast: Contrast,
    found: Examination,
    cells: Sequence[Cell],
    failed: Mapping[str, str],
    out: Path,
    command: str,
) -> dict[str, Any]:
    """Read the rows of all cells and write `results.json`."""
    results = {
        "env": contrast.world.name,
        "env_arguments": dict(contrast.world.arguments),
        "real_steps": contrast.real_steps,
        "rows": list(_rows(cells, failed, out)),
        "horizon": found.horizon,
        "step_seconds": found.step_seconds,
        "machine": machine(),
        "versions": versions(),
        "command": command or shlex.join(sys.argv),
        "notes": [*found.warnings],
    }
    files.write_json(out / RESULTS, results)
    return results


def _rows(cells: Sequence[Cell], failed: Mapping[str, str], out: Path) -> Iterator[dict[str, Any]]:
    for cell in cells:
        folder = out / "cells" / cell.name
        if cell.name in failed:
            row: dict[str, Any] = {
                "mode": cell.mode,
                "model": cell.model,
                "agent": cell.agent,
                "seed": cell.seed,
                "real_steps": cell.real_steps,
                "dream_steps": 0,
                "wall_seconds": {"collect": 0.0, "fit": 0.0, "learn": 0.0, "total": 0.0},
                "return_real": None,
                "return_dream": None,
                "evaluation_steps": 0,
                "curve": [],
                "status": "failed",
                "error": failed[cell.name],
                "fidelity": {},
            }
        else:
            row = files.read_json(folder / ROW)
        yield {**row, "agent_path": str((folder / "agent").resolve()), "cell": cell.name}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """The versions of what decides a result."""
    named = ("sandbox-worlds", "torch", "gymnasium", "stable-baselines3", "numpy", "numba")
    return {name: importlib.metadata.version(name) for name in named}
