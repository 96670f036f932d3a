"""Colours and shapes: a model keeps its own in every chart of every report; so does a value of a swept setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.report.names import FLOORS, settings
from sandbox.report.standings import Standing

# Their tones stay the same in all reports.
FAMILIES = ("rnn", "diffusion", "transformer", "vae", "gan", "autoregressive")
TONES = 8
SIMULATED = ("simulator", "ceiling")


def tones(table: Sequence[Standing]) -> dict[str, int]:
    """A tone for each model: a family's own, and one of the free ones, by name, for any other model or mode."""
    models = {_source(standing) for standing in table} - {"", *SIMULATED, *FLOORS}
    own = {model: FAMILIES.index(model) for model in models if model in FAMILIES}
    free = [tone for tone in range(TONES) if tone not in own.values()]
    return own | {model: free[place % len(free)] for place, model in enumerate(sorted(models - own.keys()))}


def tone(standing: Standing, given: Mapping[str, int]) -> tuple[str, int]:
    """The CSS class and the shape of a contender, `given` the models' tones."""
    source = _source(standing)
    if source in given:
        return f"tone tone-{given[source]}", given[source]
    return f"tone tone-{'random' if standing.mode in FLOORS else 'simulator'}", TONES  # the last shape


def _source(standing: Standing) -> str:
    """What a colour stands for: the model, or the mode of a baseline, with the values that are swept."""
    plain = standing.model or ("log alone" if standing.mode == "upsample" else standing.mode)
    return ", ".join([plain, *settings(standing.sweep)])
