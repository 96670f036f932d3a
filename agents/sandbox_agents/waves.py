"""Numbers, also seen as waves: what a step of a few centimetres changes, a small net can then tell.

A perceptron learns what varies slowly over its inputs long before what varies fast (the spectral bias of Rahaman et al.
2019); sines and cosines of its inputs at several rates bring the fast within its reach (Tancik et al. 2020; for values
and policies Li and Pathak 2021, Yang et al. 2022).
"""

import math
from collections.abc import Sequence

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor


class Waves(BaseFeaturesExtractor):
    """From numbers `(N, D)` to these, and the sine and the cosine of each at each of W rates, `(N, D + 2 W D)`."""

    rates: Tensor

    def __init__(self, observation_space: spaces.Box, waves: Sequence[float]) -> None:
        """`waves` are in half turns a unit, which is a deviation where observations are normalised."""
        (dim,) = observation_space.shape
        super().__init__(observation_space, dim * (1 + 2 * len(waves)))
        self.register_buffer("rates", math.pi * torch.tensor(waves), persistent=False)

    def forward(self, obs: Tensor) -> Tensor:
        """See the class."""
        angles = (obs[:, :, None] * self.rates).flatten(1)
        return torch.cat([obs, angles.sin(), angles.cos()], dim=1)
