"""What a cell costs beside the calls of `fit` and `learn` that it is there for."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.journal import Arrays, Form, Journal, Keeper
from sandbox.modes import mode
from sandbox.modes.task import Task
from sandbox.worlds import world

BAR = 0.03


class Watched(Journal):
    """A journal that tells its own CPU time from that of the work."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.work, self.own = 0.0, 0.0  # seconds: of fits and lessons, and of everything that keeps them

    def stage(
        self, name: str, kind: str, make: Callable[[Keeper], Any], form: Form[Any], *accounts: Callable[..., Any]
    ) -> Any:
        inside = 0.0

        def watched(keeper: Keeper) -> Any:
            nonlocal inside
            keep, keeping = keeper.keep, 0.0

            def clocked(arrays: Arrays, record: Any) -> None:
                nonlocal keeping
                begun = time.process_time()
                keep(arrays, record)
                keeping += time.process_time() - begun

            keeper.keep = clocked  # type: ignore[method-assign]
            begun = time.process_time()
            product = make(keeper)
            inside = time.process_time() - begun - keeping
            return product

        begun = time.process_time()
        product = super().stage(name, kind, watched, form, *accounts)
        self.own += time.process_time() - begun - inside
        if kind in ("fit", "learn"):
            self.work += inside
        return product


@pytest.mark.slow
def test_stages_and_checkpoints_cost_little_beside_fits_and_lessons(tmp_path: Path) -> None:
    task = Task(world("Pendulum-v1"), horizon=200, real_steps=2000, seed=0, agent="ppo", model="rnn", folder=tmp_path)
    watched = task.__dict__["journal"] = Watched(tmp_path / "stages")
    mode("dream")(task)
    print(f"{watched.own:.2f} s beside {watched.work:.1f} s of fits and lessons: {watched.own / watched.work:.2%}")
    assert watched.work > 10
    assert watched.own <= BAR * watched.work
