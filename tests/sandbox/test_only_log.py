"""People who have a log and no simulator: scores, an agent and how far to trust it; no return and no price."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sandbox_agents
from sandbox.collection import collect
from sandbox.only_log import LogStudy, run, trust
from sandbox.trajectories import Trajectories
from sandbox.worlds import world

QUICK = {"dream_steps": 256, "dream_steps_per_real": 1, "effort": 0.02, "rows": 8}


@pytest.fixture(scope="module")
def log() -> Trajectories:
    envs = world("CartPole-v1").make_vec(1)
    actor = sandbox_agents.make("random", *world("CartPole-v1").spaces, 0)
    return collect(envs, actor, 300, np.random.default_rng(0), horizon=500)


@pytest.fixture(scope="module")
def finished(log: Trajectories, tmp_path_factory: pytest.TempPathFactory) -> tuple[LogStudy, Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("only") / "log"
    study = LogStudy(log, ("mixture",), (0,), dream=QUICK | {"ensemble": 2})
    return study, out, run(study, out, report=lambda stage: None)


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for part in value.values() for key in keys(part)}
    return {key for part in value for key in keys(part)} if isinstance(value, list) else set()


def test_no_return_of_a_simulator_and_no_price_are_told(finished: tuple[LogStudy, Path, dict[str, Any]]) -> None:
    _, out, results = finished
    assert json.loads((out / "only_log.json").read_text()) == results
    assert not {key for key in keys(results) if re.search("return_real|price|real_steps|simulator", key)}


def test_a_promise_stands_beside_what_the_log_returned(
    finished: tuple[LogStudy, Path, dict[str, Any]], log: Trajectories
) -> None:
    (row,) = finished[2]["rows"]
    assert row["return_dream"]["low"] <= row["return_dream"]["mean"] <= row["return_dream"]["high"]
    assert finished[2]["log_return"]["best"] == log.returns[log.complete].max()
    assert 0 <= row["outside_data"] <= 1
    assert row["disagreement"]["agent"] > 0
    assert "energy_score" in row["card"]["figures"]["one_step"]
    assert "no simulator was given" in row["card"]["left_out"].values()


def test_the_agent_of_a_log_loads_and_acts(finished: tuple[LogStudy, Path, dict[str, Any]]) -> None:
    agent = sandbox_agents.load(finished[2]["rows"][0]["agent_path"])
    obs, _ = world("CartPole-v1").make_vec(2).reset(seed=0)
    assert len(agent.act(obs)) == 2


def test_what_a_folder_holds_is_not_done_again(finished: tuple[LogStudy, Path, dict[str, Any]]) -> None:
    study, out, results = finished
    said: list[str] = []
    assert run(study, out, report=said.append) == results
    assert said == []


def test_a_folder_of_another_log_is_refused(finished: tuple[LogStudy, Path, dict[str, Any]], log: Trajectories) -> None:
    other = LogStudy(log.episodes([0, 1, 2]), ("mixture",), (0,), dream=QUICK)
    with pytest.raises(ValueError, match="holds other results"):
        run(other, finished[1])


def test_promises_beyond_all_data_are_doubted(
    finished: tuple[LogStudy, Path, dict[str, Any]], log: Trajectories
) -> None:
    row = finished[2]["rows"][0]
    promise, least = {"mean": 1e6, "high": 1e6}, {"mean": -7.5}
    wild = row | {"return_dream": promise, "return_cautious": least, "outside_data": 0.4, "disagreement": None}
    said = " ".join(trust(wild, log))
    assert "more than any episode of the log returned" in said
    assert "40% of its dream outside the range of the log; if the worst awaits it there, the promise is -7.5" in said
    assert "one model cannot doubt itself" in said


def test_an_agent_that_promises_less_than_the_log_is_no_bargain(
    finished: tuple[LogStudy, Path, dict[str, Any]], log: Trajectories
) -> None:
    row = finished[2]["rows"][0]
    mean = log.returns[log.complete].mean()
    said = [trust(row | {"return_dream": {"mean": mean - 2, "high": mean + by}}, log) for by in (-1, 1)]
    assert ["whoever made the log is the better choice" in " ".join(sentences) for sentences in said] == [True, False]
