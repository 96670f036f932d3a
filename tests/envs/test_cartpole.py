from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control import CartPoleEnv

from sandbox_envs import SimEnv


def twins_at(state: Any) -> tuple[SimEnv, CartPoleEnv]:
    ours, theirs = SimEnv("cartpole"), CartPoleEnv()
    ours.reset(seed=0)
    theirs.reset(seed=0)
    record = ours.snapshot()
    for name, value in zip(("x", "x_dot", "theta", "theta_dot"), state, strict=True):
        record[name] = value
    ours.restore(record)
    theirs.state = np.array(state, np.float64)
    return ours, theirs


@pytest.mark.parametrize("seed", range(5))
def test_an_episode_is_gymnasiums_step_for_step(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs = twins_at(rng.uniform(-0.05, 0.05, 4))
    terminated = False
    for _ in range(500):
        obs = np.asarray(theirs.state, np.float32)
        # a pilot that keeps the pole up for long, with a tenth of its actions at random
        action = int(rng.integers(2)) if rng.random() < 0.1 else int(obs[2] + 0.3 * obs[3] > 0)
        mine, reward, terminated, _, _ = ours.step(action)
        other, their_reward, their_end, _, _ = theirs.step(action)
        assert mine == pytest.approx(other, rel=1e-6, abs=1e-6)
        assert (reward, terminated) == (their_reward, their_end)
        if terminated:
            break


def test_single_steps_agree_anywhere_in_the_space() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        ours, theirs = twins_at(rng.uniform(-1, 1, 4) * [2.5, 5.0, 0.22, 5.0])
        action = int(rng.integers(2))
        mine, _, end, _, _ = ours.step(action)
        other, _, their_end, _, _ = theirs.step(action)
        assert mine == pytest.approx(other, rel=1e-6, abs=1e-7)
        assert end == their_end


def test_starts_are_gymnasiums() -> None:
    obs, _ = gymnasium.make_vec("sandbox/CartPole-v0", num_envs=4096).reset(seed=0)
    assert np.abs(obs).max() <= 0.05
    assert obs.mean(axis=0) == pytest.approx(0, abs=0.002)
    assert obs.std(axis=0) == pytest.approx(0.1 / 12**0.5, rel=0.03)
