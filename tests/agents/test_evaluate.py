from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from scipy import stats

from sandbox_agents import RandomAgent, evaluate

Rows = Callable[..., VectorEnv[Any, Any, Any]]


def random_agent(envs: VectorEnv[Any, Any, Any], seed: int = 0) -> RandomAgent:
    return RandomAgent(envs.single_observation_space, envs.single_action_space, seed)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_short_episodes_are_not_over_represented(ladder: Rows, mode: AutoresetMode) -> None:
    envs = ladder(50, mode)
    result = evaluate(random_agent(envs), envs, episodes=400, seed=1)
    # Lengths are 1 or 19 with equal chance. Whichever 400 episodes ended first would be nearly all of length 1.
    assert result.mean == pytest.approx(10.0, abs=1.5)
    np.testing.assert_array_equal(result.returns, result.lengths)
    assert set(result.lengths) == {1, 19}
    assert result.steps >= result.lengths.sum()


def test_the_three_autoresets_give_the_same_episodes(ladder: Rows) -> None:
    results = [evaluate(random_agent(envs := ladder(7, mode)), envs, 33, seed=3) for mode in AutoresetMode]
    for other in results[1:]:
        np.testing.assert_array_equal(results[0].returns, other.returns)


@pytest.mark.parametrize(("episodes", "count"), [(1, 4), (3, 5), (10, 4), (8, 8)])
def test_exactly_the_episodes_asked_for_are_counted(ladder: Rows, episodes: int, count: int) -> None:
    envs = ladder(count)
    result = evaluate(random_agent(envs), envs, episodes)
    assert len(result.returns) == len(result.lengths) == episodes


def test_returns_are_those_of_a_loop_by_hand(classic: Rows) -> None:
    class Leaning(RandomAgent):
        def act(self, obs: Any, rng: Any = None) -> Any:
            return (obs[:, 2] > 0).astype(np.int64)

    envs = classic("CartPole-v1", 3)
    agent = Leaning(envs.single_observation_space, envs.single_action_space, 0)
    result = evaluate(agent, envs, episodes=3, seed=9)
    expected = []
    for row in range(3):
        env = gymnasium.make("CartPole-v1")
        obs, _ = env.reset(seed=9 + row)
        total, over = 0.0, False
        while not over:
            obs, reward, terminated, truncated, _ = env.step(int(obs[2] > 0))
            total, over = total + float(reward), terminated or truncated
        expected.append(total)
    np.testing.assert_array_equal(result.returns, expected)


def test_the_interval_is_students(ladder: Rows) -> None:
    envs = ladder(5)
    result = evaluate(random_agent(envs), envs, 20)
    half = stats.t.ppf(0.975, 19) * stats.sem(result.returns)
    assert (result.low, result.high) == pytest.approx((result.mean - half, result.mean + half))
    assert evaluate(random_agent(envs), envs, 1).high == np.inf


def test_a_random_agent_is_judged_the_same_twice(classic: Rows) -> None:
    envs = classic("CartPole-v1", 4)
    agent = random_agent(envs)
    first, second = evaluate(agent, envs, 12, seed=2), evaluate(agent, envs, 12, seed=2)
    np.testing.assert_array_equal(first.returns, second.returns)
    assert len(set(first.returns)) > 1


def test_bad_questions_get_one_sentence(classic: Rows) -> None:
    envs = classic("CartPole-v1", 2)
    with pytest.raises(ValueError, match="at least one episode, not 0"):
        evaluate(random_agent(envs), envs, 0)
    other = RandomAgent(spaces.Box(-1, 1, (1,)), envs.single_action_space, 0)
    with pytest.raises(ValueError, match="made for the observation space"):
        evaluate(other, envs, 1)


def test_a_reward_that_is_not_finite_is_never_averaged(classic: Rows) -> None:
    class Broken(gymnasium.vector.VectorWrapper[Any, Any, Any, Any]):
        def step(self, actions: Any) -> Any:
            obs, reward, *rest = super().step(actions)
            return obs, reward * np.nan, *rest

    envs = Broken(classic("CartPole-v1", 2))
    with pytest.raises(ValueError, match="reward was not finite at step 0"):
        evaluate(random_agent(envs), envs, 2)
