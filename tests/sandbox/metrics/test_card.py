"""The score card: everything that applies, plain enough for JSON, and a reason for everything that does not."""

import json
from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from sandbox.collection import collect
from sandbox.metrics import CardSettings, score_card, table
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.worlds import world
from sandbox_agents import RandomAgent

SMALL = CardSettings(
    transitions=100,
    judged=300,
    branch_states=6,
    branch_futures=16,
    rollout_states=3,
    rollout_futures=8,
    rollout_steps=6,
    episodes=4,
)


@pytest.fixture(scope="module")
def model(data) -> FittedModel:
    return fit(data, "mixture", seed=1, settings=FitSettings(updates=60))


def test_a_full_card_is_plain_json_with_baselines_beside_every_figure(model, held_out, data, diced, actor) -> None:
    card = score_card(model, held_out, data, world=diced, trained=actor, settings=SMALL)
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert set(card["figures"]) == {"one_step", "judge", "branch", "rollouts", "rank_agreement", "exploitation"}
    assert card["left_out"] == {}
    for section in ("one_step", "judge", "branch", "rollouts"):
        for name, figure in card["figures"][section].items():
            assert "climatology" in figure, name
    assert all("simulator" in figure for figure in card["figures"]["branch"].values())


def test_the_same_seed_gives_the_same_card(model, held_out, data, diced) -> None:
    one, again = (score_card(model, held_out, data, world=diced, seed=3, settings=SMALL) for _ in range(2))
    assert one == again


def test_without_a_simulator_the_card_says_what_it_lacks(model, held_out, data) -> None:
    card = score_card(model, held_out, data, settings=SMALL)
    assert set(card["figures"]) == {"one_step", "judge"}
    assert card["left_out"]["branch"] == "no simulator was given"


def test_little_data_without_an_ending_leave_their_reasons(model, held_out, data) -> None:
    few = held_out.episodes([0])
    few = replace(few, terminated=np.zeros(len(few), bool))
    card = score_card(model, few, data, settings=SMALL)
    assert {"judge", "ending_auroc"} <= set(card["left_out"])
    assert "at least 40" in card["left_out"]["judge"]


class Roped(gymnasium.Wrapper):
    """The same world, tied to something that cannot be copied."""

    def __deepcopy__(self, memo: object) -> None:
        raise TypeError("cannot pickle a rope")


gymnasium.register("Roped-v0", lambda: Roped(gymnasium.make("Diced-v0")))


def test_a_world_that_cannot_be_branched_is_judged_by_the_rest(model, held_out, data) -> None:
    card = score_card(model, held_out, data, world=world("Roped-v0"), settings=SMALL)
    for section in ("branch", "rollouts"):
        assert "Roped-v0 cannot be branched: it cannot be copied (TypeError: cannot pickle a rope)" in str(
            card["left_out"][section]
        )
    assert "judge" in card["figures"]


def test_a_native_world_gets_its_card(model) -> None:
    chosen = world("lander")
    actor = RandomAgent(*chosen.spaces, 0)
    data, held_out = (
        collect(chosen.make_vec(8), actor, 600, np.random.default_rng(seed), horizon=400) for seed in (0, 1)
    )
    lander = fit(data, "rnn", seed=1, settings=FitSettings(updates=60))
    card = score_card(lander, held_out, data, world=chosen, settings=SMALL)
    assert card["details"]["branch"]["left_to_chance"] == ["obs[8]"]
    assert card["figures"]["branch"]["ratio"]["simulator"] == 1


def test_the_table_has_one_row_a_figure(model, held_out, data) -> None:
    card = score_card(model, held_out, data, settings=SMALL)
    head, *rows = table(card)
    assert head[1:] == ("figure", "dream", "persistence", "climatology", "simulator", "best")
    assert len(rows) == sum(len(figures) for figures in card["figures"].values())
    assert {len(row) for row in rows} == {len(head)}
    energy = next(row for row in rows if row[1] == "energy_score")
    assert float(energy[2]) == pytest.approx(card["figures"]["one_step"]["energy_score"]["dream"], rel=1e-3)
