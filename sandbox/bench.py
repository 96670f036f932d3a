"""Our speeds beside their peers', measured in one run on this machine, so that the ratios can be trusted."""

from typing import Any

import gymnasium
from rich.table import Table

from sandbox import console


def main() -> int:
    """Measure and print; takes a minute or two."""
    from sandbox_envs.bench import speed_rows

    console.opening("cpu", 120)
    table = Table("what", "rows", "ours, steps/s", "peer, steps/s", "ratio")
    for row in speed_rows():
        table.add_row(row["name"], str(row["rows"]), f"{row['ours']:,.0f}", f"{row['peer']:,.0f}", f"{row['ratio']:.1f}")
    console.show(table)
    return 0
