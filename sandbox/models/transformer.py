r"""Transformer: causal self-attention over the last W steps (Vaswani et al. 2017), rotary positions (Su et al. 2021).

softmax(R(t)q · R(s)k / √d) v over t − W < s ≤ t, where R turns pairs of numbers by angles in proportion to time, so
that attention knows how long ago a step was and never which step it was. All are trained in one pass under the sliding
mask; a dream keeps the keys and values of the last W steps in a ring, so that step 1,000 costs what step 10 cost.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from sandbox.models.core import Memory, State

# The slowest of the rotary angles turns by one radian in this many steps.
LONGEST = 100.0


class Transformer(Memory):
    """Remembers by looking back; the context is the last layer's output beside the present step, as for the RNN."""

    def __init__(self, features_dim: int, hidden: int = 64, heads: int = 4, layers: int = 2, window: int = 16) -> None:
        super().__init__()
        if window < 1 or hidden % (2 * heads):
            raise ValueError(f"a transformer needs a window of 1 or more and hidden = 2 · heads · n, not {hidden}")
        self.window, self.hidden = window, hidden
        self.embed = nn.Linear(features_dim, hidden)
        self.layers = nn.ModuleList(Layer(hidden, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        self.context_dim = hidden + features_dim
        pairs = hidden // heads // 2
        speed = LONGEST ** -(torch.arange(pairs, dtype=torch.float64) / max(pairs - 1, 1))
        self.register_buffer("speed", speed, persistent=False)

    speed: Tensor

    @property
    def steps_at(self) -> tuple[int, ...]:
        """The present step."""
        return (self.hidden,)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`(B, T, X)` to `(B, T, C)`."""
        time = torch.arange(x.shape[1], device=x.device)
        ago = time[:, None] - time[None]
        visible = (ago >= 0) & (ago < self.window)  # (T, T)
        turn = self._turn(time)[None, None]  # (1, 1, T, 2, P)
        h = self.embed(x)
        for layer in self._each_layer():
            query, key, value = layer.project(h)  # (B, heads, T, d) each
            h = layer.absorb(h, _attend(_rotate(query, turn), _rotate(key, turn).mT, value, visible))
        return torch.cat([self.norm(h), x], dim=-1)

    def start(self, rows: int, device: torch.device) -> State:
        """Two empty rings a layer, keys `(B, heads, d, W)` and values `(B, heads, W, d)`, and ages of rows, `(B,)`."""
        state = {"age": torch.zeros(rows, dtype=torch.long, device=device)}
        for number, layer in enumerate(self._each_layer()):
            ring = torch.zeros(rows, layer.heads, self.hidden // layer.heads, self.window, device=device)
            state |= {f"keys {number}": ring, f"values {number}": ring.mT.contiguous()}
        return state

    def step(self, state: State, x: Tensor) -> tuple[Tensor, State]:
        """One tick: the newest step takes the oldest one's slot in the ring."""
        age = state["age"]
        slot = (age % self.window)[:, None, None, None]  # (B, 1, 1, 1)
        slots = torch.arange(self.window, device=x.device)
        written = (slots <= age[:, None])[:, None, None]  # (B, 1, 1, W)
        turn = self._turn(age)[:, None, None]  # (B, 1, 1, 2, P)
        h = self.embed(x)[:, None]  # (B, 1, H)
        following = {"age": age + 1}
        for number, layer in enumerate(self._each_layer()):
            query, key, value = layer.project(h)  # (B, heads, 1, d) each
            key = _rotate(key, turn)
            keys = state[f"keys {number}"].scatter(3, slot.expand_as(key.mT), key.mT)
            values = state[f"values {number}"].scatter(2, slot.expand_as(value), value)
            h = layer.absorb(h, _attend(_rotate(query, turn), keys, values, written))
            following |= {f"keys {number}": keys, f"values {number}": values}
        return torch.cat([self.norm(h[:, 0]), x], dim=-1), following

    def _each_layer(self) -> Iterator["Layer"]:
        for layer in self.layers:
            assert isinstance(layer, Layer)
            yield layer

    def _turn(self, time: Tensor) -> Tensor:
        """Cosine and sine of every rotary angle at times `(N,)`, `(N, 2, P)`; exact however long a dream lasts."""
        angle = time[:, None].double() * self.speed
        return torch.stack([angle.cos(), angle.sin()], dim=1).float()


class Layer(nn.Module):
    """Attention and a multilayer perceptron, each beside a path that leaves things as they are."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.question = nn.Linear(hidden, 3 * hidden)
        self.answer = nn.Linear(hidden, hidden)
        self.mlp = nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.SiLU(), nn.Linear(2 * hidden, hidden))

    def project(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of `(B, T, H)`, `(B, heads, T, d)` each."""
        query, key, value = self.question(self.before_attention(h)).chunk(3, dim=-1)
        return self.parted(query), self.parted(key), self.parted(value)

    def absorb(self, h: Tensor, seen: Tensor) -> Tensor:
        """What follows from `(B, T, H)` and what attention saw, `(B, heads, T, d)`."""
        h = h + self.answer(self.joined(seen))
        following: Tensor = h + self.mlp(self.before_mlp(h))
        return following

    def parted(self, joined: Tensor) -> Tensor:
        """`(B, T, H)` as `(B, heads, T, d)`."""
        return joined.reshape(*joined.shape[:2], self.heads, -1).transpose(1, 2)

    def joined(self, parted: Tensor) -> Tensor:
        """`(B, heads, T, d)` as `(B, T, H)`."""
        return parted.transpose(1, 2).flatten(2)


def _attend(query: Tensor, key: Tensor, value: Tensor, visible: Tensor) -> Tensor:
    """What queries `(B, heads, S, d)` see by keys `(B, heads, d, T)` of values `(B, heads, T, d)`, where `visible`."""
    # Written out: PyTorch's fused attention cannot be batched over the members of an ensemble.
    score = (query @ key) / query.shape[-1] ** 0.5
    seen: Tensor = score.masked_fill(~visible, -torch.inf).softmax(-1) @ value
    return seen


def _rotate(x: Tensor, turn: Tensor) -> Tensor:
    """Turn the two halves of `(B, heads, T, d)` against each other by `(…, T, 2, P)`."""
    left, right = x.chunk(2, dim=-1)
    cos, sin = turn.unbind(-2)
    return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)
