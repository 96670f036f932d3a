"""One cell of a contrast is one folder: world, mode, model, agent, seed and budget. `run_cell(folder)` is its door."""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sandbox import files

CELL, ROW = "cell.json", "row.json"
# Far from every seed that learns: the same fresh episodes judge every agent of a contrast.
EVALUATION_SEED = 1_000_000_007
EVALUATION_ROWS = 10


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
    dream: Mapping[str, Any] = field(default_factory=dict)  # changes to DreamSettings
    device: str = "cpu"

    @property
    def name(self) -> str:
        """A folder name: readable, and different for every difference in configuration."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:8]
        return "-".join([self.mode, (self.model or self.agent).replace("+", "_"), f"seed{self.seed}", digest])

    @classmethod
    def read(cls, folder: Path) -> "Cell":
        """The cell whose folder this is."""
        return cls(**files.read_json(folder / CELL))


def run_cell(folder: Path, report: Callable[[str], None] = print) -> None:
    """Do what `folder/cell.json` says, and write `folder/row.json` last; a cell with a row is done already."""
    cell = Cell.read(folder)
    if (folder / ROW).exists():
        return
    # Here, because torch takes seconds to import and a grid of cells only needs their names.
    import numpy as np
    import torch

    from sandbox import modes
    from sandbox.worlds import World
    from sandbox_agents import evaluate

    torch.set_num_threads(1)
    world = World(cell.world, dict(cell.arguments), cell.time_limit)
    task = modes.Task(
        world=world,
        horizon=cell.horizon,
        real_steps=cell.real_steps,
        seed=cell.seed,
        agent=cell.agent,
        agent_config=cell.agent_config,
        model=cell.model,
        dream=modes.DreamSettings(**cell.dream),
        folder=folder,
        report=report,
        device=cell.device,
    )
    begun, worked = time.perf_counter(), time.process_time()
    learned = modes.MODES[cell.mode](task)
    total, cpu = time.perf_counter() - begun, time.process_time() - worked
    report(f"evaluate over {cell.episodes} fresh episodes")
    envs = world.make_vec(EVALUATION_ROWS)
    # Greedy, but for the random agent, which plays each seed anew.
    rng = np.random.default_rng(cell.seed) if cell.mode == "random" else None
    judged = evaluate(learned.agent, envs, cell.episodes, seed=EVALUATION_SEED, rng=rng)
    envs.close()
    learned.agent.save(folder / "agent")
    row: dict[str, Any] = {
        "mode": cell.mode,
        "model": cell.model,
        "agent": cell.agent,
        "seed": cell.seed,
        "real_steps": learned.real_steps,
        "dream_steps": learned.dream_steps,
        "wall_seconds": {**{k: round(v, 3) for k, v in learned.seconds.items()}, "total": round(total, 3)},
        "cpu_seconds": round(cpu, 3),  # on a busy machine a better measure of cost than the wall-clock
        "return_real": {"mean": judged.mean, "low": judged.low, "high": judged.high, "episodes": len(judged.returns)},
        "return_dream": None,
        "evaluation_steps": judged.steps,
        "curve": learned.curve,
        "status": "done",
        "error": None,
        "fidelity": learned.fidelity,
        "notes": learned.notes,
    }
    if learned.model is not None:
        report("evaluate in the dream, and record both")
        row["return_dream"] = modes.dream_return(learned, cell.episodes)
        learned.model.save(folder / "model")
        row["notes"] += modes.record(task, learned, EVALUATION_SEED)
    files.write_json(folder / ROW, row)


def main() -> None:
    """Run the cell whose folder is the only argument; a user's mistake ends in one sentence and status 2."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    folder = Path(sys.argv[1])
    try:
        run_cell(folder, lambda stage: print(stage, flush=True))
    except ValueError as error:
        import traceback

        traceback.print_exc()
        print(f"error: {error}", flush=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
