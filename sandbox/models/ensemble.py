"""Ensemble: several models of the same data, whose disagreement measures ignorance (PETS; Chua et al. 2018).

What is left to chance, every member knows; where there were no data, each has made up something else. All members are
asked in one batched pass (`torch.func.vmap` over their stacked weights), live the same history, and one of them, drawn
anew at every step, says what happens (TS1 of PETS, as in MBPO; Janner et al. 2019).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from sandbox.models.codec import Codec
from sandbox.models.core import State, WorldModel
from sandbox.models.nets import uniform_from
from sandbox.models.outcome import AMOUNTS
from sandbox.trajectories import Starts

# What members share: the present, and how far they disagreed about it.
OBS, DISAGREEMENT = "obs", "disagreement"
_Answer = tuple[tuple[Tensor, Tensor, Tensor], State]


class Ensemble(nn.Module):
    """K world models of one kind as one. Every leaf of its state that a member remembers is `(B, K, …)`."""

    def __init__(self, members: Sequence[WorldModel]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.history = members[0].history
        self.noise_dim = members[0].noise_dim + 1
        self._stacked: dict[str, Tensor] | None = None
        self._agree()

    @property
    def codec(self) -> Codec:
        """The one codec of all members, which saw the same data."""
        return self.first.codec

    @property
    def first(self) -> WorldModel:
        """The member that stands for all where they are alike: in their shapes, their codec and their choices."""
        return self._member(0)

    @property
    def each(self) -> list[WorldModel]:
        """The members."""
        return [self._member(k) for k in range(len(self.members))]

    @torch.no_grad()
    def _agree(self) -> None:
        """Let all members judge outcomes by the evidence that most of them chose: one pass takes one path."""
        for question in AMOUNTS:
            choices = [member.outcome.chosen(question) for member in self.each]
            decision = torch.stack(choices).median()
            for choice in choices:
                choice.copy_(decision)

    @torch.inference_mode()
    def begin(self, starts: Starts) -> State:
        """Every member reads each start's history."""
        states = [member.begin(starts) for member in self.each]
        obs = states[0][OBS]
        memories = {name: torch.stack([s[name] for s in states], dim=1) for name in states[0] if name != OBS}
        return {**memories, OBS: obs, DISAGREEMENT: obs.new_zeros(len(obs))}

    @torch.inference_mode()
    def step(self, state: State, action: Tensor, noise: Tensor, temperature: float = 1.0) -> _Answer:
        """One tick of every row; the last noise number draws the member, the others are the same for all members."""
        memories = {name: leaf for name, leaf in state.items() if name not in (OBS, DISAGREEMENT)}
        obs, own = state[OBS], noise[:, :-1]

        def member(weights: dict[str, Tensor], remembered: dict[str, Tensor]) -> Any:
            call = ({**remembered, OBS: obs}, action, own, temperature)
            return functional_call(self.first, weights, call)

        (following, reward, terminated), remembered = vmap(member, in_dims=(0, 1), out_dims=1)(
            self._weights(), memories
        )
        chosen = (uniform_from(noise[:, -1]) * len(self.members)).long()
        row = torch.arange(len(obs), device=obs.device)
        answer = (following[row, chosen], reward[row, chosen], terminated[row, chosen])
        del remembered[OBS]
        doubt = self._disagreement(obs, following)
        return answer, {**remembered, OBS: answer[0], DISAGREEMENT: doubt}

    def _disagreement(self, obs: Tensor, following: Tensor) -> Tensor:
        """The root of the members' mean variance about the next observations `(B, K, D)`, in usual changes."""
        rows, members, _ = following.shape
        record = self.codec.change(obs.repeat_interleave(members, 0), following.flatten(0, 1))
        drawn = self.first.head.analog.encode(record).reshape(rows, members, -1)
        doubt: Tensor = drawn.var(dim=1).mean(dim=-1).sqrt()
        return doubt

    @torch.no_grad()
    def surprise(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """The members' mean surprise at the real steps of a batch, `(N,)`."""
        return torch.stack([member.surprise(batch, generator) for member in self.each]).mean(dim=0)

    def _member(self, number: int) -> WorldModel:
        found = self.members[number]
        assert isinstance(found, WorldModel)
        return found

    def _weights(self) -> dict[str, Tensor]:
        """The members' parameters, stacked once: a fitted model does not learn any more."""
        if self._stacked is None:
            self._stacked = stack_module_state(self.each)[0]
        return self._stacked

    def load_state_dict(self, *arguments: Any, **named: Any) -> Any:
        """Take new weights, as every module does."""
        self._stacked = None
        return super().load_state_dict(*arguments, **named)
