"""The batch of one as a Gymnasium environment."""

import operator
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from sandbox_envs.canvas import Painter, Window
from sandbox_envs.core import Simulation
from sandbox_envs.vector import SimVectorEnv


class SimEnv(gymnasium.Env[NDArray[Any], Any]):
    """One row of a simulation. The time limit is Gymnasium's wrapper, which `gymnasium.make` puts around it.

    After an episode's end the row stays as it ended, with reward 0, until it is reset.

    Args:
        simulation: a world's name, its class, or an instance that holds its parameters.
        render_mode: "human" (a window), "rgb_array" or None.
        parameters: the world's parameters, if `simulation` is a name or a class; `observation` among them, such as
            "image", where the world has several kinds.

    Raises:
        ValueError: one sentence on the argument that makes no sense.
    """

    metadata: dict[str, Any] = {"render_modes": ["human", "rgb_array"]}  # noqa: RUF012

    def __init__(
        self, simulation: str | type[Simulation] | Simulation, *, render_mode: str | None = None, **parameters: Any
    ) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode must be 'human', 'rgb_array' or None, got {render_mode!r}.")
        self._batch = SimVectorEnv(
            simulation, 1, max_episode_steps=-1, autoreset_mode=AutoresetMode.DISABLED, **parameters
        )
        self.simulation = self._batch.simulation
        self.metadata = {**self.metadata, "render_fps": self.simulation.frames_per_second}
        self.render_mode = render_mode
        self.observation_space = self.simulation.observation_space
        self.action_space = self.simulation.action_space
        self._obs: NDArray[Any] | None = None
        self._painter: Painter | None = None
        self._window: Window | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begin a new episode; without a seed the row's stream of random numbers goes on."""
        super().reset(seed=seed)
        if seed is None and self._obs is None:
            seed = int(self.np_random.integers(2**63))
        obs, info = self._batch.reset(seed=None if seed is None else operator.index(seed))
        return self._seen(obs), info

    def step(self, action: Any) -> tuple[NDArray[Any], SupportsFloat, bool, bool, dict[str, Any]]:
        """Advance by one step.

        Raises:
            ValueError: an action outside the space; nothing was stepped.
        """
        (obs, reward, terminated, _), _ = self._batch.advance(np.asarray(action)[np.newaxis])
        return self._seen(obs), float(reward[0]), bool(terminated[0]), False, {}

    def snapshot(self) -> NDArray[Any]:
        """A copy of the record, random stream included: `(1,)`."""
        return self._batch.snapshot()

    def restore(self, snapshot: NDArray[Any], *, seed: int | None = None) -> NDArray[Any]:
        """Put a snapshot back, with a new stream of random numbers if `seed` is given; returns its observation."""
        return self._seen(self._batch.restore(snapshot, seed=seed))

    def render(self) -> NDArray[np.uint8] | None:
        """The picture `(H, W, 3)` in "rgb_array"; None otherwise. A window paints itself at every step."""
        if self.render_mode != "rgb_array" or self._obs is None:
            return None
        return self.paint(self._obs, self._batch.snapshot()[0])

    def paint(self, obs: NDArray[Any], state: Any = None) -> NDArray[np.uint8]:
        """Any observation of this world as a picture, `(H, W, 3)`, whether it was simulated or dreamed."""
        if self._painter is None:
            self._painter = Painter(self.simulation)
        return self._painter(obs, state)

    @property
    def window_closed(self) -> bool:
        """Whether there was a window and its user closed it."""
        return self._window is not None and self._window.closed

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def _seen(self, obs: NDArray[Any]) -> NDArray[Any]:
        self._obs = np.asarray(obs[0]).copy()
        if self.render_mode == "human":
            if self._window is None:
                self._window = Window(type(self.simulation).__name__, self.simulation.canvas_size)
            self._window.show(self.paint(self._obs, self._batch.snapshot()[0]), self.simulation.frames_per_second)
        return np.asarray(obs[0])
