"""The agent in the simulator beside the same agent in its dream, drawn whatever the environment can or cannot draw."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from PIL import Image

import sandbox_agents
from sandbox.collection import collect
from sandbox.dream import DreamEnv
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.pictures import film, record
from sandbox.pictures.painters import painter, rendered
from sandbox.pictures.traces import labels, scale, trace
from sandbox.worlds import World

WHOLE = "sandbox/CartPole-v0"
SETTABLE = ["Pendulum-v1", "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0"]


class Tank(gymnasium.Env[Any, Any]):
    """A world without a renderer; its level drifts."""

    observation_space = spaces.Dict({"level": spaces.Box(-9, 9, (2,), np.float32), "valve": spaces.Discrete(3)})
    action_space = spaces.Discrete(3)
    lasts = 40

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.count, self.level, self.valve = 0, self.np_random.normal(size=2), 0
        return self.seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.count, self.valve = self.count + 1, int(action)
        self.level = np.clip(self.level + 0.3 * (int(action) - 1), -9, 9)
        return self.seen(), float(-np.abs(self.level).sum()), False, self.count >= self.lasts, {}

    def seen(self) -> Any:
        return {"level": self.level.astype(np.float32), "valve": np.int64(self.valve)}


class Painted(Tank):
    """A world with a renderer of its own, which cannot be set to an observation: a bar that grows with every step."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def render(self) -> Any:
        picture = np.zeros((30, 40, 3), np.uint8)
        picture[:, : self.count] = 255
        return picture


class Smudged(Painted):
    """A renderer that breaks after a while."""

    def render(self) -> Any:
        if self.count > 20:
            raise OSError("the brush\nis worn")
        return super().render()


class Unmakeable(Painted):
    """A renderer that cannot be made here."""

    def __init__(self, render_mode: str | None = None) -> None:
        if render_mode is not None:
            raise RuntimeError("no display")
        super().__init__()


class Forgetful(Painted):
    """A renderer that does not remember that it was asked for pictures, and gives none."""

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__()

    def render(self) -> Any:
        return None


class Failing(Painted):
    """A world that raises in the middle."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self.count == 7:
            raise RuntimeError("the pump stopped")
        return super().step(action)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Callable[[type], World]:
    """A world from a class of this file, by name as users bring it."""
    module = type(sys)("own_world")
    monkeypatch.setitem(sys.modules, "own_world", module)

    def make(kind: type) -> World:
        setattr(module, kind.__name__, kind)
        return World(f"own_world:{kind.__name__}")

    return make


def learned(world: World, horizon: int = 60) -> tuple[sandbox_agents.Agent, FittedModel]:
    """An agent and a hasty model of the world."""
    agent = sandbox_agents.make("random", *world.spaces, 0)
    data = collect(world.make_vec(1), agent, 150, np.random.default_rng(0))
    return agent, replace(fit(data, "mixture", settings=FitSettings(updates=20)), horizon=horizon)


def frames(path: Path) -> tuple[list[Image.Image], list[int]]:
    """The pictures of a film, and how long each is shown in milliseconds."""
    shown, durations = [], []
    with Image.open(path) as opened:
        for i in range(getattr(opened, "n_frames", 1)):
            opened.seek(i)
            shown.append(opened.convert("RGB"))
            durations.append(int(opened.info["duration"]))
    return shown, durations


def pane(frame: Image.Image) -> np.ndarray[Any, Any]:
    """A frame without its captions."""
    return np.asarray(frame, np.int16)[film.STRIP : -film.STRIP]


def bar(frame: Image.Image) -> float:
    """How long the bar of `Painted` is on a frame, in steps of 40."""
    return float((pane(frame)[100, :, 0] > 127).sum() / bar_width(frame))


def bar_width(frame: Image.Image) -> float:
    """Pixels a step: the picture of 40 × 30 is as high as the pane."""
    return pane(frame).shape[0] / 30


@pytest.mark.parametrize("name", [WHOLE, "Pendulum-v1"])
def test_both_films_are_small_and_begin_alike(name: str, tmp_path: Path) -> None:
    world = World(name)
    assert record(world, *learned(world), tmp_path, seed=3, steps=60) == []
    for place in ("simulator", "dream"):
        path = tmp_path / f"{place}.webp"
        assert path.stat().st_size <= film.MOST_BYTES
        shown, _ = frames(path)
        assert 1 < len(shown) <= film.MOST_FRAMES
        assert shown[0].width <= film.WIDTH
        assert shown[0].height <= film.HEIGHT
    begun = [pane(frames(tmp_path / f"{place}.webp")[0][0]) for place in ("simulator", "dream")]
    # The same first observation, but for what a lossy file adds.
    assert np.abs(begun[0] - begun[1]).mean() < 1.5


def test_both_films_last_equally_long(tmp_path: Path) -> None:
    world = World("CartPole-v1")
    agent, model = learned(world)
    record(world, agent, model, tmp_path, seed=0)
    lasting = [sum(frames(tmp_path / f"{place}.webp")[1]) for place in ("simulator", "dream")]
    assert abs(lasting[0] - lasting[1]) <= 100


def test_a_film_shows_what_the_renderer_shows(own: Callable[[type], World], tmp_path: Path) -> None:
    world = own(Painted)
    notes = record(world, *learned(world), tmp_path, seed=0)
    assert notes == ["no renderer here can be set to a dreamed observation, so the dream is shown as lines"]
    shown, durations = frames(tmp_path / "simulator.webp")
    assert len(shown) == 41
    assert durations[:-1] == [50] * 40
    assert np.abs([bar(frame) - step for step, frame in enumerate(shown)]).max() < 0.5


@pytest.mark.parametrize(
    ("kind", "sentences"),
    [
        (Tank, ["own_world:Tank has no render mode rgb_array, so it is shown as lines"]),
        (Unmakeable, ["cannot be rendered .*no display"]),
        (Forgetful, [r"the simulator could not be painted .ValueError: render\(\) gave an array of shape \(\) where"]),
        (Smudged, ["the simulator could not be painted .OSError: the brush is worn., so it is shown as lines"]),
    ],
)
def test_what_cannot_be_rendered_is_drawn_as_lines(
    kind: type, sentences: list[str], own: Callable[[type], World], tmp_path: Path
) -> None:
    world = own(kind)
    notes = record(world, *learned(world), tmp_path, seed=0)
    assert len(notes) == len(sentences)
    for note, sentence in zip(notes, sentences, strict=True):
        assert len(note.splitlines()) == 1
        assert re.search(sentence, note), note
    for place in ("simulator", "dream"):
        shown, _ = frames(tmp_path / f"{place}.webp")
        # Ever more of the paper is covered by the lines.
        ink = [(pane(frame).min(axis=2) < 200).sum() for frame in (shown[0], shown[len(shown) // 2], shown[-1])]
        assert ink[0] < ink[1] < ink[2]


def test_a_world_that_raises_costs_a_picture_and_no_result(own: Callable[[type], World], tmp_path: Path) -> None:
    agent, model = learned(own(Painted))
    notes = record(own(Failing), agent, model, tmp_path, seed=0)
    assert notes == ["own_world:Failing could not be shown (RuntimeError: the pump stopped)"]
    assert not list(tmp_path.iterdir())


def test_a_world_that_cannot_be_made_costs_a_picture_and_no_result(tmp_path: Path) -> None:
    agent, model = learned(World("CartPole-v1"))
    (note,) = record(World("Nowhere-v0"), agent, model, tmp_path, seed=0)
    assert "Nowhere-v0 could not be shown" in note


def test_a_long_episode_is_thinned_and_shown_to_its_end(own: Callable[[type], World], tmp_path: Path) -> None:
    class Lasting(Painted):
        lasts = 400

        def render(self) -> Any:
            picture = np.zeros((30, 40, 3), np.uint8)
            picture[:, : self.count // 10] = 255
            return picture

    world = own(Lasting)
    record(world, *learned(world, horizon=500), tmp_path, seed=0, steps=333)
    shown, durations = frames(tmp_path / "simulator.webp")
    assert len(shown) <= film.MOST_FRAMES
    assert sum(durations[:-1]) == pytest.approx(333 * 50, abs=10)
    assert bar(shown[-1]) == pytest.approx(33, abs=0.5)


def test_the_dream_begins_where_the_simulator_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World("Pendulum-v1")
    agent, model = learned(world)
    begun = []
    reset = DreamEnv.reset

    def watched(self: DreamEnv, **arguments: Any) -> Any:
        begun.append(reset(self, **arguments))
        return begun[-1]

    monkeypatch.setattr(DreamEnv, "reset", watched)
    record(world, agent, model, tmp_path, seed=8, steps=3)
    ((obs, _),) = begun
    np.testing.assert_array_equal(obs, gymnasium.make("Pendulum-v1").reset(seed=8)[0])


def lived(env: gymnasium.Env[Any, Any], steps: int = 12) -> tuple[list[Any], list[Any]]:
    """A short real episode."""
    env.action_space.seed(0)
    obs, action = [env.reset(seed=4)[0]], []
    for _ in range(steps):
        action.append(env.action_space.sample())
        following, _, terminated, _, _ = env.step(action[-1])
        obs.append(following)
        if terminated:
            break
    return obs, action


@pytest.mark.parametrize("name", SETTABLE)
def test_a_set_environment_paints_what_the_simulator_painted(name: str) -> None:
    env = gymnasium.make(name, render_mode="rgb_array")
    obs, action = lived(env)
    unwrapped: Any = env.unwrapped
    unwrapped.last_u = None  # Pendulum's arrow shows the action, which an observation does not hold
    truth = rendered(env)
    paint = painter(env, obs, action)
    assert paint is not None
    np.testing.assert_array_equal(paint(obs[-1]), truth)
    assert any((paint(seen) != truth).any() for seen in obs)


@pytest.mark.parametrize("name", ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4"])
def test_a_world_that_is_a_table_paints_any_of_its_states(name: str) -> None:
    env = gymnasium.make(name, render_mode="rgb_array")
    obs, action = lived(env)
    world: Any = env.unwrapped
    world.lastaction = None  # which way the figure looks, which an observation does not hold
    truth = rendered(env)
    paint = painter(env, obs, action)
    assert paint is not None
    np.testing.assert_array_equal(paint(obs[-1]), truth)
    assert any((paint(seen) != truth).any() for seen in obs)


def test_a_table_that_does_not_hold_what_was_observed_is_not_trusted() -> None:
    env = gymnasium.make("FrozenLake-v1", render_mode="rgb_array")
    obs, action = lived(env)
    assert painter(env, [(seen + 7) % 16 for seen in obs], action) is None


def test_an_environment_that_does_not_go_on_as_observed_is_not_trusted() -> None:
    class Gusty(gymnasium.envs.classic_control.PendulumEnv):
        gust = 0.0

        def step(self, u: Any) -> Any:
            self.gust += 0.5  # a state that no observation shows
            return super().step(np.clip(u + self.gust, -2, 2))

    env = Gusty(render_mode="rgb_array")
    assert painter(env, *lived(env)) is None


def test_an_observation_that_a_wrapper_changed_is_not_trusted() -> None:
    env = gymnasium.make("CartPole-v1", render_mode="rgb_array")
    scaled = gymnasium.wrappers.TransformObservation(env, lambda obs: obs * 3, env.observation_space)
    assert painter(scaled, *lived(scaled)) is None


@pytest.mark.parametrize("name", ["Pendulum-v1", "CartPole-v1"])
def test_an_observation_that_a_wrapper_shortened_is_not_trusted(name: str) -> None:
    env = gymnasium.make(name, render_mode="rgb_array")
    short = gymnasium.wrappers.TransformObservation(env, lambda obs: obs[:2], spaces.Box(-99, 99, (2,)))
    assert painter(short, *lived(short)) is None


def test_an_unknown_environment_has_no_painter() -> None:
    env = Painted("rgb_array")
    assert painter(env, *lived(env)) is None


def test_a_render_that_is_no_picture_is_refused() -> None:
    class Verbal(Painted):
        def render(self) -> Any:
            return "a tank"

    env = Verbal("rgb_array")
    env.reset()
    with pytest.raises(ValueError, match="where a picture"):
        rendered(env)


def test_every_observed_number_has_a_name() -> None:
    assert labels(spaces.Box(-1, 1, (3,))) == ["obs[0]", "obs[1]", "obs[2]"]
    assert labels(spaces.Box(-1, 1, (1, 2))) == ["obs[0,0]", "obs[0,1]"]
    assert labels(spaces.Discrete(4)) == ["obs"]
    assert labels(Tank.observation_space) == ["level[0]", "level[1]", "valve"]
    nested = spaces.Tuple([spaces.Dict({"x": spaces.Discrete(2)}), spaces.MultiBinary(2)])
    assert labels(nested) == ["obs.0.x", "obs.1[0]", "obs.1[1]"]


def test_lines_of_a_constant_and_of_many_dimensions_are_drawn() -> None:
    rows = np.zeros((5, 25), np.float32)
    drawn = scale(spaces.Box(-1, 1, (25,)), [rows, rows + 1])
    assert len(drawn.labels) == len(drawn.low) == 8
    assert (drawn.low < 0).all()
    assert (drawn.high > 1).all()
    picture = np.asarray(trace(rows, 4, drawn, film.PANE))
    assert picture.shape == (film.PANE[1], film.PANE[0], 3)
    assert (picture < 128).any()


def test_a_film_that_would_be_too_large_is_compressed_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0)
    pictures = [Image.fromarray(noise.integers(256, size=(120, 160, 3), dtype=np.uint8)) for _ in range(30)]
    monkeypatch.setattr(film, "MOST_BYTES", 60_000)
    film.write(tmp_path / "noise.webp", pictures, [40] * 29 + [1000])
    assert (tmp_path / "noise.webp").stat().st_size <= 60_000
    assert sum(frames(tmp_path / "noise.webp")[1]) == 29 * 40 + 1000
    monkeypatch.setattr(film, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match=r"the film large\.webp would pass"):
        film.write(tmp_path / "large.webp", pictures, [40] * 30)
    assert not (tmp_path / "large.webp").exists()
