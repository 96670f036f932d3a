"""The branch test: the true law is as near to the simulator as the simulator is to itself, and nobody else is."""

import numpy as np
import pytest
import torch

from sandbox.branchable import Restored
from sandbox.branching import futures, play, visit
from sandbox.collection import collect
from sandbox.metrics import branch_test
from sandbox.metrics.baselines import Persistence
from sandbox.worlds import world
from sandbox_agents import RandomAgent


def rng() -> np.random.Generator:
    return np.random.default_rng(4)


def test_the_true_law_is_as_near_as_the_simulator_is_to_itself(law, simulator, actor, data) -> None:
    section = branch_test(law(), simulator, actor, data, rng(), 30, 100)
    ratio, chance = section.figures["ratio"], section.figures["chance_ratio"]
    assert 0.7 < ratio.dream < 1.4
    assert 0.7 < chance.dream < 1.4
    assert ratio.simulator == 1
    assert min(ratio.persistence, ratio.climatology) > 10
    assert section.details["left_to_chance"] == ["place", "room", "ending"]
    score = section.figures["energy_score"]
    assert score.dream == pytest.approx(score.simulator, rel=0.02)


@pytest.mark.parametrize("wrong", [{"bias": 0.3}, {"spread": 3.0}, {"spread": 0.0}, {"ending": 0.5}])
def test_every_wrong_law_is_further(law, simulator, actor, data, wrong: dict[str, float]) -> None:
    figures = branch_test(law(**wrong), simulator, actor, data, rng(), 30, 100).figures
    assert figures["ratio"].dream > 2
    assert figures["energy_score"].dream > figures["energy_score"].simulator


def test_an_error_in_what_is_certain_is_no_error_in_what_is_left_to_chance(law, simulator, actor, data) -> None:
    section = branch_test(law(late=0.05), simulator, actor, data, rng(), 30, 100)
    assert section.figures["ratio"].dream > 3
    assert section.figures["chance_ratio"].dream < 1.4
    assert section.details["dimensions"]["clock"]["dream"] > 1
    assert section.details["dimensions"]["clock"]["simulator"] == 0
    assert section.details["dimensions"]["room"]["dream"] < 0.1


def test_persistence_equals_persistence(simulator, actor, data) -> None:
    for figure in branch_test(Persistence(data), simulator, actor, data, rng(), 10, 30).figures.values():
        assert figure.dream == pytest.approx(figure.persistence)


class Remembering:
    """Lander as its own dream: it knows the records behind the observations that were visited."""

    noise_dim, history = 1, 2

    def __init__(self) -> None:
        self.simulator = Restored(world("lander"))

    def begin(self, starts):
        return {"obs": torch.from_numpy(starts.obs[:, -1].copy()), "row": torch.arange(len(starts))}

    def step(self, state, action, noise, temperature=1.0):
        saved = self.saved[state["row"].numpy()]
        lives = self.simulator.resume(saved, int(noise[0, 0].view(torch.int32)) + 2**40)
        reward, ended = lives.step(action.numpy())
        obs = torch.from_numpy(lives.obs)
        return (obs, torch.from_numpy(reward.astype(np.float32)), torch.from_numpy(ended)), {**state, "obs": obs}


def test_lander_as_its_own_dream_is_as_near_as_can_be(monkeypatch) -> None:
    chosen = world("lander")
    actor = RandomAgent(*chosen.spaces, 0)
    data = collect(chosen.make_vec(8), actor, 1000, rng())
    dream = Remembering()

    def remembered(*given):
        visited = visit(*given)
        dream.saved = visited.saved
        return visited

    monkeypatch.setattr("sandbox.metrics.branch.visit", remembered)
    section = branch_test(dream, dream.simulator, actor, data, rng(), 20, 128)
    assert 0.7 < section.figures["ratio"].dream < 1.4
    assert section.details["left_to_chance"] == ["obs[8]"]  # the wind


def test_a_world_without_chance_has_no_ratio_and_a_reason_why() -> None:
    chosen = world("cartpole")
    actor = RandomAgent(*chosen.spaces, 0)
    data = collect(chosen.make_vec(4), actor, 300, rng())
    section = branch_test(Persistence(data), Restored(chosen), actor, data, rng(), 5, 8)
    assert "ratio" not in section.figures
    assert "nothing to chance" in section.left_out["ratio"]
    assert section.figures["energy_distance"].simulator == 0
    assert section.figures["energy_distance"].dream > 0


def test_the_same_action_is_given_to_dream_and_simulator(law, simulator, actor) -> None:
    visited = visit(simulator, actor, 20, 3, rng())
    actions = play(simulator, visited, actor, 1, rng())
    lived = futures(simulator, visited, actions, 2, rng())
    assert np.array_equal(lived.obs[0, 0, :, 2], actions[0, :, 0])  # the lamp shows it
