"""What a dream is for: does it rank policies as the simulator does, and does an agent win in it what is not there?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from sandbox.dream import DreamVectorEnv
from sandbox.metrics.baselines import with_baselines
from sandbox.metrics.figures import Figure, NotApplicableError, Section
from sandbox.metrics.scores import spearman
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories
from sandbox_agents import Agent, RandomAgent, evaluate

FEWEST_POLICIES = 8
EPISODES, ROWS = 64, 64
_OTHER_SEED = 10_007  # further from the first seed than there are rows

Envs = VectorEnv[Any, Any, Any]


class TooFewPoliciesError(NotApplicableError):
    """Fewer policies than a rank correlation says anything about."""


class Distracted:
    """An agent that acts at random with probability `epsilon`, and as `agent` thinks best otherwise."""

    def __init__(self, agent: Agent, epsilon: float) -> None:
        self.agent, self.epsilon = agent, epsilon
        self.name = f"{agent.name} ε={epsilon:.2f}"
        self.observation_space, self.action_space = agent.observation_space, agent.action_space

    def act(self, obs: Any, rng: np.random.Generator | None = None) -> Any:
        """The agent's best actions, `(B, …)`, each replaced by a random one with probability `epsilon`.

        Raises:
            ValueError: without `rng`, since nothing else decides who is distracted when.
        """
        if rng is None:
            raise ValueError("a distracted agent needs random numbers: give `rng`")
        best = np.asarray(self.agent.act(obs))
        other = RandomAgent(self.observation_space, self.action_space, 0).act(obs, rng)
        strays = (rng.random(len(best)) < self.epsilon).reshape(-1, *[1] * (best.ndim - 1))
        return np.where(strays, other, best)

    def save(self, path: Path | str) -> None:
        """Refuse: it is the agent and a number."""
        raise ValueError("a distracted agent is not saved; save the agent that it distracts")


def graded(agent: Agent, count: int = FEWEST_POLICIES) -> list[Distracted]:
    """`count` policies from random to `agent`, in equal steps of distraction."""
    return [Distracted(agent, float(epsilon)) for epsilon in np.linspace(1, 0, count)]


def dreams_of(model: FittedModel, climate: Trajectories, rows: int = ROWS) -> dict[str, DreamVectorEnv]:
    """The dream of `model`, and beside it those of the baselines: the same starts, horizon and spaces."""
    spaces = (model.observation, model.action)
    return {
        name: DreamVectorEnv(each, rows, starts=model.beginnings, horizon=model.horizon, spaces=spaces)
        for name, each in with_baselines(model, climate).items()
    }


def rank_agreement(
    policies: Sequence[Agent],
    dreams: Mapping[str, Envs],
    real: Envs,
    seed: int = 0,
    episodes: int = EPISODES,
) -> Section:
    """Whether a dream ranks at least eight `policies` as the simulator `real` does, over `episodes` each.

    `dreams` holds the `dream` and the baselines, as `dreams_of` makes them. `rank_agreement` is Spearman's correlation
    of the mean returns: 1 for the same order, 0 for none. A dream in which all policies do alike ranks nobody and gets
    0. Beside it stands the simulator against itself under other seeds; the details hold the returns.

    Raises:
        TooFewPoliciesError: fewer than eight.
    """
    if len(policies) < FEWEST_POLICIES:
        raise TooFewPoliciesError(
            f"{len(policies)} policies are too few to rank; give at least {FEWEST_POLICIES}, as `graded` does"
        )
    truth, again = (_returns(policies, real, episodes, seed + shift) for shift in (0, _OTHER_SEED))
    returns = {name: _returns(policies, envs, episodes, seed) for name, envs in dreams.items()}
    agreement = {name: spearman(each, truth) or 0.0 for name, each in (returns | {"simulator": again}).items()}
    details = {"policies": [each.name for each in policies], "episodes": episodes, "real": truth, **returns}
    return Section({"rank_agreement": Figure(**agreement, best="higher")}, {"returns": details})


def exploitation(
    agent: Agent, dreams: Mapping[str, Envs], real: Envs, seed: int = 0, episodes: int = EPISODES
) -> Section:
    """How much more `agent`, which learned in the dream, returns in it than in the simulator `real`.

    `gap` is the return in the dream less the real one: above 0 the dream promises too much. Beside it stand the gaps in
    the dreams of the baselines, and of the simulator to itself under another seed. `random_gap` is that of a random
    agent, which exploits nothing: what `gap` exceeds it by was won from the dream's errors. The details hold the
    returns and the standard error of the gap.
    """
    idle = RandomAgent(agent.observation_space, agent.action_space, seed)
    awake, again = (evaluate(agent, real, episodes, seed + shift) for shift in (0, _OTHER_SEED))
    asleep = {name: evaluate(agent, envs, episodes, seed) for name, envs in dreams.items()} | {"simulator": again}
    random_gap = evaluate(idle, dreams["dream"], episodes, seed).mean - evaluate(idle, real, episodes, seed).mean
    error = np.sqrt(sum(float(np.var(each.returns)) / episodes for each in (asleep["dream"], awake)))
    details = {"real": awake.mean, "dream": asleep["dream"].mean, "error": float(error), "episodes": episodes}
    gaps = {name: each.mean - awake.mean for name, each in asleep.items()}
    figures = {"gap": Figure(**gaps, best=0.0), "random_gap": Figure(random_gap, best=0.0)}
    return Section(figures, {"exploitation": details})


def _returns(policies: Sequence[Agent], envs: Envs, episodes: int, seed: int) -> list[float]:
    return [evaluate(each, envs, episodes, seed, np.random.default_rng(seed)).mean for each in policies]
