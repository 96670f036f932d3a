"""The same state, many futures: simulators that can be put back to where they were, and went on from again.

What a logged data set never holds, several successors of one state and action, a simulator that can be branched gives
at will: a sample of the true conditional law.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sandbox.collection import Actor
from sandbox.spaces import Layout, Rows
from sandbox.trajectories import Starts

Saved = NDArray[Any]  # (S,): whatever a simulator needs to go on, one element a state


class Lives(Protocol):
    """B rows of one simulator side by side; a row that ended stays as it ended."""

    obs: Rows  # (B, D), what each row sees now

    def step(self, action: Rows) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """One tick by actions `(B, A)`: the rewards `(B,)`, and which rows have ended so far `(B,)`."""
        ...

    def save(self, rows: NDArray[np.int64]) -> Saved:
        """The states of `rows`, `(len(rows),)`: later steps do not change them."""
        ...


class Branching(Protocol):
    """A simulator that can be branched."""

    spaces: tuple[Layout, Layout]
    horizon: int  # how many steps an episode has at most

    def begin(self, rows: int, seed: int) -> Lives:
        """`rows` new episodes."""
        ...

    def resume(self, saved: Saved, seed: int) -> Lives:
        """One life a saved state, `(B,)`, each with random numbers of its own."""
        ...


class Visited(NamedTuple):
    """S states that were reached by living, and what led to each of them."""

    starts: Starts  # as a model sees them
    saved: Saved  # as the simulator knows them


class Futures(NamedTuple):
    """F futures of each of S states over T steps. A future that ended stays as it ended, with rewards of 0."""

    obs: NDArray[np.float32]  # (T, F, S, D)
    reward: NDArray[np.float32]  # (T, F, S)
    ended: NDArray[np.bool_]  # (T, F, S), at this step or before


def visit(simulator: Branching, actor: Actor, count: int, history: int, rng: np.random.Generator) -> Visited:
    """Let `actor` live `count` episodes; of each one state, drawn from all its states alike, is kept.

    (Vitter, "Random sampling with a reservoir", 1985: the `n`-th state replaces the kept one with probability 1/n.)
    """
    see, do = simulator.spaces
    lives = simulator.begin(count, _seed(rng))
    obs = np.zeros((count, history + 1, see.width), np.float32)
    action = np.zeros((count, history, do.width), np.float32)
    saved = lives.save(np.arange(count))
    kept = Starts(obs.copy(), action.copy(), np.zeros(count, np.int64))
    ended = np.zeros(count, bool)
    for elapsed in range(simulator.horizon):
        obs[:, -1] = lives.obs
        chosen = np.flatnonzero((rng.random(count) * (elapsed + 1) < 1) & ~ended)
        saved[chosen] = lives.save(chosen)
        kept.obs[chosen], kept.action[chosen] = obs[chosen], action[chosen]
        kept.length[chosen] = min(elapsed, history)
        acted = do.to_rows(actor.act(see.from_rows(lives.obs), rng))
        obs[:, :-1] = obs[:, 1:]
        action = np.concatenate([action, acted[:, None]], axis=1)[:, 1:]
        _, ended = lives.step(acted)
        if ended.all():
            break
    return Visited(kept, saved)


def play(
    simulator: Branching, visited: Visited, actor: Actor, steps: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """What `actor` does in one life from each of the visited states: actions `(T, S, A)`."""
    see, do = simulator.spaces
    lives = simulator.resume(visited.saved, _seed(rng))
    actions = []
    for _ in range(steps):
        actions.append(do.to_rows(actor.act(see.from_rows(lives.obs), rng)))
        lives.step(actions[-1])
    return np.array(actions, np.float32)


def futures(
    simulator: Branching, visited: Visited, actions: NDArray[np.float32], count: int, rng: np.random.Generator
) -> Futures:
    """`count` true futures of each visited state under the same actions `(T, S, A)`."""
    lives = simulator.resume(np.tile(visited.saved, count), _seed(rng))
    states, steps = len(visited.saved), []
    before = np.zeros(count * states, bool)
    for action in actions:
        reward, ended = lives.step(np.tile(action, (count, 1)))
        steps.append((lives.obs.copy(), np.where(before, 0, reward), ended))
        before = ended
    obs, rewards, endings = (np.array(column) for column in zip(*steps, strict=True))
    shape = (len(actions), count, states)
    return Futures(
        obs.reshape(*shape, -1), rewards.astype(np.float32).reshape(shape), endings.astype(bool).reshape(shape)
    )


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**62))
