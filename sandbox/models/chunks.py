"""Chunks: short pieces of episodes as batches of tensors, and the split into what teaches and what judges."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sandbox.trajectories import Trajectories

# Ends of episodes in every batch beside the chunks: among usual steps they are too rare to be learned from.
ENDS = 64
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
    """Training and held-out episodes.

    Where there are only a few long episodes they are cut into pieces first, so that holding out costs about the share
    that was asked for: of two episodes, one held out would be half of all that is known.
    """
    longest = max(len(data) // _PIECES, 16)
    pieces = [piece for length in data.lengths for piece in _cut(int(length), longest)]
    data = replace(data, lengths=np.array(pieces, np.int64))
    judges = rng.permutation(len(pieces))[: max(1, round(held_out * len(pieces)))]
    chosen = np.isin(np.arange(len(pieces)), judges)
    return (data, data) if chosen.all() else (data.episodes(~chosen), data.episodes(chosen))


def _cut(length: int, longest: int) -> list[int]:
    """`length` as a sum of nearly equal parts of at most `longest`."""
    parts = -(-length // longest)
    return [length // parts + (i < length % parts) for i in range(parts)]


def _tensor_ready(column: NDArray[Any]) -> NDArray[Any]:
    return column.astype(np.float32) if column.dtype == np.float64 else column
