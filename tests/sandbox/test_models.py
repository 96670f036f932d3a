"""One contract for every memory × head: what a dream, a fit and a folder rely on."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from sandbox import files, models
from sandbox.files import DamagedFileError
from sandbox.models.chunks import Chunks
from sandbox.models.core import Memory, NoDensityError, WorldModel
from sandbox.models.descent import OUTCOME_EVERY, Descent
from sandbox.models.fit import FitSettings, TooLittleDataError, fit
from sandbox.models.fitted import KIND, FittedModel
from sandbox.models.nets import columns, draw_category
from sandbox.models.transformer import Transformer
from sandbox.spaces import Element
from sandbox.trajectories import Trajectories, starts_at

COMBINATIONS = [f"{memory}+{head}" for memory in models.memories() for head in models.heads()]
QUICK = FitSettings(updates=60, judge_every=30)


def log(episodes: int = 12, length: int = 20, seed: int = 0) -> Trajectories:
    """A small world of mixed observations: a number that drifts by the action, a category, a bit, and a constant."""
    rng = np.random.default_rng(seed)
    space = spaces.Dict(
        {
            "constant": spaces.Box(-1, 1, (1,)),
            "place": spaces.Box(-100, 100, (2,)),
            "room": spaces.Discrete(3),
            "switches": spaces.MultiBinary(2),
        }
    )
    count = episodes * length
    obs = np.zeros((count + 1, 6), np.float32)
    obs[:, 0] = 0.5
    action = rng.integers(0, 2, (count, 1)).astype(np.float32)
    for step in range(count):
        drift = np.array([2 * action[step, 0] - 1, 0.1]) + rng.normal(0, 0.1, 2)
        obs[step + 1, 1:3] = 0.9 * obs[step, 1:3] + drift
        obs[step + 1, 3] = rng.integers(3)
        obs[step + 1, 4:] = rng.random(2) < (0.2, 0.9)
    ended = np.zeros(count, bool)
    ended[length - 1 :: length] = True
    return Trajectories(
        obs[:-1],
        action,
        obs[1:, 1].astype(np.float64),
        obs[1:],
        ended,
        np.zeros(count, bool),
        np.full(episodes, length, np.int64),
        space,
        spaces.Discrete(2),
        horizon=length,
    )


@pytest.fixture(scope="module", params=COMBINATIONS)
def fitted(request: pytest.FixtureRequest) -> FittedModel:
    return fit(log(), request.param, seed=1, settings=QUICK)


def noise(model: FittedModel, rows: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, model.noise_dim, generator=torch.Generator().manual_seed(seed))


def situation(model: FittedModel) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """A state at every start, an action and the noise of a step."""
    rows = len(model.starts)
    return model.begin(model.starts), torch.zeros(rows, 1), noise(model, rows)


def test_a_step_draws_one_row_of_everything(fitted: FittedModel) -> None:
    state = fitted.begin(fitted.starts)
    rows = len(fitted.starts)
    (obs, reward, terminated), following = fitted.step(state, torch.zeros(rows, 1), noise(fitted, rows))
    assert obs.shape == (rows, 6)
    assert reward.shape == terminated.shape == (rows,)
    assert terminated.dtype == torch.bool
    assert all(len(leaf) == rows for leaf in following.values())
    assert {k: v.shape for k, v in following.items()} == {k: v.shape for k, v in state.items()}


def test_every_element_stays_in_its_own_set(fitted: FittedModel) -> None:
    state = fitted.begin(fitted.starts)
    (obs, _, _), _ = fitted.step(state, torch.ones(len(fitted.starts), 1), noise(fitted, len(fitted.starts)))
    assert (obs[:, 0] == 0.5).all(), "a dimension that never varied has one value"
    assert set(obs[:, 3].tolist()) <= {0.0, 1.0, 2.0}
    assert set(obs[:, 4:].flatten().tolist()) <= {0.0, 1.0}


def test_the_same_noise_gives_the_same_sample(fitted: FittedModel) -> None:
    state, action = fitted.begin(fitted.starts), torch.zeros(len(fitted.starts), 1)
    first, again, other = (fitted.step(state, action, noise(fitted, len(action), seed))[0][0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_row_does_not_see_its_neighbours(fitted: FittedModel) -> None:
    state, action, drawn = (
        fitted.begin(fitted.starts),
        torch.zeros(len(fitted.starts), 1),
        noise(fitted, len(fitted.starts)),
    )
    (before, _, _), _ = fitted.step(state, action, drawn)
    changed = {name: leaf.clone() for name, leaf in state.items()}
    for leaf in changed.values():
        leaf[3] = 0
    (after, _, _), _ = fitted.step(changed, action, drawn)
    others = torch.arange(len(before)) != 3
    torch.testing.assert_close(before[others], after[others], rtol=0, atol=1e-6)


def test_a_folder_brings_the_same_model_back(fitted: FittedModel, tmp_path) -> None:
    fitted.save(tmp_path / "model")
    again = FittedModel.load(tmp_path / "model")
    state, action, drawn = (
        fitted.begin(fitted.starts),
        torch.zeros(len(fitted.starts), 1),
        noise(fitted, len(fitted.starts)),
    )
    for ours, theirs in zip(
        fitted.step(state, action, drawn)[0], again.step(again.begin(again.starts), action, drawn)[0], strict=True
    ):
        assert torch.equal(ours, theirs)
    assert (again.name, again.horizon) == (fitted.name, fitted.horizon)
    assert again.observation == fitted.observation


def test_only_the_parts_of_the_outcome_that_answer_are_stored(fitted: FittedModel, tmp_path) -> None:
    fitted.save(tmp_path / "lean")
    stored, _ = files.read_arrays(tmp_path / "lean" / "weights.safetensors", KIND)
    idle = tuple(f"outcome.{name}." for name in fitted.network.outcome.idle)
    assert len(idle) == 4, "three amounts for endings, two each for rewards and prizes; one of each answers"
    assert set(stored) == {name for name in fitted.network.state_dict() if not name.startswith(idle)}
    # Models that were stored with all of them are read as well.
    shutil.copytree(tmp_path / "lean", tmp_path / "whole")
    whole = {name: tensor.numpy() for name, tensor in fitted.network.state_dict().items()}
    files.write_arrays(tmp_path / "whole" / "weights.safetensors", whole, {}, KIND)
    lean, whole_again = FittedModel.load(tmp_path / "lean"), FittedModel.load(tmp_path / "whole")
    for name, tensor in lean.network.state_dict().items():
        assert torch.equal(tensor, whole_again.network.state_dict()[name]), name


def test_a_choice_that_there_is_not_is_refused_in_one_sentence(fitted: FittedModel, tmp_path) -> None:
    fitted.save(tmp_path / "model")
    path = tmp_path / "model" / "weights.safetensors"
    stored, _ = files.read_arrays(path, KIND)
    files.write_arrays(path, stored | {"outcome.reward_choice": np.array(7)}, {}, KIND)
    with pytest.raises(DamagedFileError, match="holds weights of another model"):
        FittedModel.load(tmp_path / "model")


def test_a_higher_temperature_spreads_wider(fitted: FittedModel) -> None:
    one = starts_at(log(), np.zeros(512, np.int64), fitted.history)
    action = torch.zeros(512, 1)
    spread = [
        fitted.step(fitted.begin(one), action, noise(fitted, 512), temperature)[0][0][:, 1:3].std(0).sum().item()
        for temperature in (0.1, 1.0, 3.0)
    ]
    assert spread[0] < spread[1] < spread[2]


def test_a_damaged_folder_is_refused_in_one_sentence(fitted: FittedModel, tmp_path) -> None:
    fitted.save(tmp_path / "model")
    weights = tmp_path / "model" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(DamagedFileError, match=r"weights\.safetensors is no readable world-model"):
        FittedModel.load(tmp_path / "model")


def test_a_header_that_was_edited_is_refused_in_one_sentence(fitted: FittedModel, tmp_path) -> None:
    fitted.save(tmp_path / "model")
    header = tmp_path / "model" / "model.json"
    content = json.loads(header.read_text())
    del content["horizon"]
    header.write_text(json.dumps(content))
    with pytest.raises(DamagedFileError, match=r"model\.json lacks horizon; fit the model anew"):
        FittedModel.load(tmp_path / "model")


# Memories


@pytest.fixture(params=models.memories())
def memory(request: pytest.FixtureRequest) -> Memory:
    torch.manual_seed(0)
    made: Memory = models.part(request.param)(5)
    return made.eval()


@torch.no_grad()
def test_single_steps_equal_one_parallel_pass_with_a_reset_in_the_middle(memory: Memory) -> None:
    ticks = max(40, 3 * getattr(memory, "window", 0))  # over three windows
    x = torch.randn(3, ticks, 5, generator=torch.Generator().manual_seed(1))
    whole = memory(x, torch.ones(3, ticks, dtype=torch.bool))
    again = memory(x[:, 25:], torch.ones(3, ticks - 25, dtype=torch.bool))
    state, empty = memory.start(3, torch.device("cpu")), memory.start(3, torch.device("cpu"))
    for tick in range(ticks):
        if tick == 25:  # row 1 begins anew; the others go on
            state = {name: leaf.index_copy(0, torch.tensor([1]), empty[name][1:2]) for name, leaf in state.items()}
        context, state = memory.step(state, x[:, tick])
        torch.testing.assert_close(context[[0, 2]], whole[[0, 2], tick], rtol=0, atol=1e-5)
        expected = whole[1, tick] if tick < 25 else again[1, tick - 25]
        torch.testing.assert_close(context[1], expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_nothing_leaks_from_the_future(memory: Memory) -> None:
    x = torch.randn(2, 30, 5, generator=torch.Generator().manual_seed(2))
    other = x.clone()
    other[:, 20:] += 1
    mask = torch.ones(2, 30, dtype=torch.bool)
    assert torch.equal(memory(x, mask)[:, :20], memory(other, mask)[:, :20])
    assert not torch.equal(memory(x, mask)[:, 20:], memory(other, mask)[:, 20:])


def test_a_transformer_remembers_its_window_and_nothing_before_it() -> None:
    torch.manual_seed(0)
    memory = Transformer(5, layers=1, window=4).eval()
    x = torch.randn(1, 12, 5, generator=torch.Generator().manual_seed(8))
    other = x.clone()
    other[:, 0] += 1
    mask = torch.ones(1, 12, dtype=torch.bool)
    with torch.no_grad():
        changed = (memory(x, mask) - memory(other, mask)).abs().amax(dim=(0, 2)) > 1e-6
    assert changed.tolist() == [True] * 4 + [False] * 8


def recall(name: str, lag: int = 12) -> float:
    """How often a model names the sign that was shown at the start of an episode, `lag` steps before it is asked."""
    episodes = 400
    sign = np.random.default_rng(0).integers(0, 2, episodes).astype(np.float32)
    shown = np.zeros((episodes, lag + 1, 2), np.float32)  # sign now, and whether there is one to be seen
    shown[:, 0, 0], shown[:, 0, 1] = sign, 1
    shown[:, lag, 0], shown[:, lag, 1] = sign, 1
    last = np.zeros((episodes, lag), bool)
    last[:, -1] = True
    count = episodes * lag
    data = Trajectories(
        shown[:, :-1].reshape(count, 2),
        np.zeros((count, 1), np.float32),
        np.zeros(count),
        shown[:, 1:].reshape(count, 2),
        last.reshape(count),
        np.zeros(count, bool),
        np.full(episodes, lag, np.int64),
        spaces.MultiBinary(2),
        spaces.Discrete(1),
    )
    model = fit(data, name, settings=FitSettings(rows=48, effort=0.5))
    asked = np.flatnonzero(data.terminated)
    state = model.begin(starts_at(data, asked, model.history))
    (drawn, _, _), _ = model.step(state, torch.zeros(len(asked), 1), noise(model, len(asked)))
    return float((drawn[:, 0].numpy() == data.next_obs[asked, 0]).mean())


@pytest.mark.parametrize(("name", "remembers"), [("rnn", True), ("transformer", True), ("mixture", False)])
def test_what_was_shown_twelve_steps_ago_is_known_to_those_who_remember(name: str, remembers: bool) -> None:
    share = recall(name)
    assert share > 0.95 if remembers else share < 0.6


# Draws


def test_draw_category_follows_the_logits() -> None:
    logits = torch.log(torch.tensor([0.5, 0.2, 0.3])).expand(20_000, 3)
    drawn = draw_category(logits, torch.randn(20_000, generator=torch.Generator().manual_seed(7)))
    assert torch.bincount(drawn, minlength=3) / 20_000 == pytest.approx([0.5, 0.2, 0.3], abs=0.02)


@pytest.mark.parametrize("places", [[], [0], [2, 3, 4], [0, 2], [3, 1]])
def test_columns_are_the_ones_at_their_places(places: list[int]) -> None:
    table = torch.arange(10.0).reshape(2, 5)
    chosen = table[:, columns(places)]
    assert torch.equal(chosen, table[:, torch.tensor(places, dtype=torch.long)])


# Fitting


def test_reward_and_ending_learn_at_every_other_update() -> None:
    model = fit(log(), "mixture", seed=1, settings=FitSettings(updates=1, finish=0))
    network, chunks, rng = model.network, Chunks(log(), 16, "cpu"), np.random.default_rng(0)
    assert isinstance(network, WorldModel)
    descend = Descent(network.train(), network.head.training_defaults, 20, 1e-3)
    for update in range(1, 2 * OUTCOME_EVERY + 1):
        before = {name: weight.clone() for name, weight in network.named_parameters()}
        learned = set(descend(chunks.draw(16, rng), torch.Generator().manual_seed(0)))
        moved = {name.split(".")[0] for name, weight in network.named_parameters() if not weight.equal(before[name])}
        both = update % OUTCOME_EVERY == 0
        assert moved == ({"head", "outcome"} if both else {"head"})
        assert learned >= {"dynamics", "ending.all", "reward.all", "prize.sharp"} if both else learned == {"dynamics"}


def test_fitting_twice_gives_the_same_bits() -> None:
    one, two = (fit(log(), "rnn", seed=5, settings=QUICK).network.state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_fitting_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    fit(log(), "mixture", seed=5, settings=QUICK)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("name", models.names())
def test_fitting_learns_what_the_action_does(name: str) -> None:
    data = log(episodes=40)
    model = fit(data, name, seed=0, settings=FitSettings(effort=0.3))
    one = starts_at(data, np.zeros(256, np.int64), model.history)
    left, right = (
        model.step(model.begin(one), torch.full((256, 1), float(action)), noise(model, 256))[0][0][:, 1].mean()
        for action in (0, 1)
    )
    assert right - left == pytest.approx(2.0, abs=0.3)


def test_a_fit_without_updates_is_refused() -> None:
    with pytest.raises(ValueError, match="0 updates teach a model nothing"):
        fit(log(), "rnn", settings=FitSettings(updates=0))


def test_too_little_data_is_refused() -> None:
    with pytest.raises(TooLittleDataError, match="4 transitions are too few"):
        fit(log(episodes=1, length=4), "rnn")
    with pytest.raises(TooLittleDataError, match="12 transitions are too few to fit transformer to; collect at"):
        fit(log(episodes=1, length=12), "transformer")


@pytest.mark.parametrize("name", ["rnn", "transformer", "vae", "gan", "diffusion", "autoregressive"])
def test_awkward_data_give_finite_dreams(name: str) -> None:
    data = log(episodes=40, length=1)  # every episode one step long, one dimension constant
    rewards = 10.0 ** np.random.default_rng(0).uniform(-5, 5, len(data))
    data = replace(data, reward=rewards, terminated=np.zeros(len(data), bool), truncated=np.ones(len(data), bool))
    model = fit(data, name, settings=QUICK)
    state = model.begin(model.starts)
    for seed in range(5):
        (obs, reward, terminated), state = model.step(
            state, torch.zeros(len(model.starts), 1), noise(model, len(model.starts), seed)
        )
        assert torch.isfinite(obs).all()
        assert torch.isfinite(reward).all()
        assert (obs[:, 0] == 0.5).all()
    assert not terminated.any(), "no ending was ever seen"


@pytest.mark.parametrize("members", [1, 2])
def test_where_nothing_ever_ended_nothing_is_learned_of_ends_and_dreams_go_on(members: int, tmp_path) -> None:
    data = log()
    endless = replace(data, terminated=np.zeros(len(data), bool), truncated=data.terminated)
    with_ends, model = (fit(each, "rnn", settings=replace(QUICK, ensemble=members)) for each in (data, endless))
    losses = {name: each.provenance["fit"]["held_out_loss"] for name, each in (("ends", with_ends), ("none", model))}
    assert {"ending.simple", "prize.simple"} <= set(losses["ends"])
    assert set(losses["none"]) == {"dynamics", "reward.simple", "reward.all"}
    model.save(tmp_path / "model")
    again = FittedModel.load(tmp_path / "model")
    state, other = model.begin(model.starts), again.begin(again.starts)
    action = torch.zeros(len(model.starts), 1)
    for seed in range(20):
        (obs, reward, ended), state = model.step(state, action, noise(model, len(action), seed))
        (same, paid, _), other = again.step(other, action, noise(again, len(action), seed))
        assert not ended.any()
        assert torch.equal(obs, same)
        assert torch.equal(reward, paid)
    ends = with_ends.step(with_ends.begin(with_ends.starts), action, noise(with_ends, len(action)))[0][2]
    assert ends.any(), "where episodes ended, they end in the dream"


def test_a_density_is_refused_where_there_is_none() -> None:
    head = models.part("gan")(3, (Element("continuous"),))
    with pytest.raises(NoDensityError, match="gan draws samples and has no density; mixture and autoregressive"):
        head.log_prob(torch.zeros(2, 3), torch.zeros(2, 1))


@pytest.mark.parametrize(
    ("name", "told"),
    [("rrn", "did you mean rnn"), ("diffusion+rnn", "is no memory\\+head"), ("rnn+window", "is no memory\\+head")],
)
def test_an_unknown_model_gets_the_nearest_name(name: str, told: str) -> None:
    with pytest.raises(models.UnknownModelError, match=told):
        models.parse(name)
