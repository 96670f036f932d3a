"""Where a fit goes on from: a model of the same kind that knows the first part of the data.

Rounds of an experiment fit one model after another, each to what the last one knew and some more. What a predecessor
learned need not be learned again, and weights that saw the beginning of the data for longer know the whole better:
docs/results/speed.md. Where data are plenty and a round adds little to them, such weights keep what they made up of
places where nobody had been, so there a fit begins between them and new ones: docs/results/lander.md. Whoever judged a
predecessor judges its successor, too; else a successor would be judged by its teachers.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.models.chunks import NOBODY
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories


def check(predecessor: FittedModel, model: str, settings: Mapping[str, Any], data: Trajectories) -> None:
    """See that a fit of `model`, made as `settings` say, to `data` can go on from `predecessor`.

    Raises:
        ValueError: a predecessor of another kind or of other spaces, or one that knows more than `data`.
    """
    theirs = predecessor.name, dict(predecessor.settings), predecessor.observation, predecessor.action
    if theirs != (model, dict(settings), data.observation_layout, data.action_layout):
        raise ValueError(f"no fit of {model} to these data can go on from {predecessor!r}; leave the predecessor out")
    known = predecessor.provenance["data"]["transitions"]
    if known > len(data):
        raise ValueError(
            f"the predecessor knows {known} transitions, the data hold {len(data)}; hand over what it knows as well"
        )


def judged_before(predecessor: FittedModel | None) -> NDArray[np.bool_]:
    """Which of the transitions that a predecessor knows judged it."""
    if predecessor is None:
        return NOBODY
    known = predecessor.provenance["data"]
    judging = np.zeros(known["transitions"], bool)
    for first, end in known.get("judging", ()):  # older stored models do not say
        judging[first:end] = True
    return judging


def runs(judging: NDArray[np.bool_]) -> list[list[int]]:
    """The beginning and the end of each run of judging transitions; none where all of them teach as well."""
    if judging.all():
        return []
    edges = np.flatnonzero(np.diff(judging.astype(np.int8), prepend=0, append=0))
    return [[int(first), int(end)] for first, end in edges.reshape(-1, 2)]
