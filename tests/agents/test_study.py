"""Learning from memories: sources stay apart, shares are held, and a break changes nothing."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from sandbox_agents import Memory, Sb3Agent, make
from sandbox_agents.memory import Blend
from sandbox_agents.spaces import action_map, learner_actions

SEEN, CHOICE = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(3, start=2)
TORQUE = spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 5.0], np.float32))


def memory(reward: float, count: int = 50, actions: spaces.Space[Any] = CHOICE) -> Memory:
    rng = np.random.default_rng(0)
    acted = np.array([actions.sample() for _ in range(count)])
    columns = {"obs": rng.uniform(-1, 1, (count, 2)), "action": acted, "reward": np.full(count, reward)}
    return Memory.of(SEEN, actions, columns | {"next_obs": columns["obs"], "terminated": np.ones(count, bool)})


def blend(shares: list[float]) -> Blend:
    memories = [memory(float(place)) for place in range(len(shares))]
    return Blend(memories, shares, np.random.default_rng(0), torch.device("cpu"))


@pytest.mark.parametrize(("shares", "counts"), [([0.25, 0.75], [64, 192]), ([0.0, 1.0], [0, 256]), ([1.0], [256])])
def test_every_batch_holds_the_shares_exactly(shares: list[float], counts: list[int]) -> None:
    sampler = blend(shares)
    for _ in range(5):
        rewards = sampler.sample(256).rewards.numpy()[:, 0]
        assert [int((rewards == place).sum()) for place in range(len(shares))] == counts


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        blend([0.5, 0.6])


def test_an_empty_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="without a transition"):
        memory(0.0, count=0)


@pytest.mark.parametrize("space", [CHOICE, TORQUE])
def test_actions_find_the_way_back_into_the_learners_space(space: spaces.Space[Any]) -> None:
    acted = np.array([space.sample() for _ in range(9)])
    there_and_back = action_map(space).to_env(learner_actions(space, acted))
    assert np.allclose(there_and_back, acted, atol=1e-6)


def bandit(name: str, actions: spaces.Space[Any]) -> tuple[Sb3Agent, Memory]:
    """One-step episodes that pay for acting high."""
    rng = np.random.default_rng(1)
    actions.seed(1)
    acted = np.array([actions.sample() for _ in range(600)])
    paid = acted.reshape(len(acted), -1)[:, 0].astype(float)
    seen = rng.uniform(-1, 1, (600, 2))
    columns: Mapping[str, Any] = {"obs": seen, "action": acted, "reward": paid, "next_obs": seen}
    agent = make(name, SEEN, actions, 0)
    assert isinstance(agent, Sb3Agent)
    return agent, Memory.of(SEEN, actions, {**columns, "terminated": np.ones(600, bool)})


@pytest.mark.parametrize(("name", "actions", "least"), [("dqn", CHOICE, 4.0), ("sac", TORQUE, 1.0)])
def test_what_pays_is_learned_from_memory_alone(name: str, actions: spaces.Space[Any], least: float) -> None:
    agent, remembered = bandit(name, actions)
    agent.study([remembered], [1.0], 200)
    acted = agent.act(np.zeros((1, 2), np.float32))
    assert acted.reshape(1, -1)[0, 0] >= least


class Kept:
    """A keeper in memory, due once after so many looks."""

    def __init__(self, due: int = 0) -> None:
        self.stored: tuple[dict[str, Any], dict[str, Any]] | None = None
        self.looks, self.due = 0, due

    @property
    def is_due(self) -> bool:
        self.looks += 1
        return self.looks == self.due

    def kept(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        return self.stored

    def keep(self, arrays: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        self.stored = ({name: np.array(value) for name, value in arrays.items()}, dict(record))
        raise InterruptedError


@pytest.mark.parametrize(("name", "actions"), [("dqn", CHOICE), ("sac", TORQUE)])
def test_an_interrupted_study_ends_with_the_same_bits(name: str, actions: spaces.Space[Any]) -> None:
    whole, remembered = bandit(name, actions)
    whole.study([remembered], [1.0], 120)
    keeper = Kept(due=1)
    with pytest.raises(InterruptedError):
        bandit(name, actions)[0].study([remembered], [1.0], 120, keeper=keeper)
    resumed = bandit(name, actions)[0]
    resumed.study([remembered], [1.0], 120, keeper=keeper)
    own, other = whole._tensors(), resumed._tensors()
    assert all(np.array_equal(own[key], other[key]) for key in own)


def test_ppo_cannot_learn_from_memories() -> None:
    agent = make("ppo", SEEN, CHOICE, 0)
    assert isinstance(agent, Sb3Agent)
    with pytest.raises(ValueError, match="choose sac or dqn"):
        agent.study([memory(0.0)], [1.0], 10)


def test_after_a_study_an_agent_can_live_on_in_a_simulator() -> None:
    envs = gymnasium.make_vec(
        "CartPole-v1", 2, "sync", vector_kwargs={"autoreset_mode": gymnasium.vector.AutoresetMode.SAME_STEP}
    )
    agent = make("dqn", envs.single_observation_space, envs.single_action_space, 0)
    assert isinstance(agent, Sb3Agent)
    obs = np.stack([envs.single_observation_space.sample().clip(-1, 1) for _ in range(40)])
    columns = {"obs": obs, "action": np.arange(40) % 2, "reward": np.ones(40), "next_obs": obs}
    lived = Memory.of(agent.observation_space, agent.action_space, columns | {"terminated": np.zeros(40, bool)})
    agent.study([lived], [1.0], 20)
    agent.learn(envs, 300)
    assert agent.steps == 300
    assert len(lived) == 40
