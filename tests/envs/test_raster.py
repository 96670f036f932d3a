"""The compiled brush looks only at pixels that a shape may touch, and leaves out none of them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sandbox_envs import raster

HEIGHT, WIDTH = 40, 64
COLOUR = (230.0, 100.0, 3.0)
Image = NDArray[np.uint8]
Cover = NDArray[np.float64]

DOWN, ACROSS = (np.mgrid[:HEIGHT, :WIDTH] + 0.5).astype(np.float64)


def laid_over(image: Image, cover: Cover, alpha: float) -> Image:
    """The image after a colour was laid over it, of which every pixel gets its share."""
    share = (alpha * np.clip(cover, 0.0, 1.0))[..., None]
    blended: Image = (image + (np.array(COLOUR) - image) * share + 0.5).astype(np.uint8)
    return blended


def assert_alike(painted: Image, expected: Image) -> None:
    # A share that lies on the border between two whole numbers may be rounded either way.
    assert np.abs(painted.astype(int) - expected).max() <= 1
    assert (painted != expected).mean() < 1e-3


@pytest.mark.parametrize("seed", range(60))
def test_an_ellipse_covers_all_of_itself_and_nothing_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    (x, y), wide, high = rng.uniform(-10, 70, 2), rng.uniform(1, 50), rng.uniform(1, 20)
    alpha = rng.choice([0.3, 1.0])
    cover = 0.5 + (1.0 - np.hypot((ACROSS - x) / wide, (DOWN - y) / high)) * min(wide, high)
    # A long one would be smooth over several pixels at its ends: it is cut at half a pixel beyond its radius.
    near = (np.abs(ACROSS - x) < wide + 1.0) & (np.abs(DOWN - y) < high + 1.0)
    rim = near & ((np.abs(ACROSS - x) > wide - 1.0) | (np.abs(DOWN - y) > high - 1.0))
    expected = laid_over(image, np.where(near, cover, 0.0), alpha)
    raster.ellipse(image, x, y, wide, high, COLOUR, alpha)
    assert_alike(image[~rim], expected[~rim])


@pytest.mark.parametrize("seed", range(60))
def test_a_line_covers_all_that_is_near_it_and_nothing_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    x0, y0 = rng.uniform(-20, 80, 2)
    along = rng.uniform(-1, 1, 2) * rng.choice([0.0, 3.0, 90.0], 2)  # upright and level ones, and single points, too
    half, alpha = rng.uniform(0.3, 4.0), rng.choice([0.3, 1.0])
    share = ((ACROSS - x0) * along[0] + (DOWN - y0) * along[1]) / max(along @ along, 1e-12)
    share = np.clip(share, 0.0, 1.0)
    away = np.hypot(ACROSS - x0 - share * along[0], DOWN - y0 - share * along[1])
    expected = laid_over(image, half + 0.5 - away, alpha)
    raster.line(image, x0, y0, x0 + along[0], y0 + along[1], half, COLOUR, alpha)
    assert_alike(image, expected)


def test_a_picture_is_laid_over_an_image_whole() -> None:
    rng = np.random.default_rng(0)
    images, picture = np.zeros((3, 8, 8, 3), np.uint8), rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    raster.lay(images[1], picture)
    np.testing.assert_array_equal(images[1], picture)
    assert not images[[0, 2]].any()
