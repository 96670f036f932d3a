"""Planning in a model: what the plans of `sandbox_agents.Planner` are worth, imagined by any dynamics."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import sandbox_agents
from sandbox.models.core import Dynamics, State
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Starts
from sandbox_agents import Agent, Planner
from sandbox_agents.planner import Plans, Values, is_planner
from sandbox_agents.storage import read_agent

Batch = Any

# What the strangest of plans is worth more than the most usual one, in usual rewards: it only decides between plans
# that pay alike. Acrobot pays -1 until its goal, which no random play of it reaches.
CURIOSITY = 0.01
_TINY = 1e-12


class Imagined:
    """The foresight of a fitted model: every plan is lived once in its mind, from the present observation on.

    A cautious one expects the worst wherever a plan leaves the range of the data, as a cautious dream does. Of plans
    that pay alike it prefers the one that leads to what is least usual: where nothing is paid, it looks about.
    """

    def __init__(self, model: FittedModel, cautious: bool = True) -> None:
        self.model, self.cautious = model, cautious

    def returns(self, obs: Batch, plans: Plans, rng: np.random.Generator) -> Values:
        """See `sandbox_agents.planner.Foresight`."""
        present = self.model.observation.to_rows(obs)
        rows = len(present)
        nothing = np.zeros((rows, 0, self.model.action.width), np.float32)  # no history: a planner remembers none
        begun = self.model.begin(Starts(present[:, None], nothing, np.zeros(rows, np.int64)))
        paid, strange = foreseen(self.model, begun, self._as_rows(plans), rng, cautious=self.cautious)
        share = strange / np.maximum(strange.max(axis=1, keepdims=True), _TINY)
        return np.asarray(paid + CURIOSITY * self.model.reward_unit * share, np.float64)

    def save(self, path: Path) -> None:
        """Write the model as the folder `path`."""
        self.model.save(path)

    def _as_rows(self, plans: Plans) -> NDArray[np.float32]:
        """Plans of the environment's actions as the model's rows: categories count from 0 there."""
        space = self.model.action.space
        flat = plans.reshape(-1, *(space.shape or ())) if plans.dtype.kind == "f" else plans.reshape(-1)
        return self.model.action.to_rows(flat).reshape(*plans.shape[:3], self.model.action.width)


@torch.inference_mode()
def foreseen(
    model: Dynamics | FittedModel,
    begun: State,
    plans: NDArray[np.float32],
    rng: np.random.Generator,
    *,
    cautious: bool = False,
) -> tuple[Values, Values]:
    """What `plans` `(B, K, T, A)` return from the states `begun`, `(B, K)`, and the strangest that they come by.

    Nothing more is paid or seen after an ending. All plans of one situation live under the same random numbers, so that
    luck does not decide between them. With `cautious`, a step of a fitted model that leaves the range of its data pays
    the worst ever seen, and ends. To dynamics that were not fitted nothing is strange.
    """
    rows, count, steps, _ = plans.shape
    device = getattr(model, "device", torch.device("cpu"))
    state = {name: leaf.repeat_interleave(count, 0) for name, leaf in begun.items()}
    total = torch.zeros(rows * count, dtype=torch.float64, device=device)
    strangest = torch.zeros_like(total)
    alive = torch.ones(rows * count, dtype=torch.bool, device=device)
    for step in range(steps):
        noise = rng.standard_normal((rows, model.noise_dim), np.float32).repeat(count, axis=0)
        acted = torch.from_numpy(np.ascontiguousarray(plans[:, :, step].reshape(rows * count, -1), np.float32))
        (obs, reward, ended), state = model.step(state, acted.to(device), torch.from_numpy(noise).to(device))
        if isinstance(model, FittedModel):
            strange = torch.where(alive, model.strangeness(obs).double(), 0.0)
            strangest = torch.maximum(strangest, strange)
        if cautious and isinstance(model, FittedModel):
            lost = ~model.is_known(obs) & ~ended
            reward, ended = torch.where(lost, model.worst, reward), ended | lost
        total += torch.where(alive, reward.double(), 0.0)
        alive &= ~ended
    return _as_values(total, rows), _as_values(strangest, rows)


def _as_values(numbers: torch.Tensor, rows: int) -> Values:
    """`(B · K,)` as `(B, K)`."""
    return np.asarray(numbers.reshape(rows, -1).cpu().numpy(), np.float64)


def load_agent(path: Path | str, device: str = "cpu") -> Agent:
    """Any stored agent: a planner with its model, or whatever `sandbox_agents.load` brings back.

    Raises:
        ValueError: the folder is missing, damaged, or not an agent's.
    """
    if not is_planner(path):
        return sandbox_agents.load(path, device)
    record, _ = read_agent(Path(path))
    return Planner.restore(record, Imagined(FittedModel.load(Path(path) / "foresight", device)))
