"""CartPole: a pole hinged to a cart, to be balanced by pushing the cart left or right.

The twin of Gymnasium's CartPole-v1, step for step, and so the reference world: it lets anyone compare this engine with
others on the same work. Barto, Sutton and Anderson, "Neuronlike adaptive elements that can solve difficult learning
control problems", 1983; physics after Florian, "Correct equations for the dynamics of the cart-pole system", 2007.
"""

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox_envs.core import Simulation
from sandbox_envs.random import draw_uniform

if TYPE_CHECKING:
    from sandbox_envs.canvas import Canvas


class Parameters(NamedTuple):
    """CartPole's constants; the defaults are Gymnasium's."""

    gravity: float = 9.8
    """m/s²."""
    cart_mass: float = 1.0
    """kg."""
    pole_mass: float = 0.1
    """kg."""
    half_length: float = 0.5
    """Half of the pole's length, m."""
    force: float = 10.0
    """What a push weighs, N."""
    time_step: float = 0.02
    """s."""
    track_limit: float = 2.4
    """The episode ends where the cart is further than this from the middle, m."""
    angle_limit: float = 12 * 2 * math.pi / 360
    """The episode ends where the pole leans further than this, rad."""


class CartPole(Simulation):
    """Actions: 0 pushes left, 1 pushes right. Reward: 1 a step. Observation: x, its speed, the angle, its speed."""

    Parameters = Parameters
    fields: ClassVar = [("x", "f8"), ("x_dot", "f8"), ("theta", "f8"), ("theta_dot", "f8")]
    max_episode_steps = 500
    frames_per_second = 50
    canvas_size = (600, 400)

    @staticmethod
    def reset(s: Any, p: Any) -> None:
        """All four numbers uniform within 0.05 of zero."""
        s.x = draw_uniform(s, -0.05, 0.05)
        s.x_dot = draw_uniform(s, -0.05, 0.05)
        s.theta = draw_uniform(s, -0.05, 0.05)
        s.theta_dot = draw_uniform(s, -0.05, 0.05)

    @staticmethod
    def step(s: Any, action: Any, p: Any) -> tuple[float, bool]:
        """One step of explicit Euler, in Gymnasium's order of operations."""
        force = p.force if action[0] == 1 else -p.force
        total_mass = p.pole_mass + p.cart_mass
        pole_moment = p.pole_mass * p.half_length
        cos, sin = math.cos(s.theta), math.sin(s.theta)

        push = (force + pole_moment * (s.theta_dot * s.theta_dot) * sin) / total_mass
        theta_acc = (p.gravity * sin - cos * push) / (
            p.half_length * (4.0 / 3.0 - p.pole_mass * (cos * cos) / total_mass)
        )
        x_acc = push - pole_moment * theta_acc * cos / total_mass

        s.x += p.time_step * s.x_dot
        s.x_dot += p.time_step * x_acc
        s.theta += p.time_step * s.theta_dot
        s.theta_dot += p.time_step * theta_acc
        return 1.0, abs(s.x) > p.track_limit or abs(s.theta) > p.angle_limit

    @staticmethod
    def observe(s: Any, obs: Any, p: Any) -> None:
        """The state is seen as it is."""
        obs[0] = s.x
        obs[1] = s.x_dot
        obs[2] = s.theta
        obs[3] = s.theta_dot

    @property
    def observation_space(self) -> spaces.Box:
        """Twice the limits, so that a failing observation is still inside; speeds are unbounded, but for float32."""
        p, unbounded = self.parameters, np.finfo(np.float32).max
        high = np.array([2 * p.track_limit, unbounded, 2 * p.angle_limit, unbounded], np.float32)
        return spaces.Box(-high, high, dtype=np.float32)

    @property
    def action_space(self) -> spaces.Discrete:
        """0 left, 1 right."""
        return spaces.Discrete(2)

    def draw(self, canvas: "Canvas", obs: NDArray[Any], state: Any = None) -> None:
        """The cart on its track, the pole, and how far both may still go."""
        x, _, theta, _ = (float(value) for value in obs)
        p, length = self.parameters, 2 * self.parameters.half_length
        canvas.view(-1.15 * p.track_limit, -0.9, 1.15 * p.track_limit, 2.78)
        canvas.sky(canvas.NIGHT, canvas.DUSK)
        canvas.line([(-p.track_limit, 0.0), (p.track_limit, 0.0)], canvas.GREY, 2)
        for end in (-p.track_limit, p.track_limit):
            canvas.line([(end, -0.12), (end, 0.12)], canvas.RED, 3)
        for sign in (-1, 1):
            tip = (x + 1.2 * length * math.sin(sign * p.angle_limit), 0.15 + 1.2 * length * math.cos(p.angle_limit))
            canvas.line([(x, 0.15), tip], canvas.DUSK, 1)
        canvas.polygon([(x - 0.25, -0.1), (x + 0.25, -0.1), (x + 0.25, 0.15), (x - 0.25, 0.15)], canvas.SKY)
        for wheel in (-0.15, 0.15):
            canvas.circle((x + wheel, -0.1), 0.06, canvas.GREY)
        along, across = (math.sin(theta), math.cos(theta)), (0.04 * math.cos(theta), -0.04 * math.sin(theta))
        tip = (x + length * along[0], 0.15 + length * along[1])
        pole = [(x - across[0], 0.15 - across[1]), (x + across[0], 0.15 + across[1])]
        canvas.polygon(
            [*pole, (tip[0] + across[0], tip[1] + across[1]), (tip[0] - across[0], tip[1] - across[1])], canvas.ORANGE
        )
        canvas.circle((x, 0.15), 0.05, canvas.WHITE)


def heuristic(obs: NDArray[Any]) -> NDArray[np.int64]:
    """Linear feedback, `(B, 4) -> (B,)`: push to where the pole falls, the more so the further the cart has strayed."""
    return np.asarray(obs @ np.array([0.03, 0.07, 1.0, 0.35]) > 0, np.int64)
