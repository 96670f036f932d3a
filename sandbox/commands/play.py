"""`sandbox play`: one joystick, many worlds."""

import re
from pathlib import Path
from typing import Annotated, Any

import tyro

from sandbox.commands.arguments import Name, Pairs, one_thread, pairs

Dreams = Annotated[tuple[str, ...], tyro.conf.UseAppendAction]


def play(
    env: Name,
    /,
    dream: Dreams = (),
    agent: str | None = None,
    record: Path | None = None,
    steps: int = 300,
    seed: int = 0,
    temperature: float = 1.0,
    size: str | None = None,
    gamepad: bool = False,
    env_arg: Pairs = (),
    horizon: int | None = None,
) -> int:
    """Play a world and its dreams side by side, at once, by the same keys; or record them without a window.

    Without --dream the pretrained dreams of the world are played; `sandbox list` shows them. In the window, h shows the
    keys, and tab hands over to the agent.

    Args:
        env: the world.
        dream: the folder of a fitted model or the name of a pretrained one, such as lander/vae; repeatable.
        agent: heuristic, random, the folder of an agent or the name of a pretrained one, such as lander/agent.
        record: a .webp or .mp4 file to write instead of opening a window.
        steps: how many steps to record.
        seed: decides the episodes, the dreams and what is left to chance.
        temperature: the dreams'; above 1 they are less certain than what was learned.
        size: of the picture in pixels, such as 1280x720.
        gamepad: play by the gamepad that is plugged in, beside the keyboard.
        env_arg: key=value for the environment, repeatable.
        horizon: time limit in steps, for environments that have none.
    """
    from sandbox import console, files
    from sandbox.worlds import require_supported, world

    chosen = world(env, pairs(env_arg), horizon)
    require_supported(chosen)
    if record is not None:
        from sandbox.play.film import film

        film(record, 30)  # refuse it before anything is loaded
        files.require_writable(record)
    one_thread()
    from sandbox.play.players import player
    from sandbox.play.session import Session

    session = Session(chosen, _models(chosen, dream), seed, temperature)
    if not session.models:
        console.note(f"there are no pretrained dreams of {env}, so the simulator plays alone; --dream FOLDER adds one")
    try:
        if record is not None:
            _record(session, player(agent, chosen, session.see, seed), record, steps, size)
        else:
            _watch(session, _players(agent, chosen, session, seed), agent is not None, size, gamepad)
    finally:
        session.close()
    return 0


def _models(chosen: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """The dreams by the names under which they are shown."""
    from sandbox import pretrained

    wanted = names or tuple(pretrained.dreams(chosen.name) if not chosen.arguments else ())
    found: dict[str, Any] = {}
    for name in wanted:
        model = pretrained.load(name)
        short = Path(name).name
        shown = short if short not in found else name
        found[shown if shown not in found else f"{shown} ({len(found) + 1})"] = model
    return found


def _players(agent: str | None, chosen: Any, session: Any, seed: int) -> list[Any]:
    """Who may act by hand-over: the one that was named, or the pilot, and the pretrained agent, each once."""
    from sandbox.play.players import player, understudy

    first = player(agent, chosen, session.see, seed)
    second = understudy(chosen, session.see, seed) if agent is None and not chosen.arguments else None
    return [first] if second is None else [first, second]


def _record(session: Any, who: Any, path: Path, steps: int, size: str | None) -> None:
    from sandbox import console
    from sandbox.play.record import SIZE, record

    with console.progress("record") as advance:
        shown = record(session, who, path, steps, _pixels(size) or SIZE, advance)
    console.show(f"{shown} pictures in {path} ({path.stat().st_size / 1e6:.1f} MB)")


def _watch(session: Any, players: list[Any], is_handed_over: bool, size: str | None, gamepad: bool) -> None:
    from sandbox import console
    from sandbox.play.gamepad import Gamepad
    from sandbox.play.mosaic import SIZE
    from sandbox.play.window import Theatre

    theatre = Theatre(session, players, size=_pixels(size) or SIZE)
    try:
        theatre.gamepad = Gamepad() if gamepad else None
        if is_handed_over:
            theatre.hand_over()
        theatre.run()
    finally:
        theatre.close()
    console.notes(theatre.notes[1:])


def _pixels(size: str | None) -> tuple[int, int] | None:
    if size is None:
        return None
    match = re.fullmatch(r"(\d{3,4})x(\d{3,4})", size)
    if match is None:
        raise ValueError(f"--size takes width x height in pixels, such as 1280x720, not {size}")
    return int(match[1]), int(match[2])
