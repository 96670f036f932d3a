"""Make the gallery of the worlds: films, returns of three policies, and the table of `envs/README.md`.

python envs/gallery.py                        everything; agents that were trained before are taken from runs/gallery
python envs/gallery.py lander --seeds 0       one world, one agent
python envs/gallery.py --table                the table alone, from the figures in docs/results/worlds.json
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from PIL import Image

import sandbox_agents
import sandbox_envs
from sandbox_envs.shows import Policy, Show, heuristic_of

ROOT = Path(__file__).parents[1]
PICTURES, FIGURES, README = "docs/pictures/worlds", "docs/results/worlds.json", "envs/README.md"
BEGIN, END = "<!-- made by `make gallery` -->\n", "<!-- end of what `make gallery` made -->"
EPISODES, JUDGED_FROM = 100, 1_000_000  # of an evaluation, and its seed: far from those that were learned from
WIDTH, FRAMES, PACE = 380, 48, 12  # of a film: pixels, at most so many pictures, and so many a second


@dataclass
class Scripted:
    """A world's own heuristic as an agent."""

    act_on: Policy
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    name: str = "heuristic"

    def act(self, obs: Any, rng: np.random.Generator | None = None) -> NDArray[Any]:
        """Choose actions for a batch of observations."""
        return self.act_on(obs)


def main(arguments: list[str] | None = None) -> int:
    """Make what the command line asks for; returns the exit status, 2 for bad input."""
    options = _parser().parse_args(arguments)
    try:
        worlds = [sandbox_envs.world(name).name for name in options.worlds or sandbox_envs.worlds()]
        if options.steps < 1:
            raise ValueError(f"--steps must be at least 1, got {options.steps}.")
        for name in [] if options.table else worlds:
            film(name, options.root / PICTURES / f"{name}.webp")
            measured = figures(name, options.steps, options.seeds, options.root / "runs" / "gallery")
            _keep(options.root / FIGURES, name, measured)
            print(f"{name}: " + ", ".join(f"{who} {_interval(result)}" for who, result in measured.items()))
        kept = json.loads((options.root / FIGURES).read_text(encoding="utf-8"))
        _put(options.root / README, table(kept))
    except (ValueError, OSError) as error:
        print(f"gallery.py: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gallery.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("worlds", nargs="*", help="their names (default: all)")
    parser.add_argument("--steps", type=int, default=1_000_000, help="what PPO learns from (default: 1,000,000)")
    parser.add_argument(
        "--seeds", type=int, nargs="*", default=[0, 1, 2], help="one agent each (default: 0 1 2); none: no PPO"
    )
    parser.add_argument("--table", action="store_true", help="write the table only")
    parser.add_argument("--root", type=Path, default=ROOT, help="where docs/, envs/ and runs/ stand")
    return parser


def film(world: str, path: Path) -> None:
    """Record a few seconds of a world's heuristic, smaller than life."""
    show = Show(world, seed=0, episodes=1)
    heuristic = heuristic_of(show.envs)
    if heuristic is not None:
        show.policy = heuristic
    stride = max(1, show.envs.simulation.frames_per_second // PACE)
    frames: list[Image.Image] = []
    while not show.ended and len(frames) < FRAMES:
        picture = Image.fromarray(show.picture())
        size = WIDTH, round(WIDTH * picture.height / picture.width)
        frames.append(picture.resize(size, Image.Resampling.LANCZOS))
        for _ in range(stride):
            show.step()
    path.parent.mkdir(parents=True, exist_ok=True)
    duration = round(1000 / PACE)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=duration, loop=0, quality=50, method=6)


def figures(world: str, steps: int, seeds: list[int], folder: Path) -> dict[str, Any]:
    """Mean returns of a random policy, of the heuristic and of PPO, with the 95 % intervals of their means."""
    envs: Any = gymnasium.make_vec(sandbox_envs.world(world).id, num_envs=64)
    kinds = envs.single_observation_space, envs.single_action_space
    agents: dict[str, Any] = {"random": sandbox_agents.RandomAgent(*kinds, seed=0)}
    if heuristic := heuristic_of(envs):
        agents["heuristic"] = Scripted(heuristic, *kinds)
    measured: dict[str, Any] = {who: _judged(agent, envs) for who, agent in agents.items()}
    if not seeds:
        return measured
    learned = [_judged(_trained(envs, steps, seed, folder / f"{world}-{steps}-{seed}"), envs) for seed in seeds]
    measured["ppo"] = {
        "mean": float(np.mean([result["mean"] for result in learned])),
        "low": min(result["low"] for result in learned),
        "high": max(result["high"] for result in learned),
        "seeds": [result["mean"] for result in learned],
        "steps": steps,
    }
    return measured


def _trained(envs: Any, steps: int, seed: int, folder: Path) -> Any:
    """PPO with the project's defaults; an agent that was trained before is taken from its folder."""
    if (folder / "agent.json").exists():
        return sandbox_agents.load(folder)
    agent: Any = sandbox_agents.make("ppo", envs.single_observation_space, envs.single_action_space, seed)
    agent.learn(envs, steps)
    agent.save(folder)
    return agent


def _judged(agent: Any, envs: Any) -> dict[str, float]:
    result = sandbox_agents.evaluate(agent, envs, EPISODES, seed=JUDGED_FROM)
    return {"mean": result.mean, "low": result.low, "high": result.high}


def _keep(path: Path, world: str, measured: dict[str, Any]) -> None:
    """Put a world's figures among those of the others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    ordered = dict(sorted((known | {world: measured}).items()))
    path.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


def table(kept: dict[str, Any]) -> str:
    """The gallery in Markdown: a row a world, in the order of their names."""
    lines = ["| | world | random | heuristic | PPO |", "|---|---|---|---|---|"]
    for name, measured in kept.items():
        known, simulation = sandbox_envs.world(name), sandbox_envs.simulation(name)
        seen, acts = _space(simulation.observation_space), _space(simulation.action_space)
        limit = f", at most {known.max_episode_steps:,} steps" if known.max_episode_steps else ""
        about = f"**`{known.id}`** {known.summary.partition(': ')[2]}<br>sees {seen}; acts by {acts}{limit}"
        results = [_interval(measured.get(who)) for who in ("random", "heuristic", "ppo")]
        picture = f'<img src="../{PICTURES}/{name}.webp" width="{WIDTH // 2}" alt="{known.title}">'
        lines.append(f"| {picture} | {about} | {' | '.join(results)} |")
    steps = sorted({measured["ppo"]["steps"] for measured in kept.values() if "ppo" in measured})
    told = " or ".join(f"{count:,}" for count in steps)
    lines += [
        "",
        f"Mean returns of {EPISODES} episodes (95 % interval of the mean); PPO learned from {told} steps with our",
    ]
    lines += ["defaults, and its interval spans those of all its seeds. `make gallery` made films and figures."]
    return "\n".join(lines) + "\n"


def _space(space: spaces.Space[Any]) -> str:
    match space:
        case spaces.Discrete():
            return f"{space.n} choices"
        case spaces.MultiDiscrete():
            return f"{space.nvec.size:,} categories"
        case spaces.Box() if len(space.shape) == 3:
            return f"{'×'.join(str(length) for length in space.shape)} pixels"
    count = int(np.prod(space.shape or (1,)))
    return "1 number" if count == 1 else f"{count:,} numbers"


def _interval(result: dict[str, Any] | None) -> str:
    if result is None:
        return "–"
    digits = 0 if abs(result["mean"]) >= 20 else 1
    mean, low, high = (f"{result[end]:,.{digits}f}".replace("-", "−") for end in ("mean", "low", "high"))
    return f"{mean} ({low} to {high})"


def _put(path: Path, made: str) -> None:
    """Write the gallery where the file has its place for it."""
    text = path.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{path} has no place for the gallery: put the lines {BEGIN.strip()} and {END} into it.")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    path.write_text(before + BEGIN + "\n" + made + "\n" + END + after, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
