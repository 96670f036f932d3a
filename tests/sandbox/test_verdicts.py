"""Verdicts hold what they say: where nothing differs they are rarely wrong, and real differences are found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from sandbox import report
from sandbox.report.comparisons import Comparison, with_log, with_simulator
from sandbox.report.results import Interval, Row
from sandbox.report.standings import Standing, standings
from sandbox.statistics import interquartile_mean

FAMILIES = ("rnn", "diffusion", "transformer", "vae", "gan", "autoregressive")
EXPERIMENTS = 200
SIDES = (("dream", "rnn"), ("simulator", None))
Draw = Callable[[int, np.random.Generator], float]


def row(mode: str, model: str | None, agent: str, seed: int, mean: float, **other: Any) -> dict[str, Any]:
    judged = {"mean": mean, "low": mean - 1, "high": mean + 1, "episodes": 100}
    known = {"mode": mode, "model": model, "agent": agent, "seed": seed, "status": "done", "return_real": judged}
    return known | {"real_steps": 20_000 if mode == "ceiling" else 2000} | other


def results(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"env": "Pendulum-v1", "rows": rows}


def contender(mode: str, model: str | None, agent: str, means: Sequence[float], logs: bool = False) -> Standing:
    """A contender with these returns, a seed each, as it would be read."""
    judged = [Interval(mean, mean - 1, mean + 1) for mean in means]
    nothing: dict[str, Any] = {
        "wall_seconds": {},
        "dream": None,
        "curve": (),
        "fidelity": {},
        "cell": "",
        "error": None,
    }
    nothing |= {"status": "done", "real_steps": 2000.0, "dream_steps": 0.0, "episodes": 100, "evaluation_steps": 0.0}
    rows = [
        Row(mode=mode, model=model, agent=agent, seed=seed, real=real, log=f"log {seed}" if logs else None, **nothing)
        for seed, real in enumerate(judged)
    ]
    return Standing(mode, model, agent, tuple(rows))


def experiment(seeds: int, draw: Draw, rng: np.random.Generator, gain: float = 0.0) -> list[Standing]:
    """Six families, two agents of the simulator at two budgets; `gain` is what the first family is truly better by."""
    contenders: list[tuple[str, str | None, str]] = [("dream", family, "ppo") for family in FAMILIES]
    contenders += [(mode, None, agent) for mode in ("simulator", "ceiling") for agent in ("ppo", "sac")]
    return [
        contender(*way, [draw(place, rng) + (gain if way[1] == FAMILIES[0] else 0.0) for _ in range(seeds)])
        for place, way in enumerate(contenders)
    ]


def upsampled(seeds: int, rng: np.random.Generator, gain: float = 0.0, told: bool = True) -> list[Standing]:
    """Six families upsample logs that differ far more from each other than what is learned from one of them."""
    logs = rng.normal(0, 100, seeds)
    ways: list[str | None] = [None, *FAMILIES]
    return [
        contender("upsample", model, "sac", logs + rng.normal(size=seeds) + (gain if model else 0.0), told)
        for model in ways
    ]


def told_apart(compared: Sequence[Comparison]) -> bool:
    return any(each.outcome in ("beat", "fell short") for each in compared)


def alike(place: int, rng: np.random.Generator) -> float:
    return float(rng.normal())


def of_unlike_spread(place: int, rng: np.random.Generator) -> float:
    return float(rng.normal() * (1 + 3 * (place % 4)))


def lopsided(place: int, rng: np.random.Generator) -> float:
    return float(-rng.gamma(4.0))


@pytest.mark.parametrize(("draw", "seeds"), [(alike, 3), (alike, 5), (of_unlike_spread, 3), (lopsided, 3)])
def test_equal_methods_are_told_apart_in_at_most_one_of_twenty_experiments(draw: Draw, seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    false = [told_apart(with_simulator(experiment(seeds, draw, rng))) for _ in range(EXPERIMENTS)]
    assert np.mean(false) <= 0.05


@pytest.mark.parametrize("seeds", [3, 5])
def test_equal_upsampling_is_told_apart_from_its_log_in_at_most_one_of_twenty_experiments(seeds: int) -> None:
    """The paired test is exact, so that chance alone puts some samples of experiments a little above one in twenty."""
    rng = np.random.default_rng(seeds)
    false = [told_apart(with_log(upsampled(seeds, rng))) for _ in range(EXPERIMENTS)]
    assert stats.binomtest(sum(false), EXPERIMENTS, 0.05, alternative="greater").pvalue > 0.05


def test_a_real_difference_is_found_and_nothing_beside_it() -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(100):
        compared = with_simulator(experiment(5, alike, rng, gain=8.0))
        found.append({each.ours.model: each.outcome for each in compared if each.theirs.mode == "simulator"})
    assert np.mean([outcomes["rnn"] == "beat" for outcomes in found]) >= 0.95
    assert np.mean([any(outcomes[family] == "beat" for family in FAMILIES[1:]) for outcomes in found]) <= 0.05


def test_seeds_that_share_a_log_are_compared_in_pairs() -> None:
    compared = with_log(upsampled(5, np.random.default_rng(0), gain=10.0))
    assert {(each.paired, each.outcome) for each in compared} == {(True, "beat")}
    apart = with_log(upsampled(5, np.random.default_rng(0), gain=10.0, told=False))
    assert {(each.paired, each.outcome) for each in apart} == {(False, "no difference shown")}


def test_the_p_value_by_hand() -> None:
    """Two families beside one agent: Welch's p-values, the smaller doubled; the other cannot come out below it."""
    ours, others, theirs = [5.0, 6.0, 7.5], [3.0, 4.0, 6.0], [1.0, 2.0, 2.5]
    rows = [row("dream", "rnn", "ppo", seed, mean) for seed, mean in enumerate(ours)]
    rows += [row("dream", "vae", "ppo", seed, mean) for seed, mean in enumerate(others)]
    rows += [row("simulator", None, "sac", seed, mean) for seed, mean in enumerate(theirs)]
    first, second = (stats.ttest_ind(seen, theirs, equal_var=False).pvalue for seen in (ours, others))
    found = [each.p_value for each in with_simulator(standings(results(rows)))]
    assert found == pytest.approx([2 * first, max(2 * first, second)])


def test_who_beats_the_best_of_the_simulator_has_to_beat_every_agent_in_it() -> None:
    rows = [row("dream", "rnn", "ppo", seed, mean) for seed, mean in enumerate([10.0, 10.1, 10.2])]
    rows += [row("simulator", None, "sac", seed, mean) for seed, mean in enumerate([5.0, 5.1, 5.2])]
    (alone,) = with_simulator(standings(results(rows)))
    assert alone.outcome == "beat"
    wild = [row("simulator", None, "ppo", seed, mean) for seed, mean in enumerate([-30.0, 0.0, 36.0])]
    (beside,) = with_simulator(standings(results(rows + wild)))
    assert (beside.theirs.agent, beside.outcome) == ("sac", "no difference shown")


def test_to_fall_short_of_the_best_of_two_is_charged_twice() -> None:
    ours, theirs = [1.0, 2.0, 2.5], [5.0, 6.0, 7.5]
    rows = [row("dream", "rnn", "ppo", seed, mean) for seed, mean in enumerate(ours)]
    rows += [row("simulator", None, "sac", seed, mean) for seed, mean in enumerate(theirs)]
    rows += [row("simulator", None, "ppo", seed, mean - 1) for seed, mean in enumerate(theirs)]
    (compared,) = with_simulator(standings(results(rows)))
    assert compared.p_value == pytest.approx(2 * stats.ttest_ind(ours, theirs, equal_var=False).pvalue)


def test_a_lone_seed_is_not_tested_and_does_not_count_among_the_tests() -> None:
    rows = [row("dream", "rnn", "ppo", seed, mean) for seed, mean in enumerate([5.0, 6.0, 7.5])]
    rows += [row("simulator", None, "sac", seed, mean) for seed, mean in enumerate([1.0, 2.0, 2.5])]
    (single,) = with_simulator(standings(results(rows)))
    both = with_simulator(standings(results([*rows, row("dream", "vae", "ppo", 0, 9.0)])))
    assert [each.outcome for each in both] == ["one seed", "beat"]
    assert both[1].p_value == single.p_value


def test_the_ceiling_and_every_other_contender_have_their_words() -> None:
    rows = [row("dream", "rnn", "ppo", seed, -200.0 + seed) for seed in range(3)]
    rows += [row("plan", "vae", "mppi", seed, -990.0 + seed) for seed in range(3)]
    rows += [row("mix", "gan", "sac", seed, -300.0 + seed) for seed in range(3)]
    rows += [row("simulator", None, "sac", seed, -900.0 + seed) for seed in range(3)]
    rows += [row("ceiling", None, "sac", seed, -150.0 + seed) for seed in range(3)]
    words = report.verdict(results(rows))
    assert "(PPO in the rnn dream: -199 [-201, -197]) beat the best agent trained in the simulator (SAC" in words
    assert "Also beat it: SAC in the simulator and the gan dream." in words
    assert "Fell short of it: MPPI planning with vae." in words
    assert "As to the ceiling, it fell short of SAC: -149 [-151, -147] after 20,000 real steps" in words
    assert "Holm-corrected over 6 comparisons" in words


def test_a_log_that_the_dreams_began_with_is_told() -> None:
    rows = [row(mode, model, "ppo", seed, -9.0) for seed in range(3) for mode, model in SIDES]
    told = "Whatever uses a model began with one log of 5,000 steps, which count among the real ones; agents in the"
    assert told in report.verdict(results(rows) | {"log": {"steps": 5000, "fingerprint": "abc"}})
    for log in (None, "edited", {"steps": "many"}):
        assert "began with one log" not in report.verdict(results(rows) | {"log": log})
    assert "began with one log" not in report.verdict(results(rows))


def test_an_upsampled_log_that_is_worth_less_than_the_log_alone_is_named() -> None:
    returns: dict[str | None, list[float]] = {None: [0, 1, 2], "rnn": [10, 11.1, 12], "gan": [-3, 1.9, -2.4]}
    returns["vae"] = [-6, -4.8, -5.5]
    rows = [
        row("upsample", model, "sac", seed, float(mean), log=f"log {seed}")
        for model, means in returns.items()
        for seed, mean in enumerate(means)
    ]
    simulated = [row("simulator", None, "sac", seed, float(seed)) for seed in range(3)]
    words = report.verdict(results(rows + simulated))
    assert "better: rnn (11.0 [8.5, 13.5], paired, p < 0.001)" in words
    assert "no difference shown: gan (" in words
    assert "below it by more than its interval: vae (-5.43 [-6.93, -3.94], paired, p = " in words
    assert "Upsampling beside SAC on the log alone (1.00 [-1.48, 3.48]): better" in words
    alone = report.verdict(results(rows))
    assert alone.startswith(
        f"On {results(rows)['env']}, upsampling beside SAC on the log alone (1.00 [-1.48, 3.48]): b"
    )
    assert "No verdict" not in alone
    dreamt = report.verdict(results(rows + [row("dream", "rnn", "ppo", seed, 50.0 + seed) for seed in range(3)]))
    assert dreamt.startswith("No verdict on ")
    assert "PPO in the rnn dream: 51.0" in dreamt
    assert "Upsampling beside SAC on the log alone (1.00 [-1.48, 3.48]): better" in dreamt
    one_seed = report.verdict(results([each for each in rows if each["seed"] == 0]))
    assert one_seed.startswith("One seed proves nothing: on ")


def test_values_of_a_swept_setting_are_contenders_of_their_own() -> None:
    rows = [
        row("dream", "rnn", "ppo", seed, mean + seed, sweep={"temperature": value})
        for value, mean in ((0.5, -900.0), (1.0, -200.0))
        for seed in range(3)
    ]
    names = [standing.name for standing in standings(results(rows))]
    assert names == ["PPO in the rnn dream, temperature 1.0", "PPO in the rnn dream, temperature 0.5"]


def test_from_ten_seeds_up_a_return_is_the_interquartile_mean() -> None:
    means = [*np.arange(9.0), 1000.0]
    (standing,) = standings(results([row("dream", "rnn", "ppo", seed, mean) for seed, mean in enumerate(means)]))
    assert standing.real is not None
    assert standing.real.mean == float(interquartile_mean(means))
    assert standing.real.low < standing.real.mean < standing.real.high < 1000.0
