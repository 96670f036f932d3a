import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pygame
import pytest
from PIL import Image

import sandbox_agents
import sandbox_envs

ROOT = Path(__file__).parents[2]


def demo(*arguments: str) -> int:
    spec = importlib.util.spec_from_file_location("envs_demo", ROOT / "envs" / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    status: int = module.main(list(arguments))
    return status


def test_a_film_is_recorded_without_a_display(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = tmp_path / "cartpole.webp"
    assert demo("cartpole", "--policy", "random", "--episodes", "1", "--record", str(film)) == 0
    steps = int(re.search(r"in (\d+) steps", capsys.readouterr().out)[1])  # type: ignore[index]
    with Image.open(film) as image:
        assert image.size == (600, 400)
        assert image.n_frames > steps / 2
    assert list(tmp_path.iterdir()) == [film], "no stray file is left"


def test_the_pilot_is_flown_where_there_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo("lander", "--episodes", "1", "--record", str(tmp_path / "lander.gif")) == 0
    assert float(re.search(r"return (-?[\d.]+)", capsys.readouterr().out)[1]) > 100  # type: ignore[index]


def test_a_world_without_a_pilot_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("sandbox_envs.cartpole.heuristic")
    assert demo("cartpole", "--policy", "heuristic", "--record", "x.webp") == 2
    assert "no scripted pilot" in capsys.readouterr().err


def test_a_trained_agent_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    envs = gymnasium.make_vec("sandbox/Supply-v0", num_envs=1)
    agent = sandbox_agents.make("ppo", envs.single_observation_space, envs.single_action_space, 0)
    agent.save(tmp_path / "agent")
    film = str(tmp_path / "film.gif")
    assert demo("supply", "--policy", str(tmp_path / "agent"), "--episodes", "1", "--record", film) == 0
    result = sandbox_agents.evaluate(agent, envs, 1, seed=0)
    assert f"return {result.mean:.1f} in 100 steps" in capsys.readouterr().out
    assert demo("lander", "--policy", str(tmp_path / "agent"), "--record", film) == 2
    assert "this agent was made for the observation space" in capsys.readouterr().err


def test_many_rows_of_a_batch_are_filmed_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = tmp_path / "grid.webp"
    options = ("--grid", "3x4", "--episodes", "1", "--policy", "random", "--env-arg", "angle_limit=0.1")
    assert demo("cartpole", *options, "--record", str(film)) == 0
    assert "12 episodes: mean return" in capsys.readouterr().out
    with Image.open(film) as image:
        assert image.size == (1280, 3 * 213)


def test_a_window_is_played_until_its_user_closes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "offscreen")
    pygame.display.init()  # as another library may have, before anybody said which driver to use
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.chdir(tmp_path)
    keys = iter([pygame.K_UP, pygame.K_s, pygame.K_r, pygame.K_s, pygame.K_RIGHT, pygame.K_q])
    monkeypatch.setattr(pygame.event, "get", lambda: [pygame.event.Event(pygame.KEYDOWN, key=next(keys))])
    assert demo("lander") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lander-1.png", "lander-2.png"]
    with Image.open("lander-1.png") as first, Image.open("lander-2.png") as second:
        assert first.size == second.size == (640, 400)
        assert first.tobytes() != second.tobytes()
    assert capsys.readouterr().out.splitlines() == ["saved lander-1.png", "saved lander-2.png"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["landr"], "did you mean 'lander'"),
        (["cartpole", "--policy", "nowhere", "--record", "x.webp"], "got 'nowhere'"),
        (["cartpole", "--grid", "4", "--record", "x.webp"], "--grid"),
        (["cartpole", "--grid", "0x4", "--record", "x.webp"], "--grid"),
        (["cartpole", "--env-arg", "gravity", "--record", "x.webp"], "KEY=VALUE"),
        (["cartpole", "--env-arg", "gravty=1", "--record", "x.webp"], "did you mean 'gravity'"),
        (["microgrid", "--env-arg", "series=nowhere.csv", "--record", "x.webp"], "nowhere.csv cannot be read"),
        (["cartpole", "--episodes", "0"], "--episodes"),
        (["cartpole", "--episodes", "1", "--record", "film.txt"], "film.txt"),
        (["cartpole", "--episodes", "1", "--record", "nowhere/film.webp"], "nowhere"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_status_2(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo(*arguments) == 2
    told = capsys.readouterr().err
    assert complaint in told
    assert len(told.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is a display")
def test_without_a_display_the_way_out_is_named(monkeypatch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    assert demo("cartpole", "--episodes", "1") == 2
    assert "--record" in capsys.readouterr().err


def test_the_readmes_example_world_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "envs" / "README.md").read_text()
    (tmp_path / "drift.py").write_text(text.split("```python\n")[2].split("```")[0])
    monkeypatch.syspath_prepend(str(tmp_path))
    world = importlib.import_module("drift").Drift
    envs = sandbox_envs.SimVectorEnv(world, 3)
    sandbox_envs.check_vector_env(
        envs, lambda: gymnasium.wrappers.TimeLimit(sandbox_envs.SimEnv(world), 100), steps=150
    )
    assert (sandbox_envs.painter(world())(np.zeros(1)) != sandbox_envs.painter(world())(np.ones(1))).any()


def test_the_readme_names_every_world() -> None:
    text = (ROOT / "envs" / "README.md").read_text()
    assert all(f"`{sandbox_envs.world(name).id}`" in text for name in sandbox_envs.worlds())


def test_the_readmes_first_example_runs() -> None:
    text = (ROOT / "envs" / "README.md").read_text().split("```python\n")[1].split("```")[0]
    scope: dict[str, Any] = {}
    exec(text.replace('render_mode="human"', 'render_mode="rgb_array"').replace("1024", "16"), scope)
    assert scope["paint"](np.zeros(9)).shape == (400, 640, 3)
