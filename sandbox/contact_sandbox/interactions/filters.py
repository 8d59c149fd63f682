"""Filters in the form of MongoDB's query documents.

Source: https://docs.motioncxapps.com/reference/reporting-filters. Comparisons hold within one type
only, and ids and instants are no strings in the store, so a JSON string never equals them
(inferred).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any

Test = Callable[[dict[str, Any]], bool]

TYPED_IDS = frozenset({"_id", "InteractionId"})
"""Fields that are stored as ids, not as text."""

_NEVER_EQUAL = object()

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


class FilterError(Exception):
    """The filter is not valid."""


def compile_filter(document: object) -> Test:
    """Return the test that a filter document stands for.

    Args:
        document: The parsed `Filter` member.

    Raises:
        FilterError: An operator that does not exist, or an operand of the wrong kind.
    """
    if not isinstance(document, dict):
        raise FilterError("A filter has to be an object.")
    tests = [_member(name, value) for name, value in document.items()]
    return lambda fields: all(test(fields) for test in tests)


def _member(name: str, value: object) -> Test:
    """Return the test of one member of a filter."""
    if name in ("$and", "$or"):
        if not isinstance(value, list):
            raise FilterError(f"{name} takes an array of filters.")
        tests = [compile_filter(part) for part in value]
        combine = all if name == "$and" else any
        return lambda fields: combine(test(fields) for test in tests)
    if name == "$not":
        inverted = compile_filter(value)
        return lambda fields: not inverted(fields)
    if name.startswith("$"):
        raise FilterError(f"unknown top level operator: {name}")
    condition = _condition(value)
    return lambda fields: condition(_NEVER_EQUAL if name in TYPED_IDS else fields.get(name))


def _condition(value: object) -> Callable[[object], bool]:
    """Return the test of a field's value against a value or operators."""
    if not isinstance(value, dict) or not any(name.startswith("$") for name in value):
        return lambda found: _equal(found, value)
    tests = [_operator(name, operand) for name, operand in value.items()]
    return lambda found: all(test(found) for test in tests)


def _operator(name: str, operand: object) -> Callable[[object], bool]:
    """Return the test of one operator."""
    if name in ("$eq", "$ne"):
        wanted = name == "$eq"
        return lambda found: _equal(found, operand) is wanted
    if name in ("$in", "$nin"):
        if not isinstance(operand, list):
            raise FilterError(f"{name} needs an array")
        wanted = name == "$in"
        return lambda found: any(_equal(found, choice) for choice in operand) is wanted
    if name == "$not":
        inverted = _condition(operand)
        return lambda found: not inverted(found)
    if name not in _ORDERINGS:
        raise FilterError(f"unknown operator: {name}")
    compare = _ORDERINGS[name]
    return lambda found: (
        rank(found) == rank(operand) and found is not None and bool(compare(found, operand))
    )


def _equal(found: object, wanted: object) -> bool:
    """Tell whether two values are equal and of one type; a missing field is null."""
    return rank(found) == rank(wanted) and found == wanted


def rank(value: object) -> int:
    """Return the place of a value's type in the store's order of types; null comes first."""
    if value is None:
        return 0
    if isinstance(value, bool):
        return 4
    if isinstance(value, int | float):
        return 1
    if isinstance(value, str):
        return 2
    return 5 if isinstance(value, datetime) else 3
