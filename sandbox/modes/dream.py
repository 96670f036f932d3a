"""Learn in dreams: rounds of collect, fit and learn.

After World Models (Ha and Schmidhuber 2018), and Dyna before it (Sutton 1991).
"""

import sandbox_agents
from sandbox.candidates import Candidate, Greedy, choose, estimates
from sandbox.curiosity import Novelty, tells_nothing
from sandbox.dream import DreamVectorEnv
from sandbox.models.fitted import FittedModel
from sandbox.modes.ends import Ends
from sandbox.modes.stages import dream_return, fitted, judge_model, lived_by, taught
from sandbox.modes.task import Learned, Task
from sandbox.trajectories import Trajectories, concatenate, starts
from sandbox_agents import Agent, Sb3Agent


def learn(task: Task) -> Learned:
    """Rounds of collect, fit and learn in the dream; the last tenth of the budget chooses among the rounds' agents.

    With a log to begin with, the first dream is of that alone, and there is no random play.
    """
    actor: Agent = sandbox_agents.make("random", *task.world.spaces, task.seed)
    agent = task.learner()
    learned = Learned(agent)
    parts = task.begun
    candidates: list[Candidate] = []
    learning = task.budget.left_to_learn
    curious: list[int] = []
    while task.budget.left_to_learn > 0:
        number = len(candidates) + 1
        if candidates or not parts:
            parts.append(lived_by(task, actor, task.wanted(number, learning), f"round {number}: collect"))
        if candidates:
            candidates[-1].exploring.append(parts[-1])
        data = concatenate(parts)
        name = f"round {number}: fit {task.model} to {len(data)} real steps"
        model = learned.model = fitted(task, parts, name, learned.model)
        novelty = None
        if task.dream.looks(number, task.rounds) and tells_nothing(data):
            novelty = Novelty(model, data, task.rng(f"novelty {number}"))
            curious.append(number)
        agent, steps = _taught(task, model, agent, data, parts[-1], number, novelty)
        learned.dream_steps += steps
        candidates.append(Candidate(number, agent.frozen()))
        learned.curve.append(
            task.point(f"round {number}", agent, dream_return(agent, model, task.dream.rows, task.seed))
        )
        actor = agent

    def play(candidate: Agent, turn: int) -> Trajectories:
        return lived_by(task, Greedy(candidate), 1, f"choice {turn}", keep_back=False)

    chosen = choose(candidates, model, task.budget, play, task.rng("choice"))
    learned.agent = chosen.agent
    held_out = [lived for candidate in candidates for lived in candidate.greedy]
    if held_out:
        judge_model(task, learned, model, concatenate(held_out), data)
    if curious:
        learned.notes.append(
            "the dreams paid for what is new, since nothing that was known told what is worth seeking, in round"
            f"{'s' if len(curious) > 1 else ''} {', '.join(map(str, curious))}"
        )
    worth = ", ".join(f"{each.mean:.4g}" for each in estimates(candidates))
    learned.notes.append(
        f"the agent of round {chosen.round} of {len(candidates)} was chosen: by round they were worth about {worth}"
    )
    return learned


def _taught(
    task: Task,
    model: FittedModel,
    agent: Sb3Agent,
    data: Trajectories,
    latest: Trajectories,
    number: int,
    novelty: Novelty | None = None,
) -> tuple[Sb3Agent, int]:
    """Let the agent go on learning in the dream of `model`, which, once data are many, is a cautious one.

    `data` is everything that was seen, `latest` the last part of it. With `novelty` the dream pays for that alone, and
    lets an agent go wherever it leads.
    """
    settings = task.dream
    begin = starts(data, settings.starts, model.history, task.rng(f"starts {number}"), settings.beginnings)
    cautious = novelty is None and settings.is_cautious(number, task.rounds, len(data))
    ends = Ends.of(data, latest, model.usual_reward)
    fear = settings.fear_in(number, task.rounds, ends)
    seeking = settings.is_seeking(number, task.rounds, len(data), ends)

    def dreams(rows: int) -> DreamVectorEnv:
        return DreamVectorEnv(
            model,
            rows,
            starts=begin,
            temperature=settings.temperature,
            cautious=cautious,
            fear=fear,
            novelty=novelty,
            disagreement_penalty=settings.disagreement_penalty,
            disagreement_limit=settings.disagreement_limit,
        )

    def judge(rows: int) -> DreamVectorEnv:
        # Always cautious: a newcomer that found a fortune beyond the data would be believed.
        return DreamVectorEnv(model, rows, starts=model.starts, cautious=True, fear=fear if seeking else 1.0)

    return taught(task, agent, number, dreams, judge, anew=seeking)
