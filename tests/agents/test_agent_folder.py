import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import VectorEnv

from sandbox_agents import RandomAgent, Sb3Agent, load, make, read_config, storage

Rows = Callable[..., VectorEnv[Any, Any, Any]]


@pytest.fixture
def saved(classic: Rows, tmp_path: Path) -> tuple[Sb3Agent, Path]:
    envs = classic("CartPole-v1", 4)
    agent = make("ppo", envs.single_observation_space, envs.single_action_space, 0, {"rollout_size": 64})
    assert isinstance(agent, Sb3Agent)
    agent.learn(envs, 64)
    agent.save(tmp_path / "agent")
    return agent, tmp_path / "agent"


@pytest.mark.parametrize("name", ["ppo", "sac", "dqn"])
def test_a_loaded_agent_acts_and_learns_on_bitwise_alike(classic: Rows, tmp_path: Path, name: str) -> None:
    world = "Pendulum-v1" if name == "sac" else "CartPole-v1"
    envs = classic(world, 4)
    agent = make(name, envs.single_observation_space, envs.single_action_space, 3, {"net_arch": [8, 8], "gamma": 0.9})
    assert isinstance(agent, Sb3Agent)
    agent.learn(envs, 240)
    agent.save(tmp_path / "a")
    loaded = load(tmp_path / "a")
    assert isinstance(loaded, Sb3Agent)
    obs = np.stack([envs.single_observation_space.sample() for _ in range(32)])
    np.testing.assert_array_equal(agent.act(obs), loaded.act(obs))
    drawn = [a.act(obs, np.random.default_rng(1)) for a in (agent, loaded)]
    np.testing.assert_array_equal(*drawn)
    assert (loaded.name, loaded.steps, loaded.settings) == (name, 240, agent.settings)
    for one in (agent, loaded):
        one.learn(classic(world, 4), 240)
    np.testing.assert_array_equal(agent.act(obs), loaded.act(obs))
    for folder, one in (("learned", agent), ("learned on", loaded)):
        one.save(tmp_path / folder)
    weights = [(tmp_path / folder / "weights.safetensors").read_bytes() for folder in ("learned", "learned on")]
    assert weights[0] == weights[1]


def test_a_random_agent_comes_back_with_its_seed(tmp_path: Path) -> None:
    agent = RandomAgent(spaces.Box(-1, 1, (2,)), spaces.Tuple((spaces.Discrete(9), spaces.MultiBinary(3))), seed=4)
    agent.save(tmp_path / "r")
    loaded, obs = load(tmp_path / "r"), np.zeros((5, 2))
    np.testing.assert_array_equal(agent.act(obs)[0], loaded.act(obs)[0])
    assert loaded.action_space == agent.action_space


def test_saving_again_replaces_the_agent_and_leaves_nothing_behind(saved: tuple[Sb3Agent, Path], classic: Rows) -> None:
    agent, folder = saved
    for _ in range(2):
        agent.learn(classic("CartPole-v1", 4), 64)
        agent.save(folder)
        assert load(folder).steps == agent.steps  # type: ignore[attr-defined]
        assert len(list(folder.iterdir())) == 2


def test_a_crash_while_saving_leaves_the_old_agent(
    saved: tuple[Sb3Agent, Path], classic: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, folder = saved
    agent.learn(classic("CartPole-v1", 4), 64)
    writes: list[Path] = []

    def replace_once(target: Path, payload: bytes) -> None:
        if writes:
            raise KeyboardInterrupt
        writes.append(target)
        original(target, payload)

    original = storage._replace
    monkeypatch.setattr(storage, "_replace", replace_once)
    with pytest.raises(KeyboardInterrupt):
        agent.save(folder)
    assert load(folder).steps == 64  # type: ignore[attr-defined]


@pytest.mark.parametrize("keep", [0, 7, 200])
@pytest.mark.parametrize("file", ["agent.json", "weights.safetensors"])
def test_a_truncated_file_is_refused_in_one_sentence(saved: tuple[Sb3Agent, Path], file: str, keep: int) -> None:
    _, folder = saved
    (folder / file).write_bytes((folder / file).read_bytes()[:keep])
    with pytest.raises(ValueError, match=f"{file} is damaged") as error:
        load(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"version": 99}, "newer than 1"),
        ({"format": "other"}, "not written by this project"),
        ({"weights": {"file": "../../etc/passwd", "sha256": "0"}}, "is missing"),
        ({"weights": None}, "does not name its weights"),
        ({"agent": "os.system"}, "damaged or not one of these"),
        ({"settings": {"learning_rate": "fast"}}, "must be a number"),
        ({"settings": {"net_arch": [16, 16]}}, "missing or misshapen"),
        ({"observation_space": {"kind": "Graph"}}, "unknown kind of space"),
    ],
)
def test_a_foreign_manifest_is_refused_in_one_sentence(
    saved: tuple[Sb3Agent, Path], change: dict[str, Any], sentence: str
) -> None:
    _, folder = saved
    record = json.loads((folder / "agent.json").read_text()) | change
    (folder / "agent.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=sentence) as error:
        load(folder)
    assert "\n" not in str(error.value)


def test_missing_and_foreign_folders_are_refused(saved: tuple[Sb3Agent, Path], tmp_path: Path) -> None:
    agent, folder = saved
    with pytest.raises(ValueError, match="there is no agent in"):
        load(tmp_path / "nowhere")
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ValueError, match=r"weights\.safetensors is missing"):
        load(folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear")
    with pytest.raises(ValueError, match="holds other files and no agent"):
        agent.save(tmp_path / "mine")
    with pytest.raises(ValueError, match="cannot be written to"):
        agent.save(tmp_path / "mine" / "diary.txt")
    assert [item.name for item in (tmp_path / "mine").iterdir()] == ["diary.txt"]


def test_settings_are_read_from_json_and_toml(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"gamma": 0.98, "net_arch": [32]}')
    (tmp_path / "a.toml").write_text("gamma = 0.98\nnet_arch = [32]\n")
    expected = {"gamma": 0.98, "net_arch": [32]}
    assert read_config(tmp_path / "a.json", "ppo") == read_config(tmp_path / "a.toml") == expected


@pytest.mark.parametrize(
    ("name", "text", "agent", "sentence"),
    [
        ("a.json", '{"gama": 1}', None, r"'gama' is not a setting of any learner: did you mean 'gamma'\?"),
        ("a.json", '{"tau": 1}', "ppo", "'tau' is not a setting of ppo"),
        ("a.json", "[1]", None, "must hold one table"),
        ("a.json", "gamma = 1", None, "is no JSON"),
        ("a.toml", '{"gamma": 1}', None, "is no TOML"),
    ],
)
def test_bad_settings_files_get_one_sentence(
    tmp_path: Path, name: str, text: str, agent: str | None, sentence: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=sentence) as error:
        read_config(tmp_path / name, agent)
    assert "\n" not in str(error.value)


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent\.json cannot be read"):
        read_config(tmp_path / "absent.json")


def test_importing_the_package_imports_neither_torch_nor_sb3() -> None:
    code = (
        "import sys, sandbox_agents; sandbox_agents.names();"
        "assert not {'torch', 'stable_baselines3', 'scipy'} & set(sys.modules), 'too much'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
