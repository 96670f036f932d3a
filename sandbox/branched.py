"""The simulator itself in the model's place: what a flawless model would dream."""

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from torch import Tensor

from sandbox.branchable import ENDLESS
from sandbox.models.core import State
from sandbox.spaces import Layout, Rows, action_layout, layout
from sandbox.trajectories import Starts
from sandbox_envs import SimVectorEnv
from sandbox_envs.random import key_of


class Branched:
    """A world of ours as `Dynamics`: a state is the simulator's record as bytes, a step restores it and goes on.

    The random numbers of a step come from the dream's noise, so that the same noise gives the same future here too.
    """

    noise_dim = 1
    history = 0

    def __init__(self, world: str, starts: int = 256, seed: int = 0, **parameters: Any) -> None:
        """Branch the world with the id `world` from `starts` beginnings."""
        self._world, self._parameters = world, parameters
        self._envs: dict[int, SimVectorEnv] = {}
        beginnings = self._rows(starts)
        obs, _ = beginnings.reset(seed=seed)
        self._snapshot = beginnings.snapshot()
        self.spaces: tuple[Layout, Layout] = (
            layout(beginnings.single_observation_space),
            action_layout(beginnings.single_action_space),
        )
        see, do = self.spaces
        past: Rows = np.zeros((starts, 0, do.width), np.float32)
        self.starts = Starts(see.to_rows(obs)[:, None], past, np.zeros(starts, np.int64))

    def begin(self, starts: Starts) -> State:
        """The state at each of `self.starts`; no others can be begun from, since an observation is no state."""
        if starts is not self.starts:
            raise ValueError("a branched simulator begins from its own starts only; pass its `starts` to the dream")
        return {"obs": torch.from_numpy(starts.obs[:, -1].copy()), "record": _as_bytes(self._snapshot)}

    def step(
        self, state: State, action: Tensor, noise: Tensor, temperature: float = 1.0
    ) -> tuple[tuple[Tensor, Tensor, Tensor], State]:
        """One tick of every row; see `Dynamics.step`. The truth has no temperature."""
        see, do = self.spaces
        envs = self._rows(len(action))
        record = state["record"].numpy().view(self._snapshot.dtype)[:, 0].copy()
        bits = noise[:, 0].contiguous().numpy().view(np.uint32)
        record["key"] = [key_of(np.uint64(each)) for each in bits]
        record["counter"], record["ended"], record["elapsed"] = 0, False, 0
        envs.restore(record)
        obs, reward, terminated, _, _ = envs.step(do.from_rows(action.numpy()))
        seen = torch.from_numpy(see.to_rows(obs))
        outcome = (seen, torch.from_numpy(np.asarray(reward, np.float32)), torch.from_numpy(terminated.copy()))
        return outcome, {"obs": seen, "record": _as_bytes(envs.snapshot())}

    def _rows(self, count: int) -> SimVectorEnv:
        if count not in self._envs:
            envs = gymnasium.make_vec(
                self._world,
                num_envs=count,
                max_episode_steps=ENDLESS,
                autoreset_mode=AutoresetMode.DISABLED,
                **self._parameters,
            ).unwrapped
            assert isinstance(envs, SimVectorEnv)
            self._envs[count] = envs
        return self._envs[count]


def _as_bytes(records: NDArray[np.void]) -> Tensor:
    """Records `(B,)` as bytes `(B, itemsize)`: a leaf that resets row by row like any other."""
    return torch.from_numpy(np.ascontiguousarray(records).view(np.uint8).reshape(len(records), -1).copy())
