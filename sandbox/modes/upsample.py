"""Learn from one fixed log, and from many times as many transitions that a model of the log draws.

SynthER's question (Lu et al. 2023), asked of every family: does a model that was fitted to a log know more than the
log? The log alone, learned from by as many updates, is the baseline.

SynthER draws whole transitions given nothing. Here dreams begin at states of the log, with their history: so memories
count, which have no say where nothing is given, and all six families answer by the model that they dream with. And they
go on for some steps, at first by actions at random, then by the agent that has learned so far: it is told what would
have followed other actions, and others after these, above all where it would go. Were it told of one step only, it
would believe in the best of what it does not know of the next. For the same reason the dreams are cautious: where they
leave what the log knows, the worst awaits (after MOReL; Kidambi et al. 2020).
"""

import sandbox_agents
from sandbox.models.fitted import FittedModel
from sandbox.modes.replay import ROWS, drawn, studied, studying
from sandbox.modes.stages import dream_return, fitted, lived_by
from sandbox.modes.task import Learned, Task
from sandbox.trajectories import Trajectories, concatenate
from sandbox_agents import Agent, Sb3Agent


def learn(task: Task) -> Learned:
    """Collect the log, unless there is one, fit the cell's model to it if it has one, upsample, and learn offline."""
    actor = sandbox_agents.make("random", *task.world.spaces, task.seed)
    log = task.log or lived_by(task, actor, task.real_steps, "collect the log", keep_back=False)
    model = None if task.model is None else fitted(task, [log], f"fit {task.model} to the log")
    agent, dreamed = _studied(task, model, log, actor)
    learned = Learned(agent, dream_steps=dreamed, model=model, extras={"log": log.fingerprint})
    promised = None if model is None else dream_return(agent, model, ROWS, task.seed)
    learned.curve.append(task.point("the end of the log", agent, promised))
    return learned


def _studied(task: Task, model: FittedModel | None, log: Trajectories, actor: Agent) -> tuple[Sb3Agent, int]:
    """Helping by helping: `actor`, then the agent itself, dreams; the agent learns from all that and from the log.

    Without a model there is the log alone. Returns who learned, and how many steps were dreamed.
    """
    settings, agent = task.dream, studying(task)
    steps, updates = settings.times * len(log), settings.offline_updates
    if model is None:
        return studied(task, agent, {"log": (log, 1.0)}, updates, f"learn {task.agent} offline"), 0
    helpings = min(settings.helpings, steps, updates)
    parts: list[Trajectories] = []
    for number in range(1, helpings + 1):
        name = f"helping {number} of {helpings}"
        wanted, learnt = (_part(each, number, helpings) for each in (steps, updates))
        dreams = drawn(task, model, log, actor, wanted, settings.upsample_length, f"{name}: draw", cautious=True)
        parts.append(dreams)
        sources = {
            "log": (log, settings.log_share),
            "synthetic": (concatenate(parts), 1 - settings.log_share),
        }
        agent = studied(task, agent, sources, learnt, f"{name}: learn {task.agent} offline")
        actor = agent
    return agent, steps


def _part(whole: int, number: int, parts: int) -> int:
    """How much of `whole` falls to part `number`, from 1 on, of so many: all of them together are the whole."""
    return whole * number // parts - whole * (number - 1) // parts
