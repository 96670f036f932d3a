"""What a metric says: a figure of the dream beside those that could embarrass it and the one that it cannot beat."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


class NotApplicableError(ValueError):
    """A question that cannot be asked of what was given; the message says what is missing."""


@dataclass(frozen=True)
class Figure:
    """One figure of a dream beside the same figure of the two baselines and of the simulator against itself."""

    dream: float
    persistence: float | None = None  # of "nothing changes"
    climatology: float | None = None  # of draws from the data
    simulator: float | None = None  # of a second sample of the truth: the noise floor
    best: Literal["lower", "higher"] | float = "lower"  # what to wish for


@dataclass(frozen=True)
class Section:
    """The figures of one question, what lies behind them, and what could not be answered and why."""

    figures: Mapping[str, Figure]
    details: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def figures_as_json(self) -> dict[str, dict[str, Any]]:
        """The figures as plain dicts of numbers and words; what does not exist is missing."""
        return {name: without_gaps(figure) for name, figure in self.figures.items()}


def without_gaps(figure: Figure) -> dict[str, Any]:
    """A figure as a dict of what there is."""
    return {name: value for name, value in asdict(figure).items() if value is not None}


def side_by_side(
    scores: Mapping[str, Mapping[str, float]], best: Mapping[str, Literal["lower", "higher"] | float] | None = None
) -> dict[str, Figure]:
    """Figures from the scores of `dream`, `persistence`, `climatology` and `simulator`, as far as they are given."""
    figures = {}
    for name, value in scores["dream"].items():
        beside = {who: scored[name] for who, scored in scores.items() if who != "dream" and name in scored}
        figures[name] = Figure(value, **beside, best=(best or {}).get(name, "lower"))
    return figures
