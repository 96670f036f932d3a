"""What takes minutes: the contract over a thousand steps, and hundreds of hours of every world (`pytest -m slow`)."""

import gc
import resource
import tracemalloc
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

import sandbox_envs
from sandbox_envs.vector import SimVectorEnv

WORLDS = sandbox_envs.worlds()
KINDS = [(name, kind) for name in WORLDS for kind in sandbox_envs.simulation(name).observations]
ROWS, YEAR = 512, 365 * 24
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("num_envs", [1, 2, 7])
@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize(("name", "kind"), KINDS, ids=["-".join(each) for each in KINDS])
def test_the_contract_holds_over_a_thousand_steps(name: str, kind: str, mode: AutoresetMode, num_envs: int) -> None:
    id_, keywords = sandbox_envs.world(name).id, {"observation": kind, "max_episode_steps": 150}
    envs = gymnasium.make_vec(id_, num_envs=num_envs, autoreset_mode=mode, **keywords)
    sandbox_envs.check_vector_env(envs, lambda: gymnasium.make(id_, **keywords), steps=1000)


def batches_of(name: str) -> int:
    """Steps of `ROWS` rows that are a hundred hours as a world is watched, at least 1,000; in Microgrid a year."""
    if name == "microgrid":
        return YEAR
    return max(1000, 100 * 3600 * sandbox_envs.simulation(name).frames_per_second // ROWS)


@pytest.mark.parametrize("name", WORLDS)
def test_a_hundred_hours_of_chance_stay_within_the_space_and_in_memory(name: str) -> None:
    envs = SimVectorEnv(name, ROWS, max_episode_steps=YEAR if name == "microgrid" else None)
    envs.reset(seed=0)
    rng, steps = np.random.default_rng(0), batches_of(name)
    kept: list[tuple[int, int]] = []  # bytes that Python holds, and the process's peak, in KiB
    tracemalloc.start()
    for step in range(steps):
        obs, reward, *_ = envs.step(_drawn(envs.single_action_space, rng))
        assert np.isfinite(reward).all(), step
        assert _fits(envs.single_observation_space, obs), step
        if step in (steps // 4, steps - 1):
            gc.collect()
            kept.append((tracemalloc.get_traced_memory()[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    tracemalloc.stop()
    assert kept[1][0] - kept[0][0] < 200_000, "Python's memory grows"
    assert kept[1][1] - kept[0][1] < 8_000, "the process grows"


def _drawn(space: Any, rng: np.random.Generator) -> Any:
    if isinstance(space, spaces.Discrete):
        return rng.integers(space.n, size=ROWS)
    return rng.uniform(space.low, space.high, (ROWS, *space.shape)).astype(space.dtype)


def _fits(space: Any, obs: Any) -> bool:
    low, high = (0, space.nvec - 1) if isinstance(space, spaces.MultiDiscrete) else (space.low, space.high)
    return bool(((low <= obs) & (obs <= high)).all())  # NaN fits nowhere
