r"""Diffusion with the design of EDM (Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Models").

The denoiser is D(x; σ, c) = c_skip(σ) x + c_out(σ) F(c_in(σ) x, c_noise(σ), c) (equation 7), trained on
λ(σ) ‖D(y + σn) − y‖² (equation 8), which with λ = 1 / c_out² is a squared error of F itself. A draw solves the
probability-flow equation from pure noise, so that all randomness of a draw lies in its first noise, by the two-step
solver DPM-Solver++(2M) (Lu et al. 2022, algorithm 2): of second order, and yet one look at the denoiser a step, as in
Euler's method. Classes are drawn as analog bits (Chen et al. 2022), read out by the largest.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor

from sandbox.models.core import Head, Training
from sandbox.models.maps import Maps
from sandbox.models.nets import pieces
from sandbox.spaces import Element

# The spread of what is drawn: numbers are standardised, analog bits are ±1.
SIGMA_DATA = 1.0
# The first step, from so far out that only the mean is known, finds the mean. The others are spent where data turn into
# noise: above SIGMA_NEAR all laws of that mean look normal, below SIGMA_LOW the denoiser's answer no longer changes.
SIGMA_HIGH, SIGMA_NEAR, SIGMA_LOW, RHO = 10.0, 3.0, 0.05, 7.0
# ln σ in training ~ N(-1, 1.4²): most effort between a coarse guess and a fine one (table 1, "training").
LOG_SIGMA_MEAN, LOG_SIGMA_STD = -1.0, 1.4
# Each target is noised this many times an update: the memory's pass is shared, the gradient is steadier.
DRAWS = 2
# Noise levels at which a record's surprise is measured.
SURPRISE_LEVELS = 9


class Diffusion(Head):
    """Draws by removing noise in `steps` steps."""

    # A step is learned at one level of noise at a time, so that an update says little of the others.
    training_defaults: ClassVar[Training] = Training(relearning=1.0)

    def __init__(
        self,
        context_dim: int,
        elements: tuple[Element, ...],
        steps: int = 6,
        width: int = 192,
        maps: Maps | None = None,
    ) -> None:
        super().__init__(context_dim, elements, maps)
        if steps < 2:
            raise ValueError(f"diffusion in {steps} steps draws nothing but means; use 2 or more")
        self.steps = steps
        self.network = self.build((width, width, width), seen=True, extra=2, drawn=True)
        self.noise_dim = self.analog.size

    def loss(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """The denoising error, `(N,)`, averaged over a few noise levels."""
        clean = self.analog.encode(target).repeat(DRAWS, 1)
        level = torch.randn(len(clean), 1, generator=generator, device=clean.device)
        sigma = (LOG_SIGMA_MEAN + LOG_SIGMA_STD * level).exp().clamp(SIGMA_LOW / 2, SIGMA_HIGH * 2)
        noisy = clean + sigma * torch.randn(clean.shape, generator=generator, device=clean.device)
        skip, out, _ = _preconditioning(sigma)
        error = self.raw(noisy, sigma, context.repeat(DRAWS, 1)) - (clean - skip * noisy) / out
        return error.square().sum(-1).reshape(DRAWS, -1).mean(0)

    def surprise(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """The variational bound's ½ ∫ ‖D(y + σn; σ) − y‖² / σ² d ln σ (Kingma et al. 2021), `(N,)`.

        Over the noise levels of a draw, with the same noise and its opposite for every record.
        """
        all_clean = self.analog.encode(target)
        levels = _grid(SURPRISE_LEVELS)[1:]
        drawn = [torch.randn(1, all_clean.shape[1], generator=generator, device=target.device) for _ in levels]
        sigma = all_clean.new_tensor(levels)[:, None, None].repeat(2, 1, 1)  # (2L, 1, 1)
        noise = torch.cat([torch.stack(drawn), -torch.stack(drawn)]) * sigma  # (2L, 1, E)
        found = []
        for rows in pieces(len(target)):
            clean = all_clean[rows]
            noisy, each = clean + noise, sigma.expand(-1, len(clean), 1)
            given = context[rows].repeat(len(noise), 1)
            denoised = self.denoised(noisy.flatten(0, 1), each.flatten(0, 1), given).reshape(noisy.shape)
            found.append(((denoised - clean) / sigma).square().sum((0, -1)))
        return torch.cat(found)

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
        """Solve dx/dσ = (x − D(x; σ)) / σ from σ_high to 0."""
        sigmas = _grid(self.steps)
        x = noise * (sigmas[0] ** 2 + SIGMA_DATA**2) ** 0.5 * temperature**0.5
        known = x
        for i, sigma in enumerate(sigmas):
            clean = self.denoised(x, x.new_full((len(x), 1), sigma), context)
            aim = clean
            if 0 < i < self.steps - 1:
                # Half a step ahead, on the line in ln σ through the denoiser's last two answers.
                aim = clean + 0.5 * (clean - known) * math.log(sigma / sigmas[i + 1]) / math.log(sigmas[i - 1] / sigma)
            if i < self.steps - 1:
                x = aim + (x - aim) * (sigmas[i + 1] / sigma)
            known = clean
        return self.analog.decode(known)


def _preconditioning(sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """c_skip, c_out and c_in of table 1."""
    total = sigma.square() + SIGMA_DATA**2
    return SIGMA_DATA**2 / total, sigma * SIGMA_DATA / total.sqrt(), 1 / total.sqrt()


def _grid(steps: int) -> list[float]:
    """SIGMA_HIGH, then the noise levels of equation 5 from SIGMA_NEAR to SIGMA_LOW."""
    high, low = SIGMA_NEAR ** (1 / RHO), SIGMA_LOW ** (1 / RHO)
    return [SIGMA_HIGH, *((high + i / max(steps - 2, 1) * (low - high)) ** RHO for i in range(steps - 1))]
