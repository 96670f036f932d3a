"""Names become worlds: any Gymnasium environment, ours or the user's own, examined before anything is spent on it."""

import difflib
import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

import sandbox_envs
from sandbox.spaces import UnsupportedSpaceError, action_layout, layout

if TYPE_CHECKING:
    from sandbox.vision.eyes import Eyes

# An environment without a time limit must end by itself within this many random steps, and is stopped after as many.
PATIENCE = 2000


class WorldError(ValueError):
    """A world that does not exist, raises, or breaks Gymnasium's API; one sentence says which and what to do."""


@dataclass(frozen=True)
class World:
    """How to make one environment, in this process or another: its name, its arguments and its time limit.

    The name may be a folder of eyes (`sandbox see`): the world that they were made for, seen through them.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    horizon: int | None = None  # the user's `--horizon`; None takes the registered limit

    def make(self, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
        """One environment.

        Raises:
            WorldError: where the name is unknown or the environment's constructor raises.
        """
        if self._eyes is not None:
            from sandbox.vision.seen import Seen

            return Seen(self._behind.make(), self._eyes)  # which renders what it sees
        arguments = dict(self.arguments) | ({"render_mode": render_mode} if render_mode else {})
        factory = _factory(self.name)
        try:
            env: gymnasium.Env[Any, Any] = factory(**arguments)
        except gymnasium.error.Error as error:
            raise WorldError(_unknown(self.name, error)) from None
        except Exception as error:
            raise WorldError(f"{self.name} cannot be made: {type(error).__name__}: {error}") from error
        if not isinstance(env, gymnasium.Env):
            raise WorldError(f"{self.name} made a {type(env).__name__}, not a gymnasium.Env; subclass gymnasium.Env")
        if self.horizon is not None:
            env = gymnasium.wrappers.TimeLimit(env, self.horizon)
        return env

    def make_vec(
        self, num_envs: int, autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP
    ) -> VectorEnv[Any, Any, Any]:
        """A batch of environments: native where the world is ours, seen or not."""
        if self._eyes is not None and self._behind.is_native:
            from sandbox.vision.seen import SeenVectorEnv

            return SeenVectorEnv(self._behind.make_vec(num_envs, autoreset_mode), self._eyes)
        if self.is_native:
            arguments = dict(self.arguments) | ({"max_episode_steps": self.horizon} if self.horizon else {})
            return gymnasium.make_vec(self.name, num_envs=num_envs, autoreset_mode=autoreset_mode, **arguments)
        return SyncVectorEnv([self.make] * num_envs, autoreset_mode=autoreset_mode)

    @property
    def is_native(self) -> bool:
        """Whether the world is ours, so that a batch of it costs little more than one row."""
        return self.name.startswith("sandbox/")

    @property
    def is_batched(self) -> bool:
        """Whether a batch of it costs little more than one row, seen or not."""
        return self.is_native or (self._eyes is not None and self._behind.is_native)

    @property
    def eyes(self) -> str | None:
        """The fingerprint of the eyes that it is seen through; None where it is seen as it is."""
        return None if self._eyes is None else self._eyes.fingerprint

    @property
    def notes(self) -> tuple[str, ...]:
        """What should stand beside every figure of it: eyes had their cost."""
        if self._eyes is None:
            return ()
        steps = self._eyes.provenance["real_steps"]
        return (
            f"{self._behind.name} is seen through the eyes in {self.name} ({self.eyes}), which learned "
            f"from {steps:,} real steps that no budget here counts",
        )

    @cached_property
    def _eyes(self) -> "Eyes | None":
        """The eyes that it is seen through, if it is."""
        if not (Path(self.name) / "eyes.json").is_file():
            return None
        from sandbox.vision.eyes import Eyes  # torch takes seconds to import, and few worlds are images

        return Eyes.load(self.name)

    @property
    def _behind(self) -> "World":
        """The world that is seen through eyes; what is said of this one is said of that."""
        assert self._eyes is not None
        stored = self._eyes.world
        return World(stored["name"], {**stored["arguments"], **self.arguments}, self.horizon or stored["horizon"])

    @cached_property
    def spaces(self) -> tuple[gymnasium.Space[Any], gymnasium.Space[Any]]:
        """The observation and action space of one environment."""
        env = self.make()
        try:
            return env.observation_space, env.action_space
        finally:
            env.close()


def world(name: str, arguments: Mapping[str, Any] | None = None, horizon: int | None = None) -> World:
    """The world of a Gymnasium id, a bare name of ours, `module:id`, `module:Class`, `module:function`, or of eyes."""
    if "/" not in name and ":" not in name and name.lower() in sandbox_envs.worlds():
        name = sandbox_envs.world(name.lower()).id
    return World(name, dict(arguments or {}), horizon)


def _factory(name: str) -> Callable[..., Any]:
    module_name, colon, attribute = name.partition(":")
    if not colon:
        return lambda **arguments: gymnasium.make(name, **arguments)
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.partition(".")[0] and error.name != module_name:
            raise WorldError(f"{module_name} needs the module {error.name}, which is not installed") from None
        raise WorldError(
            f"there is no module {module_name} here or installed; {name} means module:id, module:Class or "
            "module:function, looked up from the current folder"
        ) from None
    except Exception as error:
        raise WorldError(f"importing {module_name} failed: {type(error).__name__}: {error}") from error
    if hasattr(module, attribute):
        return getattr(module, attribute)  # type: ignore[no-any-return]
    return lambda **arguments: gymnasium.make(attribute, **arguments)


def _unknown(name: str, error: Exception) -> str:
    known = [*sandbox_envs.worlds(), *gymnasium.registry]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]}?" if close else "; `sandbox list` shows ours"
    return f"there is no world {name} ({str(error).rstrip('.')}){hint}"


@dataclass(frozen=True)
class Examination:
    """What was found out about a world before it is used."""

    world: World  # as it is to be used: an agent that learned to stay alive must not play forever
    horizon: int  # the dream's: the time limit, or the longest episode seen
    step_seconds: float  # the median wall-clock of one step, in seconds
    warnings: tuple[str, ...]


def examine(chosen: World, seed: int = 0, *, for_models: bool = True) -> Examination:
    """Check that a world can be learned: supported spaces, Gymnasium's API, episodes that end.

    Not `for_models`, its spaces are the agent's affair: agents see images, which no model learns.

    Raises:
        WorldError: names the rule that the environment breaks and the way out.
    """
    from sandbox.examination import examine_environment, examine_twins

    if for_models:
        require_supported(chosen)
    env, twin = chosen.make(), chosen.make()
    try:
        limit = chosen.horizon or _registered_limit(env)
        horizon, step_seconds, warnings = examine_environment(env, chosen.name, limit, PATIENCE, seed)
        apart = examine_twins(env, twin, chosen.name, seed)
        usable = chosen if limit is not None else replace(chosen, horizon=PATIENCE)
        return Examination(usable, horizon, step_seconds, (*warnings, *apart, *chosen.notes))
    finally:
        env.close()
        twin.close()


def require_supported(chosen: World) -> None:
    """Refuse a world whose spaces no model here can learn.

    Raises:
        WorldError: names the space and the way out.
    """
    observation_space, action_space = chosen.spaces
    try:
        layout(observation_space)
        action_layout(action_space)
    except UnsupportedSpaceError as error:
        raise WorldError(f"{chosen.name}: {error}") from None


def _registered_limit(env: gymnasium.Env[Any, Any]) -> int | None:
    """The time limit of the innermost TimeLimit wrapper or specification, in steps."""
    return env.spec.max_episode_steps if env.spec is not None else None
