"""Learn in the simulator itself: what every dream has to be compared with."""

from pathlib import Path

import sandbox_agents
from sandbox import files
from sandbox.journal import Form, Keeper
from sandbox.modes.task import Learned, Point, Task, learner
from sandbox_agents import Sb3Agent
from sandbox_agents.tuned import tuned

POINTS = 10  # of the learning curve
Life = tuple[Sb3Agent, list[Point]]


def learn(task: Task) -> Learned:
    """Learn by the settings tuned for as many steps; agents put by on the way draw the curve afterwards."""
    name = f"learn {task.agent} in the simulator"
    agent, spent = task.stage(name, "learn", lambda keeper: _live(task, keeper), _form(task))
    learned = Learned(agent)
    for number, point in enumerate(spent):
        then = sandbox_agents.load(_put_by(task, number), task.device)
        real = task.judge_for_curve(then, f"point {number}")
        learned.curve.append(point | {"return_real": real, "return_dream": None})
    return learned


def _live(task: Task, keeper: Keeper) -> Life:
    """Spend the whole budget in one life; returns the agent, and what was spent when each of the others was put by."""
    config = tuned(task.agent, task.world.spaces[1], task.real_steps) | dict(task.agent_config or {})
    agent = learner(task.agent, task.world, task.seed, config, task.device)
    keeper.notes["spent"] = []

    def put_by(_: int) -> None:
        spent = keeper.notes["spent"]
        last = spent[-1]["real_steps"] if spent else 0
        every = task.real_steps / POINTS
        if task.budget.spent // every > last // every:
            agent.save(_put_by(task, len(spent)))
            spent.append(
                {
                    "real_steps": task.budget.spent,
                    "wall_seconds": round(keeper.cost.wall, 3),
                    "simulator_seconds": round(task.envs.seconds, 3),
                }
            )

    agent.learn(task.envs, task.real_steps, seed=task.seed, callback=put_by, keeper=keeper)
    return agent, keeper.notes["spent"]


def _put_by(task: Task, number: int) -> Path:
    return task.journal.folder / f"agent {number}"


def _form(task: Task) -> Form[Life]:
    agents = task.agents

    def save(life: Life, path: Path) -> None:
        agents.save(life[0], path / "agent")
        files.write_json(path / "spent.json", life[1])

    return Form(save, lambda path: (agents.load(path / "agent"), files.read_json(path / "spent.json")))
