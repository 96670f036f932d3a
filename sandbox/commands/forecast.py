"""`sandbox forecast`: many futures of a model beside what happened."""

from pathlib import Path

from sandbox.commands.arguments import Device, Name, device_of, one_thread


def forecast(
    model: Name,
    data: Name,
    /,
    steps: int = 50,
    episode: int | None = None,
    at: int | None = None,
    futures: int = 256,
    temperature: float = 1.0,
    dims: tuple[str, ...] = (),
    starts: int = 32,
    out: Path = Path("forecast.svg"),
    seed: int = 0,
    device: Device = "auto",
) -> int:
    """Draw a model's futures from a moment of a log beside what happened then, and score them.

    Args:
        model: the folder of a fitted model or the name of a pretrained one, such as lander/vae.
        data: a log that the model has not seen, as `sandbox collect` writes it.
        steps: how far ahead.
        episode: the episode of the drawn forecast; any one that is long enough by default.
        at: the step of that episode to begin at; by default as late as the model's memory asks for.
        futures: how many futures from each start.
        temperature: above 1 the futures spread more than what was learned.
        dims: the dimensions to draw; by default the first twelve.
        starts: how many moments of the log the scores are means over; the drawn one is among them.
        out: the chart, an .svg; the figures are written beside it as .json.
        seed: decides the starts and the futures.
        device: where the networks are; auto takes the CPU for nets of this size.
    """
    import numpy as np

    from sandbox import console, files
    from sandbox.forecast import choose, columns
    from sandbox.forecast import forecast as make
    from sandbox.metrics.standard import dimension_names
    from sandbox.pretrained import load
    from sandbox.report import forecasts
    from sandbox.trajectories import Trajectories

    if out.suffix != ".svg":
        raise ValueError(f"--out {out} is no .svg, and a forecast is drawn as nothing else")
    files.require_writable(out)
    fitted, log = load(model, device=device_of(device)), Trajectories.load(data)
    columns(dimension_names(log.observation_space), dims)
    one_thread()
    rng = np.random.default_rng(seed)
    moments = choose(log, steps, fitted.history, starts, rng, episode, at)
    console.opening(device_of(device), len(moments) * futures * steps * 2e-5)
    if log.source and fitted.provenance.get("data", {}).get("source") == dict(log.source):
        console.note(
            "the model was fitted to a log of this very source and knows what happened; --seed of `sandbox "
            "collect` makes another"
        )
    made = make(fitted, log, moments, steps, futures, rng, temperature)
    first = int(made.at[0])
    told = {
        "model": fitted.name,
        "log": Path(data).name,
        "episode": int(log.episode[first]),
        "step": int(log.elapsed[first]),
        "temperature": temperature,
        "seed": seed,
    }
    chart, figures = forecasts.write(out, made, told, dims)
    console.show(forecasts.table(made))
    console.show(f"{chart}\n{figures}")
    return 0
