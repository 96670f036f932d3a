"""Our speeds beside their peers', measured in one run on this machine, so that the ratios can be trusted."""

import gymnasium
from rich.table import Table

from sandbox import console


def main() -> None:
    """Measure and print; takes a few minutes."""
    from sandbox_agents.bench import ppo_cartpole
    from sandbox_envs.bench import speed_rows

    console.opening("cpu", 150)
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
    raced = ppo_cartpole(lambda rows: gymnasium.make_vec("sandbox/CartPole-v0", num_envs=rows))
    race = Table("PPO on CartPole until solved", "training time of each seed", title=raced["task"])
    for name, runs in (("ours", raced["ours"]), (raced["peer"]["name"], raced["peer"])):
        race.add_row(name, ", ".join("never" if s is None else f"{s:.1f} s" for s in runs["seconds"]))
    race.caption = f"ours takes {raced['ratio']:.2f} of the time (medians; the bar is {raced['bar']:.2f})"
    console.show(race)
