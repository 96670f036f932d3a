"""The window does what the keys ask, tested without a screen by posted events."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pygame
import pytest
from PIL import Image

import sandbox
from sandbox.play.gamepad import LOST, Gamepad, NoGamepadError
from sandbox.play.players import player, understudy
from sandbox.play.session import Session
from sandbox.play.window import FASTEST, SLOWEST, Theatre
from sandbox_envs.canvas import WindowError


@pytest.fixture
def theatre(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Theatre]:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    who = [player(name, session.world, session.see) for name in ("heuristic", "random")]
    made = Theatre(session, who, size=(640, 360), folder=tmp_path)
    monkeypatch.setattr(made, "_clock", type("Hurry", (), {"tick": lambda self, rate: 0})())
    pygame.event.clear()
    yield made
    made.close()


def press(*keys: int, modifiers: int = 0, kind: int = pygame.KEYDOWN) -> None:
    for key in keys:
        pygame.event.post(pygame.event.Event(kind, key=key, mod=modifiers))


def steps_in(theatre: Theatre, pictures: int) -> int:
    before = theatre.session.steps
    for _ in range(pictures):
        theatre.tick()
    return theatre.session.steps - before


def test_time_passes_at_the_worlds_own_pace(theatre: Theatre) -> None:
    assert steps_in(theatre, 20) == 10, "30 steps in 60 pictures"


def test_space_pauses_and_a_single_step_is_one(theatre: Theatre) -> None:
    press(pygame.K_SPACE)
    assert steps_in(theatre, 5) == 0
    press(pygame.K_n)
    assert steps_in(theatre, 5) == 1
    press(pygame.K_SPACE)
    assert steps_in(theatre, 4) == 2


def test_speed_has_two_ends(theatre: Theatre) -> None:
    press(pygame.K_PLUS, pygame.K_EQUALS)
    assert steps_in(theatre, 5) == 10
    press(*[pygame.K_MINUS] * 30, pygame.K_SPACE)
    theatre.tick()
    assert theatre.speed == SLOWEST
    press(*[pygame.K_PLUS] * 30)
    theatre.tick()
    assert theatre.speed == FASTEST


def test_arrows_act_while_they_are_held(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    acted: list[int] = []
    monkeypatch.setattr(theatre.session, "step", lambda action: acted.append(int(action)))
    press(pygame.K_PLUS)  # a step a picture
    theatre.tick()
    press(pygame.K_UP)
    theatre.tick()
    press(pygame.K_LEFT)
    theatre.tick()
    press(pygame.K_LEFT, kind=pygame.KEYUP)
    theatre.tick()
    press(pygame.K_UP, kind=pygame.KEYUP)
    theatre.tick()
    assert acted == [0, 2, 1, 2, 0]


def test_tab_hands_over_to_each_player_and_back(theatre: Theatre) -> None:
    acting = []
    for _ in range(4):
        press(pygame.K_TAB)
        theatre.tick()
        acting.append(theatre.player.name if theatre.player else "you")
    assert acting == ["heuristic", "random", "you", "heuristic"]


def test_the_understudy_is_loaded_when_it_has_to_act(session: Session) -> None:
    late, at_once = understudy(session.world, session.see), player("lander/agent", session.world, session.see)
    assert late is not None
    assert late.name == at_once.name
    assert "_actor" not in vars(late)
    row = session.real.row
    assert late.act(row) == at_once.act(row)
    assert "_actor" in vars(late)
    assert understudy(sandbox.world("CartPole-v1"), session.see) is None


def test_r_begins_the_next_episode_and_backspace_the_same_again(theatre: Theatre) -> None:
    start = theatre.session.real.row.copy()
    steps_in(theatre, 8)
    press(pygame.K_SPACE, pygame.K_BACKSPACE)
    theatre.tick()
    assert np.array_equal(theatre.session.real.row, start)
    press(pygame.K_r)
    theatre.tick()
    assert not np.array_equal(theatre.session.real.row, start)
    assert theatre.session.episode == 1


def test_s_puts_all_dreams_to_the_simulators_state(theatre: Theatre) -> None:
    steps_in(theatre, 40)
    press(pygame.K_SPACE, pygame.K_s)
    theatre.tick()
    assert [pane.distance for pane in theatre.session.dreams] == [0.0, 0.0]


def test_t_and_g_change_the_temperature(theatre: Theatre) -> None:
    press(pygame.K_t, pygame.K_PAGEUP)
    theatre.tick()
    assert theatre.session.temperature == pytest.approx(1.21)
    press(pygame.K_g, pygame.K_PAGEDOWN, pygame.K_g)
    theatre.tick()
    assert theatre.session.temperature == pytest.approx(1 / 1.1)


def test_function_keys_choose_the_panes(theatre: Theatre) -> None:
    press(pygame.K_F2, pygame.K_F9)
    theatre.tick()
    assert theatre.mosaic.shown == [True, False]


def test_h_lays_the_keys_over_the_picture(theatre: Theatre) -> None:
    press(pygame.K_SPACE)
    theatre.tick()
    plain = pygame.surfarray.array3d(pygame.display.get_surface())
    press(pygame.K_h)
    theatre.tick()
    assert (pygame.surfarray.array3d(pygame.display.get_surface()) != plain).mean() > 0.2


def test_an_episode_that_ended_is_followed_by_the_next(theatre: Theatre) -> None:
    theatre.speed = FASTEST
    for _ in range(100):
        theatre.tick()
        if theatre.session.episode:
            break
    assert theatre.session.episode == 1


def test_v_records_until_it_is_pressed_again(theatre: Theatre, tmp_path: Path) -> None:
    press(pygame.K_PLUS, pygame.K_v)
    theatre.run(6)
    assert not theatre.is_recording, "run finishes what is under way"
    (film,) = tmp_path.glob("*.webp")
    with Image.open(film) as image:
        assert image.n_frames == 6  # type: ignore[attr-defined]
    assert "6 pictures in" in theatre.notes[-1]


def test_a_window_closed_in_mid_recording_leaves_a_readable_film(theatre: Theatre, tmp_path: Path) -> None:
    press(pygame.K_PLUS, pygame.K_v)
    for _ in range(4):
        theatre.tick()
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    theatre.run()
    assert theatre.closed
    (film,) = tmp_path.glob("*.webp")
    with Image.open(film) as image:
        assert image.n_frames == 4  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", [pygame.K_q, pygame.K_ESCAPE])
def test_the_user_can_leave(theatre: Theatre, key: int) -> None:
    press(key)
    theatre.run()
    assert theatre.closed


def test_without_a_display_the_way_out_is_a_film(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    pygame.display.quit()
    monkeypatch.setenv("SDL_VIDEODRIVER", "no such driver")
    with pytest.raises(WindowError, match=r"sandbox play Lander-v0 --record play\.webp"):
        Theatre(session, [])


def test_a_missing_gamepad_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pygame.joystick, "get_count", lambda: 0)
    with pytest.raises(NoGamepadError, match="plug one in, or leave --gamepad out"):
        Gamepad()


class Pad:
    """A gamepad whose stick is pushed to the right and up."""

    def get_name(self) -> str:
        return "pad"

    def get_numaxes(self) -> int:
        return 2

    def get_axis(self, axis: int) -> float:
        return (0.9, -0.6)[axis]

    def get_numhats(self) -> int:
        return 1

    def get_hat(self, hat: int) -> tuple[int, int]:
        return 0, 0


def test_a_gamepad_acts_wishes_and_may_be_pulled_out(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pygame.joystick, "get_count", lambda: 1)
    monkeypatch.setattr(pygame.joystick, "Joystick", lambda number: Pad())
    theatre.gamepad = Gamepad()
    assert theatre.gamepad.sticks() == {"right": 0.9, "up": 0.6}
    pygame.event.post(pygame.event.Event(pygame.JOYBUTTONDOWN, button=7))
    theatre.tick()
    assert theatre.paused
    pygame.event.post(pygame.event.Event(pygame.JOYDEVICEREMOVED, instance_id=0))
    theatre.tick()
    assert theatre.gamepad is None
    assert theatre.notes[-1] == LOST


def test_no_two_keys_wish_the_same_by_accident() -> None:
    from sandbox.play.window import _HELD, _WISH_OF

    assert not set(_HELD) & set(_WISH_OF)
    assert all(not pygame.K_F1 <= key <= pygame.K_F12 for key in itertools.chain(_HELD, _WISH_OF))
