"""Snowflake's loader takes every tap's output: its DDL and its MERGE, on a stand-in.

What the stand-in does not prove is said in `snowflake_loader.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import Output
from tests.contract.runner import announced
from tests.contract.truth import main_type
from tests.sandbox.client_environments import KEPT, client_python

pytestmark = [pytest.mark.slow, pytest.mark.network]

REQUIREMENTS = [
    "meltanolabs-target-snowflake==0.20.4", "fakesnow==0.12.1",
    "snowflake-connector-python<5",  # fakesnow knows no newer one
    "sqlglot[c]",  # compiled: fakesnow spends its time there
]  # fmt: skip
TYPES = {
    "integer": "NUMBER", "number": "FLOAT", "boolean": "BOOLEAN", "string": "TEXT",
    "object": "VARIANT", "array": "VARIANT", "date-time": "TIMESTAMP_NTZ", "date": "DATE",
}  # fmt: skip

Load = Callable[[str, Path], dict[str, Any]]
Node = Mapping[str, Any]
Row = dict[str, Any]


@pytest.fixture(scope="session")
def load() -> Iterator[Load]:
    """Start the loader; give what loads messages into a schema and says what that then holds."""
    python = client_python("target-snowflake", *REQUIREMENTS)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    with subprocess.Popen(
        [str(python), str(Path(__file__).with_name("snowflake_loader.py"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**kept, "TZ": "UTC"},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        orders, answers = process.stdin, process.stdout

        def run(schema: str, messages: Path) -> dict[str, Any]:
            orders.write(json.dumps({"schema": schema, "messages": str(messages)}) + "\n")
            orders.flush()
            answer = answers.readline()
            assert answer, "the loader has ended"
            found: dict[str, Any] = json.loads(answer)
            return found

        yield run
        orders.close()


def stored(node: Node, value: Any) -> Any:
    """Give a value as Snowflake stores it: fractions as doubles, instants without a zone.

    The loader leaves out nested members that are not announced.
    """
    if value is None:
        return None
    if node.get("format") == "date-time":
        return instant(value)
    return nested(node, value)


def nested(node: Node, value: Any) -> Any:
    members = node.get("properties")
    if isinstance(value, dict) and members:
        return {name: nested(members[name], value[name]) for name in value if name in members}
    if isinstance(value, list):
        return [nested(node["items"], item) for item in value]
    return json.loads(json.dumps(value, default=float))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def assert_columns(tables: Mapping[str, Any], streams: Mapping[str, Node]) -> None:
    for stream, schema in streams.items():
        types = {name.upper(): TYPES[kind_of(node)] for name, node in schema["properties"].items()}
        assert tables[stream.upper()]["columns"] == types, stream


def assert_rows(
    output: Output, tables: Mapping[str, Any], streams: Mapping[str, Node], loaded: Iterable[str]
) -> None:
    """The tables hold the last record of each key, and nothing else."""
    for stream in loaded:
        properties = streams[stream]["properties"]
        shaped = (
            {name.upper(): stored(node, record.get(name)) for name, node in properties.items()}
            for record in output.run.records(stream)
        )
        wanted = by_key(output, stream, shaped)
        times = {name.upper() for name, node in properties.items() if kind_of(node) == "date-time"}
        rows = [
            {name: instant(v) if v and name in times else v for name, v in row.items()}
            for row in tables[stream.upper()]["rows"]
        ]
        found = by_key(output, stream, rows)
        assert len(rows) == len(found) == len(wanted), stream
        for key, row in wanted.items():
            assert found[key] == row, (stream, key)


def by_key(output: Output, stream: str, rows: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
    keys = [key.upper() for key in output.keys(stream)]
    return {tuple(row[key] for key in keys): row for row in rows}


def kind_of(node: Node) -> str:
    return str(node.get("format") or main_type(node))


def messages(
    path: Path, output: Output, loaded: Iterable[str], *, tables: Iterable[str],
    without: tuple[str, str] = ("", ""),
) -> Path:  # fmt: skip
    """Put the schemas of tables, and the records of some streams, into a file, without a column."""
    wanted = {"SCHEMA": set(tables), "RECORD": set(loaded)}
    with path.open("w") as lines:
        for message in map(json.loads, output.run.lines):
            if "stream" in message and message["stream"] not in wanted[message["type"]]:
                continue
            if message.get("stream") == without[0]:
                (message.get("record") or message["schema"]["properties"]).pop(without[1], None)
            lines.write(json.dumps(message) + "\n")
    return path


def test_two_loads_hold_every_record_and_a_new_column(
    output: Output, load: Load, tmp_path: Path
) -> None:
    """Every stream's table is made; records are loaded of those that come again and again."""
    schema, streams = f"tap_{output.name}", announced(output.run)
    largest, *others = loaded = output.incremental
    late = next(
        name for name, node in streams[largest]["properties"].items()
        if name not in output.keys(largest) and kind_of(node) == "string"
        and any(record.get(name) for record in output.run.records(largest))
    )  # fmt: skip

    left_out = (largest, late)
    first = messages(tmp_path / "1.jsonl", output, loaded, tables=streams, without=left_out)
    before = load(schema, first)
    assert late.upper() not in before[largest.upper()]["columns"]
    assert_columns(before, {name: node for name, node in streams.items() if name != largest})
    assert_rows(output, before, streams, others)

    again = [largest, *others[:1]]
    after = load(schema, messages(tmp_path / "2.jsonl", output, again, tables=again))
    assert_columns(after, streams)
    assert_rows(output, after, streams, loaded)


def test_a_batch_of_parquet_is_refused(load: Load, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string"}}}
    batch = {"encoding": {"format": "parquet"}, "manifest": ["file:///nowhere/1.parquet"]}
    lines = [
        {"type": "SCHEMA", "stream": "x", "schema": schema, "key_properties": ["id"]},
        {"type": "BATCH", "stream": "x", **batch},
    ]
    (path := tmp_path / "batch.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    assert load("refusing", path) == {"refused": "Unsupported batch file encoding: parquet"}
