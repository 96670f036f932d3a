import numpy as np
import pygame
import pytest

from sandbox_envs.viewer import FASTEST, SLOWEST, STRIP, Viewer


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch) -> Viewer:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    made = Viewer("world", (640, 400), steps_per_second=30)
    pygame.event.clear()
    return made


def press(*keys: int) -> None:
    for key in keys:
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))


def steps_in(viewer: Viewer, pictures: int) -> int:
    return sum(viewer.steps_due() for _ in range(pictures))


def test_time_passes_at_the_worlds_own_pace(viewer: Viewer) -> None:
    assert steps_in(viewer, 20) == 10, "30 steps in 60 pictures"


def test_space_stops_time_and_lets_it_go_on(viewer: Viewer) -> None:
    press(pygame.K_SPACE)
    assert steps_in(viewer, 10) == 0
    assert viewer.paused
    press(pygame.K_SPACE)
    assert steps_in(viewer, 10) == 5


def test_an_arrow_takes_one_step_and_pauses(viewer: Viewer) -> None:
    press(pygame.K_RIGHT)
    assert steps_in(viewer, 10) == 1
    press(pygame.K_RIGHT, pygame.K_PERIOD)
    assert steps_in(viewer, 10) == 2


def test_speed_doubles_and_halves_within_limits(viewer: Viewer) -> None:
    press(pygame.K_UP, pygame.K_UP)
    assert steps_in(viewer, 10) == 20
    press(*[pygame.K_DOWN] * 3)
    assert steps_in(viewer, 16) == 4
    press(*[pygame.K_DOWN] * 30)
    viewer.steps_due()
    assert viewer.speed == SLOWEST
    press(*[pygame.K_UP] * 30)
    viewer.steps_due()
    assert viewer.speed == FASTEST


def test_a_wish_is_granted_once(viewer: Viewer) -> None:
    press(pygame.K_r, pygame.K_s)
    viewer.steps_due()
    assert [viewer.wished("reset"), viewer.wished("reset")] == [True, False]
    assert [viewer.wished("screenshot"), viewer.wished("screenshot")] == [True, False]


@pytest.mark.parametrize("key", [pygame.K_q, pygame.K_ESCAPE])
def test_the_user_can_leave(viewer: Viewer, key: int) -> None:
    press(key)
    assert viewer.steps_due() == 0
    assert viewer.closed
    viewer.present(np.zeros((400, 640, 3), np.uint8), "unseen")
    assert viewer.steps_due() == 0


def test_a_closed_window_asks_for_nothing_more(viewer: Viewer) -> None:
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    assert steps_in(viewer, 3) == 0
    assert viewer.closed


def test_the_picture_is_shown_as_it_is_and_words_beneath_it(viewer: Viewer) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (400, 640, 3), np.uint8)
    viewer.present(picture, "episode 1")
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)
    assert shown.shape == (400 + STRIP, 640, 3)
    assert (shown[:400] == picture).all()
    assert shown[400:].max() > 200
