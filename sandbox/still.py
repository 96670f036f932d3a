"""A dream in which nothing changes: what a model has to beat to have dreamed anything."""

import torch
from torch import Tensor

from sandbox.models.core import State, WorldModel
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Starts


class Still:
    """A fitted model robbed of its dynamics, as `Dynamics`: the observation stays for ever, whatever is done.

    Reward and ending are drawn by the part of the model that all families share, as if nothing had changed.
    """

    def __init__(self, model: FittedModel) -> None:
        """Still the dream of `model`.

        Raises:
            ValueError: an ensemble, whose members have nothing to disagree about here.
        """
        if not isinstance(model.network, WorldModel):
            raise ValueError("a dream in which nothing changes needs one model, not an ensemble")
        self.model, self.network = model, model.network
        self.noise_dim = self.network.outcome.noise_dim
        self.history = model.history

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.device

    def begin(self, starts: Starts) -> State:
        """See `Dynamics.begin`."""
        return self.network.begin(starts)

    @torch.inference_mode()
    def step(
        self, state: State, action: Tensor, noise: Tensor, temperature: float = 1.0
    ) -> tuple[tuple[Tensor, Tensor, Tensor], State]:
        """One tick of every row; see `Dynamics.step`."""
        obs, codec = state["obs"], self.network.codec
        x = codec.features(obs, action)
        context, memory = self.network.memory.step({k: v for k, v in state.items() if k != "obs"}, x)
        evidence = self.network.evidence(context, x, obs, codec.change(obs, obs))
        reward, terminated = self.network.paid(evidence, noise, temperature)
        return (obs.clone(), reward, terminated), {**memory, "obs": obs.clone()}
