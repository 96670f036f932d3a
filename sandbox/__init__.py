"""Where simulation and generative models meet: learn any Gymnasium world, dream it, and measure the difference.

Importing this package registers `sandbox/Dream-v0` and costs little: torch is imported by the first name that needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import gymnasium

import sandbox_envs as sandbox_envs  # registers sandbox/*

if TYPE_CHECKING:
    from sandbox.collection import collect
    from sandbox.dream import DreamEnv, DreamVectorEnv
    from sandbox.models.fit import FitSettings, fit
    from sandbox.models.fitted import FittedModel
    from sandbox.pretrained import load
    from sandbox.trajectories import Starts, Trajectories
    from sandbox.vision.eyes import Eyes
    from sandbox.vision.seen import Seen
    from sandbox.worlds import World, world

_HOMES = {
    "DreamEnv": "dream",
    "DreamVectorEnv": "dream",
    "Eyes": "vision.eyes",
    "FitSettings": "models.fit",
    "FittedModel": "models.fitted",
    "Seen": "vision.seen",
    "Starts": "trajectories",
    "Trajectories": "trajectories",
    "World": "worlds",
    "collect": "collection",
    "fit": "models.fit",
    "load": "pretrained",
    "world": "worlds",
}

__all__ = [
    "DreamEnv",
    "DreamVectorEnv",
    "Eyes",
    "FitSettings",
    "FittedModel",
    "Seen",
    "Starts",
    "Trajectories",
    "World",
    "collect",
    "fit",
    "load",
    "world",
]


def __getattr__(name: str) -> Any:
    """Import the module that is the home of `name` when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_HOMES[name]}")
    found = getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """What can be asked for, whether or not it was imported yet."""
    return sorted({*globals(), *__all__})


gymnasium.register(
    id="sandbox/Dream-v0",
    entry_point="sandbox.pretrained.by_name:make",
    vector_entry_point="sandbox.pretrained.by_name:make_vector",
)
