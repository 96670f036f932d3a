"""Values out of JSON that anyone may have edited: each as its type, missing ones as None, or a one-sentence ValueError.

A missing value, null and what is no number to JSON (NaN, infinities) are all None; text in a number's place is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

LARGEST = 1e100
WAY_OUT = "take back the edit or run `sandbox contrast` again."


def as_number(value: object) -> float | None:
    """A finite number of a size that can be squared, or None for whatever else stands in its place."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        known = float(value)
    except OverflowError:  # JSON's whole numbers know no end
        return None
    return known if abs(known) <= LARGEST else None


def numeric(entry: Mapping[str, Any], key: str, where: str) -> float | None:
    """The number under `key`, or None where there is none."""
    value = entry.get(key)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    known = as_number(value)
    if known is None:
        raise refusal(where, key, value, "a number")
    return known


def whole(entry: Mapping[str, Any], key: str, where: str) -> int:
    """The whole number under `key`, which must be there."""
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise refusal(where, key, value, "a whole number")
    return value


def words(entry: Mapping[str, Any], key: str, where: str) -> str:
    """The text under `key`, which must be there."""
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise refusal(where, key, value, "text")
    return value


def maybe_words(entry: Mapping[str, Any], key: str, where: str) -> str | None:
    """The text under `key`, or None where there is none."""
    return None if entry.get(key) is None else words(entry, key, where)


def mapping(entry: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """The object under `key`, empty where there is none."""
    value = entry.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refusal(where, key, value, "an object")
    return value


def items(entry: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """The list under `key`, empty where there is none."""
    value = entry.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise refusal(where, key, value, "a list")
    return value


def numbers(raw: Mapping[str, Any], where: str) -> dict[str, float]:
    """The numbers of an object by their names, without the missing ones."""
    known = {str(key): numeric(raw, key, where) for key in raw}
    return {key: value for key, value in known.items() if value is not None}


def refusal(where: str, key: str, value: object, wanted: str) -> ValueError:
    """The sentence that says what stands where it does not belong."""
    shown = repr(value)
    return ValueError(
        f"{where}: {key!r} is {shown if len(shown) <= 40 else shown[:39] + '…'} where {wanted} belongs: {WAY_OUT}"
    )
