"""Forecasts: the right law beside the baselines, the right moments of the log, a chart and a card that tell it."""

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from sandbox.drift import drift
from sandbox.forecast import Forecast, ForecastError, choose, columns, forecast
from sandbox.models.core import State
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.report import forecasts
from sandbox.report.stylesheet import standalone
from sandbox.trajectories import Trajectories

STEPS = 12


def walk(lengths: tuple[int, ...], seed: int) -> Trajectories:
    """A random walk that its action pushes by ½ either way, and a lamp that shows the action."""
    rng = np.random.default_rng(seed)
    obs, action, following = [], [], []
    for length in lengths:
        pushed = rng.integers(2, size=length)
        place = np.cumsum(np.concatenate([[rng.normal()], pushed - 0.5 + 0.3 * rng.normal(size=length)]))
        lamp = np.concatenate([[0], pushed])
        seen = np.stack([lamp, place], axis=1).astype(np.float32)
        obs.append(seen[:-1])
        following.append(seen[1:])
        action.append(pushed[:, None].astype(np.float32))
    count = sum(lengths)
    return Trajectories(
        obs=np.concatenate(obs),
        action=np.concatenate(action),
        reward=np.zeros(count),
        next_obs=np.concatenate(following),
        terminated=np.zeros(count, bool),
        truncated=np.isin(np.arange(count), np.cumsum(lengths) - 1),
        lengths=np.array(lengths, np.int64),
        observation_space=spaces.Dict(lamp=spaces.Discrete(2), place=spaces.Box(-np.inf, np.inf, (1,))),
        action_space=spaces.Discrete(2),
    )


@pytest.fixture(scope="module")
def held_out() -> Trajectories:
    return walk((30, 40, 25, 50), seed=5)


@pytest.fixture(scope="module")
def model() -> FittedModel:
    return fit(walk((40,) * 25, seed=1), "mixture", settings=FitSettings(updates=300))


@pytest.fixture(scope="module")
def made(model: FittedModel, held_out: Trajectories) -> Forecast:
    rng = np.random.default_rng(0)
    return forecast(model, held_out, choose(held_out, STEPS, model.history, 20, rng), STEPS, 200, rng)


def test_a_model_that_learned_the_law_beats_both_baselines_at_every_step(made: Forecast) -> None:
    assert (made.score("dream") < made.score("persistence")).all()
    assert (made.score("dream") < made.score("climatology")).all()


def test_the_score_is_that_of_the_walks_own_law(made: Forecast) -> None:
    place = made.names.index("place")
    ideal = 0.3 * np.sqrt(np.arange(1, STEPS + 1) / np.pi)  # the CRPS of N(0, s²) at a draw of its own is s / √π
    found = made.crps["dream"][:, place] * made.scale[place]
    assert found.mean() == pytest.approx(ideal.mean(), rel=0.35)


def test_bands_hold_what_happened_as_often_as_they_promise(made: Forecast) -> None:
    assert made.coverage[0.5].mean() == pytest.approx(0.5, abs=0.15)
    assert made.coverage[0.9].mean() == pytest.approx(0.9, abs=0.1)


def test_the_logged_actions_are_taken(made: Forecast) -> None:
    lamp = made.names.index("lamp")
    agreeing = (made.futures[..., lamp] == made.truth[:, None, lamp]).mean()
    assert agreeing > 0.95, "the lamp shows the action, so that every future must know it"


def test_the_forecast_begins_where_the_log_is(made: Forecast, held_out: Trajectories, model: FittedModel) -> None:
    first = int(made.at[0])
    np.testing.assert_array_equal(made.past[-1], held_out.obs[first])
    np.testing.assert_array_equal(made.past[0], held_out.obs[first - model.history])
    np.testing.assert_array_equal(made.truth, held_out.next_obs[first : first + STEPS])


def test_the_same_seed_gives_the_same_forecast_and_warmth_spreads_it(
    model: FittedModel, held_out: Trajectories
) -> None:
    def spread(temperature: float) -> tuple[float, bytes]:
        found = forecast(model, held_out, np.array([20]), 5, 100, np.random.default_rng(3), temperature)
        low, high = found.band(0.9, found.names.index("place"))
        return float((high - low).mean()), found.futures.tobytes()

    assert spread(1.0) == spread(1.0)
    assert spread(0.25)[0] < spread(1.0)[0] < spread(4.0)[0]


def test_starts_in_groups_are_scored_as_all_of_them_at_once(
    model: FittedModel, held_out: Trajectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = np.array([20, 50, 90])
    together = forecast(model, held_out, at, 4, 400, np.random.default_rng(0))
    monkeypatch.setattr("sandbox.forecast._ROWS", 400)
    grouped = forecast(model, held_out, at, 4, 400, np.random.default_rng(0))
    np.testing.assert_allclose(together.crps["persistence"], grouped.crps["persistence"])
    np.testing.assert_allclose(together.score("dream"), grouped.score("dream"), rtol=0.3)


def test_every_start_goes_on_long_enough_and_brings_its_history(held_out: Trajectories) -> None:
    at = choose(held_out, 20, 16, 1000, np.random.default_rng(0))
    assert len(at) == len(set(at.tolist())) == sum(max(0, length - 35) for length in held_out.lengths)
    assert (held_out.elapsed[at] >= 16).all()
    assert (held_out.episode[at] == held_out.episode[at + 19]).all()


def test_a_chosen_moment_is_the_one_that_is_drawn(held_out: Trajectories) -> None:
    rng = np.random.default_rng(0)
    assert choose(held_out, 10, 16, 8, rng, episode=1, step=7)[0] == 30 + 7
    assert choose(held_out, 10, 16, 8, rng, episode=1)[0] == 30 + 16, "as soon as there is history"
    assert choose(held_out, 25, 16, 8, rng, episode=2)[0] == 70, "or as late as it can, where there is too little"
    assert choose(held_out, 10, 16, 8, rng, step=35)[0] == 95 + 35, "in the first episode that is long enough"
    chosen = choose(held_out, 10, 16, 8, rng, episode=3)
    assert len(chosen) == len(set(chosen.tolist())) == 8


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"steps": 51}, "the longest has 50"),
        ({"steps": 0}, "forecasts nothing"),
        ({"count": 0}, "judges nothing"),
        ({"episode": 4}, "whose episodes are 0 to 3"),
        ({"episode": -1}, "whose episodes are 0 to 3"),
        ({"episode": 2, "steps": 26}, "more than the 25 steps that episode 2 has"),
        ({"episode": 0, "step": 21}, "begin at 0 to 20"),
        ({"step": 45}, "which has 50; begin at 0 to 40"),
        ({"step": -1}, "begin at 0 to"),
    ],
)
def test_a_moment_that_the_log_lacks_is_refused(held_out: Trajectories, asked: dict[str, int], sentence: str) -> None:
    arguments = {"steps": 10, "history": 16, "count": 8} | asked
    with pytest.raises(ForecastError, match=sentence):
        choose(held_out, rng=np.random.default_rng(0), **arguments)  # type: ignore[arg-type]


def test_a_log_of_another_world_is_refused(model: FittedModel, held_out: Trajectories) -> None:
    foreign = replace(held_out, action_space=spaces.Discrete(3))
    with pytest.raises(ForecastError, match=r"actions Discrete\(3\), the model dreams Discrete\(2\)"):
        forecast(model, foreign, np.array([0]), 3, 8, np.random.default_rng(0))
    with pytest.raises(ForecastError, match="does not go on for 3 steps after transition 28"):
        forecast(model, held_out, np.array([0, 28]), 3, 8, np.random.default_rng(0))
    with pytest.raises(ForecastError, match=r"the climate has actions Discrete\(3\)"):
        forecast(model, held_out, np.array([0]), 3, 8, np.random.default_rng(0), climate=foreign)


def test_a_misspelt_dimension_is_told_its_neighbour() -> None:
    assert columns(("lamp", "place"), ()) == [0, 1]
    assert columns(("lamp", "place"), ("place",)) == [1]
    with pytest.raises(ForecastError, match="did you mean place"):
        columns(("lamp", "place"), ("plaice",))


def test_the_chart_shows_what_the_forecast_says(made: Forecast, tmp_path: Path) -> None:
    told = {"model": "mixture", "log": "<walk> & co", "episode": 3, "step": 20, "temperature": 1.0, "seed": 0}
    chart, beside = forecasts.write(tmp_path / "walk.svg", made, told)
    drawing = ElementTree.parse(chart).getroot()
    assert drawing.tag.endswith("svg")
    by_class = [element.get("class", "") for element in drawing.iter()]
    assert by_class.count("truth") == 1 + len(made.names), "one in the key, one in each panel"
    assert by_class.count("median") == 2
    assert by_class.count("cell") >= STEPS, "the lamp is no number: its futures are shown as shares"
    assert not re.search(r"https?:(?!//www.w3.org/2000/svg)|@import|url\(|var\(", chart.read_text()), "it stands alone"

    figures = json.loads(beside.read_text())
    assert figures["crps"]["dream"] == made.score("dream").tolist()
    assert np.array(figures["dimensions"]["lamp"]["shares"]).sum(axis=0) == pytest.approx(1)
    low, high = figures["dimensions"]["place"]["band_50"]
    assert (np.array(low) <= figures["dimensions"]["place"]["median"]).all()
    assert (np.array(high) >= figures["dimensions"]["place"]["median"]).all()


def test_nothing_of_a_panel_leaves_its_frame(made: Forecast, tmp_path: Path) -> None:
    told = {"model": "rnn", "log": "walk", "episode": 0, "step": 0, "temperature": 1.0, "seed": 0}
    chart, _ = forecasts.write(tmp_path / "walk.svg", made, told, ["place"])
    drawing = ElementTree.parse(chart).getroot()
    width, height = (float(drawing.get(side, "")) for side in ("width", "height"))
    for element in drawing.iter():
        for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", element.get("d", "")):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height


def test_the_table_names_a_few_steps_and_the_last(made: Forecast) -> None:
    assert forecasts.shown_steps(STEPS) == [1, 2, 5, 10, 12]
    assert forecasts.shown_steps(50) == [1, 2, 5, 10, 20, 50]
    assert forecasts.table(made).row_count == 5 + 1


def test_a_drawing_takes_the_pages_colours_in_light_and_dark() -> None:
    style = standalone(".own { fill: var(--paper); }")
    assert "var(" not in style
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    assert ".own { fill: #fdfdfb; }" in light
    assert ".own { fill: #16171a; }" in dark


def test_a_world_that_never_changes_can_be_forecast() -> None:
    still = walk((30, 30), seed=0)
    still = replace(still, obs=np.zeros_like(still.obs), next_obs=np.zeros_like(still.obs))
    model = fit(still, "mixture", settings=FitSettings(updates=5))
    found = forecast(model, still, np.array([0, 31]), 4, 8, np.random.default_rng(0))
    assert found.coverage == {}
    assert forecasts.table(found).row_count == 4


def test_the_climate_gives_the_unit_and_the_draws_and_changes_nothing_else(
    model: FittedModel, held_out: Trajectories
) -> None:
    def made_with(climate: Trajectories | None) -> Forecast:
        return forecast(model, held_out, np.array([20, 50]), 6, 64, np.random.default_rng(0), climate=climate)

    own, same, wide = made_with(None), made_with(held_out), made_with(stretched(held_out, 10))
    place = own.names.index("place")
    for who in own.crps:
        np.testing.assert_array_equal(own.crps[who], same.crps[who])
    np.testing.assert_array_equal(own.futures, wide.futures)
    assert wide.scale[place] == pytest.approx(10 * own.scale[place], rel=1e-4)
    np.testing.assert_allclose(10 * wide.crps["dream"][:, place], own.crps["dream"][:, place], rtol=1e-4)
    drawn_wider = wide.crps["climatology"] * wide.scale - own.crps["climatology"] * own.scale
    assert (drawn_wider[:, place] > 0).all(), "climatology draws from the climate, which is ten times as wide"


def stretched(data: Trajectories, factor: float) -> Trajectories:
    scale = np.array([1, factor], np.float32)
    return replace(data, obs=data.obs * scale, next_obs=data.next_obs * scale)


def test_the_card_tells_a_good_models_errors_by_dimension_and_step(model: FittedModel, held_out: Trajectories) -> None:
    card = drift(model, held_out, walk((40,) * 25, seed=1), np.random.default_rng(0))
    curves = {who: np.array(curve) for who, curve in card["drift"].items()}
    assert {len(curve) for curve in curves.values()} == {20}, "half of the 40 steps that a typical episode has"
    assert (curves["dream"] < np.minimum(curves["persistence"], curves["climatology"])).mean() > 0.9
    assert curves["dream"][0] < curves["dream"][-1]
    assert set(card["dimensions"]) == {"lamp", "place"}
    assert card["dimensions"]["place"] > 10 * card["dimensions"]["lamp"], "the lamp shows the action and is certain"
    assert np.mean(list(card["dimensions"].values())) == pytest.approx(curves["dream"].mean(), rel=1e-3)
    assert json.loads(json.dumps(card, allow_nan=False)) == card


def test_the_dimension_that_a_model_gets_wrong_is_the_one_that_is_told(
    model: FittedModel, held_out: Trajectories
) -> None:
    climate = walk((40,) * 25, seed=1)
    true = drift(model, held_out, climate, np.random.default_rng(0))["dimensions"]
    deceived = replace(held_out, action=1 - held_out.action)  # so that the lamp shows what was not done
    false = drift(model, deceived, climate, np.random.default_rng(0))["dimensions"]
    assert false["lamp"] > 0.9
    assert false["lamp"] > 50 * true["lamp"]


@pytest.mark.parametrize("lengths", [(), (1,), (3, 3, 3)])
def test_episodes_too_short_to_look_ahead_give_no_card(model: FittedModel, lengths: tuple[int, ...]) -> None:
    long = walk((5, *lengths), seed=0)
    short = long.episodes(np.arange(1, 1 + len(lengths)))
    assert drift(model, short, walk((40,) * 5, seed=1), np.random.default_rng(0)) == {}


def test_one_long_life_among_short_ones_does_not_decide_how_far_is_looked(model: FittedModel) -> None:
    lives = walk((200, *(12,) * 30), seed=2)
    card = drift(model, lives, walk((40,) * 5, seed=1), np.random.default_rng(0))
    assert len(card["drift"]["dream"]) == 6


@pytest.mark.parametrize(("finite", "told"), [(4, 4), (1, 0)])
def test_a_dream_that_leaves_all_bounds_is_told_as_far_as_it_is_finite(
    model: FittedModel, held_out: Trajectories, monkeypatch: pytest.MonkeyPatch, finite: int, told: int
) -> None:
    step, taken = FittedModel.step, []

    def diverging(
        self: FittedModel, state: State, action: Tensor, noise: Tensor, temperature: float = 1.0
    ) -> tuple[tuple[Tensor, Tensor, Tensor], State]:
        (obs, reward, ended), state = step(self, state, action, noise, temperature)
        taken.append(state)
        place = torch.tensor([False, True])  # as in the space: the lamp, and the place
        return (torch.where(place & (len(taken) > finite), torch.inf, obs), reward, ended), state

    monkeypatch.setattr(FittedModel, "step", diverging)
    card = drift(model, held_out, walk((40,) * 5, seed=1), np.random.default_rng(0))
    assert {who: len(curve) for who, curve in card.get("drift", {}).items()} == (
        dict.fromkeys(("dream", "persistence", "climatology"), told) if told else {}
    )
    assert np.isfinite(list(card.get("dimensions", {}).values())).all()
