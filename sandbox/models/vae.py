r"""VAE: a conditional variational autoencoder (Kingma & Welling 2014; Sohn et al. 2015) with a learned prior.

log p(y | c) ≥ E log 1/K Σ_k p(y | z_k, c) p(z_k | c) / q(z_k | y, c) with z_k ~ q, normal laws for q and p given by
networks, and the bound tightened by K draws (IWAE; Burda et al. 2016): one normal law in the place of half a latent
space loses too much of it. The decoder's normal law has one learned spread for each element (σ-VAE; Rybkin et al. 2021)
that begins narrow: a decoder that begins wide explains everything as noise, and its latent numbers never come to mean
anything. Categories and bits are drawn from the decoder's own logits.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from sandbox.models.core import FLOOR, Head, Training
from sandbox.models.maps import Maps
from sandbox.models.nets import log_normal, uniform_from
from sandbox.spaces import Element

# The decoder's first spread, in standard deviations of the data, and the draws behind the bound.
NARROW, DRAWS = 0.1, 4


class Vae(Head):
    """Draws latent numbers from a learned prior and decodes them."""

    training_defaults: ClassVar[Training] = Training()

    def __init__(
        self,
        context_dim: int,
        elements: tuple[Element, ...],
        latent: int = 8,
        width: int = 128,
        maps: Maps | None = None,
    ) -> None:
        super().__init__(context_dim, elements, maps)
        self.latent = latent
        self.prior = self.build((width,), seen=False, numbers=2 * latent)
        self.encoder = self.build((width, width), seen=True, numbers=2 * latent)
        self.decoder = self.build((width, width), seen=False, extra=latent, drawn=True)
        self.spread = nn.Parameter(torch.full((len(self.continuous),), math.log(math.expm1(NARROW - FLOOR))))
        self.noise_dim = latent + len(elements)

    def loss(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """The negative importance-weighted bound, `(N,)`."""
        return self._bound(context, target, generator, DRAWS)

    def surprise(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """The same bound, tightened by many draws, `(N,)`."""
        return self._bound(context, target, generator, 8 * DRAWS)

    def _bound(self, context: Tensor, target: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        prior_mean, prior_scale = _normal(self.prior(context))
        mean, scale = _normal(self.encoder(torch.cat([self.analog.encode(target), context], dim=-1)))
        noise = torch.randn(draws, *mean.shape, generator=generator, device=mean.device)
        z = mean + scale * noise  # (K, N, Z)
        ratio = (log_normal((z - prior_mean) / prior_scale, prior_scale) - log_normal(noise, scale)).sum(-1)
        likelihood = self._log_likelihood(context.repeat(draws, 1), z.flatten(0, 1), target.repeat(draws, 1))
        return math.log(draws) - (likelihood.reshape(draws, -1) + ratio).logsumexp(0)

    def _log_likelihood(self, context: Tensor, z: Tensor, target: Tensor) -> Tensor:
        """log p(y | z, c), `(N,)`."""
        numbers, classes, bits = self.analog.split(self.decoder(torch.cat([z, context], dim=-1)))
        spread = FLOOR + functional.softplus(self.spread)
        total = log_normal((target[:, self.analog.numbers_at] - numbers) / spread, spread).sum(-1)
        if self.categorical:
            total = total + self.analog.class_log_prob(classes, target)
        return total + functional.logsigmoid((2 * target[:, self.analog.bits_at] - 1) * bits).sum(-1)

    def sample(self, context: Tensor, noise: Tensor, temperature: float = 1.0) -> Tensor:
        """Latent numbers by the first noise, then every element by its own."""
        mean, scale = _normal(self.prior(context))
        latent, own = noise[:, : self.latent], noise[:, self.latent :]
        z = mean + scale * math.sqrt(temperature) * latent
        numbers, classes, bits = self.analog.split(self.decoder(torch.cat([z, context], dim=-1)))
        spread = (FLOOR + functional.softplus(self.spread)) * math.sqrt(temperature)
        drawn = self.analog.draw_classes(classes / temperature, own)
        thrown = uniform_from(own[:, self.analog.bits_at]) < torch.sigmoid(bits / temperature)
        return self.analog.assemble(numbers + spread * own[:, self.analog.numbers_at], drawn, thrown)


def _normal(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and scale from a network's output `(N, 2M)`; an untrained one gives a scale of about 1."""
    mean, scale = raw.chunk(2, dim=-1)
    return mean, FLOOR + functional.softplus(scale + 0.5)
