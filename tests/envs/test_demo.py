import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from PIL import Image

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


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["landr"], "did you mean 'lander'"),
        (["cartpole", "--policy", "heuristic", "--record", "x.webp"], "no scripted pilot"),
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


def test_the_readme_names_every_world() -> None:
    text = (ROOT / "envs" / "README.md").read_text()
    assert all(f"`{sandbox_envs.world(name).id}`" in text for name in sandbox_envs.worlds())


def test_the_readmes_first_example_runs() -> None:
    text = (ROOT / "envs" / "README.md").read_text().split("```python\n")[1].split("```")[0]
    scope: dict[str, Any] = {}
    exec(text.replace('render_mode="human"', 'render_mode="rgb_array"').replace("1024", "16"), scope)
    assert scope["paint"](np.zeros(9)).shape == (400, 640, 3)
