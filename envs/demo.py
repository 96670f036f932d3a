"""Run any world in a window, or record it: `python envs/demo.py lander --policy heuristic --record lander.webp`."""

import argparse
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from PIL import Image

import sandbox_envs
from sandbox_envs.canvas import WindowError

Policy = Callable[[Any], Any]


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; returns the exit status, 2 for bad input."""
    options = _parser().parse_args(arguments)
    try:
        world = sandbox_envs.world(options.world)
        if options.episodes < 1:
            raise ValueError(f"--episodes must be at least 1, got {options.episodes}.")
        film = _film(options.record) if options.record else None
        env = gymnasium.make(world.id, render_mode="rgb_array" if film else "human")
        policy = _policy(options.policy, world.name, env, options.seed)
        frames = _play(env, policy, options.episodes, options.seed)
        if film:
            _record(frames, film, int(env.metadata["render_fps"]))
    except WindowError:
        print("No window can be opened here: record a film instead, with --record FILE.webp.", file=sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo.py", description=__doc__)
    parser.add_argument("world", help=f"one of {', '.join(sandbox_envs.worlds())}")
    parser.add_argument("--episodes", type=int, default=3)
    parser.add_argument("--policy", choices=["random", "heuristic"], help="default: heuristic where the world has one")
    parser.add_argument("--record", metavar="FILE", help="a .webp, .gif, .png or .mp4 film instead of a window")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def _policy(name: str | None, world: str, env: gymnasium.Env[Any, Any], seed: int) -> Policy:
    """A function from one observation to an action; a world's own pilot is the function `heuristic` of its file."""
    heuristic = getattr(importlib.import_module(f"sandbox_envs.{world}"), "heuristic", None)
    if name == "heuristic" and heuristic is None:
        raise ValueError(f"{world} has no scripted pilot: use --policy random.")
    if heuristic is not None and name != "random":
        return lambda obs: heuristic(np.asarray(obs)[np.newaxis])[0]
    env.action_space.seed(seed)
    return lambda obs: env.action_space.sample()


def _play(env: gymnasium.Env[Any, Any], policy: Policy, episodes: int, seed: int) -> list[Any]:
    """Play, print each return, and collect the frames where they are recorded."""
    frames: list[Any] = []

    def window_closed() -> bool:
        return bool(env.get_wrapper_attr("window_closed"))

    for episode in range(episodes):
        obs, _ = env.reset(seed=seed + episode)
        total, ended, steps = 0.0, False, 0
        while not ended and not window_closed():
            frames.append(env.render())
            obs, reward, terminated, truncated, _ = env.step(policy(obs))
            total, steps, ended = total + float(reward), steps + 1, terminated or truncated
        frames.extend([env.render()] * 15)  # a moment to see how it ended
        if window_closed():
            break
        print(f"episode {episode + 1}: return {total:.1f} in {steps} steps")
    env.close()
    return frames


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


def _record(frames: list[Any], path: Path, frames_per_second: int) -> None:
    """Write the film, whole or not at all."""
    part = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        if path.suffix == ".mp4":
            imageio = importlib.import_module("imageio.v3")
            imageio.imwrite(part, np.stack(frames), fps=frames_per_second, macro_block_size=1)
        else:
            first, *rest = (Image.fromarray(frame) for frame in frames)
            duration = round(1000 / frames_per_second)
            first.save(part, save_all=True, append_images=rest, duration=duration, loop=0)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    print(f"{len(frames)} frames in {path}")


if __name__ == "__main__":
    sys.exit(main())
