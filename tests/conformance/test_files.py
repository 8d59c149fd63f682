"""Loaders that write files take every tap's full output: JSON lines here, and objects in S3."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.conformance.conftest import Output
from tests.conformance.test_tools import Command, fed
from tests.contract.bench import serve
from tests.contract.runner import Run, announced
from tests.e2e.object_store import KEY, SECRET, Bucket, bucket
from tests.sandbox.client_environments import client_python

pytestmark = [pytest.mark.slow, pytest.mark.network]

Row = Mapping[str, Any]


@pytest.fixture(scope="session")
def store() -> Iterator[Bucket]:
    with bucket("sandbox-lake") as made:
        yield made


def jsonl(folder: Path) -> Command:
    """Give the command of target-jsonl."""
    config = folder / "config.json"
    config.write_text(json.dumps({"destination_path": str(folder), "do_timestamp_file": False}))
    program = client_python("target-jsonl", "target-jsonl==0.1.4").with_name("target-jsonl")
    return [program, "--config", config]


def test_target_jsonl(output: Output, tmp_path: Path) -> None:
    command = jsonl(tmp_path)
    for _ in range(2):
        done = fed(command, output.messages)
        assert done.returncode == 0, done.stderr[-3000:]
        assert json.loads(done.stdout.splitlines()[-1]) == output.run.state
    for stream in output.run.streams:
        records = [plain(record) for record in output.run.records(stream)]
        files = tmp_path.glob(f"{stream}.jsonl")
        lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
        assert lines == records * 2, stream


def plain(value: Any) -> Any:
    """Give a value as JSON without exact fractions is read."""
    return json.loads(json.dumps(value, default=float))


def s3(folder: Path, store: Bucket, prefix: str, form: str) -> Command:
    """Give the command of target-s3."""
    aws = {
        "aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "aws_region": "us-east-1",
        "aws_bucket": store.name, "aws_endpoint_override": store.endpoint,
    }  # fmt: skip
    config = folder / f"target-s3-{form}.json"
    config.write_text(
        json.dumps(
            {
                "format": {"format_type": form},
                "cloud_provider": {"cloud_provider_type": "aws", "aws": aws},
                "prefix": prefix,
                "append_date_to_prefix": False,
                "append_date_to_filename": False,
            }
        )
    )
    program = client_python("target-s3", "plinxore-target-s3==0.1.7").with_name("target-s3")
    return [program, "--config", config]


def put(messages: Path, store: Bucket, prefix: str, form: str) -> None:
    """Load messages with target-s3."""
    done = fed(s3(messages.parent, store, prefix, form), messages)
    assert done.returncode == 0, done.stderr[-3000:]


def last_ones(rows: Iterable[Row], keys: Iterable[str], times: Mapping[str, str]) -> Any:
    """Give the last row of each key; instants as such, nothing where a field is null.

    Args:
        rows: What was emitted, or loaded.
        keys: The primary key.
        times: Columns of instants, with what a loader cuts them to.
    """

    def read(name: str, value: Any) -> Any:
        if name not in times:
            return value
        at = datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
        return at.isoformat(timespec=times[name])

    found = ({k: read(k, v) for k, v in row.items() if v is not None} for row in rows)
    return {tuple(row[key] for key in keys): row for row in found}


def assert_same(
    run: Run, stream: str, rows: list[Row], *, keys: Iterable[str], cut: str = "microseconds"
) -> None:
    records, schema = run.records(stream), announced(run)[stream]["properties"]
    assert len(rows) == len(records), stream
    times = {name: cut for name, node in schema.items() if "format" in node}
    wanted = last_ones(map(plain, records), keys, times)
    assert last_ones(rows, keys, times) == wanted, stream


@pytest.mark.parametrize("output", ["interactions", "pbx"], indirect=True)
def test_target_s3_with_json_lines(output: Output, store: Bucket) -> None:
    prefix, run = output.name, output.run
    put(output.messages, store, prefix, "jsonl")
    for stream in run.streams:
        bodies = [gzip.decompress(store.read(key)) for key in store.keys(f"{prefix}/{stream}/")]
        lines = [json.loads(line) for body in bodies for line in body.splitlines()]
        assert_same(run, stream, lines, keys=output.keys(stream))


def test_target_s3_with_parquet(store: Bucket, tmp_path: Path) -> None:
    """Flattened, as it has no type for objects of any shape; it cuts instants to seconds."""
    with serve("interactions", tmp_path) as bench:
        flat = {"flattening_enabled": True, "flattening_max_depth": 1}
        run = bench.run({**bench.config, **flat})
    assert run.code == 0, run.stderr
    messages = tmp_path / "messages.jsonl"
    messages.write_bytes(b"".join(line + b"\n" for line in run.lines))
    put(messages, store, "flat", "parquet")
    for stream in run.streams:
        bodies = [store.read(key) for key in store.keys(f"flat/{stream}/")]
        rows = [row for body in bodies for row in pq.read_table(io.BytesIO(body)).to_pylist()]
        assert_same(run, stream, rows, keys=bench.facts(stream).keys, cut="seconds")


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.parametrize("loader", ["target-jsonl", "target-s3"])
def test_who_takes_no_batch_files_fails_and_keeps_no_state(
    loader: str, form: str, store: Bucket, tmp_path: Path
) -> None:
    """So nothing is taken for loaded: the next run, without files, brings the rows."""
    encoding = {"format": form, "compression": "gzip"}
    with serve("callgear", tmp_path, days=3) as bench:
        batch = {"encoding": encoding, "storage": {"root": tmp_path.as_uri()}}
        flat = {"flattening_enabled": True, "flattening_max_depth": 1}
        config = {**bench.config, **flat, "batch_config": batch}
        run = bench.run(config, catalog=bench.catalog("tags"))
    assert {message["type"] for message in run.messages} == {"SCHEMA", "BATCH", "STATE"}
    (messages := tmp_path / "messages.jsonl").write_bytes(b"\n".join(run.lines))
    command = jsonl(tmp_path) if loader == "target-jsonl" else s3(tmp_path, store, "none", "jsonl")
    done = fed(command, messages)
    told = {
        "target-jsonl": "asdict",
        "jsonl": "'batch_start_time'",
        "parquet": "KeyError: 'parquet'",
    }
    assert done.returncode == 1
    assert told.get(loader, told[form]) in done.stderr
    assert done.stdout == ""
