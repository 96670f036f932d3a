"""Between the world's units and the networks': standardised numbers and one-hot categories."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sandbox.models.linear import LinearLaw
from sandbox.models.nets import columns, one_hot
from sandbox.models.ties import Ties
from sandbox.spaces import Element
from sandbox.trajectories import Trajectories

# Inputs beyond this many standard deviations say no more than "far out".
FAR = 10.0
# A dream may leave the range of the data by this share of that range, no further.
MARGIN = 0.5
# What so large a share of the data meets exactly is a wall of the world, not the end of a tail: no dream passes it.
WALL = 0.01
# What lies within this share beyond the range of the data counts as known.
KNOWN = 0.02
# How finely the observations are seen by which endings are decided.
BINS = 8
TINY = 1e-6
# A class is told by its turns where their entropy is at most this share of that of its values.
TURNED = 0.9
# The discount of the returns-to-go among which the worst is sought.
DISCOUNT = 0.99


class Codec(nn.Module):
    """Standardises observations, actions, changes and rewards by the statistics of the data it was made from.

    A dimension that never varied has scale 0: whatever is drawn for it, its one value comes out. What an end pays (a
    prize) has a scale and a range of its own beside what other steps pay. A logarithmic scale for all rewards (symlog,
    as in DreamerV3) made a fortune of a rare draw far out, which an agent in a dream of Lander soon lived for.
    """

    obs_mean: Tensor
    obs_scale: Tensor
    change_mean: Tensor
    change_scale: Tensor
    action_mean: Tensor
    action_scale: Tensor
    reward_mean: Tensor
    reward_scale: Tensor
    reward_low: Tensor
    reward_high: Tensor
    prize_mean: Tensor
    prize_scale: Tensor
    prize_low: Tensor
    prize_high: Tensor
    edges: Tensor
    low: Tensor
    high: Tensor
    known_low: Tensor
    known_high: Tensor
    worst: Tensor
    turns: Tensor

    def __init__(
        self, obs_elements: tuple[Element, ...], action_elements: tuple[Element, ...], *, is_map: bool = False
    ) -> None:
        """Where the observation `is_map`, all its classes are told in one way: its cells have one law."""
        super().__init__()
        self._is_map = is_map
        self.obs_elements = obs_elements
        self.action_elements = action_elements
        self.obs_numbers = [i for i, e in enumerate(obs_elements) if e.kind == "continuous"]
        self.obs_classes = [(i, e) for i, e in enumerate(obs_elements) if e.kind != "continuous"]
        self.action_numbers = [i for i, e in enumerate(action_elements) if e.kind == "continuous"]
        self.action_classes = [(i, e) for i, e in enumerate(action_elements) if e.kind != "continuous"]
        self._numbers, self._acting = columns(self.obs_numbers), columns(self.action_numbers)
        self._whole = torch.tensor([obs_elements[i].whole for i in self.obs_numbers], dtype=torch.bool)
        self._has_whole = bool(self._whole.any())  # asked at every step
        sizes = {"obs": len(self.obs_numbers), "change": len(self.obs_numbers), "action": len(self.action_numbers)}
        for name, size in {**sizes, "reward": 1, "prize": 1}.items():
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))
        for name in ("low", "high", "known_low", "known_high"):
            self.register_buffer(name, torch.zeros(len(self.obs_numbers)))
        self.register_buffer("worst", torch.zeros(1))
        # Of each class, whether it is drawn as how far it turned from its present value, 1, or as its new value, 0.
        self.register_buffer("turns", torch.zeros(len(self.obs_classes)), persistent=bool(self.obs_classes))
        self._kinds = torch.tensor([e.categories if e.kind == "categorical" else 2 for _, e in self.obs_classes])
        self._choosing = columns([i for i, _ in self.obs_classes])
        for name in ("reward_low", "reward_high", "prize_low", "prize_high"):
            self.register_buffer(name, torch.zeros(1))
        self.register_buffer("edges", torch.zeros(len(self.obs_numbers), BINS + 1))
        self.zoomed_dim = len(self.obs_numbers) * BINS
        self.obs_features_dim = _features_dim(obs_elements)
        action_dim = _features_dim(action_elements)
        self.features_dim = self.obs_features_dim + action_dim
        self.law = LinearLaw(self.obs_features_dim, action_dim, len(self.obs_numbers))
        self.ties = Ties(self.obs_features_dim, len(self.obs_numbers))

    def measure(self, data: Trajectories) -> None:
        """Take the statistics of `data`."""
        obs = np.concatenate([data.obs, data.next_obs])[:, self.obs_numbers]
        change = (data.next_obs - data.obs)[:, self.obs_numbers]
        ended = data.terminated if data.terminated.any() else np.ones(len(data), bool)
        paid, prizes = data.reward[~data.terminated], data.reward[ended]
        paid = paid if len(paid) else data.reward
        columns = {
            "obs": obs,
            "change": change,
            "action": data.action[:, self.action_numbers],
            "reward": paid[:, None],
            "prize": prizes[:, None],
        }
        for name, values in columns.items():
            mean, scale = _mean_and_scale(values.astype(np.float64))
            getattr(self, f"{name}_mean").copy_(torch.from_numpy(mean))
            getattr(self, f"{name}_scale").copy_(torch.from_numpy(scale))
        bounds = [self.obs_elements[i] for i in self.obs_numbers]
        low, high, spread = obs.min(axis=0), obs.max(axis=0), np.ptp(obs, axis=0)
        below, above = (MARGIN * spread * ((obs == end).mean(axis=0) < WALL) for end in (low, high))
        self._set("low", np.maximum(low - below, [e.low for e in bounds]))
        self._set("high", np.minimum(high + above, [e.high for e in bounds]))
        self._set("known_low", low - KNOWN * spread)
        self._set("known_high", high + KNOWN * spread)
        for name, values in (("reward", paid), ("prize", prizes)):
            self._set(f"{name}_low", values.min(keepdims=True))
            self._set(f"{name}_high", values.max(keepdims=True))
        met = data.next_obs[ended][:, self.obs_numbers]
        turns = np.array([_is_turned(data, i, e) for i, e in self.obs_classes])
        self._set("turns", np.full_like(turns, turns.mean() > 0.5) if self._is_map else turns)
        self._set("edges", np.quantile(met, np.linspace(0, 1, BINS + 1), axis=0).T)
        self.expect(worst_return(data))

    def learn_law(self, data: Trajectories) -> None:
        """Learn which changes a line in observation and action tells, after `measure`."""
        before, action, after = (torch.from_numpy(each) for each in (data.obs, data.action, data.next_obs))
        self.law.learn(self.features(before, action), self.change(before, after)[:, self._numbers])

    def tie(self, data: Trajectories, updates: int, rng: np.random.Generator) -> None:
        """Learn which numbers of an observation the others tell, after `learn_law`."""
        features = self.observation_features(torch.from_numpy(data.next_obs))
        self.ties.learn(features, ~self.law.has_law & (self.obs_scale > 0), updates, rng)

    def _set(self, name: str, values: NDArray[Any]) -> None:
        getattr(self, name).copy_(torch.from_numpy(values.astype(np.float32)))

    def widen(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        """Count as known what lies between observations `low` and `high`, `(D,)`, too."""
        self._set("known_low", np.minimum(self.known_low.cpu().numpy(), low[self.obs_numbers]))
        self._set("known_high", np.maximum(self.known_high.cpu().numpy(), high[self.obs_numbers]))

    def expect(self, worst: float) -> None:
        """Take `worst` for what the unknown would return."""
        self._set("worst", np.array([worst]))

    def is_known(self, obs: Tensor) -> Tensor:
        """Whether each observation `(N, D)` lies in the range of what is known, in every dimension, `(N,)`."""
        numbers = obs[..., self._numbers]
        return ((numbers >= self.known_low) & (numbers <= self.known_high)).all(dim=-1)

    def strangeness(self, obs: Tensor) -> Tensor:
        """The mean squared standardised number of each observation `(N, D)`, `(N,)`; 0 where it has only classes."""
        numbers = _standard(obs[..., self._numbers], self.obs_mean, self.obs_scale)
        return numbers.square().sum(dim=-1) / max(len(self.obs_numbers), 1)

    def features(self, obs: Tensor, action: Tensor) -> Tensor:
        """Observation and action `(…, D)`, `(…, A)` as network input `(…, X)`."""
        numbers = _standard(action[..., self._acting], self.action_mean, self.action_scale)
        return torch.cat([self.observation_features(obs), numbers, *_classes(action, self.action_classes)], dim=-1)

    def observation_features(self, obs: Tensor) -> Tensor:
        """Observation `(…, D)` as network input."""
        numbers = _standard(obs[..., self._numbers], self.obs_mean, self.obs_scale)
        return torch.cat([numbers, *_classes(obs, self.obs_classes)], dim=-1)

    def zoomed(self, obs: Tensor) -> Tensor:
        """Observation `(…, D)` through a magnifying glass, `(…, D · BINS)`: how far it is through each of its bins.

        The piecewise linear encoding of Gorishniy, Rubachev and Babenko (2022), with edges at quantiles of what was
        observed when episodes ended: endings are decided at thresholds, often a hundredth of the usual spread wide.
        """
        numbers = obs[..., self._numbers].unsqueeze(-1)
        width = (self.edges[:, 1:] - self.edges[:, :-1]).clamp_min(TINY)
        return ((numbers - self.edges[:, :-1]) / width).clamp(0, 1).flatten(-2)

    def change(self, obs: Tensor, next_obs: Tensor) -> Tensor:
        """The change `(N, D)` of a step: how numbers changed, standardised, and what classes became.

        A class that mostly stays what it is, as a cell of a map does, is told as the turn that it made, modulo its
        count: so "nothing changes" is one and the same value, whatever the class is now.
        """
        change = next_obs.clone()
        difference = next_obs - obs
        change[..., self._numbers] = _standard(difference[..., self._numbers], self.change_mean, self.change_scale)
        if self.obs_classes:
            change[..., self._choosing] = self._turned(next_obs, obs, -1)
        return change

    def record(self, x: Tensor, change: Tensor) -> Tensor:
        """What a head draws of a `change` `(N, D)` after the step `x` `(N, X)`: of numbers what their law leaves."""
        record = change.clone()
        record[..., self._numbers] = (change[..., self._numbers] - self.law(x)) / self.law.scale
        return record

    def recorded(self, x: Tensor, record: Tensor) -> Tensor:
        """The change `(N, D)` that a drawn `record` tells of."""
        change = record.clone()
        change[..., self._numbers] = self.law(x) + self.law.scale * record[..., self._numbers]
        return change

    def changed(self, obs: Tensor, change: Tensor) -> Tensor:
        """The observation `(N, D)` after a `change`, kept near the range of the data."""
        following = change.clone()
        numbers = obs[..., self._numbers] + self.change_mean + self.change_scale * change[..., self._numbers]
        following[..., self._numbers] = torch.minimum(torch.maximum(numbers, self.low), self.high)
        if self.obs_classes:
            following[..., self._choosing] = self._turned(change, obs, 1)
        return following

    def settled(self, obs: Tensor) -> Tensor:
        """The observation `(N, D)` with its tied numbers pulled to what the others tell, and whole ones rounded."""
        numbers = obs[..., self._numbers]
        if self.ties.tied.any():
            pulled = self.obs_mean + self.obs_scale * self.ties.settled(self.observation_features(obs))
            numbers = torch.where(self.ties.tied, pulled, numbers)
        settled = obs.clone()
        settled[..., self._numbers] = torch.where(self._whole.to(obs.device), numbers.round(), numbers)
        return settled

    @property
    def is_settling(self) -> bool:
        """Whether `settled` does anything: some number is tied, or whole."""
        return self._has_whole or bool(self.ties.tied.any())

    def _turned(self, classes: Tensor, obs: Tensor, way: int) -> Tensor:
        """The classes among `classes` `(N, D)`, turned by those of `obs` where they are told as turns, `(N, K)`."""
        kinds = self._kinds.to(obs.device)
        return (classes[..., self._choosing] + way * self.turns * obs[..., self._choosing]).remainder(kinds)

    def standard_reward(self, reward: Tensor, terminated: Tensor) -> Tensor:
        """Rewards `(N,)`, standardised; those of the steps that `terminated`, `(N,)`, as prizes."""
        usual = _standard(reward[:, None], self.reward_mean, self.reward_scale)[:, 0]
        return torch.where(terminated, _standard(reward[:, None], self.prize_mean, self.prize_scale)[:, 0], usual)

    def reward(self, standard: Tensor, terminated: Tensor) -> Tensor:
        """Standardised rewards `(N,)` in the world's units, within the range of what was ever paid in their case."""
        usual = _within(self.reward_mean + self.reward_scale * standard, self.reward_low, self.reward_high)
        prize = _within(self.prize_mean + self.prize_scale * standard, self.prize_low, self.prize_high)
        return torch.where(terminated, prize, usual)


def _within(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(values, low), high)


def returns_to_go(data: Trajectories, discount: float) -> NDArray[np.float64]:
    """The discounted sum of rewards from every step to the end of its episode, `(N,)`."""
    total = np.empty(len(data))
    following = 0.0
    last = data.elapsed[1:] == 0
    for step in range(len(data) - 1, -1, -1):
        if step == len(data) - 1 or last[step]:
            following = 0.0
        following = data.reward[step] + discount * following
        total[step] = following
    return total


def _is_turned(data: Trajectories, column: int, element: Element) -> bool:
    """Whether the turns of a class have clearly less entropy in `data` than its values."""
    kinds = element.categories if element.kind == "categorical" else 2
    now, following = (each[:, column].astype(np.int64) for each in (data.obs, data.next_obs))
    values, turns = (np.bincount(each % kinds, minlength=kinds) / len(data) for each in (following, following - now))
    surprise = [-(share[share > 0] * np.log(share[share > 0])).sum() for share in (values, turns)]
    return bool(surprise[1] < TURNED * surprise[0])


def worst_return(data: Trajectories) -> float:
    """The worst discounted return-to-go of `data`."""
    return float(returns_to_go(data, DISCOUNT).min())


def _features_dim(elements: tuple[Element, ...]) -> int:
    return sum(e.categories if e.kind == "categorical" else 1 for e in elements)


def _mean_and_scale(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean, scale = values.mean(axis=0), values.std(axis=0)
    constant = np.ptp(values, axis=0) <= 1e-6 * (1e-6 + np.abs(mean)) if len(values) else np.ones_like(mean, bool)
    return mean, np.where(constant, 0.0, scale)


def _standard(values: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    # What never varied is divided by infinity: 0.
    return ((values - mean) / scale.masked_fill(scale == 0, torch.inf)).clamp(-FAR, FAR)


def _classes(values: Tensor, elements: list[tuple[int, Element]]) -> list[Tensor]:
    """Each class column as one-hot `(…, K)`, or as ±1 where it is binary."""
    first = elements[0][1] if elements else None
    if first is not None and first.kind == "categorical" and all(element == first for _, element in elements):
        together = values[..., columns([column for column, _ in elements])]
        return [one_hot(together, first.categories, values.dtype).flatten(-2)]
    encoded = []
    for column, element in elements:
        value = values[..., column]
        if element.kind == "binary":
            encoded.append((2 * value - 1)[..., None])
        else:
            encoded.append(one_hot(value, element.categories, values.dtype))
    return encoded
