"""Ties: a number of an observation that the others tell, and that a dream therefore must not lose.

The height over the ground is the height over the pad wherever the pad is beneath. No log shows them apart, so no model
learns what would bring them together again: once a dream has them apart, they stay so. Over the pad of Lander they were
half a metre and more apart in half of an rnn's dreams, and pilots crashed into ground that they did not see. Here a
small network learns each number from the others at the same time, and how sure that is; a dream moves what it drew
towards where it surely is. What no other number tells is left alone.
"""

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sandbox.models.nets import log_normal

WIDTH, ROWS, RATE, UPDATES = 32, 512, 3e-3, 1500
# Standard deviations, of which an observation's numbers have 1: told so narrowly a number is as good as known, and told
# no better than that widely it is not moved.
SURE, UNSURE = 0.01, 0.05
# So far towards what is told a number is moved in one step. Steps are more exact than ties: moved the whole way, a step
# of an rnn's dream of Lander had an energy score of 1.02 in place of 0.59, moved a tenth of it 0.60; and over the pad
# the two heights were 0.025 and 0.034 m apart, without ties 0.26 m.
PULL = 0.1
# A number that is surely told in less than this share of fresh observations is not worth a look at every step.
WORTH = 0.05
# So large a share of what was surely told lies within three spreads, or the network is a boaster.
HONEST = 0.9
# Further than this from what the others tell a number has not drifted: it is where the data never were.
NEAR = 0.5
MOST = 8  # numbers at most, since each is looked at in every step
MOST_PAIRS = 2500  # of numbers and features: beyond, it would take longer than the model to learn who knows whom
# After so large a share of the updates, numbers are given up that are nowhere told to within that many times UNSURE.
EARLY, PROMISING = 0.2, 4.0
BLOCK, FOLDS = 50, 10  # every tenth block of so many steps judges


class Ties(nn.Module):
    """Which of the `numbers` standardised ones that begin the features `(…, F)` of an observation the others tell.

    Every number has a network of its own, a perceptron of two layers; all are taught at once. Of very many numbers no
    ties are sought.
    """

    weight0: Tensor
    tied: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, features: int, numbers: int) -> None:
        super().__init__()
        self._numbers = numbers
        networks = numbers if numbers * features <= MOST_PAIRS else 0
        sizes = (features, WIDTH, WIDTH, 2)
        # Statistics of the data and no weights of the model: nothing that the model learns by changes them.
        for place, (size, following) in enumerate(itertools.pairwise(sizes)):
            self.register_buffer(f"weight{place}", torch.zeros(networks, size, following))
            self.register_buffer(f"bias{place}", torch.zeros(networks, 1, following))
        self.register_buffer("tied", torch.zeros(numbers, dtype=torch.bool))
        for name in ("low", "high"):
            self.register_buffer(name, torch.zeros(numbers))

    @property
    def is_taught(self) -> bool:
        """Whether the networks ever learned."""
        return bool(self.weight0.any())

    def inherit(self, other: "Ties") -> None:
        """Begin with the networks of `other`; which numbers are tied is for `learn` to say anew."""
        for layer, known in zip(self._layers(), other._layers(), strict=True):
            for mine, theirs in zip(layer, known, strict=True):
                mine.copy_(theirs)

    def learn(self, features: Tensor, drifting: Tensor, updates: int, rng: np.random.Generator) -> None:
        """Learn the `drifting` numbers, `(D,)`, each from the others in observations `(N, F)`, and which are tied.

        What was inherited is where it goes on from.
        """
        candidates = torch.nonzero(drifting)[:, 0].tolist() if len(self.weight0) else []
        judges = torch.arange(len(features)) // BLOCK % FOLDS == FOLDS - 1
        if not candidates:
            return
        teaching, fresh = features[~judges], features[judges]
        layers = list(self._layers())
        begins_anew = not self.is_taught
        for weight, bias in layers:
            bound = weight.shape[1] ** -0.5  # as PyTorch's linear layers begin
            for each in (weight, bias):
                if begins_anew:
                    each.copy_(torch.from_numpy(rng.uniform(-bound, bound, each.shape).astype(np.float32)))
                each.requires_grad_()
        optimiser = torch.optim.AdamW([each for layer in layers for each in layer], RATE, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, max(updates, 20), pct_start=0.1)
        for update in range(updates):
            if update == round(EARLY * updates):
                candidates = self._promising(fresh, candidates)
                if not candidates:
                    break
            seen = teaching[torch.from_numpy(rng.integers(len(teaching), size=ROWS))]
            mean, spread = self._told(seen, candidates)
            loss = -log_normal((seen[:, candidates].T - mean) / spread, spread).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        for layer in layers:
            for each in layer:
                each.requires_grad_(False)
        numbers = teaching[:, : self._numbers]
        self.low.copy_(numbers.amin(dim=0))
        self.high.copy_(numbers.amax(dim=0))
        if candidates:
            self._judge(fresh, candidates)

    @torch.no_grad()
    def _promising(self, fresh: Tensor, candidates: list[int]) -> list[int]:
        surest = torch.quantile(self._told(fresh, candidates)[1], WORTH, dim=-1)
        return [number for number, spread in zip(candidates, surest, strict=True) if spread < PROMISING * UNSURE]

    @torch.no_grad()
    def _judge(self, fresh: Tensor, candidates: list[int]) -> None:
        mean, spread = self._told(fresh, candidates)
        sure = spread < UNSURE
        within = ((fresh[:, candidates].T - mean).abs() < 3 * spread) & sure
        share = sure.float().mean(dim=-1)
        honest = within.sum(dim=-1) >= HONEST * sure.sum(dim=-1)
        share = torch.where(honest & (share >= WORTH), share, 0.0)
        for place in share.argsort(descending=True)[:MOST].tolist():
            self.tied[candidates[place]] = share[place] > 0

    def settled(self, features: Tensor) -> Tensor:
        """The numbers `(N, D)` of observations with `features` `(N, F)`, moved towards what the others surely tell.

        Only where these are in the range of the data: a pendulum that never swung high has a cosine that its sine
        tells, and one that swings higher for the first time must not be pulled back.
        """
        which = torch.nonzero(self.tied)[:, 0].tolist()
        numbers = features[:, : self._numbers].clone()
        mean, spread = (told.T for told in self._told(features, which))
        beyond = (numbers < self.low) | (numbers > self.high)
        others_known = beyond.sum(dim=-1, keepdim=True) == beyond[:, which]
        way = mean - numbers[:, which]
        trust = (1 - (spread / UNSURE).square()).clamp_min(0) * (others_known & (way.abs() < NEAR))
        numbers[:, which] += PULL * trust * way
        return numbers

    def _layers(self) -> Iterator[tuple[Tensor, Tensor]]:
        return ((self.get_buffer(f"weight{place}"), self.get_buffer(f"bias{place}")) for place in range(3))

    def _told(self, features: Tensor, which: list[int]) -> tuple[Tensor, Tensor]:
        """What the others tell of each number of `which`: its mean and its spread, `(K, N)` each."""
        (first, bias), *others = ((weight[which], bias[which]) for weight, bias in self._layers())
        first[range(len(which)), which] = 0.0  # no number is told by itself
        hidden = torch.baddbmm(bias, features.expand(len(which), -1, -1), first)
        for weight, bias in others:
            hidden = torch.baddbmm(bias, functional.silu(hidden), weight)
        mean, spread = hidden.unbind(-1)
        return mean, SURE + functional.softplus(spread)
