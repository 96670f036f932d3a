"""Logs as tables: the columns of a NumPy archive or a CSV file under the names that we use."""

import csv
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The names that logs use for one column; the first is ours. D4RL's are among them (Fu et al., "D4RL", 2020).
_NAMES = {
    "obs": ("obs", "observations", "observation"),
    "action": ("action", "actions"),
    "reward": ("reward", "rewards"),
    "next_obs": ("next_obs", "next_observations", "next_observation"),
    "terminated": ("terminated", "terminals", "terminations"),
    "truncated": ("truncated", "timeouts", "truncations"),
    "done": ("done", "dones"),
    "episode": ("episode", "episodes"),
}
_NEEDED = ("obs", "action", "reward")
_TRUTH = {"true": 1.0, "false": 0.0}


class LogError(ValueError):
    """A log that cannot be read as trajectories; one sentence says where and what to do."""


@dataclass(frozen=True)
class Table:
    """A log's columns by our names, N rows each; `row_of` maps an index to how the file counts (`row 7`)."""

    path: Path
    columns: Mapping[str, NDArray[Any]]
    lines: NDArray[np.int64] | None = None  # the line of each row, where the file has lines
    notes: list[str] = field(default_factory=list)

    def place(self, index: int) -> str:
        """Where row `index` stands in the file."""
        return f"step {index}" if self.lines is None else f"line {self.lines[index]}"


def read_npz(path: Path) -> Table:
    """The arrays of an npz file; see `sandbox.exchange.read_log`.

    Raises:
        LogError: no readable archive, a missing array, or arrays that do not fit each other.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise LogError(f"{path} is no readable npz file of plain arrays ({error}); write it with np.savez") from None
    columns = {ours: arrays[name] for ours, names in _NAMES.items() for name in names[::-1] if name in arrays}
    _require(path, columns, list(arrays))
    for name, column in columns.items():
        if column.dtype.kind not in "fiub":
            raise LogError(f"{path}: {name} holds {column.dtype} where numbers are needed")
        if column.shape[:1] != columns["obs"].shape[:1] or column.ndim == 0:
            raise LogError(f"{path}: {name} has the shape {column.shape} and obs {columns['obs'].shape}; align them")
    return Table(path, columns)


def read_csv(path: Path) -> Table:
    """The columns of a csv file with a header; see `sandbox.exchange.read_log`.

    Raises:
        LogError: a missing column, a line of another length, or the line and column of what is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise LogError(f"{path} is no readable csv file ({error})") from None
    for line, row in rows:
        if len(row) != len(header):
            raise LogError(f"{path}, line {line}: {len(row)} values stand under {len(header)} column names")
    groups = _grouped(path, header)
    _require(path, groups, header)
    columns = {name: _numbers(path, rows, header, places) for name, places in groups.items()}
    return Table(path, columns, np.array([line for line, _ in rows], np.int64))


def _grouped(path: Path, header: list[str]) -> dict[str, list[int]]:
    """Which columns belong together, in order: `obs_0, obs_1` to `obs`."""
    groups: dict[str, list[int]] = {}
    for ours, names in _NAMES.items():
        whole = [i for i, title in enumerate(header) if title in names]
        parts = {
            int(match[2]): i
            for i, title in enumerate(header)
            if (match := re.fullmatch(r"(.+)_(\d+)", title)) and match[1] in names
        }
        missing = next((i for i in range(len(parts)) if i not in parts), None)
        if missing is not None:
            raise LogError(f"{path} has {len(parts)} columns of {ours} but no {ours}_{missing}; count them from 0")
        if whole or parts:
            groups[ours] = whole or [parts[i] for i in range(len(parts))]
    return groups


def _numbers(
    path: Path, rows: list[tuple[int, list[str]]], header: list[str], places: list[int]
) -> NDArray[np.float64]:
    """The values of some columns, `(N, K)`."""
    try:
        return np.array([[float(row[i]) for i in places] for _, row in rows])
    except ValueError:  # true and false, or something to complain about: look at each
        return np.array([[_number(path, line, header[i], row[i]) for i in places] for line, row in rows])


def _number(path: Path, line: int, column: str, text: str) -> float:
    text = text.strip()
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    try:
        return float(text)
    except ValueError:
        what = f"{text!r:.40} is no number" if text else "the value is missing"
        raise LogError(f"{path}, line {line}, column {column}: {what}") from None


def _require(path: Path, found: Mapping[str, Any], names: list[str]) -> None:
    for needed in _NEEDED:
        if needed not in found:
            wanted = " or ".join(_NAMES[needed])
            raise LogError(f"{path} has no {needed} (looked for {wanted}); it has {', '.join(names) or 'nothing'}")
    if not {"terminated", "done", "episode"} & set(found):
        raise LogError(f"{path} does not say where episodes end; add terminated (and truncated), or episode")
