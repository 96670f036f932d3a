"""A discriminative model as judge: can a classifier tell dreamed transitions from real ones, and by what?

The classifier two-sample test (Lopez-Paz & Oquab, "Revisiting classifier two-sample tests", 2017): a classifier is
trained to tell two samples apart and judged on data that it did not see; where it cannot, the laws are alike as far as
it can see. Gradient boosting, because a linear judge is nearly blind to a wrong spread.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.metrics.baselines import Dreamer, with_baselines
from sandbox.metrics.dreamed import successors
from sandbox.metrics.figures import NotApplicableError, Section, side_by_side
from sandbox.metrics.scores import auroc
from sandbox.metrics.standard import Standard, indicators
from sandbox.trajectories import Trajectories

MOST_TRANSITIONS = 2000
_FEWEST_TRANSITIONS, _FEWEST_EPISODES = 40, 8
_TREES = 60
# Dimensions that are judged alone: each costs a judge of its own.
_MOST_ALONE = 32
# No judge sees finer than this share of a usual change: else the last bits of what is certain would tell.
_BLUR = 0.01


class TooFewTransitionsError(NotApplicableError):
    """Too little held-out data to train a judge on one half and to test it on the other."""


class _Samples(NamedTuple):
    """Real and dreamed outcomes of the same situations, and which half of the episodes each belongs to."""

    situation: NDArray[np.float64]  # (N, X)
    real: NDArray[np.float64]  # (N, D + 2): the outcome's columns
    fake: NDArray[np.float64]  # (N, D + 2)
    lesson: NDArray[np.bool_]  # (N,): trained on; the others test


def judge(
    model: Dreamer,
    held_out: Trajectories,
    climate: Trajectories,
    rng: np.random.Generator,
    transitions: int = MOST_TRANSITIONS,
) -> Section:
    """How well a classifier tells dreamed from real transitions, as the AUC on episodes that it was not trained on.

    Each of up to `transitions` situations of `held_out` comes with its real and with a dreamed outcome. The judge sees
    observation, action, the change of each number (the value of each class), reward and ending, none of them finer than
    a hundredth of a usual change. `auc` is 0.5 where it
    cannot tell and 1 where it always can. Trees see wrong proportions and a wrong spread, but hardly a small violation
    of an exact law; `expert_auc` is that of a judge who is also told by how much each outcome differs from what a
    linear regression on the real lessons expects, and whom hardly any noise in what is certain escapes.

    The details hold `chance_error`, the standard error of an AUC of 0.5, and the AUC of both judges where they see of
    the outcome one dimension alone: those near 1 give the dream away. Of more than 32 dimensions these are reward,
    ending and those whose means differ most in the lessons.

    Raises:
        TooFewTransitionsError: fewer than 40 transitions.
    """
    if len(held_out) < _FEWEST_TRANSITIONS:
        raise TooFewTransitionsError(
            f"{len(held_out)} held-out transitions are too few for a judge; give at least {_FEWEST_TRANSITIONS}"
        )
    chosen = np.sort(rng.permutation(len(held_out))[:transitions])
    lesson = _halves(held_out, rng)[chosen]
    dreams, standard = with_baselines(model, climate), Standard.of(climate)
    samples = {name: _samples(each, held_out, chosen, lesson, standard, rng) for name, each in dreams.items()}
    scores = {
        name: {"auc": _auc(each, rng), "expert_auc": _auc(_with_expectation(each), rng)}
        for name, each in samples.items()
    }
    names = (*standard.names, "reward", "ending")
    tested = int((~lesson).sum())
    details = {
        "transitions": len(chosen),
        "chance_error": float(np.sqrt((2 * tested + 1) / (12 * tested**2))),  # Mann & Whitney (1947)
        "dimensions": _by_dimension(samples["dream"], names, rng),
        "expert_dimensions": _by_dimension(_with_expectation(samples["dream"]), names, rng),
    }
    return Section(side_by_side(scores, {"auc": 0.5, "expert_auc": 0.5}), details)


def _halves(data: Trajectories, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A mark on the transitions of a random half of the episodes; of only a few long ones, on half of their pieces."""
    pieces = data.episode
    if len(data.lengths) < _FEWEST_EPISODES:
        pieces = np.arange(len(data)) * _FEWEST_EPISODES // len(data)
    count = int(pieces[-1]) + 1
    return np.isin(pieces, rng.permutation(count)[: count // 2])


def _samples(
    model: Dreamer,
    data: Trajectories,
    chosen: NDArray[np.int64],
    lesson: NDArray[np.bool_],
    standard: Standard,
    rng: np.random.Generator,
) -> _Samples:
    obs, reward, ended = successors(model, data, chosen, 1, rng)
    before, action = data.obs[chosen], data.action[chosen]
    happened = (data.next_obs[chosen], data.reward[chosen], data.terminated[chosen])
    real = _outcome(before, *happened, standard, rng)
    fake = _outcome(before, obs[0], reward[0], ended[0], standard, rng)
    parts = [indicators(data.observation_layout, before), indicators(data.action_layout, action)]
    return _Samples(np.concatenate(parts, axis=1), real, fake, lesson)


def _outcome(
    before: NDArray[Any],
    after: NDArray[Any],
    reward: NDArray[Any],
    ended: NDArray[Any],
    standard: Standard,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """What came of each situation, in columns `(N, D + 2)`: changes of numbers, values of classes, reward, ending."""
    columns = np.column_stack([after, reward, ended]).astype(np.float64)
    numbers = standard.varying
    columns[:, numbers] -= before[:, numbers]
    blur = np.zeros(columns.shape[1])
    blur[numbers], blur[-2] = standard.change[numbers], standard.reward
    return np.asarray(columns + _BLUR * blur * rng.standard_normal(columns.shape))


def _with_expectation(samples: _Samples) -> _Samples:
    """The same with columns added: how far each outcome is from the linear expectation given the situation."""
    design = np.column_stack([samples.situation, np.ones(len(samples.situation))])
    weights = np.linalg.lstsq(design[samples.lesson], samples.real[samples.lesson], rcond=None)[0]
    expected = design @ weights
    real, fake = (np.column_stack([each, each - expected]) for each in (samples.real, samples.fake))
    return samples._replace(real=real, fake=fake)


def _by_dimension(samples: _Samples, names: Sequence[str], rng: np.random.Generator) -> dict[str, float]:
    """The AUC of a judge of each dimension alone, the most telling first."""
    count = len(names)
    told = {names[place]: _auc(samples, rng, slice(place, None, count)) for place in _suspects(samples, count)}
    return dict(sorted(told.items(), key=lambda item: -item[1]))


def _suspects(samples: _Samples, count: int) -> NDArray[np.int64]:
    """The places of the dimensions that are judged alone, of `count`, in their order."""
    real, fake = (each[samples.lesson, : count - 2] for each in (samples.real, samples.fake))
    spread = np.concatenate([real, fake]).std(axis=0)
    apart = np.abs(real.mean(axis=0) - fake.mean(axis=0)) / np.where(spread > 0, spread, 1)
    most = np.argsort(-apart, kind="stable")[: _MOST_ALONE - 2]
    return np.sort(np.append(most, [count - 2, count - 1]))


def _auc(samples: _Samples, rng: np.random.Generator, columns: slice = slice(None)) -> float:
    """The held-out AUC of a judge that sees `columns` of the outcome; 0.5 where real and dreamed ones are the same."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # here, because it takes a second to import
    from threadpoolctl import threadpool_limits

    real, fake, lesson = samples.real[:, columns], samples.fake[:, columns], samples.lesson
    if np.array_equal(real, fake):
        return 0.5
    classifier = HistGradientBoostingClassifier(
        max_iter=_TREES, max_leaf_nodes=15, early_stopping=False, random_state=int(rng.integers(2**31))
    )
    with threadpool_limits(1):
        classifier.fit(*_labelled(samples.situation[lesson], real[lesson], fake[lesson]))
        rows, label = _labelled(samples.situation[~lesson], real[~lesson], fake[~lesson])
        area = auroc(classifier.predict_proba(rows)[:, 1], label)
    assert area is not None  # both labels are there by construction
    return area


def _labelled(
    situation: NDArray[np.float64], real: NDArray[np.float64], fake: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rows of both kinds and which of them were dreamed: `(2N, …)`, `(2N,)`."""
    rows = np.concatenate([np.column_stack([situation, real]), np.column_stack([situation, fake])])
    return rows, np.repeat([False, True], len(situation))
