"""Rollouts under the same actions: for how many steps is the dream among the simulator's own futures?"""

import numpy as np
from numpy.typing import NDArray

from sandbox.branching import Branching, Futures, futures, play, visit
from sandbox.collection import Actor
from sandbox.metrics.baselines import Climatology, Dreamer, Persistence
from sandbox.metrics.dreamed import dreamed
from sandbox.metrics.figures import Section, side_by_side
from sandbox.metrics.scores import between_halves, energy_distance
from sandbox.metrics.standard import Standard
from sandbox.trajectories import Trajectories

STATES, FUTURES, STEPS = 20, 48, 50
# Chance is judged by this many random halvings of the true futures, at this quantile.
_HALVINGS, _QUANTILE = 100, 0.95
# Two points a hundredth of a standard deviation apart: less is no drift, even where the simulator has no spread at all.
TOLERANCE = 0.02


def rollouts(
    model: Dreamer,
    simulator: Branching,
    actor: Actor,
    climate: Trajectories,
    rng: np.random.Generator,
    states: int = STATES,
    count: int = FUTURES,
    steps: int = STEPS,
) -> Section:
    """Follow `count` dreamed and true futures from each of `states` states that `actor` reached, over `steps` steps.

    All futures of a state take the same actions, those of one more life of `actor`. Units are standard deviations of
    the observations over `climate`, and an ending is one unit; a future that ended stays as it ended.

    From one state the dream has *left the simulator's own spread* at the first step at which the energy distance of its
    futures to the true ones exceeds a bound that 95 % of true samples never exceed at any step, and `TOLERANCE`. The
    bound is a multiple of the mean distance at that step between random halves of twice as many true futures; the
    multiple is the 0.95 quantile, over halvings, of the largest ratio at any step. `drift_horizon` is the mean over
    states of the steps before the dream has left, at most `steps`. `energy_distance` is the mean over states and steps;
    the details hold its curve over the steps, beside that of the bound.
    """
    visited = visit(simulator, actor, states, model.history, rng)
    actions = play(simulator, visited, actor, steps, rng)
    standard = Standard.of(climate)
    truth = _points(futures(simulator, visited, actions, 2 * count, rng), standard)
    samples = {
        "dream": _points(dreamed(model, visited.starts, actions, count, rng), standard),
        "persistence": _points(dreamed(Persistence(climate), visited.starts, actions, 1, rng), standard),
        "climatology": _points(dreamed(Climatology(climate), visited.starts, actions, count, rng), standard),
        "simulator": _points(futures(simulator, visited, actions, count, rng), standard),
    }
    bound = np.maximum(_bounds(truth, rng), TOLERANCE)
    distance = {name: _distances(sample, truth[:, :count]) for name, sample in samples.items()}
    scores = {
        name: {"drift_horizon": float(_horizons(each, bound).mean()), "energy_distance": float(each.mean())}
        for name, each in distance.items()
    }
    curve = {name: each.mean(axis=1).tolist() for name, each in distance.items()}
    details = {
        "states": states,
        "futures": count,
        "steps": steps,
        "curve": curve | {"bound": bound.mean(axis=1).tolist()},
        "horizons": _horizons(distance["dream"], bound).tolist(),
    }
    return Section(side_by_side(scores, {"drift_horizon": "higher"}), details)


def _points(sample: Futures, standard: Standard) -> NDArray[np.float64]:
    """Futures as points `(T, F, S, P + 1)`; the last column says whether it has ended."""
    return np.concatenate([standard.points(sample.obs, "spread"), sample.ended[..., None]], axis=-1)


def _distances(sample: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """The energy distance at every step from every state, `(T, S)`."""
    steps, _, states, _ = truth.shape
    return np.array([[energy_distance(sample[t, :, s], truth[t, :, s]) for s in range(states)] for t in range(steps)])


def _bounds(truth: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """What chance alone reaches at every step from every state, `(T, S)`: a band for the whole curve of each state."""
    bounds = []
    for state in range(truth.shape[2]):
        halves = between_halves(truth[:, :, state], _HALVINGS, rng)  # (T, halvings)
        usual = halves.mean(axis=1, keepdims=True)
        ratio = np.divide(halves, usual, out=np.zeros_like(halves), where=usual > 0)
        bounds.append(np.quantile(ratio.max(axis=0), _QUANTILE) * usual[:, 0])
    return np.array(bounds).T


def _horizons(distance: NDArray[np.float64], bound: NDArray[np.float64]) -> NDArray[np.int64]:
    """The steps before the first that exceeds its bound, of each state `(S,)`; all steps where none does."""
    left = distance > bound
    return np.where(left.any(axis=0), left.argmax(axis=0), len(left))
