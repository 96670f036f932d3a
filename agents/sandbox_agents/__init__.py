"""Agents that act in any Gymnasium world, simulated or dreamed.

Importing this package costs nothing: torch and Stable-Baselines3 are imported by the first name that needs them
(PEP 562), so that a command line can list the agents without waiting for them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adopted import adopt
    from .constant import ConstantAgent, constants
    from .core import Agent, Evaluation, RandomAgent, applicable, evaluate, load, names, rows_for, summary
    from .memory import Memory
    from .planner import Planner, PlannerSettings, can_plan
    from .sb3 import Sb3Agent, make
    from .settings import read_config
    from .tuned import patient
    from .vec_env import Sb3VecEnv

_HOMES = {
    "Agent": "core",
    "ConstantAgent": "constant",
    "Evaluation": "core",
    "Memory": "memory",
    "Planner": "planner",
    "PlannerSettings": "planner",
    "RandomAgent": "core",
    "Sb3Agent": "sb3",
    "Sb3VecEnv": "vec_env",
    "adopt": "adopted",
    "applicable": "core",
    "can_plan": "planner",
    "constants": "constant",
    "evaluate": "core",
    "load": "core",
    "make": "sb3",
    "names": "core",
    "patient": "tuned",
    "read_config": "settings",
    "rows_for": "core",
    "summary": "core",
}

__all__ = [
    "Agent",
    "ConstantAgent",
    "Evaluation",
    "Memory",
    "Planner",
    "PlannerSettings",
    "RandomAgent",
    "Sb3Agent",
    "Sb3VecEnv",
    "adopt",
    "applicable",
    "can_plan",
    "constants",
    "evaluate",
    "load",
    "make",
    "names",
    "patient",
    "read_config",
    "rows_for",
    "summary",
]


def __getattr__(name: str) -> Any:
    """Import the module that is the home of ``name`` when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
