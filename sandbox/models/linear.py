"""The linear law of a step: what the present and the action explain of a change by a line; heads draw what is left.

Most of physics is one: a position moves by its speed, a stock by what is ordered. A network that learns such a law by
gradient steps misses it by a few hundredths of a usual change, always to the same side, and over the steps of a dream
that adds up; least squares has it exactly, and what is left for the network is small and told in its own unit.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

# Without the products of observation and action a law is the same line for every action. Beyond so many terms it is,
# and of more numbers than that none is sought.
MOST_TERMS = 400
# A number has a law where that leaves at most this share of a usual change, at steps that did not teach it.
LEFT = 0.05
# What is left is told in units no smaller than this share of a usual change: beneath lie rounding errors.
FINEST = 1e-3
# The ridge, as a share of the steps: what the data do not say is taken to be nothing.
RIDGE = 1e-4
# Every so many steps one judges.
FOLDS = 5


class LinearLaw(nn.Module):
    """The changes of `numbers` that are to be expected, as a line in observation, action and their products.

    Everything is standardised: `x` `(…, O + A)` holds the observation and the action as a memory sees them, and a
    change is in units of its standard deviation. Until `learn` it expects nothing, and of very many numbers never.
    """

    weights: Tensor
    scale: Tensor
    has_law: Tensor

    def __init__(self, observation: int, action: int, numbers: int) -> None:
        super().__init__()
        self._observation = observation
        self._crossed = (1 + observation) * (1 + action) <= MOST_TERMS
        terms = (1 + observation) * (1 + action) if self._crossed else 1 + observation + action
        self._sought = terms <= MOST_TERMS
        self.register_buffer("weights", torch.zeros(terms if self._sought else 0, numbers))
        self.register_buffer("scale", torch.ones(numbers))
        self.register_buffer("has_law", torch.zeros(numbers, dtype=torch.bool))

    def forward(self, x: Tensor) -> Tensor:
        """The expected changes, `(…, D)`."""
        if not self.has_law.any():
            return x.new_zeros(*x.shape[:-1], len(self.scale))
        expected: Tensor = self._terms(x) @ self.weights
        return expected

    def learn(self, x: Tensor, change: Tensor) -> None:
        """Fit the law to steps `(N, O + A)` and their changes `(N, D)`, by ridge regression.

        Numbers that a line does not explain keep no law.
        """
        if not self._sought:
            return
        terms, changes = self._terms(x).double().numpy(), change.double().numpy()
        judges = np.arange(len(terms)) % FOLDS == FOLDS - 1
        left = changes[judges] - terms[judges] @ _solved(terms[~judges], changes[~judges])
        has_law = (left**2).mean(axis=0) <= LEFT**2 * changes[judges].var(axis=0)
        self.has_law.copy_(torch.from_numpy(has_law))
        weights = np.where(has_law, _solved(terms, changes), 0.0)
        scale = np.where(has_law, np.maximum((changes - terms @ weights).std(axis=0), FINEST), 1.0)
        self.weights.copy_(torch.from_numpy(weights.astype(np.float32)))
        self.scale.copy_(torch.from_numpy(scale.astype(np.float32)))

    def _terms(self, x: Tensor) -> Tensor:
        """One, observation, action, and the products of each two, `(…, P)`."""
        if not self._crossed:
            return torch.cat([torch.ones_like(x[..., :1]), x], dim=-1)
        one = torch.ones_like(x[..., :1])
        observation = torch.cat([one, x[..., : self._observation]], dim=-1)
        action = torch.cat([one, x[..., self._observation :]], dim=-1)
        return (observation[..., :, None] * action[..., None, :]).flatten(-2)


def _solved(terms: NDArray[np.float64], changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights `(P, D)` of a ridge regression."""
    ridge = RIDGE * max(len(terms), 1) * np.eye(terms.shape[1])
    return np.asarray(np.linalg.solve(terms.T @ terms + ridge, terms.T @ changes), np.float64)
