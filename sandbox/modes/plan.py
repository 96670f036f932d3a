"""Learn no policy: plan in the model at every step (PETS; Chua et al. 2018)."""

import sandbox_agents
from sandbox.models.fitted import FittedModel
from sandbox.modes.stages import fitted, judge_model, known_in
from sandbox.modes.task import Learned, Task
from sandbox.planning import Imagined
from sandbox.trajectories import concatenate
from sandbox_agents import Agent, Planner, PlannerSettings


def learn(task: Task) -> Learned:
    """Rounds of collect and fit; from the second on, the planner with the last round's model collects.

    Rounds explore what the model only imagines; the last planner, which is judged, is cautious.
    """
    actor: Agent = sandbox_agents.make("random", *task.world.spaces, task.seed)
    learned = Learned(actor)
    parts = task.begun
    before: FittedModel | None = None
    while task.budget.left > 0:
        number = len(learned.curve) + 1
        parts = known_in(task, parts, actor, number, "collect" if number == 1 else "plan")
        data = concatenate(parts)
        before = learned.model
        model = fitted(task, parts, f"round {number}: fit {task.model} to {len(data)} real steps", before)
        actor = planner(task, model, cautious=False)
        learned.agent, learned.model = planner(task, model, cautious=True), model
        learned.curve.append(task.point(f"round {number}", learned.agent))
    if before is not None:  # judged by what came after it was fitted
        judge_model(task, learned, before, parts[-1], concatenate(parts[:-1]))
    settings = task.dream
    learned.notes.append(
        f"every step was planned: {settings.plan_iterations} × {settings.plans} plans of {settings.plan_steps} steps"
    )
    return learned


def planner(task: Task, model: FittedModel, *, cautious: bool) -> Planner:
    """The planner of this task's settings, that foresees by `model`."""
    settings = PlannerSettings(
        steps=task.dream.plan_steps, plans=task.dream.plans, iterations=task.dream.plan_iterations, seed=task.seed
    )
    return Planner(*task.world.spaces, Imagined(model, cautious), settings)
