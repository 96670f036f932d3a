"""What became of the episodes so far: on that it depends how much a round's dream fears ends."""

from dataclasses import dataclass

from sandbox.trajectories import Trajectories


@dataclass(frozen=True)
class Ends:
    """Ends of episodes, of which those are good that paid more than a usual step."""

    met: int
    good: int
    latest_good: float  # share of the latest episodes that came to a good one

    @classmethod
    def of(cls, data: Trajectories, latest: Trajectories, usual_reward: float) -> "Ends":
        """Count those in everything that was seen; `latest` is the last part of it."""
        good, latest_good = (int((each.reward[each.terminated] > usual_reward).sum()) for each in (data, latest))
        return cls(int(data.terminated.sum()), good, latest_good / max(len(latest.lengths), 1))
