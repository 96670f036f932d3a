"""What one reset or step of a vector environment may return: the rules that a single look decides."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

_ARRAY_SPACES = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


class VectorEnvError(AssertionError):
    """A rule of the vector environment's contract that was broken, and where.

    Args:
        rule: the rule's name: spaces, types, bounds, memory, info, autoreset, seeding, independence or equality.
        message: what was found.
        step: the step after which it was found; 0 is the reset.
        row: the row, where it is one row's.
    """

    def __init__(self, rule: str, message: str, step: int | None = None, row: int | None = None) -> None:
        self.rule, self.step, self.row = rule, step, row
        place = ", ".join(f"{name} {value}" for name, value in (("step", step), ("row", row)) if value is not None)
        super().__init__(f"{rule}: {message}{f' ({place})' if place else ''}")


class Outcome(NamedTuple):
    """What one reset or step returned; a reset has no reward and no ends."""

    obs: Any
    reward: Any
    terminated: Any
    truncated: Any
    info: Any
    fresh: Any = None
    """What a reset of the rows that ended returned, where autoreset is DISABLED."""

    @property
    def ended(self) -> NDArray[np.bool_]:
        """The rows whose episode this step ended, `(B,)`."""
        return np.asarray(self.terminated | self.truncated)

    @property
    def newest_obs(self) -> Any:
        """What the next action answers: `fresh` where there is one, else `obs`."""
        return self.obs if self.fresh is None else self.fresh


def autoreset_mode_of(envs: VectorEnv[Any, Any, Any]) -> AutoresetMode:
    """The mode that the environment declares in its `metadata`."""
    mode = envs.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        raise VectorEnvError("autoreset", f"metadata['autoreset_mode'] must be an AutoresetMode, got {mode!r}")
    return mode


def check_spaces(envs: VectorEnv[Any, Any, Any]) -> None:
    """Rule `spaces`: the batched spaces are batches of the single ones."""
    if not isinstance(envs, VectorEnv):
        raise VectorEnvError("spaces", f"a gymnasium.vector.VectorEnv is wanted, got {type(envs).__name__}")
    if envs.observation_space != batch_space(envs.single_observation_space, envs.num_envs):
        raise VectorEnvError("spaces", "observation_space is not the batch of single_observation_space")
    if envs.action_space != batch_space(envs.single_action_space, envs.num_envs):
        raise VectorEnvError("spaces", "action_space is not the batch of single_action_space")


def _leaves(space: spaces.Space[Any], value: Any, step: int, path: str = "obs") -> Iterator[tuple[str, Any, Any]]:
    """The elements of a batch of a nested space: (where, space of one row, batch)."""
    if isinstance(space, spaces.Dict):
        if not isinstance(value, dict) or value.keys() != space.keys():
            raise VectorEnvError("types", f"{path} must be a dict with the keys {list(space)}", step)
        for key, inner in space.items():
            yield from _leaves(inner, value[key], step, f"{path}[{key!r}]")
    elif isinstance(space, spaces.Tuple):
        if not isinstance(value, tuple) or len(value) != len(space):
            raise VectorEnvError("types", f"{path} must be a tuple of {len(space)}", step)
        for index, inner in enumerate(space):
            yield from _leaves(inner, value[index], step, f"{path}[{index}]")
    else:
        yield path, space, value


def check_obs(envs: VectorEnv[Any, Any, Any], obs: Any, step: int) -> None:
    """Rules `types` and `bounds`: every element of the observation is a batch of its space."""
    count = envs.num_envs
    for path, space, batch in _leaves(envs.single_observation_space, obs, step):
        if isinstance(space, _ARRAY_SPACES):
            shape, dtype = (count, *(space.shape or ())), batch_space(space, count).dtype
            if not isinstance(batch, np.ndarray) or batch.shape != shape or batch.dtype != dtype:
                got = f"{batch.dtype} {batch.shape}" if isinstance(batch, np.ndarray) else type(batch).__name__
                raise VectorEnvError("types", f"{path} must be an array of {dtype} {shape}, got {got}", step)
            if batch_space(space, count).contains(batch):
                continue
        elif len(batch) != count:
            raise VectorEnvError("types", f"{path} must hold {count} rows, got {len(batch)}", step)
        for row in range(count):
            if not space.contains(batch[row]):
                raise VectorEnvError("bounds", f"{path} is outside {space}: {batch[row]}", step, row)


def check_types(envs: VectorEnv[Any, Any, Any], outcome: Outcome, step: int) -> None:
    """Rules `types` and `bounds`: reward, terminated and truncated are arrays `(B,)`; the reward is finite."""
    for name, kinds, wanted in (
        ("reward", "fiu", "numbers"),
        ("terminated", "b", "bools"),
        ("truncated", "b", "bools"),
    ):
        array = getattr(outcome, name)
        if not isinstance(array, np.ndarray) or array.shape != (envs.num_envs,) or array.dtype.kind not in kinds:
            raise VectorEnvError("types", f"{name} must be an array of {envs.num_envs} {wanted}, got {array!r}", step)
    for row in np.flatnonzero(~np.isfinite(outcome.reward)):
        raise VectorEnvError("bounds", f"the reward is {outcome.reward[row]}", step, int(row))


def check_info(info: Any, count: int, step: int, path: str = "info") -> None:
    """Rule `info`: a dict of arrays of B rows (or of such dicts), each with a mask of the rows that have it."""
    if not isinstance(info, dict):
        raise VectorEnvError("info", f"{path} must be a dict, got {type(info).__name__}", step)
    for key, value in info.items():
        if f"_{key}" not in info and str(key).startswith("_") and str(key)[1:] in info:
            continue
        mask = info.get(f"_{key}")
        if not isinstance(mask, np.ndarray) or mask.shape != (count,) or mask.dtype != np.bool_:
            raise VectorEnvError("info", f"{path}[{key!r}] needs a mask {path}['_{key}'] of {count} bools", step)
        if isinstance(value, dict):
            check_info(value, count, step, f"{path}[{key!r}]")
        elif not isinstance(value, np.ndarray) or value.shape[:1] != (count,):
            raise VectorEnvError("info", f"{path}[{key!r}] must be an array of {count} rows", step)


def arrays_in(value: Any) -> Iterator[NDArray[Any]]:
    """Every array within nested dicts, tuples and arrays of objects."""
    if isinstance(value, np.ndarray):
        yield value
        if value.dtype == object:
            for item in value.flat:
                yield from arrays_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from arrays_in(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from arrays_in(item)


def check_memory(before: Outcome, kept: Outcome, after: Outcome, step: int) -> None:
    """`before` as it is now, `kept` as it was when it was returned, `after` what the next step returned."""
    for name in Outcome._fields:
        old, new = getattr(before, name), list(arrays_in(after))
        if any(np.shares_memory(here, there) for here in arrays_in(old) for there in new):
            raise VectorEnvError("memory", f"the {name} returned before shares memory with what is returned now", step)
        if not data_equivalence(old, getattr(kept, name), exact=True):
            raise VectorEnvError("memory", f"the {name} returned before was changed by this step", step)


def check_autoreset(envs: VectorEnv[Any, Any, Any], before: Any, outcome: Outcome, step: int) -> None:
    """Rule `autoreset`: what the declared mode says of the rows that ended now, or, in `before`, a step ago."""
    mode, info, ended = autoreset_mode_of(envs), outcome.info, outcome.ended
    if mode is AutoresetMode.SAME_STEP:
        nobody = np.zeros(envs.num_envs, np.bool_)
        for key in ("final_obs", "final_info"):
            if ended.any() and key not in info:
                raise VectorEnvError("autoreset", f"SAME_STEP, and info has no {key!r} of the rows that ended", step)
            for row in np.flatnonzero(info.get(f"_{key}", nobody) != ended):
                raise VectorEnvError(
                    "autoreset", f"info['_{key}'] must be true just where an episode ended", step, int(row)
                )
        for row in np.flatnonzero(ended):
            if not envs.single_observation_space.contains(info["final_obs"][row]):
                raise VectorEnvError(
                    "bounds", f"final_obs is outside the space: {info['final_obs'][row]}", step, int(row)
                )
    elif mode is AutoresetMode.NEXT_STEP and before.reward is not None:
        for row in np.flatnonzero(before.ended & ((outcome.reward != 0) | ended)):
            raise VectorEnvError(
                "autoreset", "NEXT_STEP, and the step after an episode's end has a reward or an end", step, int(row)
            )
    elif outcome.fresh is not None:
        check_obs(envs, outcome.fresh, step)
        for row in different_rows(outcome.obs, outcome.fresh):
            if not ended[row]:
                raise VectorEnvError("autoreset", "a reset with a mask changed a row outside it", step, int(row))


def different_rows(here: Any, there: Any, tolerance: float = 0.0) -> NDArray[np.int64]:
    """The rows in which two batches of observations or numbers differ."""
    if isinstance(here, dict):
        parts = [different_rows(here[key], there[key], tolerance) for key in here]
    elif isinstance(here, tuple) and isinstance(there, tuple) and all(isinstance(x, np.ndarray) for x in here):
        parts = [different_rows(one, other, tolerance) for one, other in zip(here, there, strict=True)]
    elif isinstance(here, np.ndarray) and here.dtype != object and here.shape == np.shape(there):
        same = (
            np.isclose(here, there, tolerance, tolerance, equal_nan=True) if here.dtype.kind in "fc" else here == there
        )
        return np.flatnonzero(~same.reshape(len(here), -1).all(axis=1))
    else:
        pairs = zip(here, there, strict=True)
        return np.array([row for row, (one, other) in enumerate(pairs) if not _alike(one, other, tolerance)], np.int64)
    return np.unique(np.concatenate([*parts, np.empty(0, np.int64)]))


def _alike(one: Any, other: Any, tolerance: float) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.dtype.kind in "fc":
        return one.shape == other.shape and bool(np.allclose(one, other, tolerance, tolerance, equal_nan=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key], tolerance) for key in one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(_alike(x, y, tolerance) for x, y in zip(one, other, strict=True))
    return bool(data_equivalence(one, other, exact=tolerance == 0.0))
