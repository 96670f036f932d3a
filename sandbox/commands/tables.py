"""`sandbox list` and `sandbox bench`: what there is, and how fast it is."""

from typing import Literal

from sandbox.commands.arguments import Device, device_of


def show_list() -> int:
    """Show the worlds, models, agents and modes there are."""
    import sandbox_agents
    import sandbox_envs
    from sandbox import console, models, pretrained
    from sandbox.modes import ABOUT

    console.show("worlds   " + "  ".join(sandbox_envs.worlds()) + "  and every other Gymnasium environment")
    console.show("models   " + "  ".join(models.names()) + "  and memory+head:")
    console.show("         memories " + "  ".join(models.memories()) + "; heads " + "  ".join(models.heads()))
    console.show("agents   " + "  ".join(sandbox_agents.names()))
    for line, world in enumerate(dict.fromkeys(entry.world for entry in pretrained.entries().values())):
        kinds = [name.partition("/")[2] for name in pretrained.entries() if name.startswith(f"{world}/")]
        console.show(f"{'' if line else 'ready':8s} {world}/: " + "  ".join(kinds))
    for name, words in ABOUT.items():
        console.show(f"{'modes' if name == 'random' else '':8} {name:12} {words}")
    return 0


def show_bench(
    only: tuple[Literal["engine", "ppo", "dreams"], ...] = ("engine", "ppo", "dreams"),
    rows: int | None = None,
    device: Device = "auto",
) -> int:
    """Measure our speeds in one run: the engine's and PPO's as ratios to their peers', the dreams' to bare matrices.

    Args:
        only: the parts to measure.
        rows: dreams at once; 256 by default.
        device: where the dreams' networks are; auto takes the CPU.
    """
    from sandbox import bench as measure

    if rows is not None and rows < 1:
        raise ValueError(f"--rows {rows} dreams nothing; use 1 or more")
    measure.main(only, rows, device_of(device))
    return 0
