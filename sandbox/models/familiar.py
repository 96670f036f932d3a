"""What a model is at home with: the range of its data, and of what it dreams where the data's own actions are taken.

A dream blurs. Where the model is coarse or the observation wide, it leaves the range of the data in its first steps,
whatever an agent does; a cautious dream that ended there would teach that no action makes a difference.
"""

import numpy as np
import torch

from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories, starts_at

ROWS, STEPS = 256, 16  # dreams, and how far they follow a log: as far as a fit's chunks
OUTLIERS = 0.001  # share of dreamed values, at either end of a dimension, that are not counted as known


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
    model.network.codec.widen(*np.quantile(np.concatenate(dreamed), (OUTLIERS, 1 - OUTLIERS), axis=0))
