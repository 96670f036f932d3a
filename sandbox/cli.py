"""The command line: `sandbox contrast | collect | fit | train | evaluate | list | bench`.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

import json
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

Name = Annotated[str, tyro.conf.Positional]
Arguments = tyro.conf.UseAppendAction[tuple[str, ...]]
Device = Literal["auto", "cpu", "cuda"]


def contrast(
    env: Name,
    /,
    models: tuple[str, ...] = ("rnn", "diffusion"),
    real_steps: int = 2000,
    seeds: tuple[int, ...] = (0, 1, 2),
    out: Path | None = None,
    agent: str = "ppo",
    agent_config: Path | None = None,
    modes: tuple[str, ...] = ("random", "simulator", "dream"),
    jobs: int = 1,
    episodes: int = 100,
    env_arg: Arguments = (),
    horizon: int | None = None,
    device: Device = "auto",
) -> int:
    """Learn in the simulator and in dreams from the same number of real steps, and measure the difference.

    Args:
        env: a Gymnasium id, a world of ours by its bare name, or module:id, module:Class, module:function.
        models: generative models to dream with; `sandbox list` shows them.
        real_steps: steps in the simulator that every learner may take.
        seeds: the seeds themselves, one cell each.
        out: folder of the results; runs/NAME by default. A folder that holds part of this contrast is completed.
        agent: who learns in the dreams.
        agent_config: JSON or TOML file of settings for that agent.
        modes: what is compared.
        jobs: cells that run at once, each a process of one thread.
        episodes: fresh episodes that judge every agent; not counted as real steps to learn from.
        env_arg: key=value for the environment, repeatable.
        horizon: time limit in steps, for environments that have none.
        device: where the networks are; auto takes the CPU for nets of this size.
    """
    from sandbox import console, experiment, report
    from sandbox.worlds import world
    from sandbox_agents import read_config

    place = out or Path("runs") / env.replace("/", "-").replace(":", "-").lower()
    plan = experiment.Contrast(
        world=world(env, _pairs(env_arg), horizon),
        models=models,
        agent=agent,
        real_steps=real_steps,
        seeds=seeds,
        modes=modes,
        agent_config=read_config(agent_config, agent) if agent_config else None,
        episodes=episodes,
        device=_device(device),
    )
    plan.check()
    console.opening(plan.device, experiment.estimated_seconds(plan, jobs))
    with console.live() as show:
        results = experiment.run(plan, place, jobs=jobs, command=_command(), show=show, warn=console.note)
    console.show(report.table(results))
    console.show(report.verdict(results))
    console.show(f"{report.write(place).resolve()}")
    failed = [row for row in results["rows"] if row["status"] == "failed"]
    for row in failed:
        console.complain(f"the cell {row['cell']} failed: {row['error']}")
    return 0 if not failed else 2 if len(failed) == len(results["rows"]) else 1


def collect(
    env: Name = "",
    /,
    steps: int = 20_000,
    policy: str = "random",
    out: Path = Path("log.safetensors"),
    from_: Annotated[str | None, tyro.conf.arg(name="from")] = None,
    seed: int = 0,
    rows: int | None = None,
    env_arg: Arguments = (),
    horizon: int | None = None,
) -> int:
    """Let a policy act in a world, or read a log of one's own, and store what happened as one file.

    Args:
        env: the world; may be left out with --from.
        steps: real steps to collect.
        policy: random, or the folder of a trained agent.
        out: the file to write.
        from_: a log to read in place of acting: FILE.npz, FILE.csv or minari:ID.
        seed: decides the resets and the actions.
        rows: environments at once; by default 16 of ours, and 1 of others.
        env_arg: key=value for the environment, repeatable.
        horizon: time limit in steps, for environments that have none.
    """
    import numpy as np

    from sandbox import console, files
    from sandbox.collection import collect as gather
    from sandbox.exchange import read_log
    from sandbox.worlds import examine, world

    files.require_writable(out)
    if from_ is not None:
        data = read_log(from_)
    else:
        if not env:
            raise ValueError("collect needs a world to act in, or --from FILE to read")
        chosen = world(env, _pairs(env_arg), horizon)
        found = examine(chosen)
        console.notes(found.warnings)
        console.opening("cpu", steps * found.step_seconds)
        envs = chosen.make_vec(rows or (16 if chosen.is_native else 1))
        source = {"world": chosen.name, "arguments": dict(chosen.arguments), "actor": policy, "seed": seed}
        data = gather(
            envs, _policy(policy, chosen, seed), steps, np.random.default_rng(seed), source=source, horizon=found.horizon
        )
        envs.close()
    data.save(out)
    returns = data.returns[data.complete]
    told = f", mean return {returns.mean():.4g}" if len(returns) else ""
    console.show(f"{len(data)} steps, {len(data.lengths)} episodes ({int(data.complete.sum())} complete{told}): {out}")
    return 0


def fit(
    data: Name,
    /,
    model: str = "rnn",
    out: Path | None = None,
    seed: int = 0,
    updates: int | None = None,
    device: Device = "auto",
) -> int:
    """Fit a generative model to a stored log; the result is a folder that dreams.

    Args:
        data: a file that `sandbox collect` wrote.
        model: a memory, a head, or memory+head; `sandbox list` shows them.
        out: the folder to write; the model's name by default.
        seed: decides the split, the weights and the batches.
        updates: most gradient steps; by default the head's own.
        device: where the networks are; auto takes the CPU for nets of this size.
    """
    from sandbox import console, files
    from sandbox.models import parse
    from sandbox.trajectories import Trajectories

    parse(model)
    place = out or Path(model)
    files.require_writable(place)
    log = Trajectories.load(data)
    _one_thread()
    from sandbox.models.fit import FitSettings
    from sandbox.models.fit import fit as fit_model

    console.opening(_device(device), (updates or 2000) * 0.012)
    with console.progress("fit") as advance:
        fitted = fit_model(
            log, model, seed=seed, settings=FitSettings(updates=updates), device=_device(device), progress=advance
        )
    fitted.save(place)
    losses = ", ".join(f"{name} {loss:.4g}" for name, loss in fitted.provenance["fit"]["held_out_loss"].items())
    console.show(f"{fitted.describe()}\nheld-out loss: {losses}\n{place}")
    return 0


def train(
    env: Name = "",
    /,
    dream: Path | None = None,
    agent: str = "ppo",
    steps: int = 200_000,
    out: Path = Path("agent"),
    seed: int = 0,
    agent_config: Path | None = None,
    temperature: float = 1.0,
    rows: int | None = None,
    env_arg: Arguments = (),
    horizon: int | None = None,
    tensorboard: Path | None = None,
    device: Device = "auto",
) -> int:
    """Train an agent in a world, or with --dream in the dream of a fitted model.

    Args:
        env: the world; left out with --dream.
        dream: the folder of a fitted model to learn in.
        agent: ppo, sac or dqn.
        steps: the agent's steps.
        out: the folder to write.
        seed: decides the weights, the world and the exploration.
        agent_config: JSON or TOML file of settings for the agent.
        temperature: the dream's; above 1 it is less certain than what was learned.
        rows: environments at once; by default 64 dreams, 64 of our worlds, 1 of others.
        env_arg: key=value for the environment, repeatable.
        horizon: time limit in steps, for environments that have none.
        tensorboard: folder for Stable-Baselines3's TensorBoard log; needs the extra `tensorboard`.
        device: where the networks are; auto takes the CPU for nets of this size.
    """
    import sandbox_agents
    from sandbox import console, files
    from sandbox.worlds import examine, world

    if bool(env) == (dream is not None):
        raise ValueError("train needs either a world or --dream FOLDER, and not both")
    files.require_writable(out)
    config = sandbox_agents.read_config(agent_config, agent) if agent_config else None
    _one_thread()
    if dream is not None:
        from sandbox.dream import DreamVectorEnv
        from sandbox.models.fitted import FittedModel

        envs: Any = DreamVectorEnv(FittedModel.load(dream), rows or 64, temperature=temperature)
    else:
        chosen = world(env, _pairs(env_arg), horizon)
        console.notes(examine(chosen).warnings)
        envs = chosen.make_vec(rows or (64 if chosen.is_native else 1))
    learner = sandbox_agents.make(agent, envs.single_observation_space, envs.single_action_space, seed, config)
    if not isinstance(learner, sandbox_agents.Sb3Agent):
        raise ValueError(f"a {agent} agent does not learn; choose ppo, sac or dqn")
    console.opening(_device(device), steps / (12_000 if agent == "ppo" else 150))
    with console.progress(f"learn {agent}") as advance:
        learner.learn(envs, steps, seed=seed, callback=lambda done: advance(done, steps), tensorboard=tensorboard)
    learner.save(out)
    judged = sandbox_agents.evaluate(learner, envs, 64, seed=seed + 1)
    told = f"return {judged.mean:.4g} [{judged.low:.4g}, {judged.high:.4g}]"
    if dream is not None:
        console.show(f"{told} in the dream; what it is worth, `sandbox evaluate {out} WORLD` tells\n{out}")
    else:
        console.show(f"{told} over {len(judged.returns)} episodes\n{out}")
    return 0


def evaluate(
    agent: Name,
    env: Name = "",
    /,
    dream: Path | None = None,
    episodes: int = 100,
    seed: int = 1_000_000_007,
    env_arg: Arguments = (),
    horizon: int | None = None,
) -> int:
    """Let a stored agent play fresh episodes and tell its return with a 95 % interval.

    Args:
        agent: the folder of an agent.
        env: the world to play in; left out with --dream.
        dream: the folder of a fitted model to play in.
        episodes: how many episodes.
        seed: decides the episodes.
        env_arg: key=value for the environment, repeatable.
        horizon: time limit in steps, for environments that have none.
    """
    import sandbox_agents
    from sandbox import console
    from sandbox.worlds import examine, world

    if bool(env) == (dream is not None):
        raise ValueError("evaluate needs either a world or --dream FOLDER, and not both")
    _one_thread()
    player = sandbox_agents.load(agent)
    if dream is not None:
        from sandbox.dream import DreamVectorEnv
        from sandbox.models.fitted import FittedModel

        envs: Any = DreamVectorEnv(FittedModel.load(dream), min(episodes, 64))
    else:
        chosen = world(env, _pairs(env_arg), horizon)
        console.notes(examine(chosen).warnings)
        envs = chosen.make_vec(max(1, min(episodes, 10)))
    judged = sandbox_agents.evaluate(player, envs, episodes, seed=seed)
    where = "the dream" if dream is not None else env
    console.show(
        f"return {judged.mean:.5g}, 95 % interval [{judged.low:.5g}, {judged.high:.5g}], "
        f"{len(judged.returns)} episodes of {judged.lengths.mean():.4g} steps in {where}"
    )
    return 0


def list_() -> int:
    """Show the worlds, models and agents there are."""
    import sandbox_agents
    import sandbox_envs
    from sandbox import console, models

    console.show("worlds   " + "  ".join(sandbox_envs.worlds()) + "  and every other Gymnasium environment")
    console.show("models   " + "  ".join(models.names()) + "  and memory+head:")
    console.show("         memories " + "  ".join(models.memories()) + "; heads " + "  ".join(models.heads()))
    console.show("agents   " + "  ".join(sandbox_agents.names()))
    return 0


def bench() -> int:
    """Measure our speeds beside their peers, in one run, as ratios."""
    from sandbox import bench as measure

    return measure.main()


def _pairs(arguments: Sequence[str]) -> dict[str, Any]:
    pairs = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or not key:
            raise ValueError(f"--env-arg {argument} is not key=value")
        try:
            pairs[key] = json.loads(value)
        except json.JSONDecodeError:
            pairs[key] = {"True": True, "False": False, "None": None}.get(value, value)
    return pairs


def _policy(name: str, chosen: Any, seed: int) -> Any:
    import sandbox_agents

    if name == "random":
        return sandbox_agents.make("random", *chosen.spaces, seed)
    return sandbox_agents.load(name)


def _device(name: str) -> str:
    """The device that `name` means here; auto is the CPU, which nets of this size do not outgrow."""
    if name == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise ValueError("--device cuda was asked for and this torch build finds no CUDA device; use --device cpu")
    return "cpu" if name == "auto" else name


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _command() -> str:
    return shlex.join(["sandbox", *sys.argv[1:]])


COMMANDS: dict[str, Callable[..., int]] = {
    "contrast": contrast,
    "collect": collect,
    "fit": fit,
    "train": train,
    "evaluate": evaluate,
    "list": list_,
    "bench": bench,
}


def main() -> None:
    """Run one command; a user's mistake ends in one sentence and status 2."""
    try:
        status = tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="sandbox",
            description="Simulations, the generative models that dream them, and the honest contrast between the two.",
            config=(tyro.conf.OmitArgPrefixes,),
        )
    except KeyboardInterrupt:
        sys.exit("sandbox: stopped; the same command goes on where it stopped")
    except (ValueError, OSError) as error:
        sys.exit(_mistake(error))
    sys.exit(status)


def _mistake(error: Exception) -> int:
    """Tell one sentence; where another program's error lies behind it, keep its traceback in a file."""
    sentence = str(error) if isinstance(error, ValueError) else f"{error.filename}: {error.strerror}"  # type: ignore[attr-defined]
    if error.__cause__ is not None:
        with tempfile.NamedTemporaryFile("w", prefix="sandbox-", suffix=".log", delete=False) as file:
            traceback.print_exception(error, file=file)
        sentence += f" (the traceback is in {file.name})"
    print(f"sandbox: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
