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
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return {"True": True, "False": False, "None": None}.get(text, text)


def swept(argument: str) -> dict[str, list[Any]]:
    """`temperature=0.1,0.5,1.0` as a setting and the values that it takes in turn; nothing for an empty text.

    Raises:
        ValueError: where the text is something else, or a value stands twice.
    """
    name, equals, texts = argument.partition("=")
    values = [_value(text) for text in texts.split(",")]
    if argument and (not equals or not name or len({str(value) for value in values}) < len(values)):
        raise ValueError(f"--sweep {argument} is not a setting and different values: --sweep temperature=0.5,1.0,1.15")
    return {name: values} if argument else {}


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
