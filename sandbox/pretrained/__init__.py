"""The gallery: dreams and agents that come with the package, by name: `lander/diffusion`, `lander/agent`.

`gallery.json` lists each with the SHA-256 of its files and what it scored; `python -m sandbox.pretrained` makes them.
"""

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox import files

if TYPE_CHECKING:
    from sandbox.models.fitted import FittedModel
    from sandbox_agents import Agent

ROOM = Path(__file__).parent
MANIFEST = "gallery.json"
AGENT = "agent"


class UnknownPretrainedError(ValueError):
    """A name that is not in the gallery; the message names the nearest."""


@dataclass(frozen=True)
class Entry:
    """One thing of the gallery."""

    name: str  # world/family, or world/agent
    files: Mapping[str, str]  # the SHA-256 of each file in its folder
    scores: Mapping[str, float]  # what it reached when it was made
    made: Mapping[str, Any]  # from what and how; an agent's says where it learned

    @property
    def world(self) -> str:
        """The bare name of its world."""
        return self.name.partition("/")[0]

    @property
    def is_agent(self) -> bool:
        """Whether it acts, rather than dreams."""
        return self.name.endswith(f"/{AGENT}")


def entries(room: Path = ROOM) -> dict[str, Entry]:
    """Everything in the gallery by name; empty where nothing was made yet.

    Raises:
        DamagedFileError: the list itself cannot be read.
    """
    path = room / MANIFEST
    if not path.is_file():
        return {}
    listed = files.read_json(path)
    try:
        return {name: Entry(name, one["files"], one["scores"], one["made"]) for name, one in listed.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise files.DamagedFileError(f"{path} is no list of the pretrained ({error}); install Sandbox anew") from None


def dreams(world: str, room: Path = ROOM) -> list[str]:
    """The names of the pretrained dreams of a world, `lander` or `sandbox/Lander-v0`."""
    bare = _bare(world)
    return [entry.name for entry in entries(room).values() if entry.world == bare and not entry.is_agent]


def agent_of(world: str, room: Path = ROOM) -> str | None:
    """The name of a world's pretrained agent, if it has one."""
    name = f"{_bare(world)}/{AGENT}"
    return name if name in entries(room) else None


def folder(name: str, room: Path = ROOM) -> Path:
    """The folder of something in the gallery, after its files were checked.

    Raises:
        UnknownPretrainedError: no such name.
        DamagedFileError: a file is missing or differs from the one that was published.
    """
    known = entries(room)
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else "`sandbox list` shows what there is"
        raise UnknownPretrainedError(f"there is no pretrained {name}; {hint}")
    for file, digest in known[name].files.items():
        path = room / name / file
        if not path.is_file() or sha256(path) != digest:
            state = "differs from what was published" if path.is_file() else "is missing"
            raise files.DamagedFileError(f"the pretrained {name} is damaged: {path} {state}; install Sandbox anew")
    return room / name


def load(name: Path | str, room: Path = ROOM, device: str = "cpu") -> "FittedModel":
    """A fitted model by the name of a pretrained one, `lander/diffusion`, or from the folder that `save` wrote.

    A folder of that name in the working directory comes first.

    Raises:
        UnknownPretrainedError: neither a folder nor a name of the gallery.
        DamagedFileError: a folder that cannot be read, or a pretrained dream that was changed.
    """
    from sandbox.models.fitted import FittedModel

    return FittedModel.load(_place(name, room), device)


def load_agent(name: Path | str, room: Path = ROOM, device: str = "cpu") -> "Agent":
    """An agent by the name of a pretrained one, `lander/agent`, or from the folder that `save` wrote.

    Raises:
        UnknownPretrainedError: neither a folder nor a name of the gallery.
        ValueError: a folder that cannot be read, or a pretrained agent that was changed.
    """
    from sandbox import planning

    return planning.load_agent(_place(name, room), device)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _place(name: Path | str, room: Path) -> Path:
    if Path(name).is_dir():
        return Path(name)
    text = str(name)
    if text.count("/") == 1 and not text.startswith((".", "/")) and text.partition("/")[0] in _worlds(room):
        return folder(text, room)
    return Path(name)  # whoever reads it says what is wrong with it


def _worlds(room: Path) -> set[str]:
    return {entry.world for entry in entries(room).values()}


@cache
def _bare(world: str) -> str:
    import sandbox_envs

    try:
        return sandbox_envs.world(world).name
    except ValueError:
        return world
