"""Images, seen by convolutions: what lies near what matters, wherever it is (after Mnih et al. 2015).

Observations of any space reach a learner as flat vectors; here an image gets its shape back (``spaces.image_shape``).
"""

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

FEATURES = 128
# Channels, side of the kernel, stride: a third of the usual net's channels, for a processor that is no GPU.
LAYERS = ((16, 8, 4), (32, 4, 2), (32, 3, 1))


class Eye(BaseFeaturesExtractor):
    """Three convolutions and a layer, from bytes `(N, H · W · C)` to `(N, 128)`."""

    def __init__(self, observation_space: spaces.Box, shape: tuple[int, int, int]) -> None:
        super().__init__(observation_space, FEATURES)
        self.shape, channels = shape, shape[2]
        layers: list[nn.Module] = []
        for made, side, stride in LAYERS:
            layers += [nn.Conv2d(channels, made, side, stride), nn.ReLU()]
            channels = made
        self.looking = nn.Sequential(*layers, nn.Flatten())
        with torch.no_grad():
            seen = self.looking(torch.zeros(1, shape[2], *shape[:2])).shape[1]
        self.telling = nn.Sequential(nn.Linear(seen, FEATURES), nn.ReLU())

    def forward(self, obs: Tensor) -> Tensor:
        """See the class."""
        picture = obs.reshape(-1, *self.shape).permute(0, 3, 1, 2) / 255.0
        features: Tensor = self.telling(self.looking(picture))
        return features
