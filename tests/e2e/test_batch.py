"""BATCH files hold exactly what RECORD messages carry."""

from __future__ import annotations

import gzip
import json
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.contract.bench import Bench, serve
from tests.contract.runner import Run, installed_taps, read_line

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


@pytest.mark.parametrize("settings", [plain, masked, flattened, mapped])
def test_files_hold_what_messages_carry(
    source: Bench, settings: Callable[[Bench], Mapping[str, Any]], tmp_path: Path
) -> None:
    first, second = source.incremental[:2]
    column = next(
        name
        for name, node in schema_of(source, first)["properties"].items()
        if name not in {*source.facts(first).keys, source.facts(first).replication_key}
        and not node.get("x-pii")
    )
    catalog = source.catalog(first, second, *lists(source), without={first: column})
    config = {**source.config, **settings(source)}
    ordinary = source.run(config, catalog=catalog)
    run = source.run({**config, **batched(tmp_path)}, catalog=catalog)
    assert ordinary.code == run.code == 0, run.stderr
    wanted = sent(ordinary)
    assert len(wanted) >= 2
    assert filed(run) == wanted
    assert run.state == ordinary.state
    schemas = [[m for m in one.messages if m["type"] == "SCHEMA"] for one in (ordinary, run)]
    assert schemas[0] == schemas[1]


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
    config = {**source.config, **batched(tmp_path, batch_size=30)}
    with source.slow(0.02):
        stopped = source.tap.stop(config, 3, signal.SIGTERM, catalog=catalog)
    assert stopped.code == 143
    rest = source.run(source.config, state=stopped.state, catalog=catalog)
    assert rest.code == 0, rest.stderr
    lines = [*filed(stopped).get(stream, []), *sent(rest).get(stream, [])]
    found = {source.identity(stream, read_line(line)) for line in lines}
    assert found == source.truth(stream).keys()


REFUSED = [
    ({"encoding": {"format": "parquet"}}, "parquet"),
    ({"encoding": {}}, "encoding.format"),
    ({"storage": {}}, "storage.root"),
    ({"storage": {"root": "s3://bucket"}}, "s3fs"),
    ({"batch_size": 0}, "batch_size"),
]


@pytest.mark.parametrize(("wrong", "named"), REFUSED)
def test_what_cannot_be_honoured_is_refused(
    source: Bench, wrong: dict[str, Any], named: str, tmp_path: Path
) -> None:
    source.server.log.clear()
    run = source.run({**source.config, **batched(tmp_path, **wrong)})
    assert run.code == 2
    assert not run.lines
    assert len(refusals := run.said("ERROR")) == 1
    assert "batch_config" in refusals[0]
    assert named in refusals[0]
    assert not [entry for entry in source.server.log.entries if entry.path]


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
