"""What several commands take, and what it means."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import tyro

Name = Annotated[str, tyro.conf.Positional]
Pairs = tyro.conf.UseAppendAction[tuple[str, ...]]
Device = Literal["auto", "cpu", "cuda"]


def pairs(arguments: Sequence[str], option: str = "--env-arg") -> dict[str, Any]:
    """`key=value` texts as keyword arguments; values are JSON where they can be, and text otherwise.

    Raises:
        ValueError: where a text is no `key=value`.
    """
    found = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or not key:
            raise ValueError(f"{option} {argument} is not key=value")
        try:
            found[key] = json.loads(value)
        except json.JSONDecodeError:
            found[key] = {"True": True, "False": False, "None": None}.get(value, value)
    return found


def device_of(name: str) -> str:
    """The device that `name` means here; auto is the CPU, which nets of this size do not outgrow.

    Raises:
        ValueError: where a GPU is asked for and there is none.
    """
    if name == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise ValueError("--device cuda was asked for and this torch build finds no CUDA device; use --device cpu")
    return "cpu" if name == "auto" else name


def one_thread() -> None:
    """Bind this process to one torch thread."""
    import torch

    torch.set_num_threads(1)
