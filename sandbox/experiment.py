"""The contrast: a grid of cells, run as processes of one thread each, gathered into `results.json`."""

import difflib
import importlib.metadata
import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import sandbox_agents
from sandbox import files, models
from sandbox.cell import ROW, Cell
from sandbox.modes import MODES, WITHOUT_MODEL
from sandbox.pool import Failure, Pool, Status
from sandbox.worlds import Examination, World, examine, require_supported

RESULTS, CONTRAST = "results.json", "contrast.json"
# Five rounds, each of which has to show its model something.
FEWEST_STEPS = 100


@dataclass(frozen=True)
class Contrast:
    """What is compared: every mode, model and seed on one world, with the same number of real steps."""

    world: World
    models: Sequence[str] = ("rnn", "diffusion")
    agent: str = "ppo"
    real_steps: int = 2000
    seeds: Sequence[int] = (0, 1, 2)
    modes: Sequence[str] = MODES
    agent_config: Mapping[str, Any] | None = None
    episodes: int = 100
    dream: Mapping[str, Any] = field(default_factory=dict)
    sweep: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # a setting of dreams, and its values
    device: str = "cpu"

    def check(self) -> None:
        """Refuse what cannot be run, before anything is spent or written.

        Raises:
            ValueError: names the input and the way out.
        """
        for model in self.models:
            models.parse(model)
        if self.real_steps < FEWEST_STEPS:
            raise ValueError(
                f"--real-steps {self.real_steps} is too few to learn anything from; use {FEWEST_STEPS} or more"
            )
        if len(set(self.seeds)) != len(self.seeds) or not self.seeds:
            raise ValueError("--seeds takes different seeds, at least one")
        if any(seed < 0 for seed in self.seeds):
            raise ValueError(f"--seeds takes whole numbers from 0, not {min(self.seeds)}")
        unknown = [mode for mode in self.modes if mode not in MODES]
        if unknown:
            raise ValueError(f"there is no mode {unknown[0]}; modes are {', '.join(MODES)}")
        if self.episodes < 2:
            raise ValueError(f"--episodes {self.episodes} cannot give an interval; use 100 or more")
        for settings in (dict(self.dream), *self._swept()):
            _check_dream(settings)
        require_supported(self.world)
        if self.agent == "random":
            raise ValueError("--agent random does not learn; choose ppo, sac or dqn")
        sandbox_agents.make(self.agent, *self.world.spaces, 0, self.agent_config)

    def cells(self, found: Examination) -> list[Cell]:
        """All cells, the longest ones first, so that the last to end is a short one."""
        learners = [name for name in sandbox_agents.applicable(self.world.spaces[1]) if name != "random"]
        ways: dict[str, list[tuple[str | None, str]]] = {
            "dream": [(model, self.agent) for model in self.models],
            "simulator": [(None, learner) for learner in learners],
            "random": [(None, "random")],
        }
        plain = [
            Cell(
                world=self.world.name,
                arguments=dict(self.world.arguments),
                horizon=found.horizon,
                time_limit=found.world.horizon,
                mode=mode,
                model=model,
                agent=agent,
                agent_config=dict(self.agent_config) if self.agent_config and agent == self.agent else None,
                seed=seed,
                real_steps=self.real_steps,
                episodes=self.episodes,
                dream=dict(self.dream),
                device=self.device,
            )
            for seed in self.seeds
            for mode in ways
            if mode in self.modes
            for model, agent in ways[mode]
        ]
        return [one for cell in plain for one in self._at_every_value(cell)]

    def _swept(self) -> list[dict[str, Any]]:
        """The settings that are swept over, one value each; none where nothing is."""
        return [{name: value} for name, values in self.sweep.items() for value in values]

    def _at_every_value(self, cell: Cell) -> list[Cell]:
        """The cell at every value that is swept over, where its mode has such settings."""
        if not self.sweep or cell.mode in WITHOUT_MODEL:
            return [cell]
        return [replace(cell, dream=dict(cell.dream) | swept, sweep=swept) for swept in self._swept()]


def _check_dream(settings: Mapping[str, Any]) -> None:
    """Refuse what is no setting of dreams, or has no meaning as one."""
    from sandbox.modes.settings import MAY_BE_ZERO, DreamSettings

    plain = DreamSettings()
    known = {each.name: getattr(plain, each.name) for each in fields(DreamSettings)}
    for name, value in settings.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise ValueError(f"dreams have no setting {name}; {hint}")
        least = 0 if name in MAY_BE_ZERO else 1
        if isinstance(known[name], int) and (not isinstance(value, int) or value < least):
            raise ValueError(f"the dream setting {name} takes a whole number from {least}, not {value!r}")
        is_number = known[name] is None or isinstance(known[name], float)  # None: a limit that is not set
        if is_number and (not isinstance(value, int | float) or value < 0):
            raise ValueError(f"the dream setting {name} takes a number from 0, not {value!r}")
        if isinstance(known[name], dict) and not isinstance(value, dict):
            raise ValueError(f'the dream setting {name} takes JSON such as {{"head": {{"width": 64}}}}, not {value!r}')


def estimated_seconds(contrast: Contrast, jobs: int) -> float:
    """A guess at the wall-clock of a whole contrast, from what cells took on a 2-core laptop-class machine."""
    dream, learner, judged = 150.0, 0.012 * contrast.real_steps, 5.0
    learners = len(sandbox_agents.applicable(contrast.world.spaces[1])) - 1
    cells = {"dream": len(contrast.models) * dream, "simulator": learners * learner, "random": 0.0}
    each = sum(cells[mode] + judged for mode in contrast.modes)
    return len(contrast.seeds) * each / max(1, min(jobs, os.cpu_count() or 1))


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

    def ended() -> str:
        return _best(gather(contrast, found, cells, {}, out, command))

    failed = Pool(out / "cells", jobs, show).run(cells, ended)
    return gather(contrast, found, cells, failed, out, command)


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
