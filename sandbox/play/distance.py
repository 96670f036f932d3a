"""How far a dream is from the simulator, in units of the simulator's own spread.

Two futures of one simulator differ too. Of numbers, the squared difference is measured in that of two true futures,
2 σ², dimension by dimension; of classes, the count of those that differ in the count that differs between two true
futures, over all of them. The root of the mean is the distance: 1 is as far as the simulator is from itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.spaces import Layout, Rows

# Below a hundredth of the data's own spread a difference is rounding, even where the simulator has no spread at all.
FLOOR = 0.01
# What is beyond this share of the simulator's own futures is no longer one of them.
USUAL = 0.95


@dataclass(frozen=True)
class Ruler:
    """Measures observations of one world; `spread` `(D,)` is the data's own, 0 where a dimension never varies."""

    layout: Layout
    spread: NDArray[np.float64]

    def distances(self, rows: Rows, truth: Rows, futures: Rows | None) -> NDArray[np.float64]:
        """How far rows `(K, D)` are from the truth `(D,)`, `(K,)`, by true futures `(F, D)`.

        Without futures the unit is the data's own standard deviation, and one class that differs.
        """
        numbers, classes = self._numbers, self._classes
        gap = rows.astype(np.float64) - truth.astype(np.float64)
        far = gap[:, numbers] ** 2 / self._usual(futures)
        if not classes.any():
            return np.asarray(np.sqrt(far.mean(axis=1)), np.float64)
        count = (gap[:, classes] != 0).sum(axis=1, keepdims=True)
        if futures is None:
            shares = np.repeat(count / classes.sum(), max(1, int(classes.sum())), axis=1)
        else:
            shares = count / max(_differing(futures[:, classes]), 1.0)
        return np.asarray(np.sqrt(np.concatenate([far, shares], axis=1).mean(axis=1)), np.float64)

    def own(self, truth: Rows, futures: Rows) -> float:
        """The distance from the truth that 95 % of the simulator's own futures `(F, D)` keep."""
        return float(np.quantile(self.distances(futures, truth, futures), USUAL))

    @property
    def _classes(self) -> NDArray[np.bool_]:
        return np.array([element.kind != "continuous" for element in self.layout.elements], bool)

    @property
    def _numbers(self) -> NDArray[np.bool_]:
        return ~self._classes & (self.spread > 0)

    def _usual(self, futures: Rows | None) -> NDArray[np.float64]:
        """The squared difference that is one unit, of each number that varies."""
        own = self.spread[self._numbers] ** 2
        if futures is None:
            return np.asarray(own, np.float64)
        usual = 2 * futures[:, self._numbers].astype(np.float64).var(axis=0)
        return np.asarray(np.maximum(usual, FLOOR**2 * own), np.float64)


def _differing(classes: NDArray[np.float32]) -> float:
    """In how many columns of classes `(F, C)` two of the futures differ, on average over pairs."""
    rows, columns = classes.shape
    # Of each column, the pairs that agree.
    same = sum(float(((classes == value).sum(axis=0) ** 2).sum()) for value in np.unique(classes))
    return float(columns - same / rows**2)
