"""Learn in a dream in which nothing changes: a dream that is worth its name has to beat it."""

import sandbox_agents
from sandbox.dream import DreamVectorEnv
from sandbox.models.fitted import FittedModel
from sandbox.modes.stages import Dreams, fitted, known_in, taught, worth
from sandbox.modes.task import Learned, Task
from sandbox.still import Still
from sandbox.trajectories import Starts, concatenate, starts
from sandbox_agents import Agent

# The cheapest model: only its rewards and endings are used, which every family learns by the same part.
MODEL = "mixture"


def learn(task: Task) -> Learned:
    """Rounds of collect, fit and learn as in the mode dream; the last round's agent is kept."""
    actor: Agent = sandbox_agents.make("random", *task.world.spaces, task.seed)
    agent = task.learner()
    learned = Learned(agent)
    parts = task.begun
    model: FittedModel | None = None
    while task.budget.left > 0:
        number = len(learned.curve) + 1
        parts = known_in(task, parts, actor, number)
        data = concatenate(parts)
        model = fitted(task, parts, f"round {number}: fit rewards to {len(data)} real steps", model, plain=MODEL)
        begin = starts(data, task.dream.starts, model.history, task.rng(f"starts {number}"), task.dream.beginnings)
        dreams = _still(model, begin)
        agent, steps = taught(task, agent, number, dreams, dreams)
        learned.dream_steps += steps
        dreamed = worth(agent, dreams, task.dream.rows, task.seed)
        learned.curve.append(task.point(f"round {number}", agent, dreamed))
        actor = agent
    learned.agent = agent
    learned.extras["return_dream"] = learned.curve[-1]["return_dream"]
    return learned


def _still(model: FittedModel, begin: Starts) -> Dreams:
    still, spaces = Still(model), (model.observation, model.action)
    return lambda rows: DreamVectorEnv(still, rows, starts=begin, horizon=model.horizon, spaces=spaces)
