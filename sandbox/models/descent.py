"""Gradient descent and the best weights it came by; the state of both can be kept, and put back to the bit."""

import copy
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sandbox.models.core import Training, WorldModel

Arrays = dict[str, NDArray[Any]]

# Ending, reward and prize are half of an update's cost. They learn at every other update, with steps so many times as
# large: on a log of Lander (two seeds) held-out losses were as good as before, at 0.7 of the time.
OUTCOME_EVERY, OUTCOME_RATE = 2, 3.0


class Keeper(Protocol):
    """Where an unfinished fit is kept; see `sandbox.journal.Keeper`."""

    @property
    def is_due(self) -> bool:
        """Whether the state should be kept now."""
        ...

    def kept(self) -> tuple[Arrays, dict[str, Any]] | None:
        """What was kept last."""
        ...

    def keep(self, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> None:
        """Keep arrays and JSON."""
        ...


def tensors_of(module: nn.Module, prefix: str) -> Arrays:
    """Copies of the weights of `module`, their names after `prefix`."""
    return {prefix + name: tensor.detach().cpu().numpy().copy() for name, tensor in module.state_dict().items()}


def take_tensors(module: nn.Module, arrays: Mapping[str, NDArray[Any]], prefix: str) -> None:
    """Put back what `tensors_of` gave."""
    module.load_state_dict(_stripped(arrays, prefix))


def _stripped(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(np.array(array))
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


class Descent:
    """One gradient step a call, by AdamW on a one-cycle schedule."""

    def __init__(self, network: WorldModel, training: Training, updates: int, peak: float) -> None:
        self.network = network
        dynamics = [*network.memory.parameters(), *network.head.parameters()]
        outcome = list(network.outcome.parameters())
        # Once, and not at every step: to find them means to walk through all modules.
        self.weights = dynamics + outcome
        peaks = [peak, peak * OUTCOME_RATE]
        self.optimiser = torch.optim.AdamW(
            [{"params": dynamics, "lr": peaks[0]}, {"params": outcome, "lr": peaks[1]}],
            betas=training.betas,
            weight_decay=training.weight_decay,
            fused=True,
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            # A cycle of fewer steps than this would have no room to rise in.
            self.optimiser,
            peaks,
            max(updates, 20),
            pct_start=0.1,
            cycle_momentum=False,
        )

    def __call__(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Take the step; returns the mean loss of each part that learned."""
        update = self.schedule.last_epoch + 1
        losses = self.network.losses(batch, generator, dynamics_alone=update % OUTCOME_EVERY > 0)
        losses = {name: loss.mean() for name, loss in losses.items()}
        for weight in self.weights:
            weight.grad = None
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.weights, 10.0)
        self.optimiser.step()
        self.schedule.step()
        return losses

    def arrays(self) -> Arrays:
        """The weights and the optimiser's moments."""
        moments = {
            f"optimiser.{index}.{name}": value.detach().cpu().numpy().copy()
            for index, state in self.optimiser.state_dict()["state"].items()
            for name, value in state.items()
        }
        return tensors_of(self.network, "network.") | moments

    def record(self) -> dict[str, Any]:
        """Where the schedule stands, as JSON."""
        return {"epoch": self.schedule.last_epoch, "rates": list(self.schedule.get_last_lr())}

    def take(self, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> None:
        """Go back to what `arrays` and `record` gave."""
        take_tensors(self.network, arrays, "network.")
        state = self.optimiser.state_dict()
        for key, value in _stripped(arrays, "optimiser.").items():
            index, name = key.split(".")
            state["state"].setdefault(int(index), {})[name] = value
        for group, rate in zip(state["param_groups"], record["rates"], strict=True):
            group["lr"] = rate
        self.optimiser.load_state_dict(state)
        self.schedule.last_epoch = record["epoch"]


class Best:
    """The best weights of each part by its own held-out loss."""

    def __init__(self, network: WorldModel, patience: int) -> None:
        self.network = network
        self.patience = patience
        self.loss: dict[str, float] = {}
        self.weights: dict[str, list[dict[str, Any]]] = {}
        self.since: dict[str, int] = {}

    def consider(self, judged: Mapping[str, float]) -> None:
        """Remember the weights of every part whose loss is the lowest so far."""
        for name, loss in judged.items():
            if loss < self.loss.get(name, np.inf):
                self.loss[name], self.since[name] = loss, 0
                self.weights[name] = [copy.deepcopy(module.state_dict()) for module in self.network.part(name)]
            else:
                self.since[name] = self.since.get(name, 0) + 1

    @property
    def exhausted(self) -> bool:
        """Whether no part has become better for too long."""
        return all(count >= self.patience for count in self.since.values())

    def restore(self) -> dict[str, float]:
        """Put every part's best weights into the network; returns their losses."""
        for name, saved in self.weights.items():
            for module, weights in zip(self.network.part(name), saved, strict=True):
                module.load_state_dict(weights)
        return self.loss

    def arrays(self) -> Arrays:
        """The remembered weights."""
        return {
            f"best.{name}.{place}.{key}": tensor.cpu().numpy().copy()
            for name, saved in self.weights.items()
            for place, weights in enumerate(saved)
            for key, tensor in weights.items()
        }

    def record(self) -> dict[str, Any]:
        """The losses and how long ago they were, as JSON."""
        return {"loss": dict(self.loss), "since": dict(self.since)}

    def take(self, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> None:
        """Go back to what `arrays` and `record` gave."""
        self.loss, self.since = dict(record["loss"]), dict(record["since"])
        self.weights = {
            name: [_stripped(arrays, f"best.{name}.{place}.") for place, _ in enumerate(self.network.part(name))]
            for name in self.loss
        }
