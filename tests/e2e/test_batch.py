"""BATCH files hold exactly what RECORD messages carry."""

from __future__ import annotations

import gzip
import json
import signal
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.contract.bench import Bench, serve
from tests.contract.runner import Run, installed_taps, read_line
from tests.contract.truth import leaves, main_type
from tests.shared.columns import as_columns, is_announced, loaded

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=installed_taps())
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """Serve one tap's vendor, whose data nobody changes."""
    with serve(request.param, tmp_path_factory.mktemp(request.param)) as served:
        yield served


Records = dict[str, list[bytes]]


def batched(folder: Path, **more: Any) -> dict[str, Any]:
    """Give a batch_config that writes small files into a folder."""
    encoding = {"format": "jsonl", "compression": "gzip"}
    storage = {"root": folder.as_uri(), "prefix": "part-"}
    config = {"encoding": encoding, "storage": storage, "batch_size": 100}
    return {"batch_config": {**config, **more}}


def sent(run: Run) -> Records:
    """Give the records of RECORD messages, as they were written."""
    found: Records = {}
    for line, message in zip(run.lines, run.messages, strict=True):
        if message["type"] == "RECORD":
            record = line.partition(b',"record":')[2].rpartition(b',"time_extracted":')[0]
            found.setdefault(message["stream"], []).append(record)
    return found


def filed(run: Run) -> Records:
    """Give the records of the files that BATCH messages name."""
    found: Records = {}
    for message in run.messages:
        assert message["type"] != "RECORD"
        if message["type"] == "BATCH":
            assert message["encoding"] == {"format": "jsonl", "compression": "gzip"}
            for url in message["manifest"]:
                lines = gzip.decompress(Path(unquote(urlsplit(url).path)).read_bytes())
                assert 0 < lines.count(b"\n") <= 100
                found.setdefault(message["stream"], []).extend(lines.splitlines())
    return found


def plain(bench: Bench) -> dict[str, Any]:
    del bench
    return {}


def masked(bench: Bench) -> dict[str, Any]:
    del bench
    return {"pii": "hash", "pii_salt": "sandbox-salt", "undeclared_fields": "drop"}


def flattened(bench: Bench) -> dict[str, Any]:
    del bench
    return {"flattening_enabled": True, "flattening_max_depth": 2}


def mapped(bench: Bench) -> dict[str, Any]:
    """Rename a stream, leave rows out of another, and add a column."""
    one, two = bench.incremental[:2]
    key = bench.facts(two).replication_key
    return {
        "stream_maps": {
            one: {"__alias__": "renamed", "added": "'x'"},
            two: {"__filter__": f"{key} < '{bench.vendor.now:%Y-%m-%d}'"},
        }
    }


def both(source: Bench, config: dict[str, Any], catalog: Any, batches: dict[str, Any]) -> list[Run]:
    """Run with RECORD messages and with files, in forks of one process."""
    runs = [{**source.config, **config}, {**source.config, **config, **batches}]
    return source.tap.many([source.tap.arguments(each, catalog=catalog) for each in runs])


def announcements(run: Run) -> list[dict[str, Any]]:
    return [message for message in run.messages if message["type"] == "SCHEMA"]


@pytest.mark.parametrize("settings", [plain, masked, flattened, mapped])
def test_files_hold_what_messages_carry(
    source: Bench, settings: Callable[[Bench], dict[str, Any]], tmp_path: Path
) -> None:
    first, second = source.incremental[:2]
    column = next(
        name
        for name, node in schema_of(source, first)["properties"].items()
        if name not in {*source.facts(first).keys, source.facts(first).replication_key}
        and not node.get("x-pii")
    )
    catalog = source.catalog(first, second, *lists(source), without={first: column})
    ordinary, run = both(source, settings(source), catalog, batched(tmp_path))
    assert ordinary.code == run.code == 0, run.stderr
    wanted = sent(ordinary)
    assert len(wanted) >= 2
    assert filed(run) == wanted
    assert run.state == ordinary.state
    assert announcements(run) == announcements(ordinary)


def test_parquet_files_hold_every_stream_flattened(source: Bench, tmp_path: Path) -> None:
    """With objects as JSON text, `_extra` too, there is nothing that a column cannot hold."""
    ordinary, run = both(source, flattened(source), source.catalog(), parquet_in(tmp_path))
    assert ordinary.code == run.code == 0, run.stderr
    assert_same_records(source, ordinary, run)
    assert run.state == ordinary.state
    assert announcements(run) == announcements(ordinary)
    assert any("_extra" in message["schema"]["properties"] for message in announcements(run))


@pytest.mark.parametrize("source", ["callgear", "dixa", "interactions"], indirect=True)
def test_parquet_files_hold_nested_columns_or_fail_the_stream(
    source: Bench, tmp_path: Path
) -> None:
    """Selected, hashed, mapped; a stream with a value that is not announced says so."""
    catalog = without_open_objects(source)
    ordinary, run = both(
        source, {**mapped(source), **masked(source)}, catalog, parquet_in(tmp_path)
    )
    assert ordinary.code == 0
    beside = assert_same_records(source, ordinary, run)
    assert run.code == int(bool(beside))
    assert len(refusals := run.said("ERROR")) == len(beside) + int(bool(beside))
    for stream in beside:
        assert any(f"Stream '{stream}': the field '" in line for line in refusals)
    marks = [one.state["bookmarks"] for one in (ordinary, run) if one.state]
    for stream in source.streams:
        same = marks[0].get(stream) == marks[1].get(stream)
        assert same or stream in beside


def parquet_in(folder: Path) -> dict[str, Any]:
    return batched(folder, encoding={"format": "parquet", "compression": "gzip"})


def without_open_objects(source: Bench) -> dict[str, Any]:
    """Select all but the columns that hold, somewhere below, objects of any shape."""
    catalog = source.catalog()
    for entry in catalog["streams"]:
        columns = entry["schema"]["properties"]
        for item in entry["metadata"]:
            place = item["breadcrumb"]
            if place[-1:] != ["_extra"] and place and is_open(columns[place[1]]):
                item["metadata"]["selected"] = False
    return catalog


def is_open(node: Mapping[str, Any]) -> bool:
    found = [("", node), *leaves(node)]
    return any(main_type(one) == "object" and not one.get("properties") for _, one in found)


def assert_same_records(source: Bench, ordinary: Run, run: Run) -> set[str]:
    """The files give what the messages carry; give the streams that files cannot carry."""
    schemas = {message["stream"]: message["schema"] for message in announcements(ordinary)}
    wanted: dict[str, list[Any]] = {}
    found: dict[str, list[Any]] = {}
    for message in ordinary.messages:
        if message["type"] == "RECORD":
            wanted.setdefault(message["stream"], []).append(message["record"])
    for message in run.messages:
        assert message["type"] != "RECORD"
        if message["type"] == "BATCH":
            rows = loaded(message["encoding"], message["manifest"])
            assert 0 < len(rows) <= 100
            found.setdefault(message["stream"], []).extend(rows)
    beside = {
        name for name, rows in wanted.items()
        if not all(is_announced(schemas[name], row) for row in rows)
    }  # fmt: skip
    assert len(wanted.keys() - beside) > len(wanted) / 2
    assert found.keys() - beside == wanted.keys() - beside
    for name in wanted.keys() - beside:
        node, volatile = schemas[name], source.case.volatile
        node = {"type": "object", "properties": without(node["properties"], volatile)}
        for row, record in zip(found[name], wanted[name], strict=True):
            assert as_columns(node, row) == as_columns(node, record), name
    return beside


def without(members: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: member for name, member in members.items() if name not in names}


def schema_of(source: Bench, stream: str) -> dict[str, Any]:
    entries = source.discovered["streams"]
    schema: dict[str, Any] = next(e for e in entries if e["tap_stream_id"] == stream)["schema"]
    return schema


def lists(source: Bench) -> list[str]:
    """Give two streams that are read whole."""
    return [name for name in source.streams if not source.facts(name).replication_key][:2]


def test_the_state_never_runs_ahead_of_the_files(source: Bench, tmp_path: Path) -> None:
    stream = max(source.incremental, key=lambda name: len(source.truth(name)))
    catalog = source.catalog(stream)
    config = {**source.config, **batched(tmp_path, batch_size=30), "max_concurrency": 1}
    source.server.log.clear()
    assert source.run(source.config, catalog=catalog).code == 0
    with source.stalled(len(source.server.log.entries) - 1):
        stopped = source.tap.stop(config, 3, signal.SIGTERM, catalog=catalog)
    assert stopped.code == 143
    assert filed(stopped)
    rest = source.run(source.config, state=stopped.state, catalog=catalog)
    assert rest.code == 0, rest.stderr
    lines = [*filed(stopped).get(stream, []), *sent(rest).get(stream, [])]
    found = {source.identity(stream, read_line(line)) for line in lines}
    assert found == source.truth(stream).keys()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"encoding": {"format": "csv"}}, "batch_config.encoding.format"),
    ({"encoding": {}}, "encoding.format"),
    ({"encoding": {"format": "parquet"}, "storage": {}}, "storage.root"),
    ({"storage": {}}, "storage.root"),
    ({"storage": {"root": "s3://bucket"}}, "s3fs"),
    ({"batch_size": 0}, "batch_size"),
]


def refusal(run: Run) -> str:
    assert run.code == 2
    assert not run.lines
    [said] = run.said("ERROR")
    return said


def test_what_cannot_be_honoured_is_refused(source: Bench, tmp_path: Path) -> None:
    source.server.log.clear()
    configs = [{**source.config, **batched(tmp_path, **wrong)} for wrong, _ in REFUSED]
    runs = source.tap.many([source.tap.arguments(config) for config in configs])
    for run, (_, named) in zip(runs, REFUSED, strict=True):
        assert "batch_config" in refusal(run)
        assert named in refusal(run)
    assert not [entry for entry in source.server.log.entries if entry.path]


def test_parquet_is_refused_where_objects_may_have_any_shape(source: Bench, tmp_path: Path) -> None:
    stream = source.incremental[0]
    source.server.log.clear()
    run = source.run({**source.config, **parquet_in(tmp_path)}, catalog=source.catalog(stream))
    assert "no type for objects of any shape: " in refusal(run)
    assert f"{stream}._extra" in refusal(run)
    # Where streams follow from the vendor's catalogue, that is read; no stream is.
    assert {entry.path for entry in source.server.log.entries if entry.path} <= CATALOGUE


CATALOGUE = {"/v1/analytics/records", "/v1/analytics/metrics"}


def test_a_folder_that_cannot_be_written_fails_the_stream(source: Bench, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text(json.dumps({}))
    stream = source.incremental[0]
    config = {**source.config, **batched(blocked / "below")}
    run = source.run(config, catalog=source.catalog(stream))
    assert run.code == 1
    assert "a batch file cannot be written" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (run.state or {}).get("bookmarks", {}).get(stream, {}).get("replication_key_value")
