"""Surprise: how unexpected transitions are to a model, calibrated on transitions that it did not learn from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc


@dataclass(frozen=True)
class Surprise:
    """Surprise at N transitions: `score` on the family's own scale, and how rarely usual transitions reach it.

    `p` is the share of held-out transitions that were at least as surprising, the one in question counted among them:
    uniform on (0, 1] where nothing has changed (a conformal p-value; Vovk et al. 2005).
    """

    score: NDArray[np.float32]  # (N,)
    p: NDArray[np.float64]  # (N,)
    episode: NDArray[np.int64]  # (N,), which transitions belong together

    @classmethod
    def among(cls, score: NDArray[np.float32], usual: NDArray[np.float32], episode: NDArray[np.int64]) -> "Surprise":
        """Scores beside the held-out ones `usual` `(M,)`, which are in ascending order."""
        at_least = len(usual) - np.searchsorted(usual, score, side="left")
        return cls(score, (1 + at_least) / (1 + len(usual)), episode)

    def windows(self, steps: int = 20) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The first transition of each run of `steps` of one episode, and its p-value by Fisher's method, `(W,)` each.

        −2 Σ ln p is χ² with 2 `steps` degrees of freedom as far as the transitions are independent.
        """
        whole = [
            part
            for episode in np.unique(self.episode)
            for part in _runs(np.flatnonzero(self.episode == episode), steps)
        ]
        totals = np.array([-2 * np.log(self.p[part]).sum() for part in whole])
        first = np.array([part[0] for part in whole], np.int64)
        return first, np.asarray(chdtrc(2 * steps, totals), np.float64)


def _runs(index: NDArray[np.int64], steps: int) -> list[NDArray[np.int64]]:
    return [index[at : at + steps] for at in range(0, len(index) - steps + 1, steps)]
