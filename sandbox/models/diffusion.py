r"""Diffusion with the design of EDM (Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Models").

The denoiser is D(x; σ, c) = c_skip(σ) x + c_out(σ) F(c_in(σ) x, c_noise(σ), c) (equation 7), trained on
λ(σ) ‖D(y + σn) − y‖² (equation 8), which with λ = 1 / c_out² is a squared error of F itself. A draw solves the
probability-flow equation from pure noise with a few Euler steps (as DIAMOND does; Alonso et al. 2024), so that all
randomness of a draw lies in its first noise. Classes are drawn as analog bits (Chen et al. 2022): one-hot vectors of
±1, read out by the largest.
"""

import itertools
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from sandbox.models.core import Head, Training
from sandbox.models.nets import Mlp
from sandbox.spaces import Element

# The spread of what is drawn: numbers are standardised, analog bits are ±1.
SIGMA_DATA = 1.0
SIGMA_LOW, SIGMA_HIGH, RHO = 0.01, 10.0, 7.0
# ln σ in training ~ N(-1, 1.4²): most effort between a coarse guess and a fine one (table 1, "training").
LOG_SIGMA_MEAN, LOG_SIGMA_STD = -1.0, 1.4
# Each target is noised this many times an update: the memory's pass is shared, the gradient is steadier.
DRAWS = 2


class Diffusion(Head):
    """Draws by removing noise in `steps` steps."""

    training_defaults: ClassVar[Training] = Training()

    def __init__(self, context_dim: int, elements: tuple[Element, ...], steps: int = 5, width: int = 192) -> None:
        super().__init__(context_dim, elements)
        self.steps = steps
        self.analog_dim = len(self.continuous) + sum(count for _, count in self.categorical) + len(self.binary)
        self.network = Mlp(context_dim + self.analog_dim + 2, (width, width, width), self.analog_dim)
        self.noise_dim = self.analog_dim

    def loss(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """The denoising error, `(N,)`, averaged over a few noise levels."""
        clean = self.to_analog(target).repeat(DRAWS, 1)
        level = torch.randn(len(clean), 1, generator=generator, device=clean.device)
        sigma = (LOG_SIGMA_MEAN + LOG_SIGMA_STD * level).exp().clamp(SIGMA_LOW / 2, SIGMA_HIGH * 2)
        noisy = clean + sigma * torch.randn(clean.shape, generator=generator, device=clean.device)
        skip, out, _ = _preconditioning(sigma)
        error = self.raw(noisy, sigma, context.repeat(DRAWS, 1)) - (clean - skip * noisy) / out
        return error.square().sum(-1).reshape(DRAWS, -1).mean(0)

    def raw(self, noisy: Tensor, sigma: Tensor, context: Tensor) -> Tensor:
        """The network F of equation 7."""
        _, _, scale = _preconditioning(sigma)
        level = sigma.log() / 4
        return self.network(torch.cat([scale * noisy, level, level.square(), context], dim=-1))  # type: ignore[no-any-return]

    def denoised(self, noisy: Tensor, sigma: Tensor, context: Tensor) -> Tensor:
        """The denoiser D of equation 7: the expected clean record."""
        skip, out, _ = _preconditioning(sigma)
        return skip * noisy + out * self.raw(noisy, sigma, context)

    def sample(self, context: Tensor, noise: Tensor, temperature: float = 1.0) -> Tensor:
        """Solve dx/dσ = (x − D(x; σ)) / σ from σ_high to 0 by Euler's method on the grid of equation 5."""
        sigmas = [*_grid(self.steps), 0.0]
        x = noise * (SIGMA_HIGH**2 + SIGMA_DATA**2) ** 0.5 * temperature**0.5
        for sigma, following in itertools.pairwise(sigmas):
            clean = self.denoised(x, x.new_full((len(x), 1), sigma), context)
            x = clean + (x - clean) * (following / sigma)
        return self.from_analog(x)

    def to_analog(self, target: Tensor) -> Tensor:
        """A record `(N, D)` as numbers only, `(N, analog_dim)`."""
        bits = [2 * functional.one_hot(target[:, i].long(), count) - 1.0 for i, count in self.categorical]
        return torch.cat([target[:, self.continuous], *bits, 2 * target[:, self.binary] - 1], dim=-1)

    def from_analog(self, analog: Tensor) -> Tensor:
        """The record `(N, D)` nearest to an analog one."""
        counts = [count for _, count in self.categorical]
        numbers, *classes, binary = torch.split(analog, [len(self.continuous), *counts, len(self.binary)], dim=-1)
        record = analog.new_empty(len(analog), len(self.elements))
        record[:, self.continuous] = numbers
        for (column, _), bits in zip(self.categorical, classes, strict=True):
            record[:, column] = bits.argmax(-1).to(record.dtype)
        record[:, self.binary] = (binary > 0).to(record.dtype)
        return record


def _preconditioning(sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """c_skip, c_out and c_in of table 1."""
    total = sigma.square() + SIGMA_DATA**2
    return SIGMA_DATA**2 / total, sigma * SIGMA_DATA / total.sqrt(), 1 / total.sqrt()


def _grid(steps: int) -> list[float]:
    """The noise levels of equation 5."""
    high, low = SIGMA_HIGH ** (1 / RHO), SIGMA_LOW ** (1 / RHO)
    return [(high + i / max(steps - 1, 1) * (low - high)) ** RHO for i in range(steps)]
