"""Surprise: calibrated where nothing has changed, large where the physics has."""

import numpy as np
import pytest

from sandbox import models
from sandbox.collection import collect
from sandbox.metrics.scores import auroc
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.models.surprise import Surprise
from sandbox.trajectories import Trajectories
from sandbox.worlds import world
from sandbox_envs.lander import heuristic

WINDOW = 20


class Pilot:
    """The scripted pilot, distracted at every third step: it sees much of the field and seldom lands."""

    def act(self, obs: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        assert rng is not None
        return np.where(rng.random(len(obs)) < 0.3, rng.integers(0, 4, len(obs)), heuristic(obs))


def flown(steps: int, seed: int, **physics: float) -> Trajectories:
    envs = world("lander", physics).make_vec(16)
    return collect(envs, Pilot(), steps, np.random.default_rng(seed))


def fitted(name: str, steps: int, effort: float) -> FittedModel:
    return fit(flown(steps, seed=0), name, settings=FitSettings(effort=effort))


CHANGED = {"gravity + 30 %": {"gravity": 4.81}, "gravity - 30 %": {"gravity": 2.59}, "stuck": {"side_thrust": 0.0}}


def separations(model: FittedModel, steps: int) -> dict[str, float]:
    """AUROC of windows of changed physics against usual ones, for each change."""
    _, usual = model.surprise(flown(steps, seed=1)).windows(WINDOW)
    found = {}
    for number, (name, physics) in enumerate(CHANGED.items()):
        _, strange = model.surprise(flown(steps, seed=2 + number, **physics)).windows(WINDOW)
        score = -np.log(np.concatenate([usual, strange]) + 1e-300)
        area = auroc(score, np.repeat([False, True], [len(usual), len(strange)]))
        assert area is not None
        found[name] = area
    return found


def test_changed_gravity_is_noticed_within_twenty_steps() -> None:
    found = separations(fitted("mixture", 6000, 0.4), 2000)
    assert found["gravity + 30 %"] > 0.9
    assert found["gravity - 30 %"] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", models.families())
def test_every_family_notices_changed_gravity(name: str) -> None:
    found = separations(fitted(name, 20_000, 1.0), 4000)
    print(f"{name}: " + ", ".join(f"{change} {area:.3f}" for change, area in found.items()))
    assert found["gravity + 30 %"] >= 0.9
    assert found["gravity - 30 %"] >= 0.9


def test_where_nothing_has_changed_alarms_are_rare() -> None:
    p = fitted("mixture", 6000, 0.4).surprise(flown(3000, seed=9)).p
    assert (p <= 0.05).mean() < 0.1
    assert 0.3 < np.median(p) < 0.7, "four held-out episodes place the middle only roughly"


def test_p_values_count_the_held_out_transitions_that_were_as_surprising() -> None:
    usual = np.array([1.0, 2.0, 2.0, 5.0], np.float32)
    found = Surprise.among(np.array([0.0, 2.0, 6.0], np.float32), usual, np.zeros(3, np.int64))
    np.testing.assert_allclose(found.p, [5 / 5, 4 / 5, 1 / 5])


def test_windows_keep_to_one_episode() -> None:
    p = np.r_[np.full(5, 0.5), np.full(4, 0.01)]
    found = Surprise(np.zeros(9, np.float32), p, np.repeat([0, 1], [5, 4]))
    first, together = found.windows(4)
    assert first.tolist() == [0, 5]
    assert together[1] < 1e-4 < together[0]


def test_data_of_another_world_are_refused() -> None:
    model = fit(flown(400, seed=0), "mixture", settings=FitSettings(updates=5))
    other = world("cartpole")
    data = collect(other.make_vec(1), _Left(), 50, np.random.default_rng(0))
    with pytest.raises(ValueError, match="use data of the model's world"):
        model.surprise(data)


class _Left:
    def act(self, obs: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        return np.zeros(len(obs), np.int64)
