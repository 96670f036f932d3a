import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

import sandbox_envs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    spec = importlib.util.spec_from_file_location("envs_gallery", ROOT / "envs" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def house(tmp_path: Path, gallery: ModuleType) -> Path:
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "README.md").write_text(f"Before.\n{gallery.BEGIN}old\n{gallery.END}\nAfter.\n")
    return tmp_path


def test_a_world_gets_its_film_its_figures_and_its_row(gallery: ModuleType, house: Path) -> None:
    arguments = ["supply", "--steps", "2048", "--seeds", "0", "1", "--root", str(house)]
    assert gallery.main(arguments) == 0
    with Image.open(house / gallery.PICTURES / "supply.webp") as film:
        assert film.size == (380, 215)
        assert 30 <= film.n_frames <= 48
    kept = json.loads((house / gallery.FIGURES).read_text())["supply"]
    assert kept["random"]["mean"] < 3 * kept["heuristic"]["mean"] < 0
    assert kept["ppo"]["low"] < min(kept["ppo"]["seeds"]) <= kept["ppo"]["mean"] <= max(kept["ppo"]["seeds"])
    text = (house / "envs" / "README.md").read_text()
    assert text.startswith("Before.\n")
    assert text.endswith("\nAfter.\n")
    assert "old" not in text
    row = next(line for line in text.splitlines() if "`sandbox/Supply-v0`" in line)
    assert "sees 9 numbers; acts by 4 numbers, at most 100 steps" in row
    assert f"−{-kept['heuristic']['mean']:.0f} (−" in row

    agents = {path: path.stat().st_mtime_ns for path in (house / "runs").rglob("agent.json")}
    assert len(agents) == 2
    assert gallery.main(arguments) == 0, "agents that were trained before are judged again and not trained again"
    assert {path: path.stat().st_mtime_ns for path in (house / "runs").rglob("agent.json")} == agents
    assert json.loads((house / gallery.FIGURES).read_text())["supply"] == kept
    assert (house / "envs" / "README.md").read_text() == text


def test_the_readmes_gallery_shows_every_world_and_the_figures_that_were_kept(gallery: ModuleType) -> None:
    kept = json.loads((ROOT / gallery.FIGURES).read_text())
    text = (ROOT / gallery.README).read_text()
    assert gallery.BEGIN + "\n" + gallery.table(kept) + "\n" + gallery.END in text
    assert list(kept) == sandbox_envs.worlds()
    for name in kept:
        assert (ROOT / gallery.PICTURES / f"{name}.webp").stat().st_size < 400_000


@pytest.mark.parametrize(
    ("arguments", "complaint"), [(["landr"], "did you mean 'lander'"), (["--steps", "0"], "--steps must be at least 1")]
)
def test_bad_input_is_one_sentence(
    gallery: ModuleType, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gallery.main(arguments) == 2
    told = capsys.readouterr().err
    assert complaint in told
    assert len(told.splitlines()) == 1


def test_a_readme_without_a_place_is_left_alone(
    gallery: ModuleType, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = house / "envs" / "README.md"
    readme.write_text("Nothing.")
    (house / gallery.FIGURES).parent.mkdir(parents=True)
    (house / gallery.FIGURES).write_text("{}")
    assert gallery.main(["--table", "--root", str(house)]) == 2
    assert "has no place for the gallery" in capsys.readouterr().err
    assert readme.read_text() == "Nothing."
