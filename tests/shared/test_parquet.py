from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_shared.coerce import Rules
from tap_shared.conform import EXTRA, Conformer, declared_schema
from tap_shared.errors import StreamFailed
from tap_shared.parquet import parquet, shapeless, table
from tap_shared.writer import encode_record
from tests.contract.runner import read_line
from tests.shared.columns import as_columns, is_announced, loaded
from tests.shared.shapes import rows, schemas


def schema_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def written(schema: dict[str, Any], lines: Sequence[bytes]) -> list[dict[str, Any]]:
    """Give what a file of these lines is read as."""
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(parquet(schema, lines, None))).to_pylist()
    return rows


def announced(schema: dict[str, Any]) -> dict[str, Any]:
    """Give what is announced of a schema where undeclared fields are dropped."""
    schema = declared_schema(schema)
    return schema_of(**{k: v for k, v in schema["properties"].items() if k != EXTRA})


def closed(node: dict[str, Any]) -> dict[str, Any]:
    """Put a text in place of every object of any shape."""
    if "items" in node:
        return {**node, "items": closed(node["items"])}
    if "object" not in node["type"]:
        return node
    members = {name: closed(child) for name, child in node.get("properties", {}).items()}
    return {"type": node["type"], "properties": members} if members else TEXT


TEXT = {"type": ["string", "null"]}
cases = schemas.map(closed).flatmap(
    lambda each: st.tuples(st.just(each), st.lists(rows(each), min_size=1, max_size=4))
)


@given(cases)
def test_a_file_gives_back_the_records_or_is_refused(
    case: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    received, schema = case[1], announced(case[0])
    assert list(shapeless(schema)) == []
    shaped = Conformer(case[0], keys=(), rules=Rules(), keep_undeclared=False).page(received)
    lines = [encode_record(record) for record in shaped]
    records = [read_line(line) for line in lines]
    try:
        found = written(schema, lines)
    except StreamFailed:
        beside = not all(is_announced(schema, record) for record in records)
        assert beside or takes_too_many_digits([*numbers(records)])
    else:
        wanted = [as_columns(schema, record) for record in records]
        assert [as_columns(schema, row) for row in found] == wanted


def numbers(value: Any) -> Iterator[Decimal]:
    """Give all numbers in a value."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from numbers(item)
    elif not isinstance(value, str | bool | None):
        yield Decimal(value)


def takes_too_many_digits(found: Sequence[Decimal]) -> bool:
    """Tell whether some number is no float's text, and no decimal has room for all of them."""
    first = max(number.adjusted() for number in found)
    last = min(int(number.as_tuple().exponent) for number in found)
    return first - last >= 76 and any(Decimal(str(float(number))) != number for number in found)


NUMBER = {"type": ["number", "null"]}
NUMBERS = [
    (["1", "2.5", "null", "1e300", "0.1"], pa.float64()),
    (["0.30000000000000004", "12"], pa.decimal128(19, 17)),
    (["9007199254740993"], pa.decimal128(16, 0)),
    (["1e-20", "1234567890.123456789"], pa.decimal128(30, 20)),
    (["123456789012345678901234567890.123456789"], pa.decimal256(39, 9)),
    (["1.1102230246251565e-100", "3"], pa.float64()),
    ([], pa.float64()),
]


@pytest.mark.parametrize(("texts", "kind"), NUMBERS)
def test_numbers_keep_every_digit(texts: list[str], kind: pa.DataType) -> None:
    schema, lines = schema_of(n=NUMBER), [b'{"n":%b}' % text.encode() for text in texts] or [b"{}"]
    made = table(schema, lines)
    assert made.schema.field("n").type == kind
    found = [as_columns(NUMBER, row["n"]) for row in made.to_pylist()]
    assert found == [as_columns(NUMBER, read_line(line).get("n")) for line in lines]


def test_nested_values_and_nulls_come_back() -> None:
    schema = schema_of(
        id={"type": "integer"},
        tags={
            "type": ["array", "null"],
            "items": schema_of(
                name={"type": ["string", "null"]}, seen={"type": ["boolean", "null"]}
            ),
        },
        who={"type": ["object", "null"], "properties": {"at": {"type": "string"}, "n": NUMBER}},
    )
    lines = [
        b'{"id":-9223372036854775808,"tags":[{"name":"","seen":true},{"name":null,"seen":false}]}',
        b'{"id":1,"tags":[],"who":{"at":"2024-01-01T00:00:00.000000Z","n":null}}',
        b'{"id":2,"tags":null,"who":null}',
        b'{"id":9223372036854775807,"who":{}}',
    ]
    assert written(schema, lines) == [
        {
            "id": -(2**63),
            "tags": [{"name": "", "seen": True}, {"name": None, "seen": False}],
            "who": None,
        },
        {"id": 1, "tags": [], "who": {"at": "2024-01-01T00:00:00.000000Z", "n": None}},
        {"id": 2, "tags": None, "who": None},
        {"id": 2**63 - 1, "tags": None, "who": {"at": None, "n": None}},
    ]


BENT = [
    ('{"n":"5"}', "'n' holds a value that is no number"),
    ('{"n":true}', "'n' holds a value that is no number"),
    ('{"n":1e400}', "'n' holds numbers of more than 76 digits"),
    ('{"new":1}', "'new' holds a value, and is not announced"),
    ('{"who":[{"a":"x","b":[0]}]}', "'who[].b' holds a value, and is not announced"),
    ('{"who":{"a":"x"}}', "'who' holds a value that is no array"),
    ('{"who":["x"]}', "'who[]' holds a value that is no object"),
    ('{"who":[{"a":1}]}', "'who[].a' holds a value that is no string"),
]


@pytest.mark.parametrize(("line", "said"), BENT)
def test_nothing_is_bent(line: str, said: str) -> None:
    schema = schema_of(
        n=NUMBER, who={"type": "array", "items": schema_of(a={"type": ["string", "null"]})}
    )
    with pytest.raises(StreamFailed) as caught:
        table(schema, [b"{}", line.encode()])
    assert said in str(caught.value)


def test_fields_without_a_shape_are_named() -> None:
    text = TEXT
    found = shapeless(
        schema_of(
            a=text,
            free={"type": ["object", "null"], "properties": {}, "additionalProperties": True},
            counts={"type": "object", "additionalProperties": {"type": "integer"}},
            half={**schema_of(a=text), "additionalProperties": True},
            sealed={**schema_of(a=text), "additionalProperties": False},
            deep={"type": "array", "items": schema_of(x={"type": ["object", "null"]}, y=text)},
            any={},
            either={"type": ["string", "integer"]},
            things={"type": ["array", "null"]},
        )
    )
    assert list(found) == ["free", "counts", "half", "deep[].x", "any", "either", "things"]


@pytest.mark.parametrize(
    ("compression", "codec"), [("gzip", "GZIP"), ("none", "UNCOMPRESSED"), (None, "SNAPPY")]
)
def test_the_loaders_of_the_sdk_read_every_compression(
    compression: str | None, codec: str, tmp_path: Path
) -> None:
    path = tmp_path / "file.parquet"
    path.write_bytes(parquet(schema_of(n=NUMBER), [b'{"n":1.5}'], compression))
    assert pq.read_metadata(path).row_group(0).column(0).compression == codec
    encoding = {"format": "parquet", "compression": compression}
    assert loaded(encoding, [path.as_uri()]) == [{"n": 1.5}]
