"""Maps: every head learns one law for all cells, and what is far away makes no difference."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from sandbox import models
from sandbox.metrics import fidelity
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.models.maps import MapNet, Sides, neighbours
from sandbox.spaces import layout
from sandbox.trajectories import Trajectories

SIDE, KINDS = 6, 3
GRASS, FIRE, BURNT = range(KINDS)
SIDES = Sides(SIDE, SIDE, KINDS)


def burnt(episodes: int, seed: int) -> Trajectories:
    """Up to four cells burn; each lights the cell to its right with chance 0.8, and burns for one step."""
    rng = np.random.default_rng(seed)
    rows: list[np.ndarray] = []
    following: list[np.ndarray] = []
    lengths: list[int] = []
    for _ in range(episodes):
        cells = np.full((SIDE, SIDE), GRASS)
        cells[rng.integers(0, SIDE, 4), rng.integers(0, SIDE - 2, 4)] = FIRE
        begun = len(rows)
        while (cells == FIRE).any() or len(rows) - begun < 2:
            rows.append(cells.ravel().copy())
            lit = np.zeros((SIDE, SIDE), bool)
            lit[:, 1:] = (cells[:, :-1] == FIRE) & (rng.random((SIDE, SIDE - 1)) < 0.8)
            cells = np.where(cells == FIRE, BURNT, np.where(lit & (cells == GRASS), FIRE, cells))
            following.append(cells.ravel().copy())
        lengths.append(len(rows) - begun)
    count = len(rows)
    last = np.zeros(count, bool)
    last[np.cumsum(lengths) - 1] = True
    return Trajectories(
        obs=np.array(rows, np.float32),
        action=rng.integers(0, 2, (count, 1)).astype(np.float32),
        reward=np.zeros(count),
        next_obs=np.array(following, np.float32),
        terminated=last,
        truncated=np.zeros(count, bool),
        lengths=np.array(lengths, np.int64),
        observation_space=spaces.MultiDiscrete([KINDS] * SIDE**2),
        action_space=spaces.Discrete(2),
    )


@pytest.fixture(scope="module", params=models.heads())
def fitted(request: pytest.FixtureRequest) -> FittedModel:
    # A denoiser looks at one level of noise at a time.
    updates = 500 if request.param == "diffusion" else 150
    return fit(burnt(200, 0), request.param, settings=FitSettings(updates=updates))


def test_only_a_list_of_like_choices_is_a_map() -> None:
    assert layout(spaces.MultiDiscrete([KINDS] * SIDE**2)).sides == (SIDE, SIDE, KINDS)
    for other in ([3, 4] * 18, [3] * 35, [3] * 16):
        assert layout(spaces.MultiDiscrete(other)).sides is None
    assert layout(spaces.MultiBinary(36)).sides is None


def test_a_fire_spreads_to_the_right_and_nowhere_else(fitted: FittedModel) -> None:
    # In the middle of the map, where two more rows on either side are all that a network sees.
    cells = np.full((SIDE, SIDE), GRASS, np.float32)
    cells[3, 2] = FIRE
    rows = 400
    begin = fitted.starts
    state = fitted.begin(
        type(begin)(begin.obs[:1, -1:].repeat(rows, 0), begin.action[:1, :0].repeat(rows, 0), np.zeros(rows, np.int64))
    )
    state["obs"] = torch.from_numpy(cells.ravel()).expand(rows, -1).clone()
    noise = torch.randn(rows, fitted.noise_dim, generator=torch.Generator().manual_seed(0))
    (obs, _, _), _ = fitted.step(state, torch.zeros(rows, 1), noise)
    share = (obs.reshape(rows, SIDE, SIDE) == FIRE).float().mean(0)
    assert 0.65 < share[3, 3] < 0.95
    share[3, 3] = 0.0
    assert share.max() < 0.1
    assert (obs.reshape(rows, SIDE, SIDE)[:, 3, 2] == BURNT).float().mean() > 0.9


def test_every_head_dreams_a_map_better_than_persistence(fitted: FittedModel) -> None:
    found = fidelity(fitted, burnt(50, 1), burnt(50, 2), np.random.default_rng(0))
    assert found["energy_score"] < 0.7 * min(found["persistence"], found["climatology"])


@pytest.mark.parametrize("name", models.memories())
def test_a_memory_says_where_its_context_holds_steps(name: str) -> None:
    memory = models.part(name)(7)
    x = torch.randn(2, 5, 7)
    context = memory(x, torch.ones(2, 5, dtype=torch.bool))
    assert memory.steps_at
    for back, at in enumerate(reversed(memory.steps_at)):
        torch.testing.assert_close(context[:, 4, at : at + 7], x[:, 4 - back])


def test_a_cell_sees_no_further_than_two_layers_reach() -> None:
    torch.manual_seed(0)
    net = MapNet(3 + 2 * SIDES.size, SIDES, (3, 3 + SIDES.size), 2, KINDS)
    x = torch.randn(1, 3 + 2 * SIDES.size)
    changed = x.clone()
    changed[:, 3 : 3 + KINDS] += 1.0  # the first cell of the first map
    (before, after) = (net(each)[0] for each in (x, changed))
    assert not torch.equal(before[:2], after[:2]), "the numbers of the whole see every cell"
    moved = (before[2:] != after[2:]).reshape(SIDE, SIDE, KINDS).any(-1)
    assert moved[:3, :3].all()
    assert not moved[3:].any()
    assert not moved[:, 3:].any()
    told = x.clone()
    told[:, 0] += 1.0  # what belongs to no cell
    assert (net(told)[0] != before).reshape(-1)[2:].reshape(SIDE, SIDE, KINDS).any(-1).all()


def test_a_corner_has_three_neighbours() -> None:
    around = neighbours(Sides(3, 4, 2))
    assert around.shape == (12, 8)
    assert sorted(around[0].tolist())[:3] == [1, 4, 5]
    assert (around[0] == 12).sum() == 5
    assert sorted(around[5].tolist()) == [0, 1, 2, 4, 6, 8, 9, 10]
