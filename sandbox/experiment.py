"""The contrast: a grid of cells, run as processes of one thread each, gathered into `results.json`."""

import importlib.metadata
import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandbox import files
from sandbox.cell import CELL, LOG, ROW, Cell
from sandbox.grid import Contrast, estimated_seconds
from sandbox.pool import Failure, Pool, Status
from sandbox.worlds import Examination, examine

__all__ = ["Contrast", "estimated_seconds", "gather", "machine", "run", "versions"]

RESULTS, CONTRAST = "results.json", "contrast.json"


def run(
    contrast: Contrast,
    out: Path,
    *,
    jobs: int = 1,
    command: str = "",
    show: Callable[[Status], None] = lambda status: None,
    warn: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Run every cell that `out` does not hold yet, `jobs` at a time, and write `out/results.json`.

    Raises:
        ValueError: a contrast that cannot be run, a folder that holds other results, or a full disk.
    """
    contrast.check()
    if jobs < 1:
        raise ValueError(f"--jobs {jobs} runs nothing; use 1 or more")
    found = _as_begun(examine(contrast.world), out)
    for warning in found.warnings:
        warn(warning)
    cells = contrast.cells(found)
    _claim(out, cells)
    if contrast.log is not None and not (out / LOG).exists():
        contrast.log.save(out / LOG)
    missing = [cell for cell in cells if not (out / "cells" / cell.name / ROW).exists()]
    if len(missing) < len(cells):
        warn(f"{len(cells) - len(missing)} of {len(cells)} cells are in {out} already; only the others are run")

    def ended() -> str:
        try:
            return _best(gather(contrast, found, cells, {}, out, command))
        except OSError:  # on a full disk cells that need little may still end; what they keep is gathered below
            return ""

    failed = Pool(out / "cells", jobs, show).run(cells, ended)
    try:
        return gather(contrast, found, cells, failed, out, command)
    except OSError as error:
        raise ValueError(
            f"{files.refusal(error, out / RESULTS)}; what has ended is kept in its folder: make room, and the same "
            "command goes on"
        ) from None


def _as_begun(found: Examination, out: Path) -> Examination:
    """What was found, with the horizon that the cells of `out` began with.

    Where no limit is registered, the horizon is the longest life that the examination saw, and simulators that do not
    repeat themselves show another one next time.
    """
    for path in sorted(out.glob(f"cells/*/{CELL}")):
        begun = files.read_json(path)
        if (begun["world"], begun["arguments"]) == (found.world.name, dict(found.world.arguments)):
            return replace(found, horizon=int(begun["horizon"]))
    return found


def _best(results: Mapping[str, Any]) -> str:
    judged = [row for row in results["rows"] if row["return_real"] is not None]
    if not judged:
        return ""
    row = max(judged, key=lambda row: float(row["return_real"]["mean"]))
    return f"{row['return_real']['mean']:,.0f} by {row['mode']} {row['model'] or row['agent']} seed {row['seed']}"


def _claim(out: Path, cells: Sequence[Cell]) -> None:
    """Make `out` the folder of these cells, or refuse."""
    wanted = sorted(cell.name for cell in cells)
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; name a folder")
    if out.is_dir() and any(out.iterdir()):
        stored = files.read_json(out / CONTRAST) if (out / CONTRAST).exists() else None
        # More seeds, families or modes may join those that are there; none may be lost from the results.
        if not isinstance(stored, dict) or not set(stored.get("cells", ["none"])) <= set(wanted):
            raise ValueError(f"--out {out} exists and holds other results; name another folder or remove it")
    try:
        out.mkdir(parents=True, exist_ok=True)
        files.write_json(out / CONTRAST, {"cells": wanted})
    except OSError as error:
        raise ValueError(f"--out {out} cannot be written ({error.strerror}); name another folder") from None


def gather(
    contrast: Contrast,
    found: Examination,
    cells: Sequence[Cell],
    failed: Mapping[str, Failure],
    out: Path,
    command: str,
) -> dict[str, Any]:
    """Read the rows of all cells that have ended and write `results.json`."""
    results = {
        "env": contrast.world.name,
        "env_arguments": dict(contrast.world.arguments),
        "real_steps": contrast.real_steps,
        "ceiling_steps": contrast.ceiling_steps,
        "log": None if contrast.log is None else {"steps": len(contrast.log), "fingerprint": contrast.log.fingerprint},
        "settings": dict(contrast.dream),
        "device": contrast.device,
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


def _rows(cells: Sequence[Cell], failed: Mapping[str, Failure], out: Path) -> Iterator[dict[str, Any]]:
    for cell in cells:
        folder = out / "cells" / cell.name
        if cell.name in failed:
            row = _failed_row(cell, failed[cell.name])
        elif (folder / ROW).exists():
            row = files.read_json(folder / ROW)
        else:
            continue
        yield {**row, "sweep": dict(cell.sweep), "agent_path": str((folder / "agent").resolve()), "cell": cell.name}


def _failed_row(cell: Cell, failure: Failure) -> dict[str, Any]:
    return {
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
        "error": failure.sentence,
        "log_tail": failure.tail,
        "fidelity": {},
    }


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
