"""How the gallery is made: a log of each world, six families fitted to it, their score cards, and an agent."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import sandbox_agents
from sandbox import files
from sandbox.collection import Actor, collect
from sandbox.metrics import CardSettings, score_card
from sandbox.models.chunks import split
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import KIND, FittedModel
from sandbox.modes import dream
from sandbox.modes.settings import DreamSettings
from sandbox.modes.task import Task, learner
from sandbox.pilots import Erring, Pilot
from sandbox.pretrained import AGENT, MANIFEST, ROOM, entries, load, load_agent, sha256
from sandbox.trajectories import Trajectories, concatenate
from sandbox.worlds import World, examine, world

FAMILIES = ("autoregressive", "diffusion", "gan", "rnn", "transformer", "vae")
# Far from the seeds that anything was learned from.
JUDGED_FROM, EPISODES = 1_000_000_007, 100
_ROWS = 16
# A card of the gallery is made again by a test, so it costs seconds and not minutes.
CARD = CardSettings(
    transitions=400,
    judged=800,
    branch_states=20,
    branch_futures=48,
    rollout_states=8,
    rollout_futures=32,
    rollout_steps=40,
)
_SMALL_CARD = replace(
    CARD, transitions=60, judged=200, branch_states=4, branch_futures=16, rollout_states=4, rollout_futures=12
)
# The figures that are recorded in the list: section, figure, and how far another machine's may be from it, as a share
# of it and at least.
SCORES = (
    ("one_step", "energy_score", 0.05, 0.0),
    ("one_step", "reward_crps", 0.1, 0.001),
    ("one_step", "ending_brier", 0.25, 0.001),
    ("judge", "auc", 0.1, 0.0),
    ("rollouts", "drift_horizon", 0.2, 2.0),
)


@dataclass(frozen=True)
class Recipe:
    """From what the pretrained of one world are made."""

    steps: int  # of each of three thirds: random play, a pilot that errs, and a pilot
    starts: int = 128  # that travel with each dream
    effort: float = 1.0  # of a fit, as a share of the usual number of updates
    rows: int = FitSettings.rows  # of a batch of a fit
    held_out: float = 0.1  # share of the log that judges the fit
    card: CardSettings = CARD
    dreams_of: str | None = None  # the family whose dreams the agent learns in, or None for the simulator
    agent_steps: int = 1_000_000  # in the simulator; where it learns in dreams, real steps besides the log
    dreams: DreamSettings = field(default_factory=DreamSettings)
    agent_rows: int = 256


RECIPES = {
    # The log holds landings and crashes: nothing has to be looked into without fear.
    "lander": Recipe(
        10_000,
        dreams_of="autoregressive",
        agent_steps=30_000,
        dreams=DreamSettings(rounds=5, rows=256, dream_steps=500_000, fearless=0.0, bold_steps=0, newcomers=1),
    ),
    # A runner needs so many steps to outlive the scripted one (docs/results/worlds.md).
    "dodge": Recipe(10_000, agent_steps=8_000_000),
    "supply": Recipe(7_000, agent_steps=400_000),
    # 144 cells of nine kinds: everything costs a hundred times as much, so there is less of it.
    "wildfire": Recipe(
        7_000,
        starts=32,
        effort=0.3,
        rows=8,
        held_out=0.04,
        card=_SMALL_CARD,
        agent_steps=3_000_000,
        agent_rows=64,
    ),
}
Tell = Callable[[str], None]


def make(names: Sequence[str], tell: Tell, room: Path = ROOM, recipes: Mapping[str, Recipe] = RECIPES) -> None:
    """Make what of `names` (worlds, or `lander/vae`) is not in the gallery yet, one after the other.

    Raises:
        ValueError: a name that has no recipe.
    """
    for name in _each(names, recipes):
        if name in entries(room):
            continue
        begun = time.perf_counter()
        bare, _, kind = name.partition("/")
        if kind == AGENT:
            scores, made = _make_agent(bare, recipes[bare], room)
        else:
            scores, made = _make_dream(bare, kind, recipes[bare], room)
        enlist(name, scores, made, room)
        told = ", ".join(f"{score} {value:.4g}" for score, value in scores.items())
        tell(f"{name}: {told} ({time.perf_counter() - begun:.0f} s)")


def play_log(chosen: World, steps: int, seed: int) -> Trajectories:
    """A log of three thirds of `steps` each: random play, a pilot that errs at every fifth step, and the pilot."""
    envs: Any = chosen.make_vec(_ROWS)
    horizon = envs.unwrapped.simulation.max_episode_steps
    actors: dict[str, Actor] = {
        "random": sandbox_agents.RandomAgent(*chosen.spaces, seed),
        "heuristic, one of five actions random": _erring(chosen),
        "heuristic": Pilot(chosen),
    }
    parts = [
        collect(
            envs,
            actor,
            steps,
            np.random.default_rng([seed, number]),
            source={"world": chosen.name, "actor": who, "seed": seed},
            horizon=horizon,
        )
        for number, (who, actor) in enumerate(actors.items())
    ]
    return concatenate(parts)


def judged(model: FittedModel, bare: str) -> dict[str, Any]:
    """The score card of a dream of the world `bare`, by a fresh log of the same kind of play and by the simulator."""
    chosen = world(bare)
    log = play_log(chosen, 1_500, JUDGED_FROM)
    climate, held_out = split(log, 0.5, np.random.default_rng(JUDGED_FROM))
    return score_card(model, held_out, climate, world=chosen, actor=_erring(chosen), settings=RECIPES[bare].card)


def scores_of(card: Mapping[str, Any]) -> dict[str, float]:
    """The recorded figures of a card, as far as it has them."""
    figures = card["figures"]
    return {
        name: round(float(figures[section][name]["dream"]), 5)
        for section, name, *_ in SCORES
        if name in figures.get(section, {})
    }


def real_return(agent: sandbox_agents.Agent, bare: str, episodes: int = EPISODES) -> float:
    """The mean return of `agent` over fresh episodes in the simulator."""
    return sandbox_agents.evaluate(agent, world(bare).make_vec(10), episodes, seed=JUDGED_FROM).mean


def enlist(name: str, scores: Mapping[str, float], made: Mapping[str, Any], room: Path) -> None:
    """Put a folder of the gallery on its list, with the hashes of its files."""
    listed = files.read_json(room / MANIFEST) if (room / MANIFEST).is_file() else {}
    digests = {path.name: sha256(path) for path in sorted((room / name).iterdir())}
    listed[name] = {"scores": dict(scores), "made": dict(made), "files": digests}
    files.write_json(room / MANIFEST, dict(sorted(listed.items())))


def _erring(chosen: World) -> Erring:
    return Erring(Pilot(chosen), chosen, mistakes=0.2)


def _each(names: Sequence[str], recipes: Mapping[str, Recipe]) -> list[str]:
    """Worlds in full, agents last: they may live in a dream that is made first."""
    each = []
    for name in names or recipes:
        bare, _, kind = name.partition("/")
        if bare not in recipes or kind not in ("", AGENT, *FAMILIES):
            known = ", ".join(f"{one}/…" for one in recipes)
            raise ValueError(f"there is no recipe for {name}; there are {known}")
        each += [name] if kind else [f"{bare}/{kind}" for kind in (*FAMILIES, AGENT)]
    return each


def _log(bare: str, recipe: Recipe) -> Trajectories:
    """What all families of a world learn from; kept in `runs/` between them."""
    path = Path("runs") / "pretrained" / f"{bare}-{recipe.steps}.data"
    if not path.is_file():
        play_log(world(bare), recipe.steps, seed=0).save(path)
    return Trajectories.load(path)


def _make_dream(bare: str, family: str, recipe: Recipe, room: Path) -> tuple[dict[str, float], dict[str, Any]]:
    log = _log(bare, recipe)
    place = room / bare / family
    settings = FitSettings(starts=recipe.starts, effort=recipe.effort, rows=recipe.rows, held_out=recipe.held_out)
    model = fit(log, family, seed=0, settings=settings)
    model.save(place)
    _halve(place, model)
    card = judged(load(place), bare)
    header = files.read_json(place / "model.json")
    header["provenance"]["card"] = card | {"details": {}}  # without the curves, which nobody reads here
    files.write_json(place / "model.json", header)
    made = {"transitions": len(log), "actors": "random, heuristic with mistakes, heuristic", "seed": 0}
    return scores_of(card), made


def _halve(place: Path, model: FittedModel) -> None:
    """Store the learned numbers in 16 bits; statistics of the data keep their 32."""
    learned = {name for name, _ in model.network.named_parameters()}
    arrays, _ = files.read_arrays(place / "weights.safetensors", KIND)
    smaller = {name: array.astype(np.float16) if name in learned else array for name, array in arrays.items()}
    files.write_arrays(place / "weights.safetensors", smaller, {}, KIND)


def _make_agent(bare: str, recipe: Recipe, room: Path) -> tuple[dict[str, float], dict[str, Any]]:
    chosen, place = world(bare), room / bare / AGENT
    if recipe.dreams_of is None:
        agent, where = _learned_in_the_simulator(chosen, recipe), "the simulator"
    else:
        agent, where = _learned_in_dreams(bare, recipe), f"dreams of {recipe.dreams_of} alone, from the log on"
    agent.save(place)
    stored = load_agent(place)
    scores = {"return": real_return(stored, bare)}
    floor = real_return(sandbox_agents.RandomAgent(*chosen.spaces, 0), bare)
    pilot = real_return(Pilot(chosen), bare)
    scores["normalised"] = (scores["return"] - floor) / (pilot - floor)
    made = {"learned in": where, "steps": recipe.agent_steps, "random": round(floor, 2), "heuristic": round(pilot, 2)}
    return {name: round(value, 3) for name, value in scores.items()}, made


def _learned_in_the_simulator(chosen: World, recipe: Recipe) -> sandbox_agents.Agent:
    agent = learner("ppo", chosen, 0, sandbox_agents.patient("ppo", *chosen.spaces, recipe.agent_steps))
    agent.learn(chosen.make_vec(recipe.agent_rows), recipe.agent_steps)
    return agent


def _learned_in_dreams(bare: str, recipe: Recipe) -> sandbox_agents.Agent:
    """As a cell of `sandbox contrast` does, but from the world's log on: rounds of collect, fit and learn in dreams."""
    chosen = world(bare)
    found = examine(chosen)
    folder = Path("runs") / "pretrained" / f"{bare}-agent"
    folder.mkdir(parents=True, exist_ok=True)
    log = _log(bare, recipe)
    task = Task(
        world=found.world,
        horizon=found.horizon,
        real_steps=len(log) + recipe.agent_steps,
        seed=0,
        agent="ppo",
        model=recipe.dreams_of,
        dream=recipe.dreams,
        log=log,
        folder=folder,
    )
    return dream.learn(task).agent
