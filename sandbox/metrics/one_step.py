"""One step ahead: scores on transitions that the model never saw."""

import numpy as np
from numpy.typing import NDArray

from sandbox.metrics.baselines import Dreamer, with_baselines
from sandbox.metrics.dreamed import successors
from sandbox.metrics.figures import Section, side_by_side
from sandbox.metrics.scores import auroc, brier, coverage, crps, energy_score, ranks
from sandbox.metrics.standard import Standard
from sandbox.trajectories import Trajectories

DRAWS = 32
MOST_TRANSITIONS = 500
_BEST = {"skill": "higher", "crps_skill": "higher", "coverage_50": 0.5, "coverage_90": 0.9, "ending_auroc": "higher"}


def fidelity(
    model: Dreamer, held_out: Trajectories, climate: Trajectories, rng: np.random.Generator
) -> dict[str, float]:
    """The figures of `one_step` in one flat dict.

    Beside the dream's `energy_score` stand `persistence` and `climatology`, the energy scores of the baselines; beside
    every other figure its `…_climatology`.
    """
    figures = one_step(model, held_out, climate, rng).figures
    flat = {"energy_score": figures["energy_score"].dream}
    for name in ("persistence", "climatology"):
        flat[name] = getattr(figures["energy_score"], name)
    for name, figure in figures.items():
        flat.setdefault(name, figure.dream)
        if figure.climatology is not None and name != "energy_score" and not name.startswith("coverage"):
            flat[f"{name}_climatology"] = figure.climatology
    return flat


def one_step(
    model: Dreamer,
    held_out: Trajectories,
    climate: Trajectories,
    rng: np.random.Generator,
    transitions: int = MOST_TRANSITIONS,
    draws: int = DRAWS,
) -> Section:
    """Score `model` on up to `transitions` of `held_out`; `climate` is the data that it was made from.

    Observations are measured in standard deviations of a step's change over `climate`, rewards in their own.
    `energy_score` and `crps` (the mean over the continuous dimensions that vary) are proper: only the true law has the
    least. Their skills are 1 − score / score of persistence: 0 for "nothing changes", 1 for a flawless oracle of what
    is not left to chance. `coverage_50` and `coverage_90` say how often the truth lies in the central intervals;
    `reward_error` is the mean absolute error of drawn rewards, `reward_crps` their proper score, `ending_brier` and
    `ending_auroc` judge the drawn share of endings. The last counts up to `transitions` more endings, since it does not
    depend on how common they are, and the few among the others leave it to luck: with six of them, drawn anew, the same
    model of Lander has anything from 0.83 to 1.
    """
    chosen = np.sort(rng.permutation(len(held_out))[:transitions])
    ends = np.setdiff1d(np.flatnonzero(held_out.terminated), chosen)
    ends = np.sort(rng.permutation(ends)[:transitions])
    standard = Standard.of(climate)
    scores = {
        name: _scores(each, held_out, chosen, ends, standard, draws, rng)
        for name, each in with_baselines(model, climate).items()
    }
    still = scores["persistence"]
    for name in ("dream", "climatology"):
        _add_skill(scores[name], still)
    left_out = {}
    if "ending_auroc" not in scores["dream"]:
        left_out["ending_auroc"] = "the held-out transitions all end, or none of them does"
    if "crps" not in scores["dream"]:
        left_out["crps"] = "no continuous dimension varies"
    if "skill" not in scores["dream"]:
        left_out["skill"] = "nothing ever changes in the held-out transitions"
    return Section(side_by_side(scores, _BEST), {"transitions": len(chosen), "draws": draws}, left_out)  # type: ignore[arg-type]


def _scores(
    model: Dreamer,
    data: Trajectories,
    chosen: NDArray[np.int64],
    more_ends: NDArray[np.int64],
    standard: Standard,
    count: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    both = np.concatenate([chosen, more_ends])
    all_obs, all_reward, all_ended = successors(model, data, both, count, rng)
    obs, reward, ended = all_obs[:, : len(chosen)], all_reward[:, : len(chosen)], all_ended[:, : len(chosen)]
    true_reward = data.reward[chosen] / standard.reward
    scaled = reward / standard.reward
    found = {"energy_score": energy_score(standard.points(obs), standard.points(data.next_obs[chosen]))}
    if len(standard.varying):
        drawn, truth = standard.numbers(obs), standard.numbers(data.next_obs[chosen])
        ranked = ranks(drawn, truth, rng)
        found["crps"] = float(crps(drawn, truth).mean())
        found |= {f"coverage_{round(100 * level)}": coverage(ranked, level) for level in (0.5, 0.9)}
    found["reward_error"] = float(np.abs(scaled - true_reward).mean())
    found["reward_crps"] = float(crps(scaled, true_reward))
    found["ending_brier"] = brier(ended, data.terminated[chosen])
    area = auroc(all_ended.mean(axis=0), data.terminated[both])
    return found if area is None else found | {"ending_auroc": area}


def _add_skill(scores: dict[str, float], persistence: dict[str, float]) -> None:
    for score, skill in (("energy_score", "skill"), ("crps", "crps_skill")):
        if persistence.get(score, 0.0) > 0:
            scores[skill] = 1 - scores[score] / persistence[score]
