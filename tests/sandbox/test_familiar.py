"""A cautious dream ends where its model is lost, and not where the model is merely coarse."""

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

import sandbox_agents
from sandbox.collection import collect
from sandbox.dream import DreamVectorEnv
from sandbox.models.familiar import stray
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories
from sandbox.worlds import world


@pytest.fixture(scope="module")
def supplied() -> Trajectories:
    """Random orders in Supply, whose retailer is out of stock most of the time: a wall at zero."""
    chosen = world("supply")
    actor = sandbox_agents.make("random", *chosen.spaces, 0)
    return collect(chosen.make_vec(8), actor, 1600, np.random.default_rng(0))


@pytest.fixture(scope="module")
def coarse(supplied: Trajectories) -> FittedModel:
    return fit(supplied, "rnn", settings=FitSettings(updates=60))


def lived(model: FittedModel, *, cautious: bool) -> tuple[float, np.ndarray]:
    """The mean length of random episodes in a dream of 40 steps, and everything that was seen."""
    envs = DreamVectorEnv(model, 64, cautious=cautious, horizon=40)
    envs.action_space.seed(0)
    seen, ends = [envs.reset(seed=0)[0]], 0
    for _ in range(40):
        obs, _, terminated, truncated, _ = envs.step(envs.action_space.sample())
        seen.append(obs)
        ends += int((terminated | truncated).sum())
    return 40 * 64 / max(ends, 1), np.concatenate(seen)


def test_no_dream_passes_a_wall(supplied: Trajectories, coarse: FittedModel) -> None:
    low, at_low = supplied.next_obs.min(axis=0), supplied.next_obs == supplied.next_obs.min(axis=0)
    walls = at_low.mean(axis=0) > 0.05
    assert walls.any()
    _, seen = lived(coarse, cautious=False)
    assert (seen[:, walls] >= low[walls]).all()
    assert (seen[:, walls] == low[walls]).any(), "a dream leans on the wall as the world does"


class Dice(gymnasium.Env):  # type: ignore[type-arg]
    """Twelve numbers that are thrown anew at every step, each between -1 and 1: whatever leaves that is a blur."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (12,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.age = 0
        return self._thrown(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.age += 1
        return self._thrown(), 1.0, False, self.age >= 40, {}

    def _thrown(self) -> Any:
        return self.np_random.uniform(-1, 1, 12).astype(np.float32)


def test_caution_lets_a_coarse_model_dream_on_known_ground() -> None:
    envs = gymnasium.vector.SyncVectorEnv([Dice], autoreset_mode=AutoresetMode.SAME_STEP)
    actor = sandbox_agents.make("random", envs.single_observation_space, envs.single_action_space, 0)
    data = collect(envs, actor, 800, np.random.default_rng(0))
    model = fit(data, "mixture", settings=FitSettings(updates=60))
    length, _ = lived(model, cautious=True)
    model.network.codec.measure(data)  # the range of the data alone
    assert length > 3 * lived(model, cautious=True)[0]


class Moods(gymnasium.Env):  # type: ignore[type-arg]
    """Twenty-four numbers about which every episode has a mood of its own: one of them is always a little beyond."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (24,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.age, self.mood = 0, self.np_random.normal(size=24)
        return self._felt(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.age += 1
        return self._felt(), 1.0, False, self.age >= 20, {}

    def _felt(self) -> Any:
        return (self.mood + self.np_random.normal(0, 0.3, 24)).astype(np.float32)


def test_what_fresh_episodes_bring_is_known() -> None:
    envs = gymnasium.vector.SyncVectorEnv([Moods], autoreset_mode=AutoresetMode.SAME_STEP)
    actor = sandbox_agents.make("random", envs.single_observation_space, envs.single_action_space, 0)
    data, fresh = (collect(envs, actor, 1000, np.random.default_rng(seed)) for seed in (0, 1))
    model = fit(data, "mixture", settings=FitSettings(updates=60))
    met = torch.from_numpy(fresh.next_obs)
    assert model.is_known(met).float().mean() > 0.95
    model.network.codec.measure(data)  # the range of the data alone
    assert model.is_known(met).float().mean() < 0.8


def test_only_numbers_stray(supplied: Trajectories) -> None:
    numbers = list(range(supplied.obs.shape[1]))
    assert 0 < stray(supplied, numbers) < 1
    assert stray(supplied, []) == 0


def test_one_episode_has_nothing_to_stray_from(supplied: Trajectories) -> None:
    assert stray(supplied.episodes([0]), [0, 1]) == 0


def test_caution_ends_what_two_unlike_episodes_do_not_tell(supplied: Trajectories) -> None:
    data = supplied.episodes([0, 1])
    numbers = list(range(data.obs.shape[1]))
    assert stray(data, numbers) > 0.25
    model = fit(data, "mixture", settings=FitSettings(updates=10))
    met = np.concatenate([data.obs, data.next_obs])
    beyond = met.max(axis=0) + 0.4 * np.ptp(met, axis=0)
    assert not model.is_known(torch.from_numpy(beyond[None])).any()


def test_caution_still_ends_what_is_far_out(coarse: FittedModel) -> None:
    known = torch.from_numpy(coarse.starts.obs[:, -1])
    span = known.amax(dim=0) - known.amin(dim=0)
    assert coarse.is_known(known).all()
    assert not coarse.is_known(known + 2 * span).any()


def test_a_dream_may_last_as_long_as_the_longest_life_that_was_seen(supplied: Trajectories) -> None:
    # What an examination of a few random episodes took for the limit.
    model = fit(replace(supplied, horizon=7), "mixture", settings=FitSettings(updates=10))
    assert model.horizon == 100
