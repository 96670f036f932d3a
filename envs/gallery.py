"""Make the gallery of the worlds: films, returns of three policies, and the table of `envs/README.md`.

python envs/gallery.py                        everything; agents that were judged before are taken from runs/gallery
python envs/gallery.py lander --seeds 0       one world, one agent
python envs/gallery.py lander --ceiling       the best of tuned PPO, SAC and DQN at 1,000,000 steps besides: its ceiling
python envs/gallery.py --table                the table alone, from the figures in docs/results/worlds.json
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
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
ROWS = 64  # of an evaluation
STEPS = {"cartpole": 200_000, "dodge": 8_000_000, "supply": 3_000_000, "wildfire": 2_000_000}  # where not 1,000,000
CEILING = 1_000_000  # simulator steps of the tuned agents, whose settings depend on the learner alone
TUNED: dict[str, tuple[int, dict[str, Any]]] = {  # rows, and settings over the defaults
    "ppo": (64, {"gamma": 0.995}),
    # Many rows and few updates, an eighth or a sixteenth of one a transition, so that a run takes minutes.
    "sac": (64, {"gradient_steps": 4, "learning_rate": 7e-4, "learning_starts": 10_000, "buffer_size": 1_000_000}),
    "dqn": (
        64,
        {
            "gradient_steps": 8,
            "batch_size": 256,
            "learning_rate": 5e-4,
            "learning_starts": 10_000,
            "buffer_size": 300_000,
            "net_arch": [128, 128],
            "n_steps": 3,
        },
    ),
}


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
    torch.set_num_threads(1)
    try:
        worlds = [sandbox_envs.world(name).name for name in options.worlds or sandbox_envs.worlds()]
        if options.steps is not None and options.steps < 1:
            raise ValueError(f"--steps must be at least 1, got {options.steps}.")
        for name in [] if options.table else worlds:
            _make(name, options)
        kept = json.loads((options.root / FIGURES).read_text(encoding="utf-8"))
        _put(options.root / README, table(kept))
    except (ValueError, OSError) as error:
        print(f"gallery.py: {error}", file=sys.stderr)
        return 2
    return 0


def _make(name: str, options: argparse.Namespace) -> None:
    """A world's film and figures; each figure is kept as soon as it is known."""
    film(name, options.root / PICTURES / f"{name}.webp")
    runs = options.root / "runs" / "gallery"
    steps = options.steps or STEPS.get(name, 1_000_000)
    for who, result in figures(name, steps, options.seeds, runs):
        _keep(options.root / FIGURES, name, {who: result})
        print(f"{name}: {who} {_interval(result)}", flush=True)
    if options.ceiling:
        best = ceiling(name, options.steps or CEILING, options.seeds, runs)
        _keep(options.root / FIGURES, name, {"ceiling": best})
        print(f"{name}: ceiling {_interval(best)} by {best['agent']}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gallery.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("worlds", nargs="*", help="their names (default: all)")
    parser.add_argument("--steps", type=int, help="what agents learn from (default: 1,000,000, or as STEPS says)")
    parser.add_argument(
        "--seeds", type=int, nargs="*", default=[0, 1, 2], help="one agent each (default: 0 1 2); none: no PPO"
    )
    parser.add_argument("--ceiling", action="store_true", help="tuned PPO, SAC and DQN besides")
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


def figures(world: str, steps: int, seeds: list[int], folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Mean returns of a random policy, of the heuristic and of PPO, with the 95 % intervals of their means."""
    envs = _rows_of(world, ROWS)
    kinds = envs.single_observation_space, envs.single_action_space
    yield "random", _judged(sandbox_agents.RandomAgent(*kinds, seed=0), envs)
    if heuristic := heuristic_of(envs):
        yield "heuristic", _judged(Scripted(heuristic, *kinds), envs)
    if seeds:
        # As agents/train.py has them.
        rows, settings = sandbox_agents.rows_for(steps), sandbox_agents.patient("ppo", *kinds, steps)
        yield "ppo", _over([_learned(world, "ppo", rows, steps, seed, settings, folder) for seed in seeds], steps)


def ceiling(world: str, steps: int, seeds: list[int], folder: Path) -> dict[str, Any]:
    """The best mean return over the seeds of those tuned learners that can act in the world.

    One whose first seed stays below every seed of the best so far is not given the others: some take half an hour a
    seed. ``tried`` says what each learner had, and of how many seeds.
    """
    space = sandbox_envs.simulation(world).action_space
    reached: dict[str, dict[str, Any]] = {}
    for agent in [name for name in TUNED if name in sandbox_agents.applicable(space)]:
        rows, settings = TUNED[agent]
        least = max((min(result["seeds"]) for result in reached.values()), default=-np.inf)
        runs = [_learned(world, agent, rows, steps, seeds[0], settings, folder)]
        if runs[0]["mean"] >= least:
            runs += [_learned(world, agent, rows, steps, seed, settings, folder) for seed in seeds[1:]]
        reached[agent] = _over(runs, steps)
        print(f"{world}: tuned {agent} {_interval(reached[agent])}, {len(runs)} of {len(seeds)} seeds", flush=True)
    best = max(reached, key=lambda agent: reached[agent]["mean"])
    tried = {agent: {"mean": result["mean"], "seeds": len(result["seeds"])} for agent, result in reached.items()}
    return {"agent": best, **reached[best], "tried": tried}


def _rows_of(world: str, rows: int) -> Any:
    return gymnasium.make_vec(sandbox_envs.world(world).id, num_envs=rows)


def _over(runs: list[dict[str, Any]], steps: int) -> dict[str, Any]:
    """One figure of several seeds: the mean, and what their intervals span."""
    return {
        "mean": float(np.mean([run["mean"] for run in runs])),
        "low": min(run["low"] for run in runs),
        "high": max(run["high"] for run in runs),
        "seeds": [run["mean"] for run in runs],
        "steps": steps,
        "cpu_seconds": max(run["cpu_seconds"] for run in runs),
    }


def _learned(
    world: str, agent: str, rows: int, steps: int, seed: int, settings: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """Judge an agent of these settings; one that was judged before is not trained again."""
    envs = _rows_of(world, rows)
    learner: Any = sandbox_agents.make(agent, envs.single_observation_space, envs.single_action_space, seed, settings)
    about = hashlib.sha256(f"{rows} {learner.settings}".encode()).hexdigest()[:8]
    run = folder / f"{world}-{agent}-{steps}-{seed}-{about}"
    if (run / "judged.json").exists():
        judged: dict[str, Any] = json.loads((run / "judged.json").read_text(encoding="utf-8"))
        return judged
    begun = time.process_time()
    learner.learn(envs, steps)
    seconds = time.process_time() - begun
    learner.save(run)
    judged = _judged(learner, _rows_of(world, ROWS)) | {"cpu_seconds": round(seconds, 1)}
    (run / "judged.json").write_text(json.dumps(judged) + "\n", encoding="utf-8")
    return judged


def _judged(agent: Any, envs: Any) -> dict[str, float]:
    result = sandbox_agents.evaluate(agent, envs, EPISODES, seed=JUDGED_FROM)
    return {"mean": result.mean, "low": result.low, "high": result.high}


def _keep(path: Path, world: str, measured: dict[str, Any]) -> None:
    """Put a world's figures among those of the others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    ordered = dict(sorted((known | {world: known.get(world, {}) | measured}).items()))
    path.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


def table(kept: dict[str, Any]) -> str:
    """The gallery in Markdown: a row a world, in the order of their names."""
    lines = ["| | world | random | heuristic | PPO | ceiling |", "|---|---|---|---|---|---|"]
    for name, measured in kept.items():
        known, simulation = sandbox_envs.world(name), sandbox_envs.simulation(name)
        seen, acts = _space(simulation.observation_space), _space(simulation.action_space)
        limit = f", at most {known.max_episode_steps:,} steps" if known.max_episode_steps else ""
        about = f"**`{known.id}`** {known.summary.partition(': ')[2]}<br>sees {seen}; acts by {acts}{limit}"
        results = [_interval(measured.get(who)) for who in ("random", "heuristic")]
        results += [_interval(measured.get(who)) + _cost(measured.get(who)) for who in ("ppo", "ceiling")]
        picture = f'<img src="../{PICTURES}/{name}.webp" width="{WIDTH // 2}" alt="{known.title}">'
        lines.append(f"| {picture} | {about} | {' | '.join(results)} |")
    lines += [
        "",
        f"Mean returns of {EPISODES} episodes (95 % interval of the mean); an agent's interval spans those of its",
        "seeds, and its seconds are CPU time of the slowest. PPO learned with our defaults. The ceiling is the best of",
        f"tuned PPO, SAC and DQN at {CEILING:,} simulator steps (`TUNED` in `envs/gallery.py`); one whose first seed",
        "is below all of the best's is not given others. `make gallery` made films and figures, `make ceilings` the",
        "ceilings.",
    ]
    return "\n".join(lines) + "\n"


def _cost(result: dict[str, Any] | None) -> str:
    """What a figure cost: who learned, from how much, how often, and for how long."""
    if result is None:
        return ""
    count = len(result["seeds"])
    who = f"{result['agent'].upper()}, " if "agent" in result else ""
    seconds = f", {result['cpu_seconds']:.0f} s" if "cpu_seconds" in result else ""
    return f"<br>{who}{result['steps'] / 1e6:g} M steps{seconds}, {count} seed{'s' if count > 1 else ''}"


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
