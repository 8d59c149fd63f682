"""What goes to S3: batch files, and Meltano's state."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest

from tests.contract.bench import Bench, serve
from tests.contract.runner import ROOT, Run, Tap
from tests.e2e.object_store import KEY, SECRET, Bucket, bucket
from tests.e2e.pipeline import Project
from tests.e2e.tables import Tables
from tests.sandbox.client_environments import client_python
from tests.shared.columns import as_columns

pytestmark = [pytest.mark.slow, pytest.mark.network]

STREAMS = ("calls", "tags")


@pytest.fixture(scope="module")
def store() -> Iterator[Bucket]:
    with bucket("sandbox-bucket") as made:
        yield made


@pytest.fixture
def callgear(tmp_path: Path) -> Iterator[Bench]:
    with serve("callgear", tmp_path, days=15) as served:
        yield served


def batches_into(store: Bucket, prefix: str, form: str, **params: Any) -> dict[str, Any]:
    credentials = {"key": KEY, "secret": SECRET, "endpoint_url": store.endpoint}
    return {
        "flattening_enabled": True,
        "flattening_max_depth": 1,
        "batch_config": {
            "encoding": {"format": form, "compression": "gzip"},
            "storage": {"root": f"s3://{store.name}/{prefix}", "params": {**credentials, **params}},
            "batch_size": 50,
        },
    }


def standalone(source: Bench) -> Tap:
    """Give the tap with the library's extras installed beside it, as its users do."""
    extras = f"{ROOT}/shared[parquet,s3]"
    return Tap(source.name, source.tap.folder, python=client_python("extras", extras))


def records(run: Run, store: Bucket) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give what the files that BATCH messages name hold."""
    for message in run.messages:
        if message["type"] != "BATCH":
            continue
        for url in message["manifest"]:
            place = urlsplit(url)
            assert (place.scheme, place.netloc) == ("s3", store.name)
            content = store.read(place.path.lstrip("/"))
            if message["encoding"]["format"] == "parquet":
                rows = pq.read_table(io.BytesIO(content)).to_pylist()
            else:
                rows = [json.loads(line) for line in gzip.decompress(content).splitlines()]
            yield from ((message["stream"], row) for row in rows)


def test_batch_files_in_a_bucket_hold_what_messages_carry(callgear: Bench, store: Bucket) -> None:
    catalog = callgear.catalog(*STREAMS)
    plain = {"flattening_enabled": True, "flattening_max_depth": 1}
    ordinary = callgear.run({**callgear.config, **plain}, catalog=catalog)
    schemas = {m["stream"]: m["schema"] for m in ordinary.messages if m["type"] == "SCHEMA"}
    wanted = [
        (m["stream"], as_columns(schemas[m["stream"]], m["record"]))
        for m in ordinary.messages if m["type"] == "RECORD"
    ]  # fmt: skip
    for form in ("jsonl", "parquet"):
        config = {**callgear.config, **batches_into(store, form, form)}
        run = standalone(callgear).run(config, catalog=catalog)
        assert run.code == 0, run.stderr
        assert run.state == ordinary.state
        found = [(name, as_columns(schemas[name], row)) for name, row in records(run, store)]
        assert found == wanted
        assert len(store.keys(form)) > len(STREAMS)


def test_a_bucket_that_cannot_be_reached_fails_the_stream_and_tells_no_secret(
    callgear: Bench, store: Bucket
) -> None:
    gone = Bucket("http://127.0.0.1:1", store.name)
    quick = {"config_kwargs": {"retries": {"max_attempts": 0}}}
    config = {**callgear.config, **batches_into(gone, "gone", "jsonl", **quick)}
    catalog = callgear.catalog("calls")
    run = standalone(callgear).run(config, catalog=catalog, level="DEBUG")
    assert run.code == 1
    assert [line for line in run.said("ERROR") if "a batch file cannot be written" in line]
    assert SECRET not in run.stderr
    assert not (run.state or {}).get("bookmarks", {}).get("calls", {}).get("replication_key_value")


@pytest.mark.warehouse
def test_a_run_on_another_machine_goes_on_from_the_kept_state(
    callgear: Bench, store: Bucket, database: str, tmp_path: Path
) -> None:
    """The same with a folder that both see is in test_postgres.py."""
    python = client_python("meltano-s3", f"meltano[s3]=={version('meltano')}")
    prefix = "MELTANO_STATE_BACKEND_S3_"
    kept = {
        "MELTANO_STATE_BACKEND_URI": f"s3://{store.name}/state",
        f"{prefix}ENDPOINT_URL": store.endpoint,
        f"{prefix}AWS_ACCESS_KEY_ID": KEY,
        f"{prefix}AWS_SECRET_ACCESS_KEY": SECRET,
    }
    settings = {**callgear.config, "lookback": "1d"}
    meltano = str(python.with_name("meltano"))
    loaded = []
    for machine in ("one", "two"):
        (folder := tmp_path / machine).mkdir()
        project = Project(folder, "tap-callgear", settings, database, meltano=meltano, more=kept)
        run = project.run("calls.*")
        assert run.code == 0, run.text
        loaded.append(run.loaded["calls"])
    assert 0 < loaded[1] < loaded[0] / 3
    rows = Tables(database, "tap_callgear").rows("calls")
    assert {callgear.identity("calls", row) for row in rows} == callgear.truth("calls").keys()
    assert len(rows) == len(callgear.truth("calls"))
