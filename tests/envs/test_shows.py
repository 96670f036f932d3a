import numpy as np
import pytest

import sandbox_envs
from sandbox_envs.shows import LARGEST, Show, heuristic_of, random_policy
from sandbox_envs.supply import heuristic as base_stock


def played(show: Show) -> Show:
    while not show.ended:
        show.step()
    return show


def test_returns_are_those_of_the_same_batch_played_by_hand() -> None:
    show = Show("cartpole", (2, 2), seed=3, episodes=1)
    show.policy = lambda obs: np.ones(4, np.int64)
    envs = sandbox_envs.SimVectorEnv("cartpole", 4)
    envs.reset(seed=3)
    lengths, running = np.zeros(4), np.ones(4, bool)
    while running.any():
        lengths += running
        running &= ~envs.step(np.ones(4, np.int64))[2]
    assert sorted(played(show).returns) == sorted(lengths.tolist())
    assert show.returns == show.lengths, "a reward of 1 a step"


def test_every_row_plays_its_episodes_and_no_more() -> None:
    show = played(Show("cartpole", (1, 3), episodes=2))
    assert len(show.returns) == 6
    for _ in range(50):
        show.step()
    assert len(show.returns) == 6


def test_an_end_is_to_be_seen_before_the_next_episode_begins() -> None:
    show = Show("cartpole", episodes=2)
    while not show.returns:
        show.step()
    last = show.picture()
    for _ in range(25):  # half a second
        show.step()
        assert (show.picture() == last).all()
    show.step()
    assert (show.picture() != last).any()


def test_a_reset_begins_anew_and_counts_nothing() -> None:
    show = Show("lander")
    before = show.picture()
    for _ in range(10):
        show.step()
    show.reset()
    assert (show.picture() != before).any()
    assert show.returns == []
    assert "episode 1    step 0    return 0.0" in show.words()


def test_a_grid_shows_every_row_of_the_batch_and_fits_the_screen() -> None:
    show = Show("supply", (2, 3), seed=0)
    picture = show.picture()
    height, width = picture.shape[:2]
    assert width <= LARGEST[0]
    assert height <= LARGEST[1]
    tiles = [
        picture[row : row + height // 2, at : at + width // 3] for row in (0, height // 2) for at in (0, width // 3)
    ]
    assert all((tiles[0] != other).any() for other in tiles[1:])
    assert "6 rows" in show.words()


def test_one_row_is_shown_in_full_size() -> None:
    assert Show("lander").picture().shape == (400, 640, 3)


@pytest.mark.parametrize("world", sandbox_envs.worlds())
def test_every_world_has_a_heuristic_that_beats_chance(world: str) -> None:
    means = []
    for scripted in (True, False):
        show = Show(world, (8, 8), seed=1, episodes=1)
        heuristic = heuristic_of(show.envs)
        assert heuristic is not None
        show.policy = heuristic if scripted else random_policy(show.envs, 0)
        means.append(np.mean(played(show).returns))
    assert means[0] > means[1]


def test_a_heuristic_gets_the_worlds_own_parameters() -> None:
    show = Show("supply", (1, 2), lead_time=6)
    heuristic = heuristic_of(show.envs)
    assert heuristic is not None
    obs = show.envs.reset(seed=0)[0]
    assert (heuristic(obs) == base_stock(obs, show.envs.simulation.parameters)).all()
    assert (heuristic(obs) != base_stock(obs)).any()
