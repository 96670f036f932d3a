"""The real steps of a cell: every one is counted, whoever takes it. Evaluation is counted apart."""

from dataclasses import dataclass, field


class OverspentError(RuntimeError):
    """More real steps were taken than the budget holds: a bug in a mode, never a user's mistake."""


@dataclass
class Budget:
    """`total` real steps, of which the last tenth is kept for the final candidates to play.

    Those of a log, `given`, count as spent before anything began; the tenth is of the others.
    """

    total: int
    given: int = 0
    spent: int = field(init=False)

    def __post_init__(self) -> None:
        self.spent = self.given

    @property
    def left(self) -> int:
        """Steps that may still be taken."""
        return self.total - self.spent

    @property
    def left_to_learn(self) -> int:
        """Steps that may still be taken before the last tenth begins."""
        return max(self.left - (self.total - self.given) // 10, 0)

    def spend(self, steps: int) -> None:
        """Count `steps` real steps.

        Raises:
            OverspentError: where the budget does not hold them.
        """
        if steps > self.left:
            raise OverspentError(f"{steps} real steps were taken where {self.left} of {self.total} were left")
        self.spent += steps
