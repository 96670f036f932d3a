"""Two dreams that know nothing of cause and effect, as `Dynamics`: so every metric judges them as it judges a model."""

import numpy as np
import torch
from torch import Tensor

from sandbox.models.core import Dynamics, State
from sandbox.models.fitted import FittedModel
from sandbox.models.nets import uniform_from
from sandbox.trajectories import Starts, Trajectories

Dreamer = Dynamics | FittedModel
Step = tuple[tuple[Tensor, Tensor, Tensor], State]


class Persistence:
    """Nothing changes, nothing ends, and every step pays the mean reward of the data."""

    noise_dim = 1
    history = 0

    def __init__(self, data: Trajectories) -> None:
        self._reward = float(data.reward.mean())

    def begin(self, starts: Starts) -> State:
        """See `Dynamics.begin`."""
        return {"obs": torch.from_numpy(starts.obs[:, -1].copy())}

    def step(self, state: State, action: Tensor, noise: Tensor, temperature: float = 1.0) -> Step:
        """See `Dynamics.step`; it has no temperature."""
        obs = state["obs"]
        still = torch.zeros(len(obs), dtype=torch.bool)
        return (obs.clone(), torch.full((len(obs),), self._reward), still), {"obs": obs.clone()}


class Climatology:
    """Whatever is, what comes next is drawn from the data at random: observation, reward and ending of one step."""

    noise_dim = 1
    history = 0

    def __init__(self, data: Trajectories) -> None:
        self._obs = torch.from_numpy(data.next_obs)
        self._reward = torch.from_numpy(data.reward.astype(np.float32))
        self._ended = torch.from_numpy(data.terminated)

    def begin(self, starts: Starts) -> State:
        """See `Dynamics.begin`."""
        return {"obs": torch.from_numpy(starts.obs[:, -1].copy())}

    def step(self, state: State, action: Tensor, noise: Tensor, temperature: float = 1.0) -> Step:
        """See `Dynamics.step`; it has no temperature."""
        drawn = (uniform_from(noise[:, 0].double()) * len(self._obs)).long().clamp_max(len(self._obs) - 1)
        return (self._obs[drawn], self._reward[drawn], self._ended[drawn]), {"obs": self._obs[drawn]}


def with_baselines(model: Dreamer, climate: Trajectories) -> dict[str, Dreamer]:
    """`model` as the `dream`, and the two baselines made from `climate`."""
    return {"dream": model, "persistence": Persistence(climate), "climatology": Climatology(climate)}
