"""The mosaic shows every world with its own brush, and what cannot be painted as lines."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pygame
import pytest

import sandbox
import sandbox_agents
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.play.brushes import _Lines, _Settable, brush
from sandbox.play.mosaic import MOST_DREAMS, Mosaic, Status
from sandbox.play.paint import INK, write
from sandbox.play.session import Session
from sandbox_envs import painter


def small_model(name: str) -> FittedModel:
    world = sandbox.world(name)
    agent = sandbox_agents.make("random", *world.spaces, seed=0)
    log = sandbox.collect(world.make_vec(1), agent, 120, np.random.default_rng(0), horizon=50)
    return fit(log, "rnn", settings=FitSettings(updates=5, starts=8))


def test_a_pane_shows_what_the_worlds_own_brush_paints(session: Session) -> None:
    for _ in range(5):
        session.step(2)
    picture = brush(session)
    own = painter("lander")
    for pane in session.dreams:
        import pygame

        shown = pygame.surfarray.array3d(picture(pane, session, (640, 400))).transpose(1, 0, 2).astype(float)
        words = slice(40, None)  # the brush leaves words out that would be too small
        difference = np.abs(shown[words] - own(pane.obs)[words].astype(float))
        assert difference.mean() < 4, "but for the smoothing of edges they are one picture"


def test_every_pane_is_drawn_and_can_be_hidden(session: Session) -> None:
    mosaic = Mosaic(session, (960, 540))
    mosaic.draw()
    whole = mosaic.pixels()
    mosaic.shown[0] = False
    mosaic.draw()
    assert whole.shape == (540, 960, 3)
    assert (mosaic.pixels() != whole).any()
    mosaic.shown[:] = [False, False]
    mosaic.draw(Status("you", ("a line",), recording=True))
    assert (mosaic.pixels() != whole).any()


def test_drawing_changes_nothing(session: Session) -> None:
    mosaic = Mosaic(session, (960, 540))
    session.step(2)
    mosaic.draw()
    first = mosaic.pixels()
    mosaic.draw()
    assert np.array_equal(mosaic.pixels(), first)


def test_an_end_is_told(session: Session) -> None:
    mosaic = Mosaic(session, (960, 540))
    mosaic.draw()
    before = mosaic.pixels()
    session.dreams[0].ended = True
    mosaic.draw()
    assert (mosaic.pixels() != before).any()


def test_a_foreign_world_is_painted_by_its_renderer_where_that_can_be_set() -> None:
    session = Session(sandbox.world("Pendulum-v1"), {"rnn": small_model("Pendulum-v1")}, seed=0)
    assert isinstance(brush(session), _Settable)
    mosaic = Mosaic(session, (640, 360))
    session.step(np.zeros(1, np.float32))
    mosaic.draw()
    assert mosaic.pixels().std() > 5
    session.close()


def test_a_world_whose_renderer_cannot_be_set_is_drawn_as_lines() -> None:
    session = Session(sandbox.world("Blackjack-v1"), {"rnn": small_model("Blackjack-v1")}, seed=0)
    assert isinstance(brush(session), _Lines)
    mosaic = Mosaic(session, (640, 360))
    mosaic.draw()
    before = mosaic.pixels()
    for action in (1, 1, 0):
        session.step(np.int64(action))
    mosaic.draw()
    assert (mosaic.pixels() != before).any()
    session.close()


def test_too_many_dreams_and_too_small_a_picture_are_refused(models: Mapping[str, FittedModel]) -> None:
    many = {str(number): replace(models["rnn"]) for number in range(MOST_DREAMS + 1)}
    with pytest.raises(ValueError, match="too many for one picture"):
        Mosaic(Session(sandbox.world("lander"), many))
    with pytest.raises(ValueError, match="cannot be read; take 480x270 or more"):
        Mosaic(Session(sandbox.world("lander"), {}), (200, 100))


def test_a_world_without_dreams_is_shown_alone() -> None:
    mosaic = Mosaic(Session(sandbox.world("cartpole"), {}, seed=0), (640, 360))
    mosaic.draw()
    assert mosaic.pixels().std() > 5


def test_of_words_that_are_too_wide_the_end_is_written() -> None:
    surface = pygame.Surface((400, 40))
    path = "runs/contrast/cells/dream-rnn-seed0/agent"
    whole = write(surface, path, (0, 0), INK, 14)
    for most in (whole, 120, 40):
        assert 0 < write(surface, path, (0, 0), INK, 14, most=most) <= most
    beginning, end = (write(surface, words, (0, 0), INK, 14) for words in ("…runs", "…gent"))
    assert write(surface, "runs/agent", (0, 0), INK, 14, most=end) == end != beginning
