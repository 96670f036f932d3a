"""Anatomy: what a model says about itself is what it is, and its score card comes from data it never saw."""

from pathlib import Path

import numpy as np
import pytest

import sandbox
import sandbox_agents
from sandbox.anatomy import AnotherWorldError, anatomy, judged, with_card
from sandbox.metrics import CardSettings
from sandbox.models import names
from sandbox.models.fit import PLENTY, FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories

SMALL = CardSettings(
    transitions=60, judged=150, branch_states=4, branch_futures=8, rollout_states=2, rollout_futures=6, rollout_steps=5
)


def log_of(name: str, seed: int, steps: int = 300) -> Trajectories:
    world = sandbox.world(name)
    actor = sandbox_agents.make("random", *world.spaces, seed)
    return sandbox.collect(world.make_vec(4), actor, steps, np.random.default_rng(seed), horizon=50)


@pytest.fixture(scope="module")
def model() -> FittedModel:
    return fit(log_of("cartpole", 0), "rnn", settings=FitSettings(updates=20), parts={"memory": {"hidden": 24}})


@pytest.mark.parametrize("name", names())
def test_every_family_tells_all_its_parameters(name: str) -> None:
    small = fit(log_of("cartpole", 0, 60), name, settings=FitSettings(updates=1))
    found = anatomy(small)
    assert sum(found.parameters.values()) == sum(each.numel() for each in small.network.parameters())
    assert set(found.parameters) <= {"memory", "head", "outcome"}
    assert "dynamics" in found.held_out_loss


def test_settings_that_were_given_stand_beside_the_defaults(model: FittedModel) -> None:
    facts = anatomy(model).facts
    assert facts["memory"] == "rnn (hidden 24)"
    assert facts["head"] == "mixture (components 3, width 128)"
    assert facts["data"].startswith("300 transitions, ")
    assert facts["horizon"] == "50 steps"
    assert "obs[3]" in facts["observations"]
    assert not {"exact", "tied"} & set(facts), "few steps tell no law"


def test_what_a_line_tells_and_what_the_others_tell_is_named() -> None:
    facts = anatomy(fit(log_of("lander", 0, PLENTY), "mixture", settings=FitSettings(updates=300))).facts
    assert facts["exact"].startswith("obs[0], obs[1], obs[2], obs[3], obs[6], ")
    assert "obs[5]" in facts["tied"], "a sine tells its cosine"


def test_a_log_alone_gives_the_figures_that_need_no_simulator(model: FittedModel) -> None:
    card = judged(model, log_of("cartpole", 1, 600), None, settings=SMALL)
    assert set(card["figures"]) == {"one_step", "judge"}
    assert card["left_out"]["branch"] == "no simulator was given"


def test_a_world_alone_makes_its_own_log(model: FittedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.anatomy.STEPS", 600)
    card = judged(model, None, sandbox.world("cartpole"), settings=SMALL)
    assert {"one_step", "judge", "branch", "rollouts"} <= set(card["figures"])


def test_a_card_travels_with_its_model(model: FittedModel, tmp_path: Path) -> None:
    card = judged(model, log_of("cartpole", 1, 600), None, settings=SMALL)
    assert anatomy(model).card is None
    with_card(model, card).save(tmp_path / "model")
    assert anatomy(FittedModel.load(tmp_path / "model")).card == card


def test_another_world_is_refused(model: FittedModel) -> None:
    with pytest.raises(AnotherWorldError, match="the log has observations Box"):
        judged(model, log_of("lander", 0), None)
    with pytest.raises(AnotherWorldError, match="the world has observations Box"):
        judged(model, None, sandbox.world("lander"))
    with pytest.raises(ValueError, match="needs a log"):
        judged(model, None, None)
