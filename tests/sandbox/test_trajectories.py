"""Experience is kept as it was lived: true successors, honest endings, exact counts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from sandbox.collection import CollectionError, collect
from sandbox.trajectories import Trajectories, concatenate, rarity, starts, starts_at


class Counting(gymnasium.Env[Any, Any]):
    """Sees (episode, step, last action); episode e ends after 3 + e % 3 steps, every third by truncation."""

    observation_space = spaces.Box(-100, 1000, (3,), np.float64)
    action_space = spaces.Discrete(4, start=1)

    def __init__(self) -> None:
        self.episode, self.count, self.last = -1, 0, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.episode, self.count, self.last = self.episode + 1, 0, 0
        return self.seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.count, self.last = self.count + 1, int(action)
        over = self.count == 3 + self.episode % 3
        cut = self.episode % 3 == 2
        return self.seen(), float(10 * self.count + self.last), over and not cut, over and cut, {}

    def seen(self) -> Any:
        return np.array([self.episode, self.count, self.last], np.float64)


class Cycling:
    """Acts 1, 2, 3, 4, 1, … in every row, by the step that the row sees."""

    def act(self, obs: Any, rng: np.random.Generator | None = None) -> Any:
        return (obs[:, 1].astype(np.int64) + obs[:, 0].astype(np.int64)) % 4 + 1


def batch(rows: int, make: Callable[[], gymnasium.Env[Any, Any]] = Counting) -> SyncVectorEnv:
    return SyncVectorEnv([make] * rows, autoreset_mode=AutoresetMode.SAME_STEP)


def by_hand(steps: int) -> list[tuple[Any, ...]]:
    """What one row lives in so many steps, stepped without any vector environment."""
    env, lived = Counting(), []
    obs, _ = env.reset()
    for _ in range(steps):
        action = Cycling().act(obs[None])[0]
        following, reward, terminated, truncated, _ = env.step(action)
        lived.append((obs, [action - 1], reward, following, terminated, truncated))
        obs = env.reset()[0] if terminated or truncated else following
    return lived


def lived_alike(data: Trajectories, expected: list[tuple[Any, ...]]) -> None:
    columns = zip(*expected, strict=True)
    for name, column in zip(("obs", "action", "reward", "next_obs", "terminated", "truncated"), columns, strict=True):
        np.testing.assert_array_equal(getattr(data, name), np.array(column), err_msg=name)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_what_is_collected_is_what_one_steps_by_hand() -> None:
    data = collect(batch(1), Cycling(), 20, rng())
    lived_alike(data, by_hand(20))
    assert data.lengths.tolist() == [3, 4, 5, 3, 4, 1]


def test_the_successor_at_an_episodes_end_is_its_own_and_not_the_next_beginning() -> None:
    data = collect(batch(1), Cycling(), 12, rng())
    last = np.cumsum(data.lengths) - 1
    np.testing.assert_array_equal(data.next_obs[last, 0], data.obs[last, 0])  # the same episode
    np.testing.assert_array_equal(data.next_obs[last, 1], data.lengths)


def test_truncation_is_not_termination() -> None:
    data = collect(batch(1), Cycling(), 12, rng())
    last = np.cumsum(data.lengths) - 1
    assert data.terminated[last].tolist() == [True, True, False]
    assert data.truncated[last].tolist() == [False, False, True]
    assert data.terminated.sum() == 2
    assert data.truncated.sum() == 1


def test_an_episode_cut_by_the_budget_is_neither_terminated_nor_truncated() -> None:
    data = collect(batch(1), Cycling(), 5, rng())
    assert data.lengths.tolist() == [3, 2]
    assert data.complete.tolist() == [True, False]
    assert not data.terminated[-1]
    assert not data.truncated[-1]


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("steps", [1, 7, 10, 23])
def test_the_count_is_exact_in_every_batch(rows: int, steps: int) -> None:
    data = collect(batch(rows), Cycling(), steps, rng())
    assert len(data) == steps == data.lengths.sum()
    # Every row lives what one row lives by hand, only less long.
    alone = by_hand(steps)
    lived = {(*row[0], *row[1], row[2], *row[3], row[4], row[5]) for row in alone}
    assert {
        (*data.obs[i], *data.action[i], data.reward[i], *data.next_obs[i], data.terminated[i], data.truncated[i])
        for i in range(steps)
    } <= lived


def test_episodes_under_way_are_finished_within_the_limit() -> None:
    assert collect(batch(1), Cycling(), 5, rng(), finish_up_to=100).lengths.tolist() == [3, 4]
    assert collect(batch(1), Cycling(), 5, rng(), finish_up_to=6).lengths.tolist() == [3, 3]
    assert collect(batch(1), Cycling(), 3, rng(), finish_up_to=100).lengths.tolist() == [3]
    many = collect(batch(4), Cycling(), 18, rng(), finish_up_to=1000)
    assert many.complete.all()
    assert len(many) >= 18


def test_episodes_that_are_finished_together_share_the_limit() -> None:
    data = collect(batch(4), Cycling(), 18, rng(), finish_up_to=20)
    assert len(data) == 20


def test_the_same_seed_collects_the_same_twice() -> None:
    def once() -> Trajectories:
        envs = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
        return collect(envs, Coin(), 60, np.random.default_rng(5))

    one, other = once(), once()
    np.testing.assert_array_equal(one.obs, other.obs)
    np.testing.assert_array_equal(one.action, other.action)


class Coin:
    def act(self, obs: Any, rng: np.random.Generator | None = None) -> Any:
        assert rng is not None
        return rng.integers(2, size=len(obs))


class Nested(Counting):
    """The counting world, seen through a Dict in a Dict and a Tuple."""

    observation_space = spaces.Dict(  # type: ignore[assignment]
        {
            "all": spaces.Dict({"episode": spaces.Box(0, 1000, (1,), np.float64), "last": spaces.Discrete(9)}),
            "count": spaces.Tuple([spaces.Discrete(9, start=0)]),
        }
    )

    def seen(self) -> Any:
        return {
            "all": {"episode": np.array([float(self.episode)]), "last": np.int64(self.last)},
            "count": (np.int64(self.count),),
        }


def test_nested_observations_keep_their_true_successors() -> None:
    class Still:
        def act(self, obs: Any, rng: np.random.Generator | None = None) -> Any:
            return obs["count"][0] % 4 + 1

    data = collect(batch(2, Nested), Still(), 14, rng())
    last = np.cumsum(data.lengths)[data.complete] - 1
    np.testing.assert_array_equal(data.next_obs[last, 0], data.obs[last, 0])
    np.testing.assert_array_equal(data.next_obs[last, 2], data.lengths[data.complete])


# What must not be stored.


class Faulty(Counting):
    """Gives what `fault` says at the seventh step in all."""

    fault = "obs"

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = super().step(action)
        self.steps += 1
        if self.steps == 7 and self.fault == "obs":
            obs = obs * np.nan
        elif self.steps == 7 and self.fault == "reward":
            reward = np.inf
        elif self.steps == 7 and self.fault == "raise":
            raise RuntimeError("the belt tore")
        return obs, reward, terminated, truncated, info


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("obs", "the environment returned an observation with NaN or infinity at step 6; nothing was stored"),
        ("reward", "the environment returned a reward with NaN or infinity at step 6; nothing was stored"),
        ("raise", "the environment raised at step 6: RuntimeError: the belt tore"),
    ],
)
def test_what_is_not_finite_or_raises_names_its_step(kind: str, sentence: str) -> None:
    class Broken(Faulty):
        fault = kind

    with pytest.raises(CollectionError, match=sentence):
        collect(batch(1, Broken), Cycling(), 20, rng())


def test_an_observation_that_is_not_finite_after_a_reset_is_the_environments_fault() -> None:
    class Blind(Counting):
        def seen(self) -> Any:
            return super().seen() * (np.nan if self.episode == 1 and self.count == 0 else 1.0)

    class Unmoved:
        def act(self, obs: Any, rng: np.random.Generator | None = None) -> Any:
            assert np.isfinite(obs).all(), "no agent is asked about it"
            return np.ones(len(obs), np.int64)

    with pytest.raises(CollectionError, match="the environment returned an observation with NaN or infinity at step 3"):
        collect(batch(1, Blind), Unmoved(), 20, rng())


def test_an_action_that_is_not_finite_names_its_step() -> None:
    class Steady(Counting):
        action_space = spaces.Box(-1, 1, (1,))  # type: ignore[assignment]

        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            return super().step(0)

    class Failing:
        def act(self, obs: Any, rng: np.random.Generator | None = None) -> Any:
            return np.where(obs[:, 1:2] == 2, np.nan, 0.5).astype(np.float32)

    with pytest.raises(CollectionError, match="the agent chose an action with NaN or infinity at step 2"):
        collect(batch(1, Steady), Failing(), 20, rng())


def test_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot collect 0 steps"):
        collect(batch(1), Cycling(), 0, rng())


def test_a_batch_that_resets_in_the_next_step_is_refused() -> None:
    with pytest.raises(ValueError, match="SAME_STEP"):
        collect(SyncVectorEnv([Counting], autoreset_mode=AutoresetMode.NEXT_STEP), Cycling(), 5, rng())


# What trajectories know of themselves.


def test_episodes_returns_and_elapsed_steps_are_counted() -> None:
    data = collect(batch(1), Cycling(), 9, rng())
    assert data.episode.tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert data.elapsed.tolist() == [0, 1, 2, 0, 1, 2, 3, 0, 1]
    lived = by_hand(9)
    assert data.returns.tolist() == [sum(step[2] for step in lived[a:b]) for a, b in ((0, 3), (3, 7), (7, 9))]


def test_chosen_episodes_are_whole() -> None:
    data = collect(batch(1), Cycling(), 12, rng())
    chosen = data.episodes([2, 0])
    assert chosen.lengths.tolist() == [3, 5]
    assert chosen.obs[:, 0].tolist() == [0] * 3 + [2] * 5
    assert data.episodes(np.array([False, True, False])).obs[:, 0].tolist() == [1] * 4


def test_joined_trajectories_keep_their_episodes_apart() -> None:
    data = collect(batch(1), Cycling(), 5, rng(), source={"world": "counting"})
    joined = concatenate([data, data])
    assert joined.lengths.tolist() == [3, 2, 3, 2]
    assert joined.complete.tolist() == [True, False, True, False]
    assert joined.source["world"] == "counting"


def test_real_and_generated_transitions_are_never_joined() -> None:
    real = collect(batch(1), Cycling(), 5, rng(), source={"world": "counting"})
    dreamed = collect(batch(1), Cycling(), 5, rng(), source={"model": "rnn"})
    with pytest.raises(ValueError, match="real and generated"):
        concatenate([real, dreamed])


def test_trajectories_of_different_spaces_are_never_joined() -> None:
    class Narrow(Counting):
        action_space = spaces.Discrete(5, start=1)

    with pytest.raises(ValueError, match="different spaces"):
        concatenate([collect(batch(1), Cycling(), 5, rng()), collect(batch(1, Narrow), Cycling(), 5, rng())])


def test_a_saved_log_comes_back_whole(tmp_path: Path) -> None:
    data = collect(batch(2), Cycling(), 15, rng(), source={"world": "counting", "seed": 3}, horizon=5)
    data.save(tmp_path / "log.data")
    back = Trajectories.load(tmp_path / "log.data")
    for name in ("obs", "action", "reward", "next_obs", "terminated", "truncated", "lengths"):
        np.testing.assert_array_equal(getattr(back, name), getattr(data, name), strict=True)
    assert (back.observation_space, back.action_space) == (data.observation_space, data.action_space)
    assert (back.horizon, dict(back.source)) == (5, {"world": "counting", "seed": 3})


def test_columns_that_do_not_match_are_refused() -> None:
    data = collect(batch(1), Cycling(), 5, rng())
    columns = {name: getattr(data, name) for name in data.__dataclass_fields__}
    with pytest.raises(ValueError, match="the episodes have 4 steps together, the columns 5"):
        Trajectories(**(columns | {"lengths": np.array([4])}))
    with pytest.raises(ValueError, match="the column reward has 4 rows where obs has 5"):
        Trajectories(**(columns | {"reward": data.reward[:4]}))
    with pytest.raises(ValueError, match="the column reward is not finite at step 2"):
        Trajectories(**(columns | {"reward": np.array([0, 0, np.nan, 0, 0])}))


# Where dreams begin.


def test_a_start_knows_the_steps_that_led_to_it_right_aligned() -> None:
    data = collect(batch(1), Cycling(), 12, rng())
    begun = starts_at(data, np.array([0, 2, 6]), history=2)
    assert begun.length.tolist() == [0, 2, 2]
    assert begun.obs.shape == (3, 3, 3)
    assert begun.action.shape == (3, 2, 1)
    assert begun.obs[0].tolist() == [[0, 0, 0], [0, 0, 0], data.obs[0].tolist()]
    np.testing.assert_array_equal(begun.obs[1], data.obs[0:3])
    np.testing.assert_array_equal(begun.action[1], data.action[0:2])
    np.testing.assert_array_equal(begun.obs[2], data.obs[4:7])


def test_a_history_never_reaches_into_the_episode_before() -> None:
    data = collect(batch(1), Cycling(), 12, rng())
    begun = starts_at(data, np.array([4]), history=5)  # the second step of the second episode
    assert begun.length.tolist() == [1]
    assert begun.obs[0, :, 1].tolist() == [0, 0, 0, 0, 0, 1]
    assert begun.obs[0, :4].tolist() == [[0, 0, 0]] * 4
    assert begun.action[0, :4].tolist() == [[0]] * 4
    np.testing.assert_array_equal(begun.obs[0, 4:], data.obs[3:5])
    np.testing.assert_array_equal(begun.action[0, 4:], data.action[3:4])


def test_starts_without_history_are_observations() -> None:
    data = collect(batch(1), Cycling(), 12, rng())
    begun = starts_at(data, np.array([5]), history=0)
    np.testing.assert_array_equal(begun.obs, data.obs[None, 5:6])
    assert begun.action.shape == (1, 0, 1)


def test_beginnings_are_each_drawn_before_any_is_drawn_twice() -> None:
    data = collect(batch(1), Cycling(), 24, rng())
    begun = starts(data, 100, history=2, rng=rng())
    assert (begun.length == 0).all()
    assert sorted(begun.obs[:, -1, 0].tolist()) == list(range(6))  # one for each episode, and no more
    mixed = starts(data, 20, history=2, rng=rng(), beginnings=0.5)
    assert len(mixed) == 20
    counts = np.bincount(mixed.obs[:10, -1, 0].astype(int))
    assert counts.max() - counts.min() <= 1
    assert (mixed.length[:10] == 0).all()
    assert (mixed.length[10:] > 0).any()


@pytest.mark.parametrize("width", [8, 40])
def test_rare_observations_are_favoured_however_wide_they_are(width: int) -> None:
    rng = np.random.default_rng(0)
    obs = rng.standard_normal((3000, width)).astype(np.float32)
    obs[:30] += 9.0 * rng.standard_normal((30, width)).astype(np.float32)
    obs[30:40] = obs[40]  # as common as can be
    weight = rarity(obs)
    assert weight.sum() == pytest.approx(1)
    assert weight[:30].mean() > 3 * weight[50:].mean()
    assert weight[30:40].max() < weight[50:].mean()


def test_a_log_is_told_in_a_line() -> None:
    log = collect(batch(1), Cycling(), 20, rng(), source={"world": "Counting-v0", "actor": "random"})
    assert repr(log) == "<Trajectories: 20 steps in 6 episodes (Counting-v0, random)>"
    assert repr(collect(batch(1), Cycling(), 3, rng())) == "<Trajectories: 3 steps in 1 episode (of unknown origin)>"
