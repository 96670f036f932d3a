"""How eyes learn: somebody looks about in a world, and an autoencoder is trained on what was seen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from sandbox.collection import Actor
from sandbox.threads import one_thread
from sandbox.vision.eyes import Autoencoder, Eyes, divergence
from sandbox.vision.images import Images, as_light, looked_at

# A number that says less than this of an image, in nats, has gone over to the prior.
TELLING = 0.1
FEWEST = 100  # images that anything can be learned from
_JUDGES, _PIECE = 0.1, 256  # share of the images that only judge, and how many are looked at together


@dataclass(frozen=True)
class LookSettings:
    """How eyes are trained."""

    numbers: int = 32  # Z, that an image may be told in
    updates: int = 2000  # gradient steps
    rows: int = 32  # images in each of them
    learning_rate: float = 1e-3  # the peak of a one-cycle schedule

    def __post_init__(self) -> None:
        for name in ("numbers", "updates", "rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"eyes need {name} of at least 1, not {getattr(self, name)}")


@dataclass(frozen=True)
class Sight:
    """How well held-out images are seen: the share of what varies in them, 1 is everything, 0 the mean image."""

    eyes: float
    components: float  # by as many principal components of the same images
    before: Images = field(repr=False)  # some of them, (M, SIDE, SIDE, C)
    after: Images = field(repr=False)  # and as the eyes have them


def look_about(
    envs: VectorEnv[Any, Any, Any],
    actor: Actor,
    steps: int,
    rng: np.random.Generator,
    progress: Callable[[int, int], None] | None = None,
) -> Images:
    """Let `actor` live `steps` real steps in `envs`, which reset in the same step; what was seen, `(N, SIDE, SIDE, C)`.

    Raises:
        ValueError: fewer steps than anything can be learned from.
    """
    if steps < FEWEST:
        raise ValueError(f"{steps} steps are too few to learn to see from; look at {FEWEST} or more")
    obs, _ = envs.reset(seed=int(rng.integers(2**31 - 1)))
    seen = [looked_at(obs).copy()]
    for tick in range(1, -(-steps // envs.num_envs)):
        obs, *_ = envs.step(actor.act(obs, rng))
        seen.append(looked_at(obs).copy())
        if progress is not None:
            progress(tick * envs.num_envs, steps)
    # Row by row, so that what is held out in the end are other minutes and not other rows of the same.
    together = np.stack(seen, axis=1)
    return together.reshape(-1, *together.shape[2:])[:steps]


@one_thread()
def learn_to_see(
    images: Images,
    world: Mapping[str, Any],
    *,
    seed: int = 0,
    settings: LookSettings | None = None,
    source: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Eyes, Sight]:
    """Eyes for `world`, trained on `images` `(N, SIDE, SIDE, C)`, and how well they see those that were held out."""
    settings, rng = settings or LookSettings(), np.random.default_rng(seed)
    judges, teaching = _split(len(images), rng)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**62)))  # PyTorch's initialisers know only the global generator
        network = Autoencoder(images.shape[3], settings.numbers)
    network.measure(images[teaching])
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, max(settings.updates, 20), pct_start=0.1, cycle_momentum=False
    )
    for update in range(1, settings.updates + 1):
        error, cost = network.losses(as_light(images[rng.choice(teaching, settings.rows)]), generator)
        optimiser.zero_grad(set_to_none=True)
        (error + cost.sum(dim=1)).mean().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1000.0)
        optimiser.step()
        schedule.step()
        if progress is not None:
            progress(update, settings.updates)
    network.requires_grad_(False).eval()
    kept = telling(network, images[teaching][:: max(1, len(teaching) // 1000)])
    eyes = Eyes(network, kept, dict(world), {})
    sight = _judge(eyes, images[teaching], images[judges], rng)
    told = {"seed": seed, "images": len(images), "share_seen": sight.eyes, "components": sight.components}
    return Eyes(network, kept, dict(world), {**(source or {}), **told}), sight


def _split(count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What judges and what teaches: stretches of time, for the next image is nearly the same."""
    stretch = np.arange(count) * 50 // count
    chosen = np.isin(stretch, rng.permutation(50)[: round(50 * _JUDGES)])
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


@torch.inference_mode()
def telling(network: Autoencoder, images: Images) -> NDArray[np.int64]:
    """The numbers that tell something of an image; the one that tells most, if none does."""
    costs = []
    for first in range(0, len(images), _PIECE):
        costs.append(divergence(*network.encode(network.standard(as_light(images[first : first + _PIECE])))))
    cost = torch.cat(costs).mean(dim=0).numpy()
    return np.flatnonzero(cost >= min(TELLING, float(cost.max()))).astype(np.int64)


def _judge(eyes: Eyes, teaching: Images, judges: Images, rng: np.random.Generator) -> Sight:
    some = judges[np.linspace(0, len(judges) - 1, min(len(judges), 4 * _PIECE)).astype(int)]
    painted = np.concatenate(
        [eyes.paint(eyes.see(some[first : first + _PIECE])) for first in range(0, len(some), _PIECE)]
    )
    mean, spread = (each.permute(1, 2, 0).numpy() for each in (eyes.network.mean, eyes.network.spread))

    def standard(images: Images) -> NDArray[np.float32]:
        light: NDArray[np.float32] = images.astype(np.float32) / np.float32(255)
        return np.asarray((light - mean) / spread, np.float32).reshape(len(images), -1)

    truth = standard(some)
    components = _components(standard(teaching[:: max(1, len(teaching) // 1000)]), len(eyes.kept), rng)
    told = truth @ components @ components.T
    shown = np.linspace(0, len(some) - 1, min(8, len(some))).astype(int)
    return Sight(_share(truth, standard(painted)), _share(truth, told), some[shown], painted[shown])


def _components(rows: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """The first principal components of `rows` `(N, P)`, `(P, count)`; `rows` have mean 0 in each column."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**62)))
        _, _, components = torch.svd_lowrank(torch.from_numpy(rows), q=min(count, *rows.shape), niter=4)
    found: NDArray[np.float32] = components.numpy()
    return found


def _share(truth: NDArray[Any], told: NDArray[Any]) -> float:
    """The share of what varies in `truth` that is `told`."""
    return float(1 - np.square(truth - told).sum() / np.square(truth).sum())
