"""What a fit takes from plentiful data and not from few: exact laws, what goes together, where exactly episodes end."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from sandbox.dream import DreamVectorEnv
from sandbox.models.fit import SEVERAL, FitSettings, fit
from sandbox.models.fitted import FittedModel, build_one
from sandbox.models.outcome import AMOUNTS, Outcome
from sandbox.spaces import action_layout, layout
from sandbox.trajectories import Trajectories

BRIEF = FitSettings(updates=20, judge_every=20)
LENGTH = 40


def rolling(count: int, seed: int = 0) -> Trajectories:
    """A pushed cart, its place told twice: the place moves by the speed, and the speed by a gust and the push."""
    rng = np.random.default_rng(seed)
    episodes = count // LENGTH
    action = rng.integers(0, 2, (episodes, LENGTH))
    speed = np.cumsum(0.1 * (2 * action - 1) + rng.normal(0, 0.05, action.shape), axis=1)
    speed = np.concatenate([np.zeros((episodes, 1)), speed], axis=1)
    place = np.concatenate([np.zeros((episodes, 1)), np.cumsum(0.1 * speed[:, :-1], axis=1)], axis=1)
    seen = np.stack([place, speed, np.sin(place)], axis=-1).astype(np.float32)
    last = np.tile(np.arange(LENGTH) == LENGTH - 1, episodes)
    return Trajectories(
        obs=seen[:, :-1].reshape(-1, 3),
        action=action.reshape(-1, 1).astype(np.float32),
        reward=np.ones(episodes * LENGTH),
        next_obs=seen[:, 1:].reshape(-1, 3),
        terminated=last,
        truncated=np.zeros_like(last),
        lengths=np.full(episodes, LENGTH),
        observation_space=spaces.Box(-100, 100, (3,)),
        action_space=spaces.Discrete(2),
    )


def codec_of(model: FittedModel) -> tuple[list[bool], list[bool]]:
    buffers = dict(model.network.named_buffers())
    return buffers["codec.law.has_law"].tolist(), buffers["codec.ties.tied"].tolist()


def test_few_steps_leave_everything_to_the_head() -> None:
    has_law, tied = codec_of(fit(rolling(SEVERAL - LENGTH), "mixture", settings=BRIEF))
    assert not any(has_law)
    assert not any(tied)


@pytest.fixture(scope="module")
def taught() -> FittedModel:
    return fit(rolling(SEVERAL), "mixture", settings=replace(BRIEF, updates=400))


def test_of_plenty_the_exact_law_and_the_tie_are_found(taught: FittedModel) -> None:
    has_law, tied = codec_of(taught)
    assert has_law == [True, False, False], "the speed's gust is no law, the sine's change no line"
    assert tied[2], "the place tells its sine"


def test_the_members_of_an_ensemble_know_the_same(taught: FittedModel) -> None:
    model = fit(rolling(SEVERAL), "mixture", settings=replace(BRIEF, updates=400, ensemble=2))
    known = {name: buffer for name, buffer in model.network.named_buffers() if ".law." in name or ".ties." in name}
    for name, buffer in known.items():
        assert torch.equal(buffer, known[name.replace("members.1.", "members.0.")]), name
    assert known["members.1.codec.ties.tied"].any()


def test_a_fit_that_goes_on_goes_on_with_the_ties(taught: FittedModel) -> None:
    few = replace(BRIEF, updates=50)
    _, going_on = codec_of(fit(rolling(SEVERAL), "mixture", settings=few, predecessor=taught))
    _, anew = codec_of(fit(rolling(SEVERAL), "mixture", settings=few))
    assert going_on[2]
    assert not any(anew), "so few updates teach no tie"


def test_a_stored_model_keeps_them(taught: FittedModel, tmp_path: Path) -> None:
    taught.save(tmp_path / "model")
    stored = FittedModel.load(tmp_path / "model")
    before, after = taught.network.state_dict(), stored.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in after)
    assert codec_of(stored) == codec_of(taught)


def test_a_dream_keeps_to_the_law_and_the_tie(taught: FittedModel) -> None:
    dream = DreamVectorEnv(taught, 64, horizon=LENGTH)
    before, _ = dream.reset(seed=0)
    for _ in range(20):
        after, _, ended, cut, _ = dream.step(np.ones(64, np.int64))
        went_on = ~(ended | cut)
        assert np.allclose((after - before)[went_on, 0], 0.1 * before[went_on, 1], atol=0.01)
        before = after
    assert np.median(np.abs(before[:, 2] - np.sin(before[:, 0]))) < 0.05


def test_classes_alone_have_no_law_and_no_tie() -> None:
    data = rolling(SEVERAL)
    rooms = replace(
        data,
        obs=(data.obs[:, :1] > 0).astype(np.float32),
        next_obs=(data.next_obs[:, :1] > 0).astype(np.float32),
        observation_space=spaces.Discrete(2),
    )
    model = fit(rooms, "mixture", settings=BRIEF)
    assert codec_of(model) == ([], [])
    obs, *_ = DreamVectorEnv(model, 4).reset(seed=0)
    assert set(obs.tolist()) <= {0, 1}


@pytest.fixture
def outcome() -> Outcome:
    return build_one("mixture", {}, layout(spaces.Box(-1, 1, (1,))), action_layout(spaces.Discrete(2))).outcome


def losses(**better: float) -> dict[str, Tensor]:
    """Held-out losses of all amounts, which scatter alike; `better` is how far some are better."""
    generator = torch.Generator().manual_seed(0)

    def scattered(name: str) -> Tensor:
        scatter = torch.randn(200, generator=generator)
        return 1 + 0.1 * (scatter - scatter.mean()) - better.get(name.replace(".", "_"), 0.0)

    return {
        f"{question}.{amount}": scattered(f"{question}.{amount}")
        for question in AMOUNTS
        for amount in AMOUNTS[question]
    }


@pytest.mark.parametrize(
    ("sharp", "better", "chosen"),
    [
        (False, {}, ["simple", "simple", "simple"]),
        (True, {}, ["sharp", "simple", "sharp"]),
        (False, {"ending_sharp": 0.5, "prize_sharp": 0.5}, ["sharp", "simple", "sharp"]),
        (True, {"ending_simple": 0.5, "prize_simple": 0.5}, ["simple", "simple", "simple"]),
        (True, {"ending_all": 0.5, "reward_all": 0.5}, ["all", "all", "sharp"]),
    ],
)
def test_what_is_kept_where_held_out_data_are_silent_and_where_they_speak(
    outcome: Outcome, sharp: bool, better: dict[str, float], chosen: list[str]
) -> None:
    outcome.choose(losses(**better), sharp=sharp)
    assert not {
        f"{question}.{kept}" for question, kept in zip(("ending", "reward", "prize"), chosen, strict=True)
    } & set(outcome.idle)
