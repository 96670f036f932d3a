"""How agents learn by models: every setting that `--set` and `--sweep` reach, in groups, and which mode reads which.

The names are one flat space, so that a person need not know the groups; a mode's cells only carry the settings that the
mode reads, so that a sweep over one mode's setting does not run the other modes again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.modes.ends import Ends
    from sandbox.trajectories import Trajectories

# Counts of which none may be wanted; all others begin at one.
MAY_BE_ZERO = ("rounds", "cautious_rounds", "bold_steps", "newcomers")
# From here on a budget holds enough for twice the rounds.
MANY_STEPS = 20_000
# Observations of more numbers than these have more laws to learn: of highway-env's 25, from 3,000 steps, a model has a
# one-step CRPS of 0.27 of persistence's after 2,000 updates, 0.22 after 4,000 (docs/results/highway.md).
WIDE = 12
# A map's cells have one law, and each of them teaches it: Wildfire's autoregressive model has an energy score of 0.80
# after 720 updates of half the usual rows, where one without convolutions has 1.23 after 480 (docs/results/play.md).
MAP_EFFORT = 0.25


@dataclass(frozen=True)
class Fitting:
    """How long models are fitted."""

    effort: float = 1.0  # share of the gradient steps that a family asks for in a fit from scratch


@dataclass(frozen=True)
class Making:
    """What models are made of."""

    ensemble: int = 1  # members of the model
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # of memory and head


@dataclass(frozen=True)
class Drawing:
    """How models draw what comes next."""

    temperature: float = 1.0  # above 1 a model is less certain than what was learned


@dataclass(frozen=True)
class Rounds:
    """How often a mode turns from the simulator to its model."""

    rounds: int = 0  # of collect, fit, and learn or plan; 0 takes five, and ten from 20,000 real steps on


@dataclass(frozen=True)
class Dreaming:
    """How long agents learn in dreams, real, perfect or persistent ones."""

    rows: int = 64  # dreams at once, and four times as many where a round has steps enough for them
    dream_steps: int = 100_000  # the agent's steps in each round's dream
    dream_steps_per_real: int = 14  # or as many for each real step of the budget, where that is more
    newcomers: int = 3  # of the last rounds: an agent that begins anew learns beside, and the better one goes on


@dataclass(frozen=True)
class Beginning:
    """Where dreams begin."""

    beginnings: float = 0.5  # share of dreams that begin as episodes do; the others begin anywhere in the data
    starts: int = 1024  # real situations that its dreams begin from


@dataclass(frozen=True)
class Fearing:
    """What dreams fear."""

    fearless: float = 0.8  # share of rounds, the first ones, that look about: into ends, of which bad ones cost less
    enough_prizes: int = 10  # ends that paid more than a usual step: with so many in the data, fear comes by degrees
    enough_good: float = 0.5  # share of the latest episodes that ended so: below it a newcomer learns beside
    cautious_rounds: int = 2  # the last ones: the first explore what the model only imagines, these rely on data
    bold_steps: int = 5000  # and no round that knows more real steps than these explores what is only imagined
    disagreement_penalty: float = 0.0  # taken from the reward of learning, times the members' disagreement
    disagreement_limit: float | None = None  # beyond which an episode of learning is cut


@dataclass(frozen=True)
class Mixing:
    """How real and dreamed experience share the updates of an off-policy agent (MBPO)."""

    real_share: float = 0.25  # of every update's transitions; the others are dreamed
    branch_length: int = 5  # steps that a dream goes on from a real state
    branches: int = 4000  # such dreams after every fit; the earlier ones' are forgotten
    updates_per_step: int = 10  # of the agent, for every real step of a round


@dataclass(frozen=True)
class Upsampling:
    """How many transitions a model adds to a log, and how long an agent learns from both (SynthER)."""

    times: int = 10  # as many synthetic transitions as the log has real ones
    helpings: int = 10  # in which they are drawn: the first by actions at random, the others by the agent so far
    upsample_length: int = 30  # steps that a dream goes on from a state of the log, at most
    log_share: float = 0.5  # of every update's transitions that the log itself gives
    offline_updates: int = 10_000  # of the agent, however much there is to learn from


@dataclass(frozen=True)
class Planning:
    """How far and how often a planner asks its model; what is not here, `PlannerSettings` says."""

    plan_steps: int = 20  # that a plan looks ahead
    plans: int = 64  # tried at once
    plan_iterations: int = 4  # of trying, and drawing nearer to the best


@dataclass(frozen=True)
class DreamSettings(Planning, Upsampling, Mixing, Fearing, Beginning, Dreaming, Rounds, Drawing, Making, Fitting):
    """All of them. One set for every world and family, so that families compete on dynamics alone."""

    def rounds_of(self, real_steps: int) -> int:
        """How many rounds share a budget: a harder task has more to find out before it can be learned."""
        return self.rounds or (10 if real_steps >= MANY_STEPS else 5)

    def is_cautious(self, number: int, rounds: int, known: int) -> bool:
        """Whether round `number`, which knows so many real steps, dreams within the range of its data only."""
        return number > rounds - self.cautious_rounds or known > self.bold_steps

    def fear_in(self, number: int, rounds: int, ends: "Ends") -> float:
        """Share of what a bad end costs that it costs in the dream of round `number`.

        Ends are looked into until it is known which are good. One that goes on without fear takes any: on Lander it
        comes down wherever it is, as soon as it can. But one in three of whose flights lands has too much to fear
        where a crash costs all that it costs: it learns to hover. So a bad end costs as large a share as the share of
        the latest episodes that came to a good one: where a bad end costs what a good one pays, to go for it is then
        worth more than to stay away, for one that comes to it as often as they did.
        """
        if not self.looks(number, rounds):
            return 1.0
        return ends.latest_good if ends.good >= self.enough_prizes else 0.0

    def is_seeking(self, number: int, rounds: int, known: int, ends: "Ends") -> bool:
        """Whether a newcomer learns beside in round `number`, which knows so many real steps, and some ends.

        On Lander agents learn in their first dreams to hover, or to come down anywhere, and go on with it in truer
        ones. In the dream of 16,000 real steps that was to teach an agent which landed in 21 % of its flights, and in
        as many after it, PPO from scratch learned to land in 48 % of them, with a longer view in 84 %.
        """
        seeks = number > 1 and self.looks(number, rounds) and ends.met > 0 and ends.latest_good < self.enough_good
        return self.newcomers > 0 and known > self.bold_steps and seeks

    def looks(self, number: int, rounds: int) -> bool:
        """Whether round `number` still looks about: into ends, and for anything at all that is worth seeking."""
        return number <= round(self.fearless * rounds)

    def effort_for(self, data: "Trajectories") -> float:
        """The effort of a fit to `data`: few transitions and maps need fewer updates, many and wide ones more."""
        few = min(1.0, 0.25 + len(data) / 2000)
        if data.observation_layout.sides is not None:
            return self.effort * MAP_EFFORT * few
        numbers = sum(element.kind == "continuous" for element in data.observation_layout.elements)
        wide = min(max(numbers / WIDE, 1.0), 2.0)
        return self.effort * wide * (few + len(data) / 30_000)

    def size(self, real_steps: int) -> tuple[int, int]:
        """The steps of a round's dream and the rows that share them; a harder task needs more of both."""
        steps = max(self.dream_steps, self.dream_steps_per_real * real_steps)
        return steps, self.rows * (4 if steps > 4 * self.dream_steps else 1)


_FITTED = (Fitting, Making)
_READ: Mapping[str, tuple[type, ...]] = {
    "dream": (*_FITTED, Drawing, Rounds, Dreaming, Beginning, Fearing),
    "mix": (*_FITTED, Drawing, Rounds, Mixing),
    "upsample": (*_FITTED, Drawing, Upsampling),
    "plan": (*_FITTED, Rounds, Planning),
    "perfect": (Rounds, Dreaming),
    "persistence": (Fitting, Rounds, Dreaming, Beginning),
}


def read_by(mode: str, model: str | None, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the `chosen` settings that a cell of `mode` with `model` reads."""
    known = {each.name for group in _READ.get(mode, ()) for each in fields(group)}
    if mode == "upsample" and model is None:  # the log alone: nothing is drawn
        known = {"offline_updates"}
    return {name: value for name, value in chosen.items() if name in known}
