"""`sandbox inspect`: what a model is, and how true its dream is."""

from pathlib import Path
from typing import Any

from sandbox.commands.arguments import Name, Pairs, one_thread, pairs


def inspect(
    model: Name,
    /,
    data: Path | None = None,
    env: str | None = None,
    agent: Path | None = None,
    keep: bool = False,
    seed: int = 0,
    env_arg: Pairs = (),
    horizon: int | None = None,
) -> int:
    """Tell what a model is made of, what it has seen, and how true its dream is.

    Args:
        model: the folder of a fitted model or the name of a pretrained one, such as lander/vae.
        data: a log that the model has not seen, to make a score card by.
        env: its world, for the figures that need a simulator; without --data a random agent makes the log.
        agent: an agent that learned in the model's dream, for the figures of decisions; needs --env.
        keep: store the score card in the model's folder, to be shown next time.
        seed: decides every random number of the score card.
        env_arg: key=value for the environment, repeatable.
        horizon: time limit in steps, for environments that have none.
    """
    from sandbox import console
    from sandbox.anatomy import anatomy, judged, with_card
    from sandbox.pretrained import load, load_agent
    from sandbox.trajectories import Trajectories
    from sandbox.worlds import examine, world

    if keep and data is None and env is None:
        raise ValueError("--keep stores a score card, and one is made with --data FILE or --env WORLD")
    if agent is not None and env is None:
        raise ValueError("--agent is judged in the dream and in its world; name the world with --env WORLD")
    if keep and not Path(model).is_dir():
        raise ValueError(f"--keep stores a score card in the model's folder, and {model} is none")
    fitted = load(model)
    player = None if agent is None else load_agent(agent)
    log = None if data is None else Trajectories.load(data)
    found = None if env is None else examine(world(env, pairs(env_arg), horizon))
    one_thread()
    told = anatomy(fitted)
    if log is not None or found is not None:
        console.opening("cpu", 30 if found is None else 60 + 60_000 * found.step_seconds)
        console.notes(found.warnings if found is not None else ())
        card: Any = judged(fitted, log, None if found is None else found.world, player, seed)
        if keep:
            with_card(fitted, card).save(model)
    else:
        card = told.card
    _show_facts(told)
    if card is not None:
        _show_card(card)
    else:
        console.show(
            "no score card yet: `--data FILE` makes one by a log the model has not seen, `--env WORLD` by its world"
        )
    return 0


def _show_facts(told: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    from sandbox import console

    lines = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, fact in told.facts.items():
        lines.add_row(Text(name, style="bold"), Text(fact))
    total = sum(told.parameters.values())
    shares = ", ".join(f"{name} {count:,}" for name, count in told.parameters.items())
    lines.add_row(Text("parameters", style="bold"), Text(f"{total:,}: {shares}"))
    losses = ", ".join(f"{name} {loss:.4g}" for name, loss in told.held_out_loss.items())
    lines.add_row(Text("held-out loss", style="bold"), Text(losses or "unknown"))
    console.show(lines)


def _show_card(card: Any) -> None:
    from rich.table import Table

    from sandbox import console
    from sandbox.metrics import table

    (_, *head), *rows = table(card)
    lines = Table("", *head, title="score card: the dream beside what could embarrass it", title_justify="left")
    for column in lines.columns[2:]:
        column.justify = "right"
    before = None
    for section, *cells in rows:
        if before not in (None, section):
            lines.add_section()
        lines.add_row("" if section == before else section, *cells)
        before = section
    console.show(lines)
    for name, reason in card["left_out"].items():
        console.note(f"no {name}: {reason}")
