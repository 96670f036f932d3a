"""Which simulators can be branched: ours restore their records, others are copied where a probe shows that it works."""

import copy
import random
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from sandbox.branching import Branching, Lives, Saved
from sandbox.spaces import Layout, Rows, action_layout, layout
from sandbox.worlds import PATIENCE, World
from sandbox_envs import SimVectorEnv

# No episode of a simulator is this long: whoever branches it says how far it goes.
ENDLESS = 2**31
_PROBE_STEPS = 20


class BranchingError(ValueError):
    """A world that cannot be put back to an earlier state; the message says why."""


def branching(world: World) -> Branching:
    """`world` as a simulator that can be branched.

    Raises:
        BranchingError: where it cannot be; the message says why.
    """
    return Restored(world) if world.is_native else Copied(world)


class Restored:
    """A world of ours: its states are the records of the engine."""

    def __init__(self, world: World) -> None:
        self._world = world
        envs = self._make(1)
        self.spaces = (layout(envs.single_observation_space), action_layout(envs.single_action_space))
        self.horizon = world.horizon or envs.simulation.max_episode_steps or PATIENCE

    def begin(self, rows: int, seed: int) -> Lives:
        """See `Branching.begin`."""
        envs = self._make(rows)
        obs, _ = envs.reset(seed=seed)
        return _RestoredLives(envs, obs, *self.spaces)

    def resume(self, saved: Saved, seed: int) -> Lives:
        """See `Branching.resume`."""
        envs = self._make(len(saved))
        return _RestoredLives(envs, envs.restore(saved, seed=seed), *self.spaces)

    def _make(self, rows: int) -> SimVectorEnv:
        envs = gymnasium.make_vec(
            self._world.name,
            num_envs=rows,
            max_episode_steps=ENDLESS,
            autoreset_mode=AutoresetMode.DISABLED,
            **self._world.arguments,
        ).unwrapped
        assert isinstance(envs, SimVectorEnv)
        return envs


class _RestoredLives:
    def __init__(self, envs: SimVectorEnv, obs: NDArray[Any], see: Layout, do: Layout) -> None:
        self._envs, self._see, self._do = envs, see, do
        self.obs = see.to_rows(obs)

    def step(self, action: Rows) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        # `advance` leaves an ended row as it is, where `step` would refuse to go on.
        (obs, reward, terminated, _), _ = self._envs.advance(self._do.from_rows(action))
        self.obs = self._see.to_rows(obs)
        return reward, terminated.copy()

    def save(self, rows: NDArray[np.int64]) -> Saved:
        return self._envs.snapshot(rows)


class Copied:
    """Any other environment: its states are deep copies of it, whose generators are seeded anew.

    Raises:
        BranchingError: it cannot be copied, or a copy does not live on as the original does: it shares something with
            its copies (a window, a process, a global generator), and what is shared cannot be put back.
    """

    def __init__(self, world: World, seed: int = 0) -> None:
        self._world = world
        env = world.make()
        self.spaces = (layout(env.observation_space), action_layout(env.action_space))
        self.horizon = world.horizon or (env.spec.max_episode_steps if env.spec else None) or PATIENCE
        _probe(world.name, env, seed)

    def begin(self, rows: int, seed: int) -> Lives:
        """See `Branching.begin`."""
        envs = [self._world.make() for _ in range(rows)]
        obs = [env.reset(seed=(seed + row) % 2**31)[0] for row, env in enumerate(envs)]
        see, do = self.spaces
        return _CopiedLives(envs, np.array([see.to_row(each) for each in obs]), see, do)

    def resume(self, saved: Saved, seed: int) -> Lives:
        """See `Branching.resume`."""
        envs = [_fork(env, [seed, row]) for row, (env, _) in enumerate(saved)]
        return _CopiedLives(envs, np.array([seen for _, seen in saved], np.float32), *self.spaces)


class _CopiedLives:
    def __init__(self, envs: Sequence[gymnasium.Env[Any, Any]], obs: Rows, see: Layout, do: Layout) -> None:
        self._envs, self._see, self._do = envs, see, do
        self.obs = obs
        self._ended = np.zeros(len(envs), bool)

    def step(self, action: Rows) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        reward, acts = np.zeros(len(self._envs)), self._do.from_rows(action)
        following = self.obs.copy()
        for row in np.flatnonzero(~self._ended).tolist():
            obs, reward[row], self._ended[row], _, _ = self._envs[row].step(acts[row])
            following[row] = self._see.to_row(obs)
        self.obs = following
        return reward, self._ended.copy()

    def save(self, rows: NDArray[np.int64]) -> Saved:
        saved = np.empty(len(rows), object)  # filled one by one, or NumPy would look inside the pairs
        for place, row in enumerate(rows.tolist()):
            saved[place] = (copy.deepcopy(self._envs[row]), self.obs[row].copy())
        return saved


def _fork(env: gymnasium.Env[Any, Any], entropy: Sequence[int]) -> gymnasium.Env[Any, Any]:
    """A copy with a future of its own: every generator that it holds, wherever it holds it, is seeded anew."""
    copied: dict[int, Any] = {}  # deepcopy notes here every object that it copied
    fork = copy.deepcopy(env, copied)
    seeds = iter(np.random.SeedSequence(entropy).generate_state(len(copied)).tolist())
    for part in list(copied.values()):
        match part:
            case np.random.Generator():
                part.bit_generator.state = type(part.bit_generator)(next(seeds)).state
            case np.random.RandomState() | random.Random():
                part.seed(next(seeds))
    return fork


def _probe(name: str, env: gymnasium.Env[Any, Any], seed: int) -> None:
    """Copy, step copy and original alike, compare."""
    env.reset(seed=seed)
    env.action_space.seed(seed)
    env.step(env.action_space.sample())
    try:
        twin = copy.deepcopy(env)
    except Exception as error:
        raise BranchingError(
            f"{name} cannot be branched: it cannot be copied ({type(error).__name__}: {error})"
        ) from error
    actions = [env.action_space.sample() for _ in range(_PROBE_STEPS)]
    see = layout(env.observation_space)
    if _lived(twin, actions, see) != _lived(env, actions, see):
        raise BranchingError(
            f"{name} cannot be branched: a copy of it does not live on as the original does; "
            "it shares something with its copies, such as a global random generator"
        )


def _lived(env: gymnasium.Env[Any, Any], actions: Sequence[Any], see: Layout) -> list[tuple[bytes, float, bool]]:
    lived = []
    for action in actions:
        obs, reward, terminated, _, _ = env.step(action)
        lived.append((see.to_row(obs).tobytes(), float(reward), bool(terminated)))
        if terminated:
            break
    return lived
