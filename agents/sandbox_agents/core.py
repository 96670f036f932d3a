"""What an agent is, how it is judged, and how it comes back from a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from .spaces import Batch, rows_of, sample_batch
from .storage import read_agent, space_from_json, space_to_json, write_agent

MANY = 3_000_000  # steps of a batched simulator: a long run


@runtime_checkable
class Agent(Protocol):
    """Anything that acts in an environment, a batch of rows at a time.

    Attributes:
        name: what made it: one of ``names()``.
        observation_space: the environment's own single observation space, never a flattened one.
        action_space: the environment's own single action space.
    """

    name: str
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]

    def act(self, obs: Batch, rng: np.random.Generator | None = None) -> Batch:
        """Choose actions for a batch of the environment's own observations (leading B), as a batch of its own actions.

        Without ``rng`` the greedy action; with it, one drawn from the policy with numbers from ``rng`` only.
        """
        ...

    def save(self, path: Path | str) -> None:
        """Write the agent into the folder ``path``, atomically."""
        ...


def names() -> list[str]:
    """Return the names that ``make`` knows."""
    return ["ppo", "sac", "dqn", "random"]


def rows_for(steps: int) -> int:
    """Return how many rows of a batched simulator suit so many steps: what a step costs falls with them.

    Many rows leave a short run few updates; ``MANY`` steps leave enough.
    """
    return 256 if steps >= MANY else 64


def applicable(action_space: spaces.Space[Any]) -> list[str]:
    """Return the names of the agents that can act in ``action_space``."""
    match action_space:
        case spaces.Box():
            bounded = np.isfinite(action_space.low).all() and np.isfinite(action_space.high).all()
            return ["ppo", "sac", "random"] if bounded else ["random"]
        case spaces.Discrete():
            return ["ppo", "dqn", "random"]
        case spaces.MultiDiscrete() | spaces.MultiBinary():
            return ["ppo", "random"]
    return ["random"]


class RandomAgent:
    """Draws every action uniformly: the floor under every comparison."""

    name = "random"

    def __init__(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any], seed: int) -> None:
        self.observation_space = observation_space
        self.action_space = action_space
        self.seed = seed
        self._rng = np.random.default_rng(seed)

    def act(self, obs: Batch, rng: np.random.Generator | None = None) -> Batch:
        """Draw B actions, from ``rng`` or else from the agent's own generator, which its seed decides."""
        return sample_batch(self.action_space, rows_of(obs), self._rng if rng is None else rng)

    def save(self, path: Path | str) -> None:
        """Write the agent into the folder ``path``, atomically."""
        record = {
            "agent": self.name,
            "seed": self.seed,
            "observation_space": space_to_json(self.observation_space),
            "action_space": space_to_json(self.action_space),
        }
        write_agent(Path(path), record, {})


@dataclass(frozen=True)
class Evaluation:
    """How an agent did over E episodes.

    Attributes:
        mean: the mean return.
        low: lower end of the 95 % Student-t interval of the mean over episodes; -inf for a single episode.
        high: its upper end; inf for a single episode.
        returns: (E,) undiscounted returns, row by row in the order in which a row's episodes ended.
        lengths: (E,) steps of each episode.
        steps: every step that the environment took meanwhile, those of unfinished and surplus episodes included.
    """

    mean: float
    low: float
    high: float
    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    steps: int


def evaluate(
    agent: Agent,
    envs: VectorEnv[Any, Any, Any],
    episodes: int = 100,
    seed: int = 0,
    rng: np.random.Generator | None = None,
) -> Evaluation:
    """Let ``agent`` play ``episodes`` episodes in ``envs``, from a reset with ``seed``.

    Every row has a fixed quota of episodes, counted from its first one: taking whichever episodes end first would
    favour the short ones. Rows beyond the number of episodes are not counted. Greedy without ``rng``; a random agent
    then draws from ``seed``, so that judging it twice gives the same figures.

    Raises:
        ValueError: fewer than one episode, other spaces than the agent's, or a reward or action that is not finite.
    """
    if episodes < 1:
        raise ValueError(f"an evaluation needs at least one episode, not {episodes}: give episodes >= 1")
    require_spaces(agent, envs)
    if rng is None and isinstance(agent, RandomAgent):
        rng = np.random.default_rng(seed)
    quota = np.full(envs.num_envs, episodes // envs.num_envs)
    quota[: episodes % envs.num_envs] += 1
    played: list[list[tuple[float, int]]] = [[] for _ in range(envs.num_envs)]
    steps = _play(agent, envs, quota, seed, rng, played)
    pairs = [pair for row in played for pair in row]
    returns = np.array([pair[0] for pair in pairs])
    return summary(returns, np.array([pair[1] for pair in pairs], np.int64), steps)


def _play(
    agent: Agent,
    envs: VectorEnv[Any, Any, Any],
    quota: NDArray[np.int64],
    seed: int,
    rng: np.random.Generator | None,
    played: list[list[tuple[float, int]]],
) -> int:
    """Fill ``played`` with (return, length) of each row's first ``quota`` episodes; return the steps taken."""
    # NEXT_STEP is Gymnasium's own default for vector environments that do not say.
    mode = AutoresetMode(envs.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP))
    obs, _ = envs.reset(seed=seed)
    left = quota.copy()
    returns, lengths = np.zeros(envs.num_envs), np.zeros(envs.num_envs, np.int64)
    resetting = np.zeros(envs.num_envs, np.bool_)  # rows whose next tick is a reset and no step (NEXT_STEP only)
    steps = 0
    while left.any():
        action = agent.act(obs, rng)
        _require_finite("action", action, steps)
        obs, reward, terminated, truncated, _ = envs.step(action)
        _require_finite("reward", reward, steps)
        returns += np.where(resetting, 0.0, reward)
        lengths += ~resetting
        steps += int((~resetting).sum())
        done = np.logical_or(terminated, truncated) & ~resetting
        for row in np.flatnonzero(done & (left > 0)):
            played[row].append((float(returns[row]), int(lengths[row])))
        left[done & (left > 0)] -= 1
        returns[done], lengths[done] = 0.0, 0
        if mode is AutoresetMode.NEXT_STEP:
            resetting = done
        elif mode is AutoresetMode.DISABLED and done.any():
            obs, _ = envs.reset(options={"reset_mask": done})
    return steps


def summary(returns: NDArray[np.float64], lengths: NDArray[np.int64], steps: int) -> Evaluation:
    """The evaluation that E returns ``(E,)`` and their lengths ``(E,)`` amount to."""
    from scipy.special import stdtrit  # here, because it takes longer to import than this whole package

    mean, count = float(returns.mean()), len(returns)
    half = np.inf
    if count > 1:
        half = float(stdtrit(count - 1, 0.975) * returns.std(ddof=1) / np.sqrt(count))
    return Evaluation(mean, mean - half, mean + half, returns, lengths, steps)


def require_spaces(agent: Agent, envs: VectorEnv[Any, Any, Any]) -> None:
    """Refuse, in one sentence, an environment whose spaces are not those that the agent was made for."""
    for what, own, others in (
        ("observation", agent.observation_space, envs.single_observation_space),
        ("action", agent.action_space, envs.single_action_space),
    ):
        if own != others:
            raise ValueError(
                f"this agent was made for the {what} space {own} and the environment has {others}: "
                "use the environment that it was trained for, or train a new agent"
            )


def _require_finite(what: str, values: Any, step: int) -> None:
    if isinstance(values, np.ndarray) and values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(f"a {what} was not finite at step {step} of the evaluation, so there is no return to report")


def load(path: Path | str, device: str = "cpu") -> Agent:
    """Bring an agent back from the folder that ``save`` wrote; nothing in it is executed.

    Raises:
        ValueError: the folder is missing, damaged, not an agent's, or written by a newer version.
    """
    record, weights = read_agent(Path(path))
    if record.get("agent") == RandomAgent.name:
        observation_space = space_from_json(record["observation_space"])
        return RandomAgent(observation_space, space_from_json(record["action_space"]), int(record["seed"]))
    if record.get("agent") == "constant":
        from .constant import ConstantAgent

        return ConstantAgent.restore(record)
    if record.get("agent") == "cem":
        raise ValueError(
            f"the agent in {path} is a planner and acts by a model, which this package cannot read: "
            "load it with sandbox.planning.load_agent"
        )
    from .sb3 import Sb3Agent  # torch takes seconds to import, and a random agent needs none

    return Sb3Agent.restore(record, weights, Path(path), device)
