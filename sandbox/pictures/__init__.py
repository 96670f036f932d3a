"""The animation of a contrast: an agent in the simulator beside the same agent in its dream, from the same start."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from PIL import Image

from sandbox.dream import DreamEnv
from sandbox.models.fitted import FittedModel
from sandbox.pictures import film
from sandbox.pictures.painters import Painter, Picture, painter, rendered
from sandbox.pictures.traces import MOST_LINES, Scale, scale, trace
from sandbox.spaces import Layout, Rows, layout
from sandbox.trajectories import Starts
from sandbox.worlds import World
from sandbox_agents import Agent, RandomAgent

_PAUSE = 1500  # milliseconds that the end is looked at before the film begins again


def record(world: World, agent: Agent, model: FittedModel, folder: Path, seed: int, steps: int = 200) -> list[str]:
    """Write `folder/simulator.webp` and `folder/dream.webp`: one episode of up to `steps` steps each, the agent greedy.

    Returns one sentence about each thing that could not be drawn. Never raises for what an environment, its renderer or
    the agent may raise: a cell's results are not lost for a picture.
    """
    notes: list[str] = []
    try:
        with no_screen():
            env, renders = _stage(world, notes)
            with closing(env):
                _record(env, renders, agent, model, folder, seed, min(steps, model.horizon), notes)
    except Exception as error:  # what a foreign environment raises is open-ended
        notes.append(f"{world.name} could not be shown ({in_one_line(error)})")
    return notes


@dataclass(frozen=True, eq=False)
class _Life:
    """An episode as it was lived: T + 1 observations and returns so far, T actions, how it ended, and its pictures."""

    obs: list[Any]
    action: list[Any]
    returns: list[float]
    terminated: bool
    truncated: bool
    pictures: dict[int, Picture | None]  # of the steps that are shown

    def __len__(self) -> int:
        return len(self.action)

    @property
    def painted(self) -> dict[int, Picture] | None:
        """Its pictures, if all of them could be painted."""
        painted = {step: picture for step, picture in self.pictures.items() if picture is not None}
        return painted if len(painted) == len(self.pictures) else None

    def rows(self, see: Layout) -> Rows:
        """The observations as `(T + 1, D)`."""
        return np.stack([see.to_row(seen) for seen in self.obs])


class _Attempt:
    """Paints until that fails; from then on it gives nothing, and a note says why."""

    def __init__(self, paint: Painter | None, what: str, notes: list[str]) -> None:
        self.paint = paint
        self.what, self.notes = what, notes

    def __call__(self, obs: Any) -> Picture | None:
        if self.paint is None:
            return None
        try:
            return self.paint(obs)
        except Exception as error:  # what a foreign renderer raises is open-ended
            self.paint = None
            self.notes.append(f"{self.what} could not be painted ({in_one_line(error)}), so it is shown as lines")
            return None


@contextmanager
def no_screen() -> Iterator[None]:
    """Meanwhile SDL looks for no screen: where there is none it would complain on the terminal."""
    asked = "SDL_VIDEODRIVER" in os.environ
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    try:
        yield
    finally:
        if not asked:
            os.environ.pop("SDL_VIDEODRIVER", None)


def _stage(world: World, notes: list[str]) -> tuple[gymnasium.Env[Any, Any], bool]:
    """The environment, and whether it was made so as to render."""
    env = world.make()
    if "rgb_array" not in (env.metadata.get("render_modes") or ()):
        notes.append(f"{world.name} has no render mode rgb_array, so it is shown as lines")
        return env, False
    try:
        painted = world.make(render_mode="rgb_array")
    except ValueError as error:
        notes.append(f"{world.name} is shown as lines, for it cannot be rendered ({in_one_line(error)})")
        return env, False
    env.close()
    return painted, True


def _record(
    env: gymnasium.Env[Any, Any],
    renders: bool,
    agent: Agent,
    model: FittedModel,
    folder: Path,
    seed: int,
    steps: int,
    notes: list[str],
) -> None:
    render = _Attempt((lambda obs: rendered(env)) if renders else None, "the simulator", notes)
    simulated = _live(env, agent, seed, steps, render)
    see = layout(env.observation_space)
    begin = Starts(
        obs=see.to_row(simulated.obs[0])[None, None],
        action=np.zeros((1, 0, model.action.width), np.float32),
        length=np.zeros(1, np.int64),
    )
    renders = render.paint is not None  # it may have failed meanwhile
    paint = _Attempt(painter(env, simulated.obs, simulated.action) if renders else None, "the dream", notes)
    if renders and paint.paint is None:
        notes.append("no renderer here can be set to a dreamed observation, so the dream is shown as lines")
    dreamed = _live(DreamEnv(replace(model, starts=begin)), agent, seed, steps, paint)
    _films(env, model.name, folder, simulated, dreamed, see, notes)


def _live(
    env: gymnasium.Env[Any, Any],
    agent: Agent,
    seed: int,
    steps: int,
    paint: Callable[[Any], Picture | None],
) -> _Life:
    """Up to `steps` steps of one episode, painted often enough for `film.MOST_FRAMES` pictures, the last among them."""
    see = layout(env.observation_space)
    rng = np.random.default_rng(seed) if isinstance(agent, RandomAgent) else None
    obs, _ = env.reset(seed=seed)
    life = _Life([obs], [], [0.0], False, False, {0: paint(obs)})
    terminated = truncated = False
    stride = 1
    while not (terminated or truncated or len(life) == steps):
        action = agent.act(see.from_rows(see.to_row(obs)[None]), rng)[0]
        obs, reward, terminated, truncated, _ = env.step(action)
        life.obs.append(obs)
        life.action.append(action)
        life.returns.append(life.returns[-1] + float(reward))
        if len(life) % stride == 0 or terminated or truncated or len(life) == steps:
            stride = _make_room(life.pictures, stride)
            life.pictures[len(life)] = paint(obs)
    return replace(life, terminated=bool(terminated), truncated=bool(truncated))


def _make_room(pictures: dict[int, Picture | None], stride: int) -> int:
    """Drop every second picture where one more would be too many; returns the stride from now on."""
    if len(pictures) < film.MOST_FRAMES:
        return stride
    for step in [step for step in pictures if step % (2 * stride)]:
        del pictures[step]
    return 2 * stride


def _films(
    env: gymnasium.Env[Any, Any],
    name: str,
    folder: Path,
    simulated: _Life,
    dreamed: _Life,
    see: Layout,
    notes: list[str],
) -> None:
    drawn = scale(see.space, [simulated.rows(see), dreamed.rows(see)])
    if see.width > MOST_LINES and (simulated.painted is None or dreamed.painted is None):
        notes.append(f"the lines show the first {MOST_LINES} of {see.width} observed numbers")
    frame_rate = min(max(float(env.metadata.get("render_fps") or 30), 10), 50)
    longest = max(len(simulated), len(dreamed))
    for file, who, life in (("simulator", "simulator", simulated), ("dream", f"dream of {name}", dreamed)):
        panes = _panes(life, see, drawn)
        frames = [film.frame(pane, _caption(life, step, who)) for step, pane in panes.items()]
        _write(folder / f"{file}.webp", frames, _milliseconds(list(panes), longest, frame_rate), notes)


def _panes(life: _Life, see: Layout, drawn: Scale) -> dict[int, Image.Image]:
    """What is seen at each step that is shown: the pictures, or lines where one of them is missing."""
    if life.painted is None:
        rows = life.rows(see)
        return {step: trace(rows, step, drawn, film.PANE) for step in life.pictures}
    ground = film.corner(life.painted[0])
    return {step: film.fit(picture, ground) for step, picture in life.painted.items()}


def _milliseconds(shown: list[int], longest: int, frame_rate: float) -> list[int]:
    """How long each step is shown; whoever ends first waits for the other, so that both films stay in step."""
    after = [*shown[1:], longest]
    lasting = [round((end - step) * 1000 / frame_rate) for step, end in zip(shown, after, strict=True)]
    return [*lasting[:-1], lasting[-1] + _PAUSE]


def _write(path: Path, frames: list[Image.Image], milliseconds: list[int], notes: list[str]) -> None:
    try:
        film.write(path, frames, milliseconds)
    except (ValueError, OSError) as error:
        notes.append(f"{path.name} was not written ({in_one_line(error)})")


def _caption(life: _Life, step: int, who: str) -> film.Caption:
    gained = life.returns[step]
    number = f"{gained:,.0f}" if abs(gained) >= 100 else f"{gained:.1f}"
    numbers = f"step {step} · return {number}"
    if step < len(life) or not (life.terminated or life.truncated):
        return film.Caption(who, numbers)
    dreaming = who != "simulator"
    if life.terminated:
        ending = "the dream thinks that the episode has ended" if dreaming else "the episode has ended"
    else:
        ending = "the time limit ended the dream" if dreaming else "the time limit ended the episode"
    return film.Caption(who, numbers, ending)


def in_one_line(error: Exception) -> str:
    """The error as a part of a sentence."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
