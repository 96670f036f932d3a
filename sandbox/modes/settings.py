"""How agents learn in dreams."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Counts of which none may be wanted; all others begin at one.
MAY_BE_ZERO = ("rounds", "cautious_rounds", "newcomers")
# From here on a budget holds enough for twice the rounds.
MANY_STEPS = 20_000


@dataclass(frozen=True)
class DreamSettings:
    """How an agent learns in dreams. One set for every world and family, so that families compete on dynamics alone."""

    rounds: int = 0  # of collect, fit, learn; 0 takes five, and ten from 20,000 real steps on
    rows: int = 64  # dreams at once, and four times as many where a round has steps enough for them
    dream_steps: int = 100_000  # the agent's steps in each round's dream
    dream_steps_per_real: int = 14  # or as many for each real step of the budget, where that is more
    temperature: float = 1.0
    fearless: float = (
        0.4  # share of rounds, the first ones: no end pays less than a usual step, so ends are looked into
    )
    cautious_rounds: int = 2  # the last ones: the first explore what the model only imagines, these rely on data
    newcomers: int = 3  # of the last rounds: an agent that begins anew learns beside, and the better one goes on
    beginnings: float = 0.5  # share of dreams that begin as episodes do; the others begin anywhere in the data
    starts: int = 1024  # real situations that its dreams begin from
    ensemble: int = 1  # members of the model
    disagreement_penalty: float = 0.0  # taken from the reward of learning, times the members' disagreement
    disagreement_limit: float | None = None  # beyond which an episode of learning is cut
    effort: float = 1.0  # share of the gradient steps that a family asks for in a fit
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # of memory and head

    def rounds_of(self, real_steps: int) -> int:
        """How many rounds share a budget: a harder task has more to find out before it can be learned."""
        return self.rounds or (10 if real_steps >= MANY_STEPS else 5)

    def size(self, real_steps: int) -> tuple[int, int]:
        """The steps of a round's dream and the rows that share them; a harder task needs more of both."""
        steps = max(self.dream_steps, self.dream_steps_per_real * real_steps)
        return steps, self.rows * (4 if steps > 4 * self.dream_steps else 1)
