"""Watch any world in a window, or record it: `python envs/demo.py lander --policy heuristic --record lander.webp`.

In the window: space pauses, → takes one step, ↑ and ↓ change the speed, r resets, s saves a screenshot, q quits.
"""

import argparse
import ast
import importlib
import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import sandbox_envs
from sandbox_envs.canvas import WindowError
from sandbox_envs.shows import Policy, Show, heuristic_of, random_policy
from sandbox_envs.viewer import Viewer


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; returns the exit status, 2 for bad input."""
    options = _parser().parse_args(arguments)
    try:
        world = sandbox_envs.world(options.world)
        if options.episodes < 1:
            raise ValueError(f"--episodes must be at least 1, got {options.episodes}.")
        film = _film(options.record) if options.record else None
        keywords = _keywords(options.env_arg)
        show = Show(world.name, _grid(options.grid), options.seed, options.episodes, **keywords)
        show.policy = _policy(options.policy, show, options.seed)
        if film:
            _record(_frames(show), film, show.envs.simulation.frames_per_second)
        else:
            _watch(show, world.name)
    except WindowError:
        print("No window can be opened here: record a film instead, with --record FILE.webp.", file=sys.stderr)
        return 2
    except (ValueError, OSError, ImportError) as error:
        print(error, file=sys.stderr)
        return 2
    _tell(show)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="demo.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("world", help=f"one of {', '.join(sandbox_envs.worlds())}")
    parser.add_argument("--episodes", type=int, default=3, help="how many each row plays (default: 3)")
    policies = "heuristic, random, or the folder of a trained agent (default: heuristic where the world has one)"
    parser.add_argument("--policy", metavar="POLICY", help=policies)
    parser.add_argument("--record", metavar="FILE", help="a .webp, .gif, .png or .mp4 film instead of a window")
    parser.add_argument("--grid", default="1x1", metavar="RxC", help="many rows of one batch side by side, such as 4x4")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--env-arg", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the world")
    return parser


def _keywords(pairs: list[str]) -> dict[str, Any]:
    """Read KEY=VALUE pairs; a value is a Python literal where it looks like one, else a word."""
    keywords: dict[str, Any] = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign:
            raise ValueError(f"--env-arg {pair!r} has no '=': write KEY=VALUE.")
        try:
            keywords[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            keywords[key] = text
    return keywords


def _grid(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d?)x([1-9]\d?)", text)
    if match is None:
        raise ValueError(f"--grid takes rows and columns up to 99, such as 4x4, got {text!r}.")
    return int(match[1]), int(match[2])


def _policy(name: str | None, show: Show, seed: int) -> Policy:
    """A function from the batch's observations to its actions."""
    heuristic = heuristic_of(show.envs)
    if name == "random" or (name is None and heuristic is None):
        return random_policy(show.envs, seed)
    if name in (None, "heuristic"):
        if heuristic is None:
            raise ValueError(f"{type(show.envs.simulation).__name__} has no scripted pilot: use --policy random.")
        return heuristic
    if not Path(name or "").is_dir():
        raise ValueError(f"--policy takes heuristic, random or the folder of a trained agent, got {name!r}.")
    return _agent(str(name), show)


def _agent(folder: str, show: Show) -> Policy:
    """A trained agent; this alone needs the package of the agents."""
    agents = importlib.import_module("sandbox_agents.core")
    agent = agents.load(folder)
    agents.require_spaces(agent, show.envs)
    return lambda obs: np.asarray(agent.act(obs))


def _watch(show: Show, name: str) -> None:
    """Let the user of a window decide how time passes, until all is played or the window is closed."""
    picture = show.picture()
    title = f"{name} · Sandbox"
    viewer = Viewer(title, (picture.shape[1], picture.shape[0]), show.envs.simulation.frames_per_second)
    while not viewer.closed and not show.ended:
        steps = viewer.steps_due()
        for _ in range(steps):
            show.step()
        if restart := viewer.wished("reset"):
            show.reset()
        if steps or restart:
            picture = show.picture()
        if viewer.wished("screenshot"):
            _screenshot(picture, name)
        viewer.present(picture, show.words())
    viewer.close()


def _screenshot(picture: NDArray[np.uint8], name: str) -> None:
    number = 1
    while (path := Path(f"{name}-{number}.png")).exists():
        number += 1
    Image.fromarray(picture).save(path)
    print(f"saved {path}")


def _frames(show: Show) -> list[Image.Image]:
    frames = [Image.fromarray(show.picture())]
    while not show.ended:
        show.step()
        frames.append(Image.fromarray(show.picture()))
    return frames


def _tell(show: Show) -> None:
    """Every return of a single row, and the mean of many."""
    if len(show.returns) > 10:
        print(f"{len(show.returns)} episodes: mean return {np.mean(show.returns):.1f}")
        return
    for episode, (total, steps) in enumerate(zip(show.returns, show.lengths, strict=True)):
        print(f"episode {episode + 1}: return {total:.1f} in {steps} steps")


def _film(name: str) -> Path:
    """Where the film goes; refused before anything is played."""
    path = Path(name)
    if path.suffix not in (".webp", ".gif", ".png", ".mp4"):
        raise ValueError(f"--record takes a .webp, .gif, .png or .mp4 file, got {path}.")
    if path.suffix == ".mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise ValueError("An .mp4 film needs pip install 'sandbox-worlds[video]'; or record a .webp.")
    if not path.parent.is_dir():
        raise ValueError(f"The folder {path.parent} of --record does not exist.")
    return path


def _record(frames: list[Image.Image], path: Path, frames_per_second: int) -> None:
    """Write the film, whole or not at all."""
    part = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        if path.suffix == ".mp4":
            imageio = importlib.import_module("imageio.v3")
            imageio.imwrite(
                part, np.stack([np.asarray(frame) for frame in frames]), fps=frames_per_second, macro_block_size=1
            )
        else:
            duration = round(1000 / frames_per_second)
            frames[0].save(part, save_all=True, append_images=frames[1:], duration=duration, loop=0)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    print(f"{len(frames)} frames in {path}")


if __name__ == "__main__":
    sys.exit(main())
