"""What became of the episodes so far: on that it depends how much a round's dream fears ends."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sandbox.trajectories import Trajectories


@dataclass(frozen=True)
class Ends:
    """Ends of episodes, of which those are good that paid more than a usual step."""

    good: int  # that were ever met
    bad: int
    latest_good: float  # share of the latest episodes that came to a good one

    @classmethod
    def of(cls, parts: Sequence[Trajectories], usual_reward: float) -> "Ends":
        """Count those in everything that was seen, the latest last."""
        good = [int(np.count_nonzero(part.reward[part.terminated] > usual_reward)) for part in parts]
        met = [int(np.count_nonzero(part.terminated)) for part in parts]
        episodes = max(len(parts[-1].lengths), 1)
        return cls(sum(good), sum(met) - sum(good), good[-1] / episodes)
