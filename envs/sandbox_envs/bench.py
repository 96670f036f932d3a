"""How fast the engine is, and beside what: each row is one batch, ours and a peer's, taken in turns in one run."""

import functools
import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import sandbox_envs

_ORACLE = Path(__file__).parents[2] / "tests" / "envs" / "numpy_lander.py"


def numpy_lander() -> Any:
    """The class of the batched NumPy Lander that lives in the tests, or None where the tests were not installed."""
    spec = importlib.util.spec_from_file_location("numpy_lander", _ORACLE)
    if spec is None or spec.loader is None or not _ORACLE.exists():
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.NumpyLander


def speed_rows(sizes: tuple[int, ...] = (8, 1024), repeats: int = 7, seconds: float = 0.15) -> list[dict[str, Any]]:
    """Steps a second, autoreset and copies included: medians of `repeats` runs of `seconds`, in turns with the peer.

    Returns:
        One dict a row: name, rows, steps_per_second, peer, peer_steps_per_second, ratio; None where there is no peer.
    """
    measured = []
    for rows in sizes:
        ours = _stepper(gymnasium.make_vec("sandbox/CartPole-v0", num_envs=rows))
        peer = _stepper(gymnasium.make_vec("CartPole-v1", num_envs=rows, vectorization_mode="vector_entry_point"))
        measured.append(_row("CartPole", rows, ours, "Gymnasium's vector_entry_point", peer, repeats, seconds))
    for rows in sizes:
        ours = _stepper(gymnasium.make_vec("sandbox/Lander-v0", num_envs=rows))
        oracle = numpy_lander()
        if oracle is None:
            measured.append(_row("Lander", rows, ours, "batched NumPy", None, repeats, seconds))
            continue
        numpy_envs = oracle(rows, sandbox_envs.simulation("lander").parameters)
        numpy_envs.reset(0)
        peer = _stepped(numpy_envs.step, _discrete_actions(4, rows))
        measured.append(_row("Lander", rows, ours, "batched NumPy", peer, repeats, seconds))
    return measured


def worlds_beside_sync(num_envs: int = 64, repeats: int = 5, seconds: float = 0.15) -> list[dict[str, Any]]:
    """Every world and kind of observation beside a SyncVectorEnv of the same; rows as of `speed_rows`."""
    measured = []
    for name in sandbox_envs.worlds():
        for kind in sandbox_envs.simulation(name).observations:
            make = functools.partial(gymnasium.make_vec, sandbox_envs.world(name).id, num_envs=num_envs)
            ours = _stepper(make(observation=kind))
            peer = _stepper(make(observation=kind, vectorization_mode="sync"))
            title = f"{sandbox_envs.world(name).title} {kind}"
            measured.append(_row(title, num_envs, ours, "SyncVectorEnv", peer, repeats, seconds))
    return measured


def _discrete_actions(kinds: int, rows: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, kinds, rows) for _ in range(64)]


def _stepper(envs: gymnasium.vector.VectorEnv[Any, Any, Any]) -> Callable[[int], None]:
    envs.reset(seed=0)
    envs.action_space.seed(0)
    return _stepped(envs.step, [envs.action_space.sample() for _ in range(64)])


def _stepped(step: Callable[[Any], Any], actions: list[Any]) -> Callable[[int], None]:
    def run(steps: int) -> None:
        for at in range(steps):
            step(actions[at % len(actions)])

    return run


def _row(
    name: str, rows: int, ours: Callable[[int], None], peer_name: str, peer: Any, repeats: int, seconds: float
) -> dict[str, Any]:
    runs = {"ours": ours} | ({"peer": peer} if peer is not None else {})
    steps = {who: _calibrated(run, seconds) for who, run in runs.items()}
    rates: dict[str, list[float]] = {who: [] for who in runs}
    for _ in range(repeats):
        for who, run in runs.items():
            begin = time.perf_counter()
            run(steps[who])
            rates[who].append(rows * steps[who] / (time.perf_counter() - begin))
    speed = {who: statistics.median(values) for who, values in rates.items()}
    return {
        "name": name,
        "rows": rows,
        "steps_per_second": speed["ours"],
        "peer": peer_name if peer is not None else None,
        "peer_steps_per_second": speed.get("peer"),
        # the median of the ratios of neighbouring runs, which a machine that slows down for a while leaves alone
        "ratio": statistics.median(map(float.__truediv__, rates["ours"], rates["peer"])) if peer is not None else None,
    }


def _calibrated(run: Callable[[int], None], seconds: float) -> int:
    run(20)
    begin = time.perf_counter()
    run(50)
    return max(10, round(50 * seconds / (time.perf_counter() - begin)))
