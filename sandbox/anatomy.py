"""What a model is made of, and how true its dream is."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sandbox import models
from sandbox.collection import collect
from sandbox.metrics import CardSettings, score_card
from sandbox.metrics.standard import dimension_names
from sandbox.models.chunks import split
from sandbox.models.fitted import FittedModel
from sandbox.spaces import brief
from sandbox.trajectories import Trajectories
from sandbox.worlds import World
from sandbox_agents import Agent, RandomAgent

# Random steps that a world is asked for where there is no log to judge by.
STEPS = 4000


class AnotherWorldError(ValueError):
    """A log or a world of other spaces than the model's; the message names both."""


@dataclass(frozen=True)
class Anatomy:
    """A model as words and numbers, each fact under its heading."""

    facts: Mapping[str, str]
    parameters: Mapping[str, int]  # of each part; what is not learned does not count
    held_out_loss: Mapping[str, float]  # of each part, lower is better
    card: Mapping[str, Any] | None  # the score card that was stored with the model


def anatomy(model: FittedModel) -> Anatomy:
    """Everything that a stored model says about itself; nothing is computed."""
    memory, head = models.parse(model.name)
    data, fitted = model.provenance.get("data", {}), model.provenance.get("fit", {})
    network = model.members[0]
    members = model.settings.get("ensemble", 1)
    parts = {name: members * _count(part) for name, part in network.named_children()}
    dimensions = dimension_names(model.observation.space)

    def told(buffer: str) -> str:
        """The names of the numbers that a buffer of the codec marks."""
        marks = network.codec.get_buffer(buffer).tolist()
        return _words(tuple(dimensions[i] for i, is_so in zip(network.codec.obs_numbers, marks, strict=True) if is_so))

    facts = {
        "model": model.name,
        "ensemble": f"{members} members, drawn in one batched pass" if members > 1 else "",
        "memory": f"{memory}{_settings(memory, model.settings.get('memory', {}))}",
        "head": f"{head}{_settings(head, model.settings.get('head', {}))}",
        "observations": f"{brief(model.observation.space)}: {_words(dimensions)}",
        "actions": str(model.action.space),
        "horizon": f"{model.horizon} steps",
        "starts": f"{len(model.starts)} real ones, with up to {model.history} steps of history",
        "exact": f"{exact}, which a line in observation and action tells" if (exact := told("law.has_law")) else "",
        "tied": f"{tied}, which the others tell where they can" if (tied := told("ties.tied")) else "",
        "noise": f"{model.noise_dim} normal numbers a step",
        "data": f"{_number(data.get('transitions'))} transitions, {_number(data.get('episodes'))} episodes",
        "source": _pairs(data.get("source", {})) or "unknown",
        "fit": _pairs({name: value for name, value in fitted.items() if name != "held_out_loss" and value is not None}),
    }
    return Anatomy(
        facts={name: fact for name, fact in facts.items() if fact},
        parameters={name: count for name, count in parts.items() if count},
        held_out_loss=fitted.get("held_out_loss", {}),
        card=model.provenance.get("card"),
    )


def judged(
    model: FittedModel,
    log: Trajectories | None,
    world: World | None,
    trained: Agent | None = None,
    seed: int = 0,
    settings: CardSettings | None = None,
) -> dict[str, Any]:
    """The score card of `model` by a log that it has not seen, by its simulator, or by both.

    `trained` is an agent that learned in the dream: what it gains in both, and how the dream ranks it among its ever
    more distracted selves, is on the card where there is a world.

    Half of the log's episodes judge; the other half is the climate, from which the baselines and the units are made, so
    that climatology cannot draw the very thing that happened. Without a log, random play in the world makes one.

    Raises:
        AnotherWorldError: a log or a world of other spaces than the model's.
        ValueError: neither a log nor a world.
    """
    rng = np.random.default_rng(seed)
    if world is not None:
        _require_same("the world", world.spaces, model)
    if log is None:
        if world is None:
            raise ValueError("a score card needs a log that the model has not seen, or its world")
        actor = RandomAgent(*world.spaces, seed)
        envs = world.make_vec(16 if world.is_batched else 1)
        try:
            log = collect(envs, actor, STEPS, rng, horizon=model.horizon)
        finally:
            envs.close()
    _require_same("the log", (log.observation_space, log.action_space), model)
    climate, held_out = split(log, 0.5, rng)
    return score_card(model, held_out, climate, world=world, trained=trained, seed=seed, settings=settings)


def with_card(model: FittedModel, card: Mapping[str, Any]) -> FittedModel:
    """The same model, which brings its score card along."""
    return replace(model, provenance={**model.provenance, "card": dict(card)})


def _require_same(what: str, spaces: tuple[Any, Any], model: FittedModel) -> None:
    pairs = zip(("observations", "actions"), spaces, (model.observation.space, model.action.space), strict=True)
    for kind, given, own in pairs:
        if given != own:
            raise AnotherWorldError(f"{what} has {kind} {given}, the model dreams {own}: it is of another world")


def _count(part: Any) -> int:
    return sum(parameter.numel() for parameter in part.parameters())


def _settings(name: str, given: Mapping[str, Any]) -> str:
    """The sizes of a memory or head, those that were given and the defaults beside them."""
    known = inspect.signature(models.part(name)).parameters.values()
    # Where maps lie is read off the data.
    sizes = {p.name: p.default for p in known if p.default is not inspect.Parameter.empty and p.name != "maps"}
    told = _pairs({**sizes, **given})
    return f" ({told})" if told else ""


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items() if value not in ({}, []))


def _words(names: tuple[str, ...], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _number(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
