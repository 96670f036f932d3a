"""Dreams: any dynamics as a Gymnasium environment. NumPy outside, torch inside, converted in this file only."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from sandbox.batches import final_info, row_of
from sandbox.models.core import Dynamics, State
from sandbox.models.ensemble import DISAGREEMENT, Ensemble
from sandbox.models.fitted import FittedModel
from sandbox.spaces import Layout
from sandbox.threads import one_thread
from sandbox.trajectories import Starts
from sandbox_envs.random import key_of, normals, uniform


class DreamVectorEnv(VectorEnv[Any, Any, Any]):
    """A batch of dreams that steps, ends, resets and seeds as the simulator's own vector environment does.

    Row `i` of `reset(seed=s)` draws from stream `s + i` by a count of its own, so it is the same in a batch of any
    size (within rounding of the batched arithmetic). A row resets to a real start, drawn from `starts`; by default
    these are the beginnings of real episodes. It ends by the learned termination and is truncated at `horizon` steps.
    Observations are clipped to the space; `clipped` of the `dreamed` ones were.

    A cautious dream also ends where it leaves the range of what is known (`sandbox.models.familiar`), and expects the
    worst there: the reward of that step becomes the worst return-to-go that was ever seen (after MOReL's halt state;
    Kidambi et al. 2020). An agent cannot win in it by what the model merely imagines.

    `fear` is the opposite where it is below 1: an end of an episode that pays less than a usual step loses only that
    share of the difference. Where every end so far was a crash, a model concludes that all ends are, and an agent that
    believes it never goes and looks; in a fearless dream (0) no end pays less than a usual step.

    A curious dream pays in place of rewards what `novelty` says of each observation that a step leads to.

    Where the model is an ensemble, the dream may also fear what its members disagree about: every step's reward is
    lowered by `disagreement_penalty` times their disagreement (after MOPO; Yu et al. 2020), and an episode is truncated
    where it exceeds `disagreement_limit`. The unit is a usual change of the observation in one step.
    """

    metadata: dict[str, Any] = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 (Gymnasium's)

    def __init__(
        self,
        model: Dynamics | FittedModel,
        num_envs: int = 1,
        *,
        starts: Starts | None = None,
        in_turn: bool = False,
        horizon: int | None = None,
        temperature: float = 1.0,
        cautious: bool = False,
        fear: float = 1.0,
        novelty: Callable[[torch.Tensor], torch.Tensor] | None = None,
        disagreement_penalty: float = 0.0,
        disagreement_limit: float | None = None,
        spaces: tuple[Layout, Layout] | None = None,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        """Dream `model`; `starts`, `horizon` and `spaces` come from a fitted model unless they are given.

        A row begins at a start that is drawn anew for each episode; `in_turn`, row i at start i modulo their number.

        Raises:
            ValueError: a temperature or horizon that is not positive, fear that is no share, or dynamics that bring no
                spaces of their own.
        """
        if temperature <= 0:
            raise ValueError(f"a dream's temperature must be positive, not {temperature}")
        if isinstance(model, FittedModel):
            starts, horizon = starts or model.beginnings, horizon or model.horizon
            spaces = spaces or (model.observation, model.action)
        if starts is None or horizon is None or spaces is None:
            raise ValueError("dynamics that are no fitted model need starts, a horizon and spaces beside them")
        if not 0 <= fear <= 1:
            raise ValueError(f"a dream's fear is a share, from 0 to 1, not {fear}")
        if (cautious or fear < 1) and not isinstance(model, FittedModel):
            raise ValueError("only dreams of fitted models can be cautious or fearless: other dynamics have no data")
        doubts = disagreement_penalty != 0 or disagreement_limit is not None
        if doubts and not (isinstance(model, FittedModel) and isinstance(model.network, Ensemble)):
            raise ValueError("a penalty or limit of disagreement needs an ensemble; fit one with --ensemble 5")
        if horizon < 1:
            raise ValueError(f"a dream's horizon must be at least 1 step, not {horizon}")
        self.model, self.starts, self.horizon, self.temperature = model, starts, horizon, temperature
        self.observation, self.action = spaces
        self._in_turn = in_turn
        self._cautious = model if cautious and isinstance(model, FittedModel) else None
        self._fear, self._usual = fear, model.usual_reward if isinstance(model, FittedModel) else 0.0
        self._novelty = novelty
        self._penalty, self._limit = disagreement_penalty, disagreement_limit
        self.num_envs = num_envs
        self.single_observation_space = self.observation.space
        self.single_action_space = self.action.space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.metadata = {**type(self).metadata, "autoreset_mode": autoreset_mode}
        self.autoreset_mode = autoreset_mode
        self.clipped = 0
        self.dreamed = 0
        self._device = getattr(model, "device", torch.device("cpu"))
        self._begun = model.begin(starts)  # the state at every start, K rows: a reset is a look-up
        self._bounds = _bounds(self.observation)
        self._keys = np.zeros(num_envs, np.uint64)
        self._count = np.zeros(num_envs, np.uint64)
        self._elapsed = np.zeros(num_envs, np.int64)
        self._ended = np.zeros(num_envs, bool)
        self._state: State | None = None

    @one_thread()
    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin every row anew; `options={"reset_mask": mask}` begins only the masked rows, as Gymnasium's own do."""
        mask = np.ones(self.num_envs, bool)
        if options is not None and "reset_mask" in options:
            mask = np.asarray(options["reset_mask"], bool)
        self._seed(seed, mask)
        self._begin(np.flatnonzero(mask))
        return self._observe(), {}

    @one_thread()
    def step(
        self, actions: Any
    ) -> tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """One tick of every row.

        Raises:
            ValueError: an action outside the action space, or a step before the first reset.
        """
        if self._state is None:
            raise ValueError("the dream was stepped before its first reset; call reset first")
        if not self.action_space.contains(actions):
            actions = self._admissible(actions)
        if self.autoreset_mode is AutoresetMode.DISABLED and self._ended.any():
            raise ValueError("a row was stepped after its end; reset it first with options={'reset_mask': …}")
        waking = self._ended.copy() if self.autoreset_mode is AutoresetMode.NEXT_STEP else np.zeros(self.num_envs, bool)
        action = torch.from_numpy(self.action.to_rows(actions)).to(self._device)
        noise = torch.from_numpy(normals(self._keys, self._count, self.model.noise_dim)).to(self._device)
        self._count[~waking] += np.uint64(self.model.noise_dim)
        (obs, reward, ended), following = self.model.step(self._state, action, noise, self.temperature)
        following["obs"] = self._clip(obs)
        self._state = following
        rewards, terminated = reward.cpu().numpy().astype(np.float64), ended.cpu().numpy().copy()
        last = rewards[terminated]
        rewards[terminated] = np.maximum(last, self._fear * last + (1 - self._fear) * self._usual)
        if self._cautious is not None:
            lost = ~self._cautious.is_known(following["obs"]).cpu().numpy()
            rewards[lost & ~terminated] = self._cautious.worst
            terminated |= lost
        if self._novelty is not None:
            rewards = self._novelty(following["obs"]).cpu().numpy().astype(np.float64)
        self._elapsed += 1
        truncated = (self._elapsed >= self.horizon) & ~terminated
        if DISAGREEMENT in following:
            doubt = following[DISAGREEMENT].cpu().numpy()
            rewards -= self._penalty * doubt
            if self._limit is not None:
                truncated |= (doubt > self._limit) & ~terminated
        info: dict[str, Any] = {}
        if waking.any():  # these rows' action was ignored: they only open their eyes
            self._begin(np.flatnonzero(waking))
            rewards[waking], terminated[waking], truncated[waking] = 0.0, False, False
        self._ended = terminated | truncated
        if self._ended.any() and self.autoreset_mode is AutoresetMode.SAME_STEP:
            final = self.observation.from_rows(self._state["obs"].cpu().numpy())
            info = final_info(self._ended, final)
            self._begin(np.flatnonzero(self._ended))
            self._ended = np.zeros(self.num_envs, bool)
        return self._observe(), rewards, terminated, truncated, info

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Everything that decides what comes next in every row, as arrays."""
        state = {} if self._state is None else {f"state.{k}": leaf.cpu().numpy() for k, leaf in self._state.items()}
        rows = {"keys": self._keys, "count": self._count, "elapsed": self._elapsed, "ended": self._ended}
        return state | {name: array.copy() for name, array in rows.items()}

    def restore(self, kept: Mapping[str, NDArray[Any]]) -> Any:
        """Go back to a `snapshot`; returns the present observations, or None before the first reset."""
        for name in ("keys", "count", "elapsed", "ended"):
            getattr(self, f"_{name}")[:] = kept[name]
        leaves = {name.removeprefix("state."): kept[name] for name in kept if name.startswith("state.")}
        self._state = {k: torch.from_numpy(leaf.copy()).to(self._device) for k, leaf in leaves.items()} or None
        return None if self._state is None else self._observe()

    def _admissible(self, actions: Any) -> Any:
        """Actions of another float or integer type are taken where they keep the bounds."""
        array = np.asarray(actions)
        if array.shape == self.action_space.shape and array.dtype.kind in "fiu" and np.isfinite(array).all():
            cast = array.astype(self.action_space.dtype)
            is_same = np.array_equal(cast, array) or array.dtype.kind == cast.dtype.kind == "f"
            if is_same and self.action_space.contains(cast):
                return cast
        raise ValueError(f"the dream was asked to act outside its action space {self.action_space}: {actions!r:.80}")

    def _seed(self, seed: int | Sequence[int | None] | None, mask: NDArray[np.bool_]) -> None:
        if seed is None:
            if self._state is None:  # never seeded: Gymnasium asks for entropy here
                entropy = int(np.random.SeedSequence().generate_state(1)[0])
                self._keys[:] = [key_of(np.uint64(entropy + row)) for row in range(self.num_envs)]
            return
        seeds = [seed + row for row in range(self.num_envs)] if isinstance(seed, int | np.integer) else list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds were given for {self.num_envs} rows")
        for row in np.flatnonzero(mask):
            chosen = seeds[row]
            if chosen is not None:
                self._keys[row] = key_of(np.uint64(chosen))
                self._count[row] = 0

    def _begin(self, rows: NDArray[np.int64]) -> None:
        """Put rows at a start each, drawn by the row's own stream unless they have one of their own."""
        chosen = rows % len(self.starts)
        for i, row in enumerate(() if self._in_turn else rows):
            # A step's noise uses uniform draws 2c and 2c + 1; a start takes one such pair.
            chosen[i] = int(uniform(self._keys[row], np.uint64(2) * self._count[row]) * len(self.starts))
            self._count[row] += np.uint64(1)
        index, source = torch.from_numpy(rows), torch.from_numpy(chosen)
        if self._state is None:
            self._state = {k: leaf[torch.zeros(self.num_envs, dtype=torch.long)] for k, leaf in self._begun.items()}
        self._state = {
            name: leaf.index_copy(0, index.to(leaf.device), self._begun[name][source.to(leaf.device)])
            for name, leaf in self._state.items()
        }
        self._elapsed[rows] = 0
        self._ended[rows] = False

    def _clip(self, obs: torch.Tensor) -> torch.Tensor:
        low, high = (bound.to(obs.device) for bound in self._bounds)
        kept = torch.minimum(torch.maximum(obs, low), high)
        self.clipped += int((kept != obs).any(dim=1).sum())
        self.dreamed += len(obs)
        return kept

    def _observe(self) -> Any:
        assert self._state is not None
        return self.observation.from_rows(self._state["obs"].cpu().numpy())


def _bounds(observation: Layout) -> tuple[torch.Tensor, torch.Tensor]:
    low = torch.tensor([e.low if e.kind == "continuous" else 0 for e in observation.elements], dtype=torch.float32)
    high = torch.tensor(
        [e.high if e.kind == "continuous" else max(e.categories - 1, 1) for e in observation.elements],
        dtype=torch.float32,
    )
    return low, high


class DreamEnv(gymnasium.Env[Any, Any]):
    """One dream as an ordinary Gymnasium environment: the batch of one."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (Gymnasium's)

    def __init__(self, model: FittedModel, *, horizon: int | None = None, temperature: float = 1.0) -> None:
        """Dream `model`."""
        self.dream = DreamVectorEnv(
            model, 1, horizon=horizon, temperature=temperature, autoreset_mode=AutoresetMode.DISABLED
        )
        self.observation_space = self.dream.single_observation_space
        self.action_space = self.dream.single_action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin at a real start."""
        super().reset(seed=seed)
        obs, info = self.dream.reset(seed=seed)
        return row_of(obs, 0), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One tick; see `DreamVectorEnv.step`."""
        batch = np.asarray(action)[None]
        obs, reward, terminated, truncated, _ = self.dream.step(batch)
        return row_of(obs, 0), float(reward[0]), bool(terminated[0]), bool(truncated[0]), {}
