"""Recorded without a display; the same seed gives the same film, and an interruption leaves a readable one."""

import importlib.util
import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

import sandbox
from sandbox.models.fitted import FittedModel
from sandbox.play.film import FilmError, _Reel, _Webp, film
from sandbox.play.players import Player, player
from sandbox.play.record import record
from sandbox.play.session import Session

SIZE = (480, 270)


def recorded(models: Mapping[str, FittedModel], path: Path, seed: int, steps: int = 12) -> bytes:
    world = sandbox.world("lander")
    session = Session(world, models, seed)
    assert record(session, player("heuristic", world, session.see, seed), path, steps, SIZE) == steps + 1
    return path.read_bytes()


def test_the_same_seed_is_the_same_film(models: Mapping[str, FittedModel], tmp_path: Path) -> None:
    one, same = (recorded(models, tmp_path / f"{name}.webp", seed=3) for name in ("one", "same"))
    assert one == same
    assert recorded(models, tmp_path / "other.webp", seed=4) != one


def test_a_film_shows_every_step_at_the_worlds_own_pace(models: Mapping[str, FittedModel], tmp_path: Path) -> None:
    recorded(models, tmp_path / "play.webp", seed=3)
    with Image.open(tmp_path / "play.webp") as image:
        assert (image.n_frames, image.size) == (13, SIZE)  # type: ignore[attr-defined]
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
    assert all((one != other).any() for one, other in itertools.pairwise(frames))


def noise(count: int) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (9, 11, 3), np.uint8) for _ in range(count)]


def test_pictures_come_back_as_they_went_in(tmp_path: Path) -> None:
    pictures = noise(4)
    kept = _Webp(tmp_path / "x.webp", 30)
    for picture in pictures:
        kept.add(picture)
    reel = _Reel(kept._tape, pictures[0].shape)
    for frame in (0, 1, 3, 2, 0):
        reel.seek(frame)
        assert np.array_equal(np.asarray(reel.convert("RGB")), pictures[frame])


@pytest.mark.parametrize("expected", [6, 7, 4, 1], ids=["as many", "fewer come", "more come", "only one"])
def test_a_film_is_the_same_whatever_was_expected(tmp_path: Path, expected: int) -> None:
    """Encoded while it comes or when all is there."""
    for name, count in (("known.webp", expected), ("unknown.webp", 0)):
        reel = film(tmp_path / name, 30, count)
        for picture in noise(6):
            reel.add(picture)
        assert reel.finish() == reel.finish() == 6
    assert (tmp_path / "known.webp").read_bytes() == (tmp_path / "unknown.webp").read_bytes()


def test_a_film_of_nothing_is_no_file(tmp_path: Path) -> None:
    assert film(tmp_path / "none.webp", 30, 10).finish() == 0
    assert not (tmp_path / "none.webp").exists()


def test_what_was_recorded_before_an_interruption_is_kept(
    models: Mapping[str, FittedModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sandbox.world("lander")
    session = Session(world, models, 0)
    who, acted = player("random", world, session.see), 0

    def act(self: Player, row: object) -> int:
        nonlocal acted
        acted += 1
        if acted == 5:
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(Player, "act", act)
    with pytest.raises(KeyboardInterrupt):
        record(session, who, tmp_path / "cut.webp", 50, SIZE)
    with Image.open(tmp_path / "cut.webp") as image:
        assert image.n_frames == 5  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["play.avi", "play", "play.gif"])
def test_another_kind_of_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(FilmError, match=r"a film is a \.webp or \.mp4 file"):
        film(tmp_path / name, 30)


@pytest.mark.skipif(importlib.util.find_spec("imageio_ffmpeg") is not None, reason="the encoder is here")
def test_an_mp4_without_its_encoder_names_the_extra(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match=r"sandbox-worlds\[video\]"):
        film(tmp_path / "play.mp4", 30)


def test_nothing_is_recorded_in_no_steps(session: Session, tmp_path: Path) -> None:
    who = player("random", session.world, session.see)
    with pytest.raises(ValueError, match="--steps 0 records nothing"):
        record(session, who, tmp_path / "play.webp", 0)
