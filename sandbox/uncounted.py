"""A simulator whose steps nobody counts: what a flawless model of it would be, for worlds that are not ours."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from sandbox.batches import final_info
from sandbox.budget import Budget
from sandbox.counted import Counted
from sandbox.spaces import Rows, layout
from sandbox.worlds import World

ENDLESS = 2**62


class Uncounted(VectorEnv[Any, Any, Any]):
    """B rows of `world`, each with episodes from seeds of its own; their state can be kept as that of `Counted` can."""

    def __init__(self, world: World, rows: int, seed: int) -> None:
        seeds = np.random.SeedSequence(seed).generate_state(rows).tolist()
        self._lives = [Counted(world, Budget(ENDLESS), each) for each in seeds]
        first = self._lives[0]
        self.num_envs = rows
        self.single_observation_space = first.single_observation_space
        self.single_action_space = first.single_action_space
        self.observation_space = batch_space(self.single_observation_space, rows)
        self.action_space = batch_space(self.single_action_space, rows)
        self.metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}
        self._see = layout(self.single_observation_space)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin the next episode of every row, from its own seed whatever is asked for."""
        return self._batch([self._see.to_rows(life.reset()[0]) for life in self._lives]), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One tick of every row."""
        seen: list[Rows] = []
        final: list[Rows] = []
        rewards = np.zeros(self.num_envs)
        terminated, truncated = np.zeros(self.num_envs, bool), np.zeros(self.num_envs, bool)
        for row, life in enumerate(self._lives):
            obs, reward, ended, cut, info = life.step(actions[row : row + 1])
            rewards[row], terminated[row], truncated[row] = reward[0], ended[0], cut[0]
            seen.append(self._see.to_rows(obs))
            final.append(self._see.to_row(info["final_obs"][0])[None] if info else seen[-1])
        over = terminated | truncated
        return (
            self._batch(seen),
            rewards,
            terminated,
            truncated,
            final_info(over, self._batch(final)) if over.any() else {},
        )

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Everything that decides what comes next, as arrays."""
        return {f"{row}.{name}": kept for row, life in enumerate(self._lives) for name, kept in life.snapshot().items()}

    def restore(self, kept: Mapping[str, NDArray[Any]]) -> Any:
        """Go back to a `snapshot`, by playing the episodes under way again; returns the present observations, or None.

        Raises:
            CannotReplayError: the environment has randomness that no seed decides.
        """
        seen = []
        for row, life in enumerate(self._lives):
            own = {name.partition(".")[2]: kept[name] for name in kept if name.partition(".")[0] == str(row)}
            seen.append(life.restore(own))
        return None if seen[0] is None else self._batch([self._see.to_rows(obs) for obs in seen])

    def close_extras(self, **arguments: Any) -> None:
        """Close every row."""
        for life in self._lives:
            life.close()

    def _batch(self, rows: list[Rows]) -> Any:
        return self._see.from_rows(np.concatenate(rows))
