"""Experience: what was observed, done and received, step after step, and where it came from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox import files
from sandbox.spaces import Layout, Rows, action_layout, from_json, layout, to_json

KIND = "trajectories"
_COLUMNS = ("obs", "action", "reward", "next_obs", "terminated", "truncated")
# Numbers beyond which a tree is slower than products: 21,000 maps of 144 cells took it a minute, these two seconds.
WIDE, REFERENCES, PARTS = 32, 2000, 64


@dataclass(frozen=True)
class Trajectories:
    """Transitions in the order in which they were lived, episode after episode.

    `next_obs` is explicit and is the true successor also at an episode's end. An episode whose last transition is
    neither terminated nor truncated was cut by the end of a budget: to be bootstrapped, never terminal.
    `source` says where every transition came from; real and generated ones never share a `Trajectories`.
    """

    obs: Rows  # (N, D)
    action: Rows  # (N, A)
    reward: NDArray[np.float64]  # (N,)
    next_obs: Rows  # (N, D)
    terminated: NDArray[np.bool_]  # (N,)
    truncated: NDArray[np.bool_]  # (N,)
    lengths: NDArray[np.int64]  # (E,), sums to N
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    horizon: int | None = None  # the environment's time limit in steps, if it has one
    source: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if int(self.lengths.sum()) != len(self.obs):
            raise ValueError(f"the episodes have {int(self.lengths.sum())} steps together, the columns {len(self.obs)}")
        for name in _COLUMNS:
            column = getattr(self, name)
            if len(column) != len(self.obs):
                raise ValueError(f"the column {name} has {len(column)} rows where obs has {len(self.obs)}")
            if column.dtype.kind == "f" and not np.isfinite(column).all():
                step = int(np.flatnonzero(~np.isfinite(column.reshape(len(column), -1)).all(axis=1))[0])
                raise ValueError(f"the column {name} is not finite at step {step}; nothing was stored")

    def __len__(self) -> int:
        return len(self.obs)

    def __repr__(self) -> str:
        origin = ", ".join(str(self.source[key]) for key in ("world", "actor") if key in self.source)
        episodes = f"{len(self.lengths):,} episode{'' if len(self.lengths) == 1 else 's'}"
        return f"<Trajectories: {len(self):,} steps in {episodes} ({origin or 'of unknown origin'})>"

    @cached_property
    def observation_layout(self) -> Layout:
        """How an observation lies in a row of `obs`."""
        return layout(self.observation_space)

    @cached_property
    def action_layout(self) -> Layout:
        """How an action lies in a row of `action`."""
        return action_layout(self.action_space)

    @cached_property
    def episode(self) -> NDArray[np.int64]:
        """The episode of every transition, `(N,)`, counted from 0."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def elapsed(self) -> NDArray[np.int64]:
        """How many steps of its episode came before each transition, `(N,)`."""
        first = np.cumsum(self.lengths) - self.lengths
        return np.arange(len(self)) - np.repeat(first, self.lengths)

    @property
    def returns(self) -> NDArray[np.float64]:
        """The sum of rewards of every episode, `(E,)`, cut ones included."""
        return np.bincount(self.episode, weights=self.reward, minlength=len(self.lengths)).astype(np.float64)

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Which episodes ended by themselves or by the time limit, `(E,)`: the others were cut."""
        last = np.cumsum(self.lengths) - 1
        return self.terminated[last] | self.truncated[last]

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of the arrays: equal experience, equal words."""
        digest = hashlib.sha256()
        for name in (*_COLUMNS, "lengths"):
            digest.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return digest.hexdigest()

    def episodes(self, chosen: NDArray[Any] | Sequence[int]) -> Self:
        """The chosen episodes, by index or mask, in their order."""
        wanted = np.zeros(len(self.lengths), bool)
        wanted[chosen] = True
        kept = wanted[self.episode]
        columns = {name: getattr(self, name)[kept] for name in _COLUMNS}
        return replace(self, **columns, lengths=self.lengths[wanted])

    def save(self, path: Path | str) -> None:
        """Write one `.safetensors` file, atomically."""
        header = {
            "observation_space": to_json(self.observation_space),
            "action_space": to_json(self.action_space),
            "horizon": self.horizon,
            "source": dict(self.source),
        }
        arrays = {name: getattr(self, name) for name in (*_COLUMNS, "lengths")}
        files.write_arrays(Path(path), arrays, header, KIND)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what `save` wrote.

        Raises:
            DamagedFileError: where the file is missing, truncated, foreign or of a newer format.
        """
        arrays, header = files.read_arrays(Path(path), KIND)
        return cls(
            **arrays,
            observation_space=from_json(header["observation_space"]),
            action_space=from_json(header["action_space"]),
            horizon=header["horizon"],
            source=header["source"],
        )


def concatenate(parts: Sequence[Trajectories]) -> Trajectories:
    """The episodes of all parts, one after the other; the sources stand in a list.

    Raises:
        ValueError: where the parts' spaces differ, or real and generated transitions would share one set.
    """
    first = parts[0]
    for part in parts[1:]:
        if (part.observation_space, part.action_space) != (first.observation_space, first.action_space):
            raise ValueError("trajectories of different spaces cannot be joined")
        if ("model" in part.source) != ("model" in first.source):
            raise ValueError("real and generated transitions never share one set")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in (*_COLUMNS, "lengths")}
    source = {**first.source, "parts": [dict(part.source) for part in parts]}
    return replace(first, **columns, source=source)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Starts:
    """Real situations that a dream may begin from: an observation and the steps that led to it.

    Column `H` of `obs` is the present; the columns before it are history, right-aligned, of which the last
    `length` are real and the others zero.
    """

    obs: Rows  # (K, H + 1, D)
    action: Rows  # (K, H, A)
    length: NDArray[np.int64]  # (K,), 0 at an episode's beginning

    def __len__(self) -> int:
        return len(self.obs)


def starts(data: Trajectories, count: int, history: int, rng: np.random.Generator, beginnings: float = 1.0) -> Starts:
    """Draw up to `count` starts with up to `history` steps of history each.

    `beginnings` is the share that begins as the environment's own episodes do; the rest begins anywhere in the data
    (the branched starts of MBPO; Janner et al. 2019), and rare situations as often as common ones: an agent that has
    learned to balance lives a life of balance, and would forget how to get up.
    """
    first = np.flatnonzero(data.elapsed == 0)
    wanted = round(count * beginnings)
    # Every beginning once before any of them twice.
    repeated = np.concatenate([rng.permutation(first) for _ in range(-(-wanted // len(first)))])[:wanted]
    begin = repeated if beginnings < 1 else repeated[: len(first)]
    anywhere = rng.choice(len(data), size=count - wanted, p=rarity(data.obs)) if wanted < count else first[:0]
    return starts_at(data, np.concatenate([begin, anywhere]), history)


def rarity(obs: Rows) -> NDArray[np.float64]:
    """Probabilities, `(N,)`, that favour observations far from all others: the distance to the fifth nearest one.

    Observations of more than `WIDE` numbers are compared with some thousand of them: no tree finds neighbours there.
    """
    from scipy.spatial import cKDTree  # slow to import, and who only plays never asks

    scale = obs.std(axis=0)
    standard = obs / np.where(scale > 0, scale, 1)
    nearest = min(6, len(obs))  # itself among them
    if obs.shape[1] <= WIDE:
        distance, _ = cKDTree(standard).query(standard, k=nearest)
        weight = np.asarray(distance)[:, -1] + 1e-6
    else:
        some = standard[:: -(-len(standard) // REFERENCES)]
        weight = np.concatenate([_nearest(part, some, nearest) for part in np.array_split(standard, PARTS)]) + 1e-6
    return np.asarray(weight / weight.sum(), np.float64)


def _nearest(rows: NDArray[Any], some: NDArray[Any], count: int) -> NDArray[np.float64]:
    """How far the `count`-th nearest row of `some`, `(M, D)`, is from each of `rows`, `(N, D)`."""
    count = min(count, len(some))
    squares = (rows**2).sum(axis=1)[:, None] + (some**2).sum(axis=1) - 2 * rows @ some.T
    return np.sqrt(np.maximum(np.partition(squares, count - 1, axis=1)[:, count - 1], 0.0), dtype=np.float64)


def starts_at(data: Trajectories, transitions: NDArray[Any], history: int) -> Starts:
    """The starts just before the given transitions, `(K,)`, with up to `history` steps of history each."""
    transitions = np.asarray(transitions, np.int64)
    length = np.minimum(data.elapsed[transitions], history)
    offset = np.arange(-history, 1)
    index = transitions[:, None] + offset  # (K, H + 1)
    real = offset >= -length[:, None]
    obs = np.where(real[..., None], data.obs[np.where(real, index, 0)], 0).astype(np.float32)
    past = real[:, :-1]
    action = np.where(past[..., None], data.action[np.where(past, index[:, :-1], 0)], 0).astype(np.float32)
    return Starts(obs, action, length)
