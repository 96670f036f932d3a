"""One step ahead: the true law scores best, what nothing changes scores as persistence, and odd data do no harm."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sandbox.metrics import fidelity, one_step
from sandbox.metrics.baselines import Climatology, Persistence
from sandbox.models.fit import FitSettings, fit
from sandbox.trajectories import Trajectories


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_the_true_law_beats_every_other(law, data, held_out) -> None:
    figures = one_step(law(), held_out, data, rng()).figures
    for wrong in (law(bias=0.5), law(spread=3.0), law(spread=0.1)):
        others = one_step(wrong, held_out, data, rng()).figures
        assert figures["energy_score"].dream < others["energy_score"].dream
        assert figures["crps"].dream < others["crps"].dream
        assert figures["skill"].dream > others["skill"].dream
    assert figures["energy_score"].dream < min(figures["energy_score"].persistence, figures["energy_score"].climatology)


def test_the_true_law_is_calibrated_and_a_narrow_one_is_not(law, data, held_out) -> None:
    one = one_step(law(), held_out, data, rng(), 1000).figures
    narrow = one_step(law(spread=0.1), held_out, data, rng(), 1000).figures
    assert one["coverage_50"].dream == pytest.approx(0.5, abs=0.05)
    assert one["coverage_90"].dream == pytest.approx(0.9, abs=0.03)
    assert narrow["coverage_90"].dream < 0.75


def test_persistence_equals_persistence_and_climatology_climatology(data, held_out) -> None:
    still = one_step(Persistence(data), held_out, data, rng()).figures
    for figure in still.values():
        assert figure.dream == pytest.approx(figure.persistence if figure.persistence is not None else 0, abs=0.05)
    assert still["skill"].dream == 0
    random = one_step(Climatology(data), held_out, data, rng()).figures["energy_score"]
    assert random.dream == pytest.approx(random.climatology, rel=0.1)


def test_endings_are_judged_by_their_shares(law, data, held_out) -> None:
    rare, common = (one_step(law(ending=p), held_out, data, rng()).figures["ending_brier"].dream for p in (0.05, 0.6))
    assert rare == pytest.approx(0.05 * 0.95, abs=0.02)
    assert common > 0.3


def test_how_well_endings_are_told_apart_is_judged_by_all_of_them(law, data, held_out) -> None:
    clock = held_out.next_obs[:, 0]
    ends, early = np.zeros(len(held_out), bool), np.quantile(clock, 0.66)
    ends[np.argsort(clock)[-10:]] = True

    class Early(law):  # ends in the last third of an episode, where every true ending is
        def step(self, state, action, noise, temperature=1.0):
            (obs, reward, _), state = super().step(state, action, noise, temperature)
            return (obs, reward, obs[:, 0] > early), state

    rare = replace(held_out, terminated=ends)
    for seed in range(5):  # fifty transitions hold a third of an ending
        figures = one_step(Early(), rare, data, np.random.default_rng(seed), 50).figures
        assert figures["ending_auroc"].dream == pytest.approx(5 / 6, abs=0.1)


def test_without_an_ending_there_is_no_auroc_and_a_reason_why(law, data, held_out) -> None:
    endless = replace(held_out, terminated=np.zeros(len(held_out), bool))
    section = one_step(law(), endless, data, rng())
    assert "ending_auroc" not in section.figures
    assert "none of them" in section.left_out["ending_auroc"]


def test_where_nothing_changes_nothing_is_divided_by_zero(law, data) -> None:
    frozen = replace(data, next_obs=data.obs, reward=np.full(len(data), 1e10))
    frozen = frozen.episodes([0, 1])
    frozen = replace(frozen, obs=np.repeat(frozen.obs[:1], len(frozen), 0))
    frozen = replace(frozen, next_obs=frozen.obs)
    section = one_step(Persistence(frozen), frozen, frozen, rng())
    assert all(math.isfinite(figure.dream) for figure in section.figures.values())
    assert {"crps", "skill"} <= set(section.left_out)
    assert section.figures["energy_score"].dream == 0


def test_episodes_of_one_step_are_scored(law, data) -> None:
    short = replace(data, lengths=np.ones(len(data), np.int64))
    figures = one_step(law(), short, short, rng()).figures
    assert all(math.isfinite(figure.dream) for figure in figures.values())


@pytest.mark.parametrize("name", ["rnn", "diffusion"])
def test_the_fidelity_of_a_fitted_model_is_one_flat_dict_of_finite_numbers(name: str, data, held_out) -> None:
    model = fit(data, name, seed=1, settings=FitSettings(updates=150))
    flat = fidelity(model, held_out, data, rng())
    assert {"energy_score", "persistence", "climatology", "reward_error", "ending_brier"} <= set(flat)
    assert {"skill", "crps", "coverage_50", "coverage_90", "reward_crps", "ending_auroc"} <= set(flat)
    assert all(isinstance(value, float) and math.isfinite(value) for value in flat.values())
    assert flat["energy_score"] < flat["persistence"]
    assert flat["skill"] == pytest.approx(1 - flat["energy_score"] / flat["persistence"])


def test_rewards_over_ten_orders_of_magnitude_are_scored(law, data: Trajectories, held_out: Trajectories) -> None:
    huge = replace(held_out, reward=held_out.reward * np.where(np.arange(len(held_out)) % 2, 1e10, 1.0))
    figures = one_step(law(), huge, huge, rng()).figures
    assert math.isfinite(figures["reward_crps"].dream)
    assert figures["reward_crps"].dream < 10
