"""The ways to learn that a contrast compares: one file each, with one function `learn(task)`.

Nothing heavy is imported here: a grid of cells only needs their names.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.modes.task import Learned, Task

# In the order in which a person would ask. The mode `ceiling` is asked for by its steps, not by its name.
MODES = ("random", "simulator", "dream", "mix", "upsample", "plan", "perfect", "persistence")
USUAL = MODES[:3]


def mode(name: str) -> "Callable[[Task], Learned]":
    """The function of the mode called `name`."""
    return import_module(f"sandbox.modes.{name}").learn  # type: ignore[no-any-return]
