"""Who may import whom: the syntax trees hold it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "sandbox": ROOT / "sandbox",
    "sandbox_envs": ROOT / "envs" / "sandbox_envs",
    "sandbox_agents": ROOT / "agents" / "sandbox_agents",
}
# From the outermost room inwards: nobody imports a room that stands before its own.
ROOMS = [
    {"cli", "__main__"},
    {"commands"},
    {"report", "bench", "console"},
    {"play"},
    {"actors"},
    {"pretrained"},
    {"experiment"},
    {"only_log"},
    {"grid"},
    {"pool"},
    {"cell"},
    {"modes"},
    {"drift"},
    {"journal", "candidates", "pictures", "forecast", "anatomy"},
    {"metrics"},
    {"dream", "branched", "still", "planning", "curiosity"},
    {"models"},
    {"branching", "branchable"},
    {"uncounted", "pilots"},
    {"counted"},
    {"collection", "exchange", "worlds", "vision"},
    {"trajectories", "examination", "budget", "batches"},
    {"spaces", "files", "price", "threads"},
    {"statistics"},
]


def imports(path: Path) -> set[str]:
    """Every module that a file imports at run time, in full."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checked_only = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    found = set()
    for node in ast.walk(tree):
        if node in checked_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files(package: str) -> list[Path]:
    return sorted(PACKAGES[package].rglob("*.py"))


@pytest.mark.parametrize("package", ["sandbox_envs", "sandbox_agents"])
def test_worlds_and_agents_know_neither_the_sandbox_nor_each_other(package: str) -> None:
    others = set(PACKAGES) - {package}
    for path in files(package):
        assert not {name for name in imports(path) if name.split(".")[0] in others}, path


def test_worlds_know_no_torch() -> None:
    for path in files("sandbox_envs"):
        assert not {name for name in imports(path) if name.split(".")[0] == "torch"}, path


def test_models_see_arrays_and_no_environment() -> None:
    barred = {"gymnasium", "sandbox_envs", "sandbox_agents", "stable_baselines3"}
    for path in sorted((PACKAGES["sandbox"] / "models").glob("*.py")):
        assert not {name for name in imports(path) if name.split(".")[0] in barred}, path


def test_the_rooms_of_the_sandbox_import_inwards_only() -> None:
    place = {room: depth for depth, rooms in enumerate(ROOMS) for room in rooms}
    for path in files("sandbox"):
        parts = path.relative_to(PACKAGES["sandbox"]).with_suffix("").parts
        if parts == ("__init__",):
            continue
        assert parts[0] in place, f"{path} has no place among the rooms"
        for name in imports(path):
            if name.startswith("sandbox."):
                target = name.split(".")[1]
                assert target not in place or place[target] >= place[parts[0]], f"{path} imports {name}"


def test_every_file_is_short_enough_to_hold_one_idea() -> None:
    long = {str(path): count for package in PACKAGES for path in files(package) if (count := _lines(path)) > 350}
    assert not long


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
