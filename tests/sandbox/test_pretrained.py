"""What comes with the package is whole, small, and as good as its list says."""

import json
import shutil
from pathlib import Path

import pytest

import sandbox
from sandbox import pretrained
from sandbox.commands.tables import show_list
from sandbox.files import DamagedFileError
from sandbox.pretrained import ROOM, UnknownPretrainedError, entries
from sandbox.pretrained.making import FAMILIES, RECIPES, SCORES, judged, make, real_return, scores_of

MOST_BYTES = 20_000_000
DREAMS = [entry.name for entry in entries().values() if not entry.is_agent]
AGENTS = [entry.name for entry in entries().values() if entry.is_agent]


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A gallery of one dream, which may be damaged."""
    shutil.copytree(ROOM / "lander" / "vae", tmp_path / "lander" / "vae")
    shutil.copy(ROOM / pretrained.MANIFEST, tmp_path)
    return tmp_path


def test_every_world_of_the_gallery_has_six_families_and_an_agent() -> None:
    assert set(RECIPES) == {"lander", "dodge", "supply", "wildfire"}
    assert set(entries()) == {f"{world}/{kind}" for world in RECIPES for kind in (*FAMILIES, pretrained.AGENT)}


def test_the_list_shows_what_comes_ready(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_list() == 0
    told = " ".join(capsys.readouterr().out.split())
    for entry in entries().values():
        world, _, kind = entry.name.partition("/")
        assert kind in told.partition(f"{world}/:")[2]


def test_the_gallery_is_small() -> None:
    assert sum(path.stat().st_size for path in ROOM.rglob("*") if path.is_file()) <= MOST_BYTES


@pytest.mark.parametrize("name", DREAMS)
def test_every_dream_is_of_its_world_and_brings_its_card(name: str) -> None:
    model = sandbox.load(name)
    world = sandbox.world(entries()[name].world)
    assert (model.observation.space, model.action.space) == world.spaces
    assert model.provenance["data"]["source"]["parts"]
    assert scores_of(model.provenance["card"]) == entries()[name].scores


def test_a_model_is_told_in_a_line() -> None:
    told = repr(sandbox.load("lander/vae"))
    assert told.startswith("<FittedModel: vae with ")
    assert told.endswith("learned from 30,000 steps of sandbox/Lander-v0>")


@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_is_of_its_world_and_says_where_it_learned(name: str) -> None:
    agent = pretrained.load_agent(name)
    assert (agent.observation_space, agent.action_space) == sandbox.world(entries()[name].world).spaces
    assert entries()[name].made["learned in"]


def missed(name: str) -> dict[str, tuple[float, float]]:
    """The scores that a dream no longer reaches: what was recorded, and what was found."""
    found, recorded = scores_of(judged(sandbox.load(name), entries()[name].world)), entries()[name].scores
    near = {figure: (share, least) for _, figure, share, least in SCORES}
    return {
        figure: (recorded[figure], value)
        for figure, value in found.items()
        if abs(value - recorded[figure]) > max(near[figure][0] * abs(recorded[figure]), near[figure][1])
    }


def test_a_dream_still_reaches_its_scores() -> None:
    assert not missed("lander/vae")


@pytest.mark.slow
@pytest.mark.parametrize("name", DREAMS)
def test_every_dream_still_reaches_its_scores(name: str) -> None:
    assert not missed(name)


@pytest.mark.parametrize("name", [name for name in AGENTS if name.startswith(("lander", "supply"))])
def test_an_agent_still_reaches_its_return(name: str) -> None:
    entry = entries()[name]
    span = abs(entry.made["heuristic"] - entry.made["random"])
    assert real_return(pretrained.load_agent(name), entry.world) == pytest.approx(
        entry.scores["return"], abs=0.05 * span
    )


def test_landers_agent_reaches_nine_tenths_of_the_ceiling() -> None:
    worlds = json.loads((Path(__file__).parents[2] / "docs" / "results" / "worlds.json").read_text())
    floor, ceiling = (worlds["lander"][who]["mean"] for who in ("random", "ceiling"))
    entry = entries()["lander/agent"]
    assert "dreams" in entry.made["learned in"]
    assert entry.scores["return"] - floor >= 0.9 * (ceiling - floor)


@pytest.mark.slow
@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_still_reaches_its_return(name: str) -> None:
    test_an_agent_still_reaches_its_return(name)


def test_a_damaged_file_is_told(room: Path) -> None:
    weights = room / "lander" / "vae" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(DamagedFileError, match=r"lander/vae is damaged: .*weights\.safetensors differs"):
        pretrained.load("lander/vae", room)
    weights.unlink()
    with pytest.raises(DamagedFileError, match=r"weights\.safetensors is missing; install Sandbox anew"):
        pretrained.load("lander/vae", room)


def test_a_damaged_list_is_told(room: Path) -> None:
    (room / pretrained.MANIFEST).write_text('{"lander/vae": []}')
    with pytest.raises(DamagedFileError, match="is no list of the pretrained"):
        pretrained.load("lander/vae", room)


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(UnknownPretrainedError, match="there is no pretrained lander/difusion; did you mean lander/di"):
        sandbox.load("lander/difusion")


def test_a_folder_is_loaded_as_well(room: Path) -> None:
    assert sandbox.load(room / "lander" / "vae").name == "vae"
    with pytest.raises(DamagedFileError, match="is no fitted model"):
        sandbox.load(room / "nowhere")


def test_what_is_there_is_not_made_again(room: Path) -> None:
    told: list[str] = []
    make(["lander/vae"], told.append, room)
    assert not told
    with pytest.raises(ValueError, match="there is no recipe for cartpole"):
        make(["cartpole"], told.append, room)
