"""What the modes that learn from remembered steps share: their learner, its memories, and steps drawn by a model."""

from typing import Any

import numpy as np

from sandbox.collection import collect
from sandbox.dream import DreamVectorEnv
from sandbox.journal import Keeper
from sandbox.models.fitted import FittedModel
from sandbox.modes.task import TRAJECTORIES, Task, learner
from sandbox.trajectories import Trajectories, starts_at
from sandbox_agents import Agent, Memory, Sb3Agent
from sandbox_agents.tuned import studious, tuned

ROWS = 64  # dreams at once
STARTS = 4096  # real states, drawn anew, that dreams begin from


def replaying(task: Task) -> Sb3Agent:
    """The cell's off-policy learner for a life that goes on, by the settings tuned for the simulator."""
    return _learner(task, tuned(task.agent, task.world.spaces[1], task.real_steps))


def studying(task: Task) -> Sb3Agent:
    """The cell's off-policy learner for a memory that stays as it is."""
    return _learner(task, studious(task.agent) or tuned(task.agent, task.world.spaces[1], task.real_steps))


def _learner(task: Task, config: dict[str, Any]) -> Sb3Agent:
    return learner(task.agent, task.world, task.seed, config | dict(task.agent_config or {}), task.device)


def drawn(
    task: Task,
    model: FittedModel,
    data: Trajectories,
    actor: Agent,
    steps: int,
    length: int,
    name: str,
    *,
    cautious: bool = False,
) -> Trajectories:
    """`steps` dreamed steps, all from the model, in dreams of at most `length` that begin at real states of `data`."""
    rng = task.rng(name)
    begin = starts_at(data, rng.integers(len(data), size=STARTS), model.history)
    source: dict[str, Any] = {
        "model": model.name,
        "seed": task.seed,
        "world": task.world.name,
        "actor": actor.name,
        "real_steps": len(data),
        "branch_length": length,
    }

    def dream(_: Keeper) -> Trajectories:
        temperature, rows = task.dream.temperature, min(ROWS, steps)
        envs = DreamVectorEnv(model, rows, starts=begin, horizon=length, temperature=temperature, cautious=cautious)
        return collect(envs, actor, steps, rng, horizon=task.horizon, source=source)

    return task.stage(name, "learn", dream, TRAJECTORIES)


def remembered(data: Trajectories) -> Memory:
    """The transitions of `data`, which are all real or all one model's, as a memory of their own."""
    see, do = data.observation_layout, data.action_layout
    return Memory.of(
        data.observation_space,
        data.action_space,
        {
            "obs": see.from_rows(data.obs),
            "action": do.from_rows(data.action),
            "reward": data.reward,
            "next_obs": see.from_rows(data.next_obs),
            "terminated": np.asarray(data.terminated),
        },
    )


def studied(
    task: Task, agent: Sb3Agent, sources: dict[str, tuple[Trajectories, float]], updates: int, name: str
) -> Sb3Agent:
    """Let the agent learn by `updates` updates from each source's transitions by its share."""
    memories = [remembered(data) for data, _ in sources.values()]
    shares = [share for _, share in sources.values()]

    def live(keeper: Keeper) -> Sb3Agent:
        agent.study(memories, shares, updates, keeper=keeper)
        return agent

    # What a file would give back, whether or not there was a break: so a break changes nothing.
    return task.stage(name, "learn", live, task.agents).frozen()
