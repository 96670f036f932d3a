"""The one training loop of every family: chunks of episodes in, the best weights on held-out episodes out."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sandbox.models import parse, part
from sandbox.models.chunks import Chunks, divided, judges
from sandbox.models.core import Training, WorldModel
from sandbox.models.descent import Best, Descent, Keeper, take_tensors, tensors_of
from sandbox.models.familiar import familiarise
from sandbox.models.fitted import FittedModel, build_one, joined
from sandbox.models.predecessor import check, judged_before, runs
from sandbox.models.ties import UPDATES as TIE_UPDATES
from sandbox.threads import one_thread
from sandbox.trajectories import Trajectories, starts

Progress = Callable[[int, int], None]

# Fewer transitions than this are no data.
FEWEST = 10
# From so many on, a fit also takes from them what fewer do not tell: exact laws, and which numbers go together.
SEVERAL = 2000
# From so many on, it trusts the sharp view of where episodes end, and no predecessor's weights as they are.
PLENTY = 6000
# These then begin so far on the way to new ones ("shrink and perturb"; Ash and Adams 2020, "On warm-starting neural
# network training"): weights that only went on cost Lander's agents their landings (docs/results/lander.md).
RENEWED = 0.6
# Weights that go on as they are take so many times the updates of new ones; how many renewed ones take, the head says.
AGAIN = 0.4


@dataclass(frozen=True)
class FitSettings:
    """How a model is fitted; what is None comes from the head's own defaults."""

    updates: int | None = None  # most gradient steps
    effort: float = 1.0  # how many times that many; little data need fewer
    again: float | None = None  # how many times that many where a fit goes on from a predecessor's weights
    chunk: int = 16  # steps of one episode in a row of a batch
    rows: int = 16  # rows of a batch
    held_out: float = 0.1  # share of episodes that only judge
    judge_every: int = 100  # updates between two judgements
    patience: int = 8  # judgements without a better one before a part stops counting
    finish: float = 0.2  # updates on all data after the judged ones, as a share of these
    ensemble: int = 1  # members; each is fitted in turn, from weights and batches of its own
    starts: int = 256  # real starts that travel with the model: half beginnings of episodes, half anywhere


class TooLittleDataError(ValueError):
    """Data that no model can be fitted to; the message says how much is needed."""


@one_thread()
def fit(
    data: Trajectories,
    model: str = "rnn",
    *,
    seed: int = 0,
    settings: FitSettings | None = None,
    parts: Mapping[str, Mapping[str, Any]] | None = None,
    device: torch.device | str = "cpu",
    predecessor: FittedModel | None = None,
    log: Path | None = None,
    progress: Progress | None = None,
    keeper: Keeper | None = None,
) -> FittedModel:
    """Fit the model named `model` to `data`.

    `parts` goes to the memory and the head: `{"memory": {"hidden": 128}, "head": {"components": 8}}`. With a
    `predecessor`, a whole model of the same kind that was fitted to the first part of `data`, it goes on from there.
    `log` receives one JSON line a judgement. With a `keeper`, a fit that was interrupted goes on and ends with the same
    bits.

    Raises:
        UnknownModelError: a name that means nothing.
        TooLittleDataError: fewer than ten transitions, or fewer than the memory's window.
        ValueError: a predecessor of another kind, or one that knows more than `data`.
    """
    settings, parts = settings or FitSettings(), {k: dict(v) for k, v in (parts or {}).items()}
    made_of = parts | ({"ensemble": settings.ensemble} if settings.ensemble > 1 else {})
    if predecessor is not None:
        check(predecessor, model, made_of, data)
    if settings.ensemble < 1:
        raise ValueError(f"an ensemble of {settings.ensemble} models predicts nothing; use 1 or more")
    if settings.updates is not None and settings.updates < 1:
        raise ValueError(f"{settings.updates} updates teach a model nothing; use 1 or more")
    rng = np.random.default_rng(seed)
    plenty = len(data) >= PLENTY
    training = _training(model, settings, goes_on=predecessor is not None, plenty=plenty)
    lessons = None
    members: list[WorldModel] = []
    judged: list[_Judged] = []
    shelf = _Shelf(keeper, members, judged)
    for number in range(settings.ensemble):
        network = _untrained(data, model, parts, rng)
        if predecessor is not None:
            network.inherit(predecessor.members[number], RENEWED if plenty else 0.0)
        lessons = lessons or _Lessons.of(data, settings, judged_before(predecessor), rng, device)
        if len(data) >= SEVERAL and not shelf.holds_member(number):
            _look_closely(network, members, predecessor, data, settings, np.random.default_rng(seed))
        network.to(device)
        if shelf.holds_member(number):
            members.append(network.eval())
            judged.append(shelf.member(number, network, rng))
            continue

        def advance(done: int, total: int, before: int = number) -> None:
            if progress is not None:
                progress(before * total + done, settings.ensemble * total)

        judged.append(_train(network, lessons, training, settings, rng, log, advance, shelf))
        members.append(network.eval())
    assert lessons is not None
    fitted = FittedModel(
        name=model,
        settings=made_of,
        network=joined(members),
        observation=data.observation_layout,
        action=data.action_layout,
        # A limit that was read off a few random episodes says little where agents live longer.
        horizon=max(data.horizon or 1, int(data.lengths.max())),
        starts=starts(data, settings.starts, members[0].history, rng, beginnings=0.5),
        usual=np.sort(np.mean([each.surprise for each in judged], axis=0)),
        provenance={
            "data": _told(data, lessons.judging),
            "fit": {"seed": seed, **asdict(settings), "held_out_loss": _mean([each.loss for each in judged])},
        },
    )
    familiarise(fitted, data, rng)
    return fitted


def _training(model: str, settings: FitSettings, *, goes_on: bool, plenty: bool) -> Training:
    """How the head likes to be trained, in as many updates as the fit is to take."""
    training: Training = part(parse(model)[1]).training_defaults
    share = settings.effort
    if goes_on:
        default = training.relearning if plenty else AGAIN
        share *= default if settings.again is None else settings.again
    return replace(training, updates=max(1, round(share * (settings.updates or training.updates))))


def _told(data: Trajectories, judging: NDArray[np.bool_]) -> dict[str, Any]:
    """What a model says of its data."""
    counts = {"transitions": len(data), "episodes": len(data.lengths)}
    return {**counts, "source": dict(data.source), "judging": runs(judging)}


def _untrained(
    data: Trajectories,
    model: str,
    parts: Mapping[str, Mapping[str, Any]],
    rng: np.random.Generator,
) -> WorldModel:
    """A network that knows the data's statistics and nothing else."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**62)))  # PyTorch's initialisers know only the global generator
        network = build_one(model, parts, data.observation_layout, data.action_layout)
    fewest = max(FEWEST, getattr(network.memory, "window", 1))
    if len(data) < fewest:
        raise TooLittleDataError(f"{len(data)} transitions are too few to fit {model} to; collect at least {fewest}")
    network.codec.measure(data)
    if not data.terminated.any():
        network.outcome.never_end()
    return network


def _look_closely(
    network: WorldModel,
    members: list[WorldModel],
    predecessor: FittedModel | None,
    data: Trajectories,
    settings: FitSettings,
    rng: np.random.Generator,
) -> None:
    """Take from several thousand steps what fewer do not tell: exact laws, and which numbers go together.

    The `members` that were there before have it from the same data.
    """
    codec = network.codec
    if members:
        codec.load_state_dict(members[0].codec.state_dict())
        return
    codec.learn_law(data)
    updates = settings.effort * min(settings.updates or TIE_UPDATES, TIE_UPDATES)
    if predecessor is not None and predecessor.members[0].codec.ties.is_taught:
        codec.ties.inherit(predecessor.members[0].codec.ties)
        updates *= AGAIN if settings.again is None else settings.again
    codec.tie(data, round(updates), rng)


@dataclass(frozen=True)
class _Lessons:
    """The data of one fit: what teaches, what judges, and all of it; the same for every member of an ensemble."""

    teaching: Chunks
    exam: dict[str, Tensor]
    everything: Chunks
    plenty: bool
    judging: NDArray[np.bool_]  # which transitions

    @classmethod
    def of(
        cls,
        data: Trajectories,
        settings: FitSettings,
        before: NDArray[np.bool_],
        rng: np.random.Generator,
        device: torch.device | str,
    ) -> "_Lessons":
        judging = judges(data, settings.held_out, rng, before)
        teaching, exam = (Chunks(each, settings.chunk, device) for each in divided(data, judging))
        return cls(teaching, exam.cover(), Chunks(data, settings.chunk, device), len(data) >= PLENTY, judging)


@dataclass(frozen=True)
class _Judged:
    """What held-out data said of one network: the loss of each part, and the surprise at every transition, `(M,)`."""

    loss: dict[str, float]
    surprise: NDArray[np.float32]
    rng: dict[str, Any]  # the state of the random numbers when it was done


def _train(
    network: WorldModel,
    lessons: _Lessons,
    training: Training,
    settings: FitSettings,
    rng: np.random.Generator,
    log: Path | None,
    progress: Progress,
    shelf: "_Shelf",
) -> _Judged:
    """Train in place; returns what held-out data said before the last updates, which are on all data."""
    device, exam = network.codec.obs_mean.device, lessons.exam
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
    exam_seed = int(rng.integers(2**62))

    def same_noise() -> torch.Generator:
        # At every judgement: only the weights make a difference.
        return torch.Generator(device).manual_seed(exam_seed)

    descend = Descent(network, training, training.updates, training.learning_rate)
    best = Best(network, settings.patience)
    begun = time.perf_counter()
    done = shelf.resume(descend, best, generator, rng)
    for update in range(done + 1, training.updates + 1):
        losses = descend(lessons.teaching.draw(settings.rows, rng), generator)
        if update % settings.judge_every == 0 or update == training.updates:
            with torch.no_grad():
                judged = network.losses(exam, same_noise(), held_out=True)
            best.consider({name: loss.mean().item() for name, loss in judged.items()})
            if log is not None:
                _append(log, update, time.perf_counter() - begun, losses, judged)
            progress(update, training.updates)
            if best.exhausted:
                break
            shelf.keep(update, descend, best, generator, rng)
    held_out = best.restore()
    with torch.no_grad():
        network.outcome.choose(network.losses(exam, same_noise(), held_out=True), sharp=lessons.plenty)
    surprise = network.surprise(exam, same_noise()).cpu().numpy()
    _finish(network, lessons.everything, training, settings, rng, generator)
    return _Judged(held_out, surprise, dict(rng.bit_generator.state))


class _Shelf:
    """An unfinished fit on its keeper: the members that are done, and the one that is being trained."""

    def __init__(self, keeper: Keeper | None, members: list[WorldModel], judged: list[_Judged]) -> None:
        self._keeper, self._members, self._judged = keeper, members, judged
        kept = None if keeper is None else keeper.kept()
        self._arrays, self._record = kept or ({}, {"members": []})

    def holds_member(self, number: int) -> bool:
        """Whether this member was done."""
        return number < len(self._record["members"])

    def member(self, number: int, network: WorldModel, rng: np.random.Generator) -> _Judged:
        """Put a finished member's weights into `network`, and `rng` to where it left off."""
        stored = self._record["members"][number]
        take_tensors(network, self._arrays, f"member {number}.")
        rng.bit_generator.state = stored["rng"]
        return _Judged(stored["loss"], self._arrays[f"surprise {number}"], stored["rng"])

    def resume(self, descend: Descent, best: Best, generator: torch.Generator, rng: np.random.Generator) -> int:
        """Go back to where the training of the present member was; returns the updates that are done."""
        if "update" not in self._record:
            return 0
        descend.take(self._arrays, self._record["descent"])
        best.take(self._arrays, self._record["best"])
        generator.set_state(torch.from_numpy(self._arrays["generator"]))
        rng.bit_generator.state = self._record["rng"]
        return int(self._record.pop("update"))

    def keep(
        self, update: int, descend: Descent, best: Best, generator: torch.Generator, rng: np.random.Generator
    ) -> None:
        """Keep everything, if it is time to."""
        if self._keeper is None or not self._keeper.is_due:
            return
        arrays = descend.arrays() | best.arrays() | {"generator": generator.get_state().numpy()}
        for number, (network, judged) in enumerate(zip(self._members, self._judged, strict=True)):
            arrays |= tensors_of(network, f"member {number}.") | {f"surprise {number}": judged.surprise}
        record = {
            "members": [{"loss": each.loss, "rng": each.rng} for each in self._judged],
            "update": update,
            "descent": descend.record(),
            "best": best.record(),
            "rng": rng.bit_generator.state,
        }
        self._keeper.keep(arrays, record)


def _mean(losses: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([each[name] for each in losses])) for name in losses[0]}


def _finish(
    network: WorldModel,
    lessons: Chunks,
    training: Training,
    settings: FitSettings,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> None:
    """A few gentle updates on all the data: what was held out may hold the only ending of its kind."""
    updates = round(settings.finish * training.updates)
    descend = Descent(network, training, updates, training.learning_rate / 3) if updates else None
    for _ in range(updates):
        assert descend is not None
        descend(lessons.draw(settings.rows, rng), generator)


def _append(log: Path, update: int, seconds: float, losses: Mapping[str, Tensor], judged: Mapping[str, Tensor]) -> None:
    line: dict[str, Any] = {"update": update, "seconds": round(seconds, 3)}
    line |= {f"train_{name}": loss.item() for name, loss in losses.items()}
    line |= {f"held_out_{name}": loss.mean().item() for name, loss in judged.items()}
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
