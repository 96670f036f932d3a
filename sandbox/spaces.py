"""Gymnasium spaces as records: an observation or action of any supported space is a row of elements.

Generative models see arrays only. A `Layout` says what each column of such an array is (continuous, categorical or
binary), so that every element can be drawn by its own law, and turns batches of a space into rows `(B, D)` and back.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox_agents.maps import sides_of

# Spaces as JSON, so that a stored log or model knows its environment: written the way that agents write them.
from sandbox_agents.storage import space_from_json as from_json
from sandbox_agents.storage import space_to_json as to_json

__all__ = [
    "Element",
    "Layout",
    "Rows",
    "UnsupportedSpaceError",
    "action_layout",
    "brief",
    "from_json",
    "layout",
    "to_json",
]

Rows = NDArray[np.float32]
Kind = Literal["continuous", "categorical", "binary"]

# An integer box with at most this many values is a set of categories. A larger one holds counts, numbers that are whole
# and of which neighbours are alike: few thousand steps show too little of each to learn it by itself.
MOST_CATEGORIES = 10
# Of a space in a sentence.
MOST_LETTERS = 120


class UnsupportedSpaceError(ValueError):
    """A space that no model here can learn; the message names it and says what can be done."""


@dataclass(frozen=True)
class Element:
    """One column of a row: its kind, its number of `categories` (1 unless categorical) and its bounds.

    A continuous one that is `whole` takes whole numbers only.
    """

    kind: Kind
    categories: int = 1
    low: float = -np.inf
    high: float = np.inf
    whole: bool = False


@dataclass(frozen=True)
class Layout:
    """How the values of one Gymnasium space lie in a row of `len(elements)` columns."""

    space: spaces.Space[Any]
    elements: tuple[Element, ...]

    @property
    def width(self) -> int:
        """D, the number of columns of a row."""
        return len(self.elements)

    @property
    def sides(self) -> tuple[int, int, int] | None:
        """Height, width and categories where a row is a map of cells, and nothing else; None otherwise."""
        return sides_of(self.space) if isinstance(self.space, spaces.MultiDiscrete) else None

    def to_rows(self, batch: Any) -> Rows:
        """A batch as Gymnasium's vector environments return it, as rows `(B, D)`; categories count from 0."""
        columns = _columns(self.space, batch)
        rows: Rows = np.concatenate(columns, axis=1, dtype=np.float32, casting="unsafe")
        return rows

    def to_row(self, value: Any) -> Rows:
        """One value of the space as a row `(D,)`."""
        rows: Rows = self.to_rows(_batch_of_one(self.space, value))[0]
        return rows

    def from_rows(self, rows: NDArray[Any]) -> Any:
        """Rows `(B, D)` as a batch of the space, in its own dtypes and shapes, clipped to its bounds."""
        value, used = _from_columns(self.space, rows, 0)
        assert used == self.width
        return value


def brief(space: spaces.Space[Any]) -> str:
    """A space in a line, for a sentence: a map's goes over many."""
    words = " ".join(str(space).split())
    return words if len(words) <= MOST_LETTERS else f"{words[: MOST_LETTERS - 1]}…"


def layout(space: spaces.Space[Any]) -> Layout:
    """The layout of an observation space: Box vectors, Discrete, Multi*, and Dict or Tuple of these.

    Raises:
        UnsupportedSpaceError: for images and every other kind of space.
    """
    return Layout(space, tuple(_elements(space)))


def action_layout(space: spaces.Space[Any]) -> Layout:
    """The layout of an action space: Discrete (any start), MultiDiscrete, MultiBinary or a bounded Box.

    Raises:
        UnsupportedSpaceError: for every other space; an unbounded Box has no range to act in.
    """
    if isinstance(space, spaces.Dict | spaces.Tuple):
        raise UnsupportedSpaceError(f"the action space {space} is nested; flatten it with a gymnasium.ActionWrapper")
    if isinstance(space, spaces.Box) and not space.is_bounded():
        raise UnsupportedSpaceError(f"the action space {space} is unbounded; bound it with RescaleAction or ClipAction")
    return layout(space)


def _elements(space: spaces.Space[Any]) -> list[Element]:
    match space:
        case spaces.Box():
            return _box_elements(space)
        case spaces.Discrete():
            return [Element("categorical", int(space.n), 0, int(space.n) - 1)]
        case spaces.MultiDiscrete():
            return [Element("categorical", int(n), 0, int(n) - 1) for n in space.nvec.reshape(-1)]
        case spaces.MultiBinary():
            return [Element("binary", 1, 0, 1)] * int(np.prod(space.shape))
        case spaces.Dict():
            return [element for part in space.spaces.values() for element in _elements(part)]
        case spaces.Tuple():
            return [element for part in space.spaces for element in _elements(part)]
    raise UnsupportedSpaceError(
        f"the space {space} is not supported; Box, Discrete, MultiDiscrete, MultiBinary, and Dict or Tuple of these are"
    )


def _box_elements(space: spaces.Box) -> list[Element]:
    if len(space.shape) >= 3 or (len(space.shape) == 2 and space.dtype == np.uint8):
        raise UnsupportedSpaceError(
            f"the space {brief(space)} looks like an image, which no model here learns as it is; make eyes for it with "
            "`sandbox see WORLD --out eyes` and say eyes in place of WORLD, or use a vector observation"
        )
    if _is_categories(space):
        # One category count for every column keeps the offset in one place: the column's own low.
        counts = (space.high.astype(np.int64) - space.low.astype(np.int64) + 1).reshape(-1)
        return [Element("categorical", int(count), 0, int(count) - 1) for count in counts]
    bounds = zip(space.low.reshape(-1), space.high.reshape(-1), strict=True)
    whole = np.issubdtype(space.dtype or np.float32, np.integer)
    return [Element("continuous", 1, float(low), float(high), whole) for low, high in bounds]


def _is_categories(space: spaces.Box) -> bool:
    if not np.issubdtype(space.dtype or np.float32, np.integer) or not space.is_bounded():
        return False
    spans = space.high.astype(np.int64) - space.low.astype(np.int64)
    return bool(spans.max(initial=0) < MOST_CATEGORIES)


def _columns(space: spaces.Space[Any], batch: Any) -> list[NDArray[Any]]:
    match space:
        case spaces.Box():
            flat = np.asarray(batch).reshape(len(batch), -1)
            return [flat - space.low.reshape(-1).astype(np.int64) if _is_categories(space) else flat]
        case spaces.Discrete():
            return [np.asarray(batch).reshape(-1, 1) - int(space.start)]
        case spaces.MultiDiscrete():
            return [np.asarray(batch).reshape(len(batch), -1) - space.start.reshape(-1)]
        case spaces.MultiBinary():
            return [np.asarray(batch).reshape(len(batch), -1)]
        case spaces.Dict():
            return [column for key, part in space.spaces.items() for column in _columns(part, batch[key])]
        case spaces.Tuple():
            return [column for part, value in zip(space.spaces, batch, strict=True) for column in _columns(part, value)]
    raise UnsupportedSpaceError(f"the space {space} is not supported")


def _batch_of_one(space: spaces.Space[Any], value: Any) -> Any:
    match space:
        case spaces.Dict():
            return {key: _batch_of_one(part, value[key]) for key, part in space.spaces.items()}
        case spaces.Tuple():
            return tuple(_batch_of_one(part, item) for part, item in zip(space.spaces, value, strict=True))
    return np.asarray(value)[None]


def _from_columns(space: spaces.Space[Any], rows: NDArray[Any], at: int) -> tuple[Any, int]:
    match space:
        case spaces.Dict():
            values: dict[str, Any] = {}
            for key, part in space.spaces.items():
                values[key], at = _from_columns(part, rows, at)
            return values, at
        case spaces.Tuple():
            items = []
            for part in space.spaces:
                item, at = _from_columns(part, rows, at)
                items.append(item)
            return tuple(items), at
    end = at + len(_elements(space))
    return _leaf(space, rows[:, at:end]), end


def _leaf(space: spaces.Space[Any], columns: NDArray[Any]) -> NDArray[Any]:
    shape = (len(columns), *(space.shape or ()))
    match space:
        case spaces.Box():
            if np.issubdtype(space.dtype or np.float32, np.integer):
                offset = space.low.reshape(-1).astype(np.int64) if _is_categories(space) else 0
                whole = np.rint(columns.astype(np.float64)) + offset
                clipped = np.clip(whole, space.low.reshape(-1), space.high.reshape(-1))
                return clipped.astype(space.dtype).reshape(shape)
            kept: NDArray[Any] = np.clip(columns.astype(space.dtype), space.low.reshape(-1), space.high.reshape(-1))
            return kept.reshape(shape)
        case spaces.Discrete():
            return (columns[:, 0].astype(np.int64) + int(space.start)).astype(space.dtype)
        case spaces.MultiDiscrete():
            return (columns.astype(np.int64).reshape(shape) + space.start).astype(space.dtype)
    return columns.astype(space.dtype).reshape(shape)
