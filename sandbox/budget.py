"""The real steps of a cell: every one is counted, whoever takes it. Evaluation is counted apart."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper


class OverspentError(RuntimeError):
    """More real steps were taken than the budget holds: a bug in a mode, never a user's mistake."""


@dataclass
class Budget:
    """`total` real steps, of which the last tenth is kept for the final candidates to play."""

    total: int
    spent: int = 0

    @property
    def left(self) -> int:
        """Steps that may still be taken."""
        return self.total - self.spent

    @property
    def left_to_learn(self) -> int:
        """Steps that may still be taken before the last tenth begins."""
        return max(self.left - self.total // 10, 0)

    def spend(self, steps: int) -> None:
        """Count `steps` real steps.

        Raises:
            OverspentError: where the budget does not hold them.
        """
        if steps > self.left:
            raise OverspentError(f"{steps} real steps were taken where {self.left} of {self.total} were left")
        self.spent += steps


@dataclass
class Episodes:
    """Finished episodes of a counted environment, in the order in which they ended."""

    ended_at: list[int] = field(default_factory=list)  # real steps spent by then
    returns: list[float] = field(default_factory=list)


class Counted(VectorWrapper):
    """A vector environment whose every step is taken from a budget and whose episodes are noted."""

    def __init__(self, env: VectorEnv[Any, Any, Any], budget: Budget) -> None:
        super().__init__(env)
        self.budget = budget
        self.episodes = Episodes()
        self._returns = np.zeros(env.num_envs)

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Begin anew; episodes under way are forgotten."""
        self._returns[:] = 0
        return super().reset(**arguments)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One tick, counted for every row."""
        self.budget.spend(self.num_envs)
        obs, reward, terminated, truncated, info = super().step(actions)
        self._returns += reward
        for row in np.flatnonzero(terminated | truncated):
            self.episodes.ended_at.append(self.budget.spent)
            self.episodes.returns.append(float(self._returns[row]))
            self._returns[row] = 0
        return obs, reward, terminated, truncated, info
