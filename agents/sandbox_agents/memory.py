"""What an off-policy learner remembers, one memory a source, and a sampler that blends sources without mixing them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from .spaces import Batch, Flat, flatten_batch, learner_actions


@dataclass(frozen=True)
class Memory:
    """N transitions of one source, as a learner sees them; they never change and nothing is added to them."""

    obs: Flat  # (N, D)
    action: NDArray[Any]  # (N, A) in the learner's own space: float32 from -1 to 1, or int64 from 0
    reward: Flat  # (N, 1)
    next_obs: Flat  # (N, D)
    terminated: Flat  # (N, 1), 1 where nothing came after; an episode that was cut goes on

    @classmethod
    def of(
        cls,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        transitions: Mapping[str, Batch],
    ) -> Self:
        """Remember batches of N in the environment's own spaces: obs, action, reward, next_obs, terminated.

        Raises:
            ValueError: no transition at all, or actions that no off-policy learner here can take.
        """
        if len(transitions["reward"]) == 0:
            raise ValueError("a memory without a transition has nothing to learn from: collect some first")
        columns = {name: np.asarray(transitions[name], np.float32)[:, None] for name in ("reward", "terminated")}
        return cls(
            obs=flatten_batch(observation_space, transitions["obs"]),
            action=learner_actions(action_space, transitions["action"]),
            next_obs=flatten_batch(observation_space, transitions["next_obs"]),
            **columns,
        )

    def __len__(self) -> int:
        return len(self.reward)


class Blend:
    """Draws batches from several memories, from each a fixed share of every batch; it holds none of them in another.

    Stands where Stable-Baselines3 has a replay buffer.
    """

    def __init__(
        self, memories: Sequence[Memory], shares: Sequence[float], rng: np.random.Generator, device: torch.device
    ) -> None:
        """Draw `shares[i]` of every batch from `memories[i]`.

        Raises:
            ValueError: shares that are not one a memory, are negative, or do not add up to 1.
        """
        if len(memories) != len(shares) or any(share < 0 for share in shares) or abs(sum(shares) - 1) > 1e-6:
            raise ValueError(f"the shares {list(shares)} of {len(memories)} memories must be one each and add up to 1")
        self.memories, self.shares, self.rng, self._device = tuple(memories), tuple(shares), rng, device

    def counts(self, batch_size: int) -> list[int]:
        """How many of a batch come from each memory: the shares, rounded so that they add up."""
        edges = np.rint(np.cumsum([0.0, *self.shares]) * batch_size).astype(int)
        return np.diff(edges).tolist()  # type: ignore[no-any-return]

    def sample(self, batch_size: int, env: object = None) -> ReplayBufferSamples:
        """One batch, drawn with replacement; see `stable_baselines3.common.buffers.ReplayBuffer.sample`."""
        drawn = [
            (memory, self.rng.integers(len(memory), size=count))
            for memory, count in zip(self.memories, self.counts(batch_size), strict=True)
            if count
        ]
        columns = {
            name: torch.from_numpy(np.concatenate([getattr(memory, name)[rows] for memory, rows in drawn]))
            for name in ("obs", "action", "next_obs", "terminated", "reward")
        }
        return ReplayBufferSamples(*(column.to(self._device) for column in columns.values()))
