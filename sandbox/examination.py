"""A foreign environment's first steps, watched: which rule of Gymnasium's API it breaks, and what to do about it."""

import time
import warnings
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import data_equivalence

# Enough steps to meet a crash early, few enough for a simulator of one step a second.
FEWEST_STEPS = 20
SECONDS = 5.0


class BrokenEnvironmentError(ValueError):
    """An environment that raises or breaks Gymnasium's API."""


def examine_environment(
    env: gymnasium.Env[Any, Any], name: str, limit: int | None, patience: int, seed: int
) -> tuple[int, float, tuple[str, ...]]:
    """Play random steps and check every answer; returns the horizon, the seconds of a step and the warnings.

    With a known time limit a few steps are enough; without one, up to `patience` steps until an episode ends.

    Raises:
        BrokenEnvironmentError: names the rule, the step and the way out.
    """
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        longest, durations = _play(env, name, limit, patience, rng)
    seen = tuple(dict.fromkeys(_plain(str(warning.message)) for warning in caught))
    if limit is None and longest is None:
        raise BrokenEnvironmentError(
            f"{name} has no registered time limit and none of its episodes ended within {patience} steps; "
            "say --horizon N"
        )
    if longest == 1:
        seen += (f"every episode of {name} ended at its first step; nothing that a dream shows goes beyond it",)
    horizon = limit if limit is not None else longest
    assert horizon is not None
    return horizon, float(np.median(durations)), seen


def examine_twins(
    one: gymnasium.Env[Any, Any], other: gymnasium.Env[Any, Any], name: str, seed: int
) -> tuple[str, ...]:
    """Let two instances live the same life from the same seed; returns a warning where they go apart.

    Raises:
        BrokenEnvironmentError: where they have different spaces.
    """
    for what, own, others in (
        ("observation", one.observation_space, other.observation_space),
        ("action", one.action_space, other.action_space),
    ):
        if own != others:
            raise BrokenEnvironmentError(
                f"two instances of {name} have different {what} spaces, {own} and {others}; fix them with --env-arg"
            )
    one.action_space.seed(seed)
    answers = [env.reset(seed=seed)[0] for env in (one, other)]
    for step in range(FEWEST_STEPS):
        if not data_equivalence(*answers):
            return (
                f"{name} cannot be seeded: two instances went apart after {step} steps from the same seed, so results "
                "do not repeat, and a cell that is killed begins the stage it was in anew",
            )
        action = one.action_space.sample()
        lives = [env.step(action) for env in (one, other)]
        answers = [life[:4] for life in lives]
        if lives[0][2] or lives[0][3]:
            break
    return ()


def _play(
    env: gymnasium.Env[Any, Any], name: str, limit: int | None, patience: int, rng: np.random.Generator
) -> tuple[int | None, list[float]]:
    env.action_space.seed(int(rng.integers(2**31 - 1)))
    _check_reset(env, name, int(rng.integers(2**31 - 1)))
    longest, length, durations = None, 0, []
    begun = time.perf_counter()
    for step in range(patience):
        enough = step >= FEWEST_STEPS and (limit is not None or longest is not None)
        if enough and (step >= 200 or time.perf_counter() - begun > SECONDS):
            break
        ticked = time.perf_counter()
        try:
            answer = env.step(env.action_space.sample())
        except Exception as error:
            raise BrokenEnvironmentError(f"{name} raised at step {step}: {type(error).__name__}: {error}") from error
        durations.append(time.perf_counter() - ticked)
        ended = _check_step(env, name, step, answer)
        length += 1
        if ended:
            longest, length = max(longest or 0, length), 0
            _check_reset(env, name, None)
    return longest, durations


def _check_reset(env: gymnasium.Env[Any, Any], name: str, seed: int | None) -> None:
    try:
        answer = env.reset(seed=seed)
    except TypeError as error:
        raise BrokenEnvironmentError(
            f"{name}.reset raised TypeError: {error}; reset must take the keywords seed and options"
        ) from error
    except Exception as error:
        raise BrokenEnvironmentError(f"{name} raised in reset: {type(error).__name__}: {error}") from error
    if not (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], dict)):
        raise BrokenEnvironmentError(
            f"{name}.reset returned {type(answer).__name__}, not (obs, info); return both, info as a dict"
        )
    _check_observation(env, name, "reset", answer[0])


def _check_step(env: gymnasium.Env[Any, Any], name: str, step: int, answer: Any) -> bool:
    if not (isinstance(answer, tuple) and len(answer) == 5):
        count = len(answer) if isinstance(answer, tuple) else 1
        raise BrokenEnvironmentError(
            f"{name}.step returned {count} values at step {step}, not (obs, reward, terminated, truncated, info); "
            "an old Gym environment can be wrapped with gymnasium's EnvCompatibility (shimmy)"
        )
    obs, reward, terminated, truncated, info = answer
    _check_observation(env, name, f"step {step}", obs)
    if not isinstance(reward, int | float | np.integer | np.floating | np.bool_):
        raise BrokenEnvironmentError(f"{name}.step returned the reward {reward!r} at step {step}; return one number")
    if not np.isfinite(reward):
        raise BrokenEnvironmentError(f"{name}.step returned the reward {reward} at step {step}; it must be finite")
    for word, flag in (("terminated", terminated), ("truncated", truncated)):
        if not isinstance(flag, bool | np.bool_):
            raise BrokenEnvironmentError(f"{name}.step returned {word}={flag!r} at step {step}; return a bool")
    if not isinstance(info, dict):
        raise BrokenEnvironmentError(f"{name}.step returned an info of type {type(info).__name__}; return a dict")
    return bool(terminated or truncated)


def _check_observation(env: gymnasium.Env[Any, Any], name: str, when: str, obs: Any) -> None:
    for leaf in _leaves(obs):
        values = np.asarray(leaf)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise BrokenEnvironmentError(f"{name} returned an observation with NaN or infinity at {when}")
    expected = env.observation_space
    if expected.contains(obs):
        return
    if isinstance(expected, gymnasium.spaces.Box):
        values = np.asarray(obs)
        if values.shape != expected.shape:
            raise BrokenEnvironmentError(
                f"{name} returned an observation of shape {values.shape} at {when}, its space says {expected.shape}"
            )
        if values.dtype.kind in "fiub":
            warnings.warn(_outside(name, when, values, expected), stacklevel=2)
            return
    raise BrokenEnvironmentError(f"{name} returned an observation outside its space {expected} at {when}: {obs!r:.80}")


def _outside(name: str, when: str, values: Any, expected: gymnasium.spaces.Box) -> str:
    if values.dtype != expected.dtype:
        return f"{name} returns observations of {values.dtype} where its space says {expected.dtype}"
    return f"{name} returned an observation outside the bounds of its space at {when}"


def _leaves(obs: Any) -> list[Any]:
    if isinstance(obs, dict):
        return [leaf for part in obs.values() for leaf in _leaves(part)]
    if isinstance(obs, tuple):
        return [leaf for part in obs for leaf in _leaves(part)]
    return [obs]


def _plain(message: str) -> str:
    """A warning of Gymnasium's checker without its colour codes and its prefix."""
    return message.replace("\x1b[33m", "").replace("\x1b[0m", "").removeprefix("WARN: ").strip()
