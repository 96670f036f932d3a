"""Learn from one fixed log, and from many times as many transitions that a model of the log draws.

SynthER's question (Lu et al. 2023), asked of every family: does a model that was fitted to a log know more than the
log? The log alone, learned from by as many updates, is the baseline.

SynthER draws whole transitions given nothing. Here dreams begin at states of the log, with their history, and go on by
actions at random: so memories count, which have no say where nothing is given, all six families answer by the model
that they dream with, and an agent is told what would have followed other actions, and others after these. Were it only
told of one step, it would believe in the best of what it does not know of the next one. For the same reason the dreams
are cautious: where they leave what the log knows, the worst awaits (after MOReL; Kidambi et al. 2020).
"""

import sandbox_agents
from sandbox.models.fitted import FittedModel
from sandbox.modes.replay import ROWS, drawn, studied, studying
from sandbox.modes.stages import dream_return, fitted, lived_by
from sandbox.modes.task import Learned, Task


def learn(task: Task) -> Learned:
    """Collect the log, unless there is one, fit the cell's model to it if it has one, upsample, and learn offline."""
    actor = sandbox_agents.make("random", *task.world.spaces, task.seed)
    log = task.log or lived_by(task, actor, task.real_steps, "collect the log", keep_back=False)
    sources = {"log": (log, 1.0)}
    model: FittedModel | None = None
    dreamed = 0
    if task.model is not None:
        model = fitted(task, [log], f"fit {task.model} to the log")
        name = f"draw {task.dream.times} times the log"
        steps, length = task.dream.times * len(log), task.dream.upsample_length
        synthetic = drawn(task, model, log, actor, steps, length, name, cautious=True)
        sources = {"log": (log, task.dream.log_share), "synthetic": (synthetic, 1 - task.dream.log_share)}
        dreamed = len(synthetic)
    updates = task.dream.offline_updates
    agent = studied(task, studying(task), sources, updates, f"learn {task.agent} offline, {updates} updates")
    learned = Learned(agent, dream_steps=dreamed, model=model, extras={"log": log.fingerprint})
    promised = None if model is None else dream_return(agent, model, ROWS, task.seed)
    learned.curve.append(task.point("the end of the log", agent, promised))
    return learned
