r"""Mixture density (Bishop 1994): a weighted sum of simple densities whose parameters a network gives.

p(y | c) = Σ_k w_k(c) Π_d p_k(y_d | c), with a normal law of its own mean and scale for every continuous element of
every component, and a categorical or Bernoulli law for the others; elements depend on each other through the component.
Temperature as in World Models (Ha & Schmidhuber 2018, section 4): logits / τ, variances · τ.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from sandbox.models.core import FLOOR, Head, Training
from sandbox.models.maps import MapNet, Maps
from sandbox.models.nets import Mlp, draw_category, evenly, log_normal, spread_out, uniform_from
from sandbox.spaces import Element


class Mixture(Head):
    """A mixture of `components` product densities, all parameters from one network, linear where its `width` is 0."""

    training_defaults: ClassVar[Training] = Training()

    def __init__(
        self,
        context_dim: int,
        elements: tuple[Element, ...],
        components: int = 3,
        width: int = 128,
        maps: Maps | None = None,
    ) -> None:
        super().__init__(context_dim, elements, maps)
        self.components = components
        classes = sum(count for _, count in self.categorical)
        self.sizes = [1, len(self.continuous), len(self.continuous), classes, len(self.binary)]
        self.body: Mlp | MapNet
        if maps is None:
            self.body = Mlp(context_dim, (width, width) if width else (), components * sum(self.sizes))
            self._part_components(self.body)
        else:
            self.body = MapNet(context_dim, maps.sides, maps.at, components, components * maps.sides.kinds)
        self.noise_dim = 1 + len(elements)

    def _part_components(self, body: Mlp) -> None:
        """Begin with components apart from each other: those that begin alike would stay alike."""
        means = slice(self.sizes[0], self.sizes[0] + self.sizes[1])
        bias = body.layers[-1].bias
        assert isinstance(bias, Tensor)
        with torch.no_grad():
            bias.reshape(self.components, -1)[:, means] += 0.5 * spread_out(self.components)[:, None]

    def parameters_given(self, context: Tensor) -> tuple[Tensor, ...]:
        """Log-weights `(N, K)`, means and scales `(N, K, Dc)`, class and binary logits `(N, K, …)`."""
        weight, mean, scale, classes, binary = torch.split(self._raw(context), self.sizes, dim=-1)
        return weight[..., 0].log_softmax(-1), mean, FLOOR + functional.softplus(scale), classes, binary

    def _raw(self, context: Tensor) -> Tensor:
        """What the network says of every component, `(N, K, P)`."""
        raw: Tensor = self.body(context)
        if self.maps is None:
            return raw.reshape(len(raw), self.components, -1)
        weight, cells = raw[:, : self.components, None], raw[:, self.components :]
        each = cells.reshape(len(raw), self.maps.sides.cells, self.components, -1).transpose(1, 2)  # (N, K, H·W, kinds)
        return torch.cat([weight, each.flatten(2)], dim=-1)

    def log_prob(self, context: Tensor, target: Tensor) -> Tensor:
        """log p(y | c) of standardised targets `(N, D)`, `(N,)`."""
        return self._density(self.parameters_given(context), target)

    def _density(self, parameters: tuple[Tensor, ...], target: Tensor) -> Tensor:
        weight, mean, scale, classes, binary = parameters
        number = target[:, None, self.analog.numbers_at]
        total = weight + log_normal((number - mean) / scale, scale).sum(-1)
        if self.categorical:
            total = total + self.analog.class_log_prob(classes, target[:, None].expand(-1, self.components, -1))
        if self.binary:
            sign = 2 * target[:, None, self.analog.bits_at] - 1
            total = total + functional.logsigmoid(sign * binary).sum(-1)
        return total.logsumexp(-1)

    def loss(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """The negative log-likelihood, `(N,)`, from which all numbers learn evenly."""
        parameters = self.parameters_given(context)
        evenly(*parameters[1:3])
        return -self._density(parameters, target)

    def sample(self, context: Tensor, noise: Tensor, temperature: float = 1.0) -> Tensor:
        """A component by the first noise number, then every element of it by its own."""
        raw = self._raw(context)
        component = draw_category(raw[..., 0] / temperature, noise[:, 0])[:, None, None]  # (N, 1, 1)
        chosen = raw.take_along_dim(component, 1)[:, 0]  # (N, P)
        _, mean, scale, classes, binary = torch.split(chosen, self.sizes, dim=-1)
        own = noise[:, 1:]
        spread = (FLOOR + functional.softplus(scale)) * math.sqrt(temperature)
        numbers = mean + spread * own[:, self.analog.numbers_at]
        drawn = self.analog.draw_classes(classes / temperature, own)
        thrown = uniform_from(own[:, self.analog.bits_at]) < torch.sigmoid(binary / temperature)
        return self.analog.assemble(numbers, drawn, thrown)
