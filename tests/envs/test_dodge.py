from typing import Any

import gymnasium
import numpy as np
import pytest

import sandbox_envs
from sandbox_envs.dodge import BALLS, HALF_WIDTH, LENGTH, REACH, SEEN, heuristic
from sandbox_envs.vector import SimVectorEnv


def survived(policy: Any, num_envs: int = 64, steps: int = 400, **parameters: Any) -> Any:
    """How many of `steps` steps each row's first episode lasted, `(B,)`."""
    envs = SimVectorEnv("dodge", num_envs, **parameters)
    obs, _ = envs.reset(seed=1000)
    lengths, running = np.zeros(num_envs), np.ones(num_envs, bool)
    for _ in range(steps):
        obs, reward, terminated, _, _ = envs.step(policy(obs))
        lengths += running * reward
        running &= ~terminated
    return lengths


def hall_with(balls: list[tuple[float, float, float, float]], x: float = 0.0, **parameters: Any) -> Any:
    """An environment without births whose balls are `(x, y, vx, vy)`, the nearest first."""
    env = sandbox_envs.SimEnv("dodge", birth_rate=0.0, **parameters)
    env.reset(seed=0)
    record = env.snapshot()
    record["x"], record["count"] = x, len(balls)
    for at, ball in enumerate(balls):
        for name, value in zip(("ball_x", "ball_y", "ball_vx", "ball_vy"), ball, strict=True):
            record[name][0, at] = value
    env.restore(record)
    return env


def test_neither_chance_nor_standing_still_comes_near_the_scripted_runner() -> None:
    rng = np.random.default_rng(0)
    scripted = survived(heuristic).mean()
    for policy in (
        lambda obs: rng.integers(0, 3, len(obs)),
        *(lambda obs, a=a: np.full(len(obs), a) for a in range(3)),
    ):
        assert survived(policy).mean() < 0.4 * scripted
    assert scripted > 300


def test_left_and_right_mirror_each_other() -> None:
    balls = [(1.0, 3.0, -0.4, -4.0), (-2.0, 4.0, 0.3, -5.0), (0.5, 9.0, 0.1, -3.0)]
    ends = []
    for sign, actions in ((1.0, (1, 2)), (-1.0, (2, 1))):
        env = hall_with([(sign * x, y, sign * vx, vy) for x, y, vx, vy in balls], sign * 0.7)
        for step in range(30):
            obs, _, terminated, _, _ = env.step(actions[step % 7 > 2])
        ends.append((obs, terminated))
    mirror = np.array([-1.0, *([-1.0, 1.0] * SEEN)])
    assert ends[0][0] == pytest.approx(ends[1][0] * mirror, abs=1e-7)
    assert ends[0][1] == ends[1][1]


def test_a_ball_flies_straight_at_its_speed() -> None:
    env = hall_with([(2.0, 6.0, -0.5, -4.0)], -1.0)
    for _ in range(20):
        obs = env.step(0)[0]
    assert obs[1] * HALF_WIDTH - 1.0 == pytest.approx(2.0 - 0.5 * 1.0, abs=1e-5)
    assert obs[2] * LENGTH == pytest.approx(6.0 - 4.0 * 1.0, abs=1e-5)


@pytest.mark.parametrize(("offset", "hits"), [(0.0, True), (0.98 * REACH, True), (1.02 * REACH, False)])
def test_only_what_comes_near_enough_hits(offset: float, hits: bool) -> None:
    env = hall_with([(offset, 1.0, 0.0, -0.5)])
    ended = False
    for _ in range(100):
        ended = ended or env.step(0)[2]
    assert ended == hits


def test_the_nearest_ball_is_told_first_and_what_has_passed_is_not() -> None:
    env = hall_with([(3.0, 2.0, 0.0, -1.0), (-3.0, 2.4, 0.0, -6.0)])
    assert env.step(0)[0][1] > 0, "the slow one leads"
    assert env.step(0)[0][1] < 0, "the fast one has overtaken it"
    for _ in range(10):
        obs = env.step(0)[0]
    assert obs[1] > 0, "the fast one has passed"
    assert (obs[3:].reshape(-1, 2) == [0.0, 1.0]).all(), "where there is no ball, the far wall is told"


def test_births_are_as_frequent_and_as_well_aimed_as_asked_for() -> None:
    envs = SimVectorEnv("dodge", 4096, birth_rate=2.0, scatter=0.7, autoreset_mode="NextStep")
    envs.reset(seed=0)
    for _ in range(20):
        envs.step(np.zeros(4096, np.int64))
    states = envs.snapshot()
    assert states["count"].mean() == pytest.approx(1 + 20 * 2.0 * 0.05, rel=0.03)
    middle = np.abs(states["x"]) < 1.0
    there = np.arange(BALLS)[None] < states["count"][:, None]
    landing = states["ball_x"] - states["ball_vx"] * states["ball_y"] / np.where(there, states["ball_vy"], 1.0)
    aim = (landing - states["x"][:, None])[there & middle[:, None]]
    assert aim.mean() == pytest.approx(0.0, abs=0.05)
    assert aim.std() == pytest.approx(0.7, rel=0.05)
    starts = (landing + states["ball_vx"] * LENGTH / np.where(there, states["ball_vy"], 1.0))[there]
    assert starts.std() == pytest.approx((HALF_WIDTH - 0.4) / np.sqrt(3), rel=0.05), "anywhere along the wall"


def test_velocities_are_not_observed() -> None:
    observed = [hall_with([(1.0, 5.0, speed, -4.0)]) for speed in (-0.5, 0.5)]
    first, second = (env.restore(env.snapshot()) for env in observed)
    assert (first == second).all()
    assert (observed[0].step(0)[0] != observed[1].step(0)[0]).any()


def test_the_image_shows_the_runner_and_the_balls_where_they_are() -> None:
    empty = hall_with([], observation="image")
    left, right = (hall_with([], x, observation="image").step(0)[0] for x in (-2.0, 2.0))
    blue = [np.argwhere(image[..., 2] > 200.0)[:, 1].mean() for image in (left, right)]
    assert blue[0] < 25 < 39 < blue[1]
    plain, fiery = (env.step(0)[0] for env in (empty, hall_with([(1.5, 6.0, 0.0, -4.0)], observation="image")))
    changed = np.argwhere((plain != fiery).any(axis=2))
    assert 32 < changed[:, 1].mean() < 50
    assert fiery[tuple(changed.T)].astype(int).sum() > plain[tuple(changed.T)].astype(int).sum()


def test_both_kinds_of_observation_watch_one_world() -> None:
    vector, image = (SimVectorEnv("dodge", 16, observation=kind) for kind in ("vector", "image"))
    vector.reset(seed=3)
    assert image.reset(seed=3)[0].shape == (16, 64, 64, 3)
    rng = np.random.default_rng(0)
    for _ in range(120):
        action = rng.integers(0, 3, 16)
        assert (vector.step(action)[2] == image.step(action)[2]).all()
    assert (vector.snapshot() == image.snapshot()).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"time_step": 0.0},
        {"runner_speed": -1.0},
        {"scatter": -0.1},
        {"speed_spread": 1.0},
        {"birth_rate": 21.0},
        {"ball_speed": 40.0},
    ],
)
def test_senseless_parameters_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        gymnasium.make("sandbox/Dodge-v0", **parameters)


def test_tails_are_painted_from_the_state() -> None:
    env = hall_with([(1.5, 6.0, 0.5, -4.0)])
    obs = env.step(0)[0]
    assert (env.paint(obs, env.snapshot()[0]) != env.paint(obs)).any()
