r"""Autoregressive: p(y | c) = Π_i p(y_i | y_<i, c), element by element (Uria et al. 2013, RNADE).

Every element has a small network of its own that sees the context and the elements before it; masked weights (MADE;
Germain et al. 2015) train all of them in one pass, teacher-forced. A continuous element is a mixture of normal laws, a
category a softmax, a bit a Bernoulli. A draw takes one short pass an element; large records are drawn in blocks, whose
elements depend on every earlier block but not on each other.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from sandbox.models.core import FLOOR, Head, Training
from sandbox.models.maps import MapNet, Maps, neighbours
from sandbox.models.nets import Mlp, draw_category, evenly, log_normal, one_hot, spread_out
from sandbox.spaces import Element

# A record is drawn in at most this many blocks unless the block's size is given.
MOST_BLOCKS = 64


class Autoregressive(Head):
    """Draws the elements one after the other, `block` at a time."""

    training_defaults: ClassVar[Training] = Training()

    def __init__(
        self,
        context_dim: int,
        elements: tuple[Element, ...],
        components: int = 5,
        width: int = 128,
        own: int = 48,
        block: int | None = None,
        maps: Maps | None = None,
    ) -> None:
        """`width` units read the context for all elements, `own` units belong to each element."""
        super().__init__(context_dim, elements, maps)
        self.components = components
        self.block = block or -(-len(elements) // MOST_BLOCKS)
        self.laws = [_Law(element, components) for element in elements]
        self.outputs = max((law.size for law in self.laws), default=1)
        self.noise_dim = 2 * len(elements)
        self.nearby = None if maps is None else _Nearby(context_dim, maps, own, self.block)
        if maps is None:
            self._see_everything(context_dim, elements, width, own)

    sees: Tensor

    def _see_everything(self, context_dim: int, elements: tuple[Element, ...], width: int, own: int) -> None:
        self.body = Mlp(context_dim, (width,), width)
        count, shapes = len(elements), [1 if e.kind != "categorical" else e.categories for e in elements]
        self.reading = nn.Linear(width, count * own)
        self.passing = nn.Parameter(torch.randn(sum(shapes), count, own) / max(sum(shapes), 1) ** 0.5)
        self.deciding = nn.Parameter(torch.randn(count, own, self.outputs) / own**0.5)
        self.bias = nn.Parameter(torch.stack([law.first(self.outputs) for law in self.laws]))
        owner = torch.repeat_interleave(torch.arange(count), torch.tensor(shapes)) // self.block
        sees = owner[:, None] < (torch.arange(count) // self.block)[None]  # (inputs, D): only earlier blocks
        self.register_buffer("sees", sees[..., None].float(), persistent=False)

    def log_prob(self, context: Tensor, target: Tensor) -> Tensor:
        """The log-density of standardised targets `(N, D)`, `(N,)`."""
        return self._log_prob(context, target, learns=False)

    def _log_prob(self, context: Tensor, target: Tensor, *, learns: bool) -> Tensor:
        if self.nearby is not None:
            return self.analog.class_log_prob(self.nearby.logits(context, target), target)
        raw = self._raw(self._read(context), self._written(target))
        each = [law.log_prob(raw[:, i], target[:, i], learns=learns) for i, law in enumerate(self.laws)]
        return torch.stack(each, dim=-1).sum(-1)

    def loss(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """The negative log-likelihood, `(N,)`, from which all numbers learn evenly."""
        return -self._log_prob(context, target, learns=True)

    def sample(self, context: Tensor, noise: Tensor, temperature: float = 1.0) -> Tensor:
        """Every element by two noise numbers of its own, given the ones before."""
        if self.nearby is not None:
            return self.nearby.sample(context, noise[:, ::2], temperature)
        reading, written = self._read(context), context.new_zeros(len(context), self.sees.shape[0])
        count, drawn, at = len(self.laws), [], 0
        for first in range(0, count, self.block):
            block = slice(first, min(first + self.block, count))
            raw = self._raw(reading[:, block], written, block)
            for i, law in enumerate(self.laws[block], first):
                value = law.draw(raw[:, i - first], noise[:, 2 * i : 2 * i + 2], temperature)
                drawn.append(value)
                code = law.written(value)
                written = torch.cat([written[:, :at], code, written[:, at + code.shape[1] :]], dim=-1)
                at += code.shape[1]
        return torch.stack(drawn, dim=-1)

    def _read(self, context: Tensor) -> Tensor:
        """What each element makes of the context, `(N, D, own)`."""
        hidden = self.reading(functional.silu(self.body(context)))
        read: Tensor = hidden.reshape(len(context), len(self.laws), -1)
        return read

    def _written(self, target: Tensor) -> Tensor:
        return torch.cat([law.written(target[:, i]) for i, law in enumerate(self.laws)], dim=-1)

    def _raw(self, reading: Tensor, written: Tensor, block: slice = slice(None)) -> Tensor:
        """The numbers that decide the laws of the elements in `block`, `(N, D', outputs)`."""
        weight = (self.passing * self.sees)[:, block]
        hidden = functional.silu(reading + (written @ weight.flatten(1)).reshape(reading.shape))
        return torch.einsum("ndo,dov->ndv", hidden, self.deciding[block]) + self.bias[block]


class _Nearby(nn.Module):
    """Of a map: every cell sees the earlier ones of its eight neighbours, by one law (van den Oord et al. 2016)."""

    around: Tensor
    earlier: Tensor

    def __init__(self, context_dim: int, maps: Maps, own: int, block: int) -> None:
        super().__init__()
        self.sides, self.block = maps.sides, block
        self.reading = MapNet(context_dim, maps.sides, maps.at, 0, own)
        around = neighbours(maps.sides)
        self.passing = nn.Parameter(torch.randn(around.shape[1], maps.sides.kinds, own) / around.shape[1] ** 0.5)
        self.deciding = nn.Parameter(torch.randn(own, maps.sides.kinds) / own**0.5)
        self.bias = nn.Parameter(torch.zeros(maps.sides.kinds))
        earlier = around // block < (torch.arange(maps.sides.cells) // block)[:, None]
        self.register_buffer("around", around.clamp(max=maps.sides.cells - 1), persistent=False)
        self.register_buffer("earlier", earlier[..., None].float(), persistent=False)

    def logits(self, context: Tensor, target: Tensor) -> Tensor:
        """Those of all cells `(N, H · W · K)`, given the earlier ones of the map `target` `(N, H · W)`."""
        return self._decide(self._read(context), one_hot(target, self.sides.kinds), slice(None)).flatten(-2)

    def sample(self, context: Tensor, noise: Tensor, temperature: float) -> Tensor:
        """A map `(N, H · W)` from as many noise numbers, block by block."""
        reading, count = self._read(context), self.sides.cells
        drawn = context.new_zeros(len(context), 0)
        for first in range(0, count, self.block):
            block = slice(first, min(first + self.block, count))
            known = functional.pad(one_hot(drawn, self.sides.kinds), (0, 0, 0, count - first))
            logits = self._decide(reading[:, block], known, block)
            drawn = torch.cat([drawn, draw_category(logits / temperature, noise[:, block]).to(drawn.dtype)], dim=-1)
        return drawn

    def _read(self, context: Tensor) -> Tensor:
        """What each cell makes of the context, `(N, H · W, own)`."""
        read: Tensor = self.reading(context)
        return read.reshape(len(context), self.sides.cells, -1)

    def _decide(self, reading: Tensor, known: Tensor, block: slice) -> Tensor:
        """The logits of the cells in `block`, `(N, D, K)`, given one-hot cells `(N, H · W, K)`."""
        seen = known[:, self.around[block]] * self.earlier[block]  # (N, D, 8, K)
        hidden = functional.silu(reading + torch.einsum("ndak,ako->ndo", seen, self.passing))
        return hidden @ self.deciding + self.bias


class _Law:
    """How one element is distributed, given the numbers `(N, outputs)` of its network."""

    def __init__(self, element: Element, components: int) -> None:
        self.kind, self.categories, self.components = element.kind, element.categories, components
        self.size = {"continuous": 3 * components, "categorical": element.categories, "binary": 1}[element.kind]

    def first(self, outputs: int) -> Tensor:
        """The numbers to begin with: components apart from each other, everything else even."""
        bias = torch.zeros(outputs)
        if self.kind == "continuous":
            bias[self.components : 2 * self.components] = spread_out(self.components)
        return bias

    def parameters(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, means and scales of the components, `(N, K)` each."""
        logits, mean, scale = raw[:, : self.size].chunk(3, dim=-1)
        return logits, mean, FLOOR + functional.softplus(scale)

    def log_prob(self, raw: Tensor, value: Tensor, *, learns: bool) -> Tensor:
        """The log-probability of values `(N,)`, `(N,)`; what `learns` from it learns evenly."""
        if self.kind == "binary":
            return functional.logsigmoid((2 * value - 1) * raw[:, 0])
        if self.kind == "categorical":
            return raw[:, : self.size].log_softmax(-1).gather(-1, value[:, None].long())[:, 0]
        logits, mean, scale = self.parameters(raw)
        if learns:
            evenly(mean, scale)
        density = log_normal((value[:, None] - mean) / scale, scale)
        return (logits.log_softmax(-1) + density).logsumexp(-1)

    def draw(self, raw: Tensor, noise: Tensor, temperature: float) -> Tensor:
        """One value a row, `(N,)`, from noise `(N, 2)`: the class or component by the first, the number by both."""
        if self.kind == "binary":
            raw = torch.stack([torch.zeros_like(raw[:, 0]), raw[:, 0]], dim=-1)
            return draw_category(raw / temperature, noise[:, 0]).to(raw.dtype)
        if self.kind == "categorical":
            return draw_category(raw[:, : self.size] / temperature, noise[:, 0]).to(raw.dtype)
        logits, mean, scale = self.parameters(raw)
        chosen = draw_category(logits / temperature, noise[:, 0])[:, None]
        spread = math.sqrt(temperature) * scale.gather(-1, chosen)[:, 0]
        return mean.gather(-1, chosen)[:, 0] + spread * noise[:, 1]

    def written(self, value: Tensor) -> Tensor:
        """How later elements see a value `(N,)`: `(N, 1)`, or one-hot `(N, K)`."""
        if self.kind == "categorical":
            return one_hot(value, self.categories, value.dtype)
        return (2 * value - 1 if self.kind == "binary" else value)[:, None]
