"""Learn in the simulator with more steps than the others have: what could be reached at all, and after how many."""

from sandbox.modes.simulator import learn

__all__ = ["learn"]
