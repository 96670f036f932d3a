"""A show: the rows of one batch of a world, played by a policy, and their pictures beside each other in a grid."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from PIL import Image

from sandbox_envs import registry
from sandbox_envs.canvas import Painter
from sandbox_envs.vector import SimVectorEnv

Policy = Callable[[NDArray[Any]], NDArray[Any]]
LARGEST = 1280, 800  # pixels of a grid of pictures: those of its rows are made smaller until they fit


def heuristic_of(envs: SimVectorEnv) -> Policy | None:
    """The scripted policy of a batch's world, the function `heuristic` of its file; None where it has none.

    A heuristic reads the world's first kind of observation only: whoever sees an image has none.
    A heuristic that has a second argument gets the world's parameters with it.
    """
    if envs.simulation.observation != envs.simulation.observations[0]:
        return None
    world = type(envs.simulation).__module__
    heuristic: Any = getattr(importlib.import_module(world), "heuristic", None)
    if heuristic is None or len(inspect.signature(heuristic).parameters) == 1:
        return heuristic  # type: ignore[no-any-return]
    return lambda obs: np.asarray(heuristic(obs, envs.simulation.parameters))


def random_policy(envs: SimVectorEnv, seed: int) -> Policy:
    """Actions drawn from the space, whatever is seen."""
    envs.action_space.seed(seed)
    return lambda obs: np.asarray(envs.action_space.sample())


class Show:
    """A batch that is played row by row: an episode that ended stays to be seen for a while, then the next begins.

    Args:
        world: a world's name or id.
        grid: rows and columns of the pictures; each shows a row of the batch.
        seed: decides everything that is drawn.
        episodes: after so many of them a row stays as it ended; None for ever more.
        parameters: of the world.

    Attributes:
        envs: the batch.
        policy: what acts; to be set before the first step.
        returns: of all episodes that have ended, in that order.
        lengths: and how many steps they took.

    Raises:
        ValueError: an unknown world or parameter.
    """

    def __init__(
        self, world: str, grid: tuple[int, int] = (1, 1), seed: int = 0, episodes: int | None = None, **parameters: Any
    ) -> None:
        known = registry.world(world)
        count = grid[0] * grid[1]
        envs: Any = gymnasium.make_vec(known.id, num_envs=count, autoreset_mode=AutoresetMode.DISABLED, **parameters)
        self.envs: SimVectorEnv = envs
        self.policy: Policy = random_policy(self.envs, seed)
        self.returns: list[float] = []
        self.lengths: list[int] = []
        self._grid, self._episodes = grid, episodes
        self._painter = Painter(self.envs.simulation)
        self._patience = self.envs.simulation.frames_per_second // 2  # steps for which an end is to be seen
        self._obs, _ = self.envs.reset(seed=seed)
        self._total, self._steps = np.zeros(count), np.zeros(count, np.int64)
        self._played, self._over = np.zeros(count, np.int64), np.zeros(count, np.int64)

    @property
    def ended(self) -> bool:
        """Whether every row has played all its episodes, and their ends were to be seen."""
        return bool((self._left_at_rest() & (self._over > self._patience)).all())

    def reset(self) -> None:
        """Begin new episodes in all rows; those under way do not count."""
        self._obs, _ = self.envs.reset()
        for numbers in (self._total, self._steps, self._over):
            numbers[:] = 0

    def step(self) -> None:
        """Advance every row by a step, or show for one step more how it ended."""
        fresh = (self._over > self._patience) & ~self._left_at_rest()
        if fresh.any():
            self._obs, _ = self.envs.reset(options={"reset_mask": fresh})
            for numbers in (self._total, self._steps, self._over):
                numbers[fresh] = 0
        running = self._over == 0
        (self._obs, reward, terminated, truncated), _ = self.envs.advance(self.policy(self._obs))
        self._total += np.where(running, reward, 0.0)
        self._steps += running
        finished = running & (terminated | truncated)
        self._played += finished
        self._over += ~running | finished
        self.returns.extend(self._total[finished].tolist())
        self.lengths.extend(self._steps[finished].tolist())

    def picture(self) -> NDArray[np.uint8]:
        """The pictures of all rows, side by side, `(H, W, 3)`."""
        states = self.envs.snapshot()
        pictures = [self._painter(obs, state) for obs, state in zip(self._obs, states, strict=True)]
        rows, columns = self._grid
        height, width = pictures[0].shape[:2]
        shrink = min(1.0, LARGEST[0] / (columns * width), LARGEST[1] / (rows * height))
        if shrink < 1.0:
            size = int(width * shrink), int(height * shrink)
            pictures = [np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BOX)) for one in pictures]
        bands = [np.concatenate(pictures[row * columns : (row + 1) * columns], axis=1) for row in range(rows)]
        return np.ascontiguousarray(np.concatenate(bands, axis=0))

    def words(self) -> str:
        """What is going on, in a line."""
        if self._grid == (1, 1):
            episode = len(self.returns) + int(self._over[0] == 0)
            return f"episode {episode}    step {self._steps[0]}    return {self._total[0]:.1f}"
        mean = f"    mean return {np.mean(self.returns):.1f}" if self.returns else ""
        return f"{len(self._total)} rows    {len(self.returns)} episodes{mean}"

    def _left_at_rest(self) -> NDArray[np.bool_]:
        return np.zeros(len(self._played), np.bool_) if self._episodes is None else self._played >= self._episodes
