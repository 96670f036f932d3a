from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from sandbox_agents.spaces import action_map
from sandbox_agents.vec_env import Sb3VecEnv, final_obs

Rows = Callable[..., VectorEnv[Any, Any, Any]]


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1"])
def test_rewards_ends_and_last_observations_are_those_of_sb3s_own(classic: Rows, name: str) -> None:
    ours = Sb3VecEnv(classic(name, 3))
    theirs = DummyVecEnv([lambda: Monitor(gymnasium.make(name))] * 3)
    to_env = action_map(theirs.action_space).to_env
    ours.seed(5), theirs.seed(5)
    np.testing.assert_array_equal(ours.reset(), theirs.reset())
    rng, ends = np.random.default_rng(0), 0
    for _ in range(450):
        share = rng.uniform(-1, 1, (3, 1)).astype(np.float32)
        action = (share[:, 0] > 0).astype(np.int64) if name == "CartPole-v1" else share
        obs, reward, done, infos = ours.step(action)
        obs_, reward_, done_, infos_ = theirs.step(to_env(action))
        np.testing.assert_array_equal(obs, np.asarray(obs_))
        np.testing.assert_array_equal(reward, reward_)
        np.testing.assert_array_equal(done, done_)
        for row in np.flatnonzero(done):
            np.testing.assert_array_equal(infos[row]["terminal_observation"], infos_[row]["terminal_observation"])
            assert infos[row]["TimeLimit.truncated"] == infos_[row]["TimeLimit.truncated"]
            assert infos[row]["episode"]["l"] == infos_[row]["episode"]["l"]
            assert infos[row]["episode"]["r"] == pytest.approx(infos_[row]["episode"]["r"], abs=1e-5)
        ends += int(done.sum())
    assert ends >= 6


def test_truncation_is_not_termination(classic: Rows) -> None:
    rows = Sb3VecEnv(classic("Pendulum-v1", 2))
    rows.seed(0)
    rows.reset()
    for _ in range(199):
        assert rows.step(np.zeros((2, 1)))[3] == [{}, {}]
    infos = rows.step(np.zeros((2, 1)))[3]
    assert [info["TimeLimit.truncated"] for info in infos] == [True, True]


def test_rows_that_go_on_share_one_empty_info(classic: Rows) -> None:
    rows = Sb3VecEnv(classic("CartPole-v1", 4))
    rows.reset()
    infos = rows.step(np.zeros(4, np.int64))[3]
    assert len({id(info) for info in infos}) == 1


def test_observations_are_not_written_over_by_the_next_step(classic: Rows) -> None:
    envs = classic("CartPole-v1", 2)
    envs.copy = False  # type: ignore[attr-defined]
    rows = Sb3VecEnv(envs)
    rows.seed(0)
    first = rows.reset()
    kept = first.copy()
    rows.step(np.zeros(2, np.int64))
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED])
def test_other_autoresets_are_refused_with_the_way_out(classic: Rows, mode: AutoresetMode) -> None:
    with pytest.raises(ValueError, match=r"SAME_STEP.*make_vec"):
        Sb3VecEnv(classic("CartPole-v1", 2, mode))


def test_last_observations_stored_as_a_batch_are_read_too() -> None:
    batch = {"a": np.arange(6.0).reshape(3, 2), "b": (np.array([0, 1, 2]),)}
    singles = np.array([{"a": batch["a"][i], "b": (i,)} for i in range(3)], dtype=object)
    picked = np.array([0, 2])
    for stored in (batch, singles):
        gathered = final_obs(stored, picked)
        np.testing.assert_array_equal(gathered["a"], batch["a"][picked])
        np.testing.assert_array_equal(gathered["b"][0], [0, 2])


@pytest.mark.parametrize("what", ["reward", "observation"])
def test_values_that_are_not_finite_are_refused_with_row_and_step(classic: Rows, what: str) -> None:
    class Broken(gymnasium.vector.VectorWrapper[Any, Any, Any, Any]):
        def step(self, actions: Any) -> Any:
            obs, reward, *rest = super().step(actions)
            (reward if what == "reward" else obs)[1] = np.nan
            return obs, reward, *rest

    rows = Sb3VecEnv(Broken(classic("CartPole-v1", 3)))
    rows.reset()
    with pytest.raises(ValueError, match=rf"{what} that is not finite \(row 1, step 1"):
        rows.step(np.zeros(3, np.int64))
