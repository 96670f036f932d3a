"""The checker must pass what keeps the contract, and every rule must catch an environment that breaks it."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space

from sandbox_envs import VectorEnvError, check_vector_env


class Walk(gymnasium.Env[Any, Any]):
    """A random walk with a push, alone; ends beyond 3."""

    observation_space = spaces.Box(-10, 10, (2,), np.float32)
    action_space = spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.x = self.np_random.normal(size=2)
        return self.x.astype(np.float32), {"sum": float(self.x.sum())}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.x = np.clip(self.x + (action - 1) + self.np_random.normal(size=2), -10, 10)
        return (
            self.x.astype(np.float32),
            float(self.x[0]),
            bool(abs(self.x[0]) > 3),
            False,
            {"sum": float(self.x.sum())},
        )


class Walks(VectorEnv[Any, Any, Any]):
    """The same as a batch, which keeps the contract; its children below each break one rule."""

    def __init__(self, num_envs: int = 3, mode: AutoresetMode = AutoresetMode.SAME_STEP) -> None:
        self.envs = SyncVectorEnv([Walk] * num_envs, autoreset_mode=mode)
        self.num_envs, self.metadata = num_envs, {"autoreset_mode": mode}
        self.single_observation_space, self.observation_space = Walk.observation_space, self.envs.observation_space
        self.single_action_space, self.action_space = Walk.action_space, self.envs.action_space

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        obs, info = self.envs.reset(seed=seed, options=options)
        return self.changed_obs(obs), info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.envs.step(self.changed_actions(actions))
        return self.changed(self.changed_obs(obs), reward, terminated, truncated, info)

    def changed_actions(self, actions: Any) -> Any:
        return actions

    def changed_obs(self, obs: Any) -> Any:
        return obs

    def changed(self, *returned: Any) -> Any:
        return returned


def broken(rule: str, mode: AutoresetMode = AutoresetMode.SAME_STEP) -> Callable[[type[Walks]], Any]:
    """Mark a class with the rule that must catch it."""
    return lambda kind: pytest.param(kind, mode, rule, id=f"{rule}-{kind.__name__}")


@broken("spaces")
class AnotherBatch(Walks):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs + 1)


@broken("autoreset")
class NoMode(Walks):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.metadata = {}


@broken("types")
class WiderNumbers(Walks):
    def changed_obs(self, obs: Any) -> Any:
        return obs.astype(np.float64)


@broken("types")
class EndsAsNumbers(Walks):
    def changed(self, obs: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        return obs, reward, terminated.astype(int), truncated, info


@broken("types")
class RewardsAsAColumn(Walks):
    def changed(self, obs: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        return obs, reward[:, None], terminated, truncated, info


@broken("bounds")
class FarAway(Walks):
    def changed_obs(self, obs: Any) -> Any:
        return obs * 6


@broken("bounds")
class NoReward(Walks):
    def changed(self, obs: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        reward[1] = np.nan
        return obs, reward, terminated, truncated, info


@broken("memory")
class OneBuffer(Walks):
    def changed_obs(self, obs: Any) -> Any:
        if not hasattr(self, "buffer"):
            self.buffer = np.zeros_like(obs)
        self.buffer[:] = obs
        return self.buffer


@broken("memory")
class OneInfoBuffer(Walks):
    def changed(self, obs: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        if not hasattr(self, "buffer"):
            self.buffer = np.zeros_like(reward)
        self.buffer += reward
        return obs, reward, terminated, truncated, info | {"total": self.buffer, "_total": np.ones(self.num_envs, bool)}


@broken("info")
class InfoWithoutMask(Walks):
    def changed(self, obs: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        return obs, reward, terminated, truncated, info | {"height": obs[:, 0].copy()}


@broken("info")
class InfoOfOneRow(Walks):
    def changed(self, obs: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        return obs, reward, terminated, truncated, info | {"height": 1.0, "_height": np.ones(self.num_envs, bool)}


@broken("autoreset")
class LosesTheLastObservation(Walks):
    def changed(self, obs: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        info = {key: value for key, value in info.items() if "final" not in key}
        return obs, reward, terminated, truncated, info


@broken("autoreset")
class MasksEveryRow(Walks):
    def changed(self, obs: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        if "_final_obs" in info:
            info["_final_obs"] = np.ones(self.num_envs, bool)
        return obs, reward, terminated, truncated, info


@broken("autoreset")
class CallsItselfSameStep(Walks):
    def __init__(self, num_envs: int = 3, mode: AutoresetMode = AutoresetMode.SAME_STEP) -> None:
        super().__init__(num_envs, AutoresetMode.NEXT_STEP)
        self.metadata = {"autoreset_mode": mode}


@broken("autoreset", AutoresetMode.NEXT_STEP)
class CallsItselfNextStep(Walks):
    def __init__(self, num_envs: int = 3, mode: AutoresetMode = AutoresetMode.NEXT_STEP) -> None:
        super().__init__(num_envs, AutoresetMode.SAME_STEP)
        self.metadata = {"autoreset_mode": mode}


@broken("autoreset", AutoresetMode.NEXT_STEP)
class HeedsTheIgnoredAction(Walks):
    def step(self, actions: Any) -> Any:
        obs, reward, terminated, truncated, info = super().step(actions)
        restarted, self.ended = getattr(self, "ended", np.zeros(self.num_envs, bool)), terminated | truncated
        obs[restarted] += 0.1 * np.asarray(actions)[restarted, None]
        return obs, reward, terminated, truncated, info

    def reset(self, **keywords: Any) -> Any:
        self.ended = np.zeros(self.num_envs, bool)
        return super().reset(**keywords)


@broken("autoreset", AutoresetMode.DISABLED)
class ResetsEveryRow(Walks):
    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        if options:
            options = {"reset_mask": np.ones(self.num_envs, bool)}
        return super().reset(seed=seed, options=options)


@broken("seeding")
class GlobalNoise(Walks):
    rng = np.random.default_rng(0)

    def changed_obs(self, obs: Any) -> Any:
        return np.clip(obs + self.rng.normal(size=obs.shape), -10, 10).astype(np.float32)


@broken("seeding")
class HandsOutItsState(Walks):
    """A new array every step, but the one that the next step starts from."""

    def changed_obs(self, obs: Any) -> Any:
        self.state = np.clip(0.5 * getattr(self, "state", 0) + 0.1 * obs, -10, 10).astype(np.float32)
        return self.state

    def reset(self, **keywords: Any) -> Any:
        self.state = np.zeros((self.num_envs, 2), np.float32)
        return super().reset(**keywords)


@broken("independence")
class SharedWeather(Walks):
    def changed_actions(self, actions: Any) -> Any:
        return np.full_like(actions, int(np.sum(actions)) % 3)


@broken("equality")
class WrongRowOfSeeds(Walks):
    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        return super().reset(seed=None if seed is None else seed + 1, options=options)


@broken("equality")
class LastObservationOfTheNextEpisode(Walks):
    def changed(self, obs: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        for row in np.flatnonzero(terminated):
            info["final_obs"][row] = obs[row].copy()
        return obs, reward, terminated, truncated, info


@broken("equality")
class ForgetsItsInfo(Walks):
    def changed(self, obs: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Any:
        return obs, reward, terminated, truncated, {key: value for key, value in info.items() if "sum" not in key}


BROKEN = [value for value in list(globals().values()) if hasattr(value, "values") and hasattr(value, "marks")]


@pytest.mark.parametrize(("kind", "mode", "rule"), BROKEN)
def test_a_broken_environment_is_caught_by_its_rule(kind: type[Walks], mode: AutoresetMode, rule: str) -> None:
    with pytest.raises(VectorEnvError) as caught:
        check_vector_env(kind(3, mode), Walk, steps=60)
    assert caught.value.rule == rule, caught.value
    assert str(caught.value).startswith(f"{rule}: ")


def test_every_rule_has_an_environment_that_breaks_it() -> None:
    rules = {parameter.values[2] for parameter in BROKEN}
    assert rules == {"spaces", "types", "bounds", "memory", "info", "autoreset", "seeding", "independence", "equality"}


@pytest.mark.parametrize("num_envs", [1, 3])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_what_keeps_the_contract_passes(mode: AutoresetMode, num_envs: int) -> None:
    check_vector_env(Walks(num_envs, mode), Walk, steps=60)


def test_the_error_names_step_and_row() -> None:
    with pytest.raises(VectorEnvError, match=r"step 1, row 1") as caught:
        check_vector_env(NoReward.values[0](), steps=5)
    assert (caught.value.step, caught.value.row) == (1, 1)


def test_a_small_difference_passes_within_a_tolerance_only() -> None:
    class Rounded(Walks):
        def changed_obs(self, obs: Any) -> Any:
            return obs.astype(np.float16).astype(np.float32)

    check_vector_env(Rounded(), steps=40)
    with pytest.raises(VectorEnvError, match="equality"):
        check_vector_env(Rounded(), Walk, steps=40)
    rounds_final_obs_too = Rounded(mode=AutoresetMode.NEXT_STEP)
    check_vector_env(rounds_final_obs_too, Walk, steps=40, tolerance=1e-2)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_gymnasiums_own_batch_passes(mode: AutoresetMode) -> None:
    envs = gymnasium.make_vec(
        "CartPole-v1", num_envs=3, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}
    )
    check_vector_env(envs, lambda: gymnasium.make("CartPole-v1"), steps=100)


def test_gymnasiums_native_cartpole_shares_one_generator_between_its_rows() -> None:
    envs = gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="vector_entry_point")
    with pytest.raises(VectorEnvError, match="independence"):
        check_vector_env(envs, steps=200)


class Nested(gymnasium.Env[Any, Any]):
    """Every kind of space at once; what is seen is drawn anew each step."""

    observation_space = spaces.Dict(
        place=spaces.Box(-1, 1, (2, 2), np.float64),
        pair=spaces.Tuple((spaces.Discrete(3, start=1), spaces.MultiBinary(2))),
        word=spaces.Text(4),
    )
    action_space = spaces.Dict(turn=spaces.MultiDiscrete([2, 3]), push=spaces.Tuple((spaces.Box(-1, 1, (1,)),)))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space = Nested.observation_space
            self.source = np.random.default_rng(seed)
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._seen(), float(action["push"][0][0]), bool(self.source.random() < 0.1), False, {}

    def _seen(self) -> Any:
        pair = (np.int64(self.source.integers(1, 4)), self.source.integers(0, 2, 2).astype(np.int8))
        return {"place": self.source.uniform(-1, 1, (2, 2)), "pair": pair, "word": "ab"[self.source.integers(2)]}


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_nested_spaces_are_checked_element_by_element(mode: AutoresetMode) -> None:
    check_vector_env(SyncVectorEnv([Nested] * 3, autoreset_mode=mode), Nested, steps=60)


def test_a_wrong_element_deep_in_a_nested_observation_is_found() -> None:
    class Wrong(Nested):
        def _seen(self) -> Any:
            obs = super()._seen()
            return obs | {"place": obs["place"] + 3 * (self.source.random() < 0.2)}

    with pytest.raises(VectorEnvError, match=r"bounds: obs\['place'\]"):
        check_vector_env(SyncVectorEnv([Wrong] * 3, autoreset_mode=AutoresetMode.SAME_STEP), steps=60)
