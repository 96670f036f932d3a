"""The seams of a world model: a Memory turns history into context, a Head draws the next step given the context.

A model is memory × head (`rnn+diffusion`), so that families compete on dynamics alone and everything else stands once.
Models see arrays and tensors only, never an environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from sandbox.models.codec import Codec
from sandbox.models.nets import uniform_from
from sandbox.models.records import Analog
from sandbox.spaces import Element
from sandbox.trajectories import Starts

State = dict[str, Tensor]

# Below a hundredth of the data's own spread a likelihood only rewards certainty, no longer accuracy.
FLOOR = 0.01


@dataclass(frozen=True)
class Training:
    """How a head likes to be trained."""

    learning_rate: float = 3e-3  # the peak of a one-cycle schedule
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-4
    updates: int = 2000  # most gradient steps of one fit


class NoDensityError(TypeError):
    """A density was asked of a family that can only be sampled."""


class Head(nn.Module):
    """A conditional density over a record of elements.

    A record is a tensor `(N, D)`, one column an element: a standardised number, the index of a category, or 0 and 1.
    `context_dim = 0` is legal: a density given nothing.
    """

    noise_dim: int  # M: how many standard normal numbers one draw uses
    training_defaults: ClassVar[Training] = Training()

    def __init__(self, context_dim: int, elements: tuple[Element, ...]) -> None:
        super().__init__()
        self.context_dim = context_dim
        self.elements = elements
        self.analog = Analog(elements)
        self.continuous, self.categorical = self.analog.continuous, self.analog.categorical
        self.binary = self.analog.binary

    def loss(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """What training lowers, `(N,)`, from context `(N, C)` and target `(N, D)`."""
        raise TypeError(f"{type(self).__name__} has no loss")

    def held_out_loss(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """What held-out data judge by, `(N,)`: the loss itself, where a lower one means a better head."""
        return self.loss(context, target, generator)

    def surprise(self, context: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """How unexpected targets are, `(N,)`, on a scale of the family's own: higher is stranger."""
        return self.loss(context, target, generator)

    def log_prob(self, context: Tensor, target: Tensor) -> Tensor:
        """The log-density of standardised targets, `(N,)`, where the family has one.

        Raises:
            NoDensityError: a family that can only be sampled.
        """
        raise NoDensityError(
            f"{type(self).__name__.lower()} draws samples and has no density; mixture and autoregressive have one"
        )

    def sample(self, context: Tensor, noise: Tensor, temperature: float = 1.0) -> Tensor:
        """One draw a row, `(N, D)`, from context `(N, C)` and standard normal noise `(N, M)`."""
        raise TypeError(f"{type(self).__name__} cannot be sampled")


class Memory(nn.Module):
    """What is remembered: a causal map from the steps so far to a context."""

    context_dim: int

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """All steps in parallel: `(B, T, X)` to `(B, T, C)`; `mask` `(B, T)` marks the real steps, a prefix."""
        raise TypeError(f"{type(self).__name__} has no parallel pass")

    def start(self, rows: int, device: torch.device) -> State:
        """The state of `rows` empty memories; every leaf starts with B."""
        raise TypeError(f"{type(self).__name__} cannot start")

    def step(self, state: State, x: Tensor) -> tuple[Tensor, State]:
        """One tick: `(B, X)` to the context `(B, C)` and the next state; the given state is not changed."""
        raise TypeError(f"{type(self).__name__} cannot step")


class Dynamics(Protocol):
    """What a dream asks for. Every leaf of `state` starts with B and holds `obs` `(B, D)` among others."""

    noise_dim: int
    history: int  # how many past steps a start should bring along

    def begin(self, starts: Starts) -> State:
        """The state at each start, `(K, …)`."""
        ...

    def step(
        self, state: State, action: Tensor, noise: Tensor, temperature: float = 1.0
    ) -> tuple[tuple[Tensor, Tensor, Tensor], State]:
        """One tick: action `(B, A)` and noise `(B, M)` give obs `(B, D)`, reward `(B,)`, terminated `(B,)`."""
        ...


class WorldModel(nn.Module):
    """Memory × head, with the reward and the ending learned by one part that all families share. Final."""

    def __init__(self, codec: Codec, memory: Memory, head: Head, outcome: "Outcome") -> None:
        super().__init__()
        self.codec = codec
        self.memory = memory
        self.head = head
        self.outcome = outcome
        self.history = 16
        self.noise_dim = head.noise_dim + outcome.noise_dim

    def losses(
        self, batch: Mapping[str, Tensor], generator: torch.Generator, *, held_out: bool = False
    ) -> dict[str, Tensor]:
        """The loss of each part at the real steps of a batch of `(B, T, …)` columns with their `mask`, `(N,)` each."""
        mask = batch["mask"]
        x = self.codec.features(batch["obs"], batch["action"])
        context = self.memory(x, mask)[mask]  # (N, C)
        obs, next_obs = batch["obs"][mask], batch["next_obs"][mask]
        change = self.codec.change(obs, next_obs)
        evidence = Evidence(context, x[mask], self.codec.observation_features(next_obs), change)
        reward = self.codec.standard_reward(batch["reward"][mask])
        outcome = self.outcome.losses(evidence, reward, batch["terminated"][mask], generator)
        loss = self.head.held_out_loss if held_out else self.head.loss
        return {"dynamics": loss(context, change, generator), **outcome}

    def part(self, name: str) -> list[nn.Module]:
        """The modules that the loss `name` trains."""
        return [self.memory, self.head] if name == "dynamics" else [self.outcome.get_submodule(name)]

    @torch.no_grad()
    def surprise(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """How unexpected each real step of a batch is to the head, `(N,)`; see `Head.surprise`."""
        mask = batch["mask"]
        context = self.memory(self.codec.features(batch["obs"], batch["action"]), mask)[mask]
        change = self.codec.change(batch["obs"][mask], batch["next_obs"][mask])
        return self.head.surprise(context, change, generator)

    @torch.inference_mode()
    def begin(self, starts: Starts) -> State:
        """Read each start's history into the memory; rows with a shorter history begin later."""
        device = self.codec.obs_mean.device
        obs, action = torch.from_numpy(starts.obs).to(device), torch.from_numpy(starts.action).to(device)
        length = torch.from_numpy(starts.length).to(device)
        state = self.memory.start(len(starts), device)
        for tick in range(action.shape[1]):
            live = length >= action.shape[1] - tick
            _, following = self.memory.step(state, self.codec.features(obs[:, tick], action[:, tick]))
            state = {name: torch.where(_like(live, leaf), following[name], leaf) for name, leaf in state.items()}
        return {**state, "obs": obs[:, -1].clone()}

    @torch.inference_mode()
    def step(
        self, state: State, action: Tensor, noise: Tensor, temperature: float = 1.0
    ) -> tuple[tuple[Tensor, Tensor, Tensor], State]:
        """One tick of every row; see `Dynamics.step`."""
        obs = state["obs"]
        x = self.codec.features(obs, action)
        context, memory = self.memory.step({k: v for k, v in state.items() if k != "obs"}, x)
        drawn = self.head.sample(context, noise[:, : self.head.noise_dim], temperature)
        next_obs = self.codec.changed(obs, drawn)
        evidence = Evidence(context, x, self.codec.observation_features(next_obs), drawn)
        standard, terminated = self.outcome.sample(evidence, noise[:, self.head.noise_dim :], temperature)
        return (next_obs, self.codec.reward(standard), terminated), {**memory, "obs": next_obs}

    forward = step  # what `torch.func.functional_call` calls


class Outcome(nn.Module):
    """Reward and ending of a step, given everything about it; the gradient stops at the context.

    The ending is a Bernoulli draw whose probability is learned without reweighting, so that it stays calibrated however
    rare endings are. The reward is a one-element density given the ending too: a prize or a penalty at the end belongs
    to the step that ends. Each is learned twice, from little evidence and from all of it, and `choose` keeps the
    simpler one unless held-out data speak clearly against it: from a few dozen endings a network that sees everything
    learns coincidences, and a dream that ends too eagerly misleads every agent in it.
    """

    little_ending: Tensor
    little_reward: Tensor

    def __init__(self, endings: Mapping[str, nn.Module], rewards: Mapping[str, Head], noise_dim: int) -> None:
        """`endings` and `rewards` hold a part called `little` and one called `all`; both rewards use equal noise."""
        super().__init__()
        self.endings = nn.ModuleDict(dict(endings))
        self.rewards = nn.ModuleDict(dict(rewards))
        self.noise_dim = 1 + noise_dim
        self.register_buffer("little_ending", torch.tensor(True))
        self.register_buffer("little_reward", torch.tensor(True))

    def losses(
        self, evidence: "Evidence", reward: Tensor, terminated: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The loss of each part, `(N,)`, given standardised rewards `(N,)` and endings `(N,)`."""
        losses = {}
        for name, ending in self.endings.items():
            logit = ending(evidence.next_obs if name == "little" else evidence.everything)[:, 0]
            losses[f"endings.{name}"] = functional.binary_cross_entropy_with_logits(
                logit, terminated.float(), reduction="none"
            )
        for name in self.rewards:
            seen = evidence.with_ending(name, terminated)
            losses[f"rewards.{name}"] = self._reward(name).loss(seen, reward[:, None], generator)
        return losses

    def choose(self, held_out: Mapping[str, Tensor]) -> None:
        """Keep the simpler part unless the other is better by two standard errors of the paired held-out losses."""
        for name, choice in (("endings", self.little_ending), ("rewards", self.little_reward)):
            gain = held_out[f"{name}.little"] - held_out[f"{name}.all"]
            error = gain.std() / len(gain) ** 0.5 if len(gain) > 1 else gain.new_tensor(torch.inf)
            choice.fill_(bool(gain.mean() <= 2 * error))

    def sample(self, evidence: "Evidence", noise: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
        """A standardised reward `(N,)` and an ending `(N,)`, from noise `(N, 1 + M)`."""
        if self.little_ending:
            logit = self.endings["little"](evidence.next_obs)[:, 0]
        else:
            logit = self.endings["all"](evidence.everything)[:, 0]
        terminated = uniform_from(noise[:, 0]) < torch.sigmoid(logit)
        name = "little" if self.little_reward else "all"
        reward = self._reward(name).sample(evidence.with_ending(name, terminated), noise[:, 1:], temperature)
        return reward[:, 0], terminated

    def _reward(self, name: str) -> Head:
        head = self.rewards[name]
        assert isinstance(head, Head)
        return head


class Evidence:
    """What reward and ending may depend on, from little to all: next_obs, the transition, and its history."""

    def __init__(self, context: Tensor, x: Tensor, next_features: Tensor, change: Tensor) -> None:
        self.next_obs = next_features
        self.transition = torch.cat([next_features, x, change], dim=-1)
        self._context = context.detach()

    def with_ending(self, amount: str, terminated: Tensor) -> Tensor:
        """What a reward is drawn from, `(N, E + 1)`: a `little` or `all` of the evidence, and whether it ended."""
        seen = self.transition if amount == "little" else self.everything
        return torch.cat([seen, 2 * terminated[:, None].to(seen.dtype) - 1], dim=-1)

    @property
    def everything(self) -> Tensor:
        """The transition beside the context, `(N, E)`."""
        return torch.cat([self.transition, self._context], dim=-1)


def _like(flag: Tensor, leaf: Tensor) -> Tensor:
    """`(B,)` shaped to broadcast over a leaf `(B, …)`."""
    return flag.reshape(-1, *[1] * (leaf.dim() - 1))
