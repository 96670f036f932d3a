"""Counts: whole numbers of which neighbours are alike, so that what holds of some of them is known of the others."""

import numpy as np
import pytest
from gymnasium import spaces

from sandbox import models
from sandbox.dream import DreamVectorEnv
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories

LENGTH, MOST, RATE = 40, 40, 0.3


def queueing(steps: int, seed: int = 0) -> Trajectories:
    """A queue: somebody may come at every step, and who opens the door, one step in eight, lets everybody in."""
    rng = np.random.default_rng(seed)
    episodes = steps // LENGTH
    door = rng.random((episodes, LENGTH)) < 1 / 8
    comes = rng.random((episodes, LENGTH)) < RATE
    queue = np.zeros((episodes, LENGTH + 1), np.int32)
    for step in range(LENGTH):
        queue[:, step + 1] = np.where(door[:, step], 0, queue[:, step] + comes[:, step])
    last = np.tile(np.arange(LENGTH) == LENGTH - 1, episodes)
    return Trajectories(
        obs=queue[:, :-1].reshape(-1, 1).astype(np.float32),
        action=door.reshape(-1, 1).astype(np.float32),
        reward=-queue[:, 1:].reshape(-1).astype(np.float64),
        next_obs=queue[:, 1:].reshape(-1, 1).astype(np.float32),
        terminated=np.zeros_like(last),
        truncated=last,
        lengths=np.full(episodes, LENGTH),
        observation_space=spaces.Box(0, MOST, (1,), np.int32),
        action_space=spaces.Discrete(2),
    )


@pytest.fixture(scope="module", params=models.heads())
def taught(request: pytest.FixtureRequest) -> FittedModel:
    return fit(queueing(2000), request.param, settings=FitSettings(updates=600))


def test_a_queue_grows_by_one_at_the_rate_at_which_people_come(taught: FittedModel) -> None:
    dream = DreamVectorEnv(taught, 256)
    before, _ = dream.reset(seed=0)
    came = []
    for _ in range(10):
        after, *_ = dream.step(np.zeros(256, np.int64))
        came.append(after - before)
        before = after
    assert before.dtype == np.int32
    grown = np.concatenate(came)
    assert np.isin(grown, (0, 1)).mean() > 0.95
    assert grown.mean() == pytest.approx(RATE, abs=0.08)


def test_a_door_empties_a_queue_of_any_length(taught: FittedModel) -> None:
    dream = DreamVectorEnv(taught, 256)
    dream.reset(seed=0)
    for _ in range(20):
        queue, *_ = dream.step(np.zeros(256, np.int64))
    left, reward, *_ = dream.step(np.ones(256, np.int64))
    assert np.median(queue) > 4, "such a queue stood in few of the steps that taught"
    assert (left == 0).mean() > 0.8
    assert np.median(np.abs(reward + left[:, 0])) < 0.5, "what is paid is paid for the queue that is left"
