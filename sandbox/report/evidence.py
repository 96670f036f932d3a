"""The tables behind the verdict and the price: every comparison with its test, every contender with its price."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.report import prices
from sandbox.report.comparisons import Comparison, falls_below, with_log, with_simulator
from sandbox.report.names import chance, number, seconds
from sandbox.report.pieces import NOTHING, cell, note, row_head, section, table, words_cell
from sandbox.report.standings import Standing, mean

TESTED = (
    "Seeds are the sampling unit. Tests are Welch’s; where seeds share a log they are Student’s on the pairs. The "
    "p-values are corrected by Holm’s method over all comparisons of a question, and those that fall short of the best "
    "of several agents of the simulator are multiplied by their number before: where nothing differs, at most 5 % of "
    "such tables show any difference."
)
PRICED = (
    "Price = (overhead of the dream − overhead of the simulator) / (real steps of the simulator − real steps of the "
    "dream), at the first evaluation that holds the goal also at the next one. Overhead is wall-clock less the "
    "simulator’s own time. Intervals come from resampling the seeds that reach the goal; with fewer than ten they are "
    "too narrow."
)


def comparisons(contenders: Sequence[Standing]) -> str:
    """The section with a line for each comparison; empty where nothing is compared."""
    compared = [*with_simulator(contenders), *with_log(contenders)]
    lines = "".join(map(_comparison, compared))
    if not lines:
        return ""
    grid = table("Every comparison, with its test", ["Agent", "Beside", "Difference", "p, corrected", "Outcome"], lines)
    return section("shown", "What is shown, and what is not", grid + note(TESTED))


def _comparison(each: Comparison) -> str:
    short = "; below it by more than its interval" if each.ours.mode == "upsample" and falls_below(each) else ""
    tested = None if each.p_value is None else chance(each.p_value) + (", paired" if each.paired else "")
    outcome = {"beat": "better", "fell short": "worse", "one seed": "one seed proves nothing"}
    said = outcome.get(each.outcome, each.outcome) + short
    words = words_cell(each.theirs.name) + cell(each.difference, signed=True) + words_cell(tested) + words_cell(said)
    return f"<tr>{row_head(each.ours.name)}{words}</tr>"


def price(contenders: Sequence[Standing]) -> str:
    """The section with a line for each contender's price; empty where there is no goal to measure it at."""
    try:
        wanted = prices.goal_of(contenders)
        found = prices.offers(contenders, wanted)
    except prices.NoPriceError:
        return ""
    heads = ["Agent", "Reached by", "Real steps", "Overhead", "Beside", "Reached by", "Real steps", "Overhead", "Price"]
    grid = table(f"The break-even price of a real step, at {wanted}", heads, "".join(map(_offer, found)))
    return section("price", "What a real step may cost", grid + note(PRICED))


def _offer(offer: prices.Offer) -> str:
    sides = ((offer.ours, offer.ours_reached), (offer.theirs, offer.theirs_reached))
    ours, theirs = (_reached(standing, held) for standing, held in sides)
    return (
        f"<tr>{row_head(offer.ours.name)}{ours}{words_cell(offer.theirs.name)}{theirs}"
        f"{words_cell(_price(offer)) if offer.price else NOTHING}</tr>"
    )


def _reached(standing: Standing, held: prices.Reached) -> str:
    steps, overhead = mean(steps for steps, _ in held), mean(overhead for _, overhead in held)
    spent = NOTHING if overhead is None else f"<td>{number(overhead, 1).replace('-', '−')} s</td>"
    return f"<td>{len(held)} of {len(standing.done)} seeds</td>{cell(steps, places=0)}{spent}"


def _price(offer: prices.Offer) -> str:
    found = offer.price
    assert found is not None
    if found.answer == "price" and found.seconds is not None:
        return f"{seconds(found.seconds)}{prices.interval_in_words(found)}"
    below = "" if found.seconds is None else f", below {seconds(found.seconds)} a step"
    return f"{found.answer}{below}"
