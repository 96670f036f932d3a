"""The seams of a world model: a Memory turns history into context, a Head draws the next step given the context.

A model is memory × head (`rnn+diffusion`), so that families compete on dynamics alone and everything else stands once.
Models see arrays and tensors only, never an environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from sandbox.models.codec import Codec
from sandbox.models.maps import MapNet, Maps
from sandbox.models.nets import Mlp
from sandbox.models.outcome import Evidence, Outcome
from sandbox.models.records import Analog
from sandbox.spaces import Element
from sandbox.trajectories import Starts

State = dict[str, Tensor]
_STEP = ("obs", "action", "reward", "next_obs", "terminated")

# Below a hundredth of the data's own spread a likelihood only rewards certainty, no longer accuracy.
FLOOR = 0.01


@dataclass(frozen=True)
class Training:
    """How a head likes to be trained."""

    learning_rate: float = 3e-3  # the peak of a one-cycle schedule
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-4
    updates: int = 2000  # most gradient steps of one fit
    relearning: float = 0.4  # how many times that many for weights of a predecessor that were partly renewed


class NoDensityError(TypeError):
    """A density was asked of a family that can only be sampled."""


class Head(nn.Module):
    """A conditional density over a record of elements.

    A record is a tensor `(N, D)`, one column an element: a standardised number, the index of a category, or 0 and 1.
    `context_dim = 0` is legal: a density given nothing.
    """

    noise_dim: int  # M: how many standard normal numbers one draw uses
    training_defaults: ClassVar[Training] = Training()

    def __init__(self, context_dim: int, elements: tuple[Element, ...], maps: Maps | None = None) -> None:
        """`maps` says where a context holds maps, if records are maps."""
        super().__init__()
        self.context_dim = context_dim
        self.elements = elements
        self.maps = maps
        self.analog = Analog(elements)
        self.continuous, self.categorical = self.analog.continuous, self.analog.categorical
        self.binary = self.analog.binary

    def build(
        self, hidden: tuple[int, ...], *, seen: bool, extra: int = 0, drawn: bool = False, numbers: int = 0
    ) -> nn.Module:
        """A network that is given a context and, before it, an analog record if one is `seen`, and `extra` numbers.

        It gives `numbers`, then an analog record if one is `drawn`. Of maps it is a convolution.
        """
        before = extra + (self.analog.size if seen else 0)
        if self.maps is None:
            return Mlp(before + self.context_dim, hidden, numbers + (self.analog.size if drawn else 0))
        at = [*([0] if seen else []), *self.maps.moved(before)]
        of_cell = self.maps.sides.kinds if drawn else 0
        return MapNet(before + self.context_dim, self.maps.sides, at, numbers, of_cell)

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

    @property
    def steps_at(self) -> tuple[int, ...]:
        """The offsets in the context at which it holds a step as it is."""
        return ()

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

    def __init__(self, codec: Codec, memory: Memory, head: Head, outcome: Outcome) -> None:
        super().__init__()
        self.codec = codec
        self.memory = memory
        self.head = head
        self.outcome = outcome
        self.history = 16
        self.noise_dim = head.noise_dim + outcome.noise_dim

    def inherit(self, other: "WorldModel", renewed: float = 0.0) -> None:
        """Begin with the weights of `other`, a model of the same parts; what it never had to learn stays new.

        The share `renewed` of the way it then goes back towards the weights that it has now.
        """
        new = {name: weight.detach().clone() for name, weight in self.named_parameters()}
        self.memory.load_state_dict(other.memory.state_dict())
        self.head.load_state_dict(other.head.state_dict())
        self.outcome.inherit(other.outcome)
        with torch.no_grad():
            for name, weight in self.named_parameters():
                weight.lerp_(new[name], renewed)

    def losses(
        self,
        batch: Mapping[str, Tensor],
        generator: torch.Generator,
        *,
        held_out: bool = False,
        dynamics_alone: bool = False,
    ) -> dict[str, Tensor]:
        """The loss of each part at the real steps of a batch of `(B, T, …)` columns with their `mask`, `(N,)` each.

        `held_out` judges in place of teaching; `dynamics_alone` leaves the outcome's parts out.
        """
        mask = batch["mask"]
        x = self.codec.features(batch["obs"], batch["action"])
        context = self.memory(x, mask)[mask]  # (N, C)
        obs, next_obs = batch["obs"][mask], batch["next_obs"][mask]
        change = self.codec.change(obs, next_obs)
        loss = self.head.held_out_loss if held_out else self.head.loss
        dynamics = {"dynamics": loss(context, self.codec.record(x[mask], change), generator)}
        if dynamics_alone:
            return dynamics
        terminated = batch["terminated"][mask]
        reward = self.codec.standard_reward(batch["reward"][mask], terminated)
        evidence, ends_apart = self.evidence(context, x[mask], next_obs, change), "end.obs" in batch
        outcome = self.outcome.losses(evidence, reward, terminated, generator, prizes=not ends_apart)
        if ends_apart:
            outcome |= self._prizes({name: batch[f"end.{name}"] for name in _STEP}, generator)
        return dynamics | outcome

    def _prizes(self, ends: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """What is lowered at transitions that ended episodes, `(M, …)`: a prize depends on no memory."""
        x = self.codec.features(ends["obs"], ends["action"])
        evidence = self.evidence(x[:, :0], x, ends["next_obs"], self.codec.change(ends["obs"], ends["next_obs"]))
        reward = self.codec.standard_reward(ends["reward"], ends["terminated"])
        return self.outcome.prizes(evidence, reward, generator)

    def evidence(self, context: Tensor, x: Tensor, next_obs: Tensor, change: Tensor) -> Evidence:
        """What reward and ending may depend on, of steps that led to `next_obs` `(N, D)` by `change`."""
        return Evidence(context, x, self.codec.observation_features(next_obs), self.codec.zoomed(next_obs), change)

    def part(self, name: str) -> list[nn.Module]:
        """The modules that the loss `name` trains."""
        return [self.memory, self.head] if name == "dynamics" else [self.outcome.get_submodule(name)]

    @torch.no_grad()
    def surprise(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """How unexpected each real step of a batch is to the head, `(N,)`; see `Head.surprise`."""
        mask = batch["mask"]
        x = self.codec.features(batch["obs"], batch["action"])
        context = self.memory(x, mask)[mask]
        change = self.codec.change(batch["obs"][mask], batch["next_obs"][mask])
        return self.head.surprise(context, self.codec.record(x[mask], change), generator)

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
        change = self.codec.recorded(x, drawn)
        next_obs = self.codec.changed(obs, change)
        if self.codec.is_settling:
            next_obs = self.codec.settled(next_obs)
            # Were the drawn change paid for, an agent could be pulled back and paid for ever.
            change = self.codec.change(obs, next_obs)
        evidence = self.evidence(context, x, next_obs, change)
        reward, terminated = self.paid(evidence, noise[:, self.head.noise_dim :], temperature)
        return (next_obs, reward, terminated), {**memory, "obs": next_obs}

    def paid(self, evidence: Evidence, noise: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """The rewards of steps, in the world's units, and which of them end, `(N,)` each."""
        standard, terminated = self.outcome.sample(evidence, noise, temperature)
        return self.codec.reward(standard, terminated), terminated

    forward = step  # what `torch.func.functional_call` calls


def _like(flag: Tensor, leaf: Tensor) -> Tensor:
    """`(B,)` shaped to broadcast over a leaf `(B, …)`."""
    return flag.reshape(-1, *[1] * (leaf.dim() - 1))
