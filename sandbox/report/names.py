"""How contenders, algorithms and figures are called in a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping

ABBREVIATIONS = {"ppo", "sac", "dqn", "td3", "a2c", "trpo", "cem", "mppi"}
PLACES = {
    "dream": "{agent} in the {model} dream",
    "mix": "{agent} in the simulator and the {model} dream",
    "upsample": "{agent} on the log upsampled by {model}",
    "plan": "{agent} planning with {model}",
    "perfect": "{agent} in a perfect model",
    "persistence": "{agent} in a model of persistence",
    "simulator": "{agent} in the simulator",
    "ceiling": "{agent} at the ceiling",
}
FLOORS = {"random": "random", "constant": "the best constant action"}
SCALES = ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (100.0, 1.0, "s"), (6000.0, 1 / 60, "min"), (math.inf, 1 / 3600, "h"))


def contender(mode: str, model: str | None, agent: str, sweep: Mapping[str, object] | None = None) -> str:
    """How a contender is called: "SAC in the simulator", "PPO in the rnn dream, temperature 0.5", "random"."""
    if mode in ("random", "constant"):
        place = FLOORS[mode]
    elif mode == "upsample" and model is None:
        place = f"{agent_name(agent)} on the log alone"
    elif mode in PLACES and (model or "{model}" not in PLACES[mode]):
        place = PLACES[mode].format(agent=agent_name(agent), model=model)
    else:
        place = f"{agent_name(agent)}, {' '.join(part for part in (model, mode) if part)}"
    return ", ".join([place, *settings(sweep)])


def settings(sweep: Mapping[str, object] | None) -> list[str]:
    """The swept settings as words: "temperature 0.5"."""
    return [f"{name.replace('_', ' ')} {value}" for name, value in (sweep or {}).items()]


def agent_name(agent: str) -> str:
    """An algorithm's name as it is written in prose: "PPO"."""
    return agent.upper() if agent in ABBREVIATIONS else agent


def decimals(*values: float) -> int:
    """How many decimals show about three digits of the largest of `values`."""
    scale = max((abs(value) for value in values), default=0.0)
    return 0 if scale >= 100 else 1 if scale >= 10 else 2 if scale >= 1 else 3


def number(value: float, places: int = 0) -> str:
    """`value` with its thousands separated; never a negative zero."""
    text = f"{value:,.{places}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def seconds(value: float) -> str:
    """A duration as a person says it, to two digits: "9.6 µs", "41 ms", "3 min"."""
    _, factor, unit = next(scale for scale in SCALES if abs(value) < scale[0])
    amount = value * factor
    return f"{amount:,.0f} {unit}" if abs(amount) >= 9.95 or amount == 0 else f"{amount:.2g} {unit}"


def listed(words: list[str], most: int = 100) -> str:
    """Words as a list in a sentence, "a, b and c"; only their number, "7 others", where they are more than `most`."""
    if len(words) > most:
        return f"{len(words)} others"
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def chance(p_value: float) -> str:
    """A p-value as it is written: "p = 0.012", "p < 0.001"."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
