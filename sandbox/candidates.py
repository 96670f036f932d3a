"""Which round's agent is reported: decided inside the budget of real steps, never by the final evaluation.

A single real episode says little, since returns depend on where an episode happens to start; a dream says much, and may
be wrong. So each candidate is judged by the dream's prediction, corrected by what the dream got wrong in the episodes
that the candidate really played: from the same starts (a control variate), and as far as chance does not explain it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sandbox.budget import Budget
from sandbox.dream import DreamVectorEnv
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories, starts_at
from sandbox_agents import Agent, evaluate

DREAMS = 64  # dreamed episodes behind a prediction
BRANCHES = (2, 16)  # dreamed episodes from the start of a real one, at least and at most
ROWS = 256  # dreams at once, where that leaves each start its least
_SHARED = 4  # dreams of a start whose worth is what all starts together say of their scatter
_EXACT = 1e-12  # a variance that is as good as none


@dataclass(frozen=True)
class Surprises:
    """What K real episodes of one agent returned beyond the mean of dreams from the same starts.

    Attributes:
        by: (K,) by how much.
        chance: (K,) the variance that chance alone would give it: that of such dreams, and of their mean.
    """

    by: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    chance: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.by)

    def __add__(self, other: "Surprises") -> "Surprises":
        return Surprises(np.append(self.by, other.by), np.append(self.chance, other.chance))

    def mean(self, unexplained: float) -> tuple[float, float]:
        """Their mean and its variance: each counts by how exact it is, with so much `unexplained` variance besides."""
        weight = 1.0 / np.maximum(self.chance + unexplained, _EXACT)
        return float((weight * self.by).sum() / weight.sum()), float(1.0 / weight.sum())


@dataclass
class Candidate:
    """The agent of one round, and the real episodes that it has played."""

    round: int
    agent: Agent
    greedy: list[Trajectories] = field(default_factory=list)  # played for the choice
    exploring: list[Trajectories] = field(default_factory=list)  # collected to learn from
    predicted: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))  # returns in the last model's dreams
    surprises: Surprises = field(default_factory=Surprises)  # of every real episode

    def correct(self, model: FittedModel, lived: Trajectories, rng: np.random.Generator, *, greedy: bool) -> None:
        """Note how much more every real episode of `lived` returned than dreams from the same start on average.

        An episode that was cut short is left out; where all were, dreams are followed no further than the longest.
        """
        told = lived.complete if lived.complete.any() else np.ones(len(lived.lengths), bool)
        begun = starts_at(lived, (np.cumsum(lived.lengths) - lived.lengths)[told], model.history)
        horizon = None if lived.complete.any() else int(lived.lengths.max())
        branches = int(np.clip(ROWS // len(begun), *BRANCHES))
        rows = branches * len(begun)
        dream = DreamVectorEnv(model, rows, starts=begun, in_turn=True, horizon=horizon, cautious=True)
        seed = int(rng.integers(2**31))
        played = evaluate(self.agent, dream, rows, seed=seed, rng=None if greedy else np.random.default_rng(seed))
        returns = played.returns.reshape(branches, len(begun))  # one episode a row; row i begins at start i modulo K
        chance = _pooled(returns.var(axis=0, ddof=1), branches) * (1 + 1 / branches)
        self.surprises += Surprises(lived.returns[told] - returns.mean(axis=0), chance)


def choose(
    candidates: list[Candidate],
    model: FittedModel,
    budget: Budget,
    play: Callable[[Agent, int], Trajectories],
    rng: np.random.Generator,
) -> Candidate:
    """Let the leading candidates play the rest of the `budget`, and return the best.

    `play(agent, turn)` spends some of the budget on real episodes of the agent.
    """
    seed = int(rng.integers(2**31))  # the same dreams for all
    for candidate in candidates:
        # Cautious: an agent that relies on what no data show is not believed, unless its real episodes speak for it.
        # From beginnings, as real episodes begin: else no amount of them would correct what is wrong.
        dream = DreamVectorEnv(model, DREAMS, cautious=True)
        candidate.predicted = evaluate(candidate.agent, dream, DREAMS, seed=seed).returns
        for lived in candidate.exploring:
            candidate.correct(model, lived, rng, greedy=False)
    turn = 0
    while budget.left > 0:
        leaders = ranked(candidates)[:2]
        candidate = leaders[turn % len(leaders)]
        lived = play(candidate.agent, turn)
        candidate.greedy.append(lived)
        candidate.correct(model, lived, rng, greedy=True)
        turn += 1
    return ranked(candidates)[0]


@dataclass(frozen=True)
class Worth:
    """What a candidate is worth: what its dreams return and are wrong by, and how far the latter is in doubt."""

    candidate: Candidate
    mean: float
    doubt: float  # a variance


def estimates(candidates: Sequence[Candidate]) -> list[Worth]:
    """What each is worth.

    Beside what dreams are `usually` wrong by, a candidate's own surprises count as far as chance does not explain their
    mean: of a mean *m* with the variance *v* the share 1 - *v* / *m*² (the positive part of James and Stein's
    estimator, 1961, one candidate at a time, since an early folly says nothing of the others).
    """
    unexplained = _unexplained([candidate.surprises for candidate in candidates])
    seen = [candidate.surprises.mean(unexplained) if len(candidate.surprises) else None for candidate in candidates]
    usually = float(np.median([each[0] for each in seen if each] or [0.0]))
    found = []
    for candidate, each in zip(candidates, seen, strict=True):
        mean, variance = each or (usually, 0.0)
        beyond = mean - usually
        trust = max(0.0, 1.0 - variance / beyond**2) if beyond else 0.0
        found.append(Worth(candidate, float(candidate.predicted.mean()) + usually + trust * beyond, trust * variance))
    return found


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best first.

    Of those that are within a standard error of the best the latest leads: it has learned in the truest dreams (the
    rule of one standard error; Breiman et al. 1984, 3.4.3, who take the simplest).
    """
    order = sorted(estimates(candidates), key=lambda each: -each.mean)
    level = [each for each in order if order[0].mean - each.mean <= _error(order[0], each)]
    first = max(level, key=lambda each: each.candidate.round)
    return [each.candidate for each in (first, *(each for each in order if each is not first))]


def _error(best: Worth, other: Worth) -> float:
    """The standard error of the difference of the two."""
    ahead = best.candidate.predicted - other.candidate.predicted  # dreams from the same starts, with the same noise
    return float(np.sqrt(ahead.var() / len(ahead) + best.doubt + other.doubt))


def _unexplained(seen: Sequence[Surprises]) -> float:
    """By how much more the surprises of one agent scatter than chance lets them: a dream is not wrong evenly.

    Where nobody played twice, an episode says as much of its agent as the others do.
    """
    groups = [each for each in seen if len(each) > 1] or [sum(seen, Surprises())]
    beyond = [each.by.var(ddof=1) - each.chance.mean() for each in groups if len(each) > 1]
    return max(0.0, float(np.median(beyond))) if beyond else 0.0


def _pooled(variances: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Variances (K,) of `count` dreams each: the fewer they are, the more they lean on those of all starts."""
    leaning: NDArray[np.float64] = (count - 1) * variances + _SHARED * variances.mean()
    return leaning / (count - 1 + _SHARED)


@dataclass(frozen=True)
class Greedy:
    """An agent that does what it thinks best, whoever offers it random numbers."""

    agent: Agent

    @property
    def name(self) -> str:
        """What made the agent."""
        return self.agent.name

    def act(self, obs: object, rng: np.random.Generator | None = None) -> object:
        """The greedy actions."""
        return self.agent.act(obs)
