"""`sandbox contrast`: which world should my agent learn in?"""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from sandbox.commands.arguments import Device, Name, Pairs, device_of, pairs, swept
from sandbox.modes import USUAL

Logs = Annotated[tuple[str, ...], tyro.conf.UseAppendAction]

if TYPE_CHECKING:
    from sandbox.trajectories import Trajectories
    from sandbox.worlds import World


def contrast(
    env: Name = "",
    /,
    models: tuple[str, ...] = ("rnn", "diffusion"),
    real_steps: int = 2000,
    seeds: tuple[int, ...] = (0, 1, 2),
    out: Path | None = None,
    agent: str = "ppo",
    agent_config: Path | None = None,
    modes: tuple[str, ...] = USUAL,
    ceiling_steps: int | None = None,
    jobs: int = 1,
    episodes: int = 100,
    curve_episodes: int = 20,
    env_arg: Pairs = (),
    horizon: int | None = None,
    ensemble: int = 1,
    set_: Annotated[Pairs, tyro.conf.arg(name="set")] = (),
    sweep: str = "",
    log: Logs = (),
    only_log: Path | None = None,
    device: Device = "auto",
) -> int:
    """Learn in the simulator and in dreams from the same number of real steps, and measure the difference.

    Args:
        env: a Gymnasium id, a world of ours by its bare name, or module:id, module:Class, module:function.
        models: generative models to dream with, or `all` for the six families; `sandbox list` shows them.
        real_steps: steps in the simulator that every learner may take.
        seeds: the seeds themselves, one cell each.
        out: folder of the results; runs/NAME by default. A folder that holds part of this contrast is completed.
        agent: who learns in the dreams.
        agent_config: JSON or TOML file of settings for that agent.
        modes: what is compared: random constant simulator dream mix upsample plan perfect persistence; `sandbox list`
            explains.
        ceiling_steps: real steps of one more learner of each kind in the simulator, to show what could be reached.
        jobs: cells that run at once, each a process of one thread.
        episodes: fresh episodes that judge every agent; not counted as real steps to learn from.
        curve_episodes: as many behind each point of a learning curve, from which the price of a step is read.
        env_arg: key=value for the environment, repeatable.
        horizon: time limit in steps, for environments that have none.
        ensemble: members of each model.
        set_: key=value for how agents learn by models (`DreamSettings`), repeatable: rounds=3, real_share=0.1, times=5.
        sweep: one such setting and its values: --sweep temperature=0.5,1.0,1.15 runs the grid at each of them.
        log: a log that whatever uses a model begins with, in place of random play, repeatable; its steps count among
            the real ones, and agents in the simulator do not see it.
        only_log: a log in place of ENV, where there is no simulator: scores, an agent and how far to trust them.
        device: where the networks are; auto takes the CPU for nets of this size.
    """
    from sandbox import console, experiment, report
    from sandbox.commands.only_log import only_log as study_log
    from sandbox.models import families
    from sandbox.worlds import world
    from sandbox_agents import read_config

    if bool(env) == (only_log is not None):
        raise ValueError("contrast needs either a world or --only-log FILE, and not both")
    if log and only_log is not None:
        raise ValueError("--log is for a world that can be stepped, --only-log for a log alone; take one of them")
    chosen = families() if models == ("all",) else models
    dream = pairs(set_, "--set") | ({"ensemble": ensemble} if ensemble != 1 else {})
    if only_log is not None:
        return study_log(only_log, chosen, seeds, out, agent, agent_config, dream, device_of(device))
    place = out or Path("runs") / env.replace("/", "-").replace(":", "-").lower()
    simulator = world(env, pairs(env_arg), horizon)
    plan = experiment.Contrast(
        world=simulator,
        models=chosen,
        agent=agent,
        real_steps=real_steps,
        seeds=seeds,
        modes=modes,
        ceiling_steps=ceiling_steps,
        agent_config=read_config(agent_config, agent) if agent_config else None,
        episodes=episodes,
        curve_episodes=curve_episodes,
        dream=dream,
        sweep=swept(sweep),
        log=_begun_with(log, simulator) if log else None,
        device=device_of(device),
    )
    plan.check()
    console.opening(plan.device, experiment.estimated_seconds(plan, jobs))
    with console.live() as show:
        results = experiment.run(
            plan, place, jobs=jobs, command=shlex.join(["sandbox", *sys.argv[1:]]), show=show, warn=console.note
        )
    console.show(report.table(results))
    console.show(report.verdict(results))
    console.show(report.price(results))
    unseen = report.film(place, console.show)
    if unseen is not None:
        console.note(unseen)
    console.show(f"{report.write(place).resolve()}")
    failed = [row for row in results["rows"] if row["status"] == "failed"]
    for row in failed:
        console.complain(f"the cell {row['cell']} failed: {row['error']}")
    return 0 if not failed else 2 if len(failed) == len(results["rows"]) else 1


def _begun_with(names: tuple[str, ...], simulator: "World") -> "Trajectories":
    from sandbox import console
    from sandbox.exchange import read_log
    from sandbox.trajectories import concatenate

    logs = [read_log(name, *simulator.spaces) for name in names]
    for log in logs:
        console.notes(log.source.get("notes", []))
    return concatenate(logs) if len(logs) > 1 else logs[0]
