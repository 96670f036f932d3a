"""Curiosity: as long as nothing that is known tells what is worth seeking, agents are paid for what is new.

An agent is taught in the dream to go where nobody was, before it is sent there (plan to explore; Sekar et al. 2020).
What is new is far from all that was seen, by its nearest neighbours there (Liu and Abbeel 2021, "Behavior from the
void").
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories

# Real observations that stand for all of them, and how many of the nearest say how new another one is.
REFERENCES, NEAREST = 1000, 5
# Share of the rewards' spread that may stay unexplained where the action alone is said to explain them.
UNEXPLAINED = 0.01


def tells_nothing(data: Trajectories) -> bool:
    """Whether what was paid so far says of no situation that it is better than another.

    So it is where a step pays what its action alone decides, if anything (a constant, what effort costs), and no
    episode has ended; and where nothing was ever paid, ends included. A car that has not yet climbed its mountain knows
    no more, nor does who has not yet found the way out of a maze.
    """
    if data.terminated.any():
        return not data.reward.any()
    if np.ptp(data.reward) == 0:
        return True
    explained = _of_actions(data)
    if 2 * explained.shape[1] > len(data):  # so few rewards are explained by anything
        return False
    law, *_ = np.linalg.lstsq(explained, data.reward, rcond=None)
    return float((data.reward - explained @ law).std()) <= UNEXPLAINED * float(data.reward.std())


def _of_actions(data: Trajectories) -> NDArray[np.float64]:
    """What a reward of actions alone is told by, `(N, F)`: choices, and numbers with their squares and sizes."""
    parts = [np.ones((len(data), 1))]
    for column, element in zip(data.action.T, data.action_layout.elements, strict=True):
        number = column.astype(np.float64)[:, None]
        if element.kind == "continuous":
            parts += [number, number**2, np.abs(number)]
        else:
            parts.append((number == np.arange(max(element.categories, 2))).astype(np.float64))
    return np.concatenate(parts, axis=1)


class Novelty:
    """How new observations are to who knows `data`; a usual one of these has 1.

    It is the mean distance to the nearest observations of the data, each number in units of its own spread there.
    """

    def __init__(self, model: FittedModel, data: Trajectories, rng: np.random.Generator) -> None:
        """Remember some observations of `data`, as `model` sees them."""
        self._features = model.network.codec.observation_features
        some, others = np.array_split(rng.permutation(len(data))[: 2 * REFERENCES], 2)
        self._known = self._seen(data, some, model.device)
        usual = self._distance(self._seen(data, others, model.device)).mean()
        self._unit = torch.where(usual > 0, usual, 1.0)

    def __call__(self, obs: Tensor) -> Tensor:
        """How new each observation `(B, D)` is, `(B,)`."""
        return self._distance(self._features(obs)) / self._unit

    def _seen(self, data: Trajectories, chosen: NDArray[np.int64], device: torch.device) -> Tensor:
        return self._features(torch.from_numpy(data.next_obs[chosen]).to(device))

    def _distance(self, seen: Tensor) -> Tensor:
        """From each of `(B, F)` to what is known, `(B,)`."""
        apart = torch.cdist(seen, self._known)
        return apart.topk(min(NEAREST, apart.shape[1]), dim=1, largest=False).values.mean(dim=1)
