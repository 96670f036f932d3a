"""Records as numbers only, for the heads that draw vectors; one place for how a class looks to a network.

Analog bits (Chen et al. 2022, "Analog Bits"): a category is a one-hot vector of ±1, a binary element one ±1.
"""

import torch
from torch import Tensor

from sandbox.models.nets import columns, one_hot
from sandbox.spaces import Element


class Analog:
    """Turns records `(N, D)` of `elements` into vectors `(N, size)` and back: numbers, then classes, then bits."""

    def __init__(self, elements: tuple[Element, ...]) -> None:
        self.width = len(elements)
        self.continuous = [i for i, e in enumerate(elements) if e.kind == "continuous"]
        self.categorical = [(i, e.categories) for i, e in enumerate(elements) if e.kind == "categorical"]
        self.binary = [i for i, e in enumerate(elements) if e.kind == "binary"]
        self.numbers_at, self.bits_at = columns(self.continuous), columns(self.binary)
        self.counts = [count for _, count in self.categorical]
        self.sizes = [len(self.continuous), *self.counts, len(self.binary)]
        self.size = sum(self.sizes)

    def encode(self, record: Tensor) -> Tensor:
        """A record `(N, D)` as numbers only, `(N, size)`."""
        if len(self.continuous) == self.width:
            return record
        classes = [2 * one_hot(record[:, i], count) - 1.0 for i, count in self.categorical]
        return torch.cat([record[:, self.numbers_at], *classes, 2 * record[:, self.bits_at] - 1], dim=-1)

    def split(self, analog: Tensor) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
        """The numbers `(N, Dc)`, the vector of each category `(N, K)` and the bits `(N, Db)` of an analog record."""
        numbers, *classes, bits = torch.split(analog, self.sizes, dim=-1)
        return numbers, tuple(classes), bits

    def decode(self, analog: Tensor) -> Tensor:
        """The record `(N, D)` nearest to an analog one."""
        numbers, classes, bits = self.split(analog)
        return self.assemble(numbers, [vector.argmax(-1) for vector in classes], bits > 0)

    def assemble(self, numbers: Tensor, classes: list[Tensor], bits: Tensor) -> Tensor:
        """A record `(N, D)` from its numbers `(N, Dc)`, its categories `(N,)` each, and its bits `(N, Db)`."""
        if len(self.continuous) == self.width:
            return numbers
        column = dict(zip(self.continuous, numbers.unbind(-1), strict=True))
        column |= {i: value.to(numbers.dtype) for (i, _), value in zip(self.categorical, classes, strict=True)}
        column |= dict(zip(self.binary, bits.to(numbers.dtype).unbind(-1), strict=True))
        return torch.stack([column[i] for i in range(self.width)], dim=-1)
