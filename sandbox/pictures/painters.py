"""How a dreamed observation becomes a picture: by the world's own brush, or by a renderer whose state can be set."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.envs import classic_control
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from sandbox.spaces import layout

Picture = NDArray[np.uint8]  # (H, W, 3)
Painter = Callable[[Any], Picture]  # from one observation of the environment's own space

# An environment that was set truly goes on as the observed one did, but for the rounding of float32 observations.
_TOLERANCE = 1e-3


def painter(env: gymnasium.Env[Any, Any], obs: Sequence[Any], action: Sequence[Any]) -> Painter | None:
    """What paints any observation of `env`, made with render_mode "rgb_array"; None if nothing can.

    An environment with a method `paint(obs)`, as our worlds have, is asked. Gymnasium's classic control and its worlds
    that are a table, as of its toy text, are set to the state behind the observation. That is trusted only after a
    probe on an episode that really happened, `obs` (T + 1 of them) and `action` (T of them): set from one observation,
    the environment must step to the next, or the table must hold that step.
    """
    own = env.get_wrapper_attr("paint") if env.has_wrapper_attr("paint") else None
    if callable(own):
        return cast(Painter, own)
    setter = _of_classic_control(env, obs, action) or _of_table(env, obs, action)
    if setter is None:
        return None
    env.reset(seed=0)  # forgets the probe's last action, which some renderers show

    def paint(seen: Any) -> Picture:
        setter(seen)
        return rendered(env)

    return paint


def rendered(env: gymnasium.Env[Any, Any]) -> Picture:
    """What `env` renders, `(H, W, 3)`.

    Raises:
        ValueError: it rendered something other than a picture.
    """
    picture = np.asarray(env.render())
    if picture.ndim != 3 or picture.shape[2] not in (3, 4):
        raise ValueError(f"render() gave an array of shape {picture.shape} where a picture (H, W, 3) was expected")
    return cast(Picture, picture[..., :3].astype(np.uint8))


Setter = Callable[[Any], None]  # puts an environment where an observation was made


def _of_table(env: gymnasium.Env[Any, Any], obs: Sequence[Any], action: Sequence[Any]) -> Setter | None:
    """Of a world at state `s`, with a table `P[s][action]` of (probability, next state, reward, ended)."""
    world: Any = env.unwrapped
    if not (hasattr(world, "P") and hasattr(world, "s") and isinstance(env.observation_space, Discrete)):
        return None
    try:
        for before, done, after in zip(obs, action, obs[1:], strict=False):
            if int(after) not in [int(outcome[1]) for outcome in world.P[int(before)][int(done)]]:
                return None
    except (ValueError, TypeError, LookupError):  # a table of another kind
        return None
    return lambda seen: setattr(world, "s", int(seen))


def _of_classic_control(env: gymnasium.Env[Any, Any], obs: Sequence[Any], action: Sequence[Any]) -> Setter | None:
    state_of = next((state for kind, state in _STATES.items() if isinstance(env.unwrapped, kind)), None)
    if state_of is None or not _goes_on_as_observed(env, state_of, obs, action):
        return None
    return lambda seen: _set(env, state_of, seen)


def _goes_on_as_observed(
    env: gymnasium.Env[Any, Any], state_of: "State", obs: Sequence[Any], action: Sequence[Any]
) -> bool:
    """Set the environment to three moments of the episode, step it, and compare with what followed."""
    see = layout(env.observation_space)
    for step in {0, len(action) // 2, len(action) - 1}:
        env.reset(seed=0)
        try:
            _set(env, state_of, obs[step])
            following, *_ = env.step(action[step])
        except (ValueError, TypeError, IndexError):  # a wrapper shows other observations than the environment's own
            return False
        if not np.allclose(see.to_row(following), see.to_row(obs[step + 1]), rtol=_TOLERANCE, atol=_TOLERANCE):
            return False
    return True


State = Callable[[NDArray[np.float64]], Sequence[float]]


def _set(env: gymnasium.Env[Any, Any], state_of: State, obs: Any) -> None:
    unwrapped: Any = env.unwrapped
    unwrapped.state = np.array(state_of(np.asarray(obs, np.float64)))


def _pendulum(obs: NDArray[np.float64]) -> Sequence[float]:
    cos, sin, speed = obs
    return math.atan2(sin, cos), speed


def _acrobot(obs: NDArray[np.float64]) -> Sequence[float]:
    cos, sin, cos_2, sin_2, speed, speed_2 = obs
    return math.atan2(sin, cos), math.atan2(sin_2, cos_2), speed, speed_2


def _itself(obs: NDArray[np.float64]) -> Sequence[float]:
    return cast(Sequence[float], obs.tolist())


# The state behind an observation, for environments whose renderer looks at `state` alone.
_STATES: Mapping[type[gymnasium.Env[Any, Any]], State] = {
    classic_control.PendulumEnv: _pendulum,
    classic_control.AcrobotEnv: _acrobot,
    classic_control.CartPoleEnv: _itself,
    classic_control.MountainCarEnv: _itself,
    classic_control.Continuous_MountainCarEnv: _itself,
}
