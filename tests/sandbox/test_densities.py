"""Every head draws from the distribution: laws that are known, learned from samples, held to the truth."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from sandbox import models
from sandbox.metrics.scores import energy_distance
from sandbox.models.core import Head
from sandbox.spaces import Element

NUMBER = Element("continuous")
MIXED = (NUMBER, Element("categorical", 3), Element("binary"), NUMBER)
# A curve takes more normal laws than a step of dynamics does.
SETTINGS = {"mixture": {"components": 16}, "autoregressive": {"components": 10}}
# Two players need more rounds than one: with as many as the others, the GAN's fork was 3.6 times too far.
ROUNDS = {"gan": 2}


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def taught(name: str, context: Tensor, target: Tensor, elements: tuple[Element, ...], updates: int) -> Head:
    """A head that learned the law of `target` `(N, D)` given `context` `(N, C)`, on the schedule of every fit."""
    torch.manual_seed(0)
    updates *= ROUNDS.get(name, 1)
    head: Head = models.part(name)(context.shape[1], elements, **SETTINGS.get(name, {}))
    settings = head.training_defaults
    optimiser = torch.optim.AdamW(head.parameters(), settings.learning_rate, settings.betas, fused=True)
    peak = settings.learning_rate
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak, updates, pct_start=0.1, cycle_momentum=False)
    drawn = generator(0)
    for _ in range(updates):
        batch = torch.randint(len(target), (256,), generator=drawn)
        loss = head.loss(context[batch], target[batch], drawn).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return head.eval()


@torch.no_grad()
def sampled(head: Head, context: Tensor, seed: int = 3) -> Tensor:
    return head.sample(context, torch.randn(len(context), head.noise_dim, generator=generator(seed)))


def nothing(count: int) -> Tensor:
    return torch.zeros(count, 0)


# The coin


def is_a_coin(drawn: Tensor) -> bool:
    near = ((drawn.abs() - 1).abs() < 0.25).float().mean()
    return bool(near >= 0.9 and 0.35 <= (drawn > 0).float().mean() <= 0.65)


@pytest.mark.parametrize("name", models.heads())
def test_the_coin_has_two_sides(name: str) -> None:
    side = torch.randint(0, 2, (4000, 1), generator=generator(4)) * 2.0 - 1
    assert is_a_coin(sampled(taught(name, nothing(4000), side, (NUMBER,), 1500), nothing(4000)))


def test_one_normal_law_fails_the_coin() -> None:
    assert not is_a_coin(torch.randn(4000, 1, generator=generator(5)))


@pytest.mark.parametrize("name", models.heads())
def test_classes_come_by_their_frequencies(name: str) -> None:
    drawn = generator(6)
    rooms = torch.multinomial(torch.tensor([0.6, 0.3, 0.1]), 4000, replacement=True, generator=drawn)
    bits = (torch.rand(4000, generator=drawn) < 0.2).float()
    numbers = torch.randn(4000, 2, generator=drawn)
    target = torch.stack([numbers[:, 0], rooms.float(), bits, numbers[:, 1]], dim=1)
    found = sampled(taught(name, nothing(4000), target, MIXED, 1000), nothing(4000))
    for room, share in enumerate((0.6, 0.3, 0.1)):
        assert (found[:, 1] == room).float().mean().item() == pytest.approx(share, abs=0.05)
    assert found[:, 2].mean().item() == pytest.approx(0.2, abs=0.05)


# Seven easy numbers and a hard one


def gated(count: int, drawn: torch.Generator) -> tuple[Tensor, Tensor]:
    """Seven numbers that are given, and a product of two that are: as tilt and thrust push a rocket sideways."""
    tilt, given = 2 * torch.rand(count, 1, generator=drawn) - 1, torch.randn(count, 7, generator=drawn)
    thrust = (torch.rand(count, 1, generator=drawn) < 0.3).float()
    return torch.cat([tilt, thrust, given], dim=1), torch.cat([given, 3 * thrust * tilt], dim=1)


def missed(name: str) -> float:
    """How far draws of the hard number are from it under thrust, on average."""
    head = taught(name, *gated(4000, generator(1)), (NUMBER,) * 8, 800)
    context, target = gated(2000, generator(2))
    under_thrust = context[:, 1] == 1
    return (sampled(head, context) - target)[under_thrust, -1].abs().mean().item()


@pytest.mark.parametrize("name", [name for name in models.heads() if name != "vae"])  # it leaves it to noise: 1.5
def test_a_hard_number_is_learned_beside_easy_ones(name: str) -> None:
    assert missed(name) < 0.3


def test_a_mixture_whose_numbers_learn_unevenly_leaves_the_hard_one_to_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.models.mixture.evenly", lambda mean, scale: None)
    assert missed("mixture") > 1


# Curves and mixtures: a law gives context `(N, C)` and target `(N, D)`


def ring(count: int, drawn: torch.Generator) -> tuple[Tensor, Tensor]:
    angle = 2 * torch.pi * torch.rand(count, generator=drawn)
    radius = 1 + 0.05 * torch.randn(count, generator=drawn)
    return nothing(count), torch.stack([radius * angle.cos(), radius * angle.sin()], 1) / 0.7071


def two_moons(count: int, drawn: torch.Generator) -> tuple[Tensor, Tensor]:
    angle, upper = torch.pi * torch.rand(count, generator=drawn), torch.rand(count, generator=drawn) < 0.5
    x = torch.where(upper, angle.cos(), 1 - angle.cos())
    y = torch.where(upper, angle.sin(), 0.5 - angle.sin())
    moons = torch.stack([x, y], 1) + 0.05 * torch.randn(count, 2, generator=drawn)
    return nothing(count), (moons - torch.tensor([0.5, 0.25])) / torch.tensor([0.87, 0.5])


def fork(count: int, drawn: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two branches whose places and odds the context decides, and a class that knows which branch was taken."""
    context = 2 * torch.rand(count, 2, generator=drawn) - 1
    taken = torch.rand(count, generator=drawn) < torch.sigmoid(2 * context[:, 1])
    place = torch.where(taken, 1 + 0.5 * context[:, 0], -1 - 0.5 * context[:, 0])
    place = place + 0.1 * torch.randn(count, generator=drawn)
    third = torch.rand(count, generator=drawn) < 0.25
    return context, torch.stack([place, torch.where(third, 2.0, taken.float())], 1)


LAWS = {ring: (NUMBER, NUMBER), two_moons: (NUMBER, NUMBER), fork: (NUMBER, Element("categorical", 3))}
Law = Callable[[int, torch.Generator], tuple[Tensor, Tensor]]


def as_points(law: Law, context: Tensor, record: Tensor) -> np.ndarray:
    """Context and record as points whose distance is Euclid's."""
    if law is fork:
        record = torch.cat([record[:, :1], (record[:, 1:] == torch.arange(3)).float()], dim=1)
    return torch.cat([context, record], dim=1).double().numpy()


def excess(law: Law, draw: Callable[[Tensor, int], np.ndarray]) -> float:
    """The energy distance of drawn points to the truth, as a multiple of that between two true samples."""
    distances = []
    for repeat in range(20):
        drawn = generator(100 + repeat)
        one, two = law(2000, drawn), law(2000, drawn)
        truth = as_points(law, *two)
        distances.append((energy_distance(draw(one[0], repeat), truth), energy_distance(as_points(law, *one), truth)))
    ours, by_chance = np.median(distances, axis=0)
    return float(ours / by_chance)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", models.heads())
def test_a_head_draws_from_the_law_that_it_was_shown(name: str, law: Law) -> None:
    context, target = law(20_000, generator(1))
    head = taught(name, context, target, LAWS[law], 3000)
    found = excess(law, lambda given, seed: as_points(law, given, sampled(head, given, seed)))
    print(f"{name} {law.__name__}: {found:.2f} times the distance between two true samples")
    assert found <= 3


@pytest.mark.parametrize("law", LAWS)
def test_one_normal_law_is_far_from_every_one_of_them(law: Law) -> None:
    points = as_points(law, *law(20_000, generator(1)))
    mean, covariance = points.mean(0), np.cov(points.T)
    found = excess(
        law, lambda _, seed: np.random.default_rng(seed).multivariate_normal(mean, covariance, 2000, method="eigh")
    )
    assert found > 10
