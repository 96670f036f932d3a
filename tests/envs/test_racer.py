from typing import Any

import gymnasium
import numpy as np
import pytest

import sandbox_envs
from sandbox_envs.racer import COS, DEGREES, FRONT, GRAVITY, POINTS, RANGE, RAYS, REAR, SIN, TURNING, heuristic
from sandbox_envs.vector import SimVectorEnv


def energy(state: Any) -> Any:
    """Per kg of the car, m²/s²."""
    return 0.5 * (state["vx"] ** 2 + state["vy"] ** 2 + TURNING * state["spin"] ** 2)


def on_a_plain(rows: int, vx: Any, vy: Any = 0.0, spin: Any = 0.0, **parameters: Any) -> SimVectorEnv:
    """Cars in motion, on roads so wide that none leaves them soon."""
    envs = SimVectorEnv("racer", rows, radius=4000.0, half_width=700.0, autoreset_mode="Disabled", **parameters)
    envs.reset(seed=0)
    record = envs.snapshot()
    record["vx"], record["vy"], record["spin"] = vx, vy, spin
    envs.restore(record)
    return envs


def distances_by_hand(state: Any) -> Any:
    """Every ray against every piece of both edges, `(RAYS,)`, in double precision."""
    found = np.full(RAYS, RANGE)
    position = np.array([state["x"], state["y"]])
    for ray, (cos, sin) in enumerate(zip(np.cos(np.radians(DEGREES)), np.sin(np.radians(DEGREES)), strict=True)):
        way = np.array([state["cos"] * cos - state["sin"] * sin, state["sin"] * cos + state["cos"] * sin])
        for edge in (state["left"].astype(float), state["right"].astype(float)):
            for start, end in zip(edge, np.roll(edge, -1, axis=0), strict=True):
                matrix = np.stack([way, start - end], axis=1)
                if abs(np.linalg.det(matrix)) > 1e-12:
                    distance, share = np.linalg.solve(matrix, start - position)
                    if distance > 0 and -1e-9 <= share <= 1 + 1e-9:
                        found[ray] = min(found[ray], distance)
    return found


def test_rays_measure_the_room_to_the_edges() -> None:
    envs = SimVectorEnv("racer", 12)
    obs, _ = envs.reset(seed=0)
    for step in range(60):
        if step % 20 == 0:
            for row in range(12):
                assert obs[row, :RAYS] * RANGE == pytest.approx(distances_by_hand(envs.snapshot()[row]), abs=0.01)
        obs = envs.step(heuristic(obs))[0]


def test_left_and_right_mirror_each_other() -> None:
    envs = SimVectorEnv("racer", 2)
    envs.reset(seed=0)
    record = envs.snapshot()
    record[1] = record[0]
    for name in ("y", "sin", "vy", "spin"):
        record[1][name] *= -1
    record[1]["left"], record[1]["right"] = record[0]["right"] * [1, -1], record[0]["left"] * [1, -1]
    envs.restore(record)
    rng = np.random.default_rng(0)
    for _ in range(40):
        action = np.repeat(rng.uniform(-0.3, 0.3, (1, 2)), 2, axis=0).astype(np.float32)
        action[1, 0] *= -1
        obs, reward, *_ = envs.step(action)
        assert obs[0, :RAYS] == pytest.approx(obs[1, RAYS - 1 :: -1], abs=2e-4)
        assert obs[0, RAYS:] == pytest.approx(obs[1, RAYS:] * [1, -1, -1], abs=1e-5)
        assert reward[0] == pytest.approx(reward[1], abs=1e-6)


def test_slip_only_takes_energy_unless_the_engine_gives_it() -> None:
    rng = np.random.default_rng(0)
    envs = on_a_plain(200, rng.uniform(3, 25, 200), rng.uniform(-8, 8, 200), rng.uniform(-2, 2, 200))
    before = first = energy(envs.snapshot())
    for _ in range(60):
        steer, pedal = rng.uniform(-1, 1, 200), rng.uniform(-1, 0, 200)
        envs.step(np.stack([steer, pedal], axis=1).astype(np.float32))
        after = energy(envs.snapshot())
        assert (after < before + 1e-9).all()
        before = after
    assert before.mean() < 0.5 * first.mean()


def test_without_slip_wind_and_pedals_only_the_rolling_slows_the_car() -> None:
    envs = on_a_plain(1, 15.0, drag=0.0)
    for _ in range(20):
        envs.step(np.zeros((1, 2), np.float32))
    state = envs.snapshot()[0]
    assert state["vx"] == pytest.approx(15.0 - 0.2 * 1.0, abs=1e-6)
    assert state["vy"] == state["spin"] == 0.0


def test_no_tyre_pushes_more_than_its_grip() -> None:
    envs = on_a_plain(50, np.linspace(2, 30, 50), 12.0, grip=0.7, drag=0.0)
    for _ in range(10):
        before = envs.snapshot()
        envs.step(np.tile(np.array([[0.0, -1.0]], np.float32), (50, 1)))
        after = envs.snapshot()
        velocity = [s["vx"] + 1j * s["vy"] for s in (before, after)]
        turned = [v * (s["cos"] + 1j * s["sin"]) for v, s in zip(velocity, (before, after), strict=True)]
        assert (np.abs(turned[1] - turned[0]) / 0.05 <= 0.7 * GRAVITY + 0.2 + 1e-6).all()


def test_a_gentle_bend_has_the_radius_of_its_axles() -> None:
    envs = on_a_plain(1, 4.0, steering=0.05, stiffness=12.0, drag=0.0)
    for _ in range(40):
        envs.step(np.array([[1.0, 0.0]], np.float32))
    state = envs.snapshot()[0]
    assert state["vx"] / state["spin"] == pytest.approx((FRONT + REAR) / np.tan(0.05), rel=0.1)


def test_progress_is_paid_by_the_metre_and_a_lap_is_a_lap() -> None:
    envs = SimVectorEnv("racer", 8, max_episode_steps=-1)
    obs, _ = envs.reset(seed=0)
    length, start, paid, way = envs.snapshot()["spacing"] * POINTS, envs.snapshot()["place"], np.zeros(8), np.zeros(8)
    for _ in range(700):
        obs, reward, terminated, _, _ = envs.step(heuristic(obs))
        assert not terminated.any()
        paid += reward
        way += 0.05 * np.hypot(envs.snapshot()["vx"], envs.snapshot()["vy"])
    laps = 10 * paid / length
    assert (laps > 1.2).all()
    assert laps % 1 == pytest.approx((envs.snapshot()["place"] - start) / POINTS % 1, abs=1e-6)
    assert 10 * paid == pytest.approx(way, rel=0.08), "the way driven is about the way along the middle line"


def test_leaving_the_road_costs_five_and_ends_the_episode() -> None:
    env = sandbox_envs.SimEnv("racer")
    env.reset(seed=0)
    rewards, terminated = [], False
    while not terminated:
        obs, reward, terminated, _, _ = env.step(np.array([1.0, 1.0], np.float32))
        rewards.append(float(reward))
    assert rewards[-1] < -4 < min(rewards[:-1])
    assert env.observation_space.contains(obs)


def test_every_track_is_another_and_a_closed_evenly_spaced_one() -> None:
    envs = SimVectorEnv("racer", 300)
    envs.reset(seed=0)
    states = envs.snapshot()
    line = 0.5 * (states["left"].astype(float) + states["right"])
    gaps = np.linalg.norm(np.roll(line, -1, axis=1) - line, axis=2)
    assert gaps == pytest.approx(np.broadcast_to(states["spacing"][:, None], gaps.shape), rel=0.05)
    assert np.linalg.norm(states["left"] - states["right"], axis=2) == pytest.approx(
        np.full((300, POINTS), 10.0), rel=1e-4
    )
    for edge in (states["left"], states["right"]):  # an edge that folds over itself would run backwards
        along, middle = np.roll(edge, -1, axis=1) - edge, np.roll(line, -1, axis=1) - line
        assert ((along * middle).sum(axis=2) > 0).all()
    assert len(np.unique(states["spacing"])) == 300
    turns = np.sign(line[:, 0, 0] * line[:, 1, 1] - line[:, 0, 1] * line[:, 1, 0])
    assert 0.35 < (turns > 0).mean() < 0.65, "as many to the left as to the right"


def test_neither_chance_nor_standing_still_comes_near_the_scripted_driver() -> None:
    def returns(policy: Any) -> float:
        envs = SimVectorEnv("racer", 48)
        obs, _ = envs.reset(seed=1000)
        total, running = np.zeros(48), np.ones(48, bool)
        for _ in range(300):
            obs, reward, terminated, _, _ = envs.step(policy(obs).astype(np.float32))
            total += running * reward
            running &= ~terminated
        return float(total.mean())

    rng = np.random.default_rng(0)
    scripted = returns(heuristic)
    assert scripted > 20
    for policy in (lambda obs: rng.uniform(-1, 1, (48, 2)), lambda obs: np.tile([0.0, -1.0], (48, 1))):
        assert returns(policy) < 0.2 * scripted


def test_the_image_shows_road_around_the_car_and_the_speed() -> None:
    slow, fast = (SimVectorEnv("racer", 1, observation="image") for _ in range(2))
    images = []
    for envs, speed in ((slow, 3.0), (fast, 25.0)):
        envs.reset(seed=0)
        record = envs.snapshot()
        record["vx"] = speed
        images.append(envs.restore(record)[0].astype(int))
    assert np.abs(images[0][46, 32] - [86, 180, 233]).max() < 30, "the car"
    assert np.ptp(images[0][46, 26]) < 30, "grey road to its left"
    yellow = [((image[61] > [200, 190, 0]).all(axis=1) & (image[61, :, 2] < 120)).sum() for image in images]
    assert yellow[1] - yellow[0] > 30


def test_the_image_and_the_rays_see_the_same_edges() -> None:
    rays, image = (SimVectorEnv("racer", 20, observation=kind) for kind in ("rays", "image"))
    distances, pictures = rays.reset(seed=4)[0][:, :RAYS] * RANGE, image.reset(seed=4)[0].astype(int)
    for row in range(20):
        for ray in (1, 3, RAYS - 4, RAYS - 2):
            if 4.0 < distances[row, ray] < 10.0:
                for share, is_road in ((0.7, True), (1.35, False)):
                    far = 1.6 * distances[row, ray] * share
                    colour = pictures[row, int(46 - far * COS[ray]), int(32 - far * SIN[ray])]
                    assert (np.ptp(colour) < 35) == is_road, (row, ray, share, colour)


@pytest.mark.parametrize(
    "parameters",
    [{"grip": 0.0}, {"engine": -1.0}, {"drag": -0.1}, {"half_width": 9.0}, {"time_step": 0.5}, {"radius": 0.0}],
)
def test_senseless_parameters_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        gymnasium.make("sandbox/Racer-v0", **parameters)


def test_without_a_state_only_what_the_rays_saw_is_painted() -> None:
    env = sandbox_envs.SimEnv("racer")
    obs, _ = env.reset(seed=0)
    assert (env.paint(obs, env.snapshot()[0]) != env.paint(obs)).any()
