"""`sandbox play` records what it is asked for, and refuses in one sentence what it cannot play."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sandbox
import sandbox_agents
from sandbox import pretrained
from sandbox.cli import main
from sandbox.play.players import player
from sandbox.spaces import layout


def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str) -> tuple[int, str, str]:
    """Exit status, output and complaint of a command."""
    monkeypatch.setattr(sys, "argv", ["sandbox", *command.split()])
    with pytest.raises(SystemExit) as stopped:
        main()
    out, complaint = capsys.readouterr()
    return int(stopped.value.code or 0), out, complaint


def test_a_world_is_recorded_with_its_pretrained_dreams(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    command = "play lander --record play.webp --steps 3 --agent heuristic --seed 3 --size 640x360"
    status, out, complaint = told(capsys, monkeypatch, command)
    assert (status, complaint) == (0, "")
    assert "4 pictures in play.webp" in out
    with Image.open(tmp_path / "play.webp") as image:
        assert (image.n_frames, image.size) == (4, (640, 360))  # type: ignore[attr-defined]


def test_dreams_of_ones_own_are_named_by_their_folders(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    pretrained.load("lander/vae").save("mine")
    command = "play lander --dream mine --dream lander/rnn --record play.webp --steps 2 --agent random"
    assert told(capsys, monkeypatch, command)[0] == 0


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("play landr", "did you mean lander?"),
        ("play lander --dream nowhere", "nowhere is no fitted model"),
        ("play lander --dream lander/vea", "did you mean lander/vae?"),
        ("play dodge --dream lander/vae --record x.webp", "it is a dream of another world"),
        ("play lander --dream lander/vae --agent dodge/agent --record x.webp", "take an agent of this world"),
        ("play lander --dream lander/vae --agent nowhere --record x.webp", "nowhere"),
        ("play Pendulum-v1 --agent heuristic --record x.webp", "has no scripted pilot; take random"),
        ("play lander --record x.gif", "a film is a .webp or .mp4 file"),
        ("play lander --record nowhere.txt/x.webp", "cannot be written"),
        ("play lander --dream lander/vae --record x.webp --steps 0", "--steps 0 records nothing"),
        ("play lander --dream lander/vae --record x.webp --size big", "such as 1280x720, not big"),
        ("play lander --dream lander/vae --record x.webp --temperature 0", "a temperature is from"),
        ("play lander --dream lander/vae", "record a film instead"),
    ],
)
def test_a_mistake_ends_in_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, sentence: str
) -> None:
    import pygame

    monkeypatch.chdir(tmp_path)
    pygame.display.quit()
    monkeypatch.setenv("SDL_VIDEODRIVER", "no such driver")
    (tmp_path / "nowhere.txt").write_text("a file")
    status, _, complaint = told(capsys, monkeypatch, command)
    assert status == 2
    assert sentence in complaint
    assert complaint.count("\n") == 1
    assert not list(tmp_path.glob("x.*"))


def test_without_a_name_the_pilot_plays_or_else_chance() -> None:
    for name, expected in (("lander", "heuristic"), ("CartPole-v1", "random")):
        world = sandbox.world(name)
        assert player(None, world, layout(world.spaces[0])).name == expected


def test_chance_is_decided_by_the_seed() -> None:
    world = sandbox.world("lander")
    row = np.zeros(9, np.float32)

    def acted(seed: int) -> list[int]:
        who = player("random", world, layout(world.spaces[0]), seed)
        return [int(who.act(row)) for _ in range(20)]

    assert acted(1) == acted(1) != acted(2)


def test_an_agent_of_ones_own_acts(tmp_path: Path) -> None:
    world = sandbox.world("lander")
    sandbox_agents.make("ppo", *world.spaces, seed=0).save(tmp_path / "mine")
    who = player(str(tmp_path / "mine"), world, layout(world.spaces[0]))
    assert world.spaces[1].contains(who.act(np.zeros(9, np.float32)))
