"""A world of images as it is seen through eyes."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
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
        self.eyes = eyes
        self.observation_space = _seen_space(env.observation_space, eyes)
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


class SeenVectorEnv(VectorWrapper[Any, Any, Any, Any, Any]):
    """A batch of environments as it is seen through `eyes`, all rows at one glance.

    A row is the same in a batch of any size within the rounding of the batched arithmetic.
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any], eyes: Eyes) -> None:
        """See `envs`; raises what `Seen` raises."""
        super().__init__(envs)
        self.eyes = eyes
        self.single_observation_space = _seen_space(envs.single_observation_space, eyes)
        self.observation_space = batch_space(self.single_observation_space, envs.num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin, and look."""
        images, info = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]
        return self.eyes.see(images), self._told(info)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One tick, and look."""
        images, reward, terminated, truncated, info = self.env.step(actions)
        return self.eyes.see(images), reward, terminated, truncated, self._told(info)

    def _told(self, info: dict[str, Any]) -> dict[str, Any]:
        """What is told of ended rows, with their last images seen, too."""
        if "final_obs" not in info:
            return info
        last = np.full(self.num_envs, None, object)
        ended = np.flatnonzero(info["_final_obs"])
        for row, seen in zip(ended, self.eyes.see(np.stack([info["final_obs"][row] for row in ended])), strict=True):
            last[row] = seen
        return info | {"final_obs": last}


def _seen_space(space: spaces.Space[Any], eyes: Eyes) -> spaces.Box:
    """What an observation of `space` is to `eyes`."""
    if channels_of(space) != eyes.channels:
        raise CannotSeeError(
            f"these eyes see images of {eyes.channels} channels, the environment has {space}; "
            "make eyes for it with `sandbox see`"
        )
    return spaces.Box(-np.inf, np.inf, (len(eyes.kept),), np.float32)
