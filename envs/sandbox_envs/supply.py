"""Supply: four firms pass goods to their customers; orders travel up, goods come down weeks later (the beer game).

Units are pallets, weeks and thousands of dollars. Stage 0 is the retailer, then wholesaler, distributor and factory, as
in Sterman, "Modeling managerial behavior: misperceptions of feedback in a dynamic decision making experiment" (1989).
In week t, for every stage i:

    arrivals      stock_i += transit_i[0], and what is under way moves up by a week
    customers     owed += demand_t;   sold = min(stock_0, owed), which is taken from both: they wait for what is missing
    shipments     sent_i = min(stock_(i+1), order_i) goes from stage i+1 to i and is there after `lead_time` weeks;
                  what cannot be sent is not owed: it may be ordered again
    production    what the factory orders of itself is made within `lead_time` weeks, without a limit but `max_order`
    reward        -sum_i holding_i * stock_i - backlog * owed, with holding_i = holding * (4 - i) / 4

That customers alone wait, and that every firm adds the same value to the goods, is the problem of Clark and Scarf,
"Optimal policies for a multi-echelon inventory problem" (1960), whose best policy is known. (In the game each firm also
pays for what it owes the next; one mind that runs them all then asks for nothing that is not there.)

Demand is the autoregression of Lee, Padmanabhan and Whang, "Information distortion in a supply chain: the bullwhip
effect" (1997): demand_t = max(0, mean + x_t), x_t = persistence * x_(t-1) + noise, with x of deviation `spread`.

Seen are stocks and positions, as the field calls them: what a stage and all below it have, or have under way, less what
customers are owed. Hidden is when it will come: that is in the history only. So a policy needs no memory to do well,
and a model of this world needs one to know what arrives next week.
"""

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox_envs.core import Simulation
from sandbox_envs.random import draw_normal, draw_uniform

if TYPE_CHECKING:
    from sandbox_envs.canvas import Canvas

STAGES, LONGEST, WEEKS = 4, 8, 40  # firms; the longest lead time; how many weeks the picture looks back
UNIT, FAR = 20.0, 50.0  # pallets in a unit of what is observed, and how many units either way it can tell
NAMES = ("retailer", "wholesaler", "distributor", "factory")
GROUND, PITCH, CRATE, WALL = 200.0, 182.0, 11.0, 44.0  # pixels: the ground, firm to firm, a pallet, half a firm
SAFETY = (1.97, 1.85, 1.69, 1.55)  # deviations of demand that the heuristic keeps beyond what it expects


class Parameters(NamedTuple):
    """Supply's constants."""

    mean: float = 8.0
    """Mean demand of a week, pallets."""
    spread: float = 3.0
    """Standard deviation of demand, pallets; 0 is steady."""
    persistence: float = 0.6
    """Correlation of demand with that of the week before, from 0 to below 1."""
    lead_time: int = 3
    """Weeks from sending goods, or beginning to make them, to having them: 1 to 8."""
    max_order: float = 24.0
    """The largest order, pallets a week."""
    holding: float = 0.05
    """What a pallet in the retailer's stock costs a week, thousands of dollars; a quarter of it in the factory's."""
    backlog: float = 0.45
    """What a pallet that customers wait for costs a week, thousands of dollars."""


class Supply(Simulation):
    """Action, `(4,)` in [-1, 1]: what retailer, wholesaler, distributor and factory order, from 0 to `max_order`.

    Observation, `(9,)`, in units of 20 pallets: the stocks, the retailer's less what it owes, then the positions of
    all stages, then last week's demand. Reward: the week's cost, negative. It ends by the time limit only.
    """

    Parameters = Parameters
    fields: ClassVar = [
        *((name, "f8", (STAGES,)) for name in ("stock", "order")),
        ("transit", "f8", (STAGES, LONGEST)),
        *((name, "f8") for name in ("owed", "demand", "excess", "made", "sold", "cost")),
        ("trail", "f4", (WEEKS, STAGES + 1)),
    ]
    max_episode_steps = 100
    frames_per_second = 8
    canvas_size = (760, 430)

    @staticmethod
    def reset(s: Any, p: Any) -> None:
        """Stocks from none to plenty, under way about the mean demand of every week, demand as in the long run."""
        s.excess = p.spread * draw_normal(s)
        s.demand = max(p.mean + s.excess, 0.0)
        s.owed, s.made, s.sold, s.cost = 0.0, 0.0, 0.0, 0.0
        for stage in range(STAGES):
            s.stock[stage] = draw_uniform(s, 0.0, 3.0) * p.mean
            s.order[stage] = 0.0
            for week in range(LONGEST):
                s.transit[stage, week] = draw_uniform(s, 0.5, 1.5) * p.mean if week < p.lead_time else 0.0
        for week in range(WEEKS):
            for line in range(STAGES + 1):
                s.trail[week, line] = 0.0

    @staticmethod
    def step(s: Any, action: Any, p: Any) -> tuple[float, bool]:
        """One week: arrivals, orders, shipments, costs."""
        fresh = math.sqrt(1.0 - p.persistence * p.persistence) * p.spread
        s.excess = p.persistence * s.excess + fresh * draw_normal(s)
        s.demand = max(p.mean + s.excess, 0.0)
        s.owed += s.demand
        for stage in range(STAGES):
            s.order[stage] = 0.5 * (1.0 + action[stage]) * p.max_order
            s.stock[stage] += s.transit[stage, 0]
            for week in range(p.lead_time - 1):
                s.transit[stage, week] = s.transit[stage, week + 1]
        bought = min(s.stock[0], s.owed)
        s.stock[0] -= bought
        s.owed -= bought
        s.sold += bought

        cost = p.backlog * s.owed
        for stage in range(STAGES):
            sent = s.order[stage]
            if stage + 1 < STAGES:
                sent = min(s.stock[stage + 1], sent)
                s.stock[stage + 1] -= sent
            else:
                s.made += sent
            s.transit[stage, p.lead_time - 1] = sent
        for stage in range(STAGES):
            cost += p.holding * (STAGES - stage) / STAGES * s.stock[stage]
        s.cost += cost

        week = s.elapsed % WEEKS
        for stage in range(STAGES):
            s.trail[week, stage] = s.order[stage]
        s.trail[week, STAGES] = s.demand
        return -cost, False

    @staticmethod
    def observe(s: Any, obs: Any, p: Any) -> None:
        """Stocks, positions and demand, cut to the space's bounds, which only a lost chain meets."""
        position = -s.owed
        for stage in range(STAGES):
            position += s.stock[stage]
            for week in range(p.lead_time):
                position += s.transit[stage, week]
            obs[stage] = min((s.stock[stage] - (s.owed if stage == 0 else 0.0)) / UNIT, FAR)
            obs[STAGES + stage] = min(max(position / UNIT, -FAR), FAR)
        obs[0] = max(obs[0], -FAR)
        obs[2 * STAGES] = min(s.demand / UNIT, FAR)

    @property
    def observation_space(self) -> spaces.Box:
        """Nine bounded numbers; positions and the retailer's stock are negative where more is owed than there is."""
        low = np.array([-FAR, 0.0, 0.0, 0.0, -FAR, -FAR, -FAR, -FAR, 0.0], np.float32)
        return spaces.Box(low, FAR, (2 * STAGES + 1,), np.float32)

    @property
    def action_space(self) -> spaces.Box:
        """The four orders; -1 is none, 1 is `max_order`."""
        return spaces.Box(-1.0, 1.0, (STAGES,), np.float32)

    def check(self) -> None:
        """Refuse what makes no chain."""
        p = self.parameters
        if not 1 <= p.lead_time <= LONGEST:
            raise ValueError(f"Supply's lead_time must be from 1 to {LONGEST} weeks, got {p.lead_time}.")
        if not 0 <= p.persistence < 1:
            raise ValueError(f"Supply's persistence must be from 0 to below 1, got {p.persistence}.")
        for name in ("mean", "max_order"):
            if getattr(p, name) <= 0:
                raise ValueError(f"Supply's {name} must be above 0, got {getattr(p, name)}.")
        for name in ("spread", "holding", "backlog"):
            if getattr(p, name) < 0:
                raise ValueError(f"Supply's {name} must not be below 0, got {getattr(p, name)}.")

    def draw(self, canvas: "Canvas", obs: NDArray[Any], state: Any = None) -> None:
        """The four firms, their stocks and debts; trucks and past orders only where the state is known."""
        scene(canvas, np.asarray(obs, np.float64), self.parameters, state)


def heuristic(obs: NDArray[Any], p: Parameters = Parameters()) -> NDArray[np.float32]:  # noqa: B008
    """Echelon base stock, `(B, 9) -> (B, 4)`: order as much as lifts a position to the demand expected, and `SAFETY`.

    This is the best policy for steady lead times and independent demand (Clark and Scarf, 1960), its levels moved with
    the forecast. `SAFETY` was found by random search for the default parameters.
    """
    position = UNIT * obs[:, STAGES : 2 * STAGES]
    rho, weeks = p.persistence, p.lead_time * np.arange(1, STAGES + 1) + 1
    # echo[k]: what a surprise of one pallet adds to the demand of k weeks, of which its own is the first
    echo = (1.0 - rho ** np.arange(weeks[-1] + 1)) / (1.0 - rho)
    surprise = p.spread * np.sqrt((1.0 - rho**2) * np.cumsum(echo**2)[weeks])
    excess = (UNIT * obs[:, 2 * STAGES :] - p.mean) * rho * echo[weeks]
    order = p.mean * weeks + excess + np.asarray(SAFETY) * surprise - position
    return np.asarray(2.0 * np.clip(order / p.max_order, 0.0, 1.0) - 1.0, np.float32)


def scene(canvas: "Canvas", obs: NDArray[np.float64], p: Parameters, state: Any) -> None:
    """The chain from the factory at the left to the shop at the right, each above the orders of its last weeks."""
    width, height = canvas.size
    canvas.view(0.0, 0.0, float(width), float(height))
    canvas.sky(canvas.NIGHT, (92, 84, 140))
    for star in range(40):  # the golden ratio scatters them evenly, the same ones in every picture
        place = (width * ((star * 0.618034) % 1.0), height - 130.0 * ((star * star * 0.754878) % 1.0))
        canvas.circle(place, 0.5 + 0.7 * ((star * 0.381966) % 1.0), canvas.WHITE, alpha=60 + 3 * star)
    for far, colour in ((0.0, (52, 58, 108)), (1.0, (36, 45, 86))):
        ridge = [
            (x, GROUND + 66.0 - 26.0 * far + 20.0 * math.sin(0.011 * x + 2.0 * far) * math.cos(0.027 * x + far))
            for x in np.linspace(0.0, width, 60)
        ]
        canvas.polygon([(0.0, GROUND), *ridge, (width, GROUND)], colour)
    canvas.polygon([(0.0, 0.0), (0.0, GROUND), (width, GROUND), (width, 0.0)], (18, 24, 46))
    canvas.line([(0.0, GROUND), (width, GROUND)], canvas.GREY, 3)
    colours = (canvas.PINK, canvas.GREEN, canvas.YELLOW, canvas.ORANGE)
    coming = np.diff(obs[STAGES : 2 * STAGES], prepend=0.0) - obs[:STAGES]  # the positions' sums undone
    for stage, colour in enumerate(colours):
        x = width - 92.0 - PITCH * stage
        _under_way(canvas, x, UNIT * float(coming[stage]), stage, p, state)
        _firm(canvas, x, stage, colour, state)
        _stock(canvas, x, UNIT * float(obs[stage]), NAMES[stage], colour)
        _trail(canvas, x, stage, colour, p, state)
    _customers(canvas, width - 92.0 + WALL, UNIT * float(obs[2 * STAGES]))
    canvas.text(f"customers want {UNIT * float(obs[2 * STAGES]):.1f} a week", (width - 186, 12), canvas.WHITE)
    if state is not None:
        canvas.text(f"week {int(state['elapsed'])}    cost {float(state['cost']):.1f} k$", (14, 12), canvas.WHITE)


def _firm(canvas: "Canvas", x: float, stage: int, colour: Any, state: Any) -> None:
    """Walls that hold eight rows of six pallets, under the roof of a shop, two halls or a factory."""
    eaves = GROUND + 8 * CRATE + 8.0
    if stage == STAGES - 1:
        canvas.box(x - 34.0, eaves, 13.0, 46.0, canvas.GREY)
        puffs = 0 if state is None else round(float(state["order"][stage]) / 2.5)
        for puff in range(puffs):
            centre = (x - 27.0 + 7.0 * puff + 0.6 * puff * puff, eaves + 50.0 + 6.0 * puff)
            canvas.circle(centre, 5.0 + 1.1 * puff, canvas.GREY, alpha=max(150 - 14 * puff, 20))
    canvas.box(x - WALL, GROUND, 2.0 * WALL, eaves - GROUND, (24, 32, 64))
    canvas.line([(x - WALL, GROUND), (x - WALL, eaves), (x + WALL, eaves), (x + WALL, GROUND)], canvas.GREY, 2)
    if stage == STAGES - 1:  # a saw-tooth roof
        for tooth in (-45.0, -15.0, 15.0):
            canvas.polygon([(x + tooth, eaves), (x + tooth + 30.0, eaves), (x + tooth + 30.0, eaves + 18.0)], colour)
    elif stage == 0:  # an awning
        for stripe in range(8):
            canvas.box(x - 52.0 + 13.0 * stripe, eaves - 4.0, 13.0, 16.0, canvas.WHITE if stripe % 2 else colour)
            canvas.circle((x - 45.5 + 13.0 * stripe, eaves - 4.0), 6.5, canvas.WHITE if stripe % 2 else colour)
    else:
        canvas.polygon([(x - 54.0, eaves), (x + 54.0, eaves), (x, eaves + 12.0 + 9.0 * stage)], colour)


def _stock(canvas: "Canvas", x: float, net: float, name: str, colour: Any) -> None:
    """A crate a pallet: what is there stands on the ground, what is owed hangs below it."""
    for crate in range(min(math.ceil(abs(net)), 48 if net > 0 else 18)):
        share = min(abs(net) - crate, 1.0)  # the last one may be a part of a pallet
        column, row = crate % 6, crate // 6
        left = x - 3 * (CRATE + 2.0) + column * (CRATE + 2.0) + 1.0
        bottom = GROUND + 2.0 + row * CRATE if net > 0 else GROUND - 3.0 - (row + 1) * CRATE
        canvas.box(left, bottom, CRATE, share * (CRATE - 1.5), canvas.SKY if net > 0 else canvas.RED)
    place = (round(x) - 40, round(canvas.size[1] - GROUND) + 38)
    canvas.text(name, place, colour, 12)
    words = f"{net:.0f} in stock" if net >= 0 else f"owes {-net:.0f}"
    canvas.text(words, (place[0], place[1] + 15), canvas.SKY if net >= 0 else canvas.RED, 12)


def _customers(canvas: "Canvas", x: float, demand: float) -> None:
    """A queue before the shop, one for every pallet that is wanted."""
    for person in range(min(round(demand), 24)):
        place = (x + 9.0 + 8.0 * (person % 5) - 2.0 * (person // 5), GROUND + 2.0 + 3.5 * (person // 5))
        canvas.polygon(
            [(place[0] - 3.0, place[1]), (place[0] + 3.0, place[1]), (place[0], place[1] + 13.0)], canvas.PINK
        )
        canvas.circle((place[0], place[1] + 14.0), 3.0, canvas.WHITE)


def _under_way(canvas: "Canvas", x: float, total: float, stage: int, p: Parameters, state: Any) -> None:
    """Trucks on the road to a firm, fuller ones higher; a cloud stands for them where only their sum is known."""
    begin, end = x - PITCH + WALL + 3.0, x - WALL - 3.0
    if stage == STAGES - 1:
        begin = 4.0
    middle = 0.5 * (begin + end)
    high = round(canvas.size[1] - GROUND)
    if state is None:
        for puff in (-1, 0, 1):
            canvas.circle((middle + 14.0 * puff, GROUND + 22.0), 13.0 + 4.0 * (puff == 0), canvas.GREY, alpha=120)
    for week in range(p.lead_time if state is not None else 0):
        place = begin + (end - begin) * (p.lead_time - week - 0.5) / p.lead_time
        _truck(canvas, place, min((end - begin) / p.lead_time - 4.0, 28.0), float(state["transit"][stage, week]))
    canvas.text(f"{total:.0f} on the way", (round(middle) - 36, high + 8), canvas.GREY, 11)


def _truck(canvas: "Canvas", x: float, length: float, load: float) -> None:
    left, bed = x - 0.5 * length, GROUND + 6.0
    canvas.box(left, bed, 0.7 * length, 2.0, canvas.GREY)
    canvas.box(left, bed + 2.0, 0.66 * length, 1.6 * min(load, 30.0), canvas.SKY)
    canvas.box(left + 0.72 * length, bed, 0.28 * length, 11.0, canvas.WHITE)
    canvas.box(left + 0.84 * length, bed + 5.0, 0.12 * length, 4.0, canvas.BLUE)
    for wheel in (0.16, 0.5, 0.84):
        canvas.circle((left + wheel * length, bed), 3.2, canvas.NIGHT)
        canvas.circle((left + wheel * length, bed), 1.6, canvas.GREY)


def _trail(canvas: "Canvas", x: float, stage: int, colour: Any, p: Parameters, state: Any) -> None:
    """What the firm ordered in the last weeks, as bars, and what customers wanted, as a line."""
    left, bottom, width, height = x - 80.0, 30.0, 160.0, 80.0
    canvas.box(left, bottom, width, height, (28, 38, 74))
    canvas.line([(left, bottom), (left + width, bottom)], canvas.GREY, 1)
    if state is None:
        return
    weeks = min(int(state["elapsed"]), WEEKS)
    rows = state["trail"][np.arange(int(state["elapsed"]) - weeks, int(state["elapsed"])) % WEEKS]
    pace, scale = width / WEEKS, (height - 4.0) / p.max_order
    for week, row in enumerate(rows):
        place = left + width + (week - weeks) * pace
        canvas.box(place, bottom + 1.0, pace - 1.0, scale * float(row[stage]), colour)
    tops = [min(scale * float(row[STAGES]), height) for row in rows]
    line = [(left + width + (week - weeks + 0.5) * pace, bottom + top) for week, top in enumerate(tops)]
    if len(line) > 1:
        canvas.line(line, canvas.WHITE, 1.5)
    if stage == STAGES - 1:
        canvas.text(f"orders of the last {WEEKS} weeks (bars), customers' demand (line)", (12, 408), canvas.GREY, 11)
