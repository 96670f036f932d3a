"""The simulator of a cell: one row, every step taken from a budget, every episode begun from a seed of its own.

So its state is known without looking inside: which episode this is, and what was done since it began. Playing that
again is a restore that works in every environment that keeps to its seed, ours or anyone's, and needs no pickle.
"""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from sandbox.batches import final_info
from sandbox.budget import Budget
from sandbox.spaces import action_layout, layout
from sandbox.worlds import World


class CannotReplayError(RuntimeError):
    """The environment did not do again what it did before from the same seed and the same actions."""


class Counted(VectorEnv[Any, Any, Any]):
    """One row of `world` that resets in the same step (SAME_STEP), with a budget.

    Attributes:
        budget: what its steps are taken from.
        episode: how many episodes have begun.
        returns: the return of every finished episode.
        ended_at: the real steps spent when each of them ended.
        seconds: wall-clock spent inside the simulator.
    """

    def __init__(self, world: World, budget: Budget, seed: int) -> None:
        self._envs = world.make_vec(1, AutoresetMode.DISABLED)
        self.num_envs = 1
        self.single_observation_space = self._envs.single_observation_space
        self.single_action_space = self._envs.single_action_space
        self.observation_space, self.action_space = self._envs.observation_space, self._envs.action_space
        self.metadata = dict(self._envs.metadata) | {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.budget = budget
        self.episode = 0
        self.returns: list[float] = []
        self.ended_at: list[int] = []
        self.seconds = 0.0
        self._seed = seed
        self._see, self._do = layout(self.single_observation_space), action_layout(self.single_action_space)
        self._actions: list[NDArray[np.float32]] = []  # since this episode began
        self._rewards: list[float] = []
        self._obs: Any = None

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin the next episode, from its own seed whatever is asked for; an episode under way is forgotten."""
        self.episode += 1
        return self._begin(), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One tick, counted."""
        self.budget.spend(1)
        acted = self._do.to_rows(actions)
        obs, reward, terminated, truncated = self._play(acted)
        self._rewards.append(float(reward[0]))
        if not (terminated[0] or truncated[0]):
            return obs, reward, terminated, truncated, {}
        self.returns.append(sum(self._rewards))
        self.ended_at.append(self.budget.spent)
        self.episode += 1
        return self._begin(), reward, terminated, truncated, final_info(terminated | truncated, obs)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Everything that decides what comes next, as arrays."""
        actions = np.concatenate(self._actions) if self._actions else np.zeros((0, self._do.width), np.float32)
        return {
            "episode": np.array(self.episode),
            "spent": np.array(self.budget.spent),
            "seconds": np.array(self.seconds),
            "returns": np.array(self.returns, np.float64),
            "ended_at": np.array(self.ended_at, np.int64),
            "since": actions,
            "present": np.zeros(0, np.float32) if self._obs is None else self._see.to_rows(self._obs),
        }

    def restore(self, kept: Mapping[str, NDArray[Any]]) -> Any:
        """Go back to a `snapshot`, by playing the episode under way again; returns the present observation, or None.

        Raises:
            CannotReplayError: where that leads elsewhere; the environment has randomness that no seed decides.
        """
        self.settle({name: kept[name].tolist() for name in ("episode", "spent", "seconds", "returns", "ended_at")})
        if not self.episode:
            return None
        self._begin()
        for action in kept["since"]:
            _, reward, terminated, truncated = self._play(action[None])
            self._rewards.append(float(reward[0]))
            if terminated[0] or truncated[0]:
                raise CannotReplayError("an episode that went on has ended when it was played again")
        if not np.array_equal(self._see.to_rows(self._obs), kept["present"], equal_nan=True):
            raise CannotReplayError("an episode that was played again has led to another observation")
        return self._obs

    def account(self) -> dict[str, Any]:
        """How it stands between two episodes, as JSON."""
        return {
            "episode": self.episode,
            "spent": self.budget.spent,
            "returns": list(self.returns),
            "ended_at": list(self.ended_at),
            "seconds": self.seconds,
        }

    def settle(self, account: Mapping[str, Any]) -> None:
        """Stand as an `account` says; the next reset goes on from there."""
        self.episode, self.budget.spent = account["episode"], account["spent"]
        self.returns, self.ended_at = list(account["returns"]), list(account["ended_at"])
        self.seconds = account["seconds"]

    def close_extras(self, **arguments: Any) -> None:
        """Close the simulator."""
        self._envs.close()

    def _begin(self) -> Any:
        seed = int(np.random.SeedSequence([self._seed, self.episode]).generate_state(1)[0]) % 2**31
        begun = time.perf_counter()
        self._obs, _ = self._envs.reset(seed=seed)
        self.seconds += time.perf_counter() - begun
        self._actions, self._rewards = [], []
        return self._obs

    def _play(self, acted: NDArray[np.float32]) -> tuple[Any, Any, Any, Any]:
        begun = time.perf_counter()
        # By way of the stored form, so that playing it again is the same to the bit.
        self._obs, reward, terminated, truncated, _ = self._envs.step(self._do.from_rows(acted))
        self.seconds += time.perf_counter() - begun
        self._actions.append(acted)
        return self._obs, reward, terminated, truncated
