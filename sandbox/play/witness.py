"""What a model makes of what really happened: its surprise at the last real transition."""

import numpy as np
import torch
from torch import Tensor

from sandbox.models.core import WorldModel
from sandbox.models.ensemble import Ensemble
from sandbox.models.fitted import FittedModel
from sandbox.models.surprise import Surprise
from sandbox.spaces import Rows


@torch.inference_mode()
def surprise(model: FittedModel, obs: Rows, action: Rows, following: Rows, seed: int) -> float:
    """The p-value of the step to `following` `(D,)` after observations `(T, D)` and actions `(T, A)`, the last its own.

    It is the share of held-out transitions that surprised the model at least as much; `seed` decides the draws that
    some families measure surprise by. (`FittedModel.surprise` judges a whole log; here one step is judged, in time.)
    """
    device = model.device
    seen, acted, came = (torch.from_numpy(rows)[None].to(device) for rows in (obs, action, following))
    generator = torch.Generator(device).manual_seed(seed)
    scores = [_score(each, seen, acted, came, generator) for each in _networks(model)]
    mean = torch.stack(scores).mean(dim=0).cpu().numpy()
    return float(Surprise.among(mean, model.usual, np.zeros(1, np.int64)).p[0])


def _score(network: WorldModel, obs: Tensor, action: Tensor, following: Tensor, generator: torch.Generator) -> Tensor:
    """The head's own score of the last step, `(1,)`, from `(1, T, …)`."""
    whole = torch.ones(obs.shape[:2], dtype=torch.bool, device=obs.device)
    x = network.codec.features(obs, action)
    record = network.codec.record(x[:, -1], network.codec.change(obs[:, -1], following))
    return network.head.surprise(network.memory(x, whole)[:, -1], record, generator)


def _networks(model: FittedModel) -> list[WorldModel]:
    if isinstance(model.network, Ensemble):
        return [member for member in model.network.members if isinstance(member, WorldModel)]
    return [model.network]
