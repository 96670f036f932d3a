"""`sandbox contrast --only-log DATA`: what a log alone allows to say."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def only_log(
    data: Path,
    models: Sequence[str],
    seeds: Sequence[int],
    out: Path | None,
    agent: str,
    agent_config: Path | None,
    dream: Mapping[str, Any],
    device: str,
) -> int:
    """Fit every model to the log, learn in its cautious dream, and tell how far both may be trusted."""
    from sandbox import console
    from sandbox.exchange import read_log
    from sandbox.only_log import LogStudy, run
    from sandbox_agents import read_config

    log = read_log(str(data))
    console.notes(log.source.get("notes", []))
    config = read_config(agent_config, agent) if agent_config else None
    study = LogStudy(log, models, seeds, agent, config, dream, device)
    study.check()
    members = int(dream.get("ensemble", 1))
    console.opening(device, len(models) * len(seeds) * (60 + 30 * members))
    place = out or Path("runs") / f"only-log-{data.stem}"
    results = run(study, place, shlex.join(["sandbox", *sys.argv[1:]]), console.note)
    console.show(_table(results))
    for row in results["rows"]:
        console.show(f"{row['model']} seed {row['seed']}: {'; '.join(row['trust'])}.")
    console.show("No simulator was asked, so no return and no price are told: a promise is what a dream says.")
    console.show(str(place.resolve()))
    return 0


def _table(results: Mapping[str, Any]) -> Any:
    from rich.table import Table

    known = results["log_return"]
    told = "no complete episode" if known is None else f"{known['mean']:.4g}, at best {known['best']:.4g}"
    title = f"a log of {results['transitions']} steps; its own episodes returned: {told}"
    lines = Table("model", "seed", "agent", "promise in the dream", "outside the data", "energy score", title=title)
    for row in results["rows"]:
        promise = row["return_dream"]
        score = row["card"]["figures"].get("one_step", {}).get("energy_score", {}).get("dream")
        lines.add_row(
            row["model"],
            str(row["seed"]),
            row["agent"],
            f"{promise['mean']:.4g} [{promise['low']:.4g}, {promise['high']:.4g}]",
            f"{row['outside_data']:.1%}",
            "" if score is None else f"{score:.4g}",
        )
    return lines
