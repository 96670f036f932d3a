"""From pressed keys, or a gamepad's sticks, to an action of any space.

Worlds of ours have keys of their own. In others an arrow stands for what is usual with so many choices; any choice is
also a digit. A number is pushed to its ends by arrows, two by arrows of two kinds; more are levers: a digit takes one
in hand, up and down move it, and it stays where it was left.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.spaces import Layout

LEFT, RIGHT, UP, DOWN = "left", "right", "up", "down"
NOTHING = ""  # no key at all
# Of Discrete spaces the choice, of Box spaces the number and where to push it: -1 and 1 are its ends.
Keys = Mapping[str, int | tuple[int, float]]
OURS: Mapping[str, Keys] = {
    "sandbox/CartPole-v0": {LEFT: 0, RIGHT: 1},
    "sandbox/Dodge-v0": {NOTHING: 0, LEFT: 1, RIGHT: 2},
    "sandbox/Lander-v0": {NOTHING: 0, LEFT: 1, UP: 2, RIGHT: 3},
    "sandbox/Racer-v0": {LEFT: (0, 1.0), RIGHT: (0, -1.0), UP: (1, 1.0), DOWN: (1, -1.0)},
    "sandbox/Wildfire-v0": {NOTHING: 5, UP: 0, DOWN: 1, LEFT: 2, RIGHT: 3, "1": 4, "2": 5},
}
_BY_COUNT: Mapping[int, Keys] = {
    2: {LEFT: 0, RIGHT: 1},
    3: {LEFT: 0, NOTHING: 1, RIGHT: 2},
    4: {NOTHING: 0, LEFT: 1, UP: 2, RIGHT: 3},
}
_BY_NUMBERS: Keys = {LEFT: (0, -1.0), RIGHT: (0, 1.0), DOWN: (1, -1.0), UP: (1, 1.0)}
_LEVER_PACE = 0.04  # of a lever's way, in a step


class Controls:
    """Turns what is held into actions; remembers the last choice, and where levers stand.

    Attributes:
        words: what the keys do, for the help and for the strip beneath the simulator.
    """

    def __init__(self, world: str, do: Layout) -> None:
        space: Any = do.space
        self._do, self._space = do, space
        count = int(space.n) if isinstance(space, spaces.Discrete) else 0
        is_continuous = isinstance(space, spaces.Box)
        self._is_levers = not count and (do.width > 2 or not is_continuous)
        own = OURS.get(world, {})
        fits = all(isinstance(pushed, int) == bool(count) for pushed in own.values())
        self._keys: Keys = own if own and fits else _BY_COUNT.get(count, {}) if count else _BY_NUMBERS
        self._choice = self._keys.get(NOTHING, 0)
        self._lever, self._levers = 0, np.zeros(do.width)

    def action(self, held: Collection[str], sticks: Mapping[str, float] | None = None) -> Any:
        """The action for the keys held, the latest last, and the sticks' way `left`, `up`, … from 0 to 1."""
        pushed = dict.fromkeys(held, 1.0) | {key: value for key, value in (sticks or {}).items() if value > 0}
        if isinstance(self._space, spaces.Discrete):
            return self._chosen(pushed)
        return self._moved(pushed) if self._is_levers else self._pushed(pushed)

    @property
    def words(self) -> str:
        """What the keys do, in a line."""
        if self._is_levers:
            told = [f"{value:+.2f}" for value in self._levers]
            told[self._lever] = f"[{told[self._lever]}]"
            return f"levers {'  '.join(told)}   digits choose, up and down move"
        keys = ", ".join(key for key in (LEFT, RIGHT, UP, DOWN, "1", "2") if key in self._keys)
        return f"play with {keys}" if keys else "play with digits"

    def _chosen(self, pushed: Mapping[str, float]) -> Any:
        choice = self._keys.get(NOTHING, self._choice)
        for key, strength in pushed.items():
            if key in self._keys and strength > 0.5:
                choice = self._keys[key]
            elif key.isdigit() and key not in self._keys and 1 <= int(key) <= self._space.n:
                choice = int(key) - 1
        self._choice = choice
        assert isinstance(choice, int)
        return self._space.dtype.type(int(self._space.start) + choice)

    def _pushed(self, pushed: Mapping[str, float]) -> Any:
        way = np.zeros(self._do.width)
        for key, strength in pushed.items():
            push = self._keys.get(key)
            if isinstance(push, tuple) and push[0] < len(way):
                way[push[0]] += push[1] * strength
        return self._between(way)

    def _moved(self, pushed: Mapping[str, float]) -> Any:
        digits = [int(key) for key in pushed if key.isdigit() and 1 <= int(key) <= len(self._levers)]
        self._lever = digits[-1] - 1 if digits else self._lever
        step = 2 * _LEVER_PACE * (pushed.get(UP, 0.0) + pushed.get(RIGHT, 0.0))
        step -= 2 * _LEVER_PACE * (pushed.get(DOWN, 0.0) + pushed.get(LEFT, 0.0))
        self._levers[self._lever] = np.clip(self._levers[self._lever] + step, -1.0, 1.0)
        return self._between(self._levers)

    def _between(self, way: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
        """An action whose numbers lie `way` between their middle (0) and their ends (-1 and 1)."""
        low = np.array([element.low for element in self._do.elements])
        high = np.array([element.high for element in self._do.elements])
        rows = low + 0.5 * (np.clip(way, -1.0, 1.0) + 1.0) * (high - low)
        if not isinstance(self._space, spaces.Box):
            rows = np.rint(rows)
        return self._do.from_rows(rows[None].astype(np.float32))[0]
