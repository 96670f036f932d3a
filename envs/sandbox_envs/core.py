"""A world is written for one row; this file runs it over a batch.

A world is a `Simulation`: constants (its parameters and spaces) and three scalar functions on a record with named
fields, `reset`, `step` and `observe`, which numba compiles as they stand. The state of a batch is one structured array
of such records, so that a snapshot is one copy and a row is bitwise the same in a batch of 1, 7 or 1,024.
"""

import difflib
import functools
import hashlib
import inspect
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar, cast

import gymnasium
import numba
import numpy as np
from gymnasium import spaces
from numba.core.dispatcher import Dispatcher
from numpy.typing import NDArray

from sandbox_envs import random

if TYPE_CHECKING:
    from sandbox_envs.canvas import Canvas

SAME_STEP, NEXT_STEP, DISABLED = 0, 1, 2  # Gymnasium's AutoresetMode, as the batch loop sees it

ENGINE_FIELDS = [("key", "u8"), ("counter", "u8"), ("elapsed", "i8"), ("ended", "b1")]
"""What every record begins with: its random stream, how much of it was drawn, steps so far, has the episode ended."""

# fastmath would break bitwise equality between batch sizes, and parallel=True collapses on a busy machine.
_FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a scalar helper that a world's `reset`, `step` or `observe` calls."""
    return cast(_Function, numba.njit(**_FLAGS)(function))


class Simulation:
    """A world: constants and three scalar functions, never state.

    A world derives from this class, in a file of its own, and gives the attributes and methods below. Its functions see
    one row: `s` is the record (the `fields` and the engine's `key, counter, elapsed, ended`), `p` the parameters.

    Args:
        observation: one of `observations`, "vector" or "image" say; None takes the first.
        parameters: values for the fields of `Parameters`; those not given keep their defaults.

    Raises:
        ValueError: a kind of observation that the world has not, an unknown parameter, or a value of the wrong kind.
    """

    Parameters: ClassVar[Any]
    """A NamedTuple with a default for every field. It travels as an argument: a new gravity compiles nothing again."""
    fields: ClassVar[list[Any]]
    """The record's fields as NumPy names them, `("x", "f8")` or `("grid", "u1", (8, 8))`."""
    observations: ClassVar[tuple[str, ...]] = ("vector",)
    """What may be observed: vector, rays, grid or image, the default first. `observe` writes the default, and
    `observe_image` an image beside it; `observation_space` tells `self.observation` apart."""
    max_episode_steps: ClassVar[int | None] = None
    frames_per_second: ClassVar[int] = 60
    canvas_size: ClassVar[tuple[int, int]] = (640, 400)
    """Width and height of the pictures that `draw` paints, in pixels."""

    def __init__(self, *, observation: str | None = None, **parameters: Any) -> None:
        self.observation = _checked_observation(type(self), observation)
        self.parameters = _checked_parameters(type(self), parameters)
        self.check()

    @staticmethod
    def reset(s: Any, p: Any) -> None:
        """Write a start state into the record `s`, with random numbers from `random.draw_uniform(s)` and the like."""
        raise TypeError("a Simulation must define reset(s, p)")

    @staticmethod
    def step(s: Any, action: Any, p: Any) -> tuple[float, bool]:
        """Advance the record `s` by one step and return (reward, terminated).

        `action` is an array `(A,)`: a Discrete action is its only element.
        """
        raise TypeError("a Simulation must define step(s, action, p)")

    @staticmethod
    def observe(s: Any, obs: Any, p: Any) -> None:
        """Write what is seen of the record `s` into the array `obs`, one row of the space; a pure function of `s`."""
        raise TypeError("a Simulation must define observe(s, obs, p)")

    @property
    def observation_space(self) -> gymnasium.Space[Any]:
        """The space of one row's observation: whatever is an array, a Box of any dtype or a MultiDiscrete."""
        raise TypeError("a Simulation must define observation_space")

    @property
    def action_space(self) -> gymnasium.Space[Any]:
        """The space of one row's action: Discrete, MultiDiscrete, MultiBinary or a bounded Box."""
        raise TypeError("a Simulation must define action_space")

    def check(self) -> None:
        """Refuse parameters with which the world makes no sense; raises ValueError."""

    def draw(self, canvas: "Canvas", obs: NDArray[Any], state: Any = None) -> None:
        """Paint an observation; `state`, the record behind it where there is one, may add what is hidden."""
        raise TypeError("a Simulation must define draw(canvas, obs, state) to be rendered")

    def record_fields(self) -> list[Any]:
        """The record's fields; a world whose record is as large as its parameters say gives its own."""
        return self.fields

    @functools.cached_property
    def dtype(self) -> np.dtype[Any]:
        """The record of one row."""
        return np.dtype([*ENGINE_FIELDS, *self.record_fields()], align=True)

    def __repr__(self) -> str:
        settings = {"observation": repr(self.observation)} if len(self.observations) > 1 else {}
        settings |= self.parameters._asdict()
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in settings.items())})"


def _checked_observation(world: type[Simulation], kind: Any) -> str:
    if kind is None:
        return world.observations[0]
    if kind not in world.observations:
        known = " or ".join(repr(each) for each in world.observations)
        raise ValueError(f"{world.__name__}'s observation must be {known}, got {kind!r}.")
    return str(kind)


# What a parameter takes, by the kind of its default: half a week is no whole number, however it is rounded.
_KINDS: dict[type, tuple[Any, str]] = {
    bool: (bool | np.bool_, "True or False"),
    int: (int | np.integer, "a whole number"),
    float: (int | float | np.integer | np.floating, "a finite number"),
}


def _checked_parameters(world: type[Simulation], given: dict[str, Any]) -> Any:
    defaults: dict[str, Any] = world.Parameters._field_defaults
    for name, value in given.items():
        if name not in defaults:
            near = difflib.get_close_matches(name, defaults, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(defaults)}."
            raise ValueError(f"{world.__name__} has no parameter {name!r}; {hint}")
        # One type a field: an int where a float stands would compile the whole world a second time.
        kind = type(defaults[name])
        kinds, told = _KINDS[kind]
        is_bool = isinstance(value, bool | np.bool_)
        if not isinstance(value, kinds) or is_bool != (kind is bool) or not math.isfinite(value):
            raise ValueError(f"{world.__name__}'s parameter {name!r} must be {told}, got {value!r}.")
        given[name] = kind(value)
    return world.Parameters(**given)


# The batch loop, once for all worlds. The three names below are bound to each world's own functions by `loops_of`.


def _begin(s: Any, p: Any) -> None: ...
def _step(s: Any, action: Any, p: Any) -> tuple[float, bool]: ...  # type: ignore[empty-body]
def _observe(s: Any, obs: Any, p: Any) -> None: ...


def _reset_rows(states: Any, rows: NDArray[np.bool_], obs: NDArray[Any], p: Any) -> None:
    """Begin a new episode where `rows (B,)` says so; `obs (B, D)` is written for every row."""
    for row in range(states.shape[0]):
        s = states[row]
        if rows[row]:
            _begin(s, p)
        _observe(s, obs[row], p)


def _step_rows(
    states: Any,
    actions: NDArray[Any],
    low: NDArray[Any],
    high: NDArray[Any],
    obs: NDArray[Any],
    final_obs: NDArray[Any],
    final_rows: NDArray[np.int64],
    reward: NDArray[np.float64],
    terminated: NDArray[np.bool_],
    truncated: NDArray[np.bool_],
    limit: int,
    mode: int,
    p: Any,
) -> int:
    """Step every row; return how many episodes ended, or `-1 - row` of a bad action: then nothing was stepped.

    In SAME_STEP the last observation of the `k`-th of them, which was in row `final_rows[k]`, goes to `final_obs[k]`.
    """
    for row in range(actions.shape[0]):
        for column in range(actions.shape[1]):
            value = actions[row, column]
            if not (low[column] <= value <= high[column]):  # NaN fails this, too
                return -1 - row
    finished = 0
    for row in range(states.shape[0]):
        s = states[row]
        gain, end, cut = 0.0, False, False
        if not s.ended:
            gain, end = _step(s, actions[row], p)
            s.elapsed += 1
            cut = s.elapsed >= limit
            if end or cut:
                s.ended = True
                if mode == SAME_STEP:
                    final_rows[finished] = row
                    _observe(s, final_obs[finished], p)
                    _begin(s, p)
                finished += 1
        elif mode == NEXT_STEP:
            _begin(s, p)
        else:
            end = True  # an ended episode stays as it ended until it is reset
        reward[row], terminated[row], truncated[row] = gain, end, cut
        _observe(s, obs[row], p)
    return finished


def _symbol(record: Any) -> tuple[str, tuple[int]]:
    """What a record is called in the names of compiled functions: a number that its layout decides.

    numba numbers the records of a process as they come. Two sizes of one world, each cached by a process of its own,
    then go by one name, and where both are loaded the one runs the other's machine code.
    """
    return "Record", (int.from_bytes(hashlib.sha256(record.name.encode()).digest()[:7], "little"),)


numba.types.Record.mangling_args = property(_symbol)  # type: ignore[method-assign, assignment]


class Loops(NamedTuple):
    """The batch loops of one world."""

    reset_rows: Any
    step_rows: Any


def machine_code(loop: Any, *arguments: Any) -> Callable[..., Any]:
    """The compiled loop for arguments of just these types.

    It spares numba's look at the types in every call, 1.7 of 2.7 µs at 8 rows, and so must never be given others.
    """
    signature = tuple(numba.typeof(argument) for argument in arguments)  # type: ignore[no-untyped-call]
    loop.compile(signature)
    code: Callable[..., Any] = loop.overloads[signature].entry_point
    return code


@functools.cache
def loops_of(world: Any, observation: str) -> Loops:
    """Compile the batch loops for `world`, a class of Simulation, and a kind of observation, or load them from a cache.

    numba's cache never hits for closures, so each loop becomes a module-level function whose globals hold the world's
    functions. Its stamp covers this file only, so the name carries a hash of every source that the machine code holds.
    """
    reset = compiled(world.reset)

    def begin(s: Any, p: Any) -> None:
        s.elapsed = 0
        s.ended = False
        reset(s, p)

    stamp, title = _stamp(world), f"{world.__name__}_{observation}"
    begin.__qualname__ = f"{title}_begin_{stamp}"  # by its name alone it would be every world's
    scope: dict[str, Any] = {
        "__name__": __name__,  # numba rebuilds a cached function in the module of this name
        "SAME_STEP": SAME_STEP,
        "NEXT_STEP": NEXT_STEP,
        "_begin": compiled(begin),
        "_step": compiled(world.step),
        "_observe": compiled(_observer(world, observation)),
    }
    return Loops(_bind(_reset_rows, title, scope, stamp), _bind(_step_rows, title, scope, stamp))


def _observer(world: type[Simulation], observation: str) -> Callable[..., None]:
    is_default = observation == world.observations[0]
    observer: Callable[..., None] = world.observe if is_default else getattr(world, f"observe_{observation}")
    return observer


def _bind(loop: Callable[..., Any], title: str, scope: dict[str, Any], stamp: str | None) -> Any:
    name = f"{title}{loop.__name__}_{stamp}"
    code = loop.__code__.replace(co_name=name, co_qualname=name)
    return numba.njit(cache=stamp is not None, **_FLAGS)(FunctionType(code, scope, name))


def _stamp(world: type[Simulation]) -> str | None:
    """A hash of the world's sources, the engine's and those of every compiled function it uses; None if unknown."""
    if world.__module__ == "__main__":  # a class of __main__ never equals its cached self
        return None
    modules = [sys.modules[base.__module__] for base in world.__mro__ if base is not object]
    helpers = [value.py_func for module in modules for value in vars(module).values() if isinstance(value, Dispatcher)]
    files: set[str] = set()
    for item in (*modules, *helpers, random):
        try:
            files.add(inspect.getfile(item))
        except TypeError:  # typed at a prompt: there is no file, and so no cache
            return None
    try:
        digests = [hashlib.sha256(Path(file).read_bytes()).digest() for file in sorted(files)]
    except OSError:
        return None
    return hashlib.sha256(b"".join(digests)).hexdigest()[:16]


def action_bounds(space: gymnasium.Space[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The least and the greatest legal value of each element of an action, `(A,)` each, in the dtype the loop gets."""
    if isinstance(space, spaces.Discrete):
        return np.array([space.start], np.int64), np.array([space.start + space.n - 1], np.int64)
    if isinstance(space, spaces.MultiDiscrete):
        start = np.asarray(space.start).reshape(-1)
        return start.astype(np.int64), (start + space.nvec.reshape(-1) - 1).astype(np.int64)
    if isinstance(space, spaces.MultiBinary):
        size = math.prod(space.shape)
        return np.zeros(size, np.int64), np.ones(size, np.int64)
    if isinstance(space, spaces.Box) and space.is_bounded():
        return space.low.reshape(-1), space.high.reshape(-1)
    raise ValueError(
        f"A Simulation's action space must be Discrete, MultiDiscrete, MultiBinary or a bounded Box: {space}."
    )


def action_rows(space: gymnasium.Space[Any], action: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Actions as the loop wants them, `(B, A)`; `shape` is what they must come in, `(B, *space.shape)`.

    Raises:
        ValueError: the actions have the wrong shape or kind (their values are checked by the loop).
    """
    given = np.asarray(action)
    if given.shape != shape:
        raise ValueError(f"Actions must have shape {shape}, got {given.shape}.")
    if given.dtype != dtype and given.dtype.kind not in ("iu" if dtype.kind == "i" else "fiu"):
        raise ValueError(f"Actions must be of a kind that fits {space}, got dtype {given.dtype}.")
    return np.ascontiguousarray(given, dtype).reshape(shape[0], -1)


def row_keys(seeds: Sequence[int]) -> NDArray[np.uint64]:
    """The keys of the random streams of rows with these seeds, `(B,)`."""
    return np.array([random.key_of(np.uint64(seed % 2**64)) for seed in seeds], np.uint64)
