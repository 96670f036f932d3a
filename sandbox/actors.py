"""Who acts, by the name that a command line gives: a scripted pilot, chance, or an agent that was trained."""

from sandbox.collection import Actor
from sandbox.pilots import Pilot
from sandbox.pretrained import load_agent
from sandbox.spaces import brief
from sandbox.worlds import World

HEURISTIC, RANDOM = "heuristic", "random"


class AnotherAgentError(ValueError):
    """An agent that was made for other spaces; the message names both."""


def actor(name: str, world: World, seed: int = 0, device: str = "cpu") -> Actor:
    """The actor called `name`: heuristic, random, a pretrained agent such as `lander/agent`, or an agent's folder.

    Raises:
        NoPilotError: the heuristic of a world that has none.
        AnotherAgentError: an agent of other spaces than the world's.
        ValueError: neither an agent's name nor its folder.
    """
    if name == HEURISTIC:
        return Pilot(world)
    if name == RANDOM:
        import sandbox_agents

        return sandbox_agents.RandomAgent(*world.spaces, seed)
    agent = load_agent(name, device=device)
    for what, own, others in zip(
        ("observations", "actions"), (agent.observation_space, agent.action_space), world.spaces, strict=True
    ):
        if own != others:
            raise AnotherAgentError(
                f"the agent {name} was made for {what} {brief(own)} and {world.name} has {brief(others)}; "
                "take an agent of this world, heuristic or random"
            )
    return agent
