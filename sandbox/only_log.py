"""A log and no simulator: a model of the log, an agent from its dream, and how far both may be trusted.

No return and no price are invented: what an agent gets in the dream is called a promise, and stands beside what the
log's own episodes returned, which is all that is known of the world.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import sandbox_agents
from sandbox import files, models
from sandbox.collection import collect
from sandbox.dream import DreamVectorEnv
from sandbox.grid import check_settings
from sandbox.journal import Form, Journal, Keeper
from sandbox.metrics import score_card
from sandbox.models.chunks import split
from sandbox.models.ensemble import DISAGREEMENT, Ensemble
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.modes.settings import DreamSettings
from sandbox.modes.task import WORK
from sandbox.trajectories import Trajectories, starts_at
from sandbox_agents import Evaluation, Sb3Agent

RESULTS, ROW = "only_log.json", "row.json"
HELD_OUT = 0.2  # share of the log that only judges
PROMISES = 128  # dreamed episodes behind a promise
ASKED = 1000  # transitions at which the members of an ensemble are asked how far they disagree
STRANGE = 0.05  # share of dreamed steps outside the data from which on a sentence is said


@dataclass(frozen=True)
class LogStudy:
    """What is asked of a log: each model, from each seed."""

    log: Trajectories
    models: Sequence[str]
    seeds: Sequence[int]
    agent: str = "ppo"
    agent_config: Mapping[str, Any] | None = None
    dream: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"

    def check(self) -> None:
        """Refuse what cannot be done, before anything is spent or written.

        Raises:
            ValueError: names the input and the way out.
        """
        for model in self.models:
            models.parse(model)
        check_settings(self.dream)
        learner = sandbox_agents.make(
            self.agent, self.log.observation_space, self.log.action_space, 0, self.agent_config
        )
        if not isinstance(learner, Sb3Agent):
            raise ValueError(f"--agent {self.agent} does not learn; choose ppo, sac or dqn")

    @property
    def request(self) -> dict[str, Any]:
        """What decides the results, as JSON."""
        config = dict(self.agent_config or {})
        return {"log": self.log.fingerprint, "agent": self.agent, "agent_config": config, "dream": dict(self.dream)}


def run(study: LogStudy, out: Path, command: str = "", report: Callable[[str], None] = print) -> dict[str, Any]:
    """Do what `out` does not hold yet, one model and seed after another, and write `out/only_log.json`.

    Raises:
        ValueError: a study that cannot be done, or a folder of other results.
    """
    study.check()
    digest = hashlib.sha256(json.dumps(study.request, sort_keys=True).encode()).hexdigest()[:8]
    known = files.read_json(out / RESULTS) if (out / RESULTS).exists() else None
    if (known is None and out.exists() and any(out.iterdir()) and not (out / "cells").is_dir()) or (
        known is not None and known.get("request") != study.request
    ):
        raise ValueError(f"--out {out} exists and holds other results; name another folder or remove it")
    rows = []
    for model in study.models:
        for seed in study.seeds:
            folder = out / "cells" / f"only-log-{model.replace('+', '_')}-seed{seed}-{digest}"
            if not (folder / ROW).exists():
                files.write_json(folder / ROW, _learned(study, model, seed, folder, report))
            rows.append(files.read_json(folder / ROW) | {"agent_path": str((folder / "agent").resolve())})
    results = {
        "request": study.request,
        "transitions": len(study.log),
        "episodes": len(study.log.lengths),
        "log_return": _of_the_log(study.log),
        "rows": rows,
        "command": command,
    }
    files.write_json(out / RESULTS, results)
    return results


def _learned(study: LogStudy, model: str, seed: int, folder: Path, report: Callable[[str], None]) -> dict[str, Any]:
    """Fit, learn with caution and judge, by stages that are not done twice."""
    journal, settings = Journal(folder / "stages"), DreamSettings(**study.dream)
    torch.set_num_threads(1)
    taught, held_out = split(study.log, HELD_OUT, np.random.default_rng([seed, 1]))
    report(f"{model} seed {seed}: fit to {len(taught)} steps of the log")
    shape = Form(FittedModel.save, lambda path: FittedModel.load(path, study.device))
    fitted = journal.stage("fit", "fit", lambda keeper: _fit(study, taught, model, seed, settings, keeper), shape)
    report(f"{model} seed {seed}: learn {study.agent} in its cautious dream")
    form: Form[Sb3Agent] = Form(Sb3Agent.save, lambda path: _learner(sandbox_agents.load(path, study.device)))
    agent = journal.stage("learn", "learn", lambda keeper: _live(study, fitted, seed, settings, keeper), form).frozen()
    report(f"{model} seed {seed}: judge both by the {len(held_out)} steps held out")
    row = _judged(fitted, agent, taught, held_out, study.log, seed)
    fitted.save(folder / "model")
    agent.save(folder / "agent")
    seconds = {kind: round(journal.cost(kind).wall, 3) for kind in ("fit", "learn")}
    total = {"total": round(journal.cost(*WORK, between=True).wall, 3)}
    return {"model": model, "agent": study.agent, "seed": seed, "wall_seconds": seconds | total} | row


def _fit(
    study: LogStudy, taught: Trajectories, model: str, seed: int, settings: DreamSettings, keeper: Keeper
) -> FittedModel:
    asked = FitSettings(effort=settings.effort_for(taught), ensemble=settings.ensemble)
    return fit(taught, model, seed=seed, settings=asked, parts=settings.parts, device=study.device, keeper=keeper)


def _live(study: LogStudy, fitted: FittedModel, seed: int, settings: DreamSettings, keeper: Keeper) -> Sb3Agent:
    """Learn where the data are, and expect the worst elsewhere: nothing will ever correct this dream."""
    spaces = (study.log.observation_space, study.log.action_space)
    agent = _learner(sandbox_agents.make(study.agent, *spaces, seed, study.agent_config, study.device))
    steps, rows = settings.size(len(study.log))
    envs = DreamVectorEnv(
        fitted,
        rows,
        starts=fitted.starts,
        temperature=settings.temperature,
        cautious=True,
        disagreement_penalty=settings.disagreement_penalty,
        disagreement_limit=settings.disagreement_limit,
    )
    agent.learn(envs, steps, keeper=keeper)
    return agent


def _judged(
    fitted: FittedModel, agent: Sb3Agent, taught: Trajectories, held_out: Trajectories, log: Trajectories, seed: int
) -> dict[str, Any]:
    """The promise, where in the data it lies, and the score card of the model by what it never saw."""
    promise, least = (
        sandbox_agents.evaluate(agent, DreamVectorEnv(fitted, PROMISES, cautious=cautious), PROMISES, seed=seed)
        for cautious in (False, True)
    )
    rng = np.random.default_rng([seed, 2])
    dream = DreamVectorEnv(fitted, 64)
    lived = collect(dream, agent, 64 * min(fitted.horizon, 200), rng, source={"model": fitted.name, "seed": seed})
    outside = 1 - float(fitted.is_known(torch.from_numpy(lived.next_obs)).float().mean())
    doubt = None
    if isinstance(fitted.network, Ensemble):
        doubt = {"agent": _doubt(fitted, lived, rng), "log": _doubt(fitted, held_out, rng)}
    card = score_card(fitted, held_out, taught, seed=seed)
    row = {
        "return_dream": _interval(promise),
        "return_cautious": _interval(least),  # where all that lies outside the data is the worst that was seen
        "outside_data": outside,
        "disagreement": doubt,
        "card": card,
    }
    return row | {"trust": trust(row, log)}


def _doubt(model: FittedModel, data: Trajectories, rng: np.random.Generator) -> float:
    """How far the members of an ensemble disagree about transitions of `data`, in usual changes of one step."""
    chosen = rng.integers(len(data), size=min(ASKED, len(data)))
    noise = torch.from_numpy(rng.standard_normal((len(chosen), model.noise_dim), np.float32)).to(model.device)
    action = torch.from_numpy(data.action[chosen]).to(model.device)
    _, state = model.step(model.begin(starts_at(data, chosen, model.history)), action, noise)
    return float(state[DISAGREEMENT].mean())


def trust(row: Mapping[str, Any], log: Trajectories) -> list[str]:
    """What speaks for and against believing the promise of a row, one sentence each."""
    said = []
    for name, figure in row["card"]["figures"].get("one_step", {}).items():
        rivals = {who: figure[who] for who in ("persistence", "climatology") if who in figure}
        beaten = [who for who, value in rivals.items() if figure.get("best") == "lower" and figure["dream"] >= value]
        said += [f"on held-out steps the model's {name.replace('_', ' ')} is no better than {who}" for who in beaten]
    if not said:
        said.append("on held-out steps the model beats persistence and climatology")
    if row["outside_data"] > STRANGE:
        said.append(
            f"the agent spends {row['outside_data']:.0%} of its dream outside the range of the log; "
            f"if the worst awaits it there, the promise is {row['return_cautious']['mean']:.4g}"
        )
    else:
        said.append("the agent's dream stays within the range of the log")
    doubt = row["disagreement"]
    if doubt is None:
        said.append("one model cannot doubt itself; --ensemble 5 would say where its members disagree")
    else:
        ratio = doubt["agent"] / max(doubt["log"], 1e-9)
        said.append(f"the members disagree {ratio:.1f} times as much about the agent's dream as about held-out steps")
    complete = log.returns[log.complete]
    if len(complete) and row["return_dream"]["mean"] > complete.max():
        said.append("it promises more than any episode of the log returned: no data show that this is possible")
    if len(complete) and row["return_dream"]["high"] < complete.mean():
        said.append("it promises less than the log's own episodes returned: whoever made the log is the better choice")
    return said


def _of_the_log(log: Trajectories) -> dict[str, Any] | None:
    """What the log's complete episodes returned; None where all were cut."""
    complete = log.returns[log.complete]
    if not len(complete):
        return None
    found = sandbox_agents.summary(complete, log.lengths[log.complete], int(log.lengths.sum()))
    return _interval(found) | {"best": float(complete.max())}


def _interval(found: Evaluation) -> dict[str, Any]:
    """A mean return and its interval; a single episode has none."""
    ends = {"low": found.low, "high": found.high} if len(found.returns) > 1 else {"low": None, "high": None}
    return {"mean": found.mean, **ends, "episodes": len(found.returns)}


def _learner(agent: object) -> Sb3Agent:
    if not isinstance(agent, Sb3Agent):
        raise ValueError("the stored agent does not learn; remove its folder and run again")
    return agent
