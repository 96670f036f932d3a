"""Many dreamed futures of given situations, in the shape of the simulator's own."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sandbox.branching import Futures
from sandbox.metrics.baselines import Dreamer
from sandbox.models.core import State
from sandbox.trajectories import Starts, Trajectories, starts_at

# Rows of one batched step: more gains nothing, and a memory's state can be large.
_ROWS = 4096


def dreamed(
    model: Dreamer, starts: Starts, actions: NDArray[np.float32], count: int, rng: np.random.Generator
) -> Futures:
    """`count` dreamed futures from each of S starts under the same actions `(T, S, A)`."""
    device = getattr(model, "device", torch.device("cpu"))
    begun = model.begin(starts)
    copies = max(1, min(count, _ROWS // len(starts)))
    parts = []
    for first in range(0, count, copies):
        width = min(copies, count - first)
        parts.append(_one_batch(model, _repeated(begun, width), actions, width, rng, device))
    obs, reward, ended = (np.concatenate(column, axis=1) for column in zip(*parts, strict=True))
    return Futures(obs, reward, ended)


def successors(
    model: Dreamer, data: Trajectories, chosen: NDArray[np.int64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """`count` dreamed successors of each chosen transition: observations `(M, N, D)`, rewards and endings `(M, N)`."""
    drawn = dreamed(model, starts_at(data, chosen, model.history), data.action[chosen][None], count, rng)
    return drawn.obs[0], drawn.reward[0], drawn.ended[0]


def _repeated(state: State, copies: int) -> State:
    return {name: leaf.repeat(copies, *[1] * (leaf.dim() - 1)) for name, leaf in state.items()}


@torch.inference_mode()
def _one_batch(
    model: Dreamer,
    state: State,
    actions: NDArray[np.float32],
    copies: int,
    rng: np.random.Generator,
    device: torch.device,
) -> Futures:
    """`copies` futures, all in one batch of `copies` × S rows."""
    rows = copies * actions.shape[1]
    seen, ended = state["obs"], torch.zeros(rows, dtype=torch.bool, device=device)
    steps: list[Mapping[str, Tensor]] = []
    for action in actions:
        noise = torch.from_numpy(rng.standard_normal((rows, model.noise_dim), np.float32)).to(device)
        acted = torch.from_numpy(np.tile(action, (copies, 1))).to(device)
        (obs, reward, terminated), state = model.step(state, acted, noise)
        seen = torch.where(ended[:, None], seen, obs)
        reward = torch.where(ended, 0.0, reward)
        ended = ended | terminated
        steps.append({"obs": seen, "reward": reward, "ended": ended})
    columns = (torch.stack([step[name] for step in steps]).cpu().numpy() for name in ("obs", "reward", "ended"))
    shape = (len(actions), copies, actions.shape[1])
    obs_, reward_, ended_ = columns
    return Futures(obs_.reshape(*shape, -1), reward_.reshape(shape), ended_.reshape(shape))
