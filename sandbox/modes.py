"""The ways to learn that a contrast compares. Each is one function from a task to what was learned."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import sandbox_agents
from sandbox.budget import Budget, Counted
from sandbox.candidates import Candidate, choose
from sandbox.collection import collect
from sandbox.dream import DreamVectorEnv
from sandbox.metrics import fidelity
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories, concatenate, starts
from sandbox.worlds import World
from sandbox_agents import Agent, Sb3Agent


@dataclass(frozen=True)
class DreamSettings:
    """How an agent learns in dreams. One set for every world and family, so that families compete on dynamics alone."""

    rounds: int = 5  # of collect, fit, learn; early rounds aim the later ones at what matters
    rows: int = 64  # dreams at once, and four times as many where a round has steps enough for them
    dream_steps: int = 100_000  # the agent's steps in each round's dream
    dream_steps_per_real: int = 20  # or as many for each real step of the budget, where that is more
    temperature: float = 1.0
    cautious_rounds: int = 2  # the last ones: the first explore what the model only imagines, these rely on data
    beginnings: float = 0.5  # share of dreams that begin as episodes do; the others begin anywhere in the data
    starts: int = 1024  # real situations that its dreams begin from
    ensemble: int = 1  # members of the model
    disagreement_penalty: float = 0.0  # taken from the reward of learning, times the members' disagreement
    disagreement_limit: float | None = None  # beyond which an episode of learning is cut
    effort: float = 1.0  # share of the gradient steps that a family asks for in a fit
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # of memory and head

    def size(self, real_steps: int) -> tuple[int, int]:
        """The steps of a round's dream and the rows that share them; a harder task needs more of both."""
        steps = max(self.dream_steps, self.dream_steps_per_real * real_steps)
        return steps, self.rows * (4 if steps > 4 * self.dream_steps else 1)


@dataclass(frozen=True)
class Task:
    """What one cell has to do: learn in `world` with `real_steps` real steps, by one way, from one seed."""

    world: World
    horizon: int
    real_steps: int
    seed: int
    agent: str
    agent_config: Mapping[str, Any] | None = None
    model: str | None = None
    dream: DreamSettings = field(default_factory=DreamSettings)
    device: str = "cpu"
    folder: Path = Path()  # the cell's own, for logs and rounds
    report: Callable[[str], None] = lambda stage: None  # told what is under way


@dataclass
class Learned:
    """What came out: an agent, what it cost, and the evidence that was seen on the way."""

    agent: Agent
    real_steps: int
    dream_steps: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"collect": 0.0, "fit": 0.0, "learn": 0.0})
    curve: list[dict[str, float | None]] = field(default_factory=list)
    model: FittedModel | None = None
    fidelity: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def point(self, real_steps: int, return_real: float | None, return_dream: float | None = None) -> None:
        """Add a point to the learning curve, at the wall-clock spent so far."""
        self.curve.append(
            {
                "real_steps": real_steps,
                "wall_seconds": round(sum(self.seconds.values()), 3),
                "return_real": return_real,
                "return_dream": return_dream,
            }
        )


class _Clock:
    """Adds the seconds of a block to one entry of a record."""

    def __init__(self, seconds: dict[str, float], entry: str) -> None:
        self.seconds, self.entry = seconds, entry

    def __enter__(self) -> None:
        self.begun = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds[self.entry] += time.perf_counter() - self.begun


def learner(
    name: str, world: World, seed: int, config: Mapping[str, Any] | None = None, device: str = "cpu"
) -> Sb3Agent:
    """An agent that can learn in `world`.

    Raises:
        ValueError: an agent that does not exist, does not learn, or cannot act there.
    """
    agent = sandbox_agents.make(name, *world.spaces, seed, config, device)
    if not isinstance(agent, Sb3Agent):
        raise ValueError(f"a {name} agent does not learn; choose ppo, sac or dqn")
    return agent


def random(task: Task) -> Learned:
    """Act at random: the floor under every comparison. Takes no real step to learn."""
    return Learned(sandbox_agents.make("random", *task.world.spaces, task.seed), real_steps=0)


def simulator(task: Task) -> Learned:
    """Learn in the simulator itself, by the settings tuned for few steps."""
    from sandbox_agents.tuned import tuned

    config = tuned(task.agent, task.world.spaces[1], task.real_steps) | dict(task.agent_config or {})
    agent = learner(task.agent, task.world, task.seed, config, task.device)
    budget = Budget(task.real_steps)
    envs = Counted(task.world.make_vec(1), budget)
    learned = Learned(agent, real_steps=task.real_steps)
    marks = [round(task.real_steps * share) for share in np.linspace(0.1, 1, 10)]

    def note(_: int) -> None:
        if marks and budget.spent >= marks[0]:
            learned.seconds["learn"] = time.perf_counter() - begun
            learned.point(budget.spent, _recent(envs, budget.spent - task.real_steps // 5))
            marks[:] = [mark for mark in marks if mark > budget.spent]

    task.report(f"learn {task.agent} in the simulator")
    begun = time.perf_counter()
    agent.learn(envs, task.real_steps, seed=task.seed, callback=note)
    learned.seconds["learn"] = time.perf_counter() - begun
    learned.real_steps = budget.spent
    envs.close()
    return learned


def _recent(envs: Counted, since: int) -> float | None:
    """The mean return of the episodes that ended after `since` real steps, if there are any."""
    ended = zip(envs.episodes.ended_at, envs.episodes.returns, strict=True)
    recent = [value for at, value in ended if at > since]
    return float(np.mean(recent)) if recent else None


def dream(task: Task) -> Learned:
    """Rounds of collect, fit and learn in the dream; the last tenth of the budget chooses among the rounds' agents."""
    rng = np.random.default_rng(task.seed)
    budget = Budget(task.real_steps)
    envs = Counted(task.world.make_vec(1), budget)
    actor: Agent = sandbox_agents.make("random", *task.world.spaces, task.seed)
    agent = learner(task.agent, task.world, task.seed, task.agent_config, task.device)
    learned = Learned(agent, real_steps=0)
    parts: list[Trajectories] = []
    candidates: list[Candidate] = []
    learning = budget.left_to_learn
    while budget.left_to_learn > 0:
        number = len(candidates) + 1
        task.report(f"round {number}: collect")
        with _Clock(learned.seconds, "collect"):
            wanted = round(learning * min(number / task.dream.rounds, 1)) - budget.spent
            lived = _collect(task, envs, actor, max(1, wanted), rng)
        parts.append(lived)
        if candidates:
            candidates[-1].exploring.append(lived)
        complete = lived.returns[lived.complete]
        data = concatenate(parts)
        task.report(f"round {number}: fit {task.model} to {len(data)} real steps")
        with _Clock(learned.seconds, "fit"):
            model = _fit(task, data, number)
        task.report(f"round {number}: learn {task.agent} in the dream")
        with _Clock(learned.seconds, "learn"):
            agent, dreamed = _learn_in(task, model, agent, data, number, rng)
            judge = DreamVectorEnv(model, task.dream.rows)
            returned = sandbox_agents.evaluate(agent, judge, task.dream.rows, seed=task.seed).mean
        learned.dream_steps += dreamed
        candidates.append(Candidate(number, agent.frozen()))
        learned.point(budget.spent, float(complete.mean()) if len(complete) else None, returned)
        actor = agent
    task.report("the last rounds' agents play for the choice")
    with _Clock(learned.seconds, "collect"):
        chosen = choose(candidates, model, envs, budget.left, rng)
    learned.agent, learned.model, learned.real_steps = chosen.agent, model, budget.spent
    held_out = [lived for candidate in candidates for lived in candidate.greedy]
    if held_out:
        learned.fidelity = fidelity(model, concatenate(held_out), data, rng)
    learned.notes.append(f"the agent of round {chosen.round} of {len(candidates)} was chosen")
    envs.close()
    return learned


def _collect(task: Task, envs: Counted, actor: Agent, steps: int, rng: np.random.Generator) -> Trajectories:
    """At least `steps` real steps, and the rest of the last episode where the budget holds it."""
    left = envs.budget.left_to_learn
    source = {"world": task.world.name, "arguments": dict(task.world.arguments), "actor": actor.name}
    return collect(envs, actor, min(steps, left), rng, finish_up_to=left, horizon=task.horizon, source=source)


def _fit(task: Task, data: Trajectories, number: int) -> FittedModel:
    """A new model of all that was seen so far; little data need fewer updates, and much data more."""
    assert task.model is not None
    effort = min(1.0, 0.25 + len(data) / 2000) + len(data) / 20_000
    return fit(
        data,
        task.model,
        seed=task.seed * 1000 + number,
        settings=FitSettings(effort=task.dream.effort * effort, ensemble=task.dream.ensemble),
        parts=task.dream.parts,
        device=task.device,
        log=task.folder / "fit.jsonl",
    )


def _learn_in(
    task: Task, model: FittedModel, agent: Sb3Agent, data: Trajectories, number: int, rng: np.random.Generator
) -> tuple[Sb3Agent, int]:
    """Let the agent go on learning in the dream of `model`; returns who goes on, and the steps that were dreamed.

    From the middle round on a newcomer learns beside it, and the better of the two in the dream goes on: an agent that
    settled on a habit in an early, wrong dream may never leave it.
    """
    settings = task.dream
    begin = starts(data, settings.starts, model.history, rng, settings.beginnings)
    cautious = number > settings.rounds - settings.cautious_rounds
    steps, rows = settings.size(task.real_steps)
    contenders = [agent]
    if number > settings.rounds / 2:
        contenders.append(learner(task.agent, task.world, task.seed + 1000 * number, task.agent_config, task.device))
    for contender in contenders:
        envs = DreamVectorEnv(
            model,
            rows,
            starts=begin,
            temperature=settings.temperature,
            cautious=cautious,
            disagreement_penalty=settings.disagreement_penalty,
            disagreement_limit=settings.disagreement_limit,
        )
        contender.learn(envs, steps)
    judge = DreamVectorEnv(model, 2 * settings.rows, starts=model.starts, cautious=cautious)
    scores = [sandbox_agents.evaluate(each, judge, judge.num_envs, seed=task.seed).mean for each in contenders]
    return contenders[int(np.argmax(scores))], len(contenders) * steps


def dream_return(learned: Learned, episodes: int) -> float:
    """The agent's return in its last dream, over as many episodes as its real return; notes how often it clipped."""
    assert learned.model is not None
    envs = DreamVectorEnv(learned.model, min(episodes, 64))
    returned = sandbox_agents.evaluate(learned.agent, envs, episodes, seed=0).mean
    learned.fidelity["clipped"] = envs.clipped / envs.dreamed
    return returned


def record(task: Task, learned: Learned, seed: int) -> list[str]:
    """Animate the agent in the simulator beside the same agent in its dream; returns what could not be drawn."""
    assert learned.model is not None
    from sandbox import pictures

    return pictures.record(task.world, learned.agent, learned.model, task.folder, seed)


MODES: dict[str, Callable[[Task], Learned]] = {"random": random, "simulator": simulator, "dream": dream}
