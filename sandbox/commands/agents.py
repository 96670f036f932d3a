"""`sandbox train` and `sandbox evaluate`: agents in worlds and in dreams."""

from pathlib import Path
from typing import Any

from sandbox.commands.arguments import Device, Name, Pairs, device_of, one_thread, pairs


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
    disagreement_penalty: float = 0.0,
    disagreement_limit: float | None = None,
    rows: int | None = None,
    env_arg: Pairs = (),
    horizon: int | None = None,
    tensorboard: Path | None = None,
    device: Device = "auto",
) -> int:
    """Train an agent in a world, or with --dream in the dream of a fitted model.

    Args:
        env: the world; left out with --dream.
        dream: the folder of a fitted model to learn in, or the name of a pretrained one, such as lander/vae.
        agent: ppo, sac or dqn.
        steps: the agent's steps.
        out: the folder to write.
        seed: decides the weights, the world and the exploration.
        agent_config: JSON or TOML file of settings for the agent.
        temperature: the dream's; above 1 it is less certain than what was learned.
        disagreement_penalty: for the dream of an ensemble: taken from every reward, times the members' disagreement.
        disagreement_limit: for the dream of an ensemble: an episode is cut where they disagree more.
        rows: environments at once; by default 64 dreams, 64 of our worlds (256 from 3,000,000 steps on), 1 of others.
        env_arg: key=value for the environment, repeatable.
        horizon: time limit in steps, for environments that have none.
        tensorboard: folder for Stable-Baselines3's TensorBoard log; needs the extra `tensorboard`.
        device: where the networks are; auto takes the CPU for nets of this size.
    """
    import sandbox_agents
    from sandbox import console, files

    if bool(env) == (dream is not None):
        raise ValueError("train needs either a world or --dream FOLDER, and not both")
    files.require_writable(out)
    config = sandbox_agents.read_config(agent_config, agent) if agent_config else {}
    place = device_of(device)
    one_thread()
    envs, judge, warnings = (
        _dreams(dream, rows or 64, place, temperature, disagreement_penalty, disagreement_limit)
        if dream is not None
        else _worlds(env, rows, steps, pairs(env_arg), horizon)
    )
    spaces = envs.single_observation_space, envs.single_action_space
    config = sandbox_agents.patient(agent, *spaces, steps) | config
    learner = sandbox_agents.make(agent, *spaces, seed, config, place)
    if not isinstance(learner, sandbox_agents.Sb3Agent):
        raise ValueError(f"a {agent} agent does not learn; choose ppo, sac or dqn")
    console.opening(place, steps / (12_000 if agent == "ppo" else 150))
    console.notes(warnings)
    with console.progress(f"learn {agent}") as advance:
        learner.learn(envs, steps, seed=seed, callback=lambda done: advance(done, steps), tensorboard=tensorboard)
    learner.save(out)
    judged = sandbox_agents.evaluate(learner, judge, 64, seed=seed + 1)
    told = f"return {judged.mean:.4g} [{judged.low:.4g}, {judged.high:.4g}]"
    if dream is not None:
        console.show(f"{told} in the dream; what it is worth, `sandbox evaluate {out} WORLD` tells\n{out}")
    else:
        console.show(f"{told} over {len(judged.returns)} episodes\n{out}")
    return 0


def _dreams(
    path: Path, rows: int, place: str, temperature: float, penalty: float, limit: float | None
) -> tuple[Any, Any, tuple[str, ...]]:
    """Dreams to learn in, from anywhere in the data, and dreams that judge, from beginnings only; no warnings."""
    from sandbox.dream import DreamVectorEnv
    from sandbox.pretrained import load

    fitted = load(path, device=place)
    learning = DreamVectorEnv(
        fitted,
        rows,
        starts=fitted.starts,
        temperature=temperature,
        disagreement_penalty=penalty,
        disagreement_limit=limit,
    )
    return learning, DreamVectorEnv(fitted, 64), ()


def _worlds(
    env: str, rows: int | None, steps: int, arguments: dict[str, Any], horizon: int | None
) -> tuple[Any, Any, tuple[str, ...]]:
    """Worlds to learn in, worlds that judge, and what was noticed when they were examined."""
    import sandbox_agents
    from sandbox.worlds import examine, world

    found = examine(world(env, arguments, horizon), for_models=False)
    learning = found.world.make_vec(rows or (sandbox_agents.rows_for(steps) if found.world.is_batched else 1))
    return learning, found.world.make_vec(8), found.warnings


def evaluate(
    agent: Name,
    env: Name = "",
    /,
    dream: Path | None = None,
    episodes: int = 100,
    seed: int = 1_000_000_007,
    env_arg: Pairs = (),
    horizon: int | None = None,
    device: Device = "auto",
) -> int:
    """Let a stored agent play fresh episodes and tell its return with a 95 % interval.

    Args:
        agent: the folder of an agent or the name of a pretrained one; in a world also heuristic or random.
        env: the world to play in; left out with --dream.
        dream: the folder of a fitted model to play in, or the name of a pretrained one, such as lander/vae.
        episodes: how many episodes.
        seed: decides the episodes.
        env_arg: key=value for the environment, repeatable.
        horizon: time limit in steps, for environments that have none.
        device: where the networks are; auto takes the CPU for nets of this size.
    """
    import sandbox_agents
    from sandbox import console
    from sandbox.actors import actor
    from sandbox.pretrained import load, load_agent
    from sandbox.worlds import examine, world

    if bool(env) == (dream is not None):
        raise ValueError("evaluate needs either a world or --dream FOLDER, and not both")
    one_thread()
    place = device_of(device)
    if dream is not None:
        from sandbox.dream import DreamVectorEnv

        player: Any = load_agent(agent, device=place)
        envs: Any = DreamVectorEnv(load(dream, device=place), min(episodes, 64))
        console.opening(place, episodes * 0.05)
    else:
        chosen = world(env, pairs(env_arg), horizon)
        found = examine(chosen, for_models=False)
        player = actor(agent, chosen, seed, place)
        console.opening(place, episodes * found.horizon * found.step_seconds)
        console.notes(found.warnings)
        envs = found.world.make_vec(max(1, min(episodes, 10)))
    judged = sandbox_agents.evaluate(player, envs, episodes, seed=seed)
    where = "the dream" if dream is not None else env
    console.show(
        f"return {judged.mean:.5g}, 95 % interval [{judged.low:.5g}, {judged.high:.5g}], "
        f"{len(judged.returns)} episodes of {judged.lengths.mean():.4g} steps in {where}"
    )
    return 0
