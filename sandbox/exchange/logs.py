"""Logs of one's own become trajectories: NumPy archives, CSV tables, Minari datasets, our own files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox import files
from sandbox.exchange.minari import read_minari
from sandbox.exchange.tables import LogError, Table, read_csv, read_npz
from sandbox.spaces import Element, Layout, Rows, action_layout, layout
from sandbox.trajectories import Trajectories

Space = spaces.Space[Any]

_WIDE = ("obs", "action", "next_obs")  # the others have one number a step
# Actions that are whole numbers are choices where no more than so many values lie between the least and the greatest.
MOST_CHOICES = 64


def read_log(source: str, observation_space: Space | None = None, action_space: Space | None = None) -> Trajectories:
    """The experience in `FILE.npz`, `FILE.csv`, a file that `Trajectories.save` wrote, or `minari:ID`.

    An npz file holds the arrays obs, action, reward, terminated, and may hold next_obs, truncated, episode; D4RL's
    names are understood. A csv file has a header with obs_0, obs_1, …, action or action_0, …, reward, terminated, and
    may have next_obs_0, …, truncated, episode. Without next_obs the next row is the successor, and the last step of
    each episode, which then has none, is dropped. Where `dones` stands in place of `terminated`, what is not truncated
    is terminal.

    Spaces that are not given are inferred from the data: an unbounded Box for observations; for actions a Discrete from
    the least to the greatest value where one column holds few whole numbers, else a Box with the data's bounds.

    What had to be assumed or dropped stands as sentences in `source["notes"]` of the result.

    Raises:
        LogError: the file, the row and the column that cannot be read, and the way out.
    """
    if source.startswith("minari:"):
        return read_minari(source.removeprefix("minari:"))
    path = Path(source)
    if not path.is_file():
        raise LogError(f"there is no file {path}; give FILE.npz, FILE.csv, what `sandbox collect` wrote, or minari:ID")
    readers = {".npz": read_npz, ".csv": read_csv}
    if path.suffix in readers:
        return _assemble(readers[path.suffix](path), observation_space, action_space)
    try:
        return Trajectories.load(path)
    except files.DamagedFileError as error:
        raise LogError(f"{error}; a log is FILE.npz, FILE.csv, what `sandbox collect` wrote, or minari:ID") from error


def _assemble(table: Table, observation_space: Space | None, action_space: Space | None) -> Trajectories:
    """Columns as trajectories: spaces, episodes and successors."""
    columns = _checked(table)
    see = layout(observation_space or spaces.Box(-np.inf, np.inf, _shape(table.columns["obs"]), np.float32))
    do = action_layout(action_space or _inferred(table, table.columns["action"]))
    obs, action = _rows(table, "obs", see), _rows(table, "action", do)
    terminated, truncated = _endings(table, columns)
    last = _last_steps(columns, terminated | truncated)
    kept = np.ones(len(obs), bool)
    if "next_obs" in columns:
        next_obs = _rows(table, "next_obs", see)
        last = _cut_where_torn(table, last, obs, next_obs)
    else:
        next_obs = np.roll(obs, -1, axis=0)
        kept = ~last
        _say_what_was_dropped(table, int(last.sum()), int(terminated.sum()))
    episode: NDArray[np.int64] = np.cumsum(last) - last  # (N,), from 0
    lengths = np.bincount(episode[kept])
    if not kept.any():
        raise LogError(f"{table.path} has no step with a successor; add next_obs")
    return Trajectories(
        obs=obs[kept],
        action=action[kept],
        reward=columns["reward"][kept, 0].astype(np.float64),
        next_obs=next_obs[kept],
        terminated=terminated[kept],
        truncated=truncated[kept],
        lengths=lengths[lengths > 0].astype(np.int64),
        observation_space=see.space,
        action_space=do.space,
        source={"log": table.path.name, "notes": table.notes},
    )


def _checked(table: Table) -> dict[str, NDArray[Any]]:
    """Every column as `(N, K)`, finite, and as wide as it should be."""
    count = len(table.columns["obs"])
    if count < 2:
        raise LogError(f"{table.path} has {count} steps; at least 2 are needed")
    columns = {name: column.reshape(count, -1) for name, column in table.columns.items()}
    for name, column in columns.items():
        if name not in _WIDE and column.shape[1] != 1:
            raise LogError(f"{table.path}: {name} has {column.shape[1]} numbers a step where it must have 1")
        bad = np.flatnonzero(~np.isfinite(column).all(axis=1))
        if len(bad):
            raise LogError(f"{table.path}, {table.place(int(bad[0]))}: {name} is NaN or infinite; repair or drop it")
    return columns


def _shape(column: NDArray[Any]) -> tuple[int, ...]:
    return column.shape[1:] or (1,)


def _inferred(table: Table, column: NDArray[Any]) -> Space:
    """The action space that the data show."""
    values = column.reshape(len(column), -1).astype(np.float64)
    low, high = values.min(axis=0), values.max(axis=0)
    if values.shape[1] == 1 and (values == np.rint(values)).all() and high[0] - low[0] < MOST_CHOICES:
        space = spaces.Discrete(int(high[0] - low[0]) + 1, start=int(low[0]))
        table.notes.append(f"the actions are whole numbers, so they were read as {space}")
        return space
    shape = _shape(column)
    return spaces.Box(low.reshape(shape).astype(np.float32), high.reshape(shape).astype(np.float32), dtype=np.float32)


def _endings(table: Table, columns: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where episodes terminated and where they were truncated, `(N,)` each."""
    none = np.zeros((len(columns["obs"]), 1), bool)
    terminated, truncated, done = (
        columns.get(name, none)[:, 0].astype(bool) for name in ("terminated", "truncated", "done")
    )
    if "terminated" in columns:
        return terminated, (truncated | done) & ~terminated
    if done.any() and "truncated" not in columns:
        table.notes.append("every done was read as a termination, for there is no column truncated beside it")
    return done & ~truncated, truncated


def _last_steps(columns: Mapping[str, NDArray[Any]], ended: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which steps are an episode's last, `(N,)`: at an ending, before a new number in `episode`, and the log's last."""
    last = ended.copy()
    if "episode" in columns:
        last[:-1] |= np.diff(columns["episode"][:, 0]) != 0
    last[-1] = True
    return last


def _cut_where_torn(table: Table, last: NDArray[np.bool_], obs: Rows, next_obs: Rows) -> NDArray[np.bool_]:
    """The last steps, and those after which the log goes on elsewhere, as joined logs do without saying so."""
    slack = 1e-3 * obs.std(axis=0) + 1e-6
    torn = (np.abs(next_obs[:-1] - obs[1:]) > slack).any(axis=1) & ~last[:-1]
    if torn.any():
        place = table.place(int(np.flatnonzero(torn)[0]))
        table.notes.append(
            f"episodes were cut at {torn.sum()} steps, first at {place}, where the next row does not begin at next_obs"
        )
    torn_steps: NDArray[np.bool_] = np.append(torn, False)
    return last | torn_steps


def _rows(table: Table, name: str, as_: Layout) -> Rows:
    """A column in the units of a space's rows, `(N, D)`, checked element by element."""
    column = table.columns[name]
    if isinstance(as_.space, spaces.Dict | spaces.Tuple):
        raise LogError(f"{table.path} has plain columns, which do not fit {as_.space}; use minari:ID or .safetensors")
    if column.reshape(len(column), -1).shape[1] != as_.width:
        found = column.reshape(len(column), -1).shape[1]
        raise LogError(f"{table.path}: {name} has {found} numbers a step where {as_.space} has {as_.width}")
    rows = as_.to_rows(column.reshape(len(column), *(as_.space.shape or ())))
    for place, element in enumerate(as_.elements):
        bad = np.flatnonzero(~_fits(rows[:, place], element))
        if len(bad):
            value = column.reshape(len(column), -1)[bad[0], place]
            raise LogError(f"{table.path}, {table.place(int(bad[0]))}: the {name} {value} is outside {as_.space}")
    return rows


def _fits(values: NDArray[np.float32], element: Element) -> NDArray[np.bool_]:
    """Which values an element can take; numbers may pass their bounds by rounding."""
    slack = (
        1e-5 * max(1.0, abs(element.low), abs(element.high)) if np.isfinite([element.low, element.high]).all() else 0
    )
    inside = (values >= element.low - slack) & (values <= element.high + slack)
    return inside if element.kind == "continuous" else inside & (values == np.rint(values))


def _say_what_was_dropped(table: Table, episodes: int, terminations: int) -> None:
    """Without successors the steps that matter most, the last ones, cannot be kept: nobody may learn that too late."""
    sentence = f"without next_obs the last step of each of {episodes} episodes has no successor and was dropped"
    if terminations:
        sentence += f", {terminations} terminations among them: add next_obs, or a dream of this log will never end"
    table.notes.append(sentence)
