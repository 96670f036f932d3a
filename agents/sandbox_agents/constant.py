"""An agent that always does the same: what a learner has to be better than, and in some worlds is not."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from .spaces import Batch, rows_of, sample_batch
from .storage import space_from_json, space_to_json, write_agent

MOST = 64  # constant actions that are told apart; of more only the extremes and the middle, or so many drawn ones


class ConstantAgent:
    """Takes one and the same action at every step."""

    name = "constant"

    def __init__(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any], action: Any) -> None:
        """Always take `action`, one of `action_space`."""
        self.observation_space, self.action_space, self.action = observation_space, action_space, action

    def act(self, obs: Batch, rng: np.random.Generator | None = None) -> Batch:
        """The one action, B times."""
        rows = rows_of(obs)
        batch: Any = create_empty_array(self.action_space, rows)
        return concatenate(self.action_space, [self.action] * rows, batch)

    def save(self, path: Path | str) -> None:
        """Write the agent into the folder ``path``, atomically."""
        record = {
            "agent": self.name,
            "action": self.action_space.to_jsonable([self.action]),
            "observation_space": space_to_json(self.observation_space),
            "action_space": space_to_json(self.action_space),
        }
        write_agent(Path(path), record, {})

    @classmethod
    def restore(cls, record: dict[str, Any]) -> "ConstantAgent":
        """The agent that `save` wrote down."""
        action_space = space_from_json(record["action_space"])
        action = action_space.from_jsonable(record["action"])[0]
        return cls(space_from_json(record["observation_space"]), action_space, action)


def constants(action_space: spaces.Space[Any]) -> list[Any]:
    """Actions worth taking all the time: every one, or the extremes and the middle, each number by itself or all alike.

    Of a space that has neither, such as a Dict or an unbounded Box, some are drawn, always the same.
    """
    match action_space:
        case spaces.Discrete() if action_space.n <= MOST:
            return [action_space.start + np.int64(choice) for choice in range(int(action_space.n))]
        case spaces.MultiBinary():
            return _grid([np.array([0, 1])] * int(np.prod(action_space.shape)), action_space)
        case spaces.MultiDiscrete():
            count = action_space.nvec.size
            starts = np.broadcast_to(action_space.start, action_space.nvec.shape).reshape(count)
            every = [start + np.arange(n) for start, n in zip(starts, action_space.nvec.reshape(count), strict=True)]
            return _grid(every, action_space)
        case spaces.Box() if np.isfinite(action_space.low).all() and np.isfinite(action_space.high).all():
            low, high = action_space.low.reshape(-1), action_space.high.reshape(-1)
            return _grid([np.linspace(*ends, 3) for ends in zip(low, high, strict=True)], action_space)
    drawn = sample_batch(action_space, MOST, np.random.default_rng(0))
    return list(iterate(batch_space(action_space, MOST), drawn))


def _grid(values: list[Any], space: spaces.Space[Any]) -> list[Any]:
    """All combinations of values, or, where they are too many, all numbers at their lowest, middle and highest."""
    if math.prod(map(len, values)) <= MOST:
        rows = list(itertools.product(*values))
    else:
        rows = [tuple(each[round(share * (len(each) - 1))] for each in values) for share in (0.0, 0.5, 1.0)]
    return [np.array(row, space.dtype).reshape(space.shape or ()) for row in rows]
