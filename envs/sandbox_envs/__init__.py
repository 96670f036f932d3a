"""Gymnasium simulations of real processes, one world per file.

Importing this package registers every world as `sandbox/Name-v0`; numba is imported when the first world is made.
"""

import importlib
from typing import TYPE_CHECKING, Any

from sandbox_envs.registry import register, simulation, world, worlds

if TYPE_CHECKING:
    from sandbox_envs.canvas import painter
    from sandbox_envs.checker import check_vector_env
    from sandbox_envs.contract import VectorEnvError
    from sandbox_envs.core import Simulation
    from sandbox_envs.single import SimEnv
    from sandbox_envs.vector import SimVectorEnv

__all__ = [
    "SimEnv",
    "SimVectorEnv",
    "Simulation",
    "VectorEnvError",
    "check_vector_env",
    "painter",
    "simulation",
    "world",
    "worlds",
]

_HOME = {
    "Simulation": "core",
    "SimEnv": "single",
    "SimVectorEnv": "vector",
    "VectorEnvError": "contract",
    "check_vector_env": "checker",
    "painter": "canvas",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sandbox_envs' has no attribute {name!r}")
    return getattr(importlib.import_module(f"sandbox_envs.{_HOME[name]}"), name)


register()
