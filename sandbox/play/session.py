"""One joystick, many worlds: a simulator and its dreams, all driven by the same actions. Nothing here is drawn."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from sandbox.branchable import ENDLESS
from sandbox.dream import DreamVectorEnv
from sandbox.models.fitted import SURPRISE_CHUNK, FittedModel
from sandbox.play.distance import Ruler
from sandbox.play.simulator import simulator
from sandbox.play.witness import surprise
from sandbox.spaces import Layout, Rows, brief
from sandbox.trajectories import Starts
from sandbox.worlds import World

SIMULATOR = "simulator"
COLDEST, HOTTEST = 0.1, 4.0
# How many steps of its past a pane remembers for those who draw it.
TRAIL = 240


class AnotherWorldError(ValueError):
    """A dream of other spaces than the world's; the message names both."""


@dataclass
class Pane:
    """What one world, real or dreamed, has come to."""

    name: str
    obs: Any = None  # in the environment's own space
    row: Rows = field(default_factory=lambda: np.zeros(0, np.float32))  # the same, (D,)
    gained: float = 0.0  # the return so far
    ended: bool = False  # a dream only thinks so
    ended_at: int = 0  # the step of the episode
    truncated: bool = False
    distance: float | None = None  # from the simulator; None once either has ended
    p: float | None = None  # how rarely a usual transition is as surprising as the real one was
    trail: deque[Rows] = field(default_factory=lambda: deque(maxlen=TRAIL))  # rows of the last steps
    distances: deque[float | None] = field(default_factory=lambda: deque(maxlen=TRAIL))


class Session:
    """A simulator and K dreams of it, stepped together; the seed decides everything.

    The random numbers of a dream are counted (seed, episode, synchronisation, dream), so that the same actions lead to
    the same dreams whatever else was drawn.

    Attributes:
        real: the simulator's pane.
        dreams: the dreams' panes, in the order of the models.
        steps: of the episode so far.
        synced: the step at which all dreams were last put to the simulator's state.
        own: the distance that 95 % of the simulator's own futures keep; None where it cannot be branched.
        thrift: surprise costs as much as a dream's own step; with a thrift of 2 it is measured at every second step of
            each dream, in turn.
    """

    def __init__(
        self, world: World, models: Mapping[str, FittedModel], seed: int = 0, temperature: float = 1.0
    ) -> None:
        """Begin the first episode.

        Raises:
            AnotherWorldError: a model of other spaces than the world's.
            ValueError: a temperature out of range, or a world that cannot be made.
        """
        self.world, self.models, self.seed = world, dict(models), seed
        self._simulator = simulator(world)
        self.see, self.do = self._simulator.see, self._simulator.do
        for name, model in self.models.items():
            _require_same(name, model, self.see, self.do)
        self.ruler = _ruler(self.see, list(self.models.values()))
        self.history = max([SURPRISE_CHUNK, *(model.history for model in self.models.values())])
        self.temperature = _checked(temperature)
        self.thrift = 1
        self.episode = -1
        self.reset()

    @property
    def horizon(self) -> int:
        """How many steps an episode has at most."""
        return self._simulator.horizon

    @property
    def state(self) -> Any:
        """The simulator's own record, where it is known."""
        return self._simulator.state

    @property
    def env(self) -> Any:
        """The environment of others that is simulated; None where the world is ours."""
        return getattr(self._simulator, "env", None)

    @property
    def panes(self) -> list[Pane]:
        """The simulator's pane and those of the dreams."""
        return [self.real, *self.dreams]

    @property
    def over(self) -> bool:
        """Whether the simulator's episode has ended; dreams that think otherwise go on."""
        return self.real.ended

    @property
    def unit(self) -> str:
        """In what distances are measured."""
        if self._simulator.futures is None:
            return "the data's standard deviation (this world cannot be branched)"
        return "the simulator's own spread"

    def reset(self, *, again: bool = False) -> None:
        """Begin the next episode, or the present one `again`, everywhere from the same start."""
        self.episode += 0 if again and self.episode >= 0 else 1
        self._synced = 0
        self._simulator.reset(self._stream(0))
        self._past: deque[tuple[Rows, Rows]] = deque(maxlen=self.history)  # (obs, action) of the last steps
        self.steps = 0
        self.real = Pane(SIMULATOR)
        self.dreams = [Pane(name) for name in self.models]
        self._show(self.real, self._simulator.obs)
        self._sync()

    def resync(self) -> None:
        """Put all dreams to the simulator's present state, its history included; returns go on."""
        if self.over:
            return
        self._synced += 1
        self._simulator.branch(self._stream(1))
        gained = [pane.gained for pane in self.dreams]
        self.dreams = [Pane(name, gained=sum_) for name, sum_ in zip(self.models, gained, strict=True)]
        self._sync()

    def set_temperature(self, temperature: float) -> None:
        """Dream at another temperature from the next step on; kept within `COLDEST` and `HOTTEST`."""
        self.temperature = _checked(min(max(temperature, COLDEST), HOTTEST))
        for env in self._envs:
            env.temperature = self.temperature

    def step(self, action: Any) -> None:
        """One tick of every world by the same action, of the environment's own space; what has ended stays so."""
        row = self.do.to_row(action)
        if not self.over:
            self._step_simulator(action, row)
        for pane, env in zip(self.dreams, self._envs, strict=True):
            if not pane.ended:
                self._step_dream(pane, env, action)
        self._measure()

    def close(self) -> None:
        """Let go of the environment."""
        self._simulator.close()

    def _step_simulator(self, action: Any, row: Rows) -> None:
        before = self.real.row
        reward, terminated, truncated = self._simulator.step(action)
        self._past.append((before, row))
        self.steps += 1
        self.real.gained += reward
        self._show(self.real, self._simulator.obs)
        if terminated or truncated:
            self.real.ended, self.real.truncated, self.real.ended_at = True, truncated, self.steps
        obs, acted = (np.stack(column) for column in zip(*self._past, strict=True))
        seed = self._stream(2) + self.steps
        for number, (pane, model) in enumerate(zip(self.dreams, self.models.values(), strict=True)):
            if (self.steps + number) % self.thrift == 0:
                pane.p = surprise(model, obs[-SURPRISE_CHUNK:], acted[-SURPRISE_CHUNK:], self.real.row, seed)

    def _step_dream(self, pane: Pane, env: DreamVectorEnv, action: Any) -> None:
        obs, reward, terminated, truncated, _ = env.step(np.asarray(action)[None])
        pane.gained += float(reward[0])
        self._show(pane, _first(obs))
        if terminated[0] or truncated[0]:
            pane.ended, pane.truncated, pane.ended_at = True, bool(truncated[0]), self.steps

    def _sync(self) -> None:
        """Begin every dream at what the simulator shows now, and at what led to it."""
        self.synced = self.steps
        present = self._start()
        self._envs = []
        for number, (pane, model) in enumerate(zip(self.dreams, self.models.values(), strict=True)):
            env = DreamVectorEnv(
                model,
                starts=present,
                horizon=ENDLESS,
                temperature=self.temperature,
                autoreset_mode=AutoresetMode.DISABLED,
            )
            obs, _ = env.reset(seed=self._stream(3 + number))
            self._envs.append(env)
            self._show(pane, _first(obs))
        self.own: float | None = None
        self._measure()

    def _start(self) -> Starts:
        """The present of the simulator with its history, as models read it."""
        obs = np.zeros((1, self.history + 1, self.see.width), np.float32)
        action = np.zeros((1, self.history, self.do.width), np.float32)
        obs[0, -1] = self.real.row
        for ago, (seen, acted) in enumerate(reversed(self._past), start=1):
            obs[0, -1 - ago], action[0, -ago] = seen, acted
        return Starts(obs, action, np.array([len(self._past)], np.int64))

    def _measure(self) -> None:
        futures = self._simulator.futures
        live = [pane for pane in self.dreams if not pane.ended and not self.over]
        if live and self.ruler is not None:
            rows = np.stack([pane.row for pane in live])
            found = self.ruler.distances(rows, self.real.row, futures)
            for pane, distance in zip(live, found.tolist(), strict=True):
                pane.distance = distance
            self.own = None if futures is None else self.ruler.own(self.real.row, futures)
        for pane in self.dreams:
            if pane not in live:
                pane.distance = None
            pane.distances.append(pane.distance)

    def _show(self, pane: Pane, obs: Any) -> None:
        pane.obs, pane.row = obs, self.see.to_row(obs)
        pane.trail.append(pane.row)

    def _stream(self, use: int) -> int:
        """A seed for one use in this episode, since the last synchronisation."""
        synced = self._synced if use else 0  # an episode begins the same however often dreams are synchronised
        return int(np.random.SeedSequence([self.seed, self.episode, synced, use]).generate_state(1)[0]) % 2**31


def _first(batch: Any) -> Any:
    """The first row of a batch of observations."""
    if isinstance(batch, dict):
        return {name: _first(part) for name, part in batch.items()}
    return tuple(_first(part) for part in batch) if isinstance(batch, tuple) else batch[0]


def _ruler(see: Layout, models: list[FittedModel]) -> Ruler | None:
    """A ruler by the statistics that the first model learned from; none without a model."""
    if not models:
        return None
    codec = models[0].network.codec
    spread = np.zeros(see.width)
    spread[codec.obs_numbers] = codec.obs_scale.cpu().numpy()
    return Ruler(see, spread)


def _checked(temperature: float) -> float:
    if not COLDEST <= temperature <= HOTTEST:
        raise ValueError(f"a temperature is from {COLDEST} to {HOTTEST:g}, not {temperature:g}")
    return float(temperature)


def _require_same(name: str, model: FittedModel, see: Layout, do: Layout) -> None:
    for what, own, others in (
        ("observations", model.observation.space, see.space),
        ("actions", model.action.space, do.space),
    ):
        if own != others:
            raise AnotherWorldError(
                f"the dream {name} has {what} {brief(own)} and the world {brief(others)}: "
                "it is a dream of another world; name its own world, or fit one to a log of this world"
            )
