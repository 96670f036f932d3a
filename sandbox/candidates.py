"""Which round's agent is reported: decided inside the budget of real steps, never by the final evaluation.

A single real episode says little, since returns depend on where an episode happens to start; a dream says much, and may
be wrong. So each candidate is judged by the dream's prediction, corrected by what the dream got wrong in the episodes
that the candidate really played: from the same start, over the same number of steps (a control variate).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sandbox.budget import Budget
from sandbox.dream import DreamVectorEnv
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories, starts_at
from sandbox_agents import Agent, evaluate

DREAMS = 128  # dreamed episodes behind a prediction
BRANCHES = 16  # dreamed episodes from the start of a real one


@dataclass(frozen=True)
class Surprise:
    """A real return less the dream's mean from the same start, and the spread of the dream's returns."""

    size: float
    spread: float


@dataclass
class Candidate:
    """The agent of one round, and the real episodes that it has played."""

    round: int
    agent: Agent
    greedy: list[Trajectories] = field(default_factory=list)  # played for the choice
    exploring: list[Trajectories] = field(default_factory=list)  # collected to learn from
    predicted: float = 0.0  # its return in the last model's dream
    surprises: list[Surprise] = field(default_factory=list)

    def estimate(self, doubt: float) -> float:
        """The prediction, corrected by the surprises as far as they are evidence.

        The posterior mean of a normal bias of standard deviation `doubt`: an episode whose dreams scatter widely says
        little, one that the dream was sure of says much.
        """
        weights = [doubt**2 / max(surprise.spread**2, 1e-12) for surprise in self.surprises]
        pull = sum(weight * surprise.size for weight, surprise in zip(weights, self.surprises, strict=True))
        return self.predicted + pull / (1 + sum(weights))


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
        # Cautious, and from rare situations as well as from beginnings: an agent that relies on what no data show, or
        # that only knows the few beginnings that were seen, is not believed, unless its real episodes speak for it.
        dream = DreamVectorEnv(model, DREAMS, starts=model.starts, cautious=True)
        candidate.predicted = evaluate(candidate.agent, dream, DREAMS, seed=seed).mean
        for lived in candidate.exploring:
            candidate.surprises += surprises(candidate.agent, model, lived, rng, greedy=False)
    turn = 0
    while budget.left > 0:
        leaders = ranked(candidates)[:2]
        candidate = leaders[turn % len(leaders)]
        lived = play(candidate.agent, turn)
        candidate.greedy.append(lived)
        candidate.surprises += surprises(candidate.agent, model, lived, rng, greedy=True)
        turn += 1
    return ranked(candidates)[0]


def ranked(candidates: list[Candidate]) -> list[Candidate]:
    """The best first. How far dreams are to be doubted is read off all surprises together (empirical Bayes)."""
    sizes = [surprise.size for candidate in candidates for surprise in candidate.surprises]
    doubt = float(np.sqrt(np.mean(np.square(sizes)))) if sizes else 0.0
    return sorted(candidates, key=lambda candidate: -candidate.estimate(doubt))


def surprises(
    agent: Agent, model: FittedModel, lived: Trajectories, rng: np.random.Generator, *, greedy: bool
) -> list[Surprise]:
    """How much more each real episode returned than dreams from its start, over as many steps."""
    found = []
    first = np.cumsum(lived.lengths) - lived.lengths
    for start, length, real in list(zip(first, lived.lengths, lived.returns, strict=True))[-4:]:
        dream = DreamVectorEnv(
            model,
            BRANCHES,
            starts=starts_at(lived, np.array([start]), model.history),
            horizon=int(length),
            cautious=True,  # as the prediction that this corrects
        )
        seed = int(rng.integers(2**31))
        played = evaluate(agent, dream, BRANCHES, seed=seed, rng=None if greedy else np.random.default_rng(seed))
        spread = float(np.std(played.returns, ddof=1)) + 0.01 * abs(played.mean)
        found.append(Surprise(float(real) - played.mean, spread))
    return found


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
