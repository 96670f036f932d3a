"""One cell of a contrast is one folder: world, mode, model, agent, seed and budget. `run_cell(folder)` is its door."""

import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from sandbox import files
from sandbox.modes import mode

if TYPE_CHECKING:
    from sandbox.modes.task import Learned
    from sandbox.trajectories import Trajectories

CELL, ROW, LOCK = "cell.json", "row.json", ".lock"
LOG = "log.data"  # beside the folder `cells`
_RARE = ("log", "eyes")  # what most cells lack does not change their names
MISTAKE = 2  # the exit status of a cell that trying again would not help
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True)
class Cell:
    """Everything that decides a cell's result."""

    world: str
    arguments: Mapping[str, Any]
    horizon: int
    time_limit: int | None  # what is wrapped around an environment that has none of its own
    mode: str
    model: str | None
    agent: str
    agent_config: Mapping[str, Any] | None
    seed: int
    real_steps: int
    episodes: int = 100
    curve_episodes: int = 20
    dream: Mapping[str, Any] = field(default_factory=dict)  # changes to DreamSettings
    sweep: Mapping[str, Any] = field(default_factory=dict)  # which of them is swept over, and its value here
    device: str = "cpu"
    log: str | None = None  # the fingerprint of the log that it begins with, which lies beside the cells
    eyes: str | None = None  # the fingerprint of the eyes that its world is seen through

    @property
    def name(self) -> str:
        """A folder name: readable, and different for every difference in configuration."""
        known = {name: value for name, value in asdict(self).items() if name not in _RARE or value is not None}
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:8]
        return "-".join([self.mode, (self.model or self.agent).replace("+", "_"), f"seed{self.seed}", digest])

    @classmethod
    def read(cls, folder: Path) -> "Cell":
        """The cell whose folder this is."""
        return cls(**files.read_json(folder / CELL))


def run_cell(folder: Path, report: Callable[[str], None] = print) -> None:
    """Do what `folder/cell.json` says, and write `folder/row.json` last; a cell with a row is done already.

    A cell belongs to one process at a time: another one waits, and finds the row. The operating system gives the lock
    back when a process dies, however it dies.
    """
    cell = Cell.read(folder)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        report("wait for another process, which runs this cell")
        lock.acquire(poll_interval=0.5)
    try:
        if not (folder / ROW).exists():
            for stale in folder.rglob(".*.tmp"):
                shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
            _run(cell, folder, report)
    finally:
        lock.release()


def _run(cell: Cell, folder: Path, report: Callable[[str], None]) -> None:
    # Here, because torch takes seconds to import and a grid of cells only needs their names.
    import torch

    from sandbox import pictures
    from sandbox.modes.settings import DreamSettings
    from sandbox.modes.task import EVALUATION_SEED, WORK, Task
    from sandbox.worlds import World

    torch.set_num_threads(1)
    world = World(cell.world, dict(cell.arguments), cell.time_limit)
    if world.eyes != cell.eyes:
        raise ValueError(f"the eyes in {cell.world} are not those that this contrast began with; put those back")
    task = Task(
        world=world,
        horizon=cell.horizon,
        real_steps=cell.real_steps,
        seed=cell.seed,
        agent=cell.agent,
        agent_config=cell.agent_config,
        model=cell.model,
        dream=DreamSettings(**cell.dream),
        log=_log(cell, folder),
        curve_episodes=cell.curve_episodes,
        folder=folder,
        report=report,
        device=cell.device,
    )
    learned = mode(cell.mode)(task)
    judged = task.judge(learned.agent, cell.episodes, EVALUATION_SEED)
    learned.agent.save(folder / "agent")
    work = task.journal.cost(*WORK, between=True)
    seconds = {kind: round(task.journal.cost(kind).wall, 3) for kind in WORK}
    row: dict[str, Any] = {
        "mode": cell.mode,
        "model": cell.model,
        "agent": cell.agent,
        "seed": cell.seed,
        "real_steps": task.budget.spent,
        "dream_steps": learned.dream_steps,
        "wall_seconds": seconds | {"total": round(work.wall, 3)},
        "cpu_seconds": round(work.cpu, 3),  # on a busy machine a better measure of cost than the wall-clock
        "simulator_seconds": round(task.envs.seconds, 3),
        "return_real": {"mean": judged.mean, "low": judged.low, "high": judged.high, "episodes": len(judged.returns)},
        "return_dream": None,
        "evaluation_steps": judged.steps,
        "curve": learned.curve,
        "status": "done",
        "error": None,
        "fidelity": learned.fidelity,
        "card": learned.card,
        "notes": learned.notes,
        **learned.extras,
    }
    if learned.model is not None:
        report("evaluate in the dream, and record both")
        row["return_dream"] = _dream_return(learned, cell.episodes, task.dream.temperature)
        learned.model.save(folder / "model")
        row["notes"] += pictures.record(task.world, learned.agent, learned.model, folder, EVALUATION_SEED)
    task.envs.close()
    files.write_json(folder / ROW, row)
    shutil.rmtree(task.journal.folder, ignore_errors=True)


def _log(cell: Cell, folder: Path) -> "Trajectories | None":
    from sandbox.trajectories import Trajectories

    if cell.log is None:
        return None
    log = Trajectories.load(folder.parents[1] / LOG)
    if log.fingerprint != cell.log:
        raise ValueError(f"{folder.parents[1] / LOG} is not the log that this contrast began with; put that back")
    return replace(log, horizon=cell.horizon)


def _dream_return(learned: "Learned", episodes: int, temperature: float) -> float:
    """The agent's return in the dream that it was chosen in; notes how often that dream left the space."""
    from sandbox.dream import DreamVectorEnv
    from sandbox_agents import evaluate

    assert learned.model is not None
    envs = DreamVectorEnv(learned.model, min(episodes, 64), temperature=temperature)
    returned = evaluate(learned.agent, envs, episodes, seed=0).mean
    learned.fidelity["clipped"] = envs.clipped / envs.dreamed
    return returned


def main() -> None:
    """Run the cell whose folder is the only argument; a mistake or a full disk ends in one sentence and status 2."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    folder = Path(sys.argv[1])
    try:
        run_cell(folder, lambda stage: print(stage, flush=True))
    except (ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_ROOM:
            raise
        import traceback

        traceback.print_exc()
        print(f"error: {files.refusal(error, folder) if isinstance(error, OSError) else error}", flush=True)
        sys.exit(MISTAKE)


if __name__ == "__main__":
    main()
