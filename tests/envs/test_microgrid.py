from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import sandbox_envs
from sandbox_envs.microgrid import PRICE, heuristic
from sandbox_envs.series import sun_height
from sandbox_envs.vector import SimVectorEnv


def returns_of(policy: Callable[[Any], Any], rows: int = 512, **parameters: Any) -> np.ndarray:
    envs = SimVectorEnv("microgrid", rows, **parameters)
    obs, _ = envs.reset(seed=1000)
    total = np.zeros(rows)
    for _ in range(168):
        obs, reward, terminated, _, _ = envs.step(policy(obs))
        total += reward
        assert not terminated.any()
    return total


def constant(flow: float) -> Callable[[Any], Any]:
    return lambda obs: np.full((len(obs), 1), flow, np.float32)


def measured(
    folder: Path, hours: int = 72, header: str = "time,solar,load,price", units: str = "UTC,kW,kW,EUR/kWh"
) -> Path:
    path = folder / "measured.csv"
    rows = [
        f"2024-06-{1 + hour // 24:02d} {hour % 24:02d}:00,{hour % 24},{50 + hour},{0.001 * hour}"
        for hour in range(hours)
    ]
    path.write_text("\n".join([header, units, *rows]) + "\n", encoding="utf-8")
    return path


def test_energy_is_neither_made_nor_lost_but_for_what_is_counted_as_lost() -> None:
    envs = SimVectorEnv("microgrid", 64, autoreset_mode="Disabled", efficiency=0.9, leak=0.002)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    start = envs.snapshot()
    taken, given = np.zeros(64), np.zeros(64)
    for _ in range(168):
        before = envs.snapshot()
        envs.step(envs.action_space.sample())
        now = envs.snapshot()
        taken += np.maximum(now["flow"], 0)
        given += np.maximum(-now["flow"], 0)
        assert now["grid"] + before["solar"] == pytest.approx(before["load"] + now["flow"]), "what comes in goes out"
        assert taken - given == pytest.approx(now["stored"] - start["stored"] + now["lost"], abs=1e-8)
        assert (now["lost"] >= before["lost"]).all()
        assert (now["stored"] >= 0).all()
        assert (now["stored"] <= 200).all()
        assert (np.abs(now["flow"]) <= 50).all()


def test_a_cycle_gives_back_the_square_of_the_efficiency() -> None:
    env = sandbox_envs.SimEnv("microgrid", efficiency=0.9, leak=0.0)
    env.reset(seed=0)
    record = env.snapshot()
    record["stored"] = 0.0
    env.restore(record)
    flows = []
    for action in (1.0, 0.5, -1.0, -1.0, -1.0):
        env.step(np.array([action], np.float32))
        flows.append(float(env.snapshot()["flow"][0]))
    assert sum(flow for flow in flows if flow > 0) == pytest.approx(75.0)
    assert -sum(flow for flow in flows if flow < 0) == pytest.approx(75.0 * 0.9**2)
    assert env.snapshot()["stored"][0] == 0.0


def test_the_reward_is_what_the_battery_saves() -> None:
    envs = SimVectorEnv("microgrid", 32, autoreset_mode="Disabled", fee=0.1, wear=0.03)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    for _ in range(100):
        before = envs.snapshot()
        reward = envs.step(envs.action_space.sample())[1]
        now, price = envs.snapshot(), before["price"]
        without = before["load"] - before["solar"]
        bills = [np.where(grid > 0, grid * (price + 0.1), grid * price) for grid in (without, without + now["flow"])]
        assert reward == pytest.approx(bills[0] - bills[1] - 0.03 * np.maximum(-now["flow"], 0))


def test_the_sun_stands_as_astronomy_has_it() -> None:
    berlin = np.radians(52.5)
    assert sun_height(12.0, 172.0, berlin) == pytest.approx(np.sin(np.radians(90 - 52.5 + 23.44)), abs=1e-3)
    assert sun_height(12.0, 355.0, berlin) == pytest.approx(np.sin(np.radians(90 - 52.5 - 23.44)), abs=1e-3)
    for day in (0.0, 80.0, 172.0):
        hours = np.arange(0.0, 24.0, 0.01)
        light = np.array([sun_height(hour, day, berlin) for hour in hours])
        assert light == pytest.approx(np.concatenate([light[:1], light[:0:-1]]), abs=1e-9), "mornings mirror evenings"
        declination = -np.radians(23.44) * np.cos(2 * np.pi * (day + 10) / 365)
        day_length = 24 / np.pi * np.arccos(-np.tan(berlin) * np.tan(declination))  # the sunrise equation
        assert (light > 0).mean() * 24 == pytest.approx(day_length, abs=0.05)


def test_prices_have_the_heavy_tail_that_was_asked_for() -> None:
    """The tail index of spikes by Hill's estimator (1975), on prices that hardly anything else moves."""
    envs = SimVectorEnv("microgrid", 2048, max_episode_steps=-1, spike_rate=0.001, spike_size=0.05, spike_tail=1.8)
    envs.reset(seed=0)
    action, spikes = np.zeros((2048, 1), np.float32), []
    for _ in range(400):
        before = envs.snapshot()["spike"]
        envs.step(action)
        born = envs.snapshot()["spike"] - 0.6 * before
        spikes.append(born[born > 0])
    sizes = np.sort(np.concatenate(spikes) / 0.05 + 1.0)  # a Lomax size and one scale are a Pareto size
    assert len(sizes) == pytest.approx(0.001 * 400 * 2048, rel=0.12)
    assert 1.0 / np.log(sizes / sizes[0]).mean() == pytest.approx(1.8, rel=0.12)


def test_days_are_like_days() -> None:
    envs = SimVectorEnv("microgrid", 1024)
    seen = [envs.reset(seed=0)[0]]
    seen.extend(envs.step(np.zeros((1024, 1), np.float32))[0] for _ in range(167))
    days = np.array(seen).reshape(7, 24, 1024, 8).mean(axis=(0, 2))
    assert (days[:3, 1] == 0).all(), "no sun at night"
    assert days[:, 1].argmax() in (11, 12)
    assert days[:, 2].argmax() in (18, 19)
    assert days[:, 3].argmax() in (18, 19, 20)
    assert 0.08 < PRICE * days[:, 3].mean() < 0.16


def test_threshold_rules_beat_chance_and_every_steady_flow_by_far() -> None:
    policy = returns_of(heuristic).mean()
    rng = np.random.default_rng(0)
    assert policy > 120
    assert returns_of(lambda obs: rng.uniform(-1, 1, (len(obs), 1)).astype(np.float32)).mean() < 0
    assert (returns_of(constant(0.0)) == 0).all(), "an idle battery saves nothing"
    assert max(returns_of(constant(flow)).mean() for flow in np.linspace(-1, 1, 9)) < 0.25 * policy, (
        "no trivial exploit"
    )


def test_a_year_of_random_actions_stays_inside_the_space() -> None:
    envs = SimVectorEnv("microgrid", 16, max_episode_steps=-1)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    for _ in range(8760):
        obs, reward, *_ = envs.step(envs.action_space.sample())
        assert envs.observation_space.contains(obs)
        assert np.isfinite(reward).all()
    assert (envs.snapshot()["saved"] < 0).all()


def test_a_users_measurements_are_what_happens(tmp_path: Path) -> None:
    env = sandbox_envs.SimEnv("microgrid", series=measured(tmp_path), first_day=31)
    for seed in range(4):
        obs, _ = env.reset(seed=seed)
        begin = int(env.snapshot()["clock"][0])
        assert begin % 24 == 0
        for hour in range(begin, begin + 80):
            row = hour % 72  # the measurements over and over
            assert obs[1:4] == pytest.approx([row % 24 / 50, (50 + row) / 50, 0.001 * row / PRICE], abs=1e-6)
            assert obs[4:6] == pytest.approx([np.sin(2 * np.pi * row / 24), np.cos(2 * np.pi * row / 24)], abs=1e-6)
            assert obs[6] == pytest.approx(np.sin(2 * np.pi * (31 + hour // 24) / 365), abs=1e-6)
            obs, *_ = env.step(np.array([0.3], np.float32))


def test_a_world_of_measurements_keeps_the_contract(tmp_path: Path) -> None:
    path = str(measured(tmp_path))
    envs = gymnasium.make_vec("sandbox/Microgrid-v0", num_envs=3, series=path, max_episode_steps=50)
    single = lambda: gymnasium.make("sandbox/Microgrid-v0", series=path, max_episode_steps=50)  # noqa: E731
    sandbox_envs.check_vector_env(envs, single, steps=120)
    check_env(single().unwrapped, skip_render_check=True)  # its pictures are those of the default series
    check_env_for_sb3(single())


def test_units_are_converted(tmp_path: Path) -> None:
    path = measured(tmp_path, units="h,W,MW,EUR/MWh")
    series = sandbox_envs.simulation("microgrid", series=path).parameters.series
    assert series.shape == (72, 3)
    assert series[30] == pytest.approx([0.006, 80000.0, 0.00003])


@pytest.mark.parametrize(
    ("line", "text", "complaint"),
    [
        (17, "x,1,,0.1", "row 17, column load: the cell is empty"),
        (17, "x,1", "row 17, column load: the cell is empty"),
        (20, "", "row 20, column solar: the cell is empty"),
        (5, "x,1,n/a,0.1", "row 5, column load: 'n/a' is no number"),
        (5, "x,1,2,nan", "row 5, column price: 'nan' is not finite"),
        (9, "x,-1,2,0.1", "row 9, column solar: -1 is below 0"),
        (9, "x,1,2,45.3", "row 9, column price: 45.3 is 45.3 EUR/kWh: correct it, or the unit in row 2"),
        (2, "UTC,kW,kW,EUR", "row 2, column price: the unit holds 'EUR': write EUR/kWh"),
        (2, "UTC,kW,,EUR/kWh", "row 2, column load: the unit is empty"),
        (2, "x,1,2,0.1", "row 2, column solar: the unit holds '1'"),
        (1, "time;solar;load;price", "no column 'solar' in row 1"),
    ],
)
def test_a_bad_cell_is_named_in_one_sentence(tmp_path: Path, line: int, text: str, complaint: str) -> None:
    path = measured(tmp_path)
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="series") as told:
        gymnasium.make("sandbox/Microgrid-v0", series=str(path))
    assert complaint in str(told.value)
    assert "\n" not in str(told.value)


def test_too_few_hours_a_missing_file_and_no_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has 47 hours: give at least 48"):
        sandbox_envs.simulation("microgrid", series=measured(tmp_path, hours=47))
    (tmp_path / "measured.csv").write_text("")
    with pytest.raises(ValueError, match="no column 'solar'"):
        sandbox_envs.simulation("microgrid", series=tmp_path / "measured.csv")
    with pytest.raises(ValueError, match="cannot be read"):
        sandbox_envs.simulation("microgrid", series=tmp_path / "nowhere.csv")
    with pytest.raises(ValueError, match="path of a CSV file, got 3"):
        sandbox_envs.simulation("microgrid", series=3)


@pytest.mark.parametrize(
    "parameters",
    [
        {"capacity": 0.0},
        {"power": -1.0},
        {"efficiency": 1.1},
        {"leak": -0.1},
        {"spike_rate": 2.0},
        {"spike_tail": 0.0},
        {"latitude": 91.0},
        {"first_day": 365},
        {"fee": -0.1},
    ],
)
def test_senseless_parameters_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        gymnasium.make("sandbox/Microgrid-v0", **parameters)


def test_flows_and_the_past_are_painted_from_the_state_only() -> None:
    env = gymnasium.make("sandbox/Microgrid-v0", render_mode="rgb_array")
    env.reset(seed=0)
    obs = env.step(np.ones(1, np.float32))[0]
    assert (env.render() != env.unwrapped.paint(obs)).any()
