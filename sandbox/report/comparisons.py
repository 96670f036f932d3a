"""Who is shown to be better than whom: every contender that uses a model beside what it has to be better than.

Two questions, each Holm-corrected over all that it asks, so that either has at most 5 % of false answers where nothing
differs: is it better than the best agent trained in the simulator, at the same real steps and at the ceiling; and,
where the model only upsamples a log, is it better than the log alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sandbox.report.results import Row
from sandbox.report.standings import Standing, best, modelled
from sandbox.statistics import CONFIDENCE, holm, paired, welch


@dataclass(frozen=True)
class Comparison:
    """One contender beside one reference: the p-value as corrected, or None where a lone seed allows no test."""

    ours: Standing
    theirs: Standing
    paired: bool
    p_value: float | None

    @property
    def difference(self) -> float:
        """How far the mean over our seeds lies above theirs."""
        return float(self.ours.returns.mean() - self.theirs.returns.mean())

    @property
    def outcome(self) -> str:
        """`beat`, `fell short`, `no difference shown`, or `one seed`."""
        if self.p_value is None:
            return "one seed"
        if self.p_value > 1 - CONFIDENCE:
            return "no difference shown"
        return "beat" if self.difference > 0 else "fell short"


def with_simulator(table: Sequence[Standing]) -> list[Comparison]:
    """Every contender that uses a model beside the best of mode `simulator`, and of `ceiling` where there is one."""
    return _corrected(
        [
            Comparison(ours, reference, False, _beside_the_best(ours, reference, table))
            for mode in ("simulator", "ceiling")
            for reference in [best(table, mode)]
            if reference is not None
            for ours in modelled(table)
        ]
    )


def with_log(table: Sequence[Standing]) -> list[Comparison]:
    """Every upsampled log beside the log alone; seeds that share a log are compared in pairs."""
    return _corrected(
        [
            _beside_log(ours, alone)
            for ours in modelled(table)
            for alone in [log_alone(table, ours)]
            if ours.mode == "upsample" and alone is not None
        ]
    )


def log_alone(table: Sequence[Standing], ours: Standing) -> Standing | None:
    """What `ours` learned from without what its model added: the same agent on the log, swept alike where it is."""
    alone = [
        standing
        for standing in table
        if (standing.mode, standing.model, standing.agent) == ("upsample", None, ours.agent) and standing.real
    ]
    return next((standing for standing in alone if standing.sweep == ours.sweep), best(alone))


def falls_below(comparison: Comparison) -> bool:
    """Whether our whole interval lies below their mean: short by more than the interval, tested or not."""
    ours, theirs = comparison.ours.real, comparison.theirs.real
    return ours is not None and theirs is not None and ours.high < theirs.mean


def _beside_the_best(ours: Standing, reference: Standing, table: Sequence[Standing]) -> float | None:
    """Welch's p-value beside the best of several peers, which was chosen by looking at the returns.

    Whoever is to beat the best has to beat every peer, so that the largest p-value counts (Berger, "Multiparameter
    hypothesis testing and acceptance sampling", Technometrics 24, 1982). To fall short of the best of R takes no more
    than to fall short of one, which chance alone does R times as often (Bonferroni).
    """
    if min(len(ours.done), len(reference.done)) < 2:
        return None
    peers = [peer for peer in table if peer.mode == reference.mode and len(peer.done) > 1]
    if ours.returns.mean() < reference.returns.mean():
        return min(1.0, len(peers) * welch(ours.returns, reference.returns))
    above = all(ours.returns.mean() > peer.returns.mean() for peer in peers)
    return max(welch(ours.returns, peer.returns) for peer in peers) if above else 1.0


def _beside_log(ours: Standing, alone: Standing) -> Comparison:
    if min(len(ours.done), len(alone.done)) < 2:
        return Comparison(ours, alone, False, None)
    partners: dict[tuple[int, str | None], Row] = {(row.seed, row.log): row for row in alone.done if row.log}
    pairs = [(row, partners[row.seed, row.log]) for row in ours.done if (row.seed, row.log) in partners]
    if len(pairs) == len(ours.done) == len(alone.done):
        returns = np.array([[row.real.mean for row in pair if row.real is not None] for pair in pairs])  # (S, 2)
        return Comparison(ours, alone, True, paired(returns[:, 0], returns[:, 1]))
    return Comparison(ours, alone, False, welch(ours.returns, alone.returns))


def _corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with p-values as Holm corrects them; those without a test do not count."""
    corrected = iter(holm([each.p_value for each in comparisons if each.p_value is not None]).tolist())
    return [each if each.p_value is None else replace(each, p_value=next(corrected)) for each in comparisons]
