"""How long PPO takes: CartPole in a native batch beside SB3 with the zoo's settings, and an update alone."""

import functools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import DummyVecEnv

from .core import Agent, evaluate
from .sb3 import Sb3Agent, make, own_room

EnvsFactory = Callable[[int], VectorEnv[Any, Any, Any]]
CHECK_EVERY = 2048  # steps between two looks, for both
BUDGET = 100_000  # the zoo's own budget for CartPole-v1
ROWS = 64


def ppo_cartpole(envs_factory: EnvsFactory, seeds: tuple[int, ...] = (0, 1, 2)) -> dict[str, Any]:
    """Measure the training time to a mean of 495 over 64 fresh episodes, confirmed by 475 on 256 others.

    Both sides are looked at equally often, by the same evaluation, with the clock stopped; they take turns, seed by
    seed, in this one process.

    Args:
        envs_factory: makes a CartPole of so many rows with autoreset SAME_STEP.
        seeds: a run each.

    Returns:
        ``ours`` and ``peer`` with ``seconds`` and ``steps`` of each seed (None where the budget did not suffice),
        ``ratio`` of the medians (a run that failed counts with its whole time), and the ``bar`` for it.
    """
    ours, peer = [], []
    for seed in seeds:
        ours.append(_ours(envs_factory, seed))
        peer.append(_zoo(envs_factory, seed))
    medians = [statistics.median(race.seconds for race in races) for races in (ours, peer)]
    return {
        "task": "CartPole: PPO's training time to 495 over 64 episodes, confirmed by 475 on 256 others",
        "ours": _summary(ours),
        "peer": _summary(peer) | {"name": "SB3 PPO, the zoo's settings, DummyVecEnv(8)"},
        "ratio": medians[0] / medians[1],
        "bar": 1 / 3,
        "threads": torch.get_num_threads(),
    }


def ppo_updates(envs: VectorEnv[Any, Any, Any], steps: int = 16_384, repeats: int = 7) -> dict[str, float]:
    """Measure PPO's learning from one rollout of so many ``steps`` of ``envs``: ours, and SB3's own of the same policy.

    Both take turns; each starts from the weights that the other left, which costs neither anything.

    Returns:
        ``ours`` and ``peer``, the medians of the CPU seconds, and ``ratio``, that of the least ones of each.
    """
    agent = make("ppo", envs.single_observation_space, envs.single_action_space, 0, {"rollout_size": steps})
    assert isinstance(agent, Sb3Agent)
    agent.learn(envs, steps)
    learner = agent._learner
    assert isinstance(learner, PPO)
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    with own_room(0, torch.device("cpu")):
        for _ in range(repeats):
            for name, train in (("ours", learner.train), ("peer", functools.partial(PPO.train, learner))):
                begun = time.process_time()
                train()
                seconds[name].append(time.process_time() - begun)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return medians | {"ratio": min(seconds["ours"]) / min(seconds["peer"])}


class _Race:
    """A clock that stands still while the agent is looked at."""

    def __init__(self, envs_factory: EnvsFactory, seed: int) -> None:
        self._judges = envs_factory(ROWS)
        self._seed = 10_000 * (seed + 1)
        self._next = CHECK_EVERY
        self.solved = False
        self.steps = 0
        self.seconds = 0.0
        self._since = time.perf_counter()

    def look(self, agent: Agent, steps: int) -> None:
        """Stop the clock, judge the agent if it is time to, and go on."""
        self.seconds += time.perf_counter() - self._since
        self.steps = steps
        if steps >= self._next and not self.solved:
            self._next = steps + CHECK_EVERY
            self._seed += 1000
            self.solved = self._mean(agent, 64, 0) >= 495 and self._mean(agent, 256, 500) >= 475
        self._since = time.perf_counter()

    def _mean(self, agent: Agent, episodes: int, offset: int) -> float:
        return evaluate(agent, self._judges, episodes, seed=self._seed + offset).mean


def _summary(races: list[_Race]) -> dict[str, Any]:
    return {
        "seconds": [round(race.seconds, 3) if race.solved else None for race in races],
        "steps": [race.steps if race.solved else None for race in races],
    }


def _ours(envs_factory: EnvsFactory, seed: int) -> _Race:
    envs = envs_factory(ROWS)
    race = _Race(envs_factory, seed)
    agent = make("ppo", envs.single_observation_space, envs.single_action_space, seed)
    assert isinstance(agent, Sb3Agent)

    def look(steps: int) -> bool:
        race.look(agent, steps)
        return not race.solved

    agent.learn(envs, BUDGET, seed=seed, callback=look)
    return race


class _Model:
    """An SB3 model as an agent, so that both sides meet the same judge."""

    name = "ppo"

    def __init__(self, model: PPO, envs: VectorEnv[Any, Any, Any]) -> None:
        self._model = model
        self.observation_space, self.action_space = envs.single_observation_space, envs.single_action_space

    def act(self, obs: Any, rng: np.random.Generator | None = None) -> Any:
        return self._model.predict(obs, deterministic=True)[0]

    def save(self, path: Path | str) -> None:
        raise ValueError("the benchmark's peer is not kept")


class _Look(BaseCallback):
    def __init__(self, race: _Race, envs: VectorEnv[Any, Any, Any]) -> None:
        super().__init__()
        self._race, self._envs = race, envs

    def _on_rollout_start(self) -> None:  # the update of the rollout before is done
        assert isinstance(self.model, PPO)
        self._race.look(_Model(self.model, self._envs), self.num_timesteps)

    def _on_step(self) -> bool:
        return not self._race.solved

    def _on_training_end(self) -> None:
        self._on_rollout_start()


def _zoo(envs_factory: EnvsFactory, seed: int) -> _Race:
    """Train with the settings of rl-baselines3-zoo's hyperparams/ppo.yml for CartPole-v1."""
    race = _Race(envs_factory, seed)
    with own_room(seed, torch.device("cpu")):
        model = PPO(
            "MlpPolicy",
            DummyVecEnv([lambda: Monitor(gymnasium.make("CartPole-v1"))] * 8),
            n_steps=32,
            batch_size=256,
            gae_lambda=0.8,
            gamma=0.98,
            n_epochs=20,
            ent_coef=0.0,
            learning_rate=LinearSchedule(0.001, 0.0, 1.0),
            clip_range=LinearSchedule(0.2, 0.0, 1.0),
            seed=seed,
            device="cpu",
        )
        model.learn(BUDGET, callback=_Look(race, envs_factory(1)))
    return race
