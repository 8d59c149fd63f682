"""Rows of analytics records: typed values unfolded, and the key that the vendor does not give.

The shapes of values (`FieldType`): https://docs.dixa.io/openapi/dixa-api/v1/analytics and the
published description at https://github.com/api-evangelist/dixa. That rows have no id and change
late is inferred from it.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tap_dixa.naming import columns, snake
from tap_dixa.paging import content
from tap_shared.instants import instant_text, parse_instant

__all__ = ["RecordShape", "Unfolded", "record_keys"]

_CONVERSATION = ("csid", "conversation_id")
_LATE = frozenset(("ended_at", "modified_at", "updated_at"))
_PLAIN = (
    "BooleanField", "DoubleField", "InstantField", "IntField", "LongField", "StringField",
    "UUIDField",
)  # fmt: skip
_WHOLE = ("IntField", "LongField")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unfolded:
    """One row as columns.

    Attributes:
        row: Values by column; undeclared fields under their own names.
        spare: Values whose name a column has already, for `_extra`.
    """

    row: dict[str, Any]
    spare: dict[str, Any] = field(default_factory=dict)

    def keep(self, name: str, value: Any, taken: Iterable[str] = ()) -> None:
        """Keep what has no column under its own name."""
        if name not in self.row and name not in taken:
            self.row[name] = value
        elif name not in self.spare:
            self.spare[name] = value
        else:
            self.spare[name] = [self.spare[name], value]


class RecordShape:
    """What the rows of one record id look like.

    Args:
        entry: The record's entry of the catalogue.
        fixed: Columns that every record stream has.
    """

    def __init__(self, entry: Mapping[str, Any], fixed: Sequence[str]) -> None:
        """Name the columns."""
        listed = entry.get("fieldsMetadata")
        self.id: str = entry["id"]
        self.fields: dict[str, Mapping[str, Any]] = {
            each["field"]: each
            for each in reversed(listed if isinstance(listed, list) else [])
            if isinstance(each, dict) and isinstance(each.get("field"), str) and each["field"]
        }
        self.fields = dict(reversed(self.fields.items()))
        self.columns = columns(self.fields, fixed)
        self._taken = {*fixed, *self.columns.values()}
        self._instants = [
            name
            for name, each in self.fields.items()
            if each.get("nullable") is False and _is_event(name)
        ]

    # Columns

    def unfold(self, row: Row) -> Unfolded:
        """Turn a row into columns; nothing of it is lost."""
        stamp = row.get("primaryTimestampField")
        stamp = stamp if isinstance(stamp, dict) else {}
        labels: dict[str, Any] = {}
        made = Unfolded(
            {
                "record_id": self.id,
                "primary_timestamp": stamp.get("timestamp"),
                "primary_timestamp_name": stamp.get("name"),
                "labels": labels,
            }
        )
        self._value(row.get("value"), made)
        seen: set[str] = set()
        for name, held in _fields(row):
            self._field(name, held, made, labels, is_first=name not in seen)
            seen.add(name)
        for name, value in row.items():
            if name not in {"primaryTimestampField", "value", "fields"}:
                made.keep(name, value, self._taken)
        return made

    def _field(
        self, name: str, held: Any, made: Unfolded, labels: dict[str, Any], *, is_first: bool
    ) -> None:
        value, is_whole = _plain(held)
        label = held.get("label") if isinstance(held, dict) else None
        if not is_first:
            made.keep(name, held if label is not None else value, self._taken | {name})
            return
        if label is not None:
            labels[name] = label
        column = self.columns.get(name)
        if column is None:
            made.keep(name, value if is_whole else held, self._taken)
            return
        made.row[column] = value
        if not is_whole:
            made.keep(column, held, self._taken)

    def _value(self, held: Any, made: Unfolded) -> None:
        """Take the row's own value: the score, the duration."""
        if held is None:
            return
        value, is_whole = _plain(held)
        kind = held.get("_type") if isinstance(held, dict) else None
        column = None
        if isinstance(value, bool):
            column = "value_boolean"
        elif isinstance(value, (int, float)):
            column = "value_number"
        elif isinstance(value, str):
            column = "value_string"
        if column:
            made.row[column] = value
        if not (column and is_whole):
            made.keep("value", held if not is_whole else value, self._taken)
        made.row["value_type"] = kind
        if isinstance(held, dict) and held.get("label") is not None:
            made.row["value_label"] = held["label"]

    # Identity

    def identity(self, row: Row) -> str:
        """Give what a row is told apart by: labels, values and whatever changes late left out."""
        held: dict[str, Any] = {}
        for name, each in _fields(row):
            held.setdefault(name, each)
        stamp = row.get("primaryTimestampField")
        stamp = stamp if isinstance(stamp, dict) else {}
        parts: list[Any] = [self.id, stamp.get("name"), _instant(stamp.get("timestamp"))]
        conversation = next(
            (value for name in _CONVERSATION if (value := _plain(held.get(name))[0]) is not None),
            None,
        )
        if conversation is not None:
            parts.append(str(conversation))
        else:
            parts.append(_own_ids(held))
        parts += [
            [name, at]
            for name in self._instants
            if (at := _instant(_plain(held.get(name))[0])) is not None
        ]
        return json.dumps(parts, ensure_ascii=False, default=str)


def _is_event(name: str) -> bool:
    plain = snake(name)
    return plain.endswith("_at") and plain not in _LATE


def _own_ids(held: Mapping[str, Any]) -> list[list[str]]:
    """Give UUIDs, whole numbers whose name ends in `id`, and the status, by name."""
    found = []
    for name, each in sorted(held.items()):
        kind = each.get("_type") if isinstance(each, dict) else None
        is_id = kind == "UUIDField" or (kind in _WHOLE and snake(name).endswith("id"))
        value = _plain(each)[0]
        if (is_id or snake(name) == "status") and value is not None:
            found.append([name, str(value)])
    return found


def record_keys(rows: Sequence[Row], shape: RecordShape) -> list[str]:
    """Make the keys of a window's rows: a hash of identity and ordinal among equals.

    The ordinal follows from the rows' content, not from their order, which the vendor does not
    promise.
    """
    equals: defaultdict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        equals[shape.identity(row)].append(place)
    keys = [""] * len(rows)
    for identity, places in equals.items():
        if len(places) > 1:
            places.sort(key=lambda place: _rank(rows[place]))
        for ordinal, place in enumerate(places):
            text = f"{identity}\n{ordinal}"
            keys[place] = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return keys


def _rank(row: Row) -> tuple[str, str]:
    ids = [
        [name, each.get("value")]
        for name, each in _fields(row)
        if isinstance(each, dict) and each.get("_type") == "UUIDField"
    ]
    return content(ids), content(row)


def _fields(row: Row) -> Iterator[tuple[str, Any]]:
    """Give the row's fields; `field` may be missing, a name may come twice."""
    listed = row.get("fields")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            yield each["name"], each.get("field")


def _plain(held: Any) -> tuple[Any, bool]:
    """Give a typed value without its type, and whether that is all there was to it.

    A list has `values`, a timestamp field a `timestamp`; types that nobody knows yet give their
    `value` where it is one, and are then kept whole besides.
    """
    if not isinstance(held, dict):
        return held, True
    kind = held.get("_type")
    if kind in _PLAIN:
        return held.get("value"), True
    if kind == "TimestampField":
        return held.get("timestamp"), True
    if kind == "ListField":
        values = held.get("values")
        items = values if isinstance(values, list) else None
        return None if items is None else [_plain(item)[0] for item in items], True
    value = held.get("value")
    return (value if isinstance(value, (str, int, float)) else None), False


def _instant(value: Any) -> str | None:
    """Give an instant in one spelling, however many digits of a second it came with."""
    if not isinstance(value, str):
        return None
    try:
        return instant_text(parse_instant(value))
    except ValueError:
        return value
