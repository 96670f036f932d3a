"""Stable-Baselines3's learners behind one small interface: act, learn, save."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from stable_baselines3.common.logger import Logger, TensorBoardOutputFormat
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize

from .acting import choose
from .algorithms import Memorising, Progress
from .core import Agent, RandomAgent, applicable, names, require_spaces
from .learners import build, fresh_memory
from .life import Keeper, Restorable, put_back, state_of
from .memory import Blend, Memory
from .settings import LEARNERS, Settings, defaults, require_known
from .spaces import Batch, action_map, flat_dim, flatten_batch, image_shape
from .storage import Tensors, space_from_json, space_to_json, write_agent
from .study import study
from .vec_env import Sb3VecEnv


def make(
    name: str,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
    seed: int,
    config: Mapping[str, Any] | None = None,
    device: str = "cpu",
) -> Agent:
    """Make an untrained agent for an environment's own single spaces.

    Args:
        name: one of ``names()``.
        observation_space: the environment's own single observation space.
        action_space: its own single action space.
        seed: decides the first weights and everything that is drawn while learning.
        config: settings over the defaults of ``settings.py``.
        device: cpu, cuda or auto (the CPU: nets of this size are slower on a GPU).

    Raises:
        ValueError: an unknown name or setting (with the nearest), or an agent that cannot act in ``action_space``.
    """
    require_known(name, names(), "an agent")
    if name not in applicable(action_space):
        raise ValueError(
            f"{name} cannot act in {action_space}: choose one of {', '.join(applicable(action_space))}"
            + {"sac": " (sac needs a bounded Box)", "dqn": " (dqn needs Discrete)"}.get(name, "")
        )
    if name == RandomAgent.name:
        return RandomAgent(observation_space, action_space, seed)
    settings = LEARNERS[name].of(defaults(name, observation_space, action_space) | dict(config or {}))
    return Sb3Agent(observation_space, action_space, seed, settings, device)


@contextmanager
def one_thread() -> Iterator[None]:
    """A second thread gains nets of this size nothing, and on a busy machine its barriers make everything slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Sb3Agent:
    """A PPO, SAC or DQN that acts on an environment's own observations and learns in any vector environment of them.

    Attributes:
        name: ppo, sac or dqn.
        observation_space: the environment's own single observation space.
        action_space: its own single action space.
        seed: what was given to ``make``.
        settings: the settings in force.
        steps: environment steps that it has learned from, over all calls of ``learn``.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        seed: int,
        settings: Settings,
        device: str = "cpu",
    ) -> None:
        self.name = settings.learner
        self.observation_space = observation_space
        self.action_space = action_space
        self.seed = seed
        self.settings = settings
        self.steps = 0
        self._calls = 0  # of learn; each has random numbers of its own, which the seed decides
        self._device = _device(device)
        self._actions = action_map(action_space)
        dim = flat_dim(observation_space)
        self._obs_stats, self._return_stats = RunningMeanStd(shape=(dim,)), RunningMeanStd(shape=())
        with own_room(seed, self._device):
            image = image_shape(observation_space)
            self._learner = build(settings, dim, self._actions.learner_space, self._device, image)
        self._envs: VectorEnv[Any, Any, Any] | None = None

    @one_thread()
    def act(self, obs: Batch, rng: np.random.Generator | None = None) -> Batch:
        """Choose actions for a batch of the environment's own observations, as a batch of its own actions.

        Without ``rng`` the greedy action; with it, one drawn from the policy with numbers from ``rng`` only.
        """
        flat = flatten_batch(self.observation_space, obs)
        if self.settings.normalize_obs:
            scale = np.sqrt(self._obs_stats.var + 1e-8)
            flat = np.clip((flat - self._obs_stats.mean) / scale, -10.0, 10.0).astype(np.float32)
        return self._actions.to_env(choose(self._learner, torch.from_numpy(flat).to(self._device), rng))

    def learn(
        self,
        envs: VectorEnv[Any, Any, Any],
        steps: int,
        *,
        seed: int | None = None,
        callback: Progress | None = None,
        tensorboard: Path | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        """Learn from ``steps`` steps of ``envs`` (rounded down to whole batches), and never from more.

        May be called again: with the same ``envs`` it goes on where it stopped (leave them alone in between); with
        others of the same spaces, such as a fresh dream, it goes on with the same weights, optimiser and statistics
        and starts a replay memory anew, so that transitions of two worlds never meet.

        Args:
            envs: a vector environment with autoreset SAME_STEP; it is reset when it is new to this agent.
            steps: how many steps, over all rows.
            seed: decides what is drawn in this call; by default the agent's seed and the count of calls do.
            callback: called with the steps done in this call after each update of PPO, or each 1,000 steps
                (a fiftieth of a short budget) of SAC and DQN; learning stops when it returns False.
            tensorboard: a folder for SB3's TensorBoard log.
            keeper: where unfinished learning is kept; a call that was interrupted goes on from there, and ends with the
                same bits as one that was not, where ``envs`` can be kept too (``snapshot`` and ``restore``).

        Raises:
            ValueError: other spaces than the agent's, another autoreset, fewer steps than rows, or values not finite.
        """
        require_spaces(self, envs)
        if steps < envs.num_envs:
            raise ValueError(f"{steps} steps are fewer than the {envs.num_envs} rows: give at least a step a row")
        draw = int(np.random.SeedSequence([self.seed if seed is None else seed, self._calls]).generate_state(1)[0])
        kept = None if keeper is None else keeper.kept()
        with own_room(draw, self._device):
            is_new = self._envs is not envs
            if is_new:
                self._settle(envs, draw)
            before = 0 if is_new else self._learner.num_timesteps
            if kept is not None:
                self._take(kept[0])
                put_back(self._learner, _restorable(envs), *kept)
            self._learner.set_logger(_logger(tensorboard))
            progress = callback if keeper is None else self._keeping(callback, keeper, envs)
            try:
                self._learner.run(steps - steps % envs.num_envs, is_new, progress, is_resumed=kept is not None)
            finally:
                self._learner.logger.close()
        self._calls += 1
        self.steps += self._learner.num_timesteps - before

    def study(
        self, memories: Sequence[Memory], shares: Sequence[float], updates: int, *, keeper: Keeper | None = None
    ) -> None:
        """Learn from what is remembered alone, by ``updates`` updates (SAC and DQN).

        Args:
            memories: transitions, one memory a source; none is changed, and none meets another.
            shares: how much of every update's batch comes from each memory; they add up to 1.
            updates: how many gradient steps.
            keeper: where an unfinished study is kept; one that was interrupted goes on to the same bits.

        Raises:
            ValueError: a PPO, which cannot learn from memories, or settings that scale what no environment scales.
        """
        learner = self._learner
        if not isinstance(learner, Memorising):
            raise ValueError(f"{self.name} cannot learn from memories: choose sac or dqn")
        if self.settings.normalize_obs or self.settings.normalize_reward:
            raise ValueError("learning from memories scales nothing: leave normalize_obs and normalize_reward false")
        draw = int(np.random.SeedSequence([self.seed, self._calls]).generate_state(1)[0])
        with own_room(draw, self._device):
            blend = Blend(memories, shares, np.random.default_rng(draw), self._device)
            study(learner, blend, updates, keeper)
        self._envs = None
        self._calls += 1

    def _keeping(self, callback: Progress | None, keeper: Keeper, envs: VectorEnv[Any, Any, Any]) -> Progress:
        """``callback``, and after it a word to the keeper."""

        def progress(steps: int) -> bool | None:
            goes_on = None if callback is None else callback(steps)
            if keeper.is_due:
                arrays, record = state_of(self._learner, _restorable(envs))
                keeper.keep(self._tensors() | arrays, record)
            return goes_on

        return progress

    def _settle(self, envs: VectorEnv[Any, Any, Any], seed: int) -> None:
        """Move into an environment: new rows and a new replay memory, the same weights and statistics."""
        rows = Sb3VecEnv(envs)
        rows.seed(seed)
        self._learner.action_space.seed(seed)  # SAC and DQN draw their first actions from it
        wanted = self.settings
        self._learner.n_envs = envs.num_envs
        if wanted.normalize_obs or wanted.normalize_reward:
            scaled = VecNormalize(
                rows, norm_obs=wanted.normalize_obs, norm_reward=wanted.normalize_reward, gamma=wanted.gamma
            )
            # SB3 types these for dict observations, which are flat here.
            scaled.__dict__ |= {"obs_rms": self._obs_stats, "ret_rms": self._return_stats}
            self._learner.set_env(scaled)
        else:
            self._learner.set_env(rows)
        fresh_memory(self._learner, is_seasoned=self.steps > 0)
        self._envs = envs

    def save(self, path: Path | str) -> None:
        """Write the agent into the folder ``path``, atomically: weights, optimiser and statistics, no replay memory."""
        write_agent(Path(path), self._record(), self._tensors())

    def frozen(self) -> "Sb3Agent":
        """Return a copy that later learning does not change: what ``load`` would give, without a file between."""
        return self.restore(self._record(), self._tensors(), Path("memory"), str(self._device))

    def _record(self) -> dict[str, Any]:
        return {
            "agent": self.name,
            "seed": self.seed,
            "steps": self.steps,
            "calls": self._calls,
            "settings": asdict(self.settings),
            "observation_space": space_to_json(self.observation_space),
            "action_space": space_to_json(self.action_space),
            "versions": {"torch": str(torch.__version__), "numpy": np.__version__},
        }

    def _tensors(self) -> Tensors:
        tensors = self._learner.tensors()
        for name, stats in (("observation", self._obs_stats), ("return", self._return_stats)):
            for part in ("mean", "var", "count"):
                tensors[f"{name}.{part}"] = np.array(getattr(stats, part), np.float64)
        return tensors

    def _take(self, tensors: Tensors) -> None:
        """Put back what ``_tensors`` gave."""
        self._learner.take(tensors)
        for name, stats in (("observation", self._obs_stats), ("return", self._return_stats)):
            if tensors[f"{name}.mean"].shape != stats.mean.shape or tensors[f"{name}.var"].shape != stats.var.shape:
                raise ValueError(f"its statistics of the {name} are misshapen")
            stats.mean, stats.var = tensors[f"{name}.mean"].copy(), tensors[f"{name}.var"].copy()
            stats.count = float(tensors[f"{name}.count"])

    @classmethod
    def restore(cls, record: dict[str, Any], tensors: Tensors, path: Path, device: str = "cpu") -> "Sb3Agent":
        """Rebuild an agent from what ``storage.read_agent`` read from ``path``.

        Raises:
            ValueError: the record or the tensors are not those of an agent of this kind.
        """
        try:
            settings = LEARNERS[record["agent"]].of(record["settings"])
            observation_space = space_from_json(record["observation_space"])
            action_space = space_from_json(record["action_space"])
            agent = cls(observation_space, action_space, int(record["seed"]), settings, device)
            agent.steps, agent._calls = int(record["steps"]), int(record["calls"])
            agent._take(tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"the agent in {path} is damaged or not one of these ({error}): save it again") from error
        return agent


@contextmanager
def own_room(seed: int, device: torch.device) -> Iterator[None]:
    """Lend SB3 what is the process's: seeded global generators, and one torch thread; give the caller's back."""
    kept = np.random.get_state()  # noqa: NPY002 - it is this generator that SB3 uses
    with one_thread(), torch.random.fork_rng(devices=[] if device.type == "cpu" else [device]):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(kept)  # noqa: NPY002


def _restorable(envs: Any) -> Restorable:
    if not hasattr(envs, "snapshot") or not hasattr(envs, "restore"):
        raise ValueError(f"learning in {type(envs).__name__} cannot be kept: it has no snapshot and restore")
    state: Restorable = envs
    return state


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError("this torch build finds no CUDA device: use --device cpu")
    return torch.device(name)


def _logger(tensorboard: Path | None) -> Logger:
    """Return SB3's logger; silent, and without the folder that SB3 would make, unless TensorBoard is asked for."""
    if tensorboard is None:
        return Logger(folder=None, output_formats=[])
    try:
        return Logger(str(tensorboard), [TensorBoardOutputFormat(str(tensorboard))])
    except (ImportError, AssertionError) as error:
        raise ValueError("TensorBoard is not installed: pip install 'sandbox-worlds[tensorboard]'") from error
