"""How Wildfire looks: the map from above, with trees, houses, flames and smoke."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sandbox_envs.wildfire import BARE, BRUSH, BURNT, CREW_ON_FUEL, FIRE, FOREST, GRASS, HOUSE

if TYPE_CHECKING:
    from sandbox_envs.canvas import Canvas

GROUND = np.array(
    [(112, 116, 128), (150, 170, 92), (98, 132, 74), (46, 92, 66), (150, 170, 92), (70, 36, 24), (34, 31, 36)]
)
VARIANTS = 12  # of what stands in a cell, so that not all look alike


def scene(canvas: "Canvas", obs: NDArray[Any], p: Any, state: Any) -> None:
    """The map from above, north at the top, and a line of words beneath."""
    size = p.size
    grid = np.clip(np.rint(obs.astype(np.float64)), 0, 8).astype(int).reshape(size, size)
    canvas.view(0.0, -0.075 * size, float(size), float(size))
    canvas.sky(canvas.NIGHT, canvas.NIGHT)
    ground = GROUND[np.where(grid == CREW_ON_FUEL, GRASS, np.where(grid > CREW_ON_FUEL, BARE, grid))]  # (H, W, 3)
    canvas.tiles(np.minimum(_light(state) * ground, 255).astype(np.uint8), 0.0, 0.0, float(size), float(size))
    for (row, column), kind in np.ndenumerate(grid):
        luck = round(VARIANTS * ((row * 0.618034 + column * 0.754878) % 1.0)) / VARIANTS
        place = (column + 0.5, size - row - 0.5)
        if kind == FIRE:  # its glow is not opaque
            _thing(canvas, kind, *place, luck)
        else:
            canvas.stamp((kind, luck), place, 0.7, partial(_thing, kind=kind, x=0.0, y=0.0, luck=luck))
    way = np.deg2rad(p.wind_angle)
    east, north = float(np.cos(way)), float(np.sin(way))
    for row, column in np.argwhere(grid == FIRE):
        for puff in range(1, 5):
            drift, lift = 0.09 * puff * p.wind, (row * 0.37 + column * 0.73 + 0.2 * puff) % 1.0 - 0.5
            place = (column + 0.5 + drift * east - lift * north, size - row - 0.5 + drift * north + lift * east)
            canvas.circle(place, 0.2 + 0.12 * puff, canvas.GREY, alpha=58 - 11 * puff)
    canvas.polygon([(0, 0), (size, 0), (size, -0.1 * size), (0, -0.1 * size)], canvas.NIGHT)
    _words(canvas, grid, p, east, north)


def _words(canvas: "Canvas", grid: NDArray[Any], p: Any, east: float, north: float) -> None:
    counts = [int((grid == kind).sum()) for kind in (FIRE, BURNT, HOUSE)]
    words = f"burning {counts[0]}    burnt {100 * counts[1] / grid.size:.0f} %    houses {counts[2]}"
    canvas.text(words, (10, canvas.size[1] - 26), canvas.WHITE)
    canvas.text(f"wind {p.wind:.0f} m/s", (canvas.size[0] - 130, canvas.size[1] - 26), canvas.SKY)
    x, y, unit = 0.95 * p.size, -0.037 * p.size, 0.03 * p.size
    tip, tail = (x + unit * east, y + unit * north), (x - unit * east, y - unit * north)
    canvas.line([tail, tip], canvas.SKY, 2)
    across = (0.4 * unit * north, 0.4 * unit * east)
    canvas.polygon([tip, (x - across[0], y + across[1]), (x + across[0], y - across[1])], canvas.SKY)


def _light(state: Any) -> Any:
    """How light each slope is, `(H, W, 1)`: those that face the north-west are, those that turn from it are not."""
    if state is None:
        return 1.0
    height = np.pad(state["height"].astype(np.float64), 1, mode="edge")
    fall = height[2:, 1:-1] - height[:-2, 1:-1] + height[1:-1, 2:] - height[1:-1, :-2]
    return 1.0 + np.clip(0.012 * fall, -0.3, 0.3)[..., None]


def _thing(canvas: "Canvas", kind: int, x: float, y: float, luck: float) -> None:
    """What stands in a cell, drawn about its middle; `luck` in [0, 1) makes no two alike."""

    def shape(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x + across, y + up) for across, up in points]

    tilt = 0.3 * luck - 0.15
    if kind == GRASS:
        for across in (-0.25, 0.05, 0.3):
            canvas.line(shape((across, -0.2 + tilt), (across + 0.06, 0.05 + tilt)), (176, 194, 112), 1)
    elif kind == BRUSH:
        for across, up in ((-0.2, -0.12), (0.2, 0.05 + tilt), (tilt, 0.25)):
            canvas.circle((x + across, y + up), 0.15, (70, 108, 62))
    elif kind == FOREST:
        for across, up in ((-0.22, 0.02 + tilt), (0.22, 0.1 - tilt), (tilt, -0.3)):
            canvas.polygon(shape((across - 0.2, up), (across + 0.2, up), (across, up + 0.45)), (20, 62, 48))
    elif kind == HOUSE:
        canvas.polygon(shape((-0.28, -0.32), (0.28, -0.32), (0.28, 0.08), (-0.28, 0.08)), canvas.WHITE)
        canvas.polygon(shape((-0.38, 0.08), (0.38, 0.08), (0.0, 0.42)), canvas.PINK)
        canvas.polygon(shape((-0.08, -0.32), (0.08, -0.32), (0.08, -0.08), (-0.08, -0.08)), canvas.DUSK)
    elif kind == FIRE:
        canvas.circle((x, y), 0.75, canvas.ORANGE, alpha=38)
        for width, top, colour in ((0.42, 0.55, canvas.RED), (0.28, 0.3, canvas.ORANGE), (0.14, 0.08, canvas.YELLOW)):
            flame = shape((-width, -0.1), (0.0, -0.42), (width, -0.1), (0.5 * width, 0.1), (2 * tilt * width, top))
            canvas.polygon([*flame, (x - 0.6 * width, y + 0.12)], colour)
    elif kind == BURNT:
        canvas.line(shape((tilt, -0.3), (tilt, 0.15 + luck * 0.2)), (62, 56, 60), 2)
        canvas.line(shape((tilt, 0.0), (tilt + 0.18, 0.18)), (62, 56, 60), 1)
    elif kind == BARE:
        canvas.circle((x - 0.12, y - 0.1), 0.16, (134, 138, 150))
        canvas.circle((x + 0.2, y + 0.12 + tilt), 0.11, (134, 138, 150))
    elif kind >= CREW_ON_FUEL:
        canvas.circle((x, y), 0.44, canvas.NIGHT)
        canvas.circle((x, y), 0.38, canvas.BLUE)
        canvas.circle((x, y), 0.2, canvas.WHITE)
