from typing import Any

import gymnasium
import numpy as np
import pytest

import sandbox_envs
from sandbox_envs import wildfire
from sandbox_envs.vector import SimVectorEnv
from sandbox_envs.wildfire import BARE, BRUSH, BURNT, CUT, DOUSE, EAST, FIRE, HOUSE, NORTH, SOUTH, WEST, heuristic


def first_episodes(policy: Any, num_envs: int = 96, **parameters: Any) -> Any:
    """Return of every row's first episode, `(B,)`."""
    envs = SimVectorEnv("wildfire", num_envs, **parameters)
    obs, _ = envs.reset(seed=1000)
    returns, running = np.zeros(num_envs), np.ones(num_envs, bool)
    for _ in range(200):
        obs, reward, terminated, truncated, _ = envs.step(policy(obs))
        returns += running * reward
        running &= ~(terminated | truncated)
    return returns


def plain(rows: int, fuel: Any, fires: list[tuple[int, int]], crew: tuple[int, int] = (0, 0), **parameters: Any) -> Any:
    """Rows of level ground without rocks, brush where `fuel` says so, and a fire in the cells `fires`."""
    envs = SimVectorEnv("wildfire", rows, relief=0.0, rocks=0.0, autoreset_mode="Disabled", **parameters)
    envs.reset(seed=0)
    record = envs.snapshot()
    size = envs.simulation.parameters.size
    cell = np.where(fuel, BRUSH, BARE) if np.ndim(fuel) else np.full((size, size), BRUSH)
    glow, catch = np.zeros((size + 2, size + 2)), (cell == BRUSH).astype(float)
    for row, column in fires:
        cell[row, column], glow[row + 1, column + 1], catch[row, column] = FIRE, 1.0, 0.0
    record["cell"], record["glow"], record["catch"], record["emit"] = cell, glow, catch, 1.0
    record["fires"] = np.pad((cell == FIRE).sum(axis=1), 1)
    record["row"], record["column"] = crew
    record["house_row"], record["house_column"] = 0, 0
    envs.restore(record, seed=5)
    return envs


@pytest.mark.parametrize(
    ("angle", "gain"), [(0.0, 0.045 * 6), (180.0, (0.045 - 0.262) * 6), (90.0, (0.045 - 0.131) * 6)]
)
def test_a_front_in_a_corridor_runs_at_the_speed_of_the_closed_form(angle: float, gain: float) -> None:
    size, rows, ticks = 32, 2000, 20
    corridor = np.zeros((size, size), bool)
    corridor[size // 2] = True
    envs = plain(rows, corridor, [(size // 2, 0)], (0, 0), size=size, spread=0.3, burn_out=1e-9, wind_angle=angle)
    for _ in range(ticks):
        envs.step(np.full(rows, NORTH))
    front = (envs.snapshot()["cell"][:, size // 2] == FIRE).sum(axis=1) - 1
    # The front goes on with probability p in every tick, whatever was before: a binomial count of `ticks` trials.
    p = 0.3 * np.exp(gain)
    assert front.mean() == pytest.approx(ticks * p, abs=5 * np.sqrt(ticks * p * (1 - p) / rows))
    assert front.var() == pytest.approx(ticks * p * (1 - p), rel=0.15)


def test_a_fire_that_burns_out_jumps_a_cell_as_often_as_the_closed_form_says() -> None:
    size, rows = 12, 20000
    pair = np.zeros((size, size), bool)
    pair[6, 5:7] = True
    envs = plain(rows, pair, [(6, 5)], spread=0.2, burn_out=0.25, wind=0.0)
    for _ in range(80):
        envs.advance(np.full(rows, NORTH))
    lit = (envs.snapshot()["cell"][:, 6, 6] != BRUSH).mean()
    # In each tick, lit with p; else the fire goes out with b: p / (1 - (1 - p)(1 - b)).
    assert lit == pytest.approx(0.2 / (1 - 0.8 * 0.75), abs=5 * 0.5 / np.sqrt(rows))


def test_eight_neighbours_light_a_cell_independently() -> None:
    rows = 40000
    around = [(5 + down, 5 + right) for down, right in wildfire.WAYS.tolist()]
    envs = plain(rows, None, around, spread=0.1, wind=0.0, burn_out=1e-9)
    envs.step(np.full(rows, NORTH))
    lit = (envs.snapshot()["cell"][:, 5, 5] == FIRE).mean()
    spared = (1 - 0.1) ** 4 * (1 - 0.1 * np.sqrt(0.5)) ** 4
    assert lit == pytest.approx(1 - spared, abs=5 * 0.5 / np.sqrt(rows))


def test_fire_runs_uphill() -> None:
    envs = plain(20000, None, [(6, 6)], spread=0.1, wind=0.0, burn_out=1e-9)
    record = envs.snapshot()
    rise = np.exp(0.078 * 10.0 * -np.arange(12.0))[:, None] * np.ones(12)  # ten degrees up to the north
    record["catch"] *= rise
    record["emit"] = 1.0 / rise
    record["glow"][:, 1:-1, 1:-1] *= 1.0 / rise
    envs.restore(record)
    envs.step(np.full(20000, NORTH))
    cell = envs.snapshot()["cell"] == FIRE
    assert cell[:, 5, 6].mean() == pytest.approx(0.1 * np.exp(0.78), abs=0.015)
    assert cell[:, 7, 6].mean() == pytest.approx(0.1 * np.exp(-0.78), abs=0.01)
    assert cell[:, 6, 5].mean() == pytest.approx(0.1, abs=0.012)


def test_one_state_has_many_futures() -> None:
    envs = SimVectorEnv("wildfire", 64)
    envs.reset(seed=0)
    envs.restore(envs.snapshot([0]), seed=1)
    for _ in range(10):
        obs = envs.step(np.full(64, NORTH))[0]
    assert len(np.unique(obs, axis=0)) > 50


def test_fire_stops_at_bare_ground_and_spares_the_crews_cell() -> None:
    fuel = np.ones((12, 12), bool)
    fuel[:, 6] = False
    envs = plain(8, fuel, [(r, 2) for r in range(12)], (3, 4), spread=0.6, burn_out=0.02)
    for _ in range(60):
        envs.advance(np.full(8, DOUSE))
    cell = envs.snapshot()["cell"]
    assert (cell[:, :, 7:] == BRUSH).all()
    assert (cell[:, 3, 4] == BRUSH).all()


def test_the_crew_goes_cuts_and_douses() -> None:
    envs = plain(1, None, [(2, 2), (2, 3), (9, 9)], (4, 3), spread=1e-6, burn_out=1e-9)
    for action, place in ((NORTH, (3, 3)), (NORTH, (3, 3)), (WEST, (3, 2)), (EAST, (3, 3)), (SOUTH, (4, 3))):
        envs.step(np.array([action]))
        state = envs.snapshot()[0]
        assert (state["row"], state["column"]) == place, "it goes one cell, and never into fire"
    obs, reward, *_ = envs.step(np.array([CUT]))
    assert reward[0] == pytest.approx(-100 * 0.5 / 144)
    assert obs[0, 4 * 12 + 3] == wildfire.CREW_ON_BARE
    assert envs.step(np.array([CUT]))[1][0] == 0.0, "what is bare cannot be cut again"
    envs.step(np.array([NORTH]))
    envs.step(np.array([DOUSE]))
    cell = envs.snapshot()[0]["cell"]
    assert cell[2, 2] == cell[2, 3] == BURNT
    assert cell[9, 9] == FIRE, "only what is near is doused"


def test_the_episode_ends_when_nothing_burns() -> None:
    envs = plain(1, None, [(1, 1)], (2, 2), spread=1e-6, burn_out=1e-9)
    assert not envs.step(np.array([EAST]))[2][0]
    envs.step(np.array([WEST]))
    assert envs.step(np.array([DOUSE]))[2][0]


def test_the_reward_counts_what_caught_fire_and_houses_six_times() -> None:
    envs = SimVectorEnv("wildfire", 64, autoreset_mode="Disabled")
    envs.reset(seed=1)
    before, total = envs.snapshot()["cell"], np.zeros(64)
    for _ in range(25):
        total += envs.advance(np.full(64, DOUSE))[0][1]
    after = envs.snapshot()["cell"]
    burnt = (after >= FIRE) & (before < FIRE)
    lost = burnt.sum(axis=(1, 2)) + 5 * (burnt & (before == HOUSE)).sum(axis=(1, 2))
    assert total == pytest.approx(-100 * lost / 144)
    assert (burnt & (before == HOUSE)).any()


def test_neither_chance_nor_waiting_comes_near_the_scripted_crew() -> None:
    rng = np.random.default_rng(0)
    scripted = first_episodes(heuristic).mean()
    for policy in (
        lambda obs: rng.integers(0, 6, len(obs)),
        *(lambda obs, a=a: np.full(len(obs), a) for a in (CUT, DOUSE)),
    ):
        assert first_episodes(policy).mean() < 2.5 * scripted
    assert scripted > -25


@pytest.mark.parametrize("size", [32])
def test_any_size_of_map_keeps_the_contract(size: int) -> None:
    envs = gymnasium.make_vec("sandbox/Wildfire-v0", num_envs=3, size=size)
    assert envs.single_observation_space.shape == (size * size,)
    sandbox_envs.check_vector_env(envs, lambda: gymnasium.make("sandbox/Wildfire-v0", size=size), steps=60)


@pytest.mark.parametrize(
    "parameters",
    [{"size": 5}, {"size": 65}, {"spread": 0.0}, {"burn_out": 1.5}, {"wind": -1.0}, {"relief": 90.0}, {"rocks": 1.0}],
)
def test_senseless_parameters_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        gymnasium.make("sandbox/Wildfire-v0", **parameters)


def test_hills_are_shaded_from_the_state() -> None:
    env = sandbox_envs.SimEnv("wildfire", render_mode="rgb_array")
    obs, _ = env.reset(seed=0)
    assert (env.paint(obs, env.snapshot()[0]) != env.paint(obs)).any()
