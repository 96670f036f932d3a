"""Do the same at every step: the best of the constant actions, found by trying them.

A baseline that embarrasses whoever is no better; on a motorway, always braking is hard to beat.
"""

from dataclasses import dataclass, field

from sandbox.modes.stages import lived_by
from sandbox.modes.task import Learned, Task
from sandbox_agents import ConstantAgent, constants

TURNS = 10  # in which the leaders share what trying all of them once has left


@dataclass
class _Tried:
    agent: ConstantAgent
    returns: list[float] = field(default_factory=list)  # of the episodes that were not cut

    @property
    def mean(self) -> float:
        return sum(self.returns) / len(self.returns) if self.returns else float("-inf")


def learn(task: Task) -> Learned:
    """Try every constant action for an episode, then the two best in turn until the budget is spent."""
    tried = [_Tried(ConstantAgent(*task.world.spaces, action)) for action in constants(task.world.spaces[1])]

    def play(each: _Tried, steps: int, name: str) -> None:
        lived = lived_by(task, each.agent, steps, name, keep_back=False)
        each.returns += lived.returns[lived.complete].tolist()

    for number, each in enumerate(tried):
        if task.budget.left > 0:
            play(each, 1, f"try {number}")
    chunk = max(1, task.budget.left // TURNS)
    turn = 0
    while task.budget.left > 0:
        leaders = sorted(tried, key=lambda each: -each.mean)[:2]
        play(leaders[turn % len(leaders)], chunk, f"turn {turn}")
        turn += 1
    best = max(tried, key=lambda each: each.mean)
    return Learned(best.agent, notes=[f"the best of {len(tried)} constant actions was {str(best.agent.action)[:60]}"])
