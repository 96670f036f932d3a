"""Maps of categories: what becomes of a cell depends on what lies near it, by the same law at every place.

A network that sees a map as a list of cells learns the law of each cell anew; a convolution (LeCun et al. 1989) learns
it once, from all cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

# Channels of a hidden layer, and how far a cell sees in one.
CHANNELS, REACH = 24, 1


@dataclass(frozen=True)
class Sides:
    """A map's height, width and number of categories."""

    height: int
    width: int
    kinds: int

    @property
    def cells(self) -> int:
        """H · W."""
        return self.height * self.width

    @property
    def size(self) -> int:
        """Numbers of a map of which each cell is one-hot."""
        return self.cells * self.kinds


@dataclass(frozen=True)
class Maps:
    """Where maps lie in a context: each as one-hot cells, row by row, from one of the offsets `at`."""

    sides: Sides
    at: tuple[int, ...]

    def moved(self, by: int) -> tuple[int, ...]:
        """The offsets where `by` numbers stand before the context."""
        return tuple(place + by for place in self.at)


class MapNet(nn.Module):
    """A convolutional network `(N, inputs) -> (N, numbers + H · W · of_cell)` in a multilayer perceptron's place.

    The maps among the inputs, at the offsets `at`, are its channels; every cell is told all other inputs, and which
    cell it is. It gives `numbers` of the map as a whole, then `of_cell` for each cell.
    """

    def __init__(self, inputs: int, sides: Sides, at: Sequence[int], numbers: int, of_cell: int) -> None:
        super().__init__()
        self.sides, self.at = sides, tuple(at)
        maps = {place for first in at for place in range(first, first + sides.size)}
        others = [place for place in range(inputs) if place not in maps]
        self.register_buffer("others", torch.tensor(others, dtype=torch.long), persistent=False)
        self.telling = nn.Linear(len(others), CHANNELS) if others else None
        self.place = nn.Parameter(0.1 * torch.randn(CHANNELS, sides.height, sides.width))
        self.seeing = nn.Conv2d(len(at) * sides.kinds, CHANNELS, 2 * REACH + 1, padding=REACH)
        self.relating = nn.Conv2d(CHANNELS, CHANNELS, 2 * REACH + 1, padding=REACH)
        self.each = nn.Conv2d(CHANNELS, of_cell, 1) if of_cell else None
        self.whole = nn.Linear(2 * CHANNELS, numbers) if numbers else None

    others: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs)` to `(N, numbers + H · W · of_cell)`."""
        sides, count = self.sides, len(x)
        maps = [
            x[:, first : first + sides.size].reshape(count, sides.height, sides.width, sides.kinds) for first in self.at
        ]
        hidden = self.seeing(torch.cat(maps, dim=-1).permute(0, 3, 1, 2)) + self.place
        if self.telling is not None:
            hidden = hidden + self.telling(x[:, self.others])[:, :, None, None]
        hidden = functional.silu(hidden)
        hidden = functional.silu(self.relating(hidden)) + hidden
        answers = []
        if self.whole is not None:
            flat = hidden.flatten(2)
            answers.append(self.whole(torch.cat([flat.mean(-1), flat.amax(-1)], dim=-1)))
        if self.each is not None:
            answers.append(self.each(hidden).permute(0, 2, 3, 1).flatten(1))
        return torch.cat(answers, dim=-1)


def neighbours(sides: Sides) -> Tensor:
    """The places of the eight cells around every cell, `(H · W, 8)`; what is off the map is place H · W."""
    cell = torch.arange(sides.cells)
    row, column = cell // sides.width, cell % sides.width
    around = []
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if down == right == 0:
                continue
            to_row, to_column = row + down, column + right
            inside = (to_row >= 0) & (to_row < sides.height) & (to_column >= 0) & (to_column < sides.width)
            around.append(torch.where(inside, to_row * sides.width + to_column, sides.cells))
    return torch.stack(around, dim=1)
