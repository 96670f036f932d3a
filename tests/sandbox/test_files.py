"""A file is whole or absent, and one that is neither ours nor whole is named in a sentence."""

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from sandbox import files
from sandbox.files import DamagedFileError
from sandbox.trajectories import Trajectories

ARRAYS = {"x": np.arange(5, dtype=np.float32), "flag": np.array([True, False])}


def stored(path: Path, kind: str = "trajectories") -> Path:
    files.write_arrays(path / "kept.data", ARRAYS, {"seed": 3}, kind)
    return path / "kept.data"


def test_arrays_and_header_come_back(tmp_path: Path) -> None:
    arrays, header = files.read_arrays(stored(tmp_path), "trajectories")
    assert header == {"seed": 3}
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array, strict=True)


@pytest.mark.parametrize("kept", [0, 4, 40, 100, -1])
def test_a_truncated_file_is_named(tmp_path: Path, kept: int) -> None:
    path = stored(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:kept])
    with pytest.raises(DamagedFileError, match=r"kept\.data is no readable trajectories file") as refused:
        files.read_arrays(path, "trajectories")
    assert "\n" not in str(refused.value)


def test_a_foreign_file_is_named(tmp_path: Path) -> None:
    save_file(ARRAYS, tmp_path / "foreign.safetensors")
    with pytest.raises(DamagedFileError, match="holds foreign data, not trajectories"):
        Trajectories.load(tmp_path / "foreign.safetensors")
    (tmp_path / "letter.txt").write_text("Dear reader, this is no file of arrays at all.")
    with pytest.raises(DamagedFileError, match=r"letter\.txt is no readable trajectories file"):
        Trajectories.load(tmp_path / "letter.txt")


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="holds world-model, not trajectories"):
        Trajectories.load(stored(tmp_path, "world-model"))


def test_a_newer_format_asks_for_an_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FORMAT", 99)
    path = stored(tmp_path)
    monkeypatch.undo()
    with pytest.raises(DamagedFileError, match="format 99, newer than this Sandbox reads; update it"):
        files.read_arrays(path, "trajectories")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match=r"there is no file .*absent\.data"):
        Trajectories.load(tmp_path / "absent.data")
    with pytest.raises(DamagedFileError, match=r"there is no file .*absent\.json"):
        files.read_json(tmp_path / "absent.json")


def test_json_that_is_cut_off_is_named(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"x": [1, 2]})
    assert files.read_json(tmp_path / "a.json") == {"x": [1, 2]}
    (tmp_path / "a.json").write_text('{"x": [1')
    with pytest.raises(DamagedFileError, match=r"a\.json is not readable JSON"):
        files.read_json(tmp_path / "a.json")


def test_json_holds_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_the_old_file_whole_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    files.write_text(path, "old")

    def half() -> None:
        with files.replacing(path) as temporary:
            temporary.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as told, files.replacing(tmp_path / "row.json"):
        raise OSError(errno.ENOSPC, "No space left on device")  # as a write tells it, without a name
    assert told.value.filename == str(tmp_path / "row.json")


def test_a_failure_leaves_the_old_folder_whole_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "kept"

    def write(text: str, fails: bool) -> None:
        with files.replacing(path) as temporary:
            temporary.mkdir()
            (temporary / "part").write_text(text)
            if fails:
                raise KeyboardInterrupt

    write("old", False)
    with pytest.raises(KeyboardInterrupt):
        write("new", True)
    assert (path / "part").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    write("new", False)
    assert (path / "part").read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_file_is_in_the_same_folder(tmp_path: Path) -> None:
    with files.replacing(tmp_path / "deep" / "kept.txt") as temporary:
        assert temporary.parent == tmp_path / "deep"
        temporary.write_text("new")
    assert (tmp_path / "deep" / "kept.txt").read_text() == "new"


WRITER = """
import sys
from pathlib import Path
from sandbox import files
count = 0
while True:
    count += 1
    files.write_json(Path(sys.argv[1]), {"count": count, "ballast": "x" * 200_000})
"""


def test_a_killed_writer_leaves_a_readable_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
        before = files.read_json(path)["count"] if path.exists() else 0
        deadline = time.monotonic() + 20
        while (not path.exists() or files.read_json(path)["count"] <= 2) and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.02 + 0.003 * before)
        writer.kill()
        writer.wait()
        assert len(json.loads(path.read_text())["ballast"]) == 200_000


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_an_unwritable_folder_is_refused_and_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "locked" / "kept.txt"
    files.write_text(path, "old")
    path.parent.chmod(0o500)
    try:
        with pytest.raises(OSError, match="locked"):
            files.write_text(path, "new")
        assert path.read_text() == "old"
    finally:
        path.parent.chmod(0o700)


def test_a_file_in_a_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OSError, match="taken"):
        files.write_text(tmp_path / "taken" / "kept.txt", "new")
    assert (tmp_path / "taken").read_text() == "a file"
