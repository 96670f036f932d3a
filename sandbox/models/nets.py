"""The small networks that every family is built from, and draws from simple laws out of standard normal noise."""

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn


class Mlp(nn.Module):
    """A multilayer perceptron `(N, inputs) -> (N, outputs)`; with no inputs at all it sees a constant one."""

    def __init__(self, inputs: int, hidden: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.blind = inputs == 0
        sizes = (max(inputs, 1), *hidden)
        layers: list[nn.Module] = []
        for size, following in itertools.pairwise(sizes):
            layers += [nn.Linear(size, following), nn.SiLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], outputs))

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs)` to `(N, outputs)`."""
        if self.blind:
            x = x.new_ones(*x.shape[:-1], 1)
        output: Tensor = self.layers(x)
        return output


def columns(places: Sequence[int]) -> slice | list[int]:
    """The columns at `places` as an index: a slice, a view without a copy, where they stand side by side."""
    if not places:
        return slice(0, 0)
    side_by_side = list(places) == list(range(places[0], places[0] + len(places)))
    return slice(places[0], places[-1] + 1) if side_by_side else list(places)


def pieces(rows: int, most: int = 256) -> Iterator[slice]:
    """The places of so many rows, in slices of at most `most`: what is made of each row many times fits the memory."""
    return (slice(first, first + most) for first in range(0, rows, most))


def uniform_from(noise: Tensor) -> Tensor:
    """Standard normal numbers as uniform ones in (0, 1), through the normal distribution function."""
    probability: Tensor = torch.special.ndtr(noise)
    return probability.clamp(1e-7, 1 - 1e-7)


def draw_category(logits: Tensor, noise: Tensor) -> Tensor:
    """Categories by the inverse distribution function: logits `(…, K)` and standard normal `(…)` give `(…)`."""
    reached = torch.softmax(logits, dim=-1).cumsum(dim=-1) < uniform_from(noise)[..., None]
    return reached.sum(dim=-1).clamp(max=logits.shape[-1] - 1)


def log_normal(standard: Tensor, scale: Tensor) -> Tensor:
    """The log-density of normal numbers of the given scale, from standardised ones, each `(…)`."""
    return -0.5 * standard.square() - scale.log() - 0.5 * math.log(2 * math.pi)


def evenly(mean: Tensor, scale: Tensor) -> None:
    """Let the normal laws of so many numbers learn alike, however narrow some of them are already.

    A likelihood pulls at a mean by the inverse of its variance: what was learned first drowns the rest, which may stay
    noise for good. So the gradients of both tensors are multiplied by the scale; the likelihood itself is what it was
    (β-NLL with β = ½; Seitzer et al. 2022, "On the pitfalls of heteroscedastic uncertainty estimation").
    """
    if mean.requires_grad:
        share = scale.detach()
        for each in (mean, scale):
            each.register_hook(lambda gradient: gradient * share)  # type: ignore[no-untyped-call]


def one_hot(index: Tensor, count: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Indicators `(…, count)` of whole numbers `(…)`, of any type; unlike PyTorch's own, it can be batched by vmap."""
    return (index[..., None] == torch.arange(count, device=index.device)).to(dtype)


def spread_out(count: int) -> Tensor:
    """`count` numbers from -1 to 1 at equal distances: components that begin alike would stay alike."""
    return torch.linspace(-1.0, 1.0, count) if count > 1 else torch.zeros(1)
