"""`sandbox surprise`: where a log departs from what a model has learned to expect."""

from sandbox.commands.arguments import Name, one_thread


def surprise(model: Name, data: Name, /, window: int = 20, alarm: float = 0.001, show: int = 10, seed: int = 0) -> int:
    """Find the stretches of a log that a model did not expect: changed physics, a broken part, another world.

    Args:
        model: the folder of a fitted model or the name of a pretrained one, such as lander/vae.
        data: a log of the same spaces, as `sandbox collect` writes it.
        window: transitions that are judged together.
        alarm: a stretch is strange where chance would give as strange a one with at most this probability.
        show: how many of the strangest stretches to list.
        seed: decides the draws that some families measure surprise by.
    """
    import numpy as np
    from rich.table import Table

    from sandbox import console
    from sandbox.pretrained import load
    from sandbox.trajectories import Trajectories

    if window < 1 or not 0 < alarm < 1:
        raise ValueError(f"--window {window} takes 1 or more transitions, and --alarm {alarm} a probability in (0, 1)")
    fitted, log = load(model), Trajectories.load(data)
    one_thread()
    found = fitted.surprise(log, seed)
    first, p = found.windows(window)
    if not len(p):
        raise ValueError(
            f"no episode of {data} has {window} transitions; use --window {int(log.lengths.max())} or less"
        )
    lines = Table("episode", "from step", "p-value", title=f"the strangest stretches of {window} transitions")
    for place in np.argsort(p)[:show]:
        at = int(first[place])
        lines.add_row(str(int(log.episode[at])), str(int(log.elapsed[at])), f"{p[place]:.2g}")
    console.show(lines)
    strange = int((p <= alarm).sum())
    console.show(
        f"{strange} of {len(p)} stretches are strange (p ≤ {alarm:g}; chance alone gives about {alarm * len(p):.1f}); "
        f"median p of single transitions {np.median(found.p):.2f}, 0.5 where nothing has changed"
    )
    return 0
