"""Typed values of analytics rows: what they hold, and whether that is all there was to them.

The types (`FieldType`): https://docs.dixa.io/openapi/dixa-api/v1/analytics and the published
description at https://github.com/api-evangelist/dixa. A list has `values`, a timestamp field a
`name` and a `timestamp`, all others a `value`, some of them a `label`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["WHOLE_NUMBERS", "Value", "column_of", "kind_of", "value_of"]

WHOLE_NUMBERS = frozenset(("IntField", "LongField"))

_COLUMNS = {
    "BooleanField": "value_boolean",
    "DoubleField": "value_number",
    "IntField": "value_number",
    "LongField": "value_number",
    "InstantField": "value_string",
    "StringField": "value_string",
    "TimestampField": "value_string",
    "UUIDField": "value_string",
}
_SIMPLE = _COLUMNS.keys() - {"TimestampField"}
_SIMPLE_MEMBERS = frozenset(("_type", "value", "label"))
_STAMP_MEMBERS = frozenset(("_type", "name", "timestamp"))
_LIST_MEMBERS = frozenset(("_type", "values"))


class Value(NamedTuple):
    """What a typed value holds.

    Attributes:
        plain: The value without its type.
        label: Its readable name; of a list, one for each item; None where there is none.
        is_whole: Whether nothing else was in it.
    """

    plain: Any
    label: Any = None
    is_whole: bool = True


def kind_of(held: Any) -> str:
    """Give the type that a value names; empty where it names none."""
    kind = held.get("_type") if isinstance(held, dict) else None
    return kind if isinstance(kind, str) else ""


def value_of(held: Any, name: str = "") -> Value:
    """Read a typed value; of types that nobody knows yet, their `value` where it is a plain one.

    Args:
        held: The value, as it came.
        name: The field's name, which a timestamp field repeats.
    """
    if not isinstance(held, dict):
        return Value(held)
    kind = kind_of(held)
    if kind == "ListField":
        return _list(held)
    if kind == "TimestampField":
        is_whole = held.keys() <= _STAMP_MEMBERS and held.get("name") in (None, name)
        return Value(held.get("timestamp"), None, is_whole)
    value = held.get("value")
    if kind in _SIMPLE:
        return Value(value, held.get("label"), held.keys() <= _SIMPLE_MEMBERS)
    return Value(value if isinstance(value, (str, int, float)) else None, held.get("label"), False)  # noqa: FBT003


def _list(held: Mapping[str, Any]) -> Value:
    values = held.get("values")
    is_whole = held.keys() <= _LIST_MEMBERS
    if not isinstance(values, list):
        return Value(None, None, is_whole and values is None)
    items = [value_of(item) for item in values]
    labels = [item.label for item in items]
    return Value(
        [item.plain for item in items],
        labels if any(label is not None for label in labels) else None,
        is_whole and all(item.is_whole for item in items),
    )


def column_of(kind: str, plain: Any) -> str | None:
    """Give the column of a row's own value: by its type, or by what it is where that is unknown.

    Args:
        kind: The type.
        plain: The value without it.

    Returns:
        None for a list, and for what is neither text nor number nor truth.
    """
    if kind in _COLUMNS:
        return _COLUMNS[kind]
    if isinstance(plain, bool):
        return "value_boolean"
    if isinstance(plain, (int, float)):
        return "value_number"
    return "value_string" if isinstance(plain, str) else None
