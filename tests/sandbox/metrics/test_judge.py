"""The judge cannot tell the true law from the truth, tells wrong ones, and says by what."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from sandbox.metrics import judge
from sandbox.metrics.judge import TooFewTransitionsError


def rng() -> np.random.Generator:
    return np.random.default_rng(6)


def test_the_true_law_is_not_told_from_the_truth(law, data, held_out) -> None:
    section = judge(law(), held_out, data, rng())
    error = section.details["chance_error"]
    assert abs(section.figures["auc"].dream - 0.5) < 4 * error
    assert abs(section.figures["expert_auc"].dream - 0.5) < 4 * error
    assert section.figures["auc"].persistence > 0.9
    assert section.figures["auc"].climatology > 0.9


@pytest.mark.parametrize("wrong", [{"bias": 0.6}, {"spread": 4.0}, {"spread": 0.1}])
def test_a_wrong_mean_or_spread_gives_the_dream_away_by_its_dimension(law, data, held_out, wrong) -> None:
    section = judge(law(**wrong), held_out, data, rng())
    assert section.figures["auc"].dream > 0.7
    dimensions = section.details["dimensions"]
    assert list(dimensions) == sorted(dimensions, key=lambda name: -dimensions[name])
    assert set(list(dimensions)[:2]) <= {"place", "reward", "clock"}
    assert abs(dimensions["room"] - 0.5) < 0.07
    assert dimensions["constant"] == 0.5


def test_of_many_dimensions_those_that_differ_most_are_judged_alone(law, data, held_out, monkeypatch) -> None:
    monkeypatch.setattr(import_module("sandbox.metrics.judge"), "_MOST_ALONE", 4)
    section = judge(law(bias=0.6), held_out, data, rng())
    assert len(section.details["dimensions"]) == len(section.details["expert_dimensions"]) == 4
    assert {"place", "reward", "ending"} < set(section.details["dimensions"])


def test_only_the_expert_sees_a_small_violation_of_an_exact_law(law, held_out, data) -> None:
    # The clock is made to go by the place, so that no threshold on its change alone can tell.
    bent = replace(held_out, next_obs=held_out.next_obs.copy())
    bent.next_obs[:, 0] = held_out.obs[:, 0] + 3 * held_out.obs[:, 3]

    class Nearly(type(law())):
        def step(self, state, action, noise, temperature=1.0):
            (obs, reward, ended), _ = super().step(state, action, noise)
            obs[:, 0] = state["obs"][:, 0] + 3 * state["obs"][:, 3] + 0.3 * noise[:, 1]
            return (obs, reward, ended), {"obs": obs}

    section = judge(Nearly(), bent, bent, rng())
    assert section.figures["auc"].dream < 0.65
    assert section.figures["expert_auc"].dream > 0.9
    assert next(iter(section.details["expert_dimensions"])) == "clock"


def test_one_long_episode_is_judged_by_its_pieces(law, data, held_out) -> None:
    whole = replace(held_out, lengths=np.array([len(held_out)], np.int64))
    assert judge(law(bias=2.0), whole, data, rng()).figures["auc"].dream > 0.9


def test_too_little_to_judge_is_refused_in_one_sentence(law, data, held_out) -> None:
    with pytest.raises(TooFewTransitionsError, match="at least 40"):
        judge(law(), held_out.episodes([0]), data, rng())
