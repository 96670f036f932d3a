"""RNN: a gated recurrent unit (Cho et al. 2014), the memory of World Models (Ha & Schmidhuber 2018)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from sandbox.models.core import Memory, State


class Rnn(Memory):
    """Remembers through a hidden vector `h`; the context is `h` beside the present step.

    The present step reaches the head directly, so that a world without hidden state is not squeezed through `h`.
    """

    def __init__(self, features_dim: int, hidden: int = 64) -> None:
        super().__init__()
        self.gru = nn.GRU(features_dim, hidden, batch_first=True)
        self.context_dim = hidden + features_dim

    @property
    def steps_at(self) -> tuple[int, ...]:
        """The present step."""
        return (self.gru.hidden_size,)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`(B, T, X)` to `(B, T, C)`."""
        hidden, _ = self.gru(x)
        return torch.cat([hidden, x], dim=-1)

    def start(self, rows: int, device: torch.device) -> State:
        """Nothing seen yet: zeros."""
        return {"hidden": torch.zeros(rows, self.gru.hidden_size, device=device)}

    def step(self, state: State, x: Tensor) -> tuple[Tensor, State]:
        """One tick with the weights of the parallel pass."""
        before = state["hidden"]
        of_input, of_hidden, input_bias, hidden_bias = self.gru.all_weights[0]
        seen = functional.linear(x, of_input, input_bias).chunk(3, dim=-1)
        known = functional.linear(before, of_hidden, hidden_bias).chunk(3, dim=-1)
        forget, keep = torch.sigmoid(seen[0] + known[0]), torch.sigmoid(seen[1] + known[1])
        hidden = (1 - keep) * torch.tanh(seen[2] + forget * known[2]) + keep * before
        return torch.cat([hidden, x], dim=-1), {"hidden": hidden}
