"""What a contrast compares: every mode, model and seed on one world, as the grid of its cells."""

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import sandbox_agents
from sandbox import models
from sandbox.cell import Cell
from sandbox.modes import MODES, USUAL
from sandbox.modes.settings import MAY_BE_ZERO, DreamSettings, read_by
from sandbox.spaces import brief
from sandbox.trajectories import Trajectories
from sandbox.worlds import Examination, World, require_supported

# Five rounds, each of which has to show its model something.
FEWEST_STEPS = 100
# A planner thinks at every step, so fewer episodes judge it; its rows say how many.
PLANNED_EPISODES, PLANNED_CURVE = 20, 10
# A flawless model of a slow simulator is slow as well: nobody waits longer for one cell.
MOST_PERFECT_SECONDS = 3600.0
PLANNER = "cem"
# What a log can take the place of: the first experience that a model learns from.
BEGIN_WITH_LOG = ("dream", "mix", "upsample", "plan", "persistence")
Way = tuple[str | None, str]  # a model, or none, and who learns by it


@dataclass(frozen=True)
class Contrast:
    """What is compared: every mode, model and seed on one world, with the same number of real steps."""

    world: World
    models: Sequence[str] = ("rnn", "diffusion")
    agent: str = "ppo"
    real_steps: int = 2000
    seeds: Sequence[int] = (0, 1, 2)
    modes: Sequence[str] = USUAL
    ceiling_steps: int | None = None  # of the learners in the simulator once more, where that is more
    agent_config: Mapping[str, Any] | None = None
    episodes: int = 100
    curve_episodes: int = 20
    dream: Mapping[str, Any] = field(default_factory=dict)
    sweep: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # a setting of `DreamSettings`, and its values
    log: Trajectories | None = None  # what agents with a model begin with; its steps count among the real ones
    device: str = "cpu"

    def check(self) -> None:
        """Refuse what cannot be run, before anything is spent or written.

        Raises:
            ValueError: names the input and the way out.
        """
        for model in self.models:
            models.parse(model)
        if self.real_steps < FEWEST_STEPS:
            raise ValueError(
                f"--real-steps {self.real_steps} is too few to learn anything from; use {FEWEST_STEPS} or more"
            )
        if self.ceiling_steps is not None and self.ceiling_steps < self.real_steps:
            raise ValueError(
                f"--ceiling-steps {self.ceiling_steps} is below --real-steps {self.real_steps}; a ceiling has more"
            )
        if len(set(self.seeds)) != len(self.seeds) or not self.seeds:
            raise ValueError("--seeds takes different seeds, at least one")
        if any(seed < 0 for seed in self.seeds):
            raise ValueError(f"--seeds takes whole numbers from 0, not {min(self.seeds)}")
        unknown = [mode for mode in self.modes if mode not in MODES]
        if unknown:
            raise ValueError(f"there is no mode {unknown[0]}; modes are {', '.join(MODES)}")
        if self.episodes < 2:
            raise ValueError(f"--episodes {self.episodes} cannot give an interval; use 100 or more")
        if self.curve_episodes < 1:
            raise ValueError(f"--curve-episodes {self.curve_episodes} draws no curve; use 20 or more")
        for settings in (dict(self.dream), *self._swept()):
            check_settings(settings)
        require_supported(self.world)
        if self.agent == "random":
            raise ValueError("--agent random does not learn; choose ppo, sac or dqn")
        sandbox_agents.make(self.agent, *self.world.spaces, 0, self.agent_config)
        self._check_modes()
        if self.log is not None:
            self._check_log(self.log)

    def _check_log(self, log: Trajectories) -> None:
        """Refuse a log of another world, one that nobody begins with, and one that leaves nothing to live."""
        for what, own, others in zip(
            ("observations", "actions"), (log.observation_space, log.action_space), self.world.spaces, strict=True
        ):
            if own != others:
                raise ValueError(
                    f"--log holds {what} {brief(own)} and {self.world.name} has {brief(others)}; take a log of this "
                    "world (sandbox collect makes one)"
                )
        if "model" in log.source:
            raise ValueError("--log was drawn by a model, so it is no experience; take a log of the simulator")
        if not set(self.modes) & set(BEGIN_WITH_LOG):
            raise ValueError(f"no mode of these begins with --log; add one of {', '.join(BEGIN_WITH_LOG)}")
        rounds = set(self.modes) & set(BEGIN_WITH_LOG) - {"upsample"}
        least = len(log) + (FEWEST_STEPS if rounds else 0)
        if self.real_steps < least:
            raise ValueError(
                f"--real-steps {self.real_steps} is too few beside a log of {len(log)} steps, which count among them; "
                f"use {least} or more"
            )

    def _check_modes(self) -> None:
        """Refuse modes that this world's actions, or these settings, leave without a learner."""
        actions = self.world.spaces[1]
        for mode in self.modes:
            if mode in ("mix", "upsample") and off_policy(actions) is None:
                raise ValueError(
                    f"the mode {mode} learns by sac or dqn, which cannot act in {actions}; leave the mode out"
                )
            if mode == "plan" and not sandbox_agents.can_plan(actions):
                raise ValueError(
                    f"the mode plan draws actions of a bounded Box or Discrete, not of {actions}; leave the mode out"
                )

    def cells(self, found: Examination) -> list[Cell]:
        """All cells, the longest ones first, so that the last to end is a short one.

        Raises:
            ValueError: a flawless model of a simulator that is too slow for one.
        """
        ways = self._ways()
        self._check_patience(found)
        plain = [
            self._cell(found, mode, model, agent, seed)
            for seed in self.seeds
            for mode in ways
            if mode in self.modes or (mode == "ceiling" and (self.ceiling_steps or 0) > self.real_steps)
            for model, agent in ways[mode]
        ]
        return [one for cell in plain for one in self._at_every_value(cell)]

    def _swept(self) -> list[dict[str, Any]]:
        """The settings that are swept over, one value each; none where nothing is."""
        return [{name: value} for name, values in self.sweep.items() for value in values]

    def _at_every_value(self, cell: Cell) -> list[Cell]:
        """The cell at every value that is swept over, where its mode reads such a setting."""
        values = [swept for swept in self._swept() if read_by(cell.mode, cell.model, swept)]
        return [replace(cell, dream=dict(cell.dream) | swept, sweep=swept) for swept in values] or [cell]

    def _ways(self) -> dict[str, list[Way]]:
        """Which models and learners each mode has, the slow modes first."""
        actions = self.world.spaces[1]
        learners: list[Way] = [(None, name) for name in sandbox_agents.applicable(actions) if name != "random"]
        replaying = off_policy(actions) or ""
        return {
            "plan": [(model, PLANNER) for model in self.models],
            "dream": [(model, self.agent) for model in self.models],
            "perfect": [(None, self.agent)],
            "persistence": [(None, self.agent)],
            "mix": [(model, replaying) for model in self.models],
            "upsample": [*((model, replaying) for model in self.models), (None, replaying)],
            "ceiling": learners,
            "simulator": learners,
            "constant": [(None, "constant")],
            "random": [(None, "random")],
        }

    def _cell(self, found: Examination, mode: str, model: str | None, agent: str, seed: int) -> Cell:
        cell = Cell(
            world=self.world.name,
            arguments=dict(self.world.arguments),
            horizon=found.horizon,
            time_limit=found.world.horizon,
            mode=mode,
            model=model,
            agent=agent,
            agent_config=dict(self.agent_config) if self.agent_config and agent == self.agent else None,
            seed=seed,
            real_steps=(self.ceiling_steps or 0) if mode == "ceiling" else self.real_steps,
            episodes=self.episodes,
            curve_episodes=self.curve_episodes,
            dream=read_by(mode, model, self.dream),
            device=self.device,
            log=self.log.fingerprint if self.log is not None and mode in BEGIN_WITH_LOG else None,
            eyes=self.world.eyes,
        )
        if mode != "plan":
            return cell
        return replace(
            cell,
            episodes=min(self.episodes, PLANNED_EPISODES),
            curve_episodes=min(self.curve_episodes, PLANNED_CURVE),
        )

    def _check_patience(self, found: Examination) -> None:
        if "perfect" not in self.modes or self.world.is_native:
            return
        settings = DreamSettings(**self.dream)
        seconds = 1.5 * settings.rounds_of(self.real_steps) * settings.size(self.real_steps)[0] * found.step_seconds
        if seconds > MOST_PERFECT_SECONDS:
            raise ValueError(
                f"the mode perfect would step {self.world.name} for about {seconds / 3600:.1f} hours a seed; leave the "
                "mode out, or dream less with --set dream_steps=N --set dream_steps_per_real=1"
            )


def off_policy(action_space: Any) -> str | None:
    """The learner that learns from remembered steps in `action_space`, if there is one."""
    return next((name for name in ("sac", "dqn") if name in sandbox_agents.applicable(action_space)), None)


def check_settings(chosen: Mapping[str, Any]) -> None:
    """Hold chosen settings to the names and kinds of `DreamSettings`.

    Raises:
        ValueError: names the setting and the way out.
    """
    plain = DreamSettings()
    known = {each.name: getattr(plain, each.name) for each in fields(DreamSettings)}
    for name, value in chosen.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise ValueError(f"dreams have no setting {name}; {hint}")
        least = 0 if name in MAY_BE_ZERO else 1
        if isinstance(known[name], int) and (not isinstance(value, int) or value < least):
            raise ValueError(f"the dream setting {name} takes a whole number from {least}, not {value!r}")
        is_number = known[name] is None or isinstance(known[name], float)  # None: a limit that is not set
        if is_number and (not isinstance(value, int | float) or value < 0):
            raise ValueError(f"the dream setting {name} takes a number from 0, not {value!r}")
        if name.endswith("_share") and value > 1:
            raise ValueError(f"the dream setting {name} is a share from 0 to 1, not {value!r}")
        if isinstance(known[name], dict) and not isinstance(value, dict):
            raise ValueError(f'the dream setting {name} takes JSON such as {{"head": {{"width": 64}}}}, not {value!r}')


def estimated_seconds(contrast: Contrast, jobs: int) -> float:
    """A guess at the wall-clock of a whole contrast, from what cells took on a 2-core laptop-class machine."""
    judged = 5.0
    learners = len(sandbox_agents.applicable(contrast.world.spaces[1])) - 1
    count = len(contrast.models)
    step = 0.012
    cells = {
        "random": 0.0,
        "constant": 1.0,
        "simulator": learners * step * contrast.real_steps,
        "dream": count * 150.0,
        "mix": count * (30.0 + 0.08 * contrast.real_steps),
        "upsample": count * 50.0 + (count + 1) * 90.0,
        "plan": count * (300.0 + 0.07 * contrast.real_steps),
        "perfect": 120.0,
        "persistence": 120.0,
    }
    each = sum(cells[mode] + judged for mode in contrast.modes) + learners * step * (contrast.ceiling_steps or 0)
    return len(contrast.seeds) * each / max(1, min(jobs, os.cpu_count() or 1))
