"""The stages that several modes share: live in the simulator, fit a model, learn in a dream."""

from collections.abc import Callable, Sequence
from typing import Any

from gymnasium.vector import VectorEnv

import sandbox_agents
from sandbox.candidates import Greedy
from sandbox.collection import collect
from sandbox.dream import DreamVectorEnv
from sandbox.drift import drift
from sandbox.journal import FACTS, Keeper
from sandbox.metrics import fidelity
from sandbox.models.codec import worst_return
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.modes.task import TRAJECTORIES, Learned, Task
from sandbox.trajectories import Trajectories, concatenate
from sandbox_agents import Agent, Sb3Agent

Dreams = Callable[[int], VectorEnv[Any, Any, Any]]  # as many rows as are asked for


def lived_by(
    task: Task, actor: Agent | Greedy, steps: int, name: str, *, keep_back: bool = True, kind: str = "collect"
) -> Trajectories:
    """At least `steps` real steps, and the rest of the last episode where the budget holds it.

    With `keep_back`, the last tenth of the budget is left alone.
    """

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

    return task.stage(name, kind, live, TRAJECTORIES)


def known_in(
    task: Task, parts: list[Trajectories], actor: Agent, number: int, how: str = "collect"
) -> list[Trajectories]:
    """What is known in round `number`: the `parts`, and what `actor` lives now.

    The rounds share the budget evenly, all of it; where there is a log to begin with, nobody lives in the first one.
    """
    if number == 1 and parts:
        return parts
    wanted = task.wanted(number, task.own_steps)
    return [*parts, lived_by(task, actor, wanted, f"round {number}: {how}", keep_back=False, kind=how)]


def fitted(
    task: Task,
    parts: Sequence[Trajectories],
    name: str,
    predecessor: FittedModel | None = None,
    plain: str | None = None,
) -> FittedModel:
    """A new model of all that was seen so far, in one part or more, the latest last.

    It goes on from the last round's, its `predecessor`. It is the task's model as its settings make it, or one of the
    family `plain` as that comes. Of the unknown it
    expects the worst of the first and of the last part: what random play may meet, and what the latest agent may. What
    an earlier agent met by a folly of its own, such as ten times as bad a return in Supply, is no measure any more:
    agents that fear it dare nothing.
    """
    chosen = plain or task.model
    assert chosen is not None
    data, number = concatenate(parts), len(parts)
    settings = FitSettings(effort=task.dream.effort_for(data), ensemble=1 if plain else task.dream.ensemble)

    def make(keeper: Keeper) -> FittedModel:
        model = fit(
            data,
            chosen,
            seed=task.seed * 1000 + number,
            settings=settings,
            parts={} if plain else task.dream.parts,
            device=task.device,
            predecessor=predecessor,
            log=task.folder / "fit.jsonl",
            keeper=keeper,
        )
        model.network.codec.expect(min(worst_return(parts[0]), worst_return(parts[-1])))
        return model

    return task.stage(name, "fit", make, task.models)


def taught(
    task: Task, agent: Sb3Agent, number: int, dreams: Dreams, judge: Dreams, *, anew: bool = False
) -> tuple[Sb3Agent, int]:
    """Let the agent go on learning in `dreams` in round `number`; returns who goes on, and the steps that were dreamed.

    In the last rounds, and where `anew`, a newcomer learns beside it, and the better of the two by `judge` goes on: an
    agent that settled on a habit in an early, wrong dream may never leave it.
    """
    steps, rows = task.dream.size(task.own_steps)
    contenders = {"": agent}
    if anew or number > task.rounds - task.dream.newcomers:
        contenders[" anew"] = task.learner(number)
    for name, contender in contenders.items():

        def live(keeper: Keeper, contender: Sb3Agent = contender) -> Sb3Agent:
            learning = contender.frozen()  # where a life cannot be replayed, the next one begins with the same agent
            learning.learn(dreams(rows), steps, keeper=keeper)
            return learning

        stage = f"round {number}: learn {task.agent} in the dream{name}"
        # What a file would give back, whether or not there was a break: so a break changes nothing.
        contenders[name] = task.stage(stage, "learn", live, task.agents).frozen()
    ranked = sorted(contenders.values(), key=lambda each: -worth(each, judge, 2 * task.dream.rows, task.seed))
    return ranked[0], len(contenders) * steps


def worth(agent: Agent, dreams: Dreams, episodes: int, seed: int) -> float:
    """The agent's mean return over as many episodes, one a row, in `dreams`."""
    return sandbox_agents.evaluate(agent, dreams(episodes), episodes, seed=seed).mean


def dream_return(agent: Agent, model: FittedModel, episodes: int, seed: int) -> float:
    """The agent's mean return in the dream of `model`."""
    return sandbox_agents.evaluate(agent, DreamVectorEnv(model, min(episodes, 64)), episodes, seed=seed).mean


def judge_model(task: Task, learned: Learned, model: FittedModel, held_out: Trajectories, data: Trajectories) -> None:
    """Put down how true `model`, which was fitted to `data`, is on `held_out`, which it has not seen."""
    learned.fidelity = fidelity(model, held_out, data, task.rng("fidelity"))

    def look_ahead(_: Keeper) -> dict[str, Any]:
        return drift(model, held_out, data, task.rng("card"))

    # Counted as evaluation: nobody learns from it.
    learned.card = task.stage("judge the forecasts", "evaluate", look_ahead, FACTS)
