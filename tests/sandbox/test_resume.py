"""Work that was interrupted at any moment ends with the same bits as work that never was."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import sandbox_agents
from sandbox.budget import Budget
from sandbox.collection import collect
from sandbox.counted import CannotReplayError, Counted
from sandbox.dream import DreamVectorEnv
from sandbox.journal import FACTS, Journal, Keeper
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories
from sandbox.worlds import world

HERE = Path(__file__).parent


class Killed(BaseException):
    """What a test raises where a power cut would strike."""


class Impatient(Keeper):
    """Keeps at every chance, and dies at the chosen one."""

    def __init__(self, path: Path, dies_at: int | None) -> None:
        super().__init__(path, every=0.0)
        self.chances, self.dies_at = 0, dies_at

    def keep(self, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> None:
        super().keep(arrays, record)
        self.chances += 1
        if self.chances == self.dies_at:
            raise Killed


def killed_and_resumed(tmp_path: Path, work: Callable[[Keeper], Any], dies_at: int = 2) -> Any:
    with pytest.raises(Killed):
        work(Impatient(tmp_path / "kept", dies_at))
    return work(Impatient(tmp_path / "kept", None))


def simulator(name: str = "CartPole-v1", steps: int = 4000) -> Counted:
    return Counted(world(name), Budget(steps), seed=3)


def lived(name: str, keeper: Keeper | None = None) -> Trajectories:
    envs = simulator(name)
    actor = sandbox_agents.make("random", envs.single_observation_space, envs.single_action_space, 0)
    return collect(envs, actor, 120, np.random.default_rng(1), keeper=keeper)


@pytest.mark.parametrize("name", ["CartPole-v1", "sandbox/Lander-v0"])
def test_a_collection_goes_on_where_it_was(name: str, tmp_path: Path) -> None:
    undisturbed = lived(name)
    resumed = killed_and_resumed(tmp_path, lambda keeper: lived(name, keeper), dies_at=77)
    for column in ("obs", "action", "reward", "next_obs", "terminated", "truncated", "lengths"):
        assert np.array_equal(getattr(undisturbed, column), getattr(resumed, column)), column


def equal_tensors(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(np.asarray(one[name]), np.asarray(other[name]), equal_nan=True) for name in one
    )


@pytest.mark.parametrize(("model", "members"), [("rnn", 1), ("gan", 1), ("diffusion", 1), ("mixture", 2)])
@pytest.mark.parametrize("dies_at", [1, 3])
def test_a_fit_goes_on_where_it_was(model: str, members: int, dies_at: int, tmp_path: Path) -> None:
    data = lived("CartPole-v1")
    settings = FitSettings(updates=30, judge_every=10, ensemble=members)

    def work(keeper: Keeper | None) -> FittedModel:
        return fit(data, model, settings=settings, keeper=keeper)

    undisturbed = work(None)
    resumed = killed_and_resumed(tmp_path, work, dies_at * members)
    assert equal_tensors(undisturbed.network.state_dict(), resumed.network.state_dict())
    assert np.array_equal(undisturbed.usual, resumed.usual)
    assert equal_tensors(vars(undisturbed.starts), vars(resumed.starts))
    assert undisturbed.provenance == resumed.provenance


@pytest.mark.parametrize(("name", "agent"), [("Pendulum-v1", "ppo"), ("Pendulum-v1", "sac"), ("CartPole-v1", "dqn")])
def test_learning_in_the_simulator_goes_on_where_it_was(name: str, agent: str, tmp_path: Path) -> None:
    small = {"rollout_size": 64, "batch_size": 32} if agent == "ppo" else {"batch_size": 32, "learning_starts": 40}

    def work(keeper: Keeper | None) -> dict[str, Any]:
        learner = sandbox_agents.make(agent, *world(name).spaces, 0, small)
        learner.learn(simulator(name), 400, keeper=keeper)
        return learner._tensors()

    assert equal_tensors(work(None), killed_and_resumed(tmp_path, work))


@pytest.mark.parametrize("model", ["rnn", "transformer"])
def test_learning_in_a_dream_goes_on_where_it_was(model: str, tmp_path: Path) -> None:
    dreamt = fit(lived("CartPole-v1"), model, settings=FitSettings(updates=20))

    def work(keeper: Keeper | None) -> dict[str, Any]:
        learner = sandbox_agents.make("ppo", *world("CartPole-v1").spaces, 0, {"rollout_size": 128})
        learner.learn(DreamVectorEnv(dreamt, 8), 512)
        learner.learn(DreamVectorEnv(dreamt, 8, cautious=True), 1024, keeper=keeper)
        return learner._tensors()

    assert equal_tensors(work(None), killed_and_resumed(tmp_path, work))


def test_an_agent_from_a_file_learns_on_as_the_one_in_memory() -> None:
    dreamt = fit(lived("CartPole-v1"), "mixture", settings=FitSettings(updates=20))
    agent = sandbox_agents.make("ppo", *world("CartPole-v1").spaces, 0, {"rollout_size": 128})
    agent.learn(DreamVectorEnv(dreamt, 8), 512)
    restored = agent.frozen()
    for each in (agent, restored):
        each.learn(DreamVectorEnv(dreamt, 8), 512)
    assert equal_tensors(agent._tensors(), restored._tensors())


def test_what_cannot_be_replayed_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    envs = Counted(world("strange_worlds:Unseeded"), Budget(1000), seed=0)
    actor = sandbox_agents.make("random", envs.single_observation_space, envs.single_action_space, 0)

    kept: list[Mapping[str, NDArray[Any]]] = []

    def stage(journal: Journal, dies_at: int | None) -> dict[str, Any]:
        def work(keeper: Keeper) -> dict[str, Any]:
            impatient = Impatient(journal.path("collect (unfinished)"), dies_at)
            monkeypatch.setattr(
                keeper, "keep", lambda arrays, record: (kept.append(arrays), impatient.keep(arrays, record))
            )
            monkeypatch.setattr(keeper, "_every", 0.0)
            return {"steps": len(collect(envs, actor, 50, np.random.default_rng(0), keeper=keeper))}

        return journal.stage("collect", "collect", work, FACTS, envs.account, envs.settle)

    with pytest.raises(Killed):
        stage(Journal(tmp_path), 30)
    envs.settle({"episode": 0, "spent": 0, "returns": [], "ended_at": [], "seconds": 0.0})
    assert stage(Journal(tmp_path), None) == {"steps": 50}
    assert envs.budget.spent == 50, "steps of the life that was lost are not counted twice"
    with pytest.raises(CannotReplayError):
        envs.restore(kept[-1])


def test_a_stage_that_ended_is_read_and_not_done_again(tmp_path: Path) -> None:
    done: list[int] = []

    def work(_: Keeper) -> dict[str, Any]:
        done.append(1)
        return {"figure": 7}

    for _ in range(2):
        assert Journal(tmp_path).stage("fit", "fit", work, FACTS) == {"figure": 7}
    assert done == [1]
    assert json.loads((tmp_path / "journal.json").read_text())["fit"]["kind"] == "fit"


def test_costs_are_those_of_the_stages_passed_so_far_however_many_lie_ahead(tmp_path: Path) -> None:
    def spend(_: Keeper) -> dict[str, Any]:
        time.sleep(0.01)
        return {}

    def costs(journal: Journal) -> list[float]:
        seen = []
        for name in ("round 1: fit", "round 2: fit"):
            journal.stage(name, "fit", spend, FACTS)
            seen.append(journal.cost("fit").wall)
        return seen

    first = costs(Journal(tmp_path))
    assert first[1] >= first[0] + 0.01
    assert costs(Journal(tmp_path)) == first
