"""The break-even price of a real step, read off the curves of a contrast and told in a sentence.

The goal lies 90 % of the way from random play to the ceiling: the best agent trained in the simulator. A seed reaches
it at the first evaluation that holds it; its overhead is the wall-clock up to there less the simulator's own seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sandbox.price import Price, break_even, first_hold, goal
from sandbox.report.entries import as_number
from sandbox.report.names import agent_name, decimals, number, seconds
from sandbox.report.results import Row
from sandbox.report.standings import Standing, best, modelled, standings

Reached = list[tuple[float, float]]  # real steps and overhead in seconds, of each seed that holds the goal
_RESAMPLING_SEED = 0  # the same files give the same sentence


class NoPriceError(ValueError):
    """Why there is no price, in the words that end "No break-even price: …"."""


@dataclass(frozen=True)
class Goal:
    """The return that both sides have to hold, and between what it lies."""

    wanted: float
    random: float
    ceiling: Standing

    def __str__(self) -> str:
        height = float(self.ceiling.returns.mean())
        places = decimals(self.wanted, self.random, height)
        named = "the ceiling" if self.ceiling.mode == "ceiling" else "the best agent of the simulator at this budget"
        who = f"{agent_name(self.ceiling.agent)}, {number(self.ceiling.real_steps or 0)} real steps"
        return (
            f"a return of {number(self.wanted, places)}, 90 % of the way from random ({number(self.random, places)}) "
            f"to {named} ({number(height, places)}: {who})"
        )


@dataclass(frozen=True)
class Offer:
    """One contender that uses a model beside the agent of the simulator that is the hardest for it to beat."""

    ours: Standing
    theirs: Standing
    ours_reached: Reached
    theirs_reached: Reached
    price: Price | None  # None where no seed of one side reaches the goal


def sentence(results: Mapping[str, Any]) -> str:
    """Whether a dream pays where a step costs what it costs here, how that was measured, or why there is no price.

    Of several contenders the highest in the ranking that reaches the goal is told.
    """
    table = standings(results)
    try:
        wanted = goal_of(table)
        told = _told(offers(table, wanted), wanted)
    except NoPriceError as reason:
        return f"No break-even price: {reason}."
    assert told.price is not None
    cost = as_number(results.get("step_seconds"))
    here = "what one of yours costs was not measured" if cost is None else f"yours costs {seconds(cost)}"
    ours, theirs = _holders(told.ours, told.ours_reached), _holders(told.theirs, told.theirs_reached)
    measured = f"{in_words(told.ours, told.price)}; {here}. Measured at {wanted}, held by {ours} and {theirs}."
    return measured + _beyond(told.ours, wanted.ceiling)


def _beyond(ours: Standing, ceiling: Standing) -> str:
    """What else is bought where `ours` ends clearly above the agent that the goal is measured by; else nothing."""
    mine, theirs = ours.real, ceiling.real
    if mine is None or theirs is None or not mine.low > theirs.high:
        return ""
    return (
        f" {ours.name} went on to {number(mine.mean, decimals(mine.mean))}: no agent of the simulator came to that, so "
        "it has no price."
    )


def goal_of(table: Sequence[Standing]) -> Goal:
    """The goal of these standings.

    Raises NoPriceError where something to measure it from is missing.
    """
    random, ceiling = best(table, "random"), best(table, "ceiling") or best(table, "simulator")
    if random is None:
        raise NoPriceError("no random agent was judged, from which the goal is measured")
    if ceiling is None:
        raise NoPriceError("no agent trained in the simulator was judged")
    floor, top = float(random.returns.mean()), float(ceiling.returns.mean())
    if top <= floor:
        raise NoPriceError(f"the best agent trained in the simulator ({ceiling.name}) is no better than random play")
    constant, ours = best(table, "constant"), next(iter(modelled(table)), None)
    if constant is not None and ours is not None and top <= constant.returns.mean() < ours.returns.mean():
        raise NoPriceError(
            f"{ceiling.name} is no better than the best constant action, and {ours.name} is, so that a return which "
            "both hold need not be learned"
        )
    return Goal(goal(floor, top), floor, ceiling)


def offers(table: Sequence[Standing], wanted: Goal) -> list[Offer]:
    """An offer for every contender that uses a model, in the order of the ranking.

    Raises NoPriceError where no contender uses a model, or the curves do not tell the simulator's own seconds.
    """
    contenders = modelled(table)
    if not contenders:
        raise NoPriceError("no agent that uses a model was judged")
    peers = [standing for standing in table if standing.mode == wanted.ceiling.mode and standing.real]
    reached_by = {id(each): _reached(each, wanted.wanted) for each in (*contenders, *peers)}
    # Agents of the simulator that fewer seeds bring to the goal than others are no peers to be measured by.
    most = max(len(reached_by[id(peer)]) for peer in peers)
    peers = [peer for peer in peers if len(reached_by[id(peer)]) == most]
    return [_hardest(ours, peers, reached_by) for ours in contenders]


def in_words(ours: Standing, price: Price) -> str:
    """When `ours` pays, without a full stop."""
    who = "The dream" if ours.mode == "dream" else ours.name
    if price.answer == "never":
        return f"{who} never pays, whatever one step costs: it needs no fewer real steps and no less time of its own"
    if price.answer == "always" and price.seconds is None:
        return f"{who} always pays, whatever one step costs: it needs no more real steps and no more time of its own"
    assert price.seconds is not None
    if price.answer == "always":
        needs = "it needs more real steps but less time of its own"
        return f"{who} pays as long as one step costs less than {seconds(price.seconds)}: {needs}"
    return f"{who} pays if one step costs more than {seconds(price.seconds)}{interval_in_words(price)}"


def interval_in_words(price: Price) -> str:
    """The price's interval in brackets; empty where there is none."""
    if price.low is None or price.high is None:
        return ""
    if math.isinf(price.low):
        return " (95 % interval without an end)"
    low = seconds(price.low)
    return f" (95 % interval {f'from {low} up' if math.isinf(price.high) else f'{low} to {seconds(price.high)}'})"


def _holders(standing: Standing, held: Reached) -> str:
    """How many seeds hold the goal: "2 of 3 seeds of PPO in the rnn dream"."""
    return f"{len(held)} of {len(standing.done)} seeds of {standing.name}"


def _told(found: Sequence[Offer], wanted: Goal) -> Offer:
    """The offer that the sentence is about."""
    first = next((offer for offer in found if offer.price is not None), None)
    if first is not None:
        return first
    if not found[0].theirs_reached:
        raise NoPriceError(f"no agent trained in the simulator ever held {wanted}")
    raise NoPriceError(f"no agent that uses a model ever held {wanted}")


def _hardest(ours: Standing, peers: Sequence[Standing], reached_by: Mapping[int, Reached]) -> Offer:
    """`ours` beside the peer that gives it the highest price: a dream has to be cheaper than every one of them."""
    made = [_offer(ours, peer, reached_by[id(ours)], reached_by[id(peer)]) for peer in peers]
    return max(made, key=_height)


def _offer(ours: Standing, theirs: Standing, mine: Reached, other: Reached) -> Offer:
    rng = np.random.default_rng(_RESAMPLING_SEED)
    return Offer(ours, theirs, mine, other, break_even(mine, other, rng) if mine and other else None)


def _height(offer: Offer) -> float:
    if offer.price is None:
        return -math.inf
    return {"never": math.inf, "always": 0.0}.get(offer.price.answer, offer.price.seconds or 0.0)


def _reached(standing: Standing, wanted: float) -> Reached:
    found = [_first(row, wanted) for row in standing.done]
    return [each for each in found if each is not None]


def _first(row: Row, wanted: float) -> tuple[float, float] | None:
    """Real steps and overhead where a seed first holds the goal."""
    judged = sorted((point for point in row.curve if point.real is not None), key=lambda point: point.real_steps)
    first = first_hold([point.real for point in judged if point.real is not None], wanted)
    if first is None:
        return None
    point = judged[first]
    if point.simulator_seconds is None:
        raise NoPriceError(
            "these curves do not tell the simulator's own seconds; run the contrast again to measure them"
        )
    return point.real_steps, point.wall_seconds - point.simulator_seconds
