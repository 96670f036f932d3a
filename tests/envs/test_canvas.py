import os
import subprocess
import sys

import gymnasium
import numpy as np
import pygame
import pytest

import sandbox_envs
from sandbox_envs.canvas import Canvas


def near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= 3)


def test_world_units_become_pixels_with_y_upwards() -> None:
    canvas = Canvas((100, 50))
    canvas.view(-1.0, 0.0, 1.0, 1.0)
    canvas.sky((0, 0, 0), (0, 0, 0))
    canvas.polygon([(0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)], canvas.GREEN)
    picture = canvas.pixels()
    assert near(picture[10, 75], canvas.GREEN), "the upper right quarter"
    assert near(picture[10, 25], (0, 0, 0))
    assert near(picture[40, 75], (0, 0, 0))


def test_edges_are_smooth() -> None:
    canvas = Canvas((60, 60))
    canvas.view(0.0, 0.0, 1.0, 1.0)
    canvas.sky((0, 0, 0), (0, 0, 0))
    canvas.polygon([(0.0, 0.0), (1.0, 0.0), (1.0, 0.73)], (255, 255, 255))
    shades = np.unique(canvas.pixels())
    assert len(shades) > 3, "black and white alone would be a staircase"


def test_the_sky_shades_from_above_to_below() -> None:
    canvas = Canvas((20, 40))
    canvas.sky(canvas.NIGHT, canvas.ORANGE)
    picture = canvas.pixels()
    assert near(picture[0, 10], canvas.NIGHT)
    assert np.abs(picture[-1, 10].astype(int) - canvas.ORANGE).max() <= 6
    assert (np.diff(picture[:, 10, 0].astype(int)) >= 0).all()


def test_lines_circles_and_text_leave_their_mark() -> None:
    canvas = Canvas((100, 100))
    canvas.sky((0, 0, 0), (0, 0, 0))
    canvas.line([(0.0, 20.0), (100.0, 20.0)], canvas.SKY, 4)
    canvas.circle((50.0, 60.0), 10.0, canvas.YELLOW)
    canvas.text("wind", (5, 5), canvas.WHITE)
    picture = canvas.pixels()
    assert near(picture[80, 50], canvas.SKY)
    assert near(picture[40, 50], canvas.YELLOW)
    assert picture[5:25, 5:60].max() > 200


def test_points_far_outside_are_cut_and_not_an_error() -> None:
    canvas = Canvas((50, 50))
    canvas.line([(-1e30, 0.0), (1e30, 1e30)], canvas.RED)
    canvas.polygon([(0.0, 0.0), (1e12, 0.0), (0.0, -1e12)], canvas.RED)
    assert canvas.pixels().shape == (50, 50, 3)


def test_a_picture_is_a_copy() -> None:
    paint = sandbox_envs.painter("lander")
    first = paint(np.zeros(9, np.float32))
    kept = first.copy()
    paint(np.ones(9, np.float32))
    assert (first == kept).all()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is a display")
def test_a_window_without_a_display_is_refused_in_one_sentence() -> None:
    script = "import gymnasium, sandbox_envs; gymnasium.make('sandbox/Lander-v0', render_mode='human').reset()"
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert "No window can be opened" in done.stderr.splitlines()[-1]
    assert "rgb_array" in done.stderr.splitlines()[-1]


def test_painting_needs_no_display_and_no_numba_warmup() -> None:
    script = "import sandbox_envs, pygame; sandbox_envs.painter('lander')([0] * 9); print(pygame.display.get_init())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_unknown_world_cannot_be_painted() -> None:
    with pytest.raises(ValueError, match="did you mean 'cartpole'"):
        sandbox_envs.painter("carpole")


def test_text_survives_an_environment_that_quits_pygame() -> None:
    paint = sandbox_envs.painter("lander")
    obs = np.zeros(gymnasium.make("sandbox/Lander-v0").observation_space.shape, np.float32)
    before = paint(obs)
    pygame.quit()
    assert np.array_equal(paint(obs), before)


def test_a_stamp_looks_as_if_it_were_painted_in_its_place() -> None:
    def house(canvas: Canvas, x: float = 0.0, y: float = 0.0) -> None:
        canvas.polygon([(x - 0.5, y - 0.5), (x + 0.5, y - 0.5), (x, y + 0.5)], canvas.PINK)
        canvas.circle((x, y), 0.2, canvas.WHITE)

    pictures = []
    for stamped in (False, True):
        canvas = Canvas((100, 100))
        canvas.view(0.0, 0.0, 10.0, 10.0)
        canvas.sky(canvas.NIGHT, canvas.NIGHT)
        for place in ((2.0, 3.0), (7.5, 6.0)):
            if stamped:
                canvas.stamp("house", place, 0.6, house)
            else:
                house(canvas, *place)
        pictures.append(canvas.pixels().astype(int))
    assert np.abs(pictures[1] - pictures[0]).mean() < 0.5
    assert near(pictures[1][70, 20], Canvas.WHITE)
    assert near(pictures[1][40, 75], Canvas.WHITE)
    assert near(pictures[1][5, 5], Canvas.NIGHT)


def test_a_backdrop_is_painted_once_and_covers_what_was_there() -> None:
    painted: list[Canvas] = []

    def night(canvas: Canvas) -> None:
        painted.append(canvas)
        canvas.sky(canvas.NIGHT, canvas.DUSK)

    canvas = Canvas((40, 40))
    canvas.backdrop(night)
    first = canvas.pixels()
    canvas.circle((20.0, 20.0), 9.0, canvas.RED)
    canvas.backdrop(night)
    assert np.array_equal(canvas.pixels(), first)
    assert len(painted) == 1


def test_tiles_fill_their_rectangle_from_the_top() -> None:
    canvas = Canvas((60, 60))
    canvas.view(0.0, 0.0, 6.0, 6.0)
    canvas.sky((0, 0, 0), (0, 0, 0))
    canvas.tiles(np.array([[canvas.RED, canvas.SKY], [canvas.GREEN, canvas.BLUE]], np.uint8), 1.0, 1.0, 5.0, 5.0)
    picture = canvas.pixels()
    assert near(picture[20, 20], canvas.RED)
    assert near(picture[20, 40], canvas.SKY)
    assert near(picture[40, 20], canvas.GREEN)
    assert near(picture[40, 40], canvas.BLUE)
    assert near(picture[5, 30], (0, 0, 0))
