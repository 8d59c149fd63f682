"""Fields of rows, which are dictionaries, or structures that a `Codec` decoded.

Structures of one stream have the same attribute for a field, however often its row type is compiled
anew; so a column of them can be read without a look at the type of each row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import repeat
from typing import Any, cast

from msgspec import UNSET, UnsetType

__all__ = ["column_of", "drop", "fill", "put", "reader", "stamped", "texts", "value_of", "write"]

Row = Any


@cache
def reader(attribute: str) -> Callable[[Iterable[Row]], list[Any]]:
    """Give what reads an attribute of every structure; half the time of `attrgetter`.

    Args:
        attribute: A name of ours, never a vendor's.
    """
    if not attribute.isidentifier():
        raise ValueError(attribute)
    code = f"lambda rows: [row.{attribute} for row in rows]"
    return cast("Callable[[Iterable[Row]], list[Any]]", eval(code))  # noqa: S307 - as checked above


def fill(rows: Iterable[Row], attribute: str, values: Iterable[Any]) -> None:
    """Set an attribute of every structure; quicker than a loop."""
    deque(map(setattr, rows, repeat(attribute), values), maxlen=0)


def column_of(rows: Sequence[Row], name: str) -> list[Any]:
    """Give a field of every row; None where a row has none."""
    with suppress(AttributeError, IndexError):  # one is a dictionary, or none is there
        attribute = rows[0].attributes.get(name)
        if attribute is not None:
            values = reader(attribute)(rows)
            if all(values) or UnsetType not in set(map(type, values)):
                return values
        elif _is_typed(rows):
            return [None] * len(rows)
    return [value_of(row, name) for row in rows]


def texts(values: list[Any]) -> list[str]:
    """Give values as texts."""
    return values if set(map(type, values)) == {str} else [*map(str, values)]


def value_of(row: Row, name: str) -> Any:
    """Give a field of a row; None where it has none."""
    if type(row) is dict:
        return row.get(name)
    attribute = row.attributes.get(name)
    value = None if attribute is None else getattr(row, attribute)
    return None if value is UNSET else value


def put(row: Row, name: str, value: Any) -> None:
    """Set a field of a row."""
    if type(row) is dict:
        row[name] = value
    else:
        setattr(row, row.attributes[name], value)


def drop(row: Row, name: str) -> None:
    """Take a field out of a row that has it."""
    if type(row) is dict:
        del row[name]
    else:
        setattr(row, row.attributes[name], UNSET)


def write(rows: Sequence[Row], name: str, values: Iterable[Any]) -> None:
    """Give every row a value for a field, whatever it had there."""
    if _is_typed(rows):
        fill(rows, rows[0].attributes[name], values)
        return
    for row, value in zip(rows, values, strict=False):
        put(row, name, value)


def stamped(rows: Sequence[Row], values: Mapping[str, Any]) -> Sequence[Row]:
    """Give rows that have values for fields where they had none."""
    if not _is_typed(rows):
        return [_stamped(row, values) for row in rows]
    for name, value in values.items():
        attribute = rows[0].attributes[name]
        found = reader(attribute)(rows)
        is_new = found.count(UNSET) == len(found)
        kept = repeat(value) if is_new else [value if old is UNSET else old for old in found]
        fill(rows, attribute, kept)
    return rows


def _stamped(row: Row, values: Mapping[str, Any]) -> Row:
    if type(row) is dict:
        return {**values, **row}
    for name, value in values.items():
        attribute = row.attributes[name]
        if getattr(row, attribute) is UNSET:
            setattr(row, attribute, value)
    return row


def _is_typed(rows: Sequence[Row]) -> bool:
    """Tell whether there are rows, and all are structures of one type."""
    kinds = set(map(type, rows))
    return len(kinds) == 1 and dict not in kinds
