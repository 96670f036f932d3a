"""A checker for any Gymnasium vector environment, ours or not: does it keep the contract that agents rely on?

Gymnasium checks single environments only. Here the same seeded actions are played several times: once to look at what
comes back, once with what came back scribbled over, once with one row's actions changed, and beside a SyncVectorEnv.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import concatenate, create_empty_array, iterate

from sandbox_envs.contract import (
    Outcome,
    VectorEnvError,
    arrays_in,
    autoreset_mode_of,
    check_autoreset,
    check_info,
    check_memory,
    check_obs,
    check_spaces,
    check_types,
    different_rows,
)


def check_vector_env(
    envs: VectorEnv[Any, Any, Any],
    single: Callable[[], gymnasium.Env[Any, Any]] | None = None,
    steps: int = 1000,
    tolerance: float = 0.0,
    seed: int = 0,
) -> None:
    """Play `envs` several times and raise at the first broken rule.

    The rules: spaces are batches of the single ones; shapes, dtypes and bounds are the spaces'; nothing that was
    returned shares memory with what is returned next, or with the environment; every info has its mask; the autoreset
    mode of `metadata` is kept; a seed decides everything; an action changed in one row changes no other.

    Args:
        envs: any vector environment; it is reset, and left in the middle of an episode.
        single: makes the same environment alone, time limit included: then a SyncVectorEnv of it must return the same.
        steps: how many steps each run takes; take enough for episodes to end.
        tolerance: largest absolute or relative difference in equality and independence; 0 is bitwise.
        seed: of the environment and of the actions, which are drawn from the action space.

    Raises:
        VectorEnvError: names the rule, the step and the row.
    """
    check_spaces(envs)
    plan = _sampled_actions(envs, steps + 1, seed)
    actions = plan[:-1]
    first = list(_inspected(envs, actions, seed))

    what = "the same seed and actions, with returned arrays overwritten, gave another"
    _compare("seeding", what, first, _played(envs, actions, seed, scribble=True))
    if autoreset_mode_of(envs) is AutoresetMode.NEXT_STEP:
        ignored = _with_rows(envs, actions, plan[1:], lambda step: first[step].ended if step else None)
        what = "NEXT_STEP must ignore the action after an episode's end, but it changed"
        _compare("autoreset", what, first, _played(envs, ignored, seed))
    if envs.num_envs > 1:
        row = seed % envs.num_envs
        alone = np.arange(envs.num_envs) == row
        others = _with_rows(envs, actions, plan[1:], lambda step: alone)
        what = f"other actions in row {row} changed another row's"
        _compare("independence", what, first, _played(envs, others, seed), tolerance, besides=row)
    if single is not None:
        oracle = SyncVectorEnv([single] * envs.num_envs, autoreset_mode=autoreset_mode_of(envs))
        what = "a SyncVectorEnv of the single environment returned another"
        _compare("equality", what, first, _played(oracle, actions, seed), tolerance)
        oracle.close()


# How a run is played


def _sampled_actions(envs: VectorEnv[Any, Any, Any], count: int, seed: int) -> list[Any]:
    space = copy.deepcopy(envs.action_space)
    space.seed(seed)
    return [space.sample() for _ in range(count)]


def _with_rows(
    envs: VectorEnv[Any, Any, Any], actions: list[Any], others: list[Any], rows: Callable[[int], Any]
) -> list[Any]:
    """The actions, with those of `others` in the rows that the mask `rows(step)` names."""
    mixed = []
    for step, (action, other) in enumerate(zip(actions, others, strict=True)):
        mask = rows(step)
        if mask is None or not mask.any():
            mixed.append(action)
            continue
        pairs = zip(iterate(envs.action_space, action), iterate(envs.action_space, other), mask, strict=True)
        chosen = [there if changed else here for here, there, changed in pairs]
        empty: Any = create_empty_array(envs.single_action_space, envs.num_envs)
        mixed.append(concatenate(envs.single_action_space, chosen, empty))
    return mixed


def _played(envs: VectorEnv[Any, Any, Any], actions: list[Any], seed: int, scribble: bool = False) -> Iterator[Outcome]:
    """Reset with the seed, then step; rows that ended are reset by hand where autoreset is DISABLED."""
    obs, info = envs.reset(seed=seed)
    outcome = Outcome(obs, None, None, None, info)
    yield outcome
    for action in actions:
        if scribble:
            for array in arrays_in(outcome):
                if array.flags.writeable and array.dtype != object:
                    array[...] = 0
        outcome = Outcome(*envs.step(copy.deepcopy(action)))
        if autoreset_mode_of(envs) is AutoresetMode.DISABLED and outcome.ended.any():
            fresh, _ = envs.reset(options={"reset_mask": outcome.ended.copy()})
            outcome = outcome._replace(fresh=fresh)
        yield outcome


def _inspected(envs: VectorEnv[Any, Any, Any], actions: list[Any], seed: int) -> Iterator[Outcome]:
    """A run of which everything that comes back is looked at; yields copies."""
    before: Outcome | None = None
    kept: Outcome | None = None
    for step, outcome in enumerate(_played(envs, actions, seed)):
        if before is not None and kept is not None:
            check_memory(before, kept, outcome, step)
        check_obs(envs, outcome.obs, step)
        check_info(outcome.info, envs.num_envs, step)
        if step:
            check_types(envs, outcome, step)
            check_autoreset(envs, kept, outcome, step)
        before, kept = outcome, copy.deepcopy(outcome)
        yield kept


# How two runs are compared


def _compare(
    rule: str,
    what: str,
    first: list[Outcome],
    second: Iterator[Outcome],
    tolerance: float = 0.0,
    besides: int | None = None,
) -> None:
    """Raise where two runs differ in any row but `besides`."""
    for step, (here, there) in enumerate(zip(first, second, strict=True)):
        pairs = {name: (getattr(here, name), getattr(there, name)) for name in ("obs", "newest_obs")}
        if step:
            pairs |= {
                name: (getattr(here, name), getattr(there, name)) for name in ("reward", "terminated", "truncated")
            }
        for name, (ours, theirs) in pairs.items():
            for row in different_rows(ours, theirs, tolerance):
                if row != besides:
                    raise VectorEnvError(rule, f"{what} {name}", step, int(row))
        for row, key in _different_infos(here.info, there.info, tolerance):
            if row != besides:
                raise VectorEnvError(rule, f"{what} info[{key!r}]", step, row)


def _different_infos(here: dict[str, Any], there: dict[str, Any], tolerance: float) -> Iterator[tuple[int, str]]:
    """The rows and keys in which two infos differ, where a mask says that a row has the key."""
    for key in sorted({key for key in (*here, *there) if f"_{key}" in here or f"_{key}" in there}):
        masks = [info.get(f"_{key}") for info in (here, there)]
        count = next(len(mask) for mask in masks if mask is not None)
        has, had = (np.zeros(count, np.bool_) if mask is None else mask for mask in masks)
        yield from ((int(row), key) for row in np.flatnonzero(has != had))
        if key not in here or key not in there:
            continue
        if isinstance(here[key], dict):
            yield from _different_infos(here[key], there[key], tolerance)
        else:
            rows = np.flatnonzero(has & had)
            yield from ((int(rows[at]), key) for at in different_rows(here[key][rows], there[key][rows], tolerance))
