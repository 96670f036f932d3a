"""Any supported space is a row of elements, and comes back as it was."""

import json
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from sandbox.spaces import UnsupportedSpaceError, action_layout, brief, from_json, layout, to_json

LEAVES: list[spaces.Space[Any]] = [
    spaces.Box(-1, 1, (3,), np.float32),
    spaces.Box(np.array([-1.5, -np.inf]), np.array([np.inf, 2.25]), dtype=np.float64),
    spaces.Box(-2, 2, (2, 3), np.float32),
    spaces.Box(-3, 4, (2,), np.int64),
    spaces.Box(0, 1000, (2,), np.int32),
    spaces.Box(0, 255, (4,), np.uint8),
    spaces.Discrete(5),
    spaces.Discrete(4, start=-2),
    spaces.Discrete(3, dtype=np.int32),
    spaces.MultiDiscrete([2, 3, 4]),
    spaces.MultiDiscrete([[2, 3], [4, 5]], start=[[1, -1], [0, 7]]),
    spaces.MultiBinary(3),
    spaces.MultiBinary((3,)),
    spaces.MultiBinary([2, 2]),
]
NESTED: list[spaces.Space[Any]] = [
    spaces.Tuple(LEAVES[:3]),
    spaces.Dict(
        {"b": LEAVES[0], "a": LEAVES[7], "deep": spaces.Dict({"x": LEAVES[10], "y": spaces.Tuple(LEAVES[3:5])})}
    ),
    spaces.Dict(OrderedDict([("z", LEAVES[0]), ("a", LEAVES[6])])),
    spaces.Tuple([spaces.Dict({"m": LEAVES[13]}), LEAVES[9]]),
]


def equal(one: Any, other: Any) -> None:
    """Batches of the same structure, shapes, dtypes and values."""
    if isinstance(one, dict):
        assert set(one) == set(other)
        for key in one:
            equal(one[key], other[key])
    elif isinstance(one, tuple):
        for a, b in zip(one, other, strict=True):
            equal(a, b)
    else:
        np.testing.assert_array_equal(one, other, strict=True)


@pytest.mark.parametrize("space", [*LEAVES, *NESTED], ids=str)
def test_rows_and_back_lose_nothing(space: spaces.Space[Any]) -> None:
    whole = batch_space(space, 6)
    whole.seed(1)
    sampled = whole.sample()
    as_rows = layout(space)
    rows = as_rows.to_rows(sampled)
    assert rows.shape == (6, as_rows.width)
    assert rows.dtype == np.float32
    back = as_rows.from_rows(rows)
    assert whole.contains(back)
    np.testing.assert_array_equal(as_rows.to_rows(back), rows)
    if "float64" not in str(space):  # float32 rows cannot hold every float64
        equal(back, sampled)


@pytest.mark.parametrize("space", [*LEAVES, *NESTED], ids=str)
def test_a_row_of_the_batch_is_the_row_of_one_value(space: spaces.Space[Any]) -> None:
    space.seed(2)
    value = space.sample()
    as_rows = layout(space)
    row = as_rows.to_row(value)
    assert row.shape == (as_rows.width,)
    np.testing.assert_array_equal(as_rows.to_rows(as_rows.from_rows(row[None]))[0], row)


@pytest.mark.parametrize("space", [*LEAVES, *NESTED], ids=str)
def test_a_space_survives_json(space: spaces.Space[Any]) -> None:
    back = from_json(json.loads(json.dumps(to_json(space), allow_nan=False)))
    assert back == space
    assert back.dtype == space.dtype
    assert layout(back).elements == layout(space).elements


def test_categories_count_from_zero_whatever_the_start() -> None:
    assert layout(spaces.Discrete(4, start=-2)).to_rows(np.array([-2, 1])).tolist() == [[0], [3]]
    assert layout(spaces.Box(-3, 4, (1,), np.int64)).to_rows(np.array([[-3], [4]])).tolist() == [[0], [7]]
    assert layout(spaces.MultiDiscrete([2, 3], start=[5, -1])).to_rows(np.array([[6, 1]])).tolist() == [[1, 2]]


def test_every_element_has_the_kind_of_its_space() -> None:
    space = spaces.Tuple([spaces.Box(-1, 2, (1,)), spaces.Discrete(5, start=3), spaces.MultiBinary(1)])
    number, category, flag = layout(space).elements
    assert (number.kind, number.low, number.high) == ("continuous", -1, 2)
    assert (category.kind, category.categories) == ("categorical", 5)
    assert flag.kind == "binary"
    assert [e.kind for e in layout(spaces.Box(0, 1000, (1,), np.int32)).elements] == ["continuous"]
    assert [e.categories for e in layout(spaces.Box(-3, 4, (1,), np.int32)).elements] == [8]


def test_what_is_dreamed_is_clipped_and_rounded_into_the_space() -> None:
    box = layout(spaces.Box(-1, 1, (2,), np.float32))
    assert box.from_rows(np.array([[-5.0, 0.25]])).tolist() == [[-1, 0.25]]
    whole = layout(spaces.Box(0, 1000, (2,), np.int32))
    assert whole.from_rows(np.array([[1000.7, 2.6]])).tolist() == [[1000, 3]]


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        (spaces.Box(0, 255, (64, 64, 3), np.uint8), "looks like an image"),
        (spaces.Box(0, 255, (64, 64), np.uint8), "looks like an image"),
        (spaces.Text(5), "is not supported"),
        (spaces.Dict({"words": spaces.Text(5)}), "is not supported"),
        (spaces.Sequence(spaces.Discrete(2)), "is not supported"),
    ],
)
def test_other_observation_spaces_are_refused_in_a_sentence(space: spaces.Space[Any], sentence: str) -> None:
    with pytest.raises(UnsupportedSpaceError, match=sentence):
        layout(space)


@pytest.mark.parametrize(
    ("space", "way_out"),
    [
        (spaces.Box(-np.inf, np.inf, (2,)), "ClipAction"),
        (spaces.Box(0, np.inf, (2,)), "ClipAction"),
        (spaces.Tuple([spaces.Discrete(2)]), "ActionWrapper"),
        (spaces.Dict({"a": spaces.Discrete(2)}), "ActionWrapper"),
    ],
)
def test_other_action_spaces_name_the_way_out(space: spaces.Space[Any], way_out: str) -> None:
    with pytest.raises(UnsupportedSpaceError, match=way_out):
        action_layout(space)


def test_a_space_in_a_sentence_is_one_short_line() -> None:
    small = spaces.Discrete(3)
    assert brief(small) == str(small)
    told = brief(spaces.MultiDiscrete([9] * 144))
    assert told.startswith("MultiDiscrete([9 9 9")
    assert told.endswith("…")
    assert len(told) == 120
    assert "\n" not in told
