"""Train an agent in any registered Gymnasium environment, judge it, save it: a script to copy and change.

python agents/train.py CartPole-v1
python agents/train.py sandbox_envs:sandbox/Lander-v0 --steps 1000000 --out lander-agent
python agents/train.py sandbox:sandbox/Dream-v0 --env-arg model=lander-rnn --out dreamer
"""

import argparse
import ast
import importlib
import sys
import time
from typing import Any

import gymnasium
import torch
from gymnasium.vector import AutoresetMode, VectorEnv

import sandbox_agents


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("env_id", help="a registered id, with its module before a colon if need be")
    parser.add_argument("--agent", default="ppo", help=f"one of {', '.join(sandbox_agents.names())} (default: ppo)")
    parser.add_argument("--agent-config", metavar="FILE", help="settings over the agent's own, in JSON or TOML")
    parser.add_argument("--steps", type=int, default=200_000, help="steps to learn from (default: 200,000)")
    parser.add_argument(
        "--rows", type=int, help="copies of the environment side by side (default: 64; 256 from 3,000,000 steps on)"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides everything that is drawn (default: 0)")
    parser.add_argument("--episodes", type=int, default=100, help="episodes of the evaluation (default: 100)")
    parser.add_argument("--out", metavar="FOLDER", help="where to save the agent")
    parser.add_argument("--env-arg", action="append", default=[], metavar="KEY=VALUE", help="goes to the environment")
    return parser.parse_args()


def make_envs(env_id: str, rows: int, keywords: dict[str, Any]) -> VectorEnv[Any, Any, Any]:
    """Make the environment's own batch if it starts again within the same step, else rows of single environments."""
    module, _, env_id = env_id.rpartition(":")
    if module:
        importlib.import_module(module)  # registers its environments
    if gymnasium.spec(env_id).vector_entry_point is not None:
        envs = gymnasium.make_vec(env_id, num_envs=rows, vectorization_mode="vector_entry_point", **keywords)
        if envs.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP:
            return envs
        envs.close()
    same_step = {"autoreset_mode": AutoresetMode.SAME_STEP}
    return gymnasium.make_vec(env_id, num_envs=rows, vectorization_mode="sync", vector_kwargs=same_step, **keywords)


def keywords_of(pairs: list[str]) -> dict[str, Any]:
    """Read KEY=VALUE pairs; a value is a Python literal where it looks like one, else a word."""
    keywords = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign:
            raise ValueError(f"--env-arg {pair!r} has no '=': write KEY=VALUE")
        try:
            keywords[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            keywords[key] = text
    return keywords


def train(options: argparse.Namespace) -> None:
    """Train, evaluate, save."""
    torch.set_num_threads(1)  # two were at best a third faster, and hundreds of times slower on a busy machine
    print(f"device cpu · torch {torch.__version__} · {torch.get_num_threads()} thread · {options.steps:,} steps")
    keywords = keywords_of(options.env_arg)
    rows = sandbox_agents.rows_for(options.steps) if options.rows is None else options.rows
    envs = make_envs(options.env_id, rows, keywords)
    config = sandbox_agents.read_config(options.agent_config, options.agent) if options.agent_config else {}
    spaces = envs.single_observation_space, envs.single_action_space
    config = sandbox_agents.patient(options.agent, *spaces, options.steps) | config
    agent = sandbox_agents.make(options.agent, *spaces, options.seed, config)
    begun = time.perf_counter()
    if isinstance(agent, sandbox_agents.Sb3Agent):
        agent.learn(envs, options.steps)
        seconds = time.perf_counter() - begun
        print(f"learned from {agent.steps:,} steps in {seconds:.1f} s ({agent.steps / seconds:,.0f} steps/s)")
    # Seeds far from the training's, so that no episode is one that was trained on.
    result = sandbox_agents.evaluate(agent, envs, options.episodes, seed=options.seed + 1_000_000)
    print(f"return {result.mean:.1f} ({result.low:.1f} to {result.high:.1f}) over {options.episodes} episodes")
    if options.out:
        agent.save(options.out)
        print(f"saved to {options.out}")
    envs.close()


def main() -> int:
    """Run the script; a mistake in the input is one sentence and exit status 2."""
    try:
        train(arguments())
    except (ValueError, gymnasium.error.Error, ImportError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
