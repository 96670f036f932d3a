"""The verdict that the comparisons allow, in a few sentences: what is shown, and what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.report.comparisons import Comparison, falls_below, with_log, with_simulator
from sandbox.report.equal_time import ByThen, at_equal_time
from sandbox.report.names import FLOORS, agent_name, chance, listed, number, seconds, settings
from sandbox.report.results import log_steps
from sandbox.report.standings import Standing, best, modelled, standings

MOST_NAMES = 4  # in one sentence; the report's table has them all


def verdict(results: Mapping[str, Any]) -> str:
    """What the results show: the best use of a model against the best agent of the simulator, then everything else.

    "No difference shown" where Welch's test, Holm-corrected, finds none; a single seed proves nothing, and the words
    say so; a dream that is not shown to beat random play, an upsampled log that is worse than the log alone, and every
    cell that failed, are named.
    """
    return " ".join(sentences(results))


def sentences(results: Mapping[str, Any]) -> list[str]:
    """The sentences of the verdict, the outcome first: beside the simulator's agents, or else beside a log alone."""
    table = standings(results)
    compared = with_simulator(table)
    ours, simulator = best(modelled(table)), best(table, "simulator") or best(table, "ceiling")
    env, of_log = str(results["env"]), with_log(table)
    # Where a log's best use is all that was asked for, that question has an answer.
    is_log_alone = simulator is None and len(of_log) > 0 and ours is not None and ours.mode == "upsample"
    told = [_of_log_alone(env, of_log) if is_log_alone else _outcome(env, ours, simulator, compared)]
    told += _others(ours, [each for each in compared if each.theirs is simulator])
    ceiling = [each for each in compared if each.theirs.mode == "ceiling" and each.theirs is not simulator]
    told += _ceiling([each for each in ceiling if each.ours is ours])
    told += [_by_then(each) for each in at_equal_time(table) if each.ours is ours]
    told += [] if is_log_alone or not of_log else [f"{_upsampling(of_log)}."]
    told += _beside_floor(ours, best(table, "random"), "random play")
    told += _beside_floor(ours, best(table, "constant"), FLOORS["constant"])
    return told + _log(log_steps(results), ours, simulator) + _unfinished(table)


def _outcome(env: str, ours: Standing | None, simulator: Standing | None, compared: Sequence[Comparison]) -> str:
    first = next((each for each in compared if each.ours is ours and each.theirs is simulator), None)
    if ours is None or simulator is None or first is None:
        return _nothing_to_compare(env, ours, simulator)
    us = f"the best {'dream-trained agent' if ours.mode == 'dream' else 'agent that uses a model'} ({_figure(ours)})"
    them = f"the best agent trained in the simulator ({_figure(simulator)})"
    seeds, steps = _seeds(ours, simulator), _same_steps(ours, simulator)
    if first.p_value is None:
        is_level = str(ours.real) == str(simulator.real)
        side = "level with" if is_level else "higher than" if ours.height > simulator.height else "lower than"
        return (
            f"One seed proves nothing: on {env}, {steps}, {us} stands {side} {them}, over {seeds}; "
            "a lone seed's interval is over episodes."
        )
    tests = sum(each.p_value is not None for each in compared)
    how = f"{seeds}; Welch's test{f', Holm-corrected over {tests} comparisons' if tests > 1 else ''}"
    if first.outcome == "no difference shown":
        return f"No difference shown on {env}: {steps}, between {us} and {them}, over {how}, {chance(first.p_value)}."
    verb = "beat" if first.outcome == "beat" else "fell short of"
    return f"On {env}, {steps}, {us} {verb} {them}: means and 95 % intervals over {how}, {chance(first.p_value)}."


def _nothing_to_compare(env: str, ours: Standing | None, simulator: Standing | None) -> str:
    there = ours or simulator
    if there is None:
        return f"No verdict on {env}: no agent trained in a dream or in the simulator was judged."
    missing = "agent trained in the simulator" if ours else "dream-trained agent"
    after = f"after {number(there.real_steps or 0)} real steps, over {_count(there)}"
    return f"No verdict on {env}: no {missing} was judged to compare with; {_figure(there)} {after}."


def _others(ours: Standing | None, compared: Sequence[Comparison]) -> list[str]:
    """What became of the contenders that are not the best one."""
    rest = [each for each in compared if each.ours is not ours]
    words = {
        "beat": "Also beat it",
        "fell short": "Fell short of it",
        "no difference shown": "No difference to it shown",
    }
    by_outcome = {words[outcome]: [each.ours.name for each in rest if each.outcome == outcome] for outcome in words}
    return [f"{lead}: {listed(names, MOST_NAMES)}." for lead, names in by_outcome.items() if names]


def _ceiling(compared: Sequence[Comparison]) -> list[str]:
    sentences = []
    for each in compared:
        reached = f"{_figure(each.theirs)} after {number(each.theirs.real_steps or 0)} real steps"
        said = {"beat": "it beat", "fell short": "it fell short of", "one seed": "one seed proves nothing beside"}
        words = said.get(each.outcome, "no difference is shown to")
        tested = "" if each.p_value is None else f", {chance(each.p_value)}"
        sentences.append(f"As to the ceiling, {words} {reached}{tested}.")
    return sentences


def _by_then(each: ByThen) -> str:
    stood = "ended at" if each.ended else "stood at"
    agent = agent_name(each.theirs.agent)
    return f"After the wall-clock that it took, {seconds(each.seconds)}, {agent} in the simulator {stood} {each.real}."


def _of_log_alone(env: str, compared: Sequence[Comparison]) -> str:
    """The outcome where no agent of the simulator stands beside: what became of the log."""
    lead = f"On {env}" if any(each.p_value is not None for each in compared) else f"One seed proves nothing: on {env}"
    told = _upsampling(compared)
    return f"{lead}, {told[0].lower()}{told[1:]}."


def _upsampling(compared: Sequence[Comparison]) -> str:
    """Which models made a log worth more, and which made it worth less, than the log alone."""
    said: dict[str, list[str]] = {}
    for each in compared:
        tested = "" if each.p_value is None else f", {'paired, ' if each.paired else ''}{chance(each.p_value)}"
        lead = {"beat": "better", "fell short": "worse"}.get(each.outcome, "no difference shown")
        lead = "below it by more than its interval" if falls_below(each) else lead
        who = ", ".join([each.ours.model or "", *settings(each.ours.sweep)])
        said.setdefault(lead, []).append(f"{who} ({each.ours.real}{tested})")
    alone = listed(sorted({f"{each.theirs.name} ({each.theirs.real})" for each in compared}))
    return f"Upsampling beside {alone}: {'; '.join(f'{lead}: {listed(who)}' for lead, who in said.items())}"


def _beside_floor(ours: Standing | None, floor: Standing | None, name: str) -> list[str]:
    """What is said where our interval does not lie above that of a floor which learns nothing."""
    if ours is None or floor is None or ours.real is None or floor.real is None or ours.real.low > floor.real.high:
        return []
    who = "dream-trained agent" if ours.mode == "dream" else "best agent that uses a model"
    return [f"The {who} is not shown to be better than {name} ({floor.real})."]


def _log(steps: float | None, ours: Standing | None, simulator: Standing | None) -> list[str]:
    """What was known before anything began."""
    if steps is None or ours is None:
        return []
    told = f"Whatever uses a model began with one log of {number(steps)} steps, which count among the real ones"
    unseen = "" if simulator is None else "agents in the simulator have not seen it, and "
    return [f"{told}; {unseen}another log may tell otherwise."]


def _unfinished(table: Sequence[Standing]) -> list[str]:
    cells = [row for standing in table for row in standing.rows]
    lost = [row for row in cells if not row.done]
    if not lost:
        return []
    named = "; ".join(row.name + ("" if row.status in ("failed", "done") else f" ({row.status})") for row in lost)
    out = "is left out" if len(lost) == 1 else "are left out"
    return [f"{len(lost)} of {len(cells)} cells failed and {out}: {named}."]


def _same_steps(ours: Standing, simulator: Standing) -> str:
    mine, theirs = number(ours.real_steps or 0), number(simulator.real_steps or 0)
    return f"after the same {mine} real steps" if mine == theirs else f"after {mine} real steps against {theirs}"


def _seeds(ours: Standing, simulator: Standing) -> str:
    if len(ours.done) == len(simulator.done):
        return _count(ours)
    return f"{_count(ours)} against {len(simulator.done)}"


def _count(standing: Standing) -> str:
    seeds = len(standing.done)
    return "1 seed" if seeds == 1 else f"{seeds} seeds"


def _figure(standing: Standing) -> str:
    name = agent_name(standing.agent) if standing.mode in ("simulator", "ceiling") else standing.name
    return f"{name}: {standing.real}"
