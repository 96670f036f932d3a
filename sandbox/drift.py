"""Where a model goes wrong: its forecasts on real episodes that it has not seen, by dimension and by steps ahead."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.forecast import choose, forecast
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories

FURTHEST, NEAREST = 50, 2  # steps ahead: at most, and too few to be a curve below
STARTS, FUTURES = 64, 16
# Numbers in all futures together: an observation of very many dimensions is forecast from fewer starts.
NUMBERS = 2**20
DIGITS = 4  # significant ones: more would be noise, and a page holds many cards


def drift(
    model: FittedModel, held_out: Trajectories, climate: Trajectories, rng: np.random.Generator
) -> dict[str, Any]:
    """Score forecasts of `model`, which was made from `climate`, on `held_out`, as a card of plain values.

    `drift` holds the CRPS at every step ahead, the mean over the dimensions, of `dream`, `persistence` and
    `climatology`; `dimensions` that of the dream in every dimension, the mean over the steps. Both are means over the
    `starts`, moments drawn from `held_out`, under the actions taken there, and in standard deviations of `climate`.
    See `forecast` for the score.

    At least half of all held-out steps lie in episodes that are twice as long as the forecasts or longer, so that no
    single long life decides; they look 50 steps ahead at most. Where a dream leaves all bounds, the card ends with its
    last finite step. It is empty where the episodes are too short to see two steps ahead, or nothing finite is left.
    """
    typical = float(np.median(held_out.lengths[held_out.episode])) if len(held_out) else 0.0
    steps = min(FURTHEST, int(typical) // 2)
    if steps < NEAREST:
        return {}
    count = int(np.clip(NUMBERS // (steps * FUTURES * held_out.obs.shape[1]), 1, STARTS))
    at = choose(held_out, steps, model.history, count, rng)
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite future has no score, and is cut off below
        found = forecast(model, held_out, at, steps, FUTURES, rng, climate=climate)
    reached = int(np.isfinite(found.score("dream")).cumprod().sum())
    if reached < NEAREST:
        return {}
    errors = found.crps["dream"][:reached].mean(axis=0)
    return {
        "starts": len(at),
        "futures": FUTURES,
        "dimensions": dict(zip(found.names, _plain(errors), strict=True)),
        "drift": {who: _plain(found.score(who)[:reached]) for who in found.crps},
    }


def _plain(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]
