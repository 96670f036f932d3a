"""Scripted pilots: a world's own heuristic as an agent; and whoever acts, distracted."""

from pathlib import Path
from typing import Any

import numpy as np

from sandbox.collection import Actor
from sandbox.worlds import World
from sandbox_agents.spaces import sample_batch
from sandbox_envs.shows import heuristic_of


class NoPilotError(ValueError):
    """A world without a scripted pilot; the message says what can act there instead."""


class Pilot:
    """The function `heuristic` of a world's file as an agent."""

    name = "heuristic"

    def __init__(self, world: World) -> None:
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
        self._heuristic = heuristic
        self.observation_space, self.action_space = world.spaces

    def act(self, obs: Any, rng: np.random.Generator | None = None) -> Any:
        """Actions `(B, …)`: there is nothing about them to draw."""
        return self._heuristic(obs)

    def save(self, path: Path | str) -> None:
        """Refuse: a pilot is code of its world.

        Raises:
            ValueError: always.
        """
        raise ValueError("a scripted pilot is not stored: the world's file holds it")


class Erring:
    """Another actor that acts at random now and then: its log tells a model also what follows a mistake."""

    def __init__(self, actor: Actor, world: World, mistakes: float) -> None:
        """Let `actor`, who acts in `world`, err in that share of its actions, from 0 to 1.

        Raises:
            ValueError: no such share.
        """
        if not 0 <= mistakes <= 1:
            raise ValueError(f"mistakes are a share of all actions, from 0 to 1, not {mistakes:g}")
        self._actor, self._mistakes, self.name = actor, mistakes, f"{mistakes:.0%} mistakes"
        self.observation_space, self.action_space = world.spaces

    def act(self, obs: Any, rng: np.random.Generator | None = None) -> Any:
        """Actions `(B, …)`; without `rng` it makes no mistakes."""
        action = self._actor.act(obs, rng)
        if rng is None or not self._mistakes:
            return action
        astray = rng.random(len(action)) < self._mistakes
        other = sample_batch(self.action_space, len(action), rng)
        return np.where(astray.reshape(-1, *[1] * (action.ndim - 1)), other, action).astype(action.dtype)

    def save(self, path: Path | str) -> None:
        """Refuse: what errs is stored without its mistakes.

        Raises:
            ValueError: always.
        """
        raise ValueError("an actor that errs is not stored; store the actor itself")
