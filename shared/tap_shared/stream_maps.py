"""Records on their way out through the SDK's stream maps and flattening, where either is set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import msgspec
from singer_sdk.exceptions import ConfigurationError, MappingError
from singer_sdk.helpers._flattening import flatten_key
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.json import serialize_json

from tap_shared.conform import EXTRA
from tap_shared.errors import SettingRefused, TapError

__all__ = ["Flattening", "as_dictionary", "blaming", "changes_nothing", "mapped"]

_MOST_NAMES = 8192
_SETTINGS = (
    "stream_maps", "stream_map_config", "faker_config", "flattening_enabled",
    "flattening_max_depth", "flattening_max_key_length", "flattening_separator",
)  # fmt: skip
_FAULTS = (ConfigurationError, MappingError, AttributeError, TypeError, ValueError, LookupError)


@contextmanager
def blaming(config: Mapping[str, Any]) -> Iterator[None]:
    """Blame a mapping that the SDK cannot make on the setting that asks for one.

    Args:
        config: The tap's config.

    Raises:
        SettingRefused: The SDK cannot read what is set.
    """
    try:
        yield
    except _FAULTS as err:
        given = sorted((name for name in _SETTINGS if name in config), key=lambda n: not config[n])
        if not given or isinstance(err, TapError):
            raise
        why = f": {err}" if isinstance(err, MappingError) else ""
        raise SettingRefused(given[0], f"is nothing that the SDK can read{why}.") from None


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
    ways = [(one, _way(one)) for one in maps]
    for record in map(as_dictionary, records):
        for stream_map, way in ways:
            found = stream_map.transform(record)
            if found is not None:
                if way is not None:
                    way.fold(found)
                yield stream_map.stream_alias, found


def _way(stream_map: Any) -> Flattening | None:
    """Let a map flatten the quick way, where it flattens at all."""
    if not stream_map.flattening_enabled:
        return None
    if not isinstance(stream_map.flatten_record, Flattening):
        options = stream_map.flattening_options
        stream_map.flatten_record = Flattening(
            stream_map.transformed_schema["properties"],
            depth=options.max_level,
            separator=options.separator,
            longest=options.max_key_length,
        )
    way: Flattening = stream_map.flatten_record
    return way


_quick = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _text(value: Any) -> str:
    """Write a value as the SDK does; its own way is slow, and for exact numbers only."""
    try:
        return _quick(value)
    except (TypeError, ValueError):
        return serialize_json(value)


class Flattening:
    """The SDK's `flatten_record`, which makes each name once instead of once a record.

    Args:
        columns: The flattened schema's properties.
        depth: Levels of objects that are spread.
        separator: Stands between the names of a member and its parents.
        longest: Most characters of a name.
    """

    def __init__(
        self, columns: Mapping[str, Any], *, depth: int, separator: str, longest: int
    ) -> None:
        """Know no name yet."""
        self._columns = columns
        self._depth = depth
        self._separator = separator
        self._longest = longest
        self._names: dict[tuple[str, ...], str] = {}

    def __call__(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Flatten a record."""
        return self._flat(record, ())

    def _flat(self, node: Mapping[str, Any], parents: tuple[str, ...]) -> dict[str, Any]:
        names = self._names
        flat: dict[str, Any] = {}
        for key, value in node.items():
            path = (*parents, key)
            name = names.get(path) or self._name(path)
            if not isinstance(value, (dict, list)):
                flat[name] = value
            elif isinstance(value, list) or name in self._columns or len(parents) >= self._depth:
                flat[name] = _text(value)
            else:
                flat.update(self._flat(value, path))
        return flat

    def _name(self, path: tuple[str, ...]) -> str:
        if len(self._names) >= _MOST_NAMES:
            self._names.clear()
        *parents, key = path
        name = flatten_key(key, parents, self._separator, max_key_length=self._longest)
        self._names[path] = name
        return name

    def fold(self, record: dict[str, Any]) -> None:
        """Move what flattening gave a name that the schema does not have into `_extra`, as JSON."""
        if record.keys() <= self._columns.keys():
            return
        rest = {name: record.pop(name) for name in list(record) if name not in self._columns}
        if EXTRA in self._columns:
            found = record.get(EXTRA)
            record[EXTRA] = _text({**(json.loads(found) if found else {}), **rest})
