"""A world of images as it is seen through eyes."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox.vision.eyes import Eyes
from sandbox.vision.images import Images, channels_of, enlarged, in_colour

ENLARGED = 6  # pixels a side for one of the image, in pictures


class CannotSeeError(ValueError):
    """A world that these eyes were not made for; the message names both."""


class Seen(gymnasium.ObservationWrapper[Any, Any, Any]):
    """`env` as it is seen through `eyes`: observations are a few numbers, `(K,)`, in place of an image.

    What it renders is what the eyes have of the present image, so that simulator and dream can be compared.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], eyes: Eyes) -> None:
        """See `env`.

        Raises:
            CannotSeeError: observations that are no images, or of other channels than those that the eyes know.
        """
        super().__init__(env)
        if channels_of(env.observation_space) != eyes.channels:
            raise CannotSeeError(
                f"these eyes see images of {eyes.channels} channels, the environment has {env.observation_space}; "
                "make eyes for it with `sandbox see`"
            )
        self.eyes = eyes
        self.observation_space = spaces.Box(-np.inf, np.inf, (len(eyes.kept),), np.float32)
        self.metadata = {**env.metadata, "render_modes": ["rgb_array"]}
        self._present: NDArray[np.float32] | None = None

    def observation(self, observation: Any) -> NDArray[np.float32]:
        """An image as numbers, `(K,)`."""
        self._present = self.eyes.see(np.asarray(observation)[None])[0]
        return self._present

    def paint(self, seen: NDArray[np.float32]) -> Images:
        """What an observation means, real or dreamed, as a picture `(H, W, 3)`."""
        return enlarged(in_colour(self.eyes.paint(seen[None]))[0], ENLARGED)

    def render(self) -> Any:
        """See the class; None before the first reset."""
        return None if self._present is None else self.paint(self._present)
