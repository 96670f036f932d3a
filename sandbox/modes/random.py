"""Act at random: the floor under every comparison."""

import sandbox_agents
from sandbox.modes.task import Learned, Task


def learn(task: Task) -> Learned:
    """Learn nothing, and take no real step."""
    return Learned(sandbox_agents.make("random", *task.world.spaces, task.seed))
