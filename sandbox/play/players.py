"""Who acts: a scripted pilot, chance, or a trained agent, by the name that a command line gives."""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np

from sandbox import pretrained
from sandbox.actors import HEURISTIC, RANDOM, actor
from sandbox.collection import Actor
from sandbox.pilots import NoPilotError
from sandbox.spaces import Layout, Rows
from sandbox.worlds import World


class Player:
    """Acts on what the simulator shows, one action a time; the seed decides what is left to chance."""

    def __init__(self, name: str, find: Callable[[], Actor], see: Layout, seed: int) -> None:
        """Whom `find` gives acts; it is asked when somebody has to act."""
        self.name, self._find, self._see = name, find, see
        self._rng = np.random.default_rng([seed, 1]) if name == RANDOM else None

    @cached_property
    def _actor(self) -> Actor:
        return self._find()

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
            return player(HEURISTIC, world, see, seed)
        except NoPilotError:
            name = RANDOM
    found = actor(name, world, seed)
    return Player(name, lambda: found, see, seed)


def understudy(world: World, see: Layout, seed: int = 0) -> Player | None:
    """The world's pretrained agent, if it has one, who is loaded when it has to act: learners take seconds to import.

    Raises:
        DamagedFileError: its files are not those that were published.
    """
    name = pretrained.agent_of(world.name)
    if name is None:
        return None
    pretrained.folder(name)
    return Player(name, partial(actor, name, world, seed), see, seed)
