"""Ensembles: one batched pass that is what its members say, and a disagreement that knows where there were no data."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sandbox import models
from sandbox.dream import DreamVectorEnv
from sandbox.models.ensemble import DISAGREEMENT, Ensemble
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories
from sandbox.worlds import world
from sandbox_agents import make

COMBINATIONS = [f"{memory}+{head}" for memory in models.memories() for head in models.heads()]


def pendulum(steps: int = 400) -> Trajectories:
    from sandbox.collection import collect

    chosen = world("Pendulum-v1")
    actor = make("random", *chosen.spaces, 0)
    return collect(chosen.make_vec(1), actor, steps, np.random.default_rng(0), horizon=200)


def ensemble_of(name: str, updates: int = 40) -> FittedModel:
    return fit(pendulum(), name, settings=FitSettings(updates=updates, ensemble=3))


@pytest.mark.parametrize("name", COMBINATIONS)
def test_the_batched_pass_is_what_the_drawn_member_says(name: str) -> None:
    model = ensemble_of(name, updates=10)
    network = model.network
    assert isinstance(network, Ensemble)
    rows = len(model.starts)
    noise = torch.randn(rows, model.noise_dim, generator=torch.Generator().manual_seed(0))
    action = torch.zeros(rows, 1)
    (obs, reward, terminated), following = model.step(model.begin(model.starts), action, noise)
    drawn = (torch.special.ndtr(noise[:, -1]) * 3).long()
    assert set(drawn.tolist()) == {0, 1, 2}
    for number, member in enumerate(network.members):
        (alone, gain, ended), _ = member.step(member.begin(model.starts), action, noise[:, :-1])
        own = drawn == number
        torch.testing.assert_close(obs[own], alone[own], rtol=0, atol=1e-4)
        torch.testing.assert_close(reward[own], gain[own], rtol=1e-4, atol=1e-3)
        assert torch.equal(terminated[own], ended[own])
    assert all(len(leaf) == rows for leaf in following.values())


@pytest.mark.parametrize("name", models.heads())
def test_members_disagree_most_where_there_were_no_data(name: str) -> None:
    model = ensemble_of(name, updates=200)
    state = model.begin(model.starts)
    noise = torch.randn(len(model.starts), model.noise_dim, generator=torch.Generator().manual_seed(1))
    doubts = []
    for push in (0.0, 30.0):  # torques are within ±2
        _, following = model.step(state, torch.full((len(model.starts), 1), push), noise)
        doubts.append(following[DISAGREEMENT].median())
    assert doubts[1] > 1.5 * doubts[0]


def test_a_dream_can_fear_disagreement(tmp_path: Path) -> None:
    model = ensemble_of("mixture")
    actions = np.zeros((8, 1), np.float32)
    lived = {}
    for name, knobs in {
        "bold": {},
        "afraid": {"disagreement_penalty": 100.0},
        "halting": {"disagreement_limit": 0.0},
    }.items():
        envs = DreamVectorEnv(model, 8, **knobs)
        envs.reset(seed=0)
        lived[name] = envs.step(actions)
    assert (lived["afraid"][1] < lived["bold"][1]).all()
    np.testing.assert_array_equal(lived["afraid"][0], lived["bold"][0])
    ended, cut = lived["halting"][2:4]
    assert (ended | cut).all(), "every member disagrees a little: every row that goes on is truncated"
    assert cut.any()
    assert not lived["bold"][3].any()


def test_an_ensemble_comes_back_from_its_folder(tmp_path: Path) -> None:
    model = ensemble_of("rnn")
    model.save(tmp_path / "model")
    again = FittedModel.load(tmp_path / "model")
    noise = torch.randn(len(model.starts), model.noise_dim, generator=torch.Generator().manual_seed(2))
    action = torch.zeros(len(model.starts), 1)
    for ours, theirs in zip(
        model.step(model.begin(model.starts), action, noise)[0],
        again.step(again.begin(again.starts), action, noise)[0],
        strict=True,
    ):
        assert torch.equal(ours, theirs)
    assert "3 of rnn" in again.describe()


def test_a_single_model_has_no_disagreement_to_fear() -> None:
    model = fit(pendulum(100), "mixture", settings=FitSettings(updates=5))
    with pytest.raises(ValueError, match="needs an ensemble; fit one with --ensemble 5"):
        DreamVectorEnv(model, 2, disagreement_penalty=1.0)
