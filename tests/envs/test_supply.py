from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest

import sandbox_envs
from sandbox_envs.supply import FAR, STAGES, UNIT, heuristic
from sandbox_envs.vector import SimVectorEnv


def returns_of(policy: Callable[[Any], Any], rows: int = 256, **parameters: Any) -> np.ndarray:
    envs = SimVectorEnv("supply", rows, **parameters)
    obs, _ = envs.reset(seed=1000)
    total = np.zeros(rows)
    for _ in range(100):
        obs, reward, terminated, _, _ = envs.step(policy(obs))
        total += reward
        assert not terminated.any()
    return total


def constant(order: float) -> Callable[[Any], Any]:
    return lambda obs: np.full((len(obs), STAGES), order, np.float32)


def test_goods_are_neither_made_nor_lost_on_the_way() -> None:
    envs = SimVectorEnv("supply", 64, autoreset_mode="Disabled")
    envs.reset(seed=0)
    envs.action_space.seed(0)
    start = envs.snapshot()
    before = start["stock"].sum(axis=1) + start["transit"].sum(axis=(1, 2))
    for _ in range(100):
        envs.step(envs.action_space.sample())
        now = envs.snapshot()
        inside = now["stock"].sum(axis=1) + now["transit"].sum(axis=(1, 2))
        assert inside == pytest.approx(before + now["made"] - now["sold"], abs=1e-9)
        assert (now["stock"] >= 0).all()
        assert (now["owed"] >= 0).all()
        assert (now["stock"][:, 0] * now["owed"] == 0).all(), "no customer waits for what stands in the shop"
    assert (now["sold"] > 100).all()


def test_positions_change_by_what_is_sent_and_what_customers_want() -> None:
    envs = SimVectorEnv("supply", 32, autoreset_mode="Disabled", lead_time=5)
    position = UNIT * envs.reset(seed=0)[0][:, STAGES : 2 * STAGES].astype(float)
    envs.action_space.seed(0)
    for _ in range(60):
        obs = envs.step(envs.action_space.sample())[0]
        now = envs.snapshot()
        assert (now["transit"][:, :, 4] <= now["order"]).all(), "nobody gets more than was ordered"
        position += now["transit"][:, :, 4] - now["demand"][:, np.newaxis]
        assert UNIT * obs[:, STAGES : 2 * STAGES] == pytest.approx(position, abs=2e-3)


def test_customers_wait_and_firms_ask_again() -> None:
    env = sandbox_envs.SimEnv("supply", spread=0.0, mean=6.0)
    env.reset(seed=0)
    record = env.snapshot()
    record["stock"], record["transit"] = [[4.0, 5.0, 0.0, 0.0]], 0.0
    env.restore(record)
    order = np.array([-0.5, -1, -1, -1], np.float32)  # the retailer asks for 6 of the 5 that there are
    for week in range(4):
        obs, *_ = env.step(order)
        now = env.snapshot()[0]
        assert now["owed"] == pytest.approx([2.0, 8.0, 14.0, 15.0][week]), "the 5 come in the fourth week"
        assert now["stock"] == pytest.approx(np.zeros(4))
        assert obs[0] == pytest.approx(-now["owed"] / UNIT)
    assert now["transit"].sum() == 0.0, "what was not sent is not owed"


@pytest.mark.parametrize("lead_time", [1, 3, 8])
def test_a_batch_of_the_factory_comes_after_the_lead_time(lead_time: int) -> None:
    env = sandbox_envs.SimEnv("supply", lead_time=lead_time)
    env.reset(seed=0)
    record = env.snapshot()
    record["transit"], record["stock"] = 0.0, 0.0
    env.restore(record)
    stocks = []
    for week in range(lead_time + 2):
        env.step(np.array([-1, -1, -1, 1 if week == 0 else -1], np.float32))
        stocks.append(float(env.snapshot()["stock"][0, STAGES - 1]))
    assert stocks == [0.0] * lead_time + [24.0] * 2


def test_the_reward_is_the_cost_of_stocks_and_debts() -> None:
    envs = SimVectorEnv("supply", 16, autoreset_mode="Disabled", holding=0.07, backlog=0.2)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    total = np.zeros(16)
    for _ in range(50):
        _, reward, *_ = envs.step(envs.action_space.sample())
        now = envs.snapshot()
        assert reward == pytest.approx(-now["stock"] @ [0.07, 0.0525, 0.035, 0.0175] - 0.2 * now["owed"])
        total += reward
    assert envs.snapshot()["cost"] == pytest.approx(-total)


def test_demand_has_the_mean_the_spread_and_the_memory_that_were_asked_for() -> None:
    envs = SimVectorEnv("supply", 4096, mean=50.0, spread=4.0, persistence=0.7, autoreset_mode="NextStep")
    envs.reset(seed=0)
    before = envs.snapshot()["demand"]
    for _ in range(3):
        envs.step(np.zeros((4096, STAGES), np.float32))
    after = envs.snapshot()["demand"]
    for demand in (before, after):
        assert demand.mean() == pytest.approx(50.0, abs=0.3)
        assert demand.std() == pytest.approx(4.0, rel=0.05)
    assert np.corrcoef(before, after)[0, 1] == pytest.approx(0.7**3, abs=0.04)


def test_steady_demand_and_steady_orders_keep_everything_as_it_is() -> None:
    env = sandbox_envs.SimEnv("supply", spread=0.0, mean=6.0)
    env.reset(seed=0)
    record = env.snapshot()
    record["stock"], record["transit"][:, :, :3] = 10.0, 6.0
    env.restore(record)
    order = np.full(STAGES, 2 * 6.0 / 24.0 - 1, np.float32)
    for _ in range(20):
        obs, reward, *_ = env.step(order)
        assert obs == pytest.approx(np.array([10.0] * 4 + [28.0, 56.0, 84.0, 112.0] + [6.0]) / UNIT, abs=1e-5)
        assert float(reward) == pytest.approx(-10.0 * (0.05 + 0.0375 + 0.025 + 0.0125))


def test_base_stock_beats_chance_and_every_constant_order_by_far() -> None:
    policy = returns_of(heuristic).mean()
    rng = np.random.default_rng(0)
    assert policy > -165
    assert returns_of(lambda obs: rng.uniform(-1, 1, (len(obs), STAGES)).astype(np.float32)).mean() < 5 * policy
    steady = [returns_of(constant(order), rows=64).mean() for order in np.linspace(-1, 1, 25)]
    assert max(steady) < 2 * policy, "no trivial exploit"


def test_base_stock_is_adapted_to_other_parameters() -> None:
    parameters = {"lead_time": 1, "mean": 5.0, "persistence": 0.0, "spread": 1.5}
    p = sandbox_envs.simulation("supply", **parameters).parameters
    assert returns_of(lambda obs: heuristic(obs, p), **parameters).mean() > -50


def test_the_next_arrival_is_in_the_history_and_not_in_what_is_seen() -> None:
    """A linear forecast of what the retailer's stock gains, from this observation alone and from the last five."""
    envs = SimVectorEnv("supply", 512)
    seen = [envs.reset(seed=0)[0]]
    envs.action_space.seed(0)
    for _ in range(30):
        seen.append(envs.step(envs.action_space.sample())[0])
    arrived = envs.snapshot()["transit"][:, 0, 0]

    def unexplained(window: int) -> float:
        known = np.concatenate([*seen[-window:], np.ones((512, 1))], axis=1).astype(float)
        return float((arrived - known @ np.linalg.lstsq(known, arrived, rcond=None)[0]).std() / arrived.std())

    assert unexplained(1) > 0.5
    assert unexplained(5) < 0.75 * unexplained(1)


def test_a_hundred_hours_of_neglect_stay_inside_the_space() -> None:
    envs = SimVectorEnv("supply", 8, max_episode_steps=-1)
    for order, bound in ((1.0, FAR), (-1.0, -FAR)):
        envs.reset(seed=0)
        for _ in range(3000):
            obs, reward, *_ = envs.step(np.full((8, STAGES), order, np.float32))
            assert envs.observation_space.contains(obs)
            assert np.isfinite(reward).all()
        assert obs[:, 0] == pytest.approx(bound)


@pytest.mark.parametrize(
    "parameters",
    [
        {"lead_time": 0},
        {"lead_time": 9},
        {"persistence": 1.0},
        {"mean": 0.0},
        {"max_order": -1.0},
        {"spread": -1.0},
        {"holding": -0.1},
    ],
)
def test_senseless_parameters_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        gymnasium.make("sandbox/Supply-v0", **parameters)


def test_trucks_and_past_orders_are_painted_from_the_state_only() -> None:
    env = gymnasium.make("sandbox/Supply-v0", render_mode="rgb_array")
    env.reset(seed=0)
    obs = env.step(np.zeros(4, np.float32))[0]
    assert (env.render() != env.unwrapped.paint(obs)).any()
