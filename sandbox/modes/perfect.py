"""Learn in a flawless model: the simulator itself in the model's place, its steps as free as those of a dream.

What no fitted model can be better than. Where an agent fails here, models are not to blame for failing too.
"""

from typing import Any

from gymnasium.vector import VectorEnv

from sandbox.branched import Branched
from sandbox.dream import DreamVectorEnv
from sandbox.modes.stages import Dreams, taught, worth
from sandbox.modes.task import EVALUATION_SEED, Learned, Task
from sandbox.uncounted import Uncounted
from sandbox_agents import Agent

BEGINNINGS = 1024  # that dreams of a world of ours begin from
JUDGED = 128  # flawless episodes that choose among the rounds' agents


def learn(task: Task) -> Learned:
    """As many rounds of learning as the mode dream has, and no real step; the best round's agent is kept."""
    agent = task.learner()
    learned = Learned(agent)
    rounds: list[tuple[float, int, Agent]] = []
    for number in range(1, task.rounds + 1):
        agent, steps = taught(task, agent, number, _flawless(task, number), _flawless(task, -number))
        learned.dream_steps += steps
        # Other episodes than the final ones, and others than those that it learned in.
        rounds.append((worth(agent, _flawless(task, EVALUATION_SEED // 2), JUDGED, task.seed), number, agent.frozen()))
        learned.curve.append(task.point(f"round {number}", agent, rounds[-1][0]))
    best, number, learned.agent = max(rounds, key=lambda each: each[:2])
    learned.extras["return_dream"] = best
    learned.notes.append(f"the agent of round {number} of {len(rounds)} was chosen")
    return learned


def _flawless(task: Task, number: int) -> Dreams:
    """Rows of the simulator: one of ours by way of a dream of it, which proves the dream; any other as it is."""
    seed = (1000 * task.seed + number) % 2**31

    def dreams(rows: int) -> VectorEnv[Any, Any, Any]:
        if not task.world.is_native:
            return Uncounted(task.world, rows, seed)
        truth = Branched(task.world.name, BEGINNINGS, seed, **task.world.arguments)
        return DreamVectorEnv(truth, rows, starts=truth.starts, horizon=task.horizon, spaces=truth.spaces)

    return dreams
