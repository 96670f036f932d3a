"""The branch test: many true futures of one state and action against many dreamed ones.

Held-out data show one successor of a state, which tells a law from another only on average over many states. A
simulator that can be branched shows the law itself, state by state, and how far two samples of it lie apart by chance.
"""

import numpy as np
from numpy.typing import NDArray

from sandbox.branching import Branching, Futures, futures, play, visit
from sandbox.collection import Actor
from sandbox.metrics.baselines import Climatology, Dreamer, Persistence
from sandbox.metrics.dreamed import dreamed
from sandbox.metrics.figures import Figure, Section, side_by_side, without_gaps
from sandbox.metrics.scores import energy_distance, energy_distance_1d, mean_distance
from sandbox.metrics.standard import Standard
from sandbox.trajectories import Trajectories

STATES, FUTURES = 100, 256
# A column whose conditional standard deviation is below this share of a unit is not left to chance.
_CHANCE = 1e-3


def branch_test(
    model: Dreamer,
    simulator: Branching,
    actor: Actor,
    climate: Trajectories,
    rng: np.random.Generator,
    states: int = STATES,
    count: int = FUTURES,
) -> Section:
    """Energy distances between dreamed and true successors of `states` states that `actor` reached, `count` each.

    Units are standard deviations of a step's change over `climate`; a class that differs, and an ending, is one unit.
    `energy_distance` is the mean over states, of observation and ending together; `chance_distance` is that of the
    dimensions which the simulator leaves to chance (what the others show is error, however small, in what is certain).
    `ratio` and `chance_ratio` are these as multiples of the simulator's distance to itself: 1 is perfect.
    `energy_score` is the score that `one_step` estimates from single successors, here with what nobody can beat beside
    it: the simulator's own. The details hold the distance of each dimension alone.
    """
    visited = visit(simulator, actor, states, model.history, rng)
    actions = play(simulator, visited, actor, 1, rng)
    standard = Standard.of(climate)
    truth = futures(simulator, visited, actions, count, rng)
    samples = {
        "dream": dreamed(model, visited.starts, actions, count, rng),
        "persistence": dreamed(Persistence(climate), visited.starts, actions, 1, rng),
        "climatology": dreamed(Climatology(climate), visited.starts, actions, count, rng),
        "simulator": futures(simulator, visited, actions, count, rng),
    }
    points = {name: _points(sample, standard) for name, sample in samples.items()}
    true_points = _points(truth, standard)
    left_to_chance = true_points.std(axis=0).mean(axis=0) > _CHANCE
    details = {
        "states": states,
        "futures": count,
        "dimensions": {name: without_gaps(each) for name, each in _dimensions(samples, truth, standard).items()},
        "left_to_chance": _names(left_to_chance, standard),
    }
    left_out = {}
    if not left_to_chance.any():
        left_out["ratio"] = "the simulator leaves nothing to chance, so its distance to itself is 0"
    return Section(side_by_side(_scores(points, true_points, left_to_chance)), details, left_out)


def _scores(
    points: dict[str, NDArray[np.float64]], truth: NDArray[np.float64], left_to_chance: NDArray[np.bool_]
) -> dict[str, dict[str, float]]:
    """The figures of every sample `(F, S, P)` against `truth`; no ratios where nothing is left to chance."""
    spread = float(np.mean([mean_distance(truth[:, state]) for state in range(truth.shape[1])]))
    scores = {}
    for name, sample in points.items():
        distance = _distance(sample, truth)
        # E|X − Y| − ½ E|X − X'|, from 2 E|X − Y| − E|X − X'| − E|Y − Y'|
        scores[name] = {"energy_score": (distance + spread) / 2, "energy_distance": distance}
        if left_to_chance.any():
            scores[name]["chance_distance"] = _distance(sample[..., left_to_chance], truth[..., left_to_chance])
    if left_to_chance.any():
        for kind in ("", "chance_"):
            of = f"{kind or 'energy_'}distance"
            itself = scores["simulator"][of]
            for each in scores.values():
                each[f"{kind}ratio"] = each[of] / itself
    return scores


def _points(sample: Futures, standard: Standard) -> NDArray[np.float64]:
    """Successors as points `(F, S, P + 1)`; the last column is the ending."""
    return np.concatenate([standard.points(sample.obs[0]), sample.ended[0][..., None]], axis=-1)


def _distance(sample: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """The mean over states of the energy distance between `(F, S, P)` and `(F', S, P)`."""
    if truth.shape[-1] == 1:
        return float(energy_distance_1d(sample[..., 0], truth[..., 0]).mean())
    return float(np.mean([energy_distance(sample[:, s], truth[:, s]) for s in range(truth.shape[1])]))


def _dimensions(samples: dict[str, Futures], truth: Futures, standard: Standard) -> dict[str, Figure]:
    """The distance of every dimension alone, of the reward and of the ending; of a class, summed over its values."""
    true_columns = _columns(truth, standard)
    origin = np.append(standard.origin, [len(standard.names), len(standard.names) + 1])
    scores = {}
    for name, sample in samples.items():
        each = energy_distance_1d(_columns(sample, standard), true_columns).mean(axis=0)
        scores[name] = dict(
            zip((*standard.names, "ending", "reward"), np.bincount(origin, weights=each).tolist(), strict=True)
        )
    return side_by_side(scores)


def _columns(sample: Futures, standard: Standard) -> NDArray[np.float64]:
    reward = sample.reward[0][..., None].astype(np.float64) / standard.reward
    return np.concatenate([_points(sample, standard), reward], axis=-1)


def _names(columns: NDArray[np.bool_], standard: Standard) -> list[str]:
    """The names of the dimensions that the marked columns of `_points` come from."""
    found = [standard.names[i] for i in dict.fromkeys(standard.origin[columns[:-1]].tolist())]
    return [*found, "ending"] if columns[-1] else found
