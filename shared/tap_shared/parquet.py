"""The other form of batch files: Parquet, its columns typed by the schema that a stream announces.

Imports pyarrow, which is an extra, so this module is imported only where Parquet is asked for.

A file is made of the very lines that RECORD messages would carry. Read as the SDK's loaders read it
(`pyarrow.parquet.read_table(...).to_pylist()`), it gives the same records, with null for a field
that a record lacks. What a column cannot give back as it was is refused, never bent.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate, chain
from types import NoneType
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tap_shared.coerce import main_type
from tap_shared.errors import StreamFailed

__all__ = ["parquet", "shapeless", "table"]

Node = Mapping[str, Any]

_INT64 = 2**63
_DIGITS = 76
_WIDEST_128 = 38
_HELD: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "boolean": (bool,), "integer": (int,), "number": (int, Decimal), "null": (),
}  # fmt: skip
_lines = msgspec.json.Decoder(list[dict[str, Any]], float_hook=Decimal)


def shapeless(node: Node, path: str = "") -> Iterator[str]:
    """Give the fields of a schema that no column can hold.

    Args:
        node: The schema, or a node of it.
        path: Where the node stands.

    Yields:
        Paths such as `filter` or `tags[].options`: values of any type, objects with members of any
        name, arrays of anything.
    """
    kinds = {node["type"]} if isinstance(node.get("type"), str) else set(node.get("type", ()))
    kind = main_type(node)
    is_open = kind == "object" and (not node.get("properties") or node.get("additionalProperties"))
    if len(kinds - {"null"}) != 1 or is_open or (kind == "array" and not node.get("items")):
        yield path
    elif kind == "object":
        for name, child in node["properties"].items():
            yield from shapeless(child, _below(path, name))
    elif kind == "array":
        yield from shapeless(node["items"], f"{path}[]")


def parquet(schema: Node, lines: Sequence[bytes], compression: str | None) -> bytes:
    """Give the Parquet file of some records.

    Args:
        schema: What is announced of them.
        lines: Each record as JSON.
        compression: `gzip`, `none`, or None for pyarrow's own choice (snappy).

    Raises:
        StreamFailed: A value does not fit its column.
    """
    file = io.BytesIO()
    pq.write_table(table(schema, lines), file, compression=compression or "snappy")
    return file.getvalue()


def table(schema: Node, lines: Sequence[bytes]) -> pa.Table:
    """Give the table of some records; see `parquet`."""
    records = _lines.decode(b"[" + b",".join(lines) + b"]")
    return pa.Table.from_struct_array(_column(schema, records, ""))


def _column(node: Node, values: Sequence[Any], path: str) -> pa.Array:
    kind = main_type(node)
    held = {"object": (dict,), "array": (list,)}.get(kind) or _HELD[kind]
    if not set(map(type, values)) <= {NoneType, *held}:
        raise _misfit(path, f"a value that is no {kind}, as which it is announced")
    if kind == "object":
        return _structs(node["properties"], values, path)
    if kind == "array":
        return _lists(node["items"], values, path)
    if kind in {"integer", "number"}:
        return _numbers(kind, values, path)
    types = {"string": pa.string(), "boolean": pa.bool_(), "null": pa.null()}
    return pa.array(values, types[kind])


def _structs(members: Mapping[str, Node], values: Sequence[Any], path: str) -> pa.Array:
    for value in values:
        if value and (beside := [k for k in value.keys() - members.keys() if value[k] is not None]):
            raise _misfit(_below(path, min(beside)), "a value, and is not announced")
    columns = [
        _column(child, [(v or {}).get(name) for v in values], _below(path, name))
        for name, child in members.items()
    ]
    mask = pa.array([value is None for value in values], pa.bool_())
    return pa.StructArray.from_arrays(columns, names=list(members), mask=mask)


def _lists(items: Node, values: Sequence[Any], path: str) -> pa.Array:
    ends = accumulate(len(value or ()) for value in values)
    starts = chain([0], ends)
    # An offset of null is what marks a list as null.
    offsets = [None if v is None else start for v, start in zip(values, starts, strict=False)]
    offsets.append(sum(len(value or ()) for value in values))
    content = [item for value in values for item in value or ()]
    below = _column(items, content, f"{path}[]")
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), below)


def _numbers(kind: str, values: Sequence[Any], path: str) -> pa.Array:
    """Give integers as int64, fractions as double; as decimals where those would lose a digit."""
    numbers = [value for value in values if value is not None]
    if kind == "integer" and all(-_INT64 <= number < _INT64 for number in numbers):
        return pa.array(values, pa.int64())
    if kind == "number" and all(map(_is_short, numbers)):
        return _doubles(values)
    exact = [Decimal(number).as_tuple() for number in numbers]
    scale = max(-int(number.exponent) for number in exact)
    scale = max(scale, 0)
    digits = scale + max(1, *(len(number.digits) + int(number.exponent) for number in exact))
    if digits <= _DIGITS:
        wide = pa.decimal128 if digits <= _WIDEST_128 else pa.decimal256
        return pa.array(values, wide(digits, scale))
    if kind == "number" and all(map(_comes_back, numbers)):
        return _doubles(values)
    raise _misfit(path, f"numbers of more than {_DIGITS} digits")


def _doubles(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if v is None else float(v) for v in values], pa.float64())


def _survives(write: Callable[[float], str]) -> Callable[[int | Decimal], bool]:
    def survives(number: int | Decimal) -> bool:
        try:
            return Decimal(write(float(number))) == number
        except OverflowError:
            return False

    return survives


_is_short = _survives("{:.15g}".format)
"""Whether every reader of a double sees the number: some databases look at 15 digits only."""

_comes_back = _survives(repr)
"""Whether the number is the shortest text of its double."""


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _misfit(path: str, what: str) -> StreamFailed:
    return StreamFailed(
        f"the field '{path}' holds {what}, so no parquet file can carry it; set"
        " batch_config.encoding.format to jsonl, or flattening_enabled."
    )
