"""The folder is the registry: a world is one file of this package that defines one `Simulation`.

The files are read as text, so that neither `import sandbox_envs` nor a list of the worlds imports numba.
"""

import difflib
import functools
import importlib
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import gymnasium

if TYPE_CHECKING:
    from sandbox_envs.core import Simulation

_CLASS = re.compile(r"^class (\w+)\(Simulation\):", re.MULTILINE)
_LIMIT = re.compile(r"^    max_episode_steps = (\d+)$", re.MULTILINE)


class World(NamedTuple):
    """What is known of a world without importing it."""

    name: str
    """The file's name, `lander`; what the command line calls it."""
    title: str
    """The class's name, `Lander`."""
    id: str
    """Gymnasium's id, `sandbox/Lander-v0`."""
    max_episode_steps: int | None
    summary: str
    """The first line of the file."""


@functools.cache
def _catalogue() -> dict[str, World]:
    found = {}
    for file in sorted(files("sandbox_envs").iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".py"):
            continue
        text = file.read_text(encoding="utf-8")
        if match := _CLASS.search(text):
            name, title, limit = file.name.removesuffix(".py"), match[1], _LIMIT.search(text)
            steps = int(limit[1]) if limit else None
            found[name] = World(name, title, f"sandbox/{title}-v0", steps, text.split("\n", 1)[0].strip('"'))
    return found


def worlds() -> list[str]:
    """The names of all worlds; `world(name)` tells more of each."""
    return list(_catalogue())


def world(name: str) -> World:
    """What is known of a world by its name, `lander`, or its id, `sandbox/Lander-v0`.

    Raises:
        ValueError: there is no such world; names the nearest.
    """
    for known in _catalogue().values():
        if name in (known.name, known.title, known.id, f"sandbox_envs:{known.id}"):
            return known
    near = difflib.get_close_matches(name.lower(), worlds(), 1, 0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(worlds())}."
    raise ValueError(f"There is no world {name!r}; {hint}")


def simulation(name: str, **parameters: Any) -> "Simulation":
    """The simulation of a world by its name or id, with these parameters.

    Raises:
        ValueError: no such world, or no such parameter.
    """
    known = world(name)
    made: Simulation = getattr(importlib.import_module(f"sandbox_envs.{known.name}"), known.title)(**parameters)
    return made


def register() -> None:
    """Tell Gymnasium of every world; its time limit becomes a wrapper in `make`, an argument in `make_vec`."""
    for known in _catalogue().values():
        gymnasium.register(
            id=known.id,
            entry_point="sandbox_envs.single:SimEnv",
            vector_entry_point="sandbox_envs.vector:SimVectorEnv",
            max_episode_steps=known.max_episode_steps,
            kwargs={"simulation": known.name},
        )
