"""Records on their way out through the SDK's stream maps and flattening, where either is set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.json import serialize_json

from tap_shared.conform import EXTRA

__all__ = ["as_dictionary", "changes_nothing", "mapped"]


def changes_nothing(maps: Sequence[Any]) -> bool:
    """Tell whether records leave a stream's maps as they came: none is set, and no flattening."""
    return (
        len(maps) == 1 and type(maps[0]) is SameRecordTransform and not maps[0].flattening_enabled
    )


def as_dictionary(row: Any) -> dict[str, Any]:
    """Give a row, dictionary or typed, as a dictionary; its numbers as they are."""
    if type(row) is dict:
        return row
    record: dict[str, Any] = msgspec.to_builtins(row, builtin_types=(Decimal,))
    return record


def mapped(maps: Sequence[Any], records: Iterable[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each record as it is emitted, with the name it goes by.

    Args:
        maps: The stream's maps.
        records: Records, dictionaries or typed.
    """
    for record in map(as_dictionary, records):
        for stream_map in maps:
            found = stream_map.transform(record)
            if found is not None:
                if stream_map.flattening_enabled:
                    _fold(found, stream_map.transformed_schema["properties"])
                yield stream_map.stream_alias, found


def _fold(record: dict[str, Any], columns: Mapping[str, Any]) -> None:
    """Move what flattening gave a name that the schema does not have into `_extra`, as JSON."""
    rest = {name: record.pop(name) for name in list(record) if name not in columns}
    if rest and EXTRA in columns:
        found = record.get(EXTRA)
        record[EXTRA] = serialize_json({**(json.loads(found) if found else {}), **rest})
