"""The score card: how true one dream is, by every metric that its world and its data allow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sandbox.branchable import BranchingError, branching
from sandbox.branching import Branching
from sandbox.metrics.branch import branch_test
from sandbox.metrics.decisions import ROWS, dreams_of, exploitation, graded, rank_agreement
from sandbox.metrics.figures import NotApplicableError, Section
from sandbox.metrics.judge import judge
from sandbox.metrics.one_step import one_step
from sandbox.metrics.rollouts import rollouts
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories
from sandbox.worlds import World
from sandbox_agents import Agent, RandomAgent

COLUMNS = ("dream", "persistence", "climatology", "simulator", "best")


@dataclass(frozen=True)
class CardSettings:
    """How much is spent on a score card. Slow simulators want fewer states, futures and episodes."""

    transitions: int = 500  # held-out ones that the one-step figures use
    judged: int = 2000  # held-out ones that the judge uses
    branch_states: int = 100
    branch_futures: int = 256
    rollout_states: int = 20
    rollout_futures: int = 48
    rollout_steps: int = 50
    episodes: int = 64  # of every policy, in the dream and in the simulator


def score_card(
    model: FittedModel,
    held_out: Trajectories,
    climate: Trajectories,
    *,
    world: World | None = None,
    actor: Agent | None = None,
    trained: Agent | None = None,
    policies: Sequence[Agent] = (),
    seed: int = 0,
    settings: CardSettings | None = None,
) -> dict[str, Any]:
    """Every figure of `model` beside its baselines and, where there is one, the simulator's noise floor.

    Args:
        model: the model to judge.
        held_out: transitions that it never saw.
        climate: the data that it was made from.
        world: its simulator; without it there is no branch test, no rollout and no decision.
        actor: who reaches the states of branch test and rollouts; `trained`, or else a random agent.
        trained: an agent that learned in the dream, for the exploitation gap.
        policies: at least eight, to be ranked; by default `trained`, ever more distracted.
        seed: decides every random number.
        settings: how much to spend.

    Returns:
        `{"model", "figures": {section: {name: {dream, persistence, climatology, simulator, best}}}, "details":
        {section: {…}}, "left_out": {section or figure: reason}}`, of plain values: what does not apply is left out.
    """
    spend = settings or CardSettings()
    drawn = iter(np.random.default_rng(seed).spawn(4))  # sections do not disturb each other
    card: dict[str, Any] = {"model": model.name, "figures": {}, "details": {}, "left_out": {}}
    rng = next(drawn)
    _add(card, "one_step", lambda: one_step(model, held_out, climate, rng, spend.transitions))
    rng_judge = next(drawn)
    _add(card, "judge", lambda: judge(model, held_out, climate, rng_judge, spend.judged))
    if world is None:
        return _without(card, ("branch", "rollouts", "rank_agreement", "exploitation"), "no simulator was given")
    reached = actor or trained or RandomAgent(model.observation.space, model.action.space, seed)
    try:
        simulator = branching(world)
    except BranchingError as error:
        _without(card, ("branch", "rollouts"), str(error))
    else:
        _add_branched(card, model, simulator, reached, climate, list(drawn), spend)
    ranked = policies or (graded(trained) if trained is not None else ())
    return _add_decisions(card, model, world, climate, trained, ranked, seed, spend.episodes)


def table(card: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The card as rows of words: a head, then section, figure, and each of `COLUMNS`, empty where there is no such."""
    rows: list[tuple[str, ...]] = [("", "figure", *COLUMNS)]
    for section, figures in card["figures"].items():
        for name, figure in figures.items():
            cells = (figure.get(column, "") for column in COLUMNS)
            rows.append((section, name, *(cell if isinstance(cell, str) else f"{cell:.4g}" for cell in cells)))
    return rows


def _add_branched(
    card: dict[str, Any],
    model: FittedModel,
    simulator: Branching,
    actor: Agent,
    climate: Trajectories,
    drawn: Sequence[np.random.Generator],
    spend: CardSettings,
) -> None:
    test, roll = drawn
    states, count = spend.branch_states, spend.branch_futures
    _add(card, "branch", lambda: branch_test(model, simulator, actor, climate, test, states, count))
    size = (spend.rollout_states, spend.rollout_futures, min(spend.rollout_steps, model.horizon))
    _add(card, "rollouts", lambda: rollouts(model, simulator, actor, climate, roll, *size))


def _add_decisions(
    card: dict[str, Any],
    model: FittedModel,
    world: World,
    climate: Trajectories,
    trained: Agent | None,
    policies: Sequence[Agent],
    seed: int,
    episodes: int,
) -> dict[str, Any]:
    if not policies:
        return _without(card, ("rank_agreement", "exploitation"), "no trained agent and no policies were given")
    rows = min(episodes, ROWS)
    dreams = dreams_of(model, climate, rows)
    real = world.make_vec(rows if world.is_batched else 1)
    try:
        _add(card, "rank_agreement", lambda: rank_agreement(policies, dreams, real, seed, episodes))
        if trained is None:
            return _without(card, ("exploitation",), "no trained agent was given")
        _add(card, "exploitation", lambda: exploitation(trained, dreams, real, seed, episodes))
    finally:
        real.close()
    return card


def _add(card: dict[str, Any], name: str, ask: Callable[[], Section]) -> None:
    """Put a section's answer on the card, or the reason why it has none."""
    try:
        section = ask()
    except NotApplicableError as error:
        card["left_out"][name] = str(error)
        return
    card["figures"][name] = section.figures_as_json()
    card["details"][name] = dict(section.details)
    card["left_out"] |= section.left_out


def _without(card: dict[str, Any], names: Sequence[str], reason: str) -> dict[str, Any]:
    card["left_out"] |= dict.fromkeys(names, reason)
    return card
