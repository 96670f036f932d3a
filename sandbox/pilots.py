"""Scripted pilots: a world's own heuristic as an agent, flawless or distracted."""

from pathlib import Path
from typing import Any

import numpy as np

from sandbox.worlds import World
from sandbox_agents.spaces import sample_batch
from sandbox_envs.shows import heuristic_of


class NoPilotError(ValueError):
    """A world without a scripted pilot; the message says what can act there instead."""


class Pilot:
    """The function `heuristic` of a world's file as an agent.

    With `mistakes`, each row acts at random that often: its log tells a model also what follows a mistake.
    """

    name = "heuristic"

    def __init__(self, world: World, mistakes: float = 0.0) -> None:
        """Take the pilot of `world`.

        Raises:
            NoPilotError: the world has none, as no world of others has.
        """
        heuristic = None
        if world.is_native:
            envs: Any = world.make_vec(1)
            heuristic = heuristic_of(envs.unwrapped)
        if heuristic is None:
            raise NoPilotError(f"{world.name} has no scripted pilot; take random or the folder of a trained agent")
        self._heuristic, self._mistakes = heuristic, mistakes
        self.observation_space, self.action_space = world.spaces

    def act(self, obs: Any, rng: np.random.Generator | None = None) -> Any:
        """Actions `(B, …)`; without `rng` it makes no mistakes."""
        action = self._heuristic(obs)
        if rng is None or not self._mistakes:
            return action
        astray = rng.random(len(action)) < self._mistakes
        other = sample_batch(self.action_space, len(action), rng)
        return np.where(astray.reshape(-1, *[1] * (action.ndim - 1)), other, action).astype(action.dtype)

    def save(self, path: Path | str) -> None:
        """Refuse: a pilot is code of its world.

        Raises:
            ValueError: always.
        """
        raise ValueError("a scripted pilot is not stored: the world's file holds it")
