"""Who acts: a scripted pilot, chance, or a trained agent, by the name that a command line gives."""

from typing import Any

import numpy as np

from sandbox.actors import HEURISTIC, RANDOM, actor
from sandbox.collection import Actor
from sandbox.pilots import NoPilotError
from sandbox.spaces import Layout, Rows
from sandbox.worlds import World


class Player:
    """Acts on what the simulator shows, one action a time; the seed decides what is left to chance."""

    def __init__(self, name: str, actor: Actor, see: Layout, seed: int) -> None:
        self.name, self._actor, self._see = name, actor, see
        self._rng = np.random.default_rng([seed, 1]) if name == RANDOM else None

    def act(self, row: Rows) -> Any:
        """An action of the environment's own space for the observation `(D,)`."""
        return self._actor.act(self._see.from_rows(row[None]), self._rng)[0]


def player(name: str | None, world: World, see: Layout, seed: int = 0) -> Player:
    """The player called `name`: heuristic, random, a pretrained agent's name or an agent's folder.

    Without a name the world's scripted pilot plays, or else chance.

    Raises:
        AnotherAgentError: an agent of other spaces than the world's.
        ValueError: a world without a pilot, or a name that is neither an agent's nor a folder.
    """
    if name is None:
        try:
            return Player(HEURISTIC, actor(HEURISTIC, world), see, seed)
        except NoPilotError:
            name = RANDOM
    return Player(name, actor(name, world, seed), see, seed)
