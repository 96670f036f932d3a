"""Off-policy learning without an environment: a fixed number of updates from given memories."""

from collections.abc import Mapping
from typing import Any

import torch
from stable_baselines3 import DQN
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.utils import polyak_update

from .algorithms import Memorising
from .life import Keeper
from .memory import Blend
from .storage import Tensors

CHUNK = 100  # updates between two looks at the keeper


def study(learner: Memorising, blend: Blend, updates: int, keeper: Keeper | None = None) -> None:
    """Do `updates` updates of `learner` by batches of `blend`; those that `keeper` knows to be done are left out."""
    kept = None if keeper is None else keeper.kept()
    done = 0 if kept is None else _put_back(learner, blend, *kept)
    own, learner.replay_buffer = learner.replay_buffer, blend  # type: ignore[assignment]
    learner.set_logger(Logger(folder=None, output_formats=[]))
    chunk = _updates_per_target(learner) if isinstance(learner, DQN) else CHUNK
    try:
        while done < updates:
            count = min(chunk, updates - done)
            learner.train(count, learner.batch_size)
            done += count
            if isinstance(learner, DQN) and count == chunk:
                polyak_update(learner.q_net.parameters(), learner.q_net_target.parameters(), learner.tau)
            if keeper is not None and keeper.is_due:
                keeper.keep(*_state(learner, blend, done))
    finally:
        learner.replay_buffer = own
    if isinstance(learner, DQN):  # whoever has studied explores as at the end of a life
        learner.exploration_rate = learner.exploration_final_eps


def _put_back(learner: Memorising, blend: Blend, arrays: Tensors, record: Mapping[str, Any]) -> int:
    """Undo everything that has happened since `_state`; returns the updates that were done then."""
    learner.take(arrays)
    blend.rng.bit_generator.state = record["blend"]
    torch.set_rng_state(torch.from_numpy(arrays["torch"]))
    if "cuda" in arrays:
        torch.cuda.set_rng_state(torch.from_numpy(arrays["cuda"]), learner.device)
    return int(record["done"])


def _state(learner: Memorising, blend: Blend, done: int) -> tuple[Tensors, dict[str, Any]]:
    arrays = learner.tensors() | {"torch": torch.get_rng_state().numpy()}
    if learner.device.type == "cuda":
        arrays["cuda"] = torch.cuda.get_rng_state(learner.device).numpy()
    return arrays, {"done": done, "blend": blend.rng.bit_generator.state}


def _updates_per_target(learner: DQN) -> int:
    """As many updates between two targets as there are in a life that takes steps."""
    each = learner.gradient_steps if learner.gradient_steps > 0 else 1
    freq = learner.train_freq
    steps = freq if isinstance(freq, int) else int(freq[0])
    return max(1, learner.target_update_interval * each // max(1, steps))
