"""One function a command; its signature is its usage and its docstring its help.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

from collections.abc import Callable

from sandbox.commands.agents import evaluate, train
from sandbox.commands.compare import compare
from sandbox.commands.contrast import contrast
from sandbox.commands.data import collect, fit
from sandbox.commands.forecast import forecast
from sandbox.commands.inspect import inspect
from sandbox.commands.play import play
from sandbox.commands.see import see
from sandbox.commands.surprise import surprise
from sandbox.commands.tables import show_bench, show_list

COMMANDS: dict[str, Callable[..., int]] = {
    "contrast": contrast,
    "compare": compare,
    "see": see,
    "collect": collect,
    "fit": fit,
    "train": train,
    "evaluate": evaluate,
    "inspect": inspect,
    "forecast": forecast,
    "surprise": surprise,
    "play": play,
    "list": show_list,
    "bench": show_bench,
}
