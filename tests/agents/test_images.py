"""An agent sees an image by convolutions, learns from it, and comes back from a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from sandbox_agents import Sb3Agent, load, make
from sandbox_agents.images import Eye
from sandbox_agents.spaces import image_shape

Rows = Callable[..., VectorEnv[Any, Any, Any]]
FRAME = spaces.Box(0, 255, (40, 36, 3), np.uint8)


class Lamp(gymnasium.Env[Any, Any]):
    """A lamp somewhere on a noisy picture; it pays to say on which side. An episode is one look."""

    observation_space = FRAME
    action_space = spaces.Discrete(2)

    def _look(self) -> Any:
        self._side = int(self.np_random.integers(2))
        picture = self.np_random.integers(0, 60, FRAME.shape, dtype=np.uint8)
        down, right = self.np_random.integers(32), self.np_random.integers(10) + 18 * self._side
        picture[down : down + 8, right : right + 8] = 220
        return picture

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        paid = float(action == self._side)
        return self._look(), paid, True, False, {}


def lamps(count: int) -> VectorEnv[Any, Any, Any]:
    return SyncVectorEnv([Lamp] * count, autoreset_mode=AutoresetMode.SAME_STEP)


def looked(count: int = 64) -> tuple[Any, Any]:
    """Pictures, and on which side their lamps are."""
    envs = [Lamp() for _ in range(count)]
    pictures = np.stack([env.reset(seed=1000 + place)[0] for place, env in enumerate(envs)])
    return pictures, np.array([env._side for env in envs])


@pytest.mark.parametrize(
    ("name", "steps", "config"), [("ppo", 3072, {"rollout_size": 512}), ("dqn", 400, {"batch_size": 32})]
)
def test_what_a_picture_shows_is_learned_and_kept(
    name: str, steps: int, config: dict[str, Any], tmp_path: Path
) -> None:
    agent = make(name, FRAME, Lamp.action_space, 0, config)
    assert isinstance(agent, Sb3Agent)
    assert not agent.settings.normalize_obs
    agent.learn(lamps(8 if name == "ppo" else 1), steps)
    pictures, sides = looked()
    assert (agent.act(pictures) == sides).mean() > 0.9
    agent.save(tmp_path / "agent")
    np.testing.assert_array_equal(load(tmp_path / "agent").act(pictures), agent.act(pictures))


def test_sac_sees_by_convolutions_too() -> None:
    agent = make("sac", FRAME, spaces.Box(-1, 1, (1,)), 0)
    assert isinstance(agent, Sb3Agent)
    assert isinstance(agent._learner.policy.actor.features_extractor, Eye)
    pictures, _ = looked(4)
    assert agent.act(pictures).shape == (4, 1)


def test_only_pictures_are_pictures() -> None:
    assert image_shape(FRAME) == (40, 36, 3)
    assert image_shape(spaces.Box(0, 255, (8, 8, 3), np.uint8)) is None
    assert image_shape(spaces.Box(0, 1, (40, 36, 3), np.float32)) is None
    assert image_shape(spaces.Box(0, 255, (40, 36), np.uint8)) is None
    assert image_shape(spaces.MultiDiscrete([3, 3])) is None


def test_an_image_is_not_scaled_twice() -> None:
    with pytest.raises(ValueError, match="divided by 255"):
        make("ppo", FRAME, Lamp.action_space, 0, {"normalize_obs": True})
