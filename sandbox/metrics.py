"""How true is the dream? One-step figures on transitions that the model never saw, beside embarrassing baselines."""

import numpy as np
import torch
from numpy.typing import NDArray

from sandbox.models.fitted import FittedModel
from sandbox.trajectories import Trajectories, starts_at

DRAWS = 32
MOST_TRANSITIONS = 500


def fidelity(
    model: FittedModel, held_out: Trajectories, climate: Trajectories, rng: np.random.Generator
) -> dict[str, float]:
    """One-step scores of `model` on `held_out`, in standard deviations of the observations; lower is better.

    `energy_score` is proper (Gneiting & Raftery 2007, equation 22): only the true conditional law has the least. Beside
    it `persistence`, the score of "nothing changes", and `climatology`, that of an observation drawn from `climate`.
    `reward_error` is the mean absolute error of drawn rewards, `ending_brier` the Brier score of the drawn endings.
    """
    chosen = np.sort(rng.permutation(len(held_out))[:MOST_TRANSITIONS])
    obs, reward, ended = _draws(model, held_out, chosen, rng)
    scale = climate.obs.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    truth = held_out.next_obs[chosen] / scale
    random = climate.next_obs[rng.integers(len(climate), size=(DRAWS, len(chosen)))] / scale
    spread = float(held_out.reward.std())
    return {
        "energy_score": energy_score(obs / scale, truth),
        "persistence": float(np.linalg.norm(held_out.obs[chosen] / scale - truth, axis=-1).mean()),
        "climatology": energy_score(random, truth),
        "reward_error": float(np.abs(reward - held_out.reward[chosen]).mean()) / (spread or 1.0),
        "ending_brier": float(np.square(ended.mean(axis=0) - held_out.terminated[chosen]).mean()),
    }


def energy_score(draws: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """The mean over N of E|X − y| − ½ E|X − X'|, from draws `(M, N, D)` and truth `(N, D)`."""
    to_truth = np.linalg.norm(draws - truth, axis=-1).mean()
    # Shifted pairs: every draw meets another one, and none itself.
    apart = np.mean([np.linalg.norm(draws - np.roll(draws, k, axis=0), axis=-1).mean() for k in (1, 3, 7, 11)])
    return float(to_truth - 0.5 * apart)


def _draws(
    model: FittedModel, data: Trajectories, chosen: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """`DRAWS` one-step draws at each chosen transition: `(M, N, D)`, `(M, N)`, `(M, N)`."""
    state = model.begin(starts_at(data, chosen, model.history))
    action = torch.from_numpy(data.action[chosen]).to(model.device)
    drawn = []
    for _ in range(DRAWS):
        noise = torch.from_numpy(rng.standard_normal((len(chosen), model.noise_dim), np.float32)).to(model.device)
        drawn.append(model.step(state, action, noise)[0])
    obs, reward, ended = (torch.stack(column).cpu().numpy() for column in zip(*drawn, strict=True))
    return obs, reward, ended
