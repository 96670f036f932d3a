"""The proof of the dream: with the simulator in the model's place, a dream is the simulator."""

import numpy as np
import pytest

import sandbox_agents
from sandbox.branched import Branched
from sandbox.dream import DreamVectorEnv
from sandbox.worlds import world
from sandbox_envs import check_vector_env
from sandbox_envs.lander import heuristic


def dream_of(name: str, rows: int, horizon: int, starts: int = 256) -> DreamVectorEnv:
    truth = Branched(name, starts)
    return DreamVectorEnv(truth, rows, starts=truth.starts, horizon=horizon, spaces=truth.spaces)


class Pilot:
    """Lander's scripted pilot as an agent."""

    name = "heuristic"

    def __init__(self) -> None:
        self.observation_space, self.action_space = world("lander").spaces

    def act(self, obs: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        return heuristic(obs)

    def save(self, path: object) -> None:
        raise AssertionError("nobody saves a pilot")


def test_a_deterministic_world_is_dreamed_step_for_step() -> None:
    truth = Branched("sandbox/CartPole-v0", 1)
    dream = DreamVectorEnv(truth, 1, starts=truth.starts, horizon=500, spaces=truth.spaces)
    simulator = world("cartpole").make_vec(1)
    assert np.array_equal(dream.reset(seed=9)[0], simulator.reset(seed=0)[0])
    rng = np.random.default_rng(0)
    for _ in range(200):
        action = rng.integers(2, size=1)
        dreamed, real = dream.step(action), simulator.step(action)
        if real[2][0]:
            assert dreamed[2][0]
            assert np.array_equal(dreamed[4]["final_obs"][0], real[4]["final_obs"][0])
            return
        assert np.array_equal(dreamed[0], real[0])
        assert dreamed[1] == real[1]
    pytest.fail("random pushes never ended the episode")


def test_the_branched_lander_gives_the_simulators_returns() -> None:
    dreamed = sandbox_agents.evaluate(Pilot(), dream_of("sandbox/Lander-v0", 64, 400), 256, seed=1)
    real = sandbox_agents.evaluate(Pilot(), world("lander").make_vec(64), 256, seed=2)
    error = np.hypot(dreamed.returns.std() / 16, real.returns.std() / 16)
    assert abs(dreamed.mean - real.mean) < 3 * error
    assert abs(dreamed.lengths.mean() - real.lengths.mean()) < 12


def test_one_state_has_many_futures() -> None:
    dream = dream_of("sandbox/Lander-v0", 64, 400, starts=1)
    dream.reset(seed=0)
    for _ in range(30):
        obs, *_ = dream.step(np.zeros(64, np.int64))
    assert len(np.unique(obs, axis=0)) > 60


def test_the_branched_simulator_keeps_the_contract_of_vector_environments() -> None:
    check_vector_env(dream_of("sandbox/Lander-v0", 3, 400), steps=300)


def test_only_its_own_beginnings_can_be_begun_from() -> None:
    one, other = Branched("sandbox/CartPole-v0", 4), Branched("sandbox/CartPole-v0", 4)
    with pytest.raises(ValueError, match="its own starts only"):
        DreamVectorEnv(one, 2, starts=other.starts, horizon=9, spaces=one.spaces)
