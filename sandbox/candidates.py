"""Which round's agent is reported: decided inside the budget of real steps, never by the final evaluation.

A single real episode says little, since returns depend on where an episode happens to start; a dream says much, and may
be wrong. So each candidate is judged by the dream's prediction, corrected by what the dream got wrong in the episodes
that the candidate really played: from the same starts (a control variate).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sandbox.budget import Budget
from sandbox.dream import DreamVectorEnv
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories, starts_at
from sandbox_agents import Agent, evaluate

DREAMS = 64  # dreamed episodes behind a prediction
BRANCHES = 16  # dreamed episodes from the start of a single real one


@dataclass
class Candidate:
    """The agent of one round, and the real episodes that it has played."""

    round: int
    agent: Agent
    greedy: list[Trajectories] = field(default_factory=list)  # played for the choice
    exploring: list[Trajectories] = field(default_factory=list)  # collected to learn from
    predicted: float = 0.0  # its return in the last model's dream
    surprises: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # of every real episode, see below

    def estimate(self, usual: float, doubt: float, noise: float) -> float:
        """The prediction, corrected by the surprises as far as they are evidence.

        The posterior mean of a normal bias around the `usual` one with standard deviation `doubt`, seen through
        surprises that scatter by `noise`.
        """
        count = len(self.surprises)
        if not count:
            return self.predicted + usual
        trust = count / (count + (noise / doubt) ** 2)
        return self.predicted + usual + trust * (float(self.surprises.mean()) - usual)

    def correct(self, model: FittedModel, lived: Trajectories, rng: np.random.Generator, *, greedy: bool) -> None:
        """Note how much more every real episode of `lived` returned than dreams from the same starts on average.

        An episode that was cut short is left out; where all were, dreams are followed no further than the longest.
        """
        told = lived.complete if lived.complete.any() else np.ones(len(lived.lengths), bool)
        begun = starts_at(lived, (np.cumsum(lived.lengths) - lived.lengths)[told], model.history)
        horizon = None if lived.complete.any() else int(lived.lengths.max())
        rows = min(DREAMS, BRANCHES * len(begun))
        dream = DreamVectorEnv(model, rows, starts=begun, horizon=horizon, cautious=True)
        seed = int(rng.integers(2**31))
        played = evaluate(self.agent, dream, rows, seed=seed, rng=None if greedy else np.random.default_rng(seed))
        self.surprises = np.concatenate([self.surprises, lived.returns[told] - played.mean])


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
        candidate.predicted = evaluate(candidate.agent, dream, DREAMS, seed=seed).mean
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


def estimates(candidates: list[Candidate]) -> list[float]:
    """What each is worth. How wrong dreams usually are is read off all candidates together (empirical Bayes)."""
    seen = [candidate.surprises for candidate in candidates if len(candidate.surprises)]
    means = np.array([each.mean() for each in seen] or [0.0])
    usual = float(np.median(means))  # an early folly surprises by thousands, and says nothing of the others
    doubt = max(float(means.std(ddof=1)) if len(means) > 1 else abs(usual), 1e-12)
    scatter = [float(each.std(ddof=1)) for each in seen if len(each) > 1]
    # Where nobody played twice, an episode says as much of a candidate as the others do.
    noise = float(np.median(scatter)) if scatter else doubt
    return [candidate.estimate(usual, doubt, noise) for candidate in candidates]


def ranked(candidates: list[Candidate]) -> list[Candidate]:
    """The best first."""
    order = np.argsort([-each for each in estimates(candidates)], kind="stable")
    return [candidates[place] for place in order]


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
