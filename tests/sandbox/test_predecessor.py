"""A fit that goes on from a predecessor: what it takes over, who judges it, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import sandbox
import sandbox_agents
from sandbox.models import chunks
from sandbox.models.fit import RENEWED, FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.models.predecessor import judged_before
from sandbox.trajectories import Trajectories, concatenate

BRIEF = FitSettings(updates=40, judge_every=20, starts=16)


def random_play(world: str, steps: int, rows: int) -> Trajectories:
    envs = sandbox.world(world).make_vec(rows)
    actor = sandbox_agents.make("random", envs.single_observation_space, envs.single_action_space, 0)
    return sandbox.collect(envs, actor, steps, np.random.default_rng(1))


@pytest.fixture(scope="module")
def log() -> Trajectories:
    return random_play("cartpole", 600, rows=8)


def beginning(log: Trajectories, episodes: int) -> Trajectories:
    return log.episodes(range(episodes))


def rest(log: Trajectories, episodes: int) -> Trajectories:
    return log.episodes(range(episodes, len(log.lengths)))


@pytest.fixture(scope="module")
def first(log: Trajectories) -> FittedModel:
    return fit(beginning(log, 12), "gan", settings=BRIEF)


def one_small_step(data: Trajectories, model: str, predecessor: FittedModel) -> FittedModel:
    """A successor whose weights have hardly moved."""
    members = len(predecessor.members)
    settings = replace(BRIEF, updates=1, again=1.0, finish=0.0, ensemble=members)
    return fit(data, model, settings=settings, predecessor=predecessor)


def test_a_successor_begins_with_the_weights_of_its_predecessor(log: Trajectories, first: FittedModel) -> None:
    successor, stranger = one_small_step(log, "gan", first), fit(log, "gan", settings=replace(BRIEF, updates=1))
    theirs = dict(first.network.named_parameters())
    assert any(name.startswith("head.") for name in theirs)
    for network, near in ((successor.network, True), (stranger.network, False)):
        moved = torch.stack([(weight - theirs[name]).abs().mean() for name, weight in network.named_parameters()])
        assert bool(moved.max() < 0.003) is near


def test_of_plenty_of_data_a_successor_begins_between_its_predecessor_and_a_stranger(
    log: Trajectories, first: FittedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = dict(fit(log, "gan", settings=replace(BRIEF, updates=1, finish=0.0)).network.named_parameters())
    monkeypatch.setattr("sandbox.models.fit.PLENTY", len(log))
    successor = dict(one_small_step(log, "gan", first).network.named_parameters())
    theirs = dict(first.network.named_parameters())
    # Where the outcome's parts were not told apart yet, some have no weights here.
    shared = [name for name in theirs if name in successor and name in stranger]
    assert any(name.startswith("memory.") or name.startswith("head.") for name in shared)
    for name in shared:
        between = (1 - RENEWED) * theirs[name] + RENEWED * stranger[name]
        assert (successor[name] - between).abs().mean() < 0.005, name


@pytest.mark.parametrize(("model", "updates"), [("mixture", 40), ("diffusion", 100)])
def test_of_plenty_of_data_a_head_says_how_many_updates_renewed_weights_take(
    model: str, updates: int, log: Trajectories, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sandbox.models.fit.PLENTY", len(log))
    settings = replace(BRIEF, updates=100, judge_every=20)
    before = fit(beginning(log, 12), model, settings=settings)
    fit(log, model, settings=settings, predecessor=before, log=tmp_path / "fit.jsonl")
    last = (tmp_path / "fit.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["update"] == updates


def test_what_the_predecessor_never_learned_stays_new(log: Trajectories) -> None:
    endless = replace(beginning(log, 12), terminated=np.zeros(len(beginning(log, 12)), bool))
    lived_on = fit(endless, "vae", settings=BRIEF)
    assert lived_on.network.outcome.idle
    successor = fit(concatenate([endless, rest(log, 12)]), "vae", settings=BRIEF, predecessor=lived_on)
    state = successor.begin(successor.starts)
    noise = torch.randn(len(successor.starts), successor.noise_dim, generator=torch.Generator().manual_seed(0))
    (obs, reward, _), _ = successor.step(state, torch.zeros(len(noise), 1), noise)
    assert obs.isfinite().all()
    assert reward.isfinite().all()
    assert int(successor.network.outcome.chosen("ending")) >= 0, "now there are ends"


def test_fewer_updates_make_a_better_model_where_a_fit_goes_on(log: Trajectories) -> None:
    settings = FitSettings(updates=300, judge_every=50, starts=16)
    before = fit(beginning(log, 12), "mixture", settings=settings)
    went_on = fit(log, "mixture", settings=replace(settings, again=0.4), predecessor=before)
    anew = fit(log, "mixture", settings=replace(settings, updates=120))
    loss = [each.provenance["fit"]["held_out_loss"]["dynamics"] for each in (went_on, anew)]
    assert loss[0] < loss[1] - 0.3


def test_a_break_on_disk_changes_no_bit(log: Trajectories, first: FittedModel, tmp_path: Path) -> None:
    first.save(tmp_path / "first", whole=True)
    again = FittedModel.load(tmp_path / "first")
    ours, theirs = (fit(log, "gan", settings=BRIEF, predecessor=each) for each in (first, again))
    for name, tensor in ours.network.state_dict().items():
        assert torch.equal(tensor, theirs.network.state_dict()[name]), name
    assert np.array_equal(ours.usual, theirs.usual)


def test_every_member_of_an_ensemble_goes_on(log: Trajectories) -> None:
    both = fit(beginning(log, 12), "rnn", settings=replace(BRIEF, ensemble=2))
    successor = one_small_step(log, "rnn", both)
    for ours, theirs in zip(successor.members, both.members, strict=True):
        pairs = zip(ours.head.parameters(), theirs.head.parameters(), strict=True)
        assert max((own - its).abs().mean().item() for own, its in pairs) < 0.003


def test_who_judged_the_predecessor_judges_on_and_nobody_who_taught_it(log: Trajectories, first: FittedModel) -> None:
    known = len(beginning(log, 12))
    judged = judged_before(first)
    assert len(judged) == known
    assert 0 < judged.mean() < 0.4
    successor = judged_before(fit(log, "gan", settings=BRIEF, predecessor=first))
    assert np.array_equal(successor[:known], judged)
    assert 0 < successor[known:].mean() < 0.4, "of what is new, some judge and most teach"


def test_where_all_have_taught_all_judge(log: Trajectories, first: FittedModel) -> None:
    silent = replace(first, provenance={"data": {"transitions": len(log)}})  # as stored models were
    assert not judged_before(silent).any()
    assert chunks.judges(log, 0.1, np.random.default_rng(0), judged_before(silent)).all()
    fit(log, "gan", settings=BRIEF, predecessor=silent)


def test_short_episodes_teach_or_judge_as_a_whole(log: Trajectories) -> None:
    judging = chunks.judges(log, 0.25, np.random.default_rng(0))
    teaching, exam = chunks.divided(log, judging)
    assert 0 < judging.sum() < len(log)
    assert np.array_equal(exam.obs, log.obs[judging])
    assert np.array_equal(teaching.obs, log.obs[~judging])
    short = [log.episode == number for number, length in enumerate(log.lengths) if length <= 16]
    assert {bool(judging[episode].any()) for episode in short} == {True, False}
    assert all(judging[episode].all() or not judging[episode].any() for episode in short), "none of these is cut"


def test_few_long_episodes_are_cut_so_that_holding_out_costs_its_share() -> None:
    log = random_play("microgrid", 1000, rows=2)
    assert 0.1 * len(log.lengths) < 1, "one of these would be more than a tenth"
    judging = chunks.judges(log, 0.1, np.random.default_rng(0))
    assert 0.05 < judging.mean() < 0.15
    teaching, _ = chunks.divided(log, judging)
    goes_on = np.diff(teaching.episode) == 0
    assert np.array_equal(teaching.next_obs[:-1][goes_on], teaching.obs[1:][goes_on]), "no run has a gap"


def test_a_predecessor_of_another_kind_is_refused(log: Trajectories, first: FittedModel) -> None:
    with pytest.raises(ValueError, match="no fit of vae to these data can go on from <FittedModel: gan"):
        fit(log, "vae", settings=BRIEF, predecessor=first)
    with pytest.raises(ValueError, match="no fit of gan"):
        fit(log, "gan", settings=BRIEF, parts={"head": {"width": 32}}, predecessor=first)


def test_a_predecessor_that_knows_more_is_refused(log: Trajectories, first: FittedModel) -> None:
    with pytest.raises(ValueError, match="hand over what it knows as well"):
        fit(beginning(log, 3), "gan", settings=BRIEF, predecessor=first)
