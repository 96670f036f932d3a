"""One ruler for all dimensions: numbers in standard deviations, classes as one unit a mismatch."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox.spaces import Layout, layout
from sandbox.trajectories import Trajectories

# A change below this share of a dimension's spread is rounding, no scale to measure by.
_ROUNDING = 1e-3

Unit = Literal["change", "spread"]


@dataclass(frozen=True)
class Standard:
    """How observations are put on one scale, measured on data.

    In units of `change`, the standard deviation of a dimension's change in one step, the noise of a step is visible
    beside what merely persists; in units of `spread`, that of the dimension itself, an error is a share of all.
    """

    layout: Layout
    mean: NDArray[np.float64]  # (D,)
    change: NDArray[np.float64]  # (D,), never 0
    spread: NDArray[np.float64]  # (D,), never 0
    reward: float  # the standard deviation of rewards; 1 where they are all alike
    varying: NDArray[np.int64]  # the continuous dimensions that really vary
    names: tuple[str, ...]  # (D,)

    @classmethod
    def of(cls, data: Trajectories) -> "Standard":
        """The scale of `data`."""
        obs, following = data.obs.astype(np.float64), data.next_obs.astype(np.float64)
        mean, spread = obs.mean(axis=0), np.concatenate([obs, following]).std(axis=0)
        spread = np.where(spread > 1e-6 * (1e-6 + np.abs(mean)), spread, 0.0)
        change = np.maximum((following - obs).std(axis=0), _ROUNDING * spread)
        is_number = np.array([e.kind == "continuous" for e in data.observation_layout.elements], bool)
        alone = np.maximum(1.0, np.abs(mean))  # a dimension that never varied is measured by its own size
        return cls(
            layout=data.observation_layout,
            mean=mean,
            change=np.where(spread > 0, change, alone),
            spread=np.where(spread > 0, spread, alone),
            reward=float(data.reward.std()) or 1.0,
            varying=np.flatnonzero(is_number & (spread > 0)),
            names=dimension_names(data.observation_space),
        )

    def numbers(self, obs: NDArray[Any], unit: Unit = "change") -> NDArray[np.float64]:
        """The continuous dimensions of `obs` `(…, D)` that vary, on the scale, `(…, V)`."""
        scale = self.change if unit == "change" else self.spread
        return np.asarray((obs[..., self.varying] - self.mean[self.varying]) / scale[self.varying], np.float64)

    def points(self, obs: NDArray[Any], unit: Unit = "change") -> NDArray[np.float64]:
        """`obs` `(…, D)` as points `(…, P)` whose distance is Euclid's, and 1 for one class that differs."""
        scale = self.change if unit == "change" else self.spread
        standard = obs.astype(np.float64)
        is_number = np.array([e.kind == "continuous" for e in self.layout.elements], bool)
        standard[..., is_number] = ((standard - self.mean) / scale)[..., is_number]
        # Two different unit vectors are √2 apart.
        return indicators(self.layout, standard, size=1 / np.sqrt(2))

    @property
    def origin(self) -> NDArray[np.int64]:
        """The dimension that each column of `points` comes from, `(P,)`."""
        widths = [e.categories if e.kind == "categorical" else 1 for e in self.layout.elements]
        return np.repeat(np.arange(len(widths)), widths)


def indicators(layout: Layout, rows: NDArray[Any], size: float = 1.0) -> NDArray[np.float64]:
    """Rows `(…, D)` with an indicator of the given `size` in the place of each category, `(…, P)`."""
    columns = [
        np.eye(element.categories)[rows[..., place].astype(np.int64)] * size
        if element.kind == "categorical"
        else rows[..., place, None]
        for place, element in enumerate(layout.elements)
    ]
    return np.concatenate(columns, axis=-1, dtype=np.float64)


def dimension_names(space: spaces.Space[Any], prefix: str = "") -> tuple[str, ...]:
    """A name for every column of a row of `space`: `obs[3]`, or `wind`, `place[0]` where the space has names."""
    match space:
        case spaces.Dict():
            parts = [(f"{prefix}.{key}" if prefix else str(key), part) for key, part in space.spaces.items()]
        case spaces.Tuple():
            parts = [(f"{prefix or 'obs'}.{place}", part) for place, part in enumerate(space.spaces)]
        case _:
            width = layout(space).width
            return (prefix,) if width == 1 and prefix else tuple(f"{prefix or 'obs'}[{i}]" for i in range(width))
    return tuple(name for inner, part in parts for name in dimension_names(part, inner))
