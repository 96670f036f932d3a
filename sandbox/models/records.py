"""Records as numbers only, for the heads that draw vectors; one place for how a class looks to a network.

Analog bits (Chen et al. 2022, "Analog Bits"): a category is a one-hot vector of ±1, a binary element one ±1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from sandbox.models.nets import columns, draw_category, one_hot
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
        self.sizes = [len(self.continuous), sum(self.counts), len(self.binary)]
        self.size = sum(self.sizes)
        # Where all elements are categories of one count, as a map's are, they are taken at once and not one by one.
        self.alike = len(self.counts) == self.width > 0 and len(set(self.counts)) == 1

    def encode(self, record: Tensor) -> Tensor:
        """A record `(N, D)` as numbers only, `(N, size)`."""
        if len(self.continuous) == self.width:
            return record
        if self.alike:
            return (2 * one_hot(record, self.counts[0]) - 1.0).flatten(-2)
        classes = [2 * one_hot(record[:, i], count) - 1.0 for i, count in self.categorical]
        return torch.cat([record[:, self.numbers_at], *classes, 2 * record[:, self.bits_at] - 1], dim=-1)

    def split(self, analog: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The numbers `(N, Dc)`, the vectors of all categories `(N, ΣK)` and the bits `(N, Db)` of an analog record."""
        numbers, classes, bits = torch.split(analog, self.sizes, dim=-1)
        return numbers, classes, bits

    def each_class(self, classes: Tensor) -> tuple[Tensor, ...]:
        """The vector of each category, `(…, K)`, from those of all `(…, ΣK)`."""
        return torch.split(classes, self.counts, dim=-1) if self.counts else ()

    def each(self, classes: Tensor) -> Tensor:
        """What belongs to each of categories that are `alike`, `(…, D, K)`, from what belongs to all, `(…, D · K)`."""
        return classes.reshape(*classes.shape[:-1], -1, self.counts[0])

    def class_log_prob(self, logits: Tensor, record: Tensor) -> Tensor:
        """The log-probability of a record's categories, `(…)`, from their logits `(…, ΣK)` and records `(…, D)`."""
        if self.alike:
            index = record.long()[..., None]
            return self.each(logits).log_softmax(-1).gather(-1, index)[..., 0].sum(-1)
        total = logits.new_zeros(logits.shape[:-1])
        for (column, _), own in zip(self.categorical, self.each_class(logits), strict=True):
            total = total + own.log_softmax(-1).gather(-1, record[..., column, None].long())[..., 0]
        return total

    def draw_classes(self, logits: Tensor, noise: Tensor) -> Sequence[Tensor]:
        """Categories `(N,)` each, from the logits of all `(N, ΣK)` and a standard normal number an element `(N, D)`."""
        if self.alike:
            return draw_category(self.each(logits), noise).unbind(-1)
        each = zip(self.categorical, self.each_class(logits), strict=True)
        return [draw_category(own, noise[:, column]) for (column, _), own in each]

    def decode(self, analog: Tensor) -> Tensor:
        """The record `(N, D)` nearest to an analog one."""
        if self.alike:
            return self.each(analog).argmax(-1).to(analog.dtype)
        numbers, classes, bits = self.split(analog)
        return self.assemble(numbers, [vector.argmax(-1) for vector in self.each_class(classes)], bits > 0)

    def assemble(self, numbers: Tensor, classes: Sequence[Tensor], bits: Tensor) -> Tensor:
        """A record `(N, D)` from its numbers `(N, Dc)`, its categories `(N,)` each, and its bits `(N, Db)`."""
        if len(self.continuous) == self.width:
            return numbers
        if self.alike:
            return torch.stack(list(classes), dim=-1).to(numbers.dtype)
        column = dict(zip(self.continuous, numbers.unbind(-1), strict=True))
        column |= {i: value.to(numbers.dtype) for (i, _), value in zip(self.categorical, classes, strict=True)}
        column |= dict(zip(self.binary, bits.to(numbers.dtype).unbind(-1), strict=True))
        return torch.stack([column[i] for i in range(self.width)], dim=-1)
