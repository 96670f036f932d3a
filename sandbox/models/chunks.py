"""Chunks: short pieces of episodes as batches of tensors, and which of them judge in place of teaching."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sandbox.trajectories import Trajectories

# Ends of episodes in every batch beside the chunks: among usual steps they are too rare to be learned from.
ENDS = 64
# Transitions of which it was decided before whether they judge.
NOBODY = np.zeros(0, bool)
# Fewer pieces than this would make the held-out share coarse.
_PIECES = 40


class Chunks:
    """Batches of chunks: short runs of steps of one episode."""

    def __init__(self, data: Trajectories, length: int, device: torch.device | str) -> None:
        columns = ("obs", "action", "reward", "next_obs", "terminated")
        self.columns = {c: torch.from_numpy(_tensor_ready(getattr(data, c))).to(device) for c in columns}
        self.episode, self.elapsed = data.episode, data.elapsed
        self.offset = np.arange(length)
        self.ends = np.flatnonzero(data.terminated)

    def at(self, first: NDArray[np.int64]) -> dict[str, Tensor]:
        """The chunks that begin at transitions `first` `(B,)`: columns `(B, T, …)` and their `mask`."""
        index = np.minimum(first[:, None] + self.offset, len(self.episode) - 1)
        mask = (self.episode[index] == self.episode[first][:, None]) & (index == first[:, None] + self.offset)
        chosen = torch.from_numpy(index)
        batch = {name: column[chosen] for name, column in self.columns.items()}
        return {**batch, "mask": torch.from_numpy(mask).to(batch["obs"].device)}

    def draw(self, rows: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """`rows` chunks, each around a transition drawn uniformly, which may have any place in it.

        Near the beginning of an episode a chunk begins with it: what was shown there is what memories are for. The
        columns `end.obs` and so on hold transitions that ended episodes, `(M, …)`, drawn apart.
        """
        chosen = rng.integers(len(self.episode), size=rows)
        before = rng.integers(len(self.offset), size=rows)
        ends = torch.from_numpy(rng.choice(self.ends, ENDS)) if len(self.ends) else None
        apart = {} if ends is None else {f"end.{name}": column[ends] for name, column in self.columns.items()}
        return self.at(chosen - np.minimum(before, self.elapsed[chosen])) | apart

    def cover(self) -> dict[str, Tensor]:
        """Every transition once: the chunks that tile each episode."""
        return self.at(np.flatnonzero(self.elapsed % len(self.offset) == 0))


def split(data: Trajectories, held_out: float, rng: np.random.Generator) -> tuple[Trajectories, Trajectories]:
    """What teaches, and what judges: see `judges`."""
    return divided(data, judges(data, held_out, rng))


def judges(
    data: Trajectories, held_out: float, rng: np.random.Generator, before: NDArray[np.bool_] = NOBODY
) -> NDArray[np.bool_]:
    """Which transitions judge, `(N,)`: about the share `held_out` of them, in whole episodes or pieces of long ones.

    Where there are only a few long episodes they are cut first, so that holding out costs about the share that was
    asked for: of two episodes, one held out would be half of all that is known. The first transitions do what they did
    `before`: who taught once cannot judge any more, unless there is nobody else.
    """
    longest = max(len(data) // _PIECES, 16)
    pieces = np.array([piece for length in data.lengths for piece in _cut(int(length), longest)])
    new = np.flatnonzero(np.cumsum(pieces) - pieces >= len(before))
    fewest = 0 if before.any() else 1
    chosen = rng.permutation(new)[: max(fewest, round(held_out * len(new)))]
    judging = np.repeat(np.isin(np.arange(len(pieces)), chosen), pieces)
    judging[: len(before)] = before
    return judging if judging.any() else ~judging


def divided(data: Trajectories, judging: NDArray[np.bool_]) -> tuple[Trajectories, Trajectories]:
    """The runs of transitions that teach, and of those that judge; all of them do both where there is nothing else."""
    if judging.all():
        return data, data
    first = np.flatnonzero((data.elapsed == 0) | np.diff(judging, prepend=judging[0]))
    runs = replace(data, lengths=np.diff(first, append=len(data)))
    return runs.episodes(~judging[first]), runs.episodes(judging[first])


def _cut(length: int, longest: int) -> list[int]:
    """`length` as a sum of nearly equal parts of at most `longest`."""
    parts = -(-length // longest)
    return [length // parts + (i < length % parts) for i in range(parts)]


def _tensor_ready(column: NDArray[Any]) -> NDArray[Any]:
    return column.astype(np.float32) if column.dtype == np.float64 else column
