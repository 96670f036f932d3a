"""The learning that the defaults promise; minutes, not seconds: `pytest -m slow tests/agents`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gymnasium.vector import VectorEnv

from sandbox_agents import Sb3Agent, evaluate, make
from sandbox_agents.bench import ppo_cartpole, ppo_updates
from sandbox_agents.tuned import tuned

Rows = Callable[..., VectorEnv[Any, Any, Any]]
SCRIPT = Path(__file__).parents[2] / "agents" / "train.py"


def learned(classic: Rows, world: str, name: str, rows: int, steps: int, seed: int, **config: Any) -> float:
    envs = classic(world, rows)
    agent = make(name, envs.single_observation_space, envs.single_action_space, seed, config)
    assert isinstance(agent, Sb3Agent)
    agent.learn(envs, steps)
    result = evaluate(agent, classic(world, 32), 96, seed=10_000)
    print(
        f"{world} {name} seed {seed} after {agent.steps:,}: {result.mean:.1f} ({result.low:.1f} to {result.high:.1f})"
    )
    return result.mean


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("world", "bar"), [("Pendulum-v1", -200), ("CartPole-v1", 490), ("Acrobot-v1", -90)])
def test_one_set_of_ppo_defaults_learns_all_three(classic: Rows, world: str, bar: float, seed: int) -> None:
    assert learned(classic, world, "ppo", 64, 200_000, seed) >= bar


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_tuned_sac_solves_pendulum_within_two_thousand_steps(classic: Rows, seed: int) -> None:
    config = tuned("sac", classic("Pendulum-v1", 1).single_action_space, 2000)
    assert learned(classic, "Pendulum-v1", "sac", 1, 2000, seed, **config) >= -250


@pytest.mark.slow
def test_cartpole_takes_a_third_of_the_zoos_time(classic: Rows) -> None:
    result = ppo_cartpole(lambda rows: classic("CartPole-v1", rows), seeds=(0,))
    assert None not in result["ours"]["seconds"]
    assert result["ratio"] <= 0.5  # a third is promised for a native batch; this one steps its rows in Python


def test_an_update_takes_less_than_sb3s(classic: Rows) -> None:
    assert ppo_updates(classic("CartPole-v1", 64), steps=2048, repeats=5)["ratio"] <= 0.8


def run_script(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)


def test_the_script_trains_judges_and_saves(tmp_path: Path) -> None:
    script = run_script(
        "CartPole-v1", "--steps", "2000", "--rows", "8", "--episodes", "8", "--out", str(tmp_path / "a")
    )
    assert script.returncode == 0, script.stderr
    first, *_, last = script.stdout.splitlines()
    assert "torch" in first
    assert "thread" in first
    assert last.startswith("saved to")
    assert (tmp_path / "a" / "agent.json").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["CartPole-v1", "--agent", "ppp"], "did you mean 'ppo'?"),
        (["CartPole-v1", "--env-arg", "x"], "write KEY=VALUE"),
        (["CratPole-v1"], "CartPole"),
    ],
)
def test_the_scripts_mistakes_are_one_sentence(words: list[str], sentence: str) -> None:
    script = run_script(*words)
    assert script.returncode == 2
    assert sentence in script.stderr
    assert script.stderr.count("\n") == 1
