"""Generative models of a simulator's experience. A model is memory × head; the folder is the registry.

A file here that holds a `Memory` or a `Head` is found by its name. `rnn+diffusion` names a memory and a head; a memory
alone stands for memory+mixture, a head alone for window+head.
"""

import difflib
import functools
import importlib
import pkgutil
from pathlib import Path
from typing import Any

PLAIN_MEMORY, PLAIN_HEAD = "window", "mixture"


class UnknownModelError(ValueError):
    """A model name that means nothing; the message says what exists."""


@functools.cache
def files() -> tuple[str, ...]:
    """The names of all memories and heads, read from the folder without importing them."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if _is_a(m.name, "Memory", "Head")))


def names() -> tuple[str, ...]:
    """The plain family names: each memory with the plain head, each head with the plain memory."""
    return tuple(name for name in files() if name != PLAIN_MEMORY)


def families() -> tuple[str, ...]:
    """The six families that people speak of: every plain name but the mixture's, which RNN and transformer draw by."""
    return tuple(name for name in names() if name != PLAIN_HEAD)


def parse(name: str) -> tuple[str, str]:
    """The memory and the head that `name` means.

    Raises:
        UnknownModelError: with the nearest name that exists.
    """
    parts = name.split("+")
    for part in parts:
        if part not in files():
            close = difflib.get_close_matches(part, files(), n=1, cutoff=0.4)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UnknownModelError(f"there is no model {name}{hint}; models are {', '.join(names())}, or memory+head")
    if len(parts) == 1:
        return (parts[0], PLAIN_HEAD) if parts[0] in memories() else (PLAIN_MEMORY, parts[0])
    memory, *rest = parts
    if len(rest) != 1 or memory not in memories() or rest[0] not in heads():
        raise UnknownModelError(
            f"{name} is no memory+head; memories are {', '.join(memories())}, heads are {', '.join(heads())}"
        )
    return memory, rest[0]


def memories() -> tuple[str, ...]:
    """The names of the files that hold a memory."""
    return tuple(name for name in files() if _is_a(name, "Memory"))


def heads() -> tuple[str, ...]:
    """The names of the files that hold a head."""
    return tuple(name for name in files() if _is_a(name, "Head"))


@functools.cache
def _is_a(name: str, *kinds: str) -> bool:
    # Read, not imported: a list of names must not wait for torch.
    text = Path(__path__[0], f"{name}.py").read_text(encoding="utf-8")
    return any(f"({kind}):" in text for kind in kinds)


def part(name: str) -> Any:
    """The class in the file `name`: `rnn` holds `Rnn`, `mixture` holds `Mixture`."""
    return getattr(importlib.import_module(f"{__name__}.{name}"), name.capitalize())
