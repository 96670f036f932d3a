"""The tables behind the verdict and the price: every comparison with its test, every contender with its price."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.report import prices
from sandbox.report.comparisons import Comparison, falls_below, with_log, with_simulator
from sandbox.report.equal_time import ByThen, at_equal_time
from sandbox.report.names import chance, listed, number, seconds
from sandbox.report.pieces import NOTHING, cell, figured, note, row_head, section, table, typeset, words_cell
from sandbox.report.standings import Standing, best, mean

TESTED = (
    "Differences of mean returns over seeds, which are the sampling unit. Tests are Welch’s; where seeds share a log, "
    "Student’s on the pairs. The p-values are corrected by Holm’s method over all comparisons of a question (beside "
    "the simulator; beside the log alone); to fall short of the best of several agents is charged their number "
    "besides. Where nothing differs, either question finds a difference in at most 5 % of experiments."
)
PRICED = (
    "Price = (overhead of the dream − overhead of the simulator) / (real steps of the simulator − real steps of the "
    "dream), each a mean over the seeds that hold the goal at one evaluation and at the next. Overhead is wall-clock "
    "less the simulator’s own time. Intervals come from resampling those seeds; with fewer than ten they are too "
    "narrow."
)
OUTCOMES = {"beat": "better", "fell short": "worse", "one seed": "one seed proves nothing"}


def comparisons(contenders: Sequence[Standing]) -> str:
    """The section with a line for each contender and a column for each reference; empty where nothing is compared."""
    compared = [*with_simulator(contenders), *with_log(contenders)]
    if not compared:
        return ""
    references = list(dict.fromkeys(each.theirs.name for each in compared))
    by_place = {(each.ours.name, each.theirs.name): each for each in compared}
    lines = "".join(
        f"<tr>{row_head(name)}{''.join(_comparison(by_place.get((name, other))) for other in references)}</tr>"
        for name in dict.fromkeys(each.ours.name for each in compared)
    )
    heads = ["Agent", *(f"Beside {name}" for name in references)]
    grid = table("Every comparison: difference, corrected p-value, outcome", heads, lines)
    return section("shown", "What is shown, and what is not", grid + note(TESTED + _flawless(contenders)))


def _flawless(contenders: Sequence[Standing]) -> str:
    """What a flawless model gives beside the ceiling: whether dream, agents and budget are right."""
    perfect, ceiling = best(contenders, "perfect"), best(contenders, "ceiling")
    if perfect is None or ceiling is None:
        return ""
    return (
        f" With the simulator itself in the model’s place, {perfect.name}: {perfect.real}; the ceiling: {ceiling.real}."
    )


def equal_time(contenders: Sequence[Standing]) -> str:
    """The section with a line for each contender and the simulator's best after the same time; empty where unknown."""
    lines = "".join(map(_by_then, at_equal_time(contenders)))
    if not lines:
        return ""
    heads = ["Agent", "Wall-clock", "Return", "In the simulator by then", "Of"]
    return table("At equal wall-clock: the last evaluations made by then", heads, lines)


def _by_then(each: ByThen) -> str:
    took = f"<td>{seconds(each.seconds)}</td>"
    peer = each.theirs.name + (", at its end" if each.ended else "")
    words = words_cell(str(each.ours.real)) + words_cell(str(each.real)) + words_cell(peer)
    return f"<tr>{row_head(each.ours.name)}{took}{words}</tr>"


def _comparison(each: Comparison | None) -> str:
    if each is None:
        return NOTHING
    outcome = OUTCOMES.get(each.outcome, each.outcome)
    if each.theirs.mode == "upsample" and falls_below(each):
        outcome = "worse" if outcome == "worse" else "below by more than its interval"
    tested = "" if each.p_value is None else f"; {chance(each.p_value)}{', paired' if each.paired else ''}"
    small = f"<span class='none'>{figured(each.difference, signed=True)}{typeset(tested)}</span>"
    return f"<td>{typeset(outcome)}<br>{small}</td>"


def price(contenders: Sequence[Standing]) -> str:
    """The section with a line for each contender that reaches the goal; empty where nobody or nothing tells it."""
    try:
        wanted = prices.goal_of(contenders)
        found = prices.offers(contenders, wanted)
    except prices.NoPriceError:
        return ""
    held = [offer for offer in found if offer.ours_reached]
    if not held:
        return ""
    peers = {offer.theirs.name: offer for offer in held}
    lines = [_line(offer.ours, offer.ours_reached, _price(offer, len(peers) > 1)) for offer in held]
    lines += [_line(offer.theirs, offer.theirs_reached, None) for offer in peers.values()]
    grid = table("The goal and its price", ["Agent", "Price", "Held by", "Real steps", "Overhead"], "".join(lines))
    goal = f"The goal is {wanted}. "
    missed = [offer.ours.name for offer in found if not offer.ours_reached]
    never = f"It was never held by any seed of {listed(missed, most=4)}. " if missed else ""
    return section("price", "What a real step may cost", grid + note(goal + never + PRICED))


def _line(standing: Standing, held: prices.Reached, price: str | None) -> str:
    steps, overhead = mean(steps for steps, _ in held), mean(overhead for _, overhead in held)
    spent = NOTHING if overhead is None else f"<td>{number(overhead, 1).replace('-', '−')} s</td>"
    seeds = f"<td>{len(held)} of {len(standing.done)} seeds</td>"
    return f"<tr>{row_head(standing.name)}{words_cell(price)}{seeds}{cell(steps, places=0)}{spent}</tr>"


def _price(offer: prices.Offer, names_peer: bool) -> str | None:
    found = offer.price
    if found is None:
        return None
    beside = f", beside {offer.theirs.name}" if names_peer else ""
    if found.answer == "price" and found.seconds is not None:
        return f"{seconds(found.seconds)}{prices.interval_in_words(found)}{beside}"
    below = "" if found.seconds is None else f", below {seconds(found.seconds)} a step"
    return f"{found.answer}{below}{beside}"
