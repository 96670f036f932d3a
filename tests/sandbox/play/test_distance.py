"""A distance of 1 is as far as the simulator is from itself."""

import numpy as np
import pytest
from gymnasium import spaces

from sandbox.play.distance import FLOOR, Ruler
from sandbox.spaces import layout

RNG = np.random.default_rng(0)


def numbers(count: int, spread: float = 1.0) -> Ruler:
    return Ruler(layout(spaces.Box(-9.0, 9.0, (count,))), np.full(count, spread))


def test_two_futures_of_numbers_are_about_one_apart() -> None:
    ruler, scale = numbers(6), np.array([0.1, 0.2, 0.4, 0.8, 1.6, 3.2])
    futures = (RNG.normal(size=(400, 6)) * scale).astype(np.float32)
    apart = [ruler.distances(futures, truth, futures) for truth in futures[:50]]
    assert np.mean(np.square(apart)) == pytest.approx(1.0, abs=0.05)


def test_two_futures_of_classes_are_about_one_apart() -> None:
    ruler = Ruler(layout(spaces.MultiDiscrete([4] * 30)), np.zeros(30))
    futures = RNG.choice(4, p=[0.7, 0.2, 0.1, 0.0], size=(400, 30)).astype(np.float32)
    apart = [ruler.distances(futures, truth, futures) for truth in futures[:50]]
    assert np.mean(np.square(apart)) == pytest.approx(1.0, abs=0.05)


def test_a_dream_that_is_the_truth_is_at_no_distance() -> None:
    truth = np.ones(3, np.float32)
    assert numbers(3).distances(truth[None], truth, None).tolist() == [0.0]


def test_without_futures_the_unit_is_the_datas_own_deviation() -> None:
    truth = np.zeros(4, np.float32)
    assert numbers(4, 2.0).distances(np.full((1, 4), 6.0, np.float32), truth, None).tolist() == [3.0]


def test_where_nothing_is_left_to_chance_rounding_is_no_drift() -> None:
    still = np.zeros((5, 2), np.float32)
    far = numbers(2).distances(np.full((1, 2), FLOOR / 2, np.float32), still[0], still)
    assert far.tolist() == pytest.approx([0.5])


def test_a_dimension_that_never_varies_does_not_count() -> None:
    ruler = Ruler(layout(spaces.Box(-9.0, 9.0, (2,))), np.array([1.0, 0.0]))
    assert ruler.distances(np.array([[1.0, 7.0]], np.float32), np.zeros(2, np.float32), None).tolist() == [1.0]


def test_most_of_the_simulators_own_futures_lie_within_its_own_distance() -> None:
    ruler, futures = numbers(3), RNG.normal(size=(500, 3)).astype(np.float32)
    truth = futures[0]
    far = ruler.distances(futures, truth, futures)
    assert (far <= ruler.own(truth, futures)).mean() == pytest.approx(0.95, abs=0.01)
