"""The break-even price by hand, and every way in which there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sandbox.price import Price, break_even, first_hold, goal


def price(dream: list[tuple[float, float]], simulator: list[tuple[float, float]]) -> Price:
    return break_even(dream, simulator, np.random.default_rng(0))


def test_the_goal_lies_nine_tenths_of_the_way_up() -> None:
    assert goal(-1200.0, -200.0) == pytest.approx(-300.0)
    assert goal(20.0, 500.0) == pytest.approx(452.0)


@pytest.mark.parametrize(
    ("returns", "first"),
    [
        ([1, 2, 3, 3], 2),
        ([1, 3, 2, 3, 4], 3),  # a reach that is lost again does not hold
        ([1, 2, 3], 2),  # the last evaluation holds by itself
        ([3, 1, 1], None),
        ([1, 2], None),
        ([5], 0),
        ([], None),
    ],
)
def test_a_return_is_held_where_the_next_evaluation_confirms_it(returns: list[float], first: int | None) -> None:
    assert first_hold(returns, 3.0) == first


def test_the_price_by_hand() -> None:
    """(100 s − 10 s) / (10,000 − 1,000 steps) = 10 ms, from the means of two seeds a side."""
    found = price([(900.0, 90.0), (1100.0, 110.0)], [(9000.0, 8.0), (11000.0, 12.0)])
    assert found.answer == "price"
    assert found.seconds == pytest.approx(0.01)
    # The extremes of resampling: (90 − 12) / (11,000 − 900) and (110 − 8) / (9,000 − 1,100).
    assert found.low == pytest.approx(78 / 10100)
    assert found.high == pytest.approx(102 / 7900)


def test_a_lone_seed_has_a_price_and_no_interval() -> None:
    found = price([(1000.0, 100.0)], [(9000.0, 8.0), (11000.0, 12.0)])
    assert found == Price("price", pytest.approx(0.01), None, None)  # type: ignore[arg-type]


def test_a_dream_that_needs_as_many_steps_and_more_time_never_pays() -> None:
    assert price([(1000.0, 100.0)], [(1000.0, 10.0)]).answer == "never"
    assert price([(2000.0, 100.0)], [(1000.0, 10.0)]).answer == "never"


def test_a_dream_that_needs_no_more_steps_and_less_time_always_pays() -> None:
    assert price([(1000.0, 5.0)], [(1000.0, 10.0)]) == Price("always", None)
    assert price([(500.0, 5.0)], [(1000.0, 10.0)]) == Price("always", None)
    assert price([(500.0, 10.0)], [(1000.0, 10.0)]) == Price("always", None)


def test_a_dream_that_needs_more_steps_and_less_time_pays_while_steps_are_cheap() -> None:
    assert price([(2000.0, 5.0)], [(1000.0, 10.0)]) == Price("always", pytest.approx(0.005))  # type: ignore[arg-type]


def test_where_some_seeds_save_no_step_the_interval_has_no_upper_end() -> None:
    found = price([(900.0, 100.0), (1500.0, 100.0)], [(1400.0, 1.0), (1400.0, 1.0)])
    assert found.answer == "price"
    assert found.low == pytest.approx(99 / 500)
    assert found.high == math.inf


def test_below_its_price_a_step_makes_the_simulator_the_cheaper_one() -> None:
    (dream_steps, dream_time), (steps, time) = (1000.0, 100.0), (10_000.0, 10.0)
    threshold = price([(dream_steps, dream_time)], [(steps, time)]).seconds
    assert threshold is not None
    for cost in (0.9 * threshold, 1.1 * threshold):
        assert (cost * dream_steps + dream_time < cost * steps + time) == (cost > threshold)
