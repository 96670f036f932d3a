from typing import Any

import gymnasium
import numpy as np
import pytest

import sandbox_envs
from sandbox_envs.bench import numpy_lander
from sandbox_envs.lander import heuristic
from sandbox_envs.vector import SimVectorEnv


def first_episodes(policy: Any, num_envs: int = 128, **parameters: Any) -> tuple[Any, Any, Any]:
    """Return, length and last reward of every row's first episode, `(B,)` each."""
    envs = SimVectorEnv("lander", num_envs, **parameters)
    obs, _ = envs.reset(seed=1000)
    returns, lengths, last, running = (
        np.zeros(num_envs),
        np.zeros(num_envs),
        np.zeros(num_envs),
        np.ones(num_envs, bool),
    )
    for _ in range(400):
        obs, reward, terminated, truncated, _ = envs.step(policy(obs))
        returns += running * reward
        lengths += running
        last = np.where(running, reward, last)
        running &= ~(terminated | truncated)
    return returns, lengths, last


@pytest.mark.parametrize("continuous", [False, True])
def test_the_compiled_world_agrees_with_its_numpy_oracle(continuous: bool) -> None:
    parameters = {"continuous": continuous, "wind": 7.0, "roughness": 12.0}
    envs = SimVectorEnv("lander", 64, **parameters)
    oracle = numpy_lander()(64, envs.simulation.parameters)
    assert envs.reset(seed=9)[0] == pytest.approx(oracle.reset(9), abs=1e-6)
    rng = np.random.default_rng(0)
    ended = 0
    for _ in range(450):
        action = rng.uniform(-1, 1, (64, 2)).astype(np.float32) if continuous else rng.integers(0, 4, 64)
        obs, reward, terminated, truncated, info = envs.step(action)
        theirs, their_reward, their_end, their_cut, final_obs = oracle.step(action)
        assert obs == pytest.approx(theirs, abs=1e-6)
        assert reward == pytest.approx(their_reward, abs=1e-9)
        assert (terminated == their_end).all()
        assert (truncated == their_cut).all()
        for row in np.flatnonzero(terminated | truncated):
            assert info["final_obs"][row] == pytest.approx(final_obs[row], abs=1e-6)
            ended += 1
    assert ended > 64, "the comparison must have seen episodes end"


def test_the_state_itself_agrees_with_the_oracle_to_a_billionth() -> None:
    envs = SimVectorEnv("lander", 32)
    oracle = numpy_lander()(32, envs.simulation.parameters)
    envs.reset(seed=2)
    oracle.reset(2)
    rng = np.random.default_rng(1)
    for _ in range(300):
        action = rng.integers(0, 4, 32)
        envs.step(action)
        oracle.step(action)
        states = envs.snapshot()
        for name, values in oracle.s.items():
            assert states[name] == pytest.approx(values, abs=1e-9, rel=1e-9), name
        assert states["ground"] == pytest.approx(oracle.ground, abs=1e-9)


def test_the_scripted_pilot_lands_where_chance_crashes() -> None:
    rng = np.random.default_rng(0)
    chance, _, _ = first_episodes(lambda obs: rng.integers(0, 4, len(obs)))
    pilot, lengths, last = first_episodes(heuristic)
    assert (last > 50).mean() > 0.85, "most landings are soft"
    assert pilot.mean() > 120 > -100 > chance.mean()
    assert 100 <= lengths.mean() <= 250


def test_more_wind_makes_landing_harder() -> None:
    soft = [(first_episodes(heuristic, wind=wind)[2] > 50).mean() for wind in (0.0, 12.0)]
    assert soft[0] > soft[1] + 0.1


def test_the_wind_has_the_strength_and_the_memory_that_were_asked_for() -> None:
    envs = SimVectorEnv("lander", 4096, wind=3.0, gust_time=1.2, autoreset_mode="NextStep")
    envs.reset(seed=0)
    before = envs.snapshot()["wind"]
    for _ in range(20):
        envs.step(np.zeros(4096, np.int64))
    after = envs.snapshot()["wind"]
    assert after.std() == pytest.approx(3.0, rel=0.05)
    assert np.corrcoef(before, after)[0, 1] == pytest.approx(np.exp(-20 * 0.06 / 1.2), abs=0.05)


def test_rewards_are_the_progress_of_a_potential_less_time_and_fuel() -> None:
    envs = SimVectorEnv("lander", 16, autoreset_mode="Disabled")
    envs.reset(seed=0)
    start, total, actions = envs.snapshot()["potential"], np.zeros(16), np.full(16, 2)
    for _ in range(30):
        _, reward, terminated, _, _ = envs.step(actions)
        total += reward
        assert not terminated.any()
    assert total == pytest.approx(envs.snapshot()["potential"] - start - 30 * 0.4)


@pytest.mark.parametrize(
    ("change", "soft"),
    [
        ({}, True),
        ({"x": 4.8, "vx": 1.7, "vy": -2.6, "angle": 0.2, "spin": -0.7}, True),
        ({"x": 5.5}, False),
        ({"vx": 2.3}, False),
        ({"vy": -3.3}, False),
        ({"angle": 0.35}, False),
        ({"spin": 1.2}, False),
    ],
)
def test_only_a_slow_upright_landing_on_the_pad_is_soft(change: dict[str, float], soft: bool) -> None:
    env = sandbox_envs.SimEnv("lander", wind=0.0, roughness=0.0)
    env.reset(seed=0)
    record = env.snapshot()
    for name, value in (
        {"x": 0.0, "y": 2.05, "vx": 0.0, "vy": -2.0, "angle": 0.0, "spin": 0.0, "wind": 0.0} | change
    ).items():
        record[name] = value
    record["sin"], record["cos"] = np.sin(record["angle"]), np.cos(record["angle"])
    env.restore(record)
    _, reward, terminated, _, _ = env.step(0)
    assert terminated
    assert (float(reward) > 0) == soft


@pytest.mark.parametrize("place", [{"x": 39.9, "vx": 30.0}, {"y": 44.9, "vy": 30.0}])
def test_leaving_the_field_is_a_crash(place: dict[str, float]) -> None:
    env = sandbox_envs.SimEnv("lander")
    env.reset(seed=0)
    record = env.snapshot()
    for name, value in place.items():
        record[name] = value
    env.restore(record)
    obs, reward, terminated, _, _ = env.step(0)
    assert terminated
    assert float(reward) < -90
    assert env.observation_space.contains(obs)


def test_left_and_right_mirror_each_other() -> None:
    ends = []
    for sign, action in ((1.0, 1), (-1.0, 3)):
        env = sandbox_envs.SimEnv("lander", wind=0.0, roughness=0.0)
        env.reset(seed=0)
        record = env.snapshot()
        for name in ("x", "vx", "angle", "sin", "spin", "wind"):
            record[name] *= sign
        env.restore(record)
        for _ in range(10):
            obs = env.step(action)[0]
        ends.append(obs)
    mirror = np.array([-1, 1, -1, 1, -1, 1, -1, 1, -1])
    assert ends[0] == pytest.approx(ends[1] * mirror, abs=1e-6)
    assert ends[0][6] > 0, "left turns the nose to the left, counterclockwise"


def test_a_long_way_of_throttle_is_the_discrete_thrusters() -> None:
    discrete, continuous = sandbox_envs.SimEnv("lander"), sandbox_envs.SimEnv("lander", continuous=True)
    discrete.reset(seed=4)
    continuous.reset(seed=4)
    for action, throttle in ((2, (1, 0)), (1, (-1, -1)), (3, (0, 1)), (0, (-0.5, 0))):
        obs, reward, *_ = discrete.step(action)
        other, other_reward, *_ = continuous.step(np.array(throttle, np.float32))
        assert (obs == other).all()
        assert reward == other_reward


@pytest.mark.parametrize("parameters", [{"gravity": 0}, {"time_step": -0.1}, {"wind": -1.0}, {"continuous": 2}])
def test_senseless_parameters_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        gymnasium.make("sandbox/Lander-v0", **parameters)


def test_flames_are_painted_from_the_state_and_hills_too() -> None:
    env = gymnasium.make("sandbox/Lander-v0", render_mode="rgb_array")
    env.reset(seed=0)
    obs = env.step(2)[0]
    assert (env.render() != env.unwrapped.paint(obs)).any()
