"""Which round's agent is reported: decided inside the budget of real steps, never by the final evaluation.

A single real episode says little, since returns depend on where an episode happens to start; a dream says much, and may
be wrong. So each candidate is judged by the dream's prediction, corrected by what the dream got wrong in the episodes
that the candidate really played: from the same start, over the same number of steps (a control variate).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from sandbox.collection import collect
from sandbox.dream import DreamVectorEnv
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories, starts_at
from sandbox_agents import Agent, evaluate

DREAMS = 64  # dreamed episodes behind a prediction
BRANCHES = 16  # dreamed episodes from the start of a real one
# Real episodes that count as much as the prior belief that the dream is right.
PRIOR_EPISODES = 1.0


@dataclass
class Candidate:
    """The agent of one round, and the real episodes that it has played."""

    round: int
    agent: Agent
    greedy: list[Trajectories] = field(default_factory=list)  # played for the choice
    exploring: list[Trajectories] = field(default_factory=list)  # collected to learn from
    predicted: float = 0.0  # its return in the last model's dream
    surprises: list[float] = field(default_factory=list)  # real return less the dream's, per real episode

    @property
    def estimate(self) -> float:
        """The prediction, corrected by the mean surprise as far as there is evidence."""
        count = len(self.surprises)
        return self.predicted + (float(np.mean(self.surprises)) * count / (count + PRIOR_EPISODES) if count else 0.0)


def choose(
    candidates: list[Candidate],
    model: FittedModel,
    envs: VectorEnv[Any, Any, Any],
    steps: int,
    rng: np.random.Generator,
) -> Candidate:
    """Let the leading candidates play the last `steps` real steps, and return the best."""
    for candidate in candidates:
        # Cautious: an agent that relies on what no data show is not believed.
        dream = DreamVectorEnv(model, DREAMS, cautious=True)
        candidate.predicted = evaluate(candidate.agent, dream, DREAMS, seed=int(rng.integers(2**31))).mean
        for lived in candidate.exploring:
            candidate.surprises += surprises(candidate.agent, model, lived, rng, greedy=False)
    turn = 0
    while steps > 0:
        leaders = sorted(candidates, key=lambda candidate: -candidate.estimate)[:2]
        candidate = leaders[turn % len(leaders)]
        lived = collect(envs, _Greedy(candidate.agent), 1, rng, finish_up_to=steps, horizon=model.horizon)
        candidate.greedy.append(lived)
        candidate.surprises += surprises(candidate.agent, model, lived, rng, greedy=True)
        steps -= len(lived)
        turn += 1
    return max(candidates, key=lambda candidate: candidate.estimate)


def surprises(
    agent: Agent, model: FittedModel, lived: Trajectories, rng: np.random.Generator, *, greedy: bool
) -> list[float]:
    """How much more each real episode returned than dreams from its start, over as many steps."""
    found = []
    first = np.cumsum(lived.lengths) - lived.lengths
    for start, length, real in list(zip(first, lived.lengths, lived.returns, strict=True))[-4:]:
        dream = DreamVectorEnv(
            model, BRANCHES, starts=starts_at(lived, np.array([start]), model.history), horizon=int(length)
        )
        seed = int(rng.integers(2**31))
        played = evaluate(agent, dream, BRANCHES, seed=seed, rng=None if greedy else np.random.default_rng(seed))
        found.append(float(real) - played.mean)
    return found


@dataclass(frozen=True)
class _Greedy:
    """An agent that does what it thinks best, whoever offers it random numbers."""

    agent: Agent

    def act(self, obs: object, rng: np.random.Generator | None = None) -> object:
        return self.agent.act(obs)
