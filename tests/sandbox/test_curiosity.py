"""Where nothing was paid yet, dreams pay for what is new; and an agent finds what random play never does."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

import sandbox_agents
from sandbox.collection import collect
from sandbox.curiosity import Novelty, tells_nothing
from sandbox.dream import DreamVectorEnv
from sandbox.models.fit import FitSettings, fit
from sandbox.modes import dream
from sandbox.modes.settings import DreamSettings
from sandbox.modes.task import Task
from sandbox.trajectories import Trajectories, starts
from sandbox.worlds import world
from sandbox_agents import Sb3Agent

CORNER, STRIDE, STEPS = 1.5, 0.1, 60


class Hall(gymnasium.Env[Any, Any]):
    """A square hall, entered in its middle: a prize of 1 lies in each corner, and nothing else is paid.

    Who does the same all the time comes to a wall, who walks at random stays near the middle.
    """

    observation_space = spaces.Box(-2.0, 2.0, (2,), np.float32)
    action_space = spaces.Discrete(4)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.place, self.steps = self.np_random.uniform(-0.05, 0.05, 2), 0
        return self.place.astype(np.float32), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.place[action // 2] += STRIDE * (2 * (action % 2) - 1)
        self.place = np.clip(self.place + self.np_random.normal(0, 0.01, 2), -2.0, 2.0)
        self.steps += 1
        is_there = bool((np.abs(self.place) >= CORNER).all())
        return self.place.astype(np.float32), float(is_there), is_there, self.steps >= STEPS, {}


def played(name: str, steps: int = 400) -> Trajectories:
    chosen = world(name)
    return collect(
        chosen.make_vec(1), sandbox_agents.make("random", *chosen.spaces, 0), steps, np.random.default_rng(0)
    )


@pytest.mark.parametrize(
    ("name", "nothing"),
    [
        ("MountainCar-v0", True),  # pays -1 whatever happens
        ("MountainCarContinuous-v0", True),  # pays for no effort
        ("FrozenLake-v1", True),  # ends, and pays nothing
        ("Pendulum-v1", False),
        ("CartPole-v1", False),  # always pays 1, but not for ever
        ("lander", False),
        ("supply", False),
        ("wildfire", False),
    ],
)
def test_random_play_of_some_worlds_tells_nothing(name: str, nothing: bool) -> None:
    data = played(name)
    if name == "FrozenLake-v1":
        data = data.episodes(np.flatnonzero(np.add.reduceat(data.reward, np.cumsum(data.lengths) - data.lengths) == 0))
    assert tells_nothing(data) == nothing


def test_one_end_is_enough_where_steps_cost_and_one_prize_where_nothing_else_does() -> None:
    data = played("MountainCar-v0")
    ended = data.terminated.copy()
    ended[-1] = True
    assert not tells_nothing(dataclasses.replace(data, terminated=ended))
    free = dataclasses.replace(data, reward=np.zeros(len(data)), terminated=ended)
    assert tells_nothing(free)
    assert not tells_nothing(dataclasses.replace(free, reward=ended.astype(float)))
    few = dataclasses.replace(played("MountainCarContinuous-v0", 7), reward=np.arange(7.0))
    assert not tells_nothing(few), "seven rewards are explained by anything"


def test_what_is_new_is_far_from_what_is_known_and_a_curious_dream_pays_for_it_alone() -> None:
    data = played(f"{__name__}:Hall", 600)
    model = fit(data, "mixture", settings=FitSettings(updates=100))
    novelty = Novelty(model, data, np.random.default_rng(0))
    assert novelty(torch.from_numpy(data.next_obs)).mean() == pytest.approx(1.0, rel=0.3)
    further = torch.tensor([[0.0, 0.0], [1.2, 0.0], [1.8, 0.0], [2.4, 0.0]])
    assert novelty(further).diff().min() > 1
    envs = DreamVectorEnv(model, 8, novelty=novelty)
    envs.reset(seed=0)
    for _ in range(20):
        obs, reward, *_ = envs.step(np.ones(8, np.int64))
        np.testing.assert_allclose(reward, novelty(torch.from_numpy(obs)).numpy(), rtol=1e-5)


def test_an_agent_that_looks_about_finds_what_random_play_does_not() -> None:
    hall = world(f"{__name__}:Hall")
    data = played(hall.name, 600)
    assert not data.reward.any()
    model = fit(data, "mixture", settings=FitSettings(updates=300))
    begin = starts(data, 256, model.history, np.random.default_rng(0), beginnings=0.5)
    agent = sandbox_agents.make("ppo", *hall.spaces, 0)
    novelty = Novelty(model, data, np.random.default_rng(0))
    agent.learn(DreamVectorEnv(model, 64, starts=begin, novelty=novelty), 40_000)
    lived = collect(hall.make_vec(10), agent, 600, np.random.default_rng(0))
    assert lived.reward.sum() >= 3


def quick(folder: Path, share: float = 1.0, report: Callable[[str], None] = lambda stage: None) -> dream.Learned:
    """Two rounds in the hall, of which so many look about."""
    settings = DreamSettings(rounds=2, fearless=share, dream_steps=256, dream_steps_per_real=1, effort=0.02, starts=32)
    hall = world(f"{__name__}:Hall")
    return dream.learn(Task(hall, STEPS, 200, 0, "ppo", model="mixture", dream=settings, folder=folder, report=report))


@pytest.mark.parametrize(("share", "told"), [(1.0, ["rounds 1, 2"]), (0.5, ["round 1"]), (0.0, [])])
def test_rounds_that_look_about_are_curious_and_say_so(share: float, told: list[str], tmp_path: Path) -> None:
    notes = quick(tmp_path, share).notes
    assert [note.split(", in ")[-1] for note in notes if "what is new" in note] == told


def test_what_is_new_is_the_same_after_a_power_cut(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def die(stage: str) -> None:
        if stage.startswith("round 2: learn"):
            raise Killed

    with pytest.raises(Killed):
        quick(tmp_path / "cut", report=die)
    goes_on, undisturbed = quick(tmp_path / "cut"), quick(tmp_path / "whole")
    assert [point["return_dream"] for point in goes_on.curve] == [p["return_dream"] for p in undisturbed.curve]
    ours, theirs = goes_on.agent, undisturbed.agent
    assert isinstance(ours, Sb3Agent)
    assert isinstance(theirs, Sb3Agent)
    weights = theirs._tensors()
    assert all(np.array_equal(tensor, weights[name]) for name, tensor in ours._tensors().items())
