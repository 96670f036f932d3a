"""`sandbox collect` and `sandbox fit`: from a world to a log, from a log to a model that dreams."""

from pathlib import Path
from typing import Annotated

import tyro

from sandbox.commands.arguments import Device, Name, Pairs, device_of, one_thread, pairs

MINARI = "minari:"


def collect(
    env: Name = "",
    /,
    steps: int = 20_000,
    policy: str = "random",
    mistakes: float = 0.0,
    out: Path = Path("log.safetensors"),
    from_: Annotated[str | None, tyro.conf.arg(name="from")] = None,
    seed: int = 0,
    rows: int | None = None,
    env_arg: Pairs = (),
    horizon: int | None = None,
) -> int:
    """Let a policy act in a world, or read a log of one's own, and store what happened as one file.

    Args:
        env: the world; may be left out with --from.
        steps: real steps to collect.
        policy: random, heuristic, the folder of an agent or the name of a pretrained one.
        mistakes: share of its actions that are random instead, from 0 to 1.
        out: the file to write, or minari:ID for a local Minari data set.
        from_: a log to read in place of acting: FILE.npz, FILE.csv or minari:ID.
        seed: decides the resets and the actions.
        rows: environments at once; by default 16 of ours, and 1 of others.
        env_arg: key=value for the environment, repeatable.
        horizon: time limit in steps, for environments that have none.
    """
    import numpy as np

    from sandbox import console, files
    from sandbox.actors import actor
    from sandbox.collection import collect as gather
    from sandbox.exchange import read_log, write_minari
    from sandbox.pilots import Erring
    from sandbox.worlds import examine, world

    if not str(out).startswith(MINARI):
        files.require_writable(out)
    if from_ is not None:
        data = read_log(from_)
        console.notes(data.source.get("notes", []))
    else:
        if not env:
            raise ValueError("collect needs a world to act in, or --from FILE to read")
        one_thread()
        chosen = world(env, pairs(env_arg), horizon)
        found = examine(chosen)
        console.opening("cpu", steps * found.step_seconds)
        console.notes(found.warnings)
        envs = chosen.make_vec(rows or (16 if chosen.is_batched else 1))
        source = {"world": chosen.name, "arguments": dict(chosen.arguments), "actor": policy, "seed": seed}
        source |= {"mistakes": mistakes} if mistakes else {}
        acting = actor(policy, chosen, seed)
        data = gather(
            envs,
            Erring(acting, chosen, mistakes) if mistakes else acting,
            steps,
            np.random.default_rng(seed),
            source=source,
            horizon=found.horizon,
        )
        envs.close()
    if str(out).startswith(MINARI):
        write_minari(data, str(out).removeprefix(MINARI))
    else:
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
    ensemble: int = 1,
    device: Device = "auto",
) -> int:
    """Fit a generative model to a stored log; the result is a folder that dreams.

    Args:
        data: a file that `sandbox collect` wrote.
        model: a memory, a head, or memory+head; `sandbox list` shows them.
        out: the folder to write; the model's name by default.
        seed: decides the split, the weights and the batches.
        updates: most gradient steps; by default the head's own.
        ensemble: members; what they disagree about, a dream can be told to fear.
        device: where the networks are; auto takes the CPU for nets of this size.
    """
    from sandbox import console, files
    from sandbox.models import parse
    from sandbox.trajectories import Trajectories

    parse(model)
    place = out or Path(model)
    files.require_writable(place)
    log = Trajectories.load(data)
    one_thread()
    from sandbox.models.fit import FitSettings
    from sandbox.models.fit import fit as fit_model

    console.opening(device_of(device), ensemble * (updates or 2000) * 0.008)
    with console.progress("fit") as advance:
        fitted = fit_model(
            log,
            model,
            seed=seed,
            settings=FitSettings(updates=updates, ensemble=ensemble),
            device=device_of(device),
            progress=advance,
        )
    fitted.save(place)
    losses = ", ".join(f"{name} {loss:.4g}" for name, loss in fitted.provenance["fit"]["held_out_loss"].items())
    console.show(f"{fitted.describe()}\nheld-out loss: {losses}\n{place}")
    return 0
