"""What a step means: whether it ends the episode, what it pays, and what an end pays. All families share this part.

The gradient stops at the context, so that families compete on dynamics alone.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from sandbox.models.nets import uniform_from

# From little evidence to much: the simple kind first, since that one is kept unless another is clearly better.
AMOUNTS = {"ending": ("simple", "sharp", "all"), "reward": ("simple", "all"), "prize": ("simple", "sharp")}
# Of plenty of data these are kept instead. Ends are decided at thresholds, and too few of them are held out to tell who
# sees these: in rnn's dreams that knew 16 and 28 landings Lander's pilot, who always lands, landed in 39 and 35 % where
# both questions were answered by the simple amount, in 79 and 83 % where both were by the sharp one.
SHARP = {"ending": "sharp", "prize": "sharp"}
# The choice of a question that the data never raised: where no episode ended, there is no ending and no prize to learn.
NONE = -1


class RewardHead(Protocol):
    """What is asked of the density of a reward; see `Head`."""

    def loss(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """What training lowers."""
        ...

    def sample(self, context: Tensor, noise: Tensor, temperature: float) -> Tensor:
        """One draw a row."""
        ...


class Evidence:
    """What the answers may depend on, from little to all of it."""

    def __init__(self, context: Tensor, x: Tensor, next_features: Tensor, zoomed: Tensor, change: Tensor) -> None:
        """From `(N, …)` each: the context, the step as the memory sees it, the next observation twice, its change."""
        self._next, self._zoomed = next_features, zoomed
        self._transition = torch.cat([next_features, x, change], dim=-1)
        self._context = context.detach()

    @staticmethod
    def sizes(context: int, step: int, next_obs: int, zoomed: int, change: int) -> dict[str, int]:
        """How many numbers each amount holds, by the name of question and amount."""
        transition = next_obs + step + change
        return {
            "ending.simple": next_obs,
            "ending.sharp": next_obs + zoomed,
            "ending.all": transition + zoomed + context,
            "reward.simple": transition,
            "reward.all": transition + zoomed + context,
            "prize.simple": next_obs + zoomed,
            "prize.sharp": next_obs + zoomed,
        }

    def of(self, question: str, amount: str) -> Tensor:
        """The amount of evidence for a question, `(N, E)`."""
        if amount == "all":
            return torch.cat([self._transition, self._zoomed, self._context], dim=-1)
        if question == "prize" or amount == "sharp":
            return torch.cat([self._next, self._zoomed], dim=-1)
        return self._next if question == "ending" else self._transition


class Outcome(nn.Module):
    """Ending and reward of a step, given everything about it.

    The ending is a Bernoulli draw whose probability is learned without reweighting, so that it stays calibrated however
    rare endings are. What a step pays that goes on and what an end pays are two laws of their own, each a one-element
    density on its own scale and within its own range: otherwise a prize of 100 coarsens the everyday, and everyday
    steps may draw prizes. A prize is a matter of where an episode ended; ends are few, so its simple part is additive
    over the dimensions, one linear layer on the piecewise linear encoding.

    Each answer is learned from several amounts of evidence, or with several degrees of freedom, and `choose` keeps the
    simpler one, of plenty of data the sharp one, unless held-out data speak clearly against it: from a few dozen
    endings a network that sees everything learns coincidences, and a dream that ends too eagerly misleads every agent
    in it. Of data in which nothing ever ended, nothing is learned about ends, and the dream has none.
    """

    def __init__(self, parts: Mapping[str, nn.Module], noise_dim: int) -> None:
        """`parts` holds a network for every question and amount; all rewards use `noise_dim` numbers."""
        super().__init__()
        for question, amounts in AMOUNTS.items():
            self.add_module(question, nn.ModuleDict({amount: parts[f"{question}.{amount}"] for amount in amounts}))
            self.register_buffer(f"{question}_choice", torch.tensor(0))
        self.noise_dim = 1 + noise_dim

    def losses(
        self, evidence: Evidence, reward: Tensor, terminated: Tensor, generator: torch.Generator, *, prizes: bool
    ) -> dict[str, Tensor]:
        """The loss of each part, `(N,)`, given standardised rewards `(N,)` and endings `(N,)`.

        Rewards count at the steps that go on, `prizes`, where they are asked for, at the others; without any of these
        they have no loss.
        """
        losses = {
            f"ending.{amount}": functional.binary_cross_entropy_with_logits(
                self._logit(evidence, amount), terminated.float(), reduction="none"
            )
            for amount in self._amounts("ending")
        }
        for question, counts in (("reward", ~terminated), *([("prize", terminated)] if prizes else [])):
            if not counts.any():
                continue
            for amount in self._amounts(question):
                loss = self._density(question, amount).loss(evidence.of(question, amount), reward[:, None], generator)
                losses[f"{question}.{amount}"] = loss.masked_fill(~counts, 0.0)
        return losses

    def prizes(self, evidence: Evidence, reward: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss of every prize, `(M,)`, at transitions that all ended an episode."""
        return {
            f"prize.{amount}": self._density("prize", amount).loss(
                evidence.of("prize", amount), reward[:, None], generator
            )
            for amount in self._amounts("prize")
        }

    def never_end(self) -> None:
        """Have no ends, since the data hold none."""
        for question in ("ending", "prize"):
            self.chosen(question).fill_(NONE)
            self.forget(f"{question}.{amount}" for amount in AMOUNTS[question])

    def choose(self, held_out: Mapping[str, Tensor], *, sharp: bool = False) -> None:
        """Keep the simplest part unless another is better by two standard errors of the paired held-out losses.

        Where `sharp`, the part that sees thresholds of ends is kept in the same way.
        """
        for question, amounts in AMOUNTS.items():
            if self._amount(question) is None:
                continue
            kept = amounts.index(SHARP.get(question, amounts[0])) if sharp else 0
            for place, amount in enumerate(amounts):
                if place == kept or f"{question}.{amount}" not in held_out:
                    continue
                gain = held_out[f"{question}.{amounts[kept]}"] - held_out[f"{question}.{amount}"]
                error = gain.std() / len(gain) ** 0.5 if len(gain) > 1 else gain.new_tensor(torch.inf)
                kept = place if bool(gain.mean() > 2 * error) else kept
            self.chosen(question).fill_(kept)

    @property
    def idle(self) -> list[str]:
        """The names of the parts that were not chosen: they answer nothing."""
        return [
            f"{question}.{amount}"
            for question, amounts in AMOUNTS.items()
            for amount in amounts
            if amount != self._amount(question)
        ]

    def forget(self, parts: Iterable[str]) -> None:
        """Have these parts no more, `question.amount`; they can be chosen no more."""
        for question, amount in (part.split(".") for part in parts):
            left = {name: part for name, part in self.get_submodule(question).named_children() if name != amount}
            self.add_module(question, nn.ModuleDict(left))

    def inherit(self, other: "Outcome") -> None:
        """Begin with the weights of `other`, as far as it has the same parts."""
        for question in AMOUNTS:
            theirs = dict(other.get_submodule(question).named_children())
            for amount, part in self.get_submodule(question).named_children():
                if amount in theirs:
                    part.load_state_dict(theirs[amount].state_dict())

    def chosen(self, question: str) -> Tensor:
        """The place of the amount that answers a question, a buffer."""
        return self.get_buffer(f"{question}_choice")

    def sample(self, evidence: Evidence, noise: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
        """A standardised reward `(N,)` and an ending `(N,)`, from noise `(N, 1 + M)`."""
        chance, own = noise[:, 0], noise[:, 1:]
        usual = self._drawn("reward", evidence, own, temperature)
        ending = self._amount("ending")
        if ending is None:
            return usual, torch.zeros_like(usual, dtype=torch.bool)
        terminated = uniform_from(chance) < torch.sigmoid(self._logit(evidence, ending))
        return torch.where(terminated, self._drawn("prize", evidence, own, temperature), usual), terminated

    def _drawn(self, question: str, evidence: Evidence, noise: Tensor, temperature: float) -> Tensor:
        amount = self._amount(question)
        assert amount is not None
        return self._density(question, amount).sample(evidence.of(question, amount), noise, temperature)[:, 0]

    def _amounts(self, question: str) -> list[str]:
        """What of AMOUNTS is still there."""
        return [amount for amount, _ in self.get_submodule(question).named_children()]

    def _amount(self, question: str) -> str | None:
        """The amount that answers a question, if it was ever raised."""
        choice = int(self.chosen(question))
        return None if choice == NONE else AMOUNTS[question][choice]

    def _logit(self, evidence: Evidence, amount: str) -> Tensor:
        logit: Tensor = self.get_submodule(f"ending.{amount}")(evidence.of("ending", amount))
        return logit[:, 0]

    def _density(self, question: str, amount: str) -> RewardHead:
        head: RewardHead = self.get_submodule(f"{question}.{amount}")  # type: ignore[assignment]
        return head
