"""Waves: the numbers stay, sines and cosines are added, and every learner learns, acts and is stored with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv

from sandbox_agents import load, make, patient
from sandbox_agents.waves import Waves

SEEN = spaces.Box(-1.0, 1.0, (5,), np.float32)
QUICK: dict[str, dict[str, Any]] = {
    "ppo": {"rollout_size": 64},
    "sac": {"learning_starts": 20, "batch_size": 16},
    "dqn": {"learning_starts": 20, "batch_size": 16},
}


def test_numbers_stay_and_every_one_gets_its_waves() -> None:
    features = Waves(spaces.Box(-9.0, 9.0, (2,), np.float32), (0.5, 2))
    seen = features(torch.tensor([[1.0, -0.25]]))
    assert features.features_dim == 10
    # A quarter and a whole turn of the first, a sixteenth and a quarter turn back of the second.
    eighth = np.pi / 8
    assert seen[0].tolist() == pytest.approx(
        [1, -0.25, 1, 0, -np.sin(eighth), -1, 0, 1, np.cos(eighth), 0],
        abs=1e-5,
    )


@pytest.mark.parametrize("name", QUICK)
def test_every_learner_learns_acts_and_is_stored_with_them(
    whatever: Callable[..., VectorEnv[Any, Any, Any]], name: str, tmp_path: Path
) -> None:
    actions = spaces.Box(-1.0, 1.0, (2,), np.float32) if name == "sac" else spaces.Discrete(3)
    config = QUICK[name] | {"waves": [0.25, 1], "net_arch": [16]}
    agent: Any = make(name, SEEN, actions, 3, config)
    agent.learn(whatever(SEEN, actions, 4), 128)
    agent.save(tmp_path / "agent")
    obs = np.random.default_rng(0).uniform(-1, 1, (50, 5)).astype(np.float32)
    stored: Any = load(tmp_path / "agent")
    assert stored.settings.waves == (0.25, 1)
    assert np.array_equal(stored.act(obs), agent.act(obs))


@pytest.mark.parametrize("waves", [[0], [-1, 2], ["fast"], [True], [float("inf")], 3])
def test_what_is_no_rate_is_refused(waves: Any) -> None:
    with pytest.raises(ValueError, match="'waves' must be a list of positive numbers"):
        make("ppo", SEEN, spaces.Discrete(2), 0, {"waves": waves})


def test_images_are_not_seen_as_waves() -> None:
    image = spaces.Box(0, 255, (36, 36, 3), np.uint8)
    with pytest.raises(ValueError, match="leave waves empty"):
        make("ppo", image, spaces.Discrete(2), 0, {"waves": [1]})


def test_a_small_net_tells_with_them_what_it_cannot_tell_without() -> None:
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(2000, 1, generator=generator) - 1
    y = (5 * torch.pi * x).cos()
    left = {}
    for waves in ((), (1.0, 2.0, 4.0)):
        torch.manual_seed(0)
        look = Waves(spaces.Box(-1.0, 1.0, (1,), np.float32), waves)
        net = torch.nn.Sequential(torch.nn.Linear(look.features_dim, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
        optimiser = torch.optim.Adam(net.parameters(), 1e-2)
        for _ in range(300):
            loss = (net(look(x)) - y).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        left[waves] = loss.item()
    assert left[(1.0, 2.0, 4.0)] < 0.1 * left[()]


def test_long_runs_of_choices_on_numbers_get_them_and_no_others() -> None:
    choices, many = spaces.Discrete(3), 3_000_000
    assert make("ppo", SEEN, choices, 0, patient("ppo", SEEN, choices, many)).settings.waves
    for found in (
        patient("dqn", SEEN, choices, many),
        patient("ppo", SEEN, choices, many - 1),
        patient("ppo", SEEN, SEEN, many),
        patient("ppo", spaces.MultiDiscrete([9] * 144), choices, many),
        patient("ppo", spaces.Box(0, 255, (64, 64, 3), np.uint8), choices, many),
    ):
        assert found == {}
