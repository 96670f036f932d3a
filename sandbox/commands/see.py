"""`sandbox see`: eyes for a world of images."""

from pathlib import Path

from sandbox.commands.arguments import Name, Pairs, one_thread, pairs


def see(
    env: Name,
    /,
    steps: int = 5000,
    policy: str = "random",
    out: Path = Path("eyes"),
    numbers: int = 32,
    updates: int = 2000,
    seed: int = 0,
    rows: int | None = None,
    env_arg: Pairs = (),
    horizon: int | None = None,
) -> int:
    """Look about in a world of images and learn to tell each of them in a few numbers; the result is a world.

    Every command takes the folder of eyes where it takes a world: the one that they were made for, seen through them.

    Args:
        env: a world whose observations are images.
        steps: real steps to look at.
        policy: who looks about: random, heuristic or the folder of an agent.
        out: the folder to write; a picture in it, seen.png, shows what was held out and how it is seen.
        numbers: most that an image is told in; those that tell nothing are left out.
        updates: gradient steps.
        seed: decides the resets, the actions, the weights and the batches.
        rows: environments at once; by default 16 of ours, and 1 of others.
        env_arg: key=value for the environment, repeatable.
        horizon: time limit in steps, for environments that have none.
    """
    import numpy as np

    from sandbox import console, files
    from sandbox.actors import actor
    from sandbox.spaces import brief
    from sandbox.vision.images import channels_of, write_comparison
    from sandbox.vision.learning import LookSettings, learn_to_see, look_about
    from sandbox.worlds import examine, world

    files.require_writable(out)
    settings = LookSettings(numbers=numbers, updates=updates)
    one_thread()
    chosen = world(env, pairs(env_arg), horizon)
    if channels_of(chosen.spaces[0]) is None:
        raise ValueError(
            f"{env} observes {brief(chosen.spaces[0])}, and eyes see one image of bytes or of numbers from 0 to 1; "
            "what is a vector needs none, and of several parts show the image alone with a gymnasium.ObservationWrapper"
        )
    found = examine(chosen, for_models=False)
    console.opening("cpu", steps * found.step_seconds + updates * 0.05)
    console.notes(found.warnings)
    envs = chosen.make_vec(rows or (16 if chosen.is_batched else 1))
    with console.progress("look") as advance:
        images = look_about(envs, actor(policy, chosen, seed), steps, np.random.default_rng(seed), advance)
    envs.close()
    place = {"name": chosen.name, "arguments": dict(chosen.arguments), "horizon": chosen.horizon}
    source = {"real_steps": steps, "policy": policy}
    with console.progress("learn to see") as advance:
        eyes, sight = learn_to_see(images, place, seed=seed, settings=settings, source=source, progress=advance)
    eyes.save(out)
    write_comparison(out / "seen.png", sight.before, sight.after)
    console.show(
        f"{len(eyes.kept)} numbers tell {sight.eyes:.1%} of what varies in images that were held out "
        f"(as many principal components {sight.components:.1%}, the mean image 0 %): {out / 'seen.png'}\n{out}"
    )
    return 0
