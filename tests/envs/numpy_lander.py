"""Lander once more, as batched NumPy: the oracle of the compiled one's physics, and its peer in speed.

Written from the world's description, with masks instead of branches; it shares with the compiled world its constants
and the definition of its random numbers, and not a line of code. Autoreset is SAME_STEP.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
GOLDEN, MIX_1, MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    value = (value ^ (value >> np.uint64(30))) * MIX_1
    value = (value ^ (value >> np.uint64(27))) * MIX_2
    return value ^ (value >> np.uint64(31))


NAMES = ["x", "y", "vx", "vy", "angle", "spin", "wind", "potential"]


class NumpyLander:
    def __init__(self, num_envs: int, parameters: Any, limit: int = 400) -> None:
        self.count, self.p, self.limit = num_envs, parameters, limit
        self.s: dict[str, Array] = {name: np.zeros(num_envs) for name in NAMES}
        self.ground = np.zeros((num_envs, 17))
        self.elapsed = np.zeros(num_envs, np.int64)

    def reset(self, seed: int) -> NDArray[np.float32]:
        seeds = np.uint64(seed) + np.arange(self.count, dtype=np.uint64)
        self.key, self.counter = mix(mix(seeds + GOLDEN) ^ MIX_1), np.zeros(self.count, np.uint64)
        self._begin(np.arange(self.count))
        return self._observe()

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[NDArray[np.float32], Array, NDArray[np.bool_], NDArray[np.bool_], Any]:
        s, p = self.s, self.p
        if p.continuous:
            main, side = np.maximum(actions[:, 0], 0.0).astype(float), actions[:, 1].astype(float)
        else:
            main, side = (actions == 2).astype(float), (actions == 3).astype(float) - (actions == 1)
        sin, cos, dt = np.sin(s["angle"]), np.cos(s["angle"]), p.time_step
        s["vx"] = s["vx"] + dt * (side * p.side_thrust * cos - main * p.thrust * sin + p.drag * (s["wind"] - s["vx"]))
        s["vy"] = s["vy"] + dt * (side * p.side_thrust * sin + main * p.thrust * cos - p.gravity - p.drag * s["vy"])
        s["spin"] = s["spin"] - dt * (side * p.torque + p.damping * s["spin"])
        s["x"], s["y"] = s["x"] + dt * s["vx"], s["y"] + dt * s["vy"]
        s["angle"] = (s["angle"] + dt * s["spin"] + np.pi) % (2 * np.pi) - np.pi
        lasting = np.exp(-dt / p.gust_time)
        rows = np.arange(self.count)
        s["wind"] = lasting * s["wind"] + p.wind * np.sqrt(1 - lasting**2) * self._normal(rows)

        potential = self._potential(rows)
        reward = potential - s["potential"] - 0.3 - 0.1 * main - 0.01 * np.abs(side)
        s["potential"] = potential
        touches = self._touches()
        slow = (np.abs(s["vx"]) <= 2.0) & (np.abs(s["vy"]) <= 3.0) & (np.abs(s["spin"]) <= 1.0)
        soft = touches & slow & (np.abs(s["x"]) <= 5.0) & (np.abs(s["angle"]) <= 0.3)
        terminated = touches | (np.abs(s["x"]) > 40.0) | (s["y"] > 45.0)
        reward += np.where(soft, 100.0, np.where(terminated, -100.0, 0.0))
        self.elapsed += 1
        truncated = self.elapsed >= self.limit

        obs, final_obs = self._observe(), None
        if (terminated | truncated).any():
            final_obs, ended = obs, np.flatnonzero(terminated | truncated)
            self._begin(ended)
            obs = self._observe()
        return obs, reward, terminated, truncated, final_obs

    def _begin(self, rows: NDArray[np.int64]) -> None:
        ranges = {
            "x": (-25, 25),
            "y": (30, 38),
            "vx": (-4, 4),
            "vy": (-3, 0),
            "angle": (-0.2, 0.2),
            "spin": (-0.1, 0.1),
        }
        for name, (low, high) in ranges.items():
            self.s[name][rows] = low + (high - low) * self._uniform(rows)
        self.s["wind"][rows] = self.p.wind * self._normal(rows)
        for vertex in range(17):
            ramp = np.clip((abs(vertex * 5.0 - 40.0) - 5.0) / 15.0, 0.0, 1.0)
            self.ground[rows, vertex] = (-0.2 + 1.2 * self._uniform(rows)) * self.p.roughness * ramp
        self.s["potential"][rows] = self._potential(rows)
        self.elapsed[rows] = 0

    def _uniform(self, rows: NDArray[np.int64]) -> Array:
        bits = mix(self.key[rows] + (self.counter[rows] + np.uint64(1)) * GOLDEN) >> np.uint64(11)
        self.counter[rows] += np.uint64(1)
        return (bits.astype(np.float64) + 0.5) * 2.0**-53

    def _normal(self, rows: NDArray[np.int64]) -> Array:
        first, second = self._uniform(rows), self._uniform(rows)
        return np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second)

    def _potential(self, rows: NDArray[np.int64]) -> Array:
        x, y, vx, vy, angle = (self.s[name][rows] for name in ("x", "y", "vx", "vy", "angle"))
        return -60.0 * (np.hypot(x, y - 2.0) / 20.0 + np.hypot(vx, vy) / 8.0 + np.abs(angle))

    def _height(self, x: Array) -> Array:
        place = np.clip((x + 40.0) / 5.0, 0.0, 15.999999)
        left, rows = place.astype(np.int64), np.arange(self.count)
        return self.ground[rows, left] + (place - left) * (self.ground[rows, left + 1] - self.ground[rows, left])

    def _touches(self) -> NDArray[np.bool_]:
        touches = np.zeros(self.count, np.bool_)
        sin, cos = np.sin(self.s["angle"]), np.cos(self.s["angle"])
        for across, along in ((-1.4, -2.0), (1.4, -2.0), (0.0, 2.6)):
            x, y = self.s["x"] + across * cos - along * sin, self.s["y"] + across * sin + along * cos
            touches |= y <= self._height(x)
        return touches

    def _observe(self) -> NDArray[np.float32]:
        s, feet = self.s, self.s["y"] - 2.0
        columns = [s["x"] / 20, feet / 20, s["vx"] / 8, s["vy"] / 8, np.sin(s["angle"]), np.cos(s["angle"])]
        columns += [s["spin"] / 2, (feet - self._height(s["x"])) / 20, s["wind"] / 8]
        low, high = [-2.5, -1, -4, -4, -1, -1, -4, -1, -4], [2.5, 2.5, 4, 4, 1, 1, 4, 3, 4]
        return np.clip(np.stack(columns, axis=1), low, high).astype(np.float32)
