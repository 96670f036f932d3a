"""The break-even price as a person reads it, from the curves of a contrast; and why there sometimes is none."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import report
from sandbox.report.names import seconds

Curve = list[tuple[float, float, float]]  # real steps, overhead in seconds, return


def row(mode: str, agent: str, seed: int, mean: float, curve: Curve, model: str | None = None) -> dict[str, Any]:
    """A cell whose simulator takes 40 ms a step."""
    points = [
        {"real_steps": x, "wall_seconds": spent + 0.04 * x, "simulator_seconds": 0.04 * x, "return_real": value}
        for x, spent, value in curve
    ]
    judged = {"mean": mean, "low": mean, "high": mean, "episodes": 100}
    known = {"mode": mode, "model": model, "agent": agent, "seed": seed, "status": "done", "return_real": judged}
    return known | {"real_steps": curve[-1][0] if curve else 0, "curve": points}


def contrast(dream: list[Curve], simulator: list[Curve], mode: str = "ceiling", top: float = -200.0) -> dict[str, Any]:
    """Random play returns −1,200 and the best of the simulator `top`: by default the goal is −300."""
    rows = [row("random", "random", 0, -1200.0, [])]
    rows += [row(mode, "sac", seed, top, curve) for seed, curve in enumerate(simulator)]
    rows += [row("dream", "ppo", seed, -250.0, curve, "rnn") for seed, curve in enumerate(dream)]
    return {"env": "Pendulum-v1", "rows": rows, "step_seconds": 0.041}


DREAM: list[Curve] = [
    [(500, 40.0, -900.0), (900, 90.0, -290.0), (2000, 150.0, -250.0)],
    [(500, 50.0, -800.0), (1100, 110.0, -280.0), (2000, 160.0, -250.0)],
]
SIMULATOR: list[Curve] = [
    [(5000, 4.0, -290.0), (7000, 6.0, -500.0), (9000, 8.0, -299.0), (20_000, 20.0, -200.0)],
    [(5000, 5.0, -700.0), (11_000, 12.0, -280.0), (20_000, 21.0, -200.0)],
]


def test_the_sentence_that_a_person_decides_by() -> None:
    """(100 s − 10 s) / (10,000 − 1,000 steps), at the first evaluations that hold: not the reach at 5,000."""
    words = report.price(contrast(DREAM, SIMULATOR))
    assert words.startswith("The dream pays if one step costs more than 10 ms (95 % interval 7.7 ms to 13 ms); ")
    assert "yours costs 41 ms. Measured at a return of -300, 90 % of the way from random (-1,200)" in words
    assert "to the ceiling (-200: SAC, 20,000 real steps)" in words
    assert "held by 2 of 2 seeds of PPO in the rnn dream and 2 of 2 seeds of SAC at the ceiling." in words


def test_without_a_ceiling_the_best_of_the_simulator_is_said_to_stand_for_it() -> None:
    words = report.price(contrast(DREAM, SIMULATOR, mode="simulator"))
    assert "to the best agent of the simulator at this budget (-200: SAC, 20,000 real steps)" in words


def test_seeds_that_never_reach_the_goal_are_counted_and_shown() -> None:
    words = report.price(contrast([DREAM[0], [(2000, 150.0, -600.0)]], SIMULATOR))
    assert "more than 8.8 ms; yours" in words, "(90 − 10) / (10,000 − 900), of the seed that does; no interval of one"
    assert "held by 1 of 2 seeds of PPO in the rnn dream and 2 of 2 seeds" in words


def test_a_dream_that_saves_no_step_never_or_always_pays() -> None:
    slow: list[Curve] = [[(10_000, 100.0, -250.0)]]
    assert report.price(contrast(slow, SIMULATOR)).startswith("The dream never pays, whatever one step costs")
    quick: list[Curve] = [[(10_000, 1.0, -250.0)]]
    assert report.price(contrast(quick, SIMULATOR)).startswith("The dream always pays, whatever one step costs")
    hungry: list[Curve] = [[(20_000, 1.0, -250.0)]]
    assert "pays as long as one step costs less than 900 µs: it needs more real steps" in report.price(
        contrast(hungry, SIMULATOR)
    )


def test_what_only_a_dream_came_to_is_told_beside_the_price() -> None:
    # As on InvertedPendulum-v5: the simulator's best holds 62 of 1,000, the dream as much later, and then the whole.
    slow: list[Curve] = [[(10_000, 100.0, -250.0)], [(10_000, 90.0, -250.0)]]
    words = report.price(contrast(slow, SIMULATOR, top=-270.0))
    assert words.startswith("The dream never pays, whatever one step costs")
    assert words.endswith(
        " PPO in the rnn dream went on to -250: no agent of the simulator came to that, so it has no price."
    )
    assert "went on" not in report.price(contrast(slow, SIMULATOR, top=-250.0))


def test_where_a_side_never_holds_the_goal_there_is_no_price() -> None:
    short: list[Curve] = [[(500, 40.0, -250.0), (2000, 150.0, -600.0)]]
    words = report.price(contrast(short, SIMULATOR))
    assert words.startswith("No break-even price: no agent that uses a model ever held a return of -300")
    words = report.price(contrast(DREAM, short))
    assert words.startswith("No break-even price: no agent trained in the simulator ever held a return of -300")


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("random", "no random agent was judged"),
        ("ceiling", "no agent trained in the simulator was judged"),
        ("dream", "no agent that uses a model was judged"),
    ],
)
def test_what_is_missing_for_a_price_is_said(mode: str, words: str) -> None:
    results = contrast(DREAM, SIMULATOR)
    results["rows"] = [entry for entry in results["rows"] if entry["mode"] != mode]
    assert words in report.price(results)


def test_a_simulator_in_which_nothing_is_learned_sets_no_goal() -> None:
    assert "is no better than random play" in report.price(contrast(DREAM, SIMULATOR, top=-1300.0))


@pytest.mark.parametrize(
    ("constant", "priced"),
    [(-350.0, True), (-280.0, False), (-240.0, True)],
    ids=["the simulator teaches something", "it does not, and the dream does", "neither does"],
)
def test_what_need_not_be_learned_has_no_price_where_a_dream_teaches_more(constant: float, priced: bool) -> None:
    results = contrast(DREAM, SIMULATOR, top=-300.0)
    results["rows"] += [row("constant", "constant", seed, constant, []) for seed in (0, 1)]
    unpriced = "No break-even price: SAC at the ceiling is no better than the best constant action, and PPO in the rnn"
    assert report.price(results).startswith(unpriced) != priced


def test_curves_without_the_simulators_own_seconds_give_no_price() -> None:
    results = contrast(DREAM, SIMULATOR)
    for point in results["rows"][-1]["curve"]:
        del point["simulator_seconds"]
    assert "do not tell the simulator's own seconds; run the contrast again" in report.price(results)


def test_the_dream_is_priced_beside_the_agent_that_is_hardest_to_beat() -> None:
    results = contrast(DREAM, SIMULATOR)
    results["rows"] += [row("ceiling", "ppo", seed, -210.0, [(4000, 10.0, -250.0)]) for seed in (0, 1)]
    words = report.price(results)
    assert "more than 30 ms" in words, "(100 − 10) / (4,000 − 1,000), and not SAC's 10 ms"
    assert words.endswith("2 of 2 seeds of PPO at the ceiling.")


def test_an_evaluation_that_was_not_made_is_no_evaluation() -> None:
    results = contrast(DREAM, SIMULATOR)
    for entry in results["rows"]:
        nothing = {"real_steps": 950, "wall_seconds": 99.0, "simulator_seconds": 38.0, "return_real": None}
        entry["curve"] = [*entry["curve"], nothing]
    assert "more than 10 ms" in report.price(results)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (9.6e-6, "9.6 µs"),
        (0.009, "9 ms"),
        (0.0412, "41 ms"),
        (1.5, "1.5 s"),
        (150.0, "2.5 min"),
        (7200.0, "2 h"),
        (0.0, "0 µs"),
    ],
)
def test_durations_are_told_as_a_person_says_them(value: float, words: str) -> None:
    assert seconds(value) == words
