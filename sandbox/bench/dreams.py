"""How fast dreams are: steps a second, what share of the machine's matrix rate that is, and what costs most.

A model's speed does not depend on how well it was fitted, so that a few updates on a little random play will do.
On the CPU, seconds are those that the one thread was at work: what other programs take from the machine meanwhile does
not count. On a GPU they are those of the clock on the wall, since there the thread waits.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from sandbox import models
from sandbox.collection import collect
from sandbox.dream import DreamVectorEnv
from sandbox.models.core import WorldModel
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.threads import one_thread
from sandbox.trajectories import Trajectories
from sandbox.worlds import world
from sandbox_agents import RandomAgent

WORLD, ROWS, LOG = "lander", 256, 600
# The shape of the nets' own products: a batch of rows through a hidden layer of the usual width.
WIDTH = 128
CPU = torch.device("cpu")


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """Twice the multiply-adds of attention between tensors of these shapes."""
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


# PyTorch counts the products of attention, but not those of its kernel for the CPU.
ATTENTION = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention}


@dataclass(frozen=True)
class DreamSpeed:
    """One family's dream on one thread, or on a GPU."""

    model: str
    rows: int
    steps_per_second: float  # of all rows together, the median run
    multiply_adds: float  # in the matrix products of one row's step
    matrix_share: float  # of the time that the machine's bare matrix products would take for these
    costs: Mapping[str, float]  # the share of the time of `memory`, `head`, `outcome`, `codec` and `environment`

    @property
    def largest(self) -> str:
        """The part that costs most."""
        return max(self.costs, key=self.costs.__getitem__)


def dream_speeds(
    names: Sequence[str] | None = None,
    rows: int = ROWS,
    log: int = LOG,
    repeats: int = 5,
    seconds: float = 0.3,
    device: str = "cpu",
) -> Iterator[DreamSpeed]:
    """The speed of the dream of each model named, by default of all plain families, in Lander, one after the other.

    `repeats` runs of about `seconds` each, in turns with bare matrix products, so that a machine that slows down for a
    while slows both.
    """
    lived = _random_play(log)
    for name in names or models.names():
        with one_thread():
            yield _speed(fit(lived, name, settings=FitSettings(updates=3), device=device), rows, repeats, seconds)


def matrix_rate(rows: int = ROWS, width: int = WIDTH, seconds: float = 0.1, device: torch.device = CPU) -> float:
    """Multiply-adds a second of the float32 product `(rows, width) × (width, width)`; for a process of one thread."""
    left, right = torch.ones(rows, width, device=device), torch.ones(width, width, device=device)
    out = torch.empty(rows, width, device=device)
    return rows * width * width * _rate(lambda: torch.mm(left, right, out=out), seconds, device)


def multiply_adds(model: FittedModel) -> float:
    """Multiply-adds in the matrix products of one step of one row, as PyTorch itself counts them."""
    rows = len(model.starts)
    state = model.begin(model.starts)
    action, noise = (torch.zeros(rows, width, device=model.device) for width in (model.action.width, model.noise_dim))
    with FlopCounterMode(display=False, custom_mapping=ATTENTION) as counter:
        model.step(state, action, noise)
    return float(counter.get_total_flops() / 2 / rows)


def _random_play(steps: int) -> Trajectories:
    chosen = world(WORLD)
    envs = chosen.make_vec(4)
    try:
        return collect(envs, RandomAgent(*chosen.spaces, 0), steps, np.random.default_rng(0))
    finally:
        envs.close()


def _speed(model: FittedModel, rows: int, repeats: int, seconds: float) -> DreamSpeed:
    step = _stepper(model, rows)
    needed = multiply_adds(model)
    speeds, shares = [], []
    for _ in range(repeats):
        matrix = matrix_rate(rows, seconds=seconds / 4, device=model.device)
        ticks = _rate(step, seconds, model.device)
        speeds.append(rows * ticks)
        shares.append(rows * ticks * needed / matrix)
    return DreamSpeed(
        model=model.name,
        rows=rows,
        steps_per_second=statistics.median(speeds),
        multiply_adds=needed,
        matrix_share=statistics.median(shares),
        costs=_costs(model, step, seconds),
    )


def _stepper(model: FittedModel, rows: int) -> Callable[[], Any]:
    """One tick of a dream of `rows` rows by random actions, warmed up."""
    envs = DreamVectorEnv(model, rows)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    actions = envs.action_space.sample()

    def step() -> None:
        envs.step(actions)

    for _ in range(3):
        step()
    return step


def _clock(device: torch.device) -> float:
    """Seconds until all that was asked of `device` is done; only differences mean anything."""
    if device.type == "cpu":
        return time.thread_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def _rate(call: Callable[[], Any], seconds: float, device: torch.device) -> float:
    """Calls a second on `device`, over about `seconds`."""
    calls, begin = 0, _clock(device)
    while (spent := _clock(device) - begin) < seconds or not calls:
        call()
        calls += 1
    return calls / spent


def _costs(model: FittedModel, step: Callable[[], Any], seconds: float) -> dict[str, float]:
    """The share of each part in the time of a dream's steps; the environment's is what the model does not take."""
    network = model.network
    assert isinstance(network, WorldModel), "the parts of an ensemble run as one batched pass"
    parts: dict[str, tuple[nn.Module, str]] = {
        "memory": (network.memory, "step"),
        "head": (network.head, "sample"),
        "outcome": (network.outcome, "sample"),
        "model": (network, "step"),
    }
    spent = dict.fromkeys(parts, 0.0)
    with ExitStack() as clocks:
        for name, (module, method) in parts.items():
            clocks.enter_context(_clocked(module, method, name, spent, model.device))
        begin = _clock(model.device)
        _rate(step, seconds, model.device)
        total = _clock(model.device) - begin
    whole = spent.pop("model")
    costs = {**spent, "codec": whole - sum(spent.values()), "environment": total - whole}
    return {name: cost / total for name, cost in costs.items()}


@contextmanager
def _clocked(
    module: torch.nn.Module, method: str, name: str, spent: dict[str, float], device: torch.device
) -> Iterator[None]:
    """Add the time inside `module.method` to `spent[name]`, for the length of the block."""
    plain = getattr(module, method)

    def timed(*arguments: Any, **named: Any) -> Any:
        begin = _clock(device)
        try:
            return plain(*arguments, **named)
        finally:
            spent[name] += _clock(device) - begin

    setattr(module, method, timed)
    try:
        yield
    finally:
        delattr(module, method)
