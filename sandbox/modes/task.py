"""What every mode works with: its task, the stages of its work, and what it has learned in the end."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

import sandbox_agents
from sandbox.budget import Budget
from sandbox.counted import Counted
from sandbox.journal import FACTS, Form, Journal, Keeper
from sandbox.models.fitted import FittedModel
from sandbox.modes.settings import DreamSettings
from sandbox.trajectories import Trajectories
from sandbox.worlds import World
from sandbox_agents import Agent, Evaluation, Sb3Agent
from sandbox_agents.tuned import farsighted

T = TypeVar("T")
Point = dict[str, float | None]

WORK = ("collect", "fit", "learn", "plan")  # what a cell's wall-clock counts; evaluation is counted apart
# Far from every seed that learns: the same fresh episodes judge every agent of a contrast, and others draw its curve.
EVALUATION_SEED, _CURVE_SEED = 1_000_000_007, 1_100_000_009
# Every seed's curves have episodes of their own: where a few begin badly, not all curves look worse than their agents.
_CURVE_STRIDE, _CURVE_SETS = 100_000, 1000
EVALUATION_ROWS = 10

TRAJECTORIES: Form[Trajectories] = Form(Trajectories.save, Trajectories.load)


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
    log: Trajectories | None = None  # experience to begin with; its steps count among the real ones
    curve_episodes: int = 20  # fresh ones behind every point of the learning curve
    device: str = "cpu"
    folder: Path = Path()  # the cell's own
    report: Callable[[str], None] = lambda stage: None  # told what is under way

    @property
    def rounds(self) -> int:
        """Of collect, fit, and learn or plan."""
        return self.dream.rounds_of(self.own_steps)

    @property
    def begun(self) -> list[Trajectories]:
        """What is known before the first round: the log, if there is one."""
        return [] if self.log is None else [self.log]

    @property
    def own_steps(self) -> int:
        """The real steps that are not those of the log."""
        return self.real_steps - (0 if self.log is None else len(self.log))

    def wanted(self, number: int, total: int) -> int:
        """Real steps to take in round `number`, at least one, where all rounds share `total` evenly."""
        taken = self.budget.spent - self.budget.given
        return max(1, round(total * min(number / self.rounds, 1)) - taken)

    @cached_property
    def budget(self) -> Budget:
        """The real steps that this cell may take."""
        return Budget(self.real_steps, self.real_steps - self.own_steps)

    @cached_property
    def envs(self) -> Counted:
        """The simulator: one row, counted."""
        return Counted(self.world, self.budget, self.seed)

    @cached_property
    def journal(self) -> Journal:
        """What this cell has done so far."""
        return Journal(self.folder / "stages")

    @property
    def agents(self) -> Form[Sb3Agent]:
        """How an agent lies on disk."""
        return Form(Sb3Agent.save, lambda path: _learner(sandbox_agents.load(path, self.device)))

    @property
    def models(self) -> Form[FittedModel]:
        """How a model lies on disk."""
        return Form(partial(FittedModel.save, whole=True), lambda path: FittedModel.load(path, self.device))

    def stage(self, name: str, kind: str, make: Callable[[Keeper], T], form: Form[T]) -> T:
        """One stage of the work: done, or read where an earlier process did it. See `Journal.stage`."""
        self.report(name)
        return self.journal.stage(name, kind, make, form, self.envs.account, self.envs.settle)

    def rng(self, purpose: str) -> np.random.Generator:
        """The random numbers for one purpose: no other purpose shifts them."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])

    def learner(self, number: int = 0) -> Sb3Agent:
        """A new agent that can learn in dreams of this world; `number` tells a cell's agents apart.

        Raises:
            ValueError: an agent that does not exist, does not learn, or cannot act there.
        """
        config = farsighted(self.agent, self.own_steps) | dict(self.agent_config or {})
        return learner(self.agent, self.world, self.seed + 1000 * number, config, self.device)

    def judge(self, agent: Agent, episodes: int, seed: int, name: str = "the end") -> Evaluation:
        """How `agent` does in fresh episodes of the simulator, which cost nothing of the budget.

        Every episode has a seed of its own, so all agents are judged by the same ones however long they last.
        """
        parts = []
        for first in range(0, episodes, EVALUATION_ROWS):

            def play(_: Keeper, first: int = first) -> dict[str, Any]:
                return self._play(agent, first, episodes, seed)

            parts.append(self.stage(f"{name}: evaluate from episode {first}", "evaluate", play, FACTS))
        returns, lengths = (np.concatenate([part[key] for part in parts]) for key in ("returns", "lengths"))
        return sandbox_agents.summary(returns, lengths, sum(part["steps"] for part in parts))

    def _play(self, agent: Agent, first: int, episodes: int, seed: int) -> dict[str, Any]:
        rows = min(EVALUATION_ROWS, episodes - first)
        envs = self.world.make_vec(rows)
        # Greedy, but for the random agent, which plays each seed anew.
        rng = np.random.default_rng([self.seed, first]) if agent.name == "random" else None
        played = sandbox_agents.evaluate(agent, envs, rows, seed=seed + first, rng=rng)
        envs.close()
        return {"returns": played.returns.tolist(), "lengths": played.lengths.tolist(), "steps": played.steps}

    def point(self, name: str, agent: Agent, return_dream: float | None = None) -> Point:
        """Where the learning curve stands: what was spent so far, and how `agent` does in fresh episodes."""
        spent: Point = {
            "real_steps": self.budget.spent,
            "wall_seconds": round(self.journal.cost(*WORK, between=True).wall, 3),
            "simulator_seconds": round(self.envs.seconds, 3),
        }
        return spent | {"return_real": self.judge_for_curve(agent, name), "return_dream": return_dream}

    def judge_for_curve(self, agent: Agent, name: str) -> float:
        """The mean return of `agent` in the fresh episodes that draw the curves of this seed."""
        seed = _CURVE_SEED + _CURVE_STRIDE * (self.seed % _CURVE_SETS)
        return self.judge(agent, self.curve_episodes, seed, name).mean


@dataclass
class Learned:
    """What came out: an agent, and the evidence that was seen on the way."""

    agent: Agent
    dream_steps: int = 0
    curve: list[Point] = field(default_factory=list)
    model: FittedModel | None = None
    fidelity: dict[str, float] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)  # where the model goes wrong; see `drift`
    notes: list[str] = field(default_factory=list)
    extras: dict[str, Any] = field(default_factory=dict)  # what only this mode has to say, for its row


def learner(
    name: str, world: World, seed: int, config: Mapping[str, Any] | None = None, device: str = "cpu"
) -> Sb3Agent:
    """An agent that can learn in `world`.

    Raises:
        ValueError: an agent that does not exist, does not learn, or cannot act there.
    """
    return _learner(sandbox_agents.make(name, *world.spaces, seed, config, device))


def _learner(agent: Agent) -> Sb3Agent:
    if not isinstance(agent, Sb3Agent):
        raise ValueError(f"a {agent.name} agent does not learn; choose ppo, sac or dqn")
    return agent
