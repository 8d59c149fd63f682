"""Loaders make the same tables of BATCH files, of either format, as of RECORD messages."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.layout import executable
from tests.contract.bench import Bench, serve
from tests.contract.runner import Run, installed_taps
from tests.e2e.pipeline import KEPT
from tests.e2e.tables import Tables

pytestmark = [pytest.mark.slow, pytest.mark.warehouse]


@pytest.fixture(params=installed_taps())
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with serve(request.param, tmp_path, days=5) as served:
        yield served


def formats(source: Bench) -> list[str]:
    """Give the formats: Parquet has types of its own, JSON lines are alike for every tap."""
    return ["jsonl", "parquet"] if source.name == "callgear" else ["parquet"]


def chosen(source: Bench) -> list[str]:
    """Give the streams that are loaded: most rows, and two lists."""
    largest = sorted(source.incremental, key=lambda name: -len(source.truth(name)))[:3]
    lists = [name for name in source.streams if not source.facts(name).replication_key]
    return [*largest, *lists[:2]]


def runs(source: Bench, folder: Path) -> dict[str, Run]:
    """Run with RECORD messages, and with files of each format; flattened, for Parquet's sake."""
    flat = {**source.config, "flattening_enabled": True, "flattening_max_depth": 2}
    configs: dict[str, dict[str, Any]] = {"messages": flat}
    for form in formats(source):
        encoding = {"format": form, "compression": "gzip"}
        storage = {"root": (folder / form).as_uri()}
        batch = {"encoding": encoding, "storage": storage, "batch_size": 100}
        configs[form] = {**flat, "batch_config": batch}
    catalog = source.catalog(*chosen(source))
    commands = [source.tap.arguments(one, catalog=catalog) for one in configs.values()]
    return dict(zip(configs, source.tap.many(commands), strict=True))


def load(run: Run, url: str, schema: str, folder: Path) -> None:
    """Load a run's output, as a pipe would."""
    assert run.code == 0, run.stderr
    (config := folder / f"{schema}.json").write_text(
        json.dumps({"sqlalchemy_url": url, "default_target_schema": schema})
    )
    done = subprocess.run(
        [executable("target-postgres"), "--config", str(config)],
        input=b"".join(line + b"\n" for line in run.lines), capture_output=True, check=False,
        env={name: os.environ[name] for name in KEPT if name in os.environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == run.state


def test_postgresql_holds_the_same_whatever_carries_the_rows(
    source: Bench, database: str, tmp_path: Path
) -> None:
    for name, run in runs(source, tmp_path).items():
        load(run, database, name, tmp_path)
    wanted, *others = (Tables(database, name) for name in ("messages", *formats(source)))
    types, keys = wanted.types(), wanted.keys()
    assert types.keys() == set(chosen(source))
    for table in types:
        rows = by_key(source, wanted, table)
        assert rows, table
        for found in others:
            assert (found.types()[table], found.keys()[table]) == (types[table], keys[table])
            assert by_key(source, found, table) == rows, (found.schema, table)


def by_key(source: Bench, tables: Tables, table: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Give a table's rows, without the columns that tell when they were read."""
    rows = tables.rows(table)
    found = {
        tuple(row[name] for name in source.facts(table).keys): {
            name: value for name, value in row.items() if name not in source.case.volatile
        }
        for row in rows
    }
    assert len(found) == len(rows), table
    return found
