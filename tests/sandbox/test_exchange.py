"""Logs of one's own come in, and trajectories go out, without loss or with one clear sentence."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from sandbox.exchange import LogError, read_log, write_minari
from sandbox.trajectories import Trajectories

HEADER = "obs_0,obs_1,action,reward,terminated,truncated"


def log(steps: int = 6) -> dict[str, np.ndarray[Any, Any]]:
    """Two episodes of three steps: the first terminates, the second is truncated."""
    obs = np.arange(2 * steps, dtype=np.float32).reshape(steps, 2)
    return {
        "obs": obs,
        "action": np.array([0, 1, 2, 1, 0, 2]),
        "reward": np.linspace(-1, 1, steps),
        "next_obs": obs + 2,
        "terminated": np.arange(steps) == 2,
        "truncated": np.arange(steps) == 5,
    }


def npz(path: Path, **arrays: Any) -> str:
    np.savez(path / "log.npz", **arrays)
    return str(path / "log.npz")


def table(path: Path, *lines: str) -> str:
    file = path / "log.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(file)


def same(one: Trajectories, other: Trajectories) -> None:
    for name in ("obs", "action", "reward", "next_obs", "terminated", "truncated", "lengths"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)
    assert one.observation_space == other.observation_space
    assert one.action_space == other.action_space
    assert (one.horizon, one.source) == (other.horizon, other.source)


def test_an_archive_with_successors_keeps_every_step(tmp_path: Path) -> None:
    data = read_log(npz(tmp_path, **log()))
    assert data.lengths.tolist() == [3, 3]
    assert data.terminated.tolist() == [False, False, True, False, False, False]
    assert data.truncated.tolist() == [False, False, False, False, False, True]
    np.testing.assert_array_equal(data.next_obs, log()["next_obs"])
    np.testing.assert_array_equal(data.reward, log()["reward"])
    assert data.observation_space == spaces.Box(-np.inf, np.inf, (2,), np.float32)
    assert data.action_space == spaces.Discrete(3)


def test_the_names_of_d4rl_are_understood(tmp_path: Path) -> None:
    ours = log()
    names = {"obs": "observations", "action": "actions", "reward": "rewards", "next_obs": "next_observations"}
    names |= {"terminated": "terminals", "truncated": "timeouts"}
    theirs = npz(tmp_path, **{names[name]: column for name, column in ours.items()})
    read = read_log(theirs)
    same(read, read_log(npz(tmp_path, **ours)))


def test_without_successors_the_last_step_of_each_episode_is_dropped_and_this_is_said(tmp_path: Path) -> None:
    columns = log()
    del columns["next_obs"]
    data = read_log(npz(tmp_path, **columns))
    assert data.lengths.tolist() == [2, 2]
    np.testing.assert_array_equal(data.obs, columns["obs"][[0, 1, 3, 4]])
    np.testing.assert_array_equal(data.next_obs, columns["obs"][[1, 2, 4, 5]])
    assert not data.complete.any()  # what is left of an episode is cut: to be bootstrapped
    assert any("2 episodes" in note and "1 terminations" in note for note in data.source["notes"])


def test_an_episode_of_one_step_without_successor_vanishes(tmp_path: Path) -> None:
    columns = log() | {"terminated": np.array([True, False, False, False, False, False])}
    del columns["next_obs"]
    assert read_log(npz(tmp_path, **columns)).lengths.tolist() == [4]


def test_dones_beside_truncations_are_no_terminations(tmp_path: Path) -> None:
    columns = log()
    columns["dones"] = columns.pop("terminated") | columns["truncated"]
    data = read_log(npz(tmp_path, **columns))
    assert data.terminated.tolist() == [False, False, True, False, False, False]
    assert data.truncated.tolist() == [False, False, False, False, False, True]


def test_dones_alone_are_terminations_and_this_is_said(tmp_path: Path) -> None:
    columns = log()
    columns["dones"] = columns.pop("terminated") | columns.pop("truncated")
    data = read_log(npz(tmp_path, **columns))
    assert data.terminated.sum() == 2
    assert any("done" in note for note in data.source["notes"])


def test_an_episode_number_ends_an_episode_that_was_cut(tmp_path: Path) -> None:
    columns = log() | {"episode": np.array([7, 7, 7, 8, 9, 9])}
    data = read_log(npz(tmp_path, **columns))
    assert data.lengths.tolist() == [3, 1, 2]
    assert data.complete.tolist() == [True, False, True]


def test_two_logs_joined_without_a_word_are_cut_where_they_meet_and_this_is_said(tmp_path: Path) -> None:
    columns = log()
    columns["obs"][4:] += 100
    columns["next_obs"][4:] += 100
    data = read_log(npz(tmp_path, **columns))
    assert data.lengths.tolist() == [3, 1, 2]
    assert data.complete.tolist() == [True, False, True]
    assert any("cut at 1 steps, first at step 3" in note for note in data.source["notes"])


@pytest.mark.parametrize(
    ("action", "space"),
    [
        (np.array([1, 2, 3, 1, 2, 3]), spaces.Discrete(3, start=1)),
        (np.array([True, False, True, False, True, False]), spaces.Discrete(2)),
        (
            np.array([-1, 0.5, 0, 0, 0, 0.25]),
            spaces.Box(np.array([-1], np.float32), np.array([0.5], np.float32)),
        ),
        (
            np.array([[-1, 5], [0, 6], [0, 5], [0, 5], [0, 5], [1, 5]]),
            spaces.Box(np.array([-1, 5], np.float32), np.array([1, 6], np.float32)),
        ),
    ],
)
def test_an_action_space_is_inferred(tmp_path: Path, action: Any, space: spaces.Space[Any]) -> None:
    data = read_log(npz(tmp_path, **(log() | {"action": action})))
    assert data.action_space == space
    expected = action.reshape(6, -1) - (space.start if isinstance(space, spaces.Discrete) else 0)
    np.testing.assert_array_equal(data.action, expected)


def test_whole_numbers_over_a_wide_range_are_a_continuum(tmp_path: Path) -> None:
    data = read_log(npz(tmp_path, **(log() | {"action": np.array([0, 500, 1000, 7, 8, 9])})))
    assert isinstance(data.action_space, spaces.Box)


def test_given_spaces_are_kept_and_hold(tmp_path: Path) -> None:
    seen, done = spaces.Box(-100, 100, (2,), np.float64), spaces.Discrete(5, start=-1)
    data = read_log(npz(tmp_path, **log()), seen, done)
    assert (data.observation_space, data.action_space) == (seen, done)
    np.testing.assert_array_equal(data.action[:, 0], log()["action"] + 1)
    with pytest.raises(LogError, match=r"step 2: the action 2 is outside Discrete\(2\)"):
        read_log(npz(tmp_path, **log()), seen, spaces.Discrete(2))
    with pytest.raises(LogError, match=r"obs has 2 numbers a step where .* has 3"):
        read_log(npz(tmp_path, **log()), spaces.Box(-1, 1, (3,)))
    with pytest.raises(LogError, match=r"step 2: the obs 4\.0 is outside"):
        read_log(npz(tmp_path, **log()), spaces.Box(-2, 2, (2,)))


def test_a_table_and_an_archive_of_the_same_log_are_equal(tmp_path: Path) -> None:
    columns = log()
    lines = ["obs_0,obs_1,action,reward,next_obs_0,next_obs_1,terminated,truncated"]
    for i in range(6):
        obs, following = columns["obs"][i], columns["next_obs"][i]
        words = [*obs, columns["action"][i], columns["reward"][i], *following]
        lines.append(",".join([*(repr(float(word)) for word in words), str(columns["terminated"][i]).lower(), "0"]))
    lines[-1] = lines[-1][:-1] + "TRUE"
    read = read_log(table(tmp_path, *lines, ""))
    other = read_log(npz(tmp_path, **columns))
    assert read.source["log"] == "log.csv"
    same(read, Trajectories(**{**vars_of(other), "source": read.source}))


def vars_of(data: Trajectories) -> dict[str, Any]:
    return {name: getattr(data, name) for name in data.__dataclass_fields__}


def test_columns_are_ordered_by_their_number(tmp_path: Path) -> None:
    header = ",".join(f"obs_{i}" for i in (10, *range(10))) + ",action,reward,terminated"
    data = read_log(table(tmp_path, header, *[",".join(map(str, [10, *range(10), 1, 0, 0]))] * 3))
    assert data.obs[0].tolist() == list(range(11))


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ((HEADER, "1,2,0,1,0,0", "1,x,0,1,0,0"), "line 3, column obs_1: 'x' is no number"),
        ((HEADER, "1,2,0,1,0,0", "", "1,2,0,,0,0"), "line 4, column reward: the value is missing"),
        ((HEADER, "1,2,0,1,0,0", "1,2,0,1,0"), "line 3: 5 values stand under 6 column names"),
        ((HEADER, "1,2,0,1,0,0", "1,nan,0,1,0,0"), "line 3: obs is NaN or infinite"),
        ((HEADER, "1,2,0,1,0,0"), "has 1 steps; at least 2 are needed"),
        ((HEADER,), "has 0 steps; at least 2 are needed"),
        ((), "has no obs"),
        (("obs_0,obs_2,action,reward,terminated", "1,2,0,1,0"), "no obs_1"),
        (("obs_0,action,reward", "1,2,0"), "does not say where episodes end"),
        (("obs_0,action,reward,reward,terminated", "1,2,0,0,0", "1,2,0,0,0"), "reward has 2 numbers a step"),
    ],
)
def test_a_bad_table_is_refused_in_a_sentence(tmp_path: Path, lines: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(LogError, match=sentence) as refused:
        read_log(table(tmp_path, *lines))
    assert "\n" not in str(refused.value)
    assert "log.csv" in str(refused.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"reward": np.zeros(5)}, r"reward has the shape \(5,\) and obs \(6, 2\); align them"),
        ({"obs": np.float32(3)}, r"obs has the shape \(\)"),
        ({"reward": np.array([0, 0, 0, np.inf, 0, 0])}, "step 3: reward is NaN or infinite"),
        ({"obs": np.array(list("abcdef"))}, "obs holds <U1 where numbers are needed"),
        ({"obs": np.array([{}] * 6, object)}, "no readable npz file of plain arrays"),
        ({"obs": np.zeros((6, 64, 64, 3))}, "looks like an image"),
    ],
)
def test_a_bad_archive_is_refused_in_a_sentence(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_log(npz(tmp_path, **(log() | change)))


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    source = Path(npz(tmp_path, **log()))
    source.write_bytes(source.read_bytes()[:-100])
    with pytest.raises(LogError, match="no readable npz file"):
        read_log(str(source))


@pytest.mark.parametrize("source", ["log.parquet", "log", "missing.npz", "missing.csv"])
def test_an_unknown_kind_or_a_missing_file_is_named(source: str) -> None:
    with pytest.raises(LogError, match=source):
        read_log(source)


def test_our_own_file_is_a_log_too(tmp_path: Path) -> None:
    data = read_log(npz(tmp_path, **log()))
    for name in ("log.safetensors", "lander.data"):  # whatever it is called
        data.save(tmp_path / name)
        same(read_log(str(tmp_path / name)), data)


# Minari.


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Minari of its own."""
    pytest.importorskip("minari")
    pytest.importorskip("h5py")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    return tmp_path


NESTED = spaces.Dict(
    {
        "place": spaces.Box(-2, 2, (2, 2), np.float64),
        "rest": spaces.Tuple([spaces.Discrete(3, start=5), spaces.MultiBinary(2)]),
        "gears": spaces.MultiDiscrete([3, 4], start=[1, -1]),
    }
)


@pytest.mark.parametrize("seen", [spaces.Box(-1, 1, (3,), np.float32), spaces.Discrete(4, start=2), NESTED])
@pytest.mark.parametrize(
    "done", [spaces.Discrete(3, start=-1), spaces.Box(-1, 1, (2,)), spaces.MultiDiscrete([2, 3]), spaces.MultiBinary(3)]
)
def test_minari_and_back_loses_nothing(shelf: Path, seen: spaces.Space[Any], done: spaces.Space[Any]) -> None:
    data = random_walk(seen, done)
    folder = write_minari(data, "tests/walk-v0")
    assert folder == shelf / "tests" / "walk-v0"
    same(read_log("minari:tests/walk-v0"), data)


def random_walk(seen: spaces.Space[Any], done: spaces.Space[Any]) -> Trajectories:
    """Three episodes, one terminated, one truncated, one cut, whose steps follow each other."""
    from sandbox.spaces import action_layout, layout

    see, do, lengths = layout(seen), action_layout(done), [4, 1, 3]
    seen.seed(0)
    done.seed(1)
    chains = [np.stack([see.to_row(seen.sample()) for _ in range(length + 1)]) for length in lengths]
    flags = np.zeros((2, 8), bool)
    flags[0, 3] = flags[1, 4] = True
    return Trajectories(
        obs=np.concatenate([chain[:-1] for chain in chains]),
        action=np.stack([do.to_row(done.sample()) for _ in range(8)]),
        reward=np.random.default_rng(0).normal(size=8),
        next_obs=np.concatenate([chain[1:] for chain in chains]),
        terminated=flags[0],
        truncated=flags[1],
        lengths=np.array(lengths, np.int64),
        observation_space=seen,
        action_space=done,
        horizon=4,
        source={"world": "tests"},
    )


def test_a_dataset_that_minari_wrote_is_read_with_true_successors(shelf: Path) -> None:
    minari: Any = importlib.import_module("minari")
    buffer: Any = importlib.import_module("minari.data_collector.episode_buffer").EpisodeBuffer
    seen, done = spaces.Box(-9, 9, (1,), np.float32), spaces.Discrete(2)
    episode = buffer(
        observations=np.array([[0], [1], [2], [3]], np.float32),
        actions=np.array([0, 1, 1]),
        rewards=[1.0, 2.0, 3.0],
        terminations=[False, False, True],
        truncations=[False, False, False],
    )
    with pytest.warns(UserWarning, match="None"):
        minari.create_dataset_from_buffers("foreign-v3", [episode], observation_space=seen, action_space=done)
    data = read_log("minari:foreign-v3")
    assert data.obs[:, 0].tolist() == [0, 1, 2]
    assert data.next_obs[:, 0].tolist() == [1, 2, 3]
    assert data.terminated.tolist() == [False, False, True]
    assert (data.observation_space, data.action_space, data.horizon) == (seen, done, None)
    assert data.source == {"log": "minari:foreign-v3"}


def test_the_time_limit_of_a_datasets_environment_is_known(shelf: Path) -> None:
    minari: Any = importlib.import_module("minari")
    buffer: Any = importlib.import_module("minari.data_collector.episode_buffer").EpisodeBuffer
    episode = buffer(
        observations=np.zeros((3, 4), np.float32),
        actions=np.array([0, 1]),
        rewards=[1.0, 1.0],
        terminations=[False, False],
        truncations=[False, True],
    )
    with pytest.warns(UserWarning, match="None"):
        minari.create_dataset_from_buffers("pole-v0", [episode], env="CartPole-v1")
    assert read_log("minari:pole-v0").horizon == 500


def test_minari_names_are_checked_and_never_overwritten(shelf: Path) -> None:
    data = random_walk(spaces.Box(-1, 1, (3,)), spaces.Discrete(2))
    with pytest.raises(LogError, match="'walk' is no name of a Minari dataset"):
        write_minari(data, "walk")
    with pytest.raises(LogError, match="'walk' is no name of a Minari dataset"):
        read_log("minari:walk")
    with pytest.raises(LogError, match="no local Minari dataset walk-v0"):
        read_log("minari:walk-v0")
    write_minari(data, "walk-v0")
    with pytest.raises(LogError, match="walk-v0 already"):
        write_minari(data, "walk-v0")


def test_a_broken_chain_is_not_exported_and_leaves_nothing(shelf: Path) -> None:
    data = random_walk(spaces.Box(-1, 1, (3,)), spaces.Discrete(2))
    data.next_obs[5] += 1
    with pytest.raises(LogError, match="episode 2"):
        write_minari(data, "walk-v0")
    assert not (shelf / "walk-v0").exists()


def test_an_interrupted_export_leaves_nothing(shelf: Path) -> None:
    data = random_walk(spaces.Box(-1, 1, (3,)), spaces.Discrete(2))
    unwritable = {"source": {"when": object()}}  # no JSON: fails after Minari has written its part
    with pytest.raises(TypeError):
        write_minari(Trajectories(**(vars_of(data) | unwritable)), "walk-v0")
    assert not (shelf / "walk-v0").exists()


def test_without_the_extra_a_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(LogError, match=r"pip install 'sandbox-worlds\[minari\]'"):
        read_log("minari:walk-v0")
