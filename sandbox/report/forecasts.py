"""A forecast told: the chart and its figures as two files, and a short table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from sandbox.files import write_json, write_text
from sandbox.forecast import LEVELS, Forecast, columns
from sandbox.report.fans import draw
from sandbox.report.tones import FAMILIES, TONES

MOST_PANELS = 12
BASELINES = ("persistence", "climatology")


def write(path: Path, forecast: Forecast, told: Mapping[str, Any], wanted: Sequence[str] = ()) -> tuple[Path, Path]:
    """Write the chart to `path`, an `.svg`, and the figures beside it as `.json`; returns both paths.

    `told` says what the forecast is of: `model`, `log`, `episode`, `step`, `temperature`, `seed`. The chart shows the
    `wanted` dimensions, by default the first twelve; the figures hold them all.
    """
    dimensions = columns(forecast.names, wanted)[: None if wanted else MOST_PANELS]
    steps, count, _ = forecast.futures.shape
    subtitle = (
        f"{count} futures from step {told['step']} of episode {told['episode']} of {told['log']}, "
        f"under the actions logged there, temperature {told['temperature']:g}"
    )
    chart = draw(forecast, f"{told['model']}: {steps} steps ahead", subtitle, tone_of(told["model"]), dimensions)
    beside = path.with_suffix(".json")
    write_text(path, chart)
    write_json(beside, {**told, **figures(forecast)})
    return path, beside


def tone_of(model: str) -> str:
    """The CSS class of a model's colour: that of its family in all reports."""
    own = [FAMILIES.index(part) for part in model.split("+") if part in FAMILIES]
    return f"tone tone-{own[0] if own else TONES - 1}"


def figures(forecast: Forecast) -> dict[str, Any]:
    """Everything that the chart shows, and the score of every dimension, as plain values; a list has one for each step.

    `crps` is in standard deviations of the log, the mean over dimensions; in `dimensions` it is in the world's units.
    """
    steps, count, _ = forecast.futures.shape
    return {
        "steps": steps,
        "futures": count,
        "starts": forecast.at.tolist(),
        "crps": {who: forecast.score(who).tolist() for who in forecast.crps},
        "coverage": {f"{level:g}": held.tolist() for level, held in forecast.coverage.items()},
        "ended": forecast.ended.tolist(),
        "dimensions": {name: _dimension(forecast, column) for column, name in enumerate(forecast.names)},
    }


def _dimension(forecast: Forecast, column: int) -> dict[str, Any]:
    """One dimension's scores over all starts, and what was seen and dreamed from the first."""
    element, drawn = forecast.elements[column], forecast.futures[..., column]
    seen = {"past": forecast.past[:, column].tolist(), "truth": forecast.truth[:, column].tolist()}
    if element.kind != "continuous":
        shares = [(drawn == kind).mean(axis=1).tolist() for kind in range(max(element.categories, 2))]
        crps = {who: score[:, column].tolist() for who, score in forecast.crps.items()}
        return {"kind": element.kind, "crps": crps, **seen, "shares": shares}
    crps = {who: (score[:, column] * forecast.scale[column]).tolist() for who, score in forecast.crps.items()}
    fan = {f"band_{round(100 * level)}": [end.tolist() for end in forecast.band(level, column)] for level in LEVELS}
    median = forecast.band(0.0, column)[0].tolist()
    scale = float(forecast.scale[column])
    return {"kind": element.kind, "scale": scale, "crps": crps, **seen, "median": median, **fan}


def table(forecast: Forecast) -> Table:
    """The score at a few steps ahead beside the baselines', and how often the bands held what happened."""
    title = f"CRPS, mean over {len(forecast.names)} dimensions and {len(forecast.at)} starts; lower is better"
    lines = Table(title=title, title_justify="left")
    held = [f"in its {100 * level:.0f} % band" for level in forecast.coverage]
    for heading in ("steps ahead", "dream", *BASELINES, "dream / better", *held, "ended too soon"):
        lines.add_column(heading, justify="right")
    for step in shown_steps(len(forecast.truth)):
        lines.add_row(f"{step}", *_cells(forecast, slice(step - 1, step)))
    lines.add_section()
    lines.add_row("all", *_cells(forecast, slice(None)))
    return lines


def shown_steps(steps: int) -> list[int]:
    """1, 2, 5, 10, 20, 50 … up to the last one."""
    rounds = [lead * 10**power for power in range(len(str(steps))) for lead in (1, 2, 5)]
    return [step for step in rounds if step < steps] + [steps]


def _cells(forecast: Forecast, steps: slice) -> list[str]:
    means = {who: _mean(forecast.score(who), steps) for who in forecast.crps}
    better = min(means[who] for who in BASELINES)
    return [
        *(f"{means[who]:.4g}" for who in ("dream", *BASELINES)),
        f"{means['dream'] / better:.2f}" if better > 0 else "-",
        *(f"{_mean(held, steps):.0%}" for held in forecast.coverage.values()),
        f"{_mean(forecast.ended, steps):.1%}",
    ]


def _mean(values: NDArray[np.float64], steps: slice) -> float:
    return float(values[steps].mean())
