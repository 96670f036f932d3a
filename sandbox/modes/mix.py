"""Learn from real and dreamed experience together: an off-policy agent, and short dreams that branch from real states.

MBPO (Janner et al. 2019). Real and synthetic transitions lie in two memories, and every update draws its share of each.
"""

import sandbox_agents
from sandbox.models.fitted import FittedModel
from sandbox.modes.replay import ROWS, drawn, replaying, studied
from sandbox.modes.stages import dream_return, fitted, judge_model, known_in
from sandbox.modes.task import Learned, Task
from sandbox.trajectories import Trajectories, concatenate
from sandbox_agents import Agent, Sb3Agent


def learn(task: Task) -> Learned:
    """Rounds of collect, fit, branch and study; the last round's agent is kept, as in MBPO."""
    actor: Agent = sandbox_agents.make("random", *task.world.spaces, task.seed)
    agent = replaying(task)
    learned = Learned(agent)
    parts = task.begun
    before: FittedModel | None = None
    while task.budget.left > 0:
        number = len(learned.curve) + 1
        parts = known_in(task, parts, actor, number)
        data = concatenate(parts)
        before = learned.model
        model = fitted(task, parts, f"round {number}: fit {task.model} to {len(data)} real steps", before)
        agent, dreamed = _studied(task, model, agent, data, len(parts[-1]), number)
        learned.dream_steps += dreamed
        learned.curve.append(task.point(f"round {number}", agent, dream_return(agent, model, ROWS, task.seed)))
        learned.agent, learned.model, actor = agent, model, agent
    if before is not None:  # judged by what came after it was fitted
        judge_model(task, learned, before, parts[-1], concatenate(parts[:-1]))
    share = task.dream.real_share
    learned.notes.append(f"every update drew {share:.0%} of its transitions from the real memory, the rest dreamed")
    return learned


def _studied(
    task: Task, model: FittedModel, agent: Sb3Agent, data: Trajectories, lived: int, number: int
) -> tuple[Sb3Agent, int]:
    """Branch short dreams from the real states of `data`, and learn from both; returns who learned, and the dreams."""
    settings = task.dream
    branched = f"round {number}: branch dreams of {settings.branch_length} steps"
    steps = settings.branches * settings.branch_length
    synthetic = drawn(task, model, data, agent, steps, settings.branch_length, branched)
    sources = {"real": (data, settings.real_share), "synthetic": (synthetic, 1 - settings.real_share)}
    name = f"round {number}: learn {task.agent} from real and dreamed steps"
    return studied(task, agent, sources, lived * settings.updates_per_step, name), len(synthetic)
