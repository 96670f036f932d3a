"""The one training loop of every family: chunks of episodes in, the best weights on held-out episodes out."""

import copy
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sandbox.models import parse, part
from sandbox.models.core import Training, WorldModel
from sandbox.models.fitted import FittedModel, build
from sandbox.trajectories import Trajectories, starts

Progress = Callable[[int, int], None]

# Fewer pieces than this would make the held-out share coarse.
_PIECES = 40


@dataclass(frozen=True)
class FitSettings:
    """How a model is fitted; what is None comes from the head's own defaults."""

    updates: int | None = None  # most gradient steps
    effort: float = 1.0  # share of these steps that little data need
    chunk: int = 16  # steps of one episode in a row of a batch
    rows: int = 16  # rows of a batch
    held_out: float = 0.1  # share of episodes that only judge
    judge_every: int = 100  # updates between two judgements
    patience: int = 8  # judgements without a better one before a part stops counting
    finish: float = 0.2  # updates on all data after the judged ones, as a share of these
    starts: int = 256  # real starts that travel with the model: half beginnings of episodes, half anywhere


class TooLittleDataError(ValueError):
    """Data that no model can be fitted to; the message says how much is needed."""


def fit(
    data: Trajectories,
    model: str = "rnn",
    *,
    seed: int = 0,
    settings: FitSettings | None = None,
    parts: Mapping[str, Mapping[str, Any]] | None = None,
    device: torch.device | str = "cpu",
    log: Path | None = None,
    progress: Progress | None = None,
) -> FittedModel:
    """Fit the model named `model` to `data`.

    `parts` goes to the memory and the head: `{"memory": {"hidden": 128}, "head": {"components": 8}}`. `log` receives
    one JSON line a judgement.

    Raises:
        UnknownModelError: a name that means nothing.
        TooLittleDataError: fewer than ten transitions.
    """
    settings, parts = settings or FitSettings(), {k: dict(v) for k, v in (parts or {}).items()}
    if len(data) < 10:
        raise TooLittleDataError(f"{len(data)} transitions are too few to fit a model to; collect at least 10")
    rng = np.random.default_rng(seed)
    training: Training = part(parse(model)[1]).training_defaults
    training = replace(training, updates=max(1, round(settings.effort * (settings.updates or training.updates))))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**62)))  # PyTorch's initialisers know only the global generator
        network = build(model, parts, data.observation_layout, data.action_layout)
    network.codec.measure(data)
    network.to(device)
    with one_thread():
        judged = _train(network, data, training, settings, rng, log, progress)
    return FittedModel(
        name=model,
        settings=parts,
        network=network.eval(),
        observation=data.observation_layout,
        action=data.action_layout,
        horizon=data.horizon or int(data.lengths.max()),
        starts=starts(data, settings.starts, network.history, rng, beginnings=0.5),
        provenance={
            "data": {"transitions": len(data), "episodes": len(data.lengths), "source": dict(data.source)},
            "fit": {"seed": seed, **asdict(settings), "held_out_loss": judged},
        },
    )


class Chunks:
    """Batches of chunks: a start drawn uniformly, then the following steps of the same episode."""

    def __init__(self, data: Trajectories, length: int, device: torch.device | str) -> None:
        columns = ("obs", "action", "reward", "next_obs", "terminated")
        self.columns = {c: torch.from_numpy(_tensor_ready(getattr(data, c))).to(device) for c in columns}
        self.episode = data.episode
        self.offset = np.arange(length)

    def at(self, first: NDArray[np.int64]) -> dict[str, Tensor]:
        """The chunks that begin at transitions `first` `(B,)`: columns `(B, T, …)` and their `mask`."""
        index = np.minimum(first[:, None] + self.offset, len(self.episode) - 1)
        mask = (self.episode[index] == self.episode[first][:, None]) & (index == first[:, None] + self.offset)
        chosen = torch.from_numpy(index)
        batch = {name: column[chosen] for name, column in self.columns.items()}
        return {**batch, "mask": torch.from_numpy(mask).to(batch["obs"].device)}

    def draw(self, rows: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """`rows` chunks that begin anywhere."""
        return self.at(rng.integers(len(self.episode), size=rows))

    def cover(self) -> dict[str, Tensor]:
        """Every transition once: the chunks that tile each episode."""
        elapsed = np.arange(len(self.episode)) - np.searchsorted(self.episode, self.episode)
        return self.at(np.flatnonzero(elapsed % len(self.offset) == 0))


def split(data: Trajectories, held_out: float, rng: np.random.Generator) -> tuple[Trajectories, Trajectories]:
    """Training and held-out episodes.

    Where there are only a few long episodes they are cut into pieces first, so that holding out costs about the share
    that was asked for: of two episodes, one held out would be half of all that is known.
    """
    longest = max(len(data) // _PIECES, 16)
    pieces = [piece for length in data.lengths for piece in _cut(int(length), longest)]
    data = replace(data, lengths=np.array(pieces, np.int64))
    judges = rng.permutation(len(pieces))[: max(1, round(held_out * len(pieces)))]
    chosen = np.isin(np.arange(len(pieces)), judges)
    return (data, data) if chosen.all() else (data.episodes(~chosen), data.episodes(chosen))


def _cut(length: int, longest: int) -> list[int]:
    """`length` as a sum of nearly equal parts of at most `longest`."""
    parts = -(-length // longest)
    return [length // parts + (i < length % parts) for i in range(parts)]


def _train(
    network: WorldModel,
    data: Trajectories,
    training: Training,
    settings: FitSettings,
    rng: np.random.Generator,
    log: Path | None,
    progress: Progress | None,
) -> dict[str, float]:
    """Train in place; returns the best held-out loss of each part."""
    device = network.codec.obs_mean.device
    lessons, judges = (Chunks(each, settings.chunk, device) for each in split(data, settings.held_out, rng))
    exam = judges.cover()
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
    exam_seed = int(rng.integers(2**62))
    descend = _Descent(network, training, training.updates, training.learning_rate)
    best = _Best(network, settings.patience)
    begun = time.perf_counter()
    for update in range(1, training.updates + 1):
        losses = descend(lessons.draw(settings.rows, rng), generator)
        if update % settings.judge_every == 0 or update == training.updates:
            with torch.no_grad():
                # The same noise at every judgement: only the weights make a difference.
                judged = network.losses(exam, torch.Generator(device).manual_seed(exam_seed), held_out=True)
            best.consider({name: loss.mean().item() for name, loss in judged.items()})
            if log is not None:
                _append(log, update, time.perf_counter() - begun, losses, judged)
            if progress is not None:
                progress(update, training.updates)
            if best.exhausted:
                break
    held_out = best.restore()
    with torch.no_grad():
        network.outcome.choose(network.losses(exam, torch.Generator(device).manual_seed(exam_seed), held_out=True))
    _finish(network, Chunks(data, settings.chunk, device), training, settings, rng, generator)
    return held_out


def _finish(
    network: WorldModel,
    lessons: "Chunks",
    training: Training,
    settings: FitSettings,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> None:
    """A few gentle updates on all the data: what was held out may hold the only ending of its kind."""
    updates = round(settings.finish * training.updates)
    descend = _Descent(network, training, updates, training.learning_rate / 3) if updates else None
    for _ in range(updates):
        assert descend is not None
        descend(lessons.draw(settings.rows, rng), generator)


class _Descent:
    """One gradient step a call, by AdamW on a one-cycle schedule."""

    def __init__(self, network: WorldModel, training: Training, updates: int, peak: float) -> None:
        self.network = network
        self.optimiser = torch.optim.AdamW(
            network.parameters(), lr=peak, betas=training.betas, weight_decay=training.weight_decay, fused=True
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, peak, updates, pct_start=0.1, cycle_momentum=False
        )

    def __call__(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Take the step; returns the mean loss of each part."""
        losses = {name: loss.mean() for name, loss in self.network.losses(batch, generator).items()}
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimiser.step()
        self.schedule.step()
        return losses


@contextmanager
def one_thread() -> Iterator[None]:
    """Nets of this size gain nothing from a second thread, and on a busy machine lose everything to its barriers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Best:
    """The best weights of each part by its own held-out loss."""

    def __init__(self, network: WorldModel, patience: int) -> None:
        self.network = network
        self.patience = patience
        self.loss: dict[str, float] = {}
        self.weights: dict[str, list[dict[str, Any]]] = {}
        self.since: dict[str, int] = {}

    def consider(self, judged: Mapping[str, float]) -> None:
        for name, loss in judged.items():
            if loss < self.loss.get(name, np.inf):
                self.loss[name], self.since[name] = loss, 0
                self.weights[name] = [copy.deepcopy(module.state_dict()) for module in self.network.part(name)]
            else:
                self.since[name] = self.since.get(name, 0) + 1

    @property
    def exhausted(self) -> bool:
        return all(count >= self.patience for count in self.since.values())

    def restore(self) -> dict[str, float]:
        for name, saved in self.weights.items():
            for module, weights in zip(self.network.part(name), saved, strict=True):
                module.load_state_dict(weights)
        return self.loss


def _append(log: Path, update: int, seconds: float, losses: Mapping[str, Tensor], judged: Mapping[str, Tensor]) -> None:
    line: dict[str, Any] = {"update": update, "seconds": round(seconds, 3)}
    line |= {f"train_{name}": loss.item() for name, loss in losses.items()}
    line |= {f"held_out_{name}": loss.mean().item() for name, loss in judged.items()}
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _tensor_ready(column: NDArray[Any]) -> NDArray[Any]:
    return column.astype(np.float32) if column.dtype == np.float64 else column
