"""Spaces, a batch at a time: observations become flat vectors, flat vectors become actions, and actions are drawn.

Everything here works on whole batches laid out as ``gymnasium.vector`` lays them out (a leading ``B``; a dict or a
tuple of such arrays for Dict and Tuple), because one Python call a row is what makes reinforcement learning slow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from .maps import describe, map_dim, sides_of

Batch = Any  # an array (B, …), or a dict or tuple of them: whatever the space is made of
Flat = NDArray[np.float32]


def rows_of(batch: Batch) -> int:
    """Return ``B``, the number of rows of a batch of any space."""
    while isinstance(batch, dict | tuple):
        batch = next(iter(batch.values())) if isinstance(batch, dict) else batch[0]
    return len(batch)


def flat_dim(space: spaces.Space[Any]) -> int:
    """Return ``D``, how many numbers an observation of ``space`` has once it is flat.

    Raises:
        ValueError: the space is not made of Box, Discrete, MultiDiscrete, MultiBinary, Dict and Tuple.
    """
    match space:
        case spaces.Box() | spaces.MultiBinary():
            return int(np.prod(space.shape))
        case spaces.Discrete():
            return int(space.n)
        case spaces.MultiDiscrete():
            sides = sides_of(space)
            return map_dim(sides) if sides else int(space.nvec.sum())
        case spaces.Dict():
            return sum(flat_dim(part) for part in space.spaces.values())
        case spaces.Tuple():
            return sum(flat_dim(part) for part in space.spaces)
    raise ValueError(
        f"agents cannot read the observation space {space}: "
        "use Box, Discrete, MultiDiscrete, MultiBinary, or a Dict or Tuple of these"
    )


def image_shape(space: spaces.Space[Any]) -> tuple[int, int, int] | None:
    """Return the shape of an image, (H, W, C); None where ``space`` is no Box of bytes of that kind.

    It has at least 36 pixels a side, and at most twelve channels: four frames in colour.
    """
    if not isinstance(space, spaces.Box) or space.dtype != np.uint8 or len(space.shape) != 3:
        return None
    height, width, channels = space.shape
    return (height, width, channels) if min(height, width) >= 36 and channels <= 12 else None


def flatten_batch(space: spaces.Space[Any], obs: Batch) -> Flat:
    """Turn a batch of observations into vectors ``(B, D)``: numbers as they are, choices as one-hot, maps described."""
    match space:
        case spaces.Dict():
            return np.concatenate([flatten_batch(part, obs[key]) for key, part in space.spaces.items()], axis=1)
        case spaces.Tuple():
            return np.concatenate([flatten_batch(part, obs[i]) for i, part in enumerate(space.spaces)], axis=1)
        case spaces.Discrete():
            return _one_hot(np.asarray(obs) - space.start, int(space.n))
        case spaces.MultiDiscrete():
            choice = (np.asarray(obs) - space.start).reshape(len(obs), -1)  # (B, K)
            if sides := sides_of(space):
                return describe(choice.reshape(-1, *sides[:2]), sides[2])
            return np.concatenate([_one_hot(choice[:, k], int(n)) for k, n in enumerate(space.nvec.flat)], axis=1)
    return np.asarray(obs, dtype=np.float32).reshape(len(obs), -1)


def _one_hot(choice: NDArray[Any], n: int) -> Flat:
    hot: Flat = (choice[:, None] == np.arange(n)).astype(np.float32)
    return hot


@dataclass(frozen=True)
class ActionMap:
    """The way from the action space that a learner sees to the environment's own.

    Attributes:
        learner_space: Box(-1, 1, (A,)), Discrete(n), MultiDiscrete (K,) or MultiBinary (K,): one of SB3's four.
        to_env: a batch of the learner's actions -> the environment's, in its own dtype, shape, start and bounds.
    """

    learner_space: spaces.Space[Any]
    to_env: Callable[[NDArray[Any]], NDArray[Any]]


def action_map(space: spaces.Space[Any]) -> ActionMap:
    """Return the map for ``space``.

    Raises:
        ValueError: a Box without finite bounds, or a space that is none of the four kinds.
    """
    match space:
        case spaces.Box():
            return _box_map(space)
        case spaces.Discrete():
            start, dtype = space.start, space.dtype or np.int64
            return ActionMap(spaces.Discrete(int(space.n)), lambda a: (a.reshape(-1) + start).astype(dtype))
        case spaces.MultiDiscrete():
            nvec, first, kind = space.nvec, space.start, space.dtype
            return ActionMap(
                spaces.MultiDiscrete(nvec.flatten()),
                lambda a: (a.reshape(-1, *nvec.shape) + first).astype(kind),
            )
        case spaces.MultiBinary():
            shape, bits = space.shape, space.dtype
            return ActionMap(
                spaces.MultiBinary(int(np.prod(shape))),
                lambda a: a.reshape(-1, *shape).astype(bits),
            )
    raise ValueError(
        f"agents cannot act in the action space {space}: use a bounded Box, Discrete, MultiDiscrete or MultiBinary"
    )


def _box_map(space: spaces.Box) -> ActionMap:
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ValueError(f"agents need bounds for actions, and {space} has none: give its Box a finite low and high")
    whole = np.issubdtype(space.dtype, np.integer)

    def to_env(action: NDArray[Any]) -> NDArray[Any]:
        share = (np.clip(action, -1.0, 1.0).reshape(-1, *space.shape) + 1.0) / 2.0
        scaled = low + share * (high - low)
        # Rounding to float32 may step over a bound by one unit in the last place, hence the clip in the end.
        acted: NDArray[Any] = (np.rint(scaled) if whole else scaled).astype(space.dtype)
        return acted.clip(space.low, space.high)

    dim = int(np.prod(space.shape))
    return ActionMap(spaces.Box(-1.0, 1.0, (dim,), np.float32), to_env)


def learner_actions(space: spaces.Space[Any], batch: Batch) -> NDArray[Any]:
    """Turn a batch of the environment's actions into a learner's ``(B, A)``: the way back of ``action_map``.

    Raises:
        ValueError: a space other than a bounded Box or Discrete.
    """
    match space:
        case spaces.Box():
            low, high = (bound.astype(np.float64).ravel() for bound in (space.low, space.high))
            share = (np.asarray(batch, np.float64).reshape(len(batch), -1) - low) / np.where(
                high > low, high - low, 1.0
            )
            return (2.0 * share - 1.0).astype(np.float32)
        case spaces.Discrete():
            return np.asarray(batch, np.int64).reshape(-1, 1) - int(space.start)
    raise ValueError(f"learning from memories needs a bounded Box or Discrete action space, not {space}")


def sample_batch(space: spaces.Space[Any], rows: int, rng: np.random.Generator) -> Batch:
    """Draw ``rows`` actions uniformly from ``space`` with numbers from ``rng`` only.

    Sides of a Box without a bound are drawn as ``gymnasium.spaces.Box.sample`` does: exponential or normal.
    """
    match space:
        case spaces.Discrete():
            return (space.start + rng.integers(space.n, size=rows)).astype(space.dtype or np.int64)
        case spaces.MultiDiscrete():
            return (space.start + rng.integers(space.nvec, size=(rows, *space.shape))).astype(space.dtype)
        case spaces.MultiBinary():
            return rng.integers(2, size=(rows, *space.shape)).astype(space.dtype)
        case spaces.Box():
            return _sample_box(space, rows, rng)
        case spaces.Dict():
            return {key: sample_batch(part, rows, rng) for key, part in space.spaces.items()}
        case spaces.Tuple():
            return tuple(sample_batch(part, rows, rng) for part in space.spaces)
    raise ValueError(f"random actions cannot be drawn from {space}: use Box, Discrete, MultiDiscrete or MultiBinary")


def _sample_box(space: spaces.Box, rows: int, rng: np.random.Generator) -> NDArray[Any]:
    shape = (rows, *space.shape)
    if np.issubdtype(space.dtype, np.integer):
        return rng.integers(space.low, space.high, size=shape, dtype=space.dtype, endpoint=True)  # type: ignore[arg-type]
    below, above = np.isfinite(space.low), np.isfinite(space.high)
    low, high = np.where(below, space.low, 0.0), np.where(above, space.high, 0.0)
    drawn = np.where(below & above, rng.uniform(low, np.maximum(low, high), shape), rng.standard_normal(shape))
    tail = rng.exponential(size=shape)
    drawn = np.where(below & ~above, low + tail, np.where(above & ~below, high - tail, drawn))
    actions: NDArray[Any] = drawn.astype(space.dtype)
    return actions.clip(space.low, space.high)
