"""A power cut at any moment: the grid and its cells are killed, started again, and end as if nothing had happened."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# What a clock measured, and where a folder lies.
MEASURED = {"wall_seconds", "cpu_seconds", "simulator_seconds", "step_seconds", "agent_path", "command"}
KILLS = 30


def contrast(out: Path) -> list[str]:
    task = "contrast CartPole-v1 --models rnn --real-steps 600 --seeds 0 --episodes 20 --jobs 2"
    small = "--set rounds=3 --set dream_steps=4000 --set effort=0.3"
    return [sys.executable, "-m", "sandbox", *task.split(), *small.split(), "--out", str(out)]


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def computed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: computed(part) for key, part in value.items() if key not in MEASURED}
    return [computed(part) for part in value] if isinstance(value, list) else value


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the grid's cells in Linux's /proc")
def test_thirty_power_cuts_change_nothing(tmp_path: Path) -> None:
    subprocess.run(contrast(tmp_path / "calm"), check=True, stdout=subprocess.DEVNULL)
    moments = random.Random(0)
    for _ in range(KILLS):
        grid = subprocess.Popen(contrast(tmp_path / "cut"), stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            assert grid.wait(moments.uniform(3, 12)) == 0
        except subprocess.TimeoutExpired:
            for pid in [*children(grid.pid), grid.pid]:
                os.kill(pid, signal.SIGKILL)
            grid.wait()
    subprocess.run(contrast(tmp_path / "cut"), check=True, stdout=subprocess.DEVNULL)
    calm, cut = (computed(json.loads((tmp_path / name / "results.json").read_text())) for name in ("calm", "cut"))
    assert calm == cut
    assert not list((tmp_path / "cut").rglob(".*.tmp")), "nothing half-written is left"
    assert len(list((tmp_path / "cut").glob("cells/*"))) == len(calm["rows"]), "no cell is lost or doubled"
