"""The bars of the loop: what agents reach that learned in dreams; minutes a cell: `pytest -m slow tests/sandbox`."""

from pathlib import Path

import pytest

from sandbox import experiment
from sandbox.worlds import world

BARS = [("Pendulum-v1", 2000, -200.0), ("CartPole-v1", 2000, 475.0), ("Acrobot-v1", 5000, -95.0)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "real_steps", "bar"), BARS)
def test_dreams_of_every_family_reach_the_bar(name: str, real_steps: int, bar: float, tmp_path: Path) -> None:
    plan = experiment.Contrast(world(name), real_steps=real_steps, seeds=(0, 1, 2), modes=("dream",))
    results = experiment.run(plan, tmp_path / "run", jobs=2)
    for model in plan.models:
        rows = [row for row in results["rows"] if row["model"] == model]
        mean = sum(row["return_real"]["mean"] for row in rows) / len(rows)
        assert mean >= bar, f"{model} reaches {mean:.0f} of {bar:.0f}"
        assert all(row["wall_seconds"]["total"] <= 240 for row in rows)
