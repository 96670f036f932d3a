import math
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from sandbox_agents.maps import RARE, describe, map_dim, sides_of
from sandbox_agents.spaces import flat_dim, flatten_batch


def plainly(cells: Any, kinds: int) -> list[float]:
    """What `describe` says of one map, cell by cell."""
    height, width = cells.shape
    every = [(row, column) for row in range(height) for column in range(width)]
    of = [[cell for cell in every if cells[cell] == kind] for kind in range(kinds)]
    share = [len(of[kind]) / len(every) for kind in range(kinds)]
    sizes = height, width
    centre = [
        sum(2 * cell[axis] / (sizes[axis] - 1) - 1 for cell in of[kind]) / max(len(of[kind]), 1)
        for axis in range(2)
        for kind in range(kinds)
    ]
    beside, near, ways = [], [], ([], [])  # type: ignore[var-annotated]
    for here in range(kinds):
        for there in range(kinds):
            weighed = [
                (math.exp(-abs(b[0] - a[0]) - abs(b[1] - a[1])), b[0] - a[0], b[1] - a[1])
                for a in of[here]
                for b in of[there]
            ]
            adjacent = [max(abs(down), abs(right)) <= 1 for _, down, right in weighed]
            beside.append(sum(adjacent) / max(len(of[here]), 1))
            total = sum(weight for weight, *_ in weighed) / max(len(of[here]), 1)
            near.append(math.log((total + RARE) / RARE))
            for axis in range(2):
                way = sum(one[0] * one[1 + axis] for one in weighed) / max(len(of[here]), 1)
                ways[axis].append(way / (total + RARE))
    return [*share, *centre, *beside, *near, *ways[0], *ways[1]]


def test_a_map_is_described_as_looking_from_cell_to_cell_describes_it() -> None:
    cells = np.random.default_rng(0).integers(0, 3, (4, 5, 6))
    cells[0][cells[0] == 1] = 2  # one kind is missing
    described = describe(cells, 4)
    assert described.dtype == np.float32
    assert described.shape == (4, map_dim((5, 6, 4)))
    np.testing.assert_allclose(described, [plainly(each, 4) for each in cells], atol=1e-4)


def test_the_way_to_the_nearest_of_two_things_counts_most() -> None:
    cells = np.zeros((1, 12, 12), np.int64)
    cells[0, 6, 6], cells[0, 6, 8], cells[0, 0, 0] = 1, 2, 2
    beside, near, down, right = describe(cells, 3)[0, 9:].reshape(4, 3, 3)[:, 1, 2]
    assert beside == 0.0
    assert right == pytest.approx(2.0, abs=0.02)
    assert down == pytest.approx(0.0, abs=0.02)
    assert near == pytest.approx(math.log(1 + math.exp(-2) / RARE), abs=0.01)


@pytest.mark.parametrize(
    ("space", "sides"),
    [
        (spaces.MultiDiscrete(np.full(144, 9)), (12, 12, 9)),
        (spaces.MultiDiscrete(np.full((6, 7), 3)), (6, 7, 3)),
        (spaces.MultiDiscrete(np.full(16, 3)), None),
        (spaces.MultiDiscrete(np.full(30, 3)), None),
        (spaces.MultiDiscrete([*[3] * 24, 4]), None),
    ],
    ids=str,
)
def test_a_square_list_of_like_cells_is_a_map(space: spaces.MultiDiscrete, sides: Any) -> None:
    assert sides_of(space) == sides
    expected = map_dim(sides) if sides else int(space.nvec.sum())
    assert flat_dim(space) == expected == flatten_batch(space, np.array([space.sample()])).shape[1]
