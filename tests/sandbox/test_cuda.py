"""Nets on a GPU dream the same dreams, write the same files, and go on to the same bits after a break.

The CPU is what the project is made for, so these are skipped on a machine without a CUDA device.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import sandbox_agents
from sandbox.bench import dreams
from sandbox.budget import Budget
from sandbox.cli import main
from sandbox.collection import collect
from sandbox.counted import Counted
from sandbox.dream import DreamVectorEnv
from sandbox.journal import Keeper
from sandbox.models import names
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories
from sandbox.worlds import world

from .test_resume import equal_tensors, killed_and_resumed

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device on this machine")


def lived(name: str, steps: int = 400) -> Trajectories:
    chosen = world(name)
    actor = sandbox_agents.make("random", *chosen.spaces, 0)
    return collect(chosen.make_vec(2), actor, steps, np.random.default_rng(0))


def dreamt(model: FittedModel, rows: int = 64, steps: int = 12) -> tuple[NDArray[Any], NDArray[Any]]:
    """Observations and rewards of a short dream under random actions."""
    envs = DreamVectorEnv(model, rows, starts=model.starts)
    envs.action_space.seed(0)
    envs.reset(seed=0)
    seen, paid = [], []
    for _ in range(steps):
        obs, reward, *_ = envs.step(envs.action_space.sample())
        seen.append(np.array(obs, np.float64))
        paid.append(reward)
    return np.stack(seen), np.stack(paid)


@pytest.mark.parametrize("name", [*names(), "transformer+diffusion"])
def test_a_gpu_and_a_cpu_dream_the_same(name: str, tmp_path: Path) -> None:
    data = lived("sandbox/Lander-v0")
    fit(data, name, settings=FitSettings(updates=60), device="cuda").save(tmp_path / "model")
    (seen, paid), (seen_there, paid_there) = (
        dreamt(FittedModel.load(tmp_path / "model", device)) for device in ("cpu", "cuda")
    )
    scale = data.obs.std(axis=0)
    # A draw that lies on the border between two components may fall to either side.
    assert (np.abs(seen - seen_there) < 1e-3 * scale).all(axis=-1).mean() > 0.99
    assert np.median(np.abs(paid - paid_there)) < 1e-3 * data.reward.std()


def test_an_ensemble_dreams_the_same(tmp_path: Path) -> None:
    data = lived("CartPole-v1")
    fit(data, "rnn", settings=FitSettings(updates=40, ensemble=3), device="cuda").save(tmp_path / "model")
    (seen, _), (seen_there, _) = (dreamt(FittedModel.load(tmp_path / "model", place)) for place in ("cpu", "cuda"))
    assert (np.abs(seen - seen_there) < 1e-3 * data.obs.std(axis=0)).all(axis=-1).mean() > 0.99


@pytest.mark.parametrize("name", ["mixture", "diffusion", "gan"])
def test_a_map_is_dreamt_the_same(name: str, tmp_path: Path) -> None:
    data = lived("sandbox/Wildfire-v0")
    fit(data, name, settings=FitSettings(updates=20), device="cuda").save(tmp_path / "model")
    (seen, _), (seen_there, _) = (dreamt(FittedModel.load(tmp_path / "model", place)) for place in ("cpu", "cuda"))
    assert (seen == seen_there).mean() > 0.99


@pytest.mark.parametrize("name", names())
def test_a_fit_goes_on_where_it_was(name: str, tmp_path: Path) -> None:
    data = lived("CartPole-v1")

    def work(keeper: Keeper | None) -> dict[str, Any]:
        model = fit(data, name, settings=FitSettings(updates=40, judge_every=10), device="cuda", keeper=keeper)
        return {key: tensor.cpu().numpy() for key, tensor in model.network.state_dict().items()}

    assert equal_tensors(work(None), killed_and_resumed(tmp_path, work))


@pytest.mark.parametrize(("name", "agent"), [("Pendulum-v1", "ppo"), ("Pendulum-v1", "sac"), ("CartPole-v1", "dqn")])
def test_learning_goes_on_where_it_was(name: str, agent: str, tmp_path: Path) -> None:
    small = {"rollout_size": 64, "batch_size": 32} if agent == "ppo" else {"batch_size": 32, "learning_starts": 40}

    def work(keeper: Keeper | None) -> dict[str, Any]:
        learner = sandbox_agents.make(agent, *world(name).spaces, 0, small, "cuda")
        learner.learn(Counted(world(name), Budget(4000), seed=3), 400, keeper=keeper)
        return learner._tensors()

    assert equal_tensors(work(None), killed_and_resumed(tmp_path, work))


def test_every_command_that_takes_a_device_takes_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in (
        "collect Pendulum-v1 --steps 400 --out log.data",
        "fit log.data --model transformer --updates 30 --out model --device cuda",
        "forecast model log.data --steps 5 --out fan.svg --device cuda",
        "train --dream model --agent sac --steps 300 --out agent --device cuda",
        "evaluate agent Pendulum-v1 --episodes 2 --device cuda",
        "evaluate agent --dream model --episodes 2 --device cuda",
        "contrast Pendulum-v1 --models mixture --modes dream mix upsample plan --real-steps 220 --seeds 0 --episodes 2 "
        "--set rounds=2 --set dream_steps=600 --set dream_steps_per_real=1 --set effort=0.02 --set rows=8 "
        "--set offline_updates=50 --set times=1 --set plans=4 --set plan_steps=2 --set plan_iterations=1 "
        "--ceiling-steps 300 --jobs 2 --out contrast --device cuda",
    ):
        monkeypatch.setattr(sys, "argv", ["sandbox", *line.split()])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert not stopped.value.code, capsys.readouterr().err
    rows = json.loads((tmp_path / "contrast" / "results.json").read_text())["rows"]
    assert all(np.isfinite(row["return_real"]["mean"]) for row in rows)


def test_the_bench_times_dreams_on_a_gpu() -> None:
    (speed,) = dreams.dream_speeds(["mixture"], rows=64, log=40, repeats=1, seconds=0.05, device="cuda")
    assert speed.steps_per_second > 0
    assert 0 < speed.matrix_share < 1
