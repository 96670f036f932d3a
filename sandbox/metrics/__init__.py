"""How true is the dream? Every figure beside baselines that could embarrass it, and the simulator's own noise floor."""

from sandbox.metrics.branch import branch_test
from sandbox.metrics.card import CardSettings, score_card, table
from sandbox.metrics.decisions import Distracted, dreams_of, exploitation, graded, rank_agreement
from sandbox.metrics.figures import Figure, Section
from sandbox.metrics.judge import judge
from sandbox.metrics.one_step import fidelity, one_step
from sandbox.metrics.rollouts import rollouts

__all__ = [
    "CardSettings",
    "Distracted",
    "Figure",
    "Section",
    "branch_test",
    "dreams_of",
    "exploitation",
    "fidelity",
    "graded",
    "judge",
    "one_step",
    "rank_agreement",
    "rollouts",
    "score_card",
    "table",
]
