"""A fitted model: everything that a dream needs, in memory or as one folder."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sandbox import files, models
from sandbox.models.chunks import Chunks
from sandbox.models.codec import Codec
from sandbox.models.core import Head, Memory, State, WorldModel
from sandbox.models.ensemble import Ensemble
from sandbox.models.maps import Maps, Sides
from sandbox.models.mixture import Mixture
from sandbox.models.nets import Mlp
from sandbox.models.outcome import AMOUNTS, Evidence, Outcome
from sandbox.models.surprise import Surprise
from sandbox.spaces import Element, Layout, action_layout, brief, from_json, layout, to_json
from sandbox.threads import one_thread
from sandbox.trajectories import Starts, Trajectories

KIND = "world-model"
Array = NDArray[Any]
# One narrow component is enough for most rewards; three let a bonus stand beside the usual.
_REWARD_COMPONENTS, _OUTCOME_WIDTH = 3, 64
_REWARD_NOISE = 2  # which component, and where in it
# What a stored model says of itself.
_HEADER = ("name", "settings", "observation_space", "action_space", "horizon", "provenance")
_LATER = re.compile(r"(^|\.)codec\.(law|ties)\.")
# Transitions whose surprise is measured together: as long as the chunks of a fit, on which it was calibrated.
SURPRISE_CHUNK = 16


@dataclass(frozen=True)
class FittedModel:
    """A world model with the spaces, the horizon and the real starts of the world that it dreams. Is a `Dynamics`."""

    name: str
    settings: Mapping[str, Any]  # of memory and head: {"memory": {...}, "head": {...}}
    network: WorldModel | Ensemble
    observation: Layout
    action: Layout
    horizon: int
    starts: Starts
    usual: NDArray[np.float32]  # (M,), the surprise at held-out transitions, ascending
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        weights = sum(weight.numel() for weight in self.network.parameters())
        data = self.provenance.get("data", {})
        world = data.get("source", {}).get("world", "a world without a name")
        seen = data.get("transitions", 0)
        return f"<FittedModel: {self.name} with {weights:,} weights, learned from {seen:,} steps of {world}>"

    @property
    def members(self) -> list[WorldModel]:
        """The world models that it is made of: one, or those of an ensemble."""
        return [self.network] if isinstance(self.network, WorldModel) else self.network.each

    @property
    def noise_dim(self) -> int:
        """How many standard normal numbers a step of one row uses."""
        return self.network.noise_dim

    @property
    def history(self) -> int:
        """How many past steps a start should bring along."""
        return self.network.history

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.codec.obs_mean.device

    @property
    def worst(self) -> float:
        """What a cautious dream expects of the unknown: the worst discounted return-to-go in the data.

        A contrast's rounds expect the worst of a part of them; see `sandbox.modes.stages.fitted`.
        """
        return float(self.network.codec.worst)

    @property
    def usual_reward(self) -> float:
        """The mean reward of the steps after which an episode went on."""
        return float(self.network.codec.reward_mean)

    @property
    def reward_unit(self) -> float:
        """How much is usually paid or taken by a step, a number above 0 where anything ever is."""
        return abs(self.usual_reward) + float(self.network.codec.reward_scale)

    def strangeness(self, obs: Tensor) -> Tensor:
        """How far each observation `(B, D)` is from the usual, `(B,)`: its mean squared deviation, in standard ones."""
        return self.network.codec.strangeness(obs)

    def is_known(self, obs: Tensor) -> Tensor:
        """Whether each observation `(B, D)` lies in the range of what is known, `(B,)`; see `familiarise`."""
        return self.network.codec.is_known(obs)

    @property
    def beginnings(self) -> Starts:
        """The starts that are beginnings of episodes; all starts where the data hold no beginning."""
        first = self.starts.length == 0
        if not first.any():
            return self.starts
        return Starts(self.starts.obs[first], self.starts.action[first], self.starts.length[first])

    @one_thread()
    def begin(self, starts: Starts) -> State:
        """See `Dynamics.begin`."""
        return self.network.begin(starts)

    @one_thread()
    def step(
        self, state: State, action: Tensor, noise: Tensor, temperature: float = 1.0
    ) -> tuple[tuple[Tensor, Tensor, Tensor], State]:
        """See `Dynamics.step`."""
        return self.network.step(state, action, noise, temperature)

    @one_thread()
    def surprise(self, data: Trajectories, seed: int = 0) -> Surprise:
        """How unexpected every transition of `data` is, beside what was usual in held-out data.

        By likelihood, a bound on it, the denoising error, or the distance from what a generator would have drawn, as
        the family offers; `seed` decides the draws that some of these need.

        Raises:
            ValueError: data of other spaces than the model's.
        """
        if (data.observation_space, data.action_space) != (self.observation.space, self.action.space):
            raise ValueError(
                f"the model was made for observations {brief(self.observation.space)} and actions "
                f"{brief(self.action.space)}, the data hold {brief(data.observation_space)} and "
                f"{brief(data.action_space)}; use data of the model's world"
            )
        generator = torch.Generator(self.device).manual_seed(seed)
        score = self.network.surprise(Chunks(data, SURPRISE_CHUNK, self.device).cover(), generator)
        return Surprise.among(score.cpu().numpy(), self.usual, data.episode)

    def save(self, path: Path | str, *, whole: bool = False) -> None:
        """Write the folder `path`: `model.json` and three safetensors files; all of it or nothing.

        Of the outcome's parts only those that were chosen are stored; all of them in a `whole` model, from which
        another fit can go on.
        """
        header = {
            "kind": KIND,
            "format": files.FORMAT,
            "name": self.name,
            "settings": dict(self.settings),
            "observation_space": to_json(self.observation.space),
            "action_space": to_json(self.action.space),
            "horizon": self.horizon,
            "provenance": dict(self.provenance),
        }
        weights = {name: tensor.detach().cpu().numpy() for name, tensor in self.network.state_dict().items()}
        idle = () if whole else _idle(self.network)
        weights = {name: array for name, array in weights.items() if not name.startswith(idle)}
        with files.replacing(Path(path)) as folder:
            folder.mkdir()
            files.write_json(folder / "model.json", header)
            files.write_arrays(folder / "weights.safetensors", weights, {}, KIND)
            begin = {f.name: getattr(self.starts, f.name) for f in dataclasses.fields(Starts)}
            files.write_arrays(folder / "starts.safetensors", begin, {}, "starts")
            files.write_arrays(folder / "usual.safetensors", {"surprise": self.usual}, {}, "usual")

    @classmethod
    def load(cls, path: Path | str, device: torch.device | str = "cpu") -> Self:
        """Read the folder that `save` wrote; executes nothing.

        Raises:
            DamagedFileError: where the folder is missing, truncated, foreign or of a newer format.
        """
        folder = Path(path)
        if not (folder / "model.json").is_file():
            raise files.DamagedFileError(f"{folder} is no fitted model (no model.json in it); `sandbox fit` makes one")
        header = files.read_header(folder / "model.json", KIND, _HEADER, "a fitted model", "fit the model anew")
        observation = layout(from_json(header["observation_space"]))
        action = action_layout(from_json(header["action_space"]))
        network = build(header["name"], header["settings"], observation, action)
        weights, _ = files.read_arrays(folder / "weights.safetensors", KIND)
        try:
            _load(network, weights)
        except (IndexError, KeyError, RuntimeError) as error:
            first = str(error).splitlines()[0]
            raise files.DamagedFileError(f"{folder} holds weights of another model ({first})") from None
        starts, _ = files.read_arrays(folder / "starts.safetensors", "starts")
        return cls(
            name=header["name"],
            settings=header["settings"],
            network=network.to(device).eval(),
            observation=observation,
            action=action,
            horizon=header["horizon"],
            starts=Starts(**starts),
            usual=files.read_arrays(folder / "usual.safetensors", "usual")[0]["surprise"],
            provenance=header["provenance"],
        )

    def describe(self) -> str:
        """One line: name, parameters and data."""
        count = sum(parameter.numel() for parameter in self.network.parameters())
        memory, head = models.parse(self.name)
        data = self.provenance.get("data", {})
        members = self.settings.get("ensemble", 1)
        kind = f"{members} of {self.name}" if members > 1 else self.name
        return f"{kind} ({memory} × {head}): {count:,} parameters, {data.get('transitions', '?')} real steps"


def _outcomes(network: WorldModel | Ensemble) -> dict[str, Outcome]:
    """Every outcome in `network`, by the beginning of its weights' names."""
    return {f"{name}.": part for name, part in network.named_modules() if isinstance(part, Outcome)}


def _idle(network: WorldModel | Ensemble) -> tuple[str, ...]:
    """The beginnings of the names of the weights that answer nothing."""
    return tuple(f"{prefix}{name}." for prefix, outcome in _outcomes(network).items() for name in outcome.idle)


def _load(network: WorldModel | Ensemble, weights: Mapping[str, Array]) -> None:
    """Take over stored weights, which decide what parts an outcome has."""
    for prefix, outcome in _outcomes(network).items():
        for question in AMOUNTS:
            outcome.chosen(question).fill_(int(weights[f"{prefix}{question}_choice"]))
        outcome.forget(
            part for part in outcome.idle if not any(name.startswith(f"{prefix}{part}.") for name in weights)
        )
    # Models that were stored before there were laws and ties have none, as a new network has.
    own = {name: tensor for name, tensor in network.state_dict().items() if _LATER.search(name)}
    network.load_state_dict(own | {name: torch.from_numpy(array) for name, array in weights.items()})


def build(name: str, settings: Mapping[str, Any], observation: Layout, action: Layout) -> WorldModel | Ensemble:
    """An untrained world model, or an ensemble of as many as `settings["ensemble"]` says; see `build_one`."""
    return joined([build_one(name, settings, observation, action) for _ in range(settings.get("ensemble", 1))])


def joined(members: Sequence[WorldModel]) -> WorldModel | Ensemble:
    """One model as it is, several as an ensemble."""
    return members[0] if len(members) == 1 else Ensemble(members)


def build_one(name: str, settings: Mapping[str, Any], observation: Layout, action: Layout) -> WorldModel:
    """An untrained world model of the given name; `settings` go to its memory and its head by keyword."""
    memory_name, head_name = models.parse(name)
    codec = Codec(observation.elements, action.elements, is_map=observation.sides is not None)
    memory: Memory = models.part(memory_name)(codec.features_dim, **settings.get("memory", {}))
    maps = None if observation.sides is None else Maps(Sides(*observation.sides), memory.steps_at)
    head: Head = models.part(head_name)(memory.context_dim, observation.elements, maps=maps, **settings.get("head", {}))
    sizes = Evidence.sizes(
        memory.context_dim, codec.features_dim, codec.obs_features_dim, codec.zoomed_dim, observation.width
    )
    parts: dict[str, Mlp | Mixture] = {
        name: Mlp(size, (_OUTCOME_WIDTH, _OUTCOME_WIDTH), 1)
        if name.startswith("ending")
        else Mixture(
            size,
            (Element("continuous"),),
            components=_REWARD_COMPONENTS,
            width=0 if name == "prize.simple" else _OUTCOME_WIDTH,
        )
        for name, size in sizes.items()
    }
    return WorldModel(codec, memory, head, Outcome(parts, _REWARD_NOISE))
