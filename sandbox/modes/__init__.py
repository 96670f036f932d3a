"""The ways to learn that a contrast compares: one file each, with one function `learn(task)`.

Nothing heavy is imported here: a grid of cells only needs their names.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.modes.task import Learned, Task

# In the order in which a person would ask. The mode `ceiling` is asked for by its steps, not by its name.
ABOUT = {
    "random": "act at random: the floor",
    "constant": "always do the same: the best of the constant actions",
    "simulator": "learn in the simulator itself",
    "dream": "learn in the dream of a model, in rounds of collect, fit and learn",
    "mix": "learn from real and dreamed steps together, dreams branching from real states (MBPO)",
    "upsample": "learn from one fixed log, alone and with many more steps that a model adds (SynthER)",
    "plan": "learn no policy: plan in the model at every step (CEM)",
    "perfect": "learn in a flawless model: the simulator in the model's place, its steps uncounted",
    "persistence": "learn in a dream in which nothing changes: what a dream has to beat",
}
MODES = tuple(ABOUT)
USUAL = MODES[:4]


def mode(name: str) -> "Callable[[Task], Learned]":
    """The function of the mode called `name`."""
    return import_module(f"sandbox.modes.{name}").learn  # type: ignore[no-any-return]
