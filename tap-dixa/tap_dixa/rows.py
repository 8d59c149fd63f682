"""Rows of analytics records: fields unfolded into columns, and the key that the vendor lacks.

That rows have no id and change late is inferred from the published description at
https://github.com/api-evangelist/dixa.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tap_dixa.naming import columns, snake
from tap_dixa.paging import content
from tap_dixa.values import WHOLE_NUMBERS, column_of, kind_of, value_of
from tap_shared.instants import instant_text, parse_instant

__all__ = ["RecordShape", "Unfolded", "record_keys"]

_CONVERSATION = ("csid", "conversation_id")
_LATE = re.compile(r"(last|latest)_.*|(.*_)?(ended|modified|updated|changed|edited)_at")
_AT = "_at"
_PARTS = frozenset(("primaryTimestampField", "value", "fields"))
_STAMP = frozenset(("name", "timestamp"))
_ENTRY = frozenset(("name", "field"))

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
        offered: The columns of a Singer catalog, where there is one: they stay as they are, though
            the vendor may announce other fields meanwhile.
    """

    def __init__(
        self, entry: Mapping[str, Any], fixed: Sequence[str], offered: Collection[str] | None = None
    ) -> None:
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
        if offered is not None:
            announced = {column: name for name, column in self.columns.items()}
            self.columns = {
                announced.get(column) or _field_of(column, fixed): column
                for column in offered
                if column not in fixed
            }
        self._taken = {*fixed, *self.columns.values()}
        self._never_empty = {n for n, each in self.fields.items() if each.get("nullable") is False}
        self._events: dict[str, bool] = {}

    # Columns

    def unfold(self, row: Row) -> Unfolded:
        """Turn a row into columns; nothing of it is lost."""
        stamp = row.get("primaryTimestampField")
        named = stamp if isinstance(stamp, dict) else {}
        labels: dict[str, Any] = {}
        made = Unfolded(
            {
                "record_id": self.id,
                "primary_timestamp": named.get("timestamp"),
                "primary_timestamp_name": named.get("name"),
                "labels": labels,
            }
        )
        self._value(row.get("value"), made)
        seen: set[str] = set()
        for name, held in _fields(row):
            self._field(name, held, made, labels, is_first=name not in seen)
            seen.add(name)
        for name, value in _rest(row, stamp):
            made.keep(name, value, self._taken)
        return made

    def _field(
        self, name: str, held: Any, made: Unfolded, labels: dict[str, Any], *, is_first: bool
    ) -> None:
        value = value_of(held, name)
        if not is_first:
            is_plain = value.is_whole and value.label is None
            made.keep(name, value.plain if is_plain else held, self._taken | {name})
            return
        if isinstance(value.label, list):
            made.row.setdefault("item_labels", {})[name] = value.label
        elif value.label is not None:
            labels[name] = value.label
        column = self.columns.get(name)
        if column is None:
            made.keep(name, value.plain if value.is_whole else held, self._taken)
            return
        made.row[column] = value.plain
        if not value.is_whole:
            made.keep(column, held, self._taken)

    def _value(self, held: Any, made: Unfolded) -> None:
        """Take the row's own value: the score, the duration."""
        if held is None:
            return
        value, kind = value_of(held), kind_of(held)
        column, of_items = column_of(kind, value.plain), isinstance(value.label, list)
        if column:
            made.row[column] = value.plain
        if not (column and value.is_whole):
            made.keep(
                "value", value.plain if value.is_whole and not of_items else held, self._taken
            )
        made.row["value_type"] = kind or None
        if value.label is not None and not of_items:
            made.row["value_label"] = value.label

    # Identity

    def identity(self, row: Row) -> str:
        """Give what a row is told apart by: labels, values and whatever changes late left out."""
        held: dict[str, Any] = {}
        for name, each in _fields(row):
            held.setdefault(name, each)
        stamp = row.get("primaryTimestampField")
        stamp = stamp if isinstance(stamp, dict) else {}
        parts: list[Any] = [self.id, stamp.get("name"), _instant(stamp.get("timestamp"))]
        found = (value_of(held.get(name)).plain for name in _CONVERSATION)
        conversation = next((value for value in found if value is not None), None)
        parts.append(_own_ids(held) if conversation is None else str(conversation))
        parts += [
            [name, at]
            for name in sorted(held)
            if self._is_event(name) and (at := _instant(value_of(held[name]).plain)) is not None
        ]
        return json.dumps(parts, ensure_ascii=False, default=str)

    def _is_event(self, name: str) -> bool:
        """Tell whether a field is an instant of what the row tells, and so never changes.

        Such are instants that the catalogue announces as never empty, and the one that the record
        is named after (`closed_at` of `closed_conversations`), announced or not.
        """
        if name not in self._events:
            plain = snake(name)
            own = f"_{plain.removesuffix(_AT)}_" in f"_{snake(self.id)}_"
            is_instant = plain.endswith(_AT) and _LATE.fullmatch(plain) is None
            self._events[name] = is_instant and (own or name in self._never_empty)
        return self._events[name]


def _field_of(column: str, fixed: Iterable[str]) -> str:
    """Give the field of a column that the vendor announced once."""
    plain = column.removeprefix("field_")
    return plain if plain.lower() in {name.lower() for name in fixed} else column


def _own_ids(held: Mapping[str, Any]) -> list[list[str]]:
    """Give UUIDs, whole numbers whose name ends in `id`, and the status, by name."""
    found = []
    for name, each in sorted(held.items()):
        kind = kind_of(each)
        is_id = kind == "UUIDField" or (kind in WHOLE_NUMBERS and snake(name).endswith("id"))
        value = value_of(each).plain
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
    ids = [[name, each.get("value")] for name, each in _fields(row) if kind_of(each) == "UUIDField"]
    return content(ids), content(row)


def _fields(row: Row) -> Iterator[tuple[str, Any]]:
    """Give the row's fields; `field` may be missing, a name may come twice."""
    listed = row.get("fields")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            yield each["name"], each.get("field")


def _rest(row: Row, stamp: Any) -> Iterator[tuple[str, Any]]:
    """Give the members of a row that are no part of the documented shape, or not shaped so."""
    for name in row.keys() - _PARTS:
        yield name, row[name]
    if stamp is not None and not (isinstance(stamp, dict) and stamp.keys() <= _STAMP):
        yield "primaryTimestampField", stamp
    listed = row.get("fields")
    if not isinstance(listed, list):
        odd = listed
    else:
        odd = [each for each in listed if not _is_entry(each)] or None
    if odd is not None:
        yield "fields", odd


def _is_entry(each: Any) -> bool:
    return isinstance(each, dict) and isinstance(each.get("name"), str) and each.keys() <= _ENTRY


def _instant(value: Any) -> str | None:
    """Give an instant in one spelling, however many digits of a second it came with."""
    if not isinstance(value, str):
        return None
    try:
        return instant_text(parse_instant(value))
    except ValueError:
        return value
