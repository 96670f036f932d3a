"""What a model is at home with: the range of its data, and what its own dreams and fresh data of the kind add to it.

A dream blurs. Where the model is coarse or the observation wide, it leaves the range of the data in its first steps,
whatever an agent does; a cautious dream that ended there would teach that no action makes a difference. And so does the
world itself: of many numbers one is always a little beyond what it was so far.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sandbox.models.codec import MARGIN
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories, starts_at

ROWS, STEPS = 256, 16  # dreams, and how far they follow a log: as far as a fit's chunks
OUTLIERS = 0.001  # share of dreamed values, at either end of a dimension, that are not counted as known
FOLDS = 10  # parts of the episodes, each of which is fresh to the others
STRAY = 0.01  # share of fresh steps that need not count as known


def familiarise(model: FittedModel, data: Trajectories, rng: np.random.Generator) -> None:
    """Count as known what `model` dreams within some steps of `data` under the actions that were taken there."""
    now = rng.integers(len(data), size=ROWS)
    last = (np.cumsum(data.lengths) - 1)[data.episode[now]]
    state = model.begin(starts_at(data, now, model.history))
    dreamed = []
    for step in range(STEPS):
        going = now + step <= last
        action = torch.from_numpy(data.action[np.minimum(now + step, last)]).to(model.device)
        noise = rng.standard_normal((ROWS, model.noise_dim), dtype=np.float32)
        (obs, _, _), state = model.step(state, action, torch.from_numpy(noise).to(model.device))
        state["obs"] = obs
        dreamed.append(obs.cpu().numpy()[going])
    codec = model.network.codec
    codec.widen(*np.quantile(np.concatenate(dreamed), (OUTLIERS, 1 - OUTLIERS), axis=0))
    low, high, span = _range(data.obs, data.next_obs)
    # Few episodes have little in common. But no dream goes further than MARGIN, and a cautious one must be able to end.
    margin = min(stray(data, codec.obs_numbers), MARGIN / 2) * span
    codec.widen(low - margin, high + margin)


def stray(data: Trajectories, numbers: Sequence[int]) -> float:
    """How far fresh episodes leave the range of the others in all but `STRAY` of their steps, as a share of it.

    At a step the one furthest out of the `numbers` of an observation counts; 0 or less where all stay within.
    """
    if not numbers:
        return 0.0
    part = data.episode % FOLDS
    beyond = []
    for fresh in (part == fold for fold in range(FOLDS)):
        if fresh.any() and not fresh.all():
            low, high, span = _range(data.obs[~fresh][:, numbers], data.next_obs[~fresh][:, numbers])
            met = data.next_obs[fresh][:, numbers]
            beyond.append((np.maximum(low - met, met - high) / np.where(span > 0, span, np.inf)).max(axis=1))
    return float(np.quantile(np.concatenate(beyond), 1 - STRAY)) if beyond else 0.0


def _range(*observations: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    low = np.min([each.min(axis=0) for each in observations], axis=0)
    high = np.max([each.max(axis=0) for each in observations], axis=0)
    return low, high, high - low
