"""A contrast is a folder of cells: whole, honest about failures, and never done twice."""

import errno
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

import sandbox_agents
from sandbox import cell, experiment, files, report
from sandbox.budget import Budget, OverspentError
from sandbox.candidates import Candidate, choose
from sandbox.cell import LOCK, run_cell
from sandbox.collection import collect
from sandbox.counted import Counted
from sandbox.models.fit import FitSettings, fit
from sandbox.modes.task import Task
from sandbox.pool import Pool
from sandbox.trajectories import Trajectories, concatenate
from sandbox.worlds import PATIENCE, examine, world

HERE = Path(__file__).parent
QUICK = {"rounds": 2, "dream_steps": 512, "dream_steps_per_real": 1, "effort": 0.02, "rows": 8, "starts": 32}


def contrast(name: str, **changes: object) -> experiment.Contrast:
    settings: dict[str, object] = {
        "models": ("mixture",),
        "real_steps": 120,
        "seeds": (0,),
        "episodes": 4,
        "dream": QUICK,
    }
    return experiment.Contrast(world=world(name), **({"dream": QUICK} | settings | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("contrast") / "run"
    experiment.run(contrast("CartPole-v1"), out, jobs=2, command="sandbox contrast CartPole-v1")
    return out


def rows(out: Path) -> list[dict]:
    return json.loads((out / "results.json").read_text())["rows"]


def test_every_way_of_learning_has_its_row(finished: Path) -> None:
    ways = {(row["mode"], row["model"], row["agent"]) for row in rows(finished)}
    assert ways == {
        ("random", None, "random"),
        ("constant", None, "constant"),
        ("simulator", None, "ppo"),
        ("simulator", None, "dqn"),
        ("dream", "mixture", "ppo"),
    }
    assert all(row["status"] == "done" for row in rows(finished)), [row["error"] for row in rows(finished)]


def test_a_later_rounds_fit_goes_on_from_the_last_one_and_takes_fewer_updates(finished: Path) -> None:
    (folder,) = (finished / "cells").glob("dream-*")
    updates = [json.loads(line)["update"] for line in (folder / "fit.jsonl").read_text().splitlines()]
    assert len(updates) == 2, "one judgement for each round"
    assert 0 < updates[1] < 0.6 * updates[0]


def test_the_budget_is_spent_to_the_step_and_evaluation_is_counted_apart(finished: Path) -> None:
    for row in rows(finished):
        assert row["real_steps"] == (0 if row["mode"] == "random" else 120)
        assert row["return_real"]["episodes"] == 4
        assert row["evaluation_steps"] >= row["return_real"]["mean"] * 4 - 1e-6
        assert row["return_real"]["low"] <= row["return_real"]["mean"] <= row["return_real"]["high"]


def test_a_dream_return_never_stands_without_a_real_one(finished: Path) -> None:
    for row in rows(finished):
        assert (row["return_dream"] is not None) == (row["mode"] == "dream")
        assert row["return_real"] is not None
    dream = next(row for row in rows(finished) if row["mode"] == "dream")
    assert dream["dream_steps"] >= 512 * len(dream["curve"])
    assert dream["dream_steps"] % 512 == 0
    assert set(dream["wall_seconds"]) == {"collect", "fit", "learn", "plan", "total"}
    assert all(math.isfinite(figure) for figure in dream["fidelity"].values())
    assert {"energy_score", "persistence", "climatology"} <= set(dream["fidelity"])


def test_a_dreams_row_says_where_its_model_goes_wrong_and_the_report_shows_it(finished: Path) -> None:
    cards = {row["mode"]: row["card"] for row in rows(finished)}
    assert not cards["simulator"]
    assert not cards["random"]
    curves = cards["dream"]["drift"]
    assert len(curves["dream"]) == 6, "the choice had 12 steps, all of one life"
    assert curves["dream"][0] < curves["climatology"][0], "even a hasty model knows that little changes in one step"
    errors = cards["dream"]["dimensions"]
    assert len(errors) == 4
    assert all(map(math.isfinite, [*errors.values(), *(value for curve in curves.values() for value in curve)]))

    page = report.write(finished).read_text()
    assert "Where the dreams go wrong" in page
    worst = max(errors, key=lambda name: errors[name])
    assert f"The largest errors: {worst}: " in page
    assert page.index("climatology: ", page.index("models&#x27; forecasts by steps ahead")) > 0


def test_the_agent_of_a_row_loads_and_acts(finished: Path) -> None:
    envs = world("CartPole-v1").make_vec(3)
    obs, _ = envs.reset(seed=0)
    for row in rows(finished):
        agent = sandbox_agents.load(row["agent_path"])
        assert envs.action_space.contains(agent.act(obs))


def test_the_folder_becomes_a_report(finished: Path) -> None:
    page = report.write(finished).read_text()
    assert "CartPole-v1" in page
    dream = next(row for row in rows(finished) if row["mode"] == "dream")
    assert (finished / "cells" / dream["cell"] / "dream.webp").exists()


def test_the_models_are_recorded_beside_the_simulator_once(finished: Path) -> None:
    said: list[str] = []
    assert report.film(finished, said.append) is None
    with Image.open(finished / "mosaic.webp") as film:
        assert film.size == (960, 540)
        assert getattr(film, "n_frames", 1) > 10
    page = report.write(finished).read_text()
    assert "Animation: the simulator beside the dreams of mixture" in page
    made = (finished / "mosaic.webp").stat().st_mtime_ns
    assert report.film(finished, said.append) is None
    assert (finished / "mosaic.webp").stat().st_mtime_ns == made
    assert len(said) == 1


def test_a_film_that_cannot_be_made_costs_a_sentence_only(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    (folder / "mosaic.webp").unlink(missing_ok=True)
    dream = next(row for row in rows(folder) if row["mode"] == "dream")
    (folder / "cells" / dream["cell"] / "model" / "model.json").write_text("{")
    said = report.film(folder, lambda _: None)
    assert said is not None
    assert "model.json" in said
    assert "The models were not recorded side by side." in report.write(folder).read_text()


def test_a_finished_contrast_is_not_done_again(finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.glob("cells/*/row.json")}
    said: list[str] = []
    again = experiment.run(contrast("CartPole-v1"), finished, warn=said.append)
    assert before == {path: path.stat().st_mtime_ns for path in finished.glob("cells/*/row.json")}
    assert again["rows"] == rows(finished)
    assert "5 of 5 cells" in said[0]


def test_a_folder_of_other_results_is_refused_and_left_alone(finished: Path) -> None:
    before = (finished / "results.json").read_bytes()
    with pytest.raises(ValueError, match="holds other results"):
        experiment.run(contrast("CartPole-v1", real_steps=130), finished)
    assert (finished / "results.json").read_bytes() == before


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match="holds other results"):
        experiment.run(contrast("CartPole-v1"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_failed_cell_is_reported_while_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strange_worlds.py").write_text((HERE / "strange_worlds.py").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    plan = contrast("strange_worlds:Tiring", modes=("random", "dream"), real_steps=400)
    results = experiment.run(plan, tmp_path / "run", jobs=2)
    by_mode = {row["mode"]: row for row in results["rows"]}
    assert by_mode["random"]["status"] == "done"
    assert by_mode["dream"]["status"] == "failed"
    assert "the environment raised at step" in by_mode["dream"]["error"]
    assert "out of licences" in by_mode["dream"]["error"]
    log = tmp_path / "run" / "cells" / by_mode["dream"]["cell"] / "log.txt"
    assert "Traceback" in log.read_text()
    report.write(tmp_path / "run")


def full_disk(monkeypatch: pytest.MonkeyPatch, *refused: str) -> None:
    """From now on no file whose path ends in one of `refused` can be written."""
    write = files.write_json

    def written(path: Path, value: Any) -> None:
        if path.as_posix().endswith(refused):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, value)

    monkeypatch.setattr(files, "write_json", written)


def test_a_cell_without_room_fails_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = contrast("CartPole-v1", modes=("random",), seeds=(0, 1))
    first = plan.cells(examine(plan.world))[0]
    full_disk(monkeypatch, f"{first.name}/cell.json")
    by_seed = {row["seed"]: row for row in experiment.run(plan, tmp_path / "run")["rows"]}
    assert (by_seed[0]["status"], by_seed[1]["status"]) == ("failed", "done")
    assert by_seed[0]["error"].endswith(f"{first.name}/cell.json cannot be written (No space left on device)")
    monkeypatch.undo()
    assert [row["status"] for row in experiment.run(plan, tmp_path / "run")["rows"]] == ["done", "done"]


def test_results_without_room_are_told_and_what_has_ended_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = contrast("CartPole-v1", modes=("random",))
    full_disk(monkeypatch, "results.json")
    with pytest.raises(ValueError, match=r"results\.json cannot be written \(No space left on device\).*goes on"):
        experiment.run(plan, tmp_path / "run")
    assert list(tmp_path.glob("run/cells/*/row.json"))
    monkeypatch.undo()
    told: list[str] = []
    assert experiment.run(plan, tmp_path / "run", warn=told.append)["rows"][0]["status"] == "done"
    assert any("1 of 1 cells are in" in sentence for sentence in told)


def test_a_cell_on_a_full_disk_ends_in_one_sentence_and_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def strike(folder: Path, report: Callable[[str], None]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(folder / "agent"))

    monkeypatch.setattr(cell, "run_cell", strike)
    monkeypatch.setattr(sys, "argv", ["cell", str(tmp_path)])
    with pytest.raises(SystemExit) as status:
        cell.main()
    assert status.value.code == cell.MISTAKE
    assert capsys.readouterr().out.endswith(f"error: {tmp_path}/agent cannot be written (No space left on device)\n")
    monkeypatch.setattr(cell, "run_cell", lambda *_: (_ for _ in ()).throw(ConnectionError("gone")))
    with pytest.raises(ConnectionError):  # as a simulator may raise: worth another trial
        cell.main()


def test_the_curves_of_two_seeds_have_different_episodes_and_those_of_one_the_same(tmp_path: Path) -> None:
    plain = world("Pendulum-v1")
    tasks = [Task(plain, 200, 400, seed, "ppo", curve_episodes=10, folder=tmp_path / f"{seed}") for seed in (0, 1)]
    still = sandbox_agents.make("ppo", *plain.spaces, seed=0)
    first, second = (task.judge_for_curve(still, "point") for task in tasks)
    assert first != second
    assert tasks[0].judge_for_curve(still, "again") == first
    assert contrast("CartPole-v1", curve_episodes=7).cells(examine(world("CartPole-v1")))[0].curve_episodes == 7
    with pytest.raises(ValueError, match="--curve-episodes 0 draws no curve"):
        contrast("CartPole-v1", curve_episodes=0).check()


def test_two_configurations_never_share_a_folder() -> None:
    found = examine(world("CartPole-v1"))
    one, other = (contrast("CartPole-v1", real_steps=steps).cells(found) for steps in (120, 130))
    assert not {cell.name for cell in one} & {cell.name for cell in other}


def test_a_sweep_runs_every_dream_at_every_value_and_nothing_else_twice() -> None:
    found = examine(world("CartPole-v1"))
    cells = contrast("CartPole-v1", sweep={"temperature": [0.5, 1.0, 1.3]}).cells(found)
    assert sorted(cell.dream["temperature"] for cell in cells if cell.mode == "dream") == [0.5, 1.0, 1.3]
    assert [cell.sweep for cell in cells if cell.mode != "dream"] == [{}] * 4
    assert len({cell.name for cell in cells}) == len(cells)


def test_a_world_without_seeds_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    assert "cannot be seeded" in examine(world("strange_worlds:Unseeded")).warnings[0]
    assert examine(world("strange_worlds:Walk")).warnings == ()
    assert "ended at its first step" in examine(world("strange_worlds:Momentary")).warnings[0]


def test_more_seeds_may_join_a_folder(finished: Path, tmp_path: Path) -> None:
    finished = shutil.copytree(finished, tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in finished.glob("cells/*/row.json")}
    results = experiment.run(contrast("CartPole-v1", seeds=(0, 1), models=("mixture",)), finished, jobs=2)
    assert len(results["rows"]) == 10
    assert all(path.stat().st_mtime_ns == time for path, time in before.items()), "what was done is not done again"


def test_a_folder_keeps_the_horizon_that_it_began_with(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulators that do not repeat themselves show another longest life at every examination."""
    finished = shutil.copytree(finished, tmp_path / "run")
    other = replace(examine(world("CartPole-v1")), horizon=77)
    monkeypatch.setattr(experiment, "examine", lambda _: other)
    assert experiment.run(contrast("CartPole-v1"), finished)["rows"]


def test_a_cell_waits_for_the_process_that_runs_it(finished: Path) -> None:
    folder = next(finished.glob("cells/random-*"))
    said: list[str] = []
    with FileLock(folder / LOCK):
        waiting = threading.Thread(target=run_cell, args=(folder, said.append))
        waiting.start()
        waiting.join(0.6)
    waiting.join(5)
    assert said[0] == "wait for another process, which runs this cell"
    assert not waiting.is_alive()


def test_a_contrast_that_is_told_to_stop_takes_its_cells_along(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox", "contrast", "Pendulum-v1", "--models", "mixture", "--seeds", "0"]
    grid = subprocess.Popen(
        [*command, "--modes", "dream", "--out", str(tmp_path / "run")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    cell = _wait_for(lambda: next((tmp_path / "run").glob("cells/*/log.txt"), None)).parent
    grid.send_signal(signal.SIGTERM)
    _, complaint = grid.communicate(timeout=30)
    assert grid.returncode == 130
    assert "the same command goes on where it stopped" in complaint.decode()
    with FileLock(cell / LOCK, timeout=5):
        assert not (cell / "row.json").exists()


def test_a_cell_that_is_being_started_when_the_grid_is_told_to_stop_is_stopped_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, started = subprocess.Popen, []

    def struck(*arguments: Any, **named: Any) -> subprocess.Popen[bytes]:
        started.append(start(*arguments, **named))
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)  # the handler runs before this ends
        return started[-1]

    plan = contrast("CartPole-v1", modes=("dream",))
    cells = plan.cells(examine(plan.world))
    monkeypatch.setattr(subprocess, "Popen", struck)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        Pool(tmp_path, 1, lambda status: None).run(cells, lambda: "")
    assert [process.poll() for process in started] == [-signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before


def _wait_for(found: Callable[[], Any], seconds: float = 60.0) -> Any:
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        if (result := found()) is not None:
            return result
        time.sleep(0.1)
    raise AssertionError("waited in vain")


def test_no_step_beyond_the_budget_is_taken() -> None:
    envs = Counted(world("CartPole-v1"), Budget(10), seed=0)
    envs.reset()
    for _ in range(10):
        envs.step(np.array([0]))
    with pytest.raises(OverspentError):
        envs.step(np.array([0]))


class Always:
    """An agent that pushes to one side, or balances."""

    def __init__(self, balances: bool) -> None:
        self.name = "always"
        self.balances = balances
        self.observation_space, self.action_space = world("CartPole-v1").spaces

    def act(self, obs: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        lean = obs[:, 2] + 0.5 * obs[:, 3] + 0.1 * obs[:, 0] + 0.2 * obs[:, 1]
        return (lean > 0).astype(np.int64) if self.balances else np.zeros(len(obs), np.int64)

    def save(self, path: Path) -> None:
        raise AssertionError("nobody saves a test's agent")


def test_the_choice_among_rounds_prefers_the_better_agent() -> None:
    rng = np.random.default_rng(0)
    envs = world("CartPole-v1").make_vec(1)
    data = collect(envs, Always(True), 300, rng, horizon=500)
    pushed = collect(envs, Always(False), 100, rng, horizon=500)
    model = fit(concatenate([data, pushed]), "mixture", settings=FitSettings(updates=400))
    counted = Counted(world("CartPole-v1"), Budget(60), seed=0)
    candidates = [Candidate(1, Always(True)), Candidate(2, Always(False))]

    def play(agent: Always, turn: int) -> Trajectories:
        return collect(counted, agent, 1, rng, finish_up_to=counted.budget.left)

    assert choose(candidates, model, counted.budget, play, rng).round == 1
    assert counted.budget.spent == 60


def test_an_agent_that_could_live_forever_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strange_worlds.py").write_text((HERE / "strange_worlds.py").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = examine(world("strange_worlds:Walk"))
    assert found.horizon < 500, "the longest episode seen"
    assert found.world.horizon == PATIENCE
