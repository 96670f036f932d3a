"""Learn in dreams: rounds of collect, fit and learn.

After World Models (Ha and Schmidhuber 2018), and Dyna before it (Sutton 1991).
"""

import sandbox_agents
from sandbox.candidates import Candidate, Greedy, choose
from sandbox.collection import collect
from sandbox.dream import DreamVectorEnv
from sandbox.journal import Keeper
from sandbox.metrics import fidelity
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.modes.task import TRAJECTORIES, Learned, Task
from sandbox.trajectories import Trajectories, concatenate, starts
from sandbox_agents import Agent, Sb3Agent


def learn(task: Task) -> Learned:
    """Rounds of collect, fit and learn in the dream; the last tenth of the budget chooses among the rounds' agents."""
    actor: Agent = sandbox_agents.make("random", *task.world.spaces, task.seed)
    agent = task.learner()
    learned = Learned(agent)
    parts: list[Trajectories] = []
    candidates: list[Candidate] = []
    learning, rounds = task.budget.left_to_learn, task.dream.rounds_of(task.real_steps)
    while task.budget.left_to_learn > 0:
        number = len(candidates) + 1
        wanted = round(learning * min(number / rounds, 1)) - task.budget.spent
        parts.append(lived_by(task, actor, max(1, wanted), f"round {number}: collect"))
        if candidates:
            candidates[-1].exploring.append(parts[-1])
        data = concatenate(parts)
        model = fitted(task, data, number, f"round {number}: fit {task.model} to {len(data)} real steps")
        agent, steps = _taught(task, model, agent, data, number)
        learned.dream_steps += steps
        candidates.append(Candidate(number, agent.frozen()))
        learned.curve.append(
            task.point(f"round {number}", agent, dream_return(agent, model, task.dream.rows, task.seed))
        )
        actor = agent

    def play(candidate: Agent, turn: int) -> Trajectories:
        return lived_by(task, Greedy(candidate), 1, f"choice {turn}", keep_back=False)

    chosen = choose(candidates, model, task.budget, play, task.rng("choice"))
    learned.agent, learned.model = chosen.agent, model
    held_out = [lived for candidate in candidates for lived in candidate.greedy]
    if held_out:
        learned.fidelity = fidelity(model, concatenate(held_out), data, task.rng("fidelity"))
    learned.notes.append(f"the agent of round {chosen.round} of {len(candidates)} was chosen")
    return learned


def lived_by(task: Task, actor: Agent | Greedy, steps: int, name: str, *, keep_back: bool = True) -> Trajectories:
    """At least `steps` real steps, and the rest of the last episode where the budget holds it."""

    def live(keeper: Keeper) -> Trajectories:
        left = task.budget.left_to_learn if keep_back else task.budget.left
        source = {"world": task.world.name, "arguments": dict(task.world.arguments), "actor": actor.name}
        return collect(
            task.envs,
            actor,
            min(steps, left),
            task.rng(name),
            finish_up_to=left,
            horizon=task.horizon,
            source=source,
            keeper=keeper,
        )

    return task.stage(name, "collect", live, TRAJECTORIES)


def fitted(task: Task, data: Trajectories, number: int, name: str) -> FittedModel:
    """A new model of all that was seen so far; little data need fewer updates, and much data more."""
    assert task.model is not None
    chosen = task.model
    effort = min(1.0, 0.25 + len(data) / 2000) + len(data) / 30_000
    settings = FitSettings(effort=task.dream.effort * effort, ensemble=task.dream.ensemble)

    def make(keeper: Keeper) -> FittedModel:
        return fit(
            data,
            chosen,
            seed=task.seed * 1000 + number,
            settings=settings,
            parts=task.dream.parts,
            device=task.device,
            log=task.folder / "fit.jsonl",
            keeper=keeper,
        )

    return task.stage(name, "fit", make, task.models)


def _taught(task: Task, model: FittedModel, agent: Sb3Agent, data: Trajectories, number: int) -> tuple[Sb3Agent, int]:
    """Let the agent go on learning in the dream of `model`; returns who goes on, and the steps that were dreamed.

    In the last rounds a newcomer learns beside it, and the better of the two in the dream goes on: an agent that
    settled on a habit in an early, wrong dream may never leave it.
    """
    settings, rounds = task.dream, task.dream.rounds_of(task.real_steps)
    begin = starts(data, settings.starts, model.history, task.rng(f"starts {number}"), settings.beginnings)
    cautious = number > rounds - settings.cautious_rounds
    steps, rows = settings.size(task.real_steps)
    contenders = {"": agent}
    if number > rounds - settings.newcomers:
        contenders[" anew"] = task.learner(number)
    for name, contender in contenders.items():

        def live(keeper: Keeper, contender: Sb3Agent = contender) -> Sb3Agent:
            envs = DreamVectorEnv(
                model,
                rows,
                starts=begin,
                temperature=settings.temperature,
                cautious=cautious,
                fearless=number <= round(settings.fearless * rounds),
                disagreement_penalty=settings.disagreement_penalty,
                disagreement_limit=settings.disagreement_limit,
            )
            contender.learn(envs, steps, keeper=keeper)
            return contender

        stage = f"round {number}: learn {task.agent} in the dream{name}"
        # What a file would give back, whether or not there was a break: so a break changes nothing.
        contenders[name] = task.stage(stage, "learn", live, task.agents).frozen()
    judge = DreamVectorEnv(model, 2 * settings.rows, starts=model.starts, cautious=cautious)
    ranked = sorted(
        contenders.values(),
        key=lambda each: -sandbox_agents.evaluate(each, judge, judge.num_envs, seed=task.seed).mean,
    )
    return ranked[0], len(contenders) * steps


def dream_return(agent: Agent, model: FittedModel, episodes: int, seed: int) -> float:
    """The agent's mean return in the dream of `model`."""
    envs = DreamVectorEnv(model, min(episodes, 64))
    return sandbox_agents.evaluate(agent, envs, episodes, seed=seed).mean
