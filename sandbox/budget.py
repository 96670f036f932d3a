"""The real steps of a cell: every one is counted, whoever takes it. Evaluation is counted apart."""

from dataclasses import dataclass


class OverspentError(RuntimeError):
    """More real steps were taken than the budget holds: a bug in a mode, never a user's mistake."""


@dataclass
class Budget:
    """`total` real steps, of which the last `reserve` are for the final candidates to play."""

    total: int
    spent: int = 0
    evaluation: int = 0

    @property
    def reserve(self) -> int:
        """The last tenth."""
        return self.total // 10

    @property
    def left_to_learn(self) -> int:
        """Steps that may still be collected to learn from."""
        return max(self.total - self.reserve - self.spent, 0)

    @property
    def left(self) -> int:
        """Steps that may still be taken at all."""
        return self.total - self.spent

    def spend(self, steps: int) -> None:
        """Count `steps` real steps.

        Raises:
            OverspentError: where the budget does not hold them.
        """
        if steps > self.left:
            raise OverspentError(f"{steps} real steps were taken where {self.left} of {self.total} were left")
        self.spent += steps
