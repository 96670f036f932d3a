"""Stable-Baselines3's PPO, SAC and DQN, with exact step budgets, stops between updates, and tensors in and out."""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import RolloutBufferSamples, RolloutReturn, TrainFreq
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from .storage import Tensors
from .update import is_plain, update

Progress = Callable[[int], bool | None]

ROLLOUTS, SMALLEST, LARGEST = 60, 2048, 32_768  # how many share a run, and the samples of one, unless it is settled
MINIBATCHES = 64  # of a rollout, at most, unless it is settled
SHORTEST = 16  # ticks of a rollout however many the rows: advantages need some steps of reward
REPORT_EVERY = 1000  # steps between two calls of a callback, at most, for learners that update at every step


class Guided(BaseAlgorithm):
    """An SB3 algorithm that keeps a budget to the step, and asks whether to go on only between two updates."""

    _progress: Progress | None = None
    _begin = 0
    _reported = 0
    _every = 1

    def run(self, steps: int, is_new: bool, progress: Progress | None, *, is_resumed: bool = False) -> None:
        """Learn from ``steps`` steps, a multiple of the rows; ``is_new`` resets the environment and the count.

        A call that ``is_resumed`` was interrupted, has its counts back, and only learns from what is left.
        """
        if not is_resumed:
            self._begin = 0 if is_new else self.num_timesteps
            self._reported = self._begin
        self._progress = progress
        self._every = max(1, min(REPORT_EVERY, steps // 50))
        done = self.num_timesteps - self._begin if is_resumed else 0
        self.learn(steps - done, reset_num_timesteps=is_new and not is_resumed)
        if self._reported < self.num_timesteps:
            self._goes_on(1)

    def _goes_on(self, every: int) -> bool:
        """Report progress if ``every`` steps have passed since the last report; return False if asked to stop."""
        if self._progress is None or self.num_timesteps < self._reported + every:
            return True
        self._reported = self.num_timesteps
        return self._progress(self.num_timesteps - self._begin) is not False

    def _ticks_left(self) -> int:
        return (self._total_timesteps - self.num_timesteps) // self.n_envs

    def tensors(self) -> Tensors:
        """Return copies of the weights and of the state of every optimiser, by name."""
        found: dict[str, torch.Tensor] = {}
        for name, state in self.get_parameters().items():
            if "optimizer" not in name:
                found |= {f"{name}.{key}": value for key, value in state.items()}
                continue
            for index, moments in state["state"].items():
                found |= {f"{name}.{index}.{key}": value for key, value in moments.items()}
        for name in self._get_torch_save_params()[1]:
            found[name] = getattr(self, name)
        return {key: value.detach().cpu().numpy().copy() for key, value in found.items()}

    def take(self, tensors: Tensors) -> None:
        """Put back what ``tensors`` gave.

        Raises:
            ValueError: a tensor is missing, or has another shape than this network's.
        """
        for key, own in self.policy.state_dict().items():
            given = tensors.get(f"policy.{key}")
            if given is None or given.shape != tuple(own.shape):
                raise ValueError(f"its tensor policy.{key} is missing or misshapen")
            own.copy_(torch.tensor(given))  # a state dict shares memory with the network
        names, variables = self._get_torch_save_params()
        for name in names:
            if "optimizer" in name:
                self._take_optimizer(name, tensors)
        for name in variables:
            getattr(self, name).data.copy_(torch.tensor(tensors[name]))

    def _take_optimizer(self, name: str, tensors: Tensors) -> None:
        owner: Any = self
        for part in name.split("."):
            owner = getattr(owner, part)
        state = owner.state_dict()
        for key in (key for key in tensors if key.startswith(f"{name}.")):
            index, moment = key.removeprefix(f"{name}.").split(".")
            state["state"].setdefault(int(index), {})[moment] = torch.tensor(tensors[key])
        owner.load_state_dict(state)


class EvenRolloutBuffer(RolloutBuffer):
    """SB3's rollout buffer, cut into minibatches of equal size, and turned into tensors once a rollout.

    SB3 takes minibatches of the full size and one of what remains, which may be a single, noisy sample.
    """

    def get(
        self, batch_size: int | None = None, look: Callable[[Tensor], Tensor] = lambda obs: obs
    ) -> Generator[RolloutBufferSamples, None, None]:
        """Yield every sample once, in minibatches of about ``batch_size``; what ``look`` sees of their observations."""
        if not self.generator_ready:
            for name in ("observations", "actions", "values", "log_probs", "advantages", "returns"):
                self.__dict__[name] = self.swap_and_flatten(self.__dict__[name])
            self.generator_ready = True
            self._columns = (
                look(self.to_torch(self.observations)),
                self.to_torch(self.actions.astype(np.float32, copy=False)),
                *(self.to_torch(part.ravel()) for part in (self.values, self.log_probs, self.advantages, self.returns)),
            )
        count = self.buffer_size * self.n_envs
        order = np.random.permutation(count)  # noqa: NPY002 - lent and given back by sb3.own_room
        for part in np.array_split(order, max(1, round(count / (batch_size or count)))):
            index = torch.from_numpy(part).to(self.device)
            yield RolloutBufferSamples(*(column[index] for column in self._columns))


class Ppo(PPO, Guided):
    """PPO whose rollouts share the budget evenly, whatever the number of rows."""

    rollout_size: int
    smallest_batch: int

    def run(self, steps: int, is_new: bool, progress: Progress | None, *, is_resumed: bool = False) -> None:
        """Divide ``steps`` into rollouts of equal length, as near to ``rollout_size`` samples as that allows.

        Where the settings leave it open, long runs take long rollouts: on Lander, 1,000,000 steps of 64 rows, a size of
        16,384 returned 152, 151 and 163 (seeds 0-2) where 2,048 returned 149, 8 and -58. Of the longest, minibatches
        are larger, too, so that a step costs less.
        """
        ticks = steps // self.n_envs
        size = self.rollout_size or min(max(steps // ROLLOUTS, SMALLEST), LARGEST)
        self.batch_size = self.smallest_batch if self.rollout_size else max(self.smallest_batch, size // MINIBATCHES)
        rollouts = max(1, min(round(steps / size), ticks // SHORTEST))
        self.n_steps = -(-ticks // rollouts)
        super().run(steps, is_new, progress, is_resumed=is_resumed)

    def _update_current_progress_remaining(self, num_timesteps: int, total_timesteps: int) -> None:
        super()._update_current_progress_remaining(num_timesteps - self._begin, total_timesteps - self._begin)

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Collect one rollout, the last one shortened to what the budget leaves."""
        if not self._goes_on(1):
            return False
        rollout_buffer.buffer_size = min(self.n_steps, self._ticks_left())
        return super().collect_rollouts(env, callback, rollout_buffer, rollout_buffer.buffer_size)

    def train(self) -> None:
        """Learn from the rollout: SB3's update, and where the policy's nets are plain ones in half its time."""
        if is_plain(self):
            update(self)
        else:
            super().train()


class Memorising(OffPolicyAlgorithm, Guided):
    """What SAC and DQN share: stops between updates, and a budget kept to the step."""

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, train_freq: TrainFreq, *rest: Any, **named: Any
    ) -> Any:
        """Collect the steps between two rounds of updates, or what the budget leaves of them."""
        if not self._goes_on(self._every):
            return RolloutReturn(0, 0, continue_training=False)
        freq = TrainFreq(min(train_freq.frequency, self._ticks_left()), train_freq.unit)
        return super().collect_rollouts(env, callback, freq, *rest, **named)


class Sac(SAC, Memorising):
    """SAC with the additions of ``Guided``."""


class Dqn(DQN, Memorising):
    """DQN with the additions of ``Guided``."""

    def tensors(self) -> Tensors:
        """Return the weights and optimiser, the share of random actions, and how far the next target update is."""
        return super().tensors() | {
            "exploration_rate": np.array(self.exploration_rate),
            "calls": np.array(self._n_calls),
        }

    def take(self, tensors: Tensors) -> None:
        """Put back what ``tensors`` gave."""
        super().take(tensors)
        self.exploration_rate = float(tensors["exploration_rate"])
        self._n_calls = int(tensors["calls"])
