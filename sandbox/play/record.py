"""The headless twin of the window: the same mosaic, written to a file."""

import math
import time
from collections.abc import Callable
from pathlib import Path

from sandbox.play.film import film
from sandbox.play.mosaic import Mosaic, Status
from sandbox.play.players import Player
from sandbox.play.session import Session

SIZE = (960, 540)
# How long the end of an episode is looked at before the next begins, in seconds.
LINGER = 1.0


def pace(session: Session) -> float:
    """Steps a second at which a world is watched: its own, within what films can show."""
    env = session.env
    if env is None:
        import sandbox_envs

        return float(sandbox_envs.simulation(session.world.name).frames_per_second)
    return min(max(float(env.metadata.get("render_fps") or 30), 5.0), 60.0)


def record(
    session: Session,
    player: Player,
    path: Path | str,
    steps: int = 300,
    size: tuple[int, int] = SIZE,
    progress: Callable[[int, int], None] | None = None,
    seconds: float = math.inf,
) -> int:
    """Write a film of `steps` steps, each a picture of `size` pixels; returns how many pictures it shows.

    It is shorter where playing takes more than `seconds`.

    An episode that ended is looked at for a second, then the next begins. What was drawn before an interruption is
    still written.

    Raises:
        ValueError: fewer than one step, or a film or picture that cannot be made.
    """
    if steps < 1:
        raise ValueError(f"--steps {steps} records nothing; take 1 or more")
    mosaic, per_second = Mosaic(session, size), pace(session)
    reel = film(path, per_second, expected=steps + 1)
    status, waited, began = Status(player.name), 0, time.monotonic()
    try:
        mosaic.draw(status)
        reel.add(mosaic.pixels())
        for step in range(steps):
            waited = waited + 1 if session.over else 0
            if waited > LINGER * per_second:
                session.reset()
                waited = 0
            else:
                session.step(player.act(session.real.row))
            mosaic.draw(status)
            reel.add(mosaic.pixels())
            if progress is not None:
                progress(step + 1, steps)
            if time.monotonic() - began > seconds:
                break
    finally:
        shown = reel.finish()
    return shown
