"""Window: the last W steps, as they are."""

import torch
from torch import Tensor

from sandbox.models.core import Memory, State


class Window(Memory):
    """Remembers the last `window` steps and nothing before them; has no parameters."""

    def __init__(self, features_dim: int, window: int = 2) -> None:
        super().__init__()
        if window < 1:
            raise ValueError(f"a window of {window} steps remembers nothing; use 1 or more")
        self.window = window
        self.slot = features_dim + 1  # a step and the flag that says it is real
        self.context_dim = features_dim + (window - 1) * self.slot

    @property
    def steps_at(self) -> tuple[int, ...]:
        """Every step of the window."""
        return tuple(lag * self.slot for lag in range(self.window))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`(B, T, X)` to `(B, T, C)`: each step beside the ones before it."""
        batch, length, _ = x.shape
        flagged = torch.cat([x, x.new_ones(batch, length, 1)], dim=-1)
        padded = torch.cat([x.new_zeros(batch, self.window - 1, self.slot), flagged], dim=1)
        past = [padded[:, lag : lag + length] for lag in range(self.window - 1)]
        return torch.cat([*past, x], dim=-1)

    def start(self, rows: int, device: torch.device) -> State:
        """Empty slots."""
        return {"past": torch.zeros(rows, self.window - 1, self.slot, device=device)}

    def step(self, state: State, x: Tensor) -> tuple[Tensor, State]:
        """One tick; the oldest step is forgotten."""
        past = state["past"]
        context = torch.cat([past.flatten(1), x], dim=-1)
        newest = torch.cat([x, x.new_ones(len(x), 1)], dim=-1)[:, None]
        return context, {"past": torch.cat([past, newest], dim=1)[:, 1:]}
