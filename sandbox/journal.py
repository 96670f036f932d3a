"""What a cell has done so far, stage by stage on disk: a cell that is killed goes on where it stopped, to the same bit.

A stage that ended has left its product and an entry in `journal.json`, and is read instead of done again; the one under
way keeps its state every half minute. When that is written depends on a clock, what is computed never does: every stage
draws its random numbers from the cell's seed and its own name.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from sandbox import files
from sandbox.counted import CannotReplayError

JOURNAL, KIND = "journal.json", "unfinished-stage"
KEEP_EVERY = 30.0  # seconds of work that may be lost
Arrays = Mapping[str, NDArray[Any]]
T = TypeVar("T")


@dataclass
class Cost:
    """Seconds of work, over all the processes that shared it."""

    wall: float = 0.0
    cpu: float = 0.0

    @classmethod
    def now(cls) -> "Cost":
        """What both clocks show."""
        return cls(time.perf_counter(), time.process_time())

    def since(self, before: "Cost") -> "Cost":
        """The difference."""
        return Cost(self.wall - before.wall, self.cpu - before.cpu)

    def plus(self, other: "Cost") -> "Cost":
        """The sum."""
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


class Keeper:
    """Keeps the state of one unfinished stage in one file.

    Attributes:
        notes: JSON that a stage wants back together with its state.
    """

    def __init__(self, path: Path, every: float = KEEP_EVERY) -> None:
        self.notes: dict[str, Any] = {}
        self._path, self._every = path, every
        self._begun = self._last = Cost.now()
        self._before = Cost()  # spent by processes that were killed

    @property
    def cost(self) -> Cost:
        """What this stage has cost so far."""
        return Cost.now().since(self._begun).plus(self._before)

    @property
    def is_due(self) -> bool:
        """Whether enough was done since the last time."""
        return time.perf_counter() - self._last.wall >= self._every

    def kept(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """The arrays and the record that were kept last; None at a fresh start."""
        if not self._path.exists():
            return None
        arrays, header = files.read_arrays(self._path, KIND)
        self._before, self.notes = Cost(**header["cost"]), header["notes"]
        return arrays, header["record"]

    def keep(self, arrays: Arrays, record: Mapping[str, Any]) -> None:
        """Write down where the stage stands."""
        header = {"record": dict(record), "notes": self.notes, "cost": asdict(self.cost)}
        files.write_arrays(self._path, arrays, header, KIND)
        self._last = Cost.now()

    def forget(self) -> None:
        """What was kept is of no more use."""
        self._path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Form(Generic[T]):
    """How a product lies on disk: both ways are exact."""

    save: Callable[[T, Path], None]
    load: Callable[[Path], T]


FACTS: Form[dict[str, Any]] = Form(lambda facts, path: files.write_json(path, facts), files.read_json)


@dataclass
class Entry:
    """One finished stage."""

    kind: str  # what its cost is counted as
    cost: Cost
    before: Cost  # of the work since the last stage: choices, starts, what is too small for a stage of its own
    account: dict[str, Any] = field(default_factory=dict)  # of the simulator, at its end


class Journal:
    """The finished stages of one cell, in the `folder` of their products."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: dict[str, Entry] = {}
        self._passed: dict[str, Entry] = {}  # by this process: the others may lie ahead of it
        if (folder / JOURNAL).exists():
            for name, entry in files.read_json(folder / JOURNAL).items():
                costs = Cost(**entry["cost"]), Cost(**entry["before"])
                self.entries[name] = Entry(entry["kind"], *costs, entry["account"])
        self._last = Cost.now()

    def cost(self, *kinds: str, between: bool = False) -> Cost:
        """What the stages of these kinds have cost up to now; with `between`, what was done between any as well."""
        total = Cost()
        for entry in self._passed.values():
            total = total.plus(entry.cost) if entry.kind in kinds else total
            total = total.plus(entry.before) if between else total
        return total

    def path(self, name: str) -> Path:
        """Where the product called `name` lies."""
        return self.folder / name.replace(":", "").replace(" ", "-")

    def stage(
        self,
        name: str,
        kind: str,
        make: Callable[[Keeper], T],
        form: Form[T],
        account: Callable[[], dict[str, Any]] = dict,
        settle: Callable[[dict[str, Any]], None] = lambda account: None,
    ) -> T:
        """The product called `name`: read, where an earlier process made it; otherwise made, and written.

        `account` says how a simulator stands, and `settle` puts it there: after a stage that is only read, and before
        one that begins anew because the simulator does not repeat itself.
        """
        if name in self.entries:
            settle(self.entries[name].account)
            product = form.load(self.path(name))
            self._passed[name] = self.entries[name]
            self._last = Cost.now()
            return product
        since = Cost.now().since(self._last)
        before, keeper = account(), Keeper(self.path(f"{name} (unfinished)"))
        try:
            product = make(keeper)
        except CannotReplayError:
            keeper.forget()
            settle(before)
            keeper = Keeper(self.path(f"{name} (unfinished)"))
            product = make(keeper)
        form.save(product, self.path(name))
        self.entries[name] = self._passed[name] = Entry(kind, keeper.cost, since, account())
        files.write_json(self.folder / JOURNAL, {name: asdict(entry) for name, entry in self.entries.items()})
        keeper.forget()
        self._last = Cost.now()
        return product
