"""Our speeds beside their peers', measured in one run on this machine, so that the ratios can be trusted."""

from collections.abc import Collection
from typing import Literal

import gymnasium
from rich.table import Table

from sandbox import console

Part = Literal["engine", "ppo", "dreams"]
PARTS: tuple[Part, ...] = ("engine", "ppo", "dreams")


def main(parts: Collection[Part] = PARTS, rows: int | None = None, device: str = "cpu") -> None:
    """Measure and print; all parts together take a few minutes. `rows` and `device` are the dreams'."""
    console.opening(device, sum({"engine": 30, "ppo": 120, "dreams": 25}[part] for part in parts))
    if "engine" in parts:
        _engine()
    if "ppo" in parts:
        _ppo()
    if "dreams" in parts:
        _dreams(rows, device)


def _engine() -> None:
    from sandbox_envs.bench import speed_rows

    engine = Table("engine", "rows", "steps/s", "peer", "its steps/s", "ratio", title="copying, autoreset, one thread")
    for row in speed_rows():
        peer, ratio = row["peer_steps_per_second"], row["ratio"]
        engine.add_row(
            row["name"],
            f"{row['rows']:,}",
            f"{row['steps_per_second']:,.0f}",
            row["peer"],
            f"{peer:,.0f}" if peer else "-",
            f"{ratio:.1f}" if ratio else "-",
        )
    console.show(engine)


def _ppo() -> None:
    from sandbox_agents.bench import ppo_cartpole, ppo_updates

    raced = ppo_cartpole(lambda rows: gymnasium.make_vec("sandbox/CartPole-v0", num_envs=rows))
    race = Table("PPO on CartPole until solved", "training time of each seed", title=raced["task"])
    for name, runs in (("ours", raced["ours"]), (raced["peer"]["name"], raced["peer"])):
        race.add_row(name, ", ".join("never" if s is None else f"{s:.1f} s" for s in runs["seconds"]))
    race.caption = f"ours takes {raced['ratio']:.2f} of the time (medians; the bar is {raced['bar']:.2f})"
    console.show(race)
    updates = Table("PPO's update of 16,384 steps", "ours", "SB3's own", "ratio", title="CPU seconds, one thread")
    for world in ("Dodge", "Lander", "Supply"):
        taken = ppo_updates(gymnasium.make_vec(f"sandbox/{world}-v0", num_envs=64))
        updates.add_row(world, f"{taken['ours']:.2f}", f"{taken['peer']:.2f}", f"{taken['ratio']:.2f}")
    console.show(updates)


def _dreams(rows: int | None, device: str) -> None:
    import torch

    from sandbox.bench.dreams import ROWS, WIDTH, dream_speeds, matrix_rate
    from sandbox.threads import one_thread

    rows = rows or ROWS
    with one_thread():
        rate = matrix_rate(rows, seconds=0.3, device=torch.device(device))
    place = "one thread" if device == "cpu" else torch.cuda.get_device_name(device)
    lines = Table(title=f"dreams of Lander, {rows:,} rows, {place}", title_justify="left")
    lines.add_column("model")
    for heading in ("steps/s", "multiply-adds a step", "of the matrix rate", "largest cost", "all costs"):
        lines.add_column(heading, justify="left" if "cost" in heading else "right")
    for speed in dream_speeds(rows=rows, device=device):
        costs = sorted(speed.costs.items(), key=lambda cost: -cost[1])
        lines.add_row(
            speed.model,
            f"{speed.steps_per_second:,.0f}",
            f"{speed.multiply_adds:,.0f}",
            f"{speed.matrix_share:.1%}",
            speed.largest,
            ", ".join(f"{name} {share:.0%}" for name, share in costs),
        )
    lines.caption = (
        f"matrix rate: {2e-9 * rate:.0f} GFLOP/s in float32 products ({rows}, {WIDTH}) × ({WIDTH}, {WIDTH}); "
        "outcome: reward and ending; codec: units; environment: noise, resets, clipping, checks"
    )
    console.show(lines)
