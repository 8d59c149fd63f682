"""From the vendor into a real PostgreSQL, through `meltano run`."""

from __future__ import annotations

import random
import re
import signal
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.contract.bench import Bench
from tests.contract.cases import Case
from tests.contract.truth import differences, moment
from tests.e2e.pipeline import Project
from tests.e2e.tables import Tables, column_type
from tests.hostile.leaks import leaked, secrets_of

pytestmark = [pytest.mark.slow, pytest.mark.warehouse]


@pytest.fixture
def machines(source: Bench, database: str, tmp_path: Path) -> list[Project]:
    """Give a project on each of two machines, which keep their state in a folder that both see."""
    settings = {**source.config, "lookback": f"{LOOKBACK.days}d"}
    kept = {"MELTANO_STATE_BACKEND_URI": (tmp_path / "state").as_uri()}
    found = []
    for name in ("one", "two"):
        (folder := tmp_path / name).mkdir()
        found.append(Project(folder, f"tap-{source.name}", settings, database, more=kept))
    return found


@pytest.fixture
def tables(source: Bench, database: str) -> Tables:
    return Tables(database, f"tap_{source.name}")


def schemas(source: Bench) -> dict[str, dict[str, Any]]:
    return {entry["tap_stream_id"]: entry["schema"] for entry in source.discovered["streams"]}


LOOKBACK = timedelta(days=9)
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


def assert_rows(
    source: Bench,
    tables: Tables,
    stream: str,
    *,
    without: str = "",
    since: datetime = ALWAYS,
) -> None:
    """The table holds every row of the vendor, each field as it was sent, and no row twice.

    Fields are compared in rows since an instant: what changes before the lookback is not read.
    """
    rows = tables.rows(stream)
    truth = Counter(source.wire_signs(stream))
    signs = Counter(source.sign(stream, row) for row in rows)
    assert not truth - signs, f"{stream} lost rows: {list(truth - signs)[:3]}"
    assert not signs - truth, f"{stream} has rows too many: {list(signs - truth)[:3]}"
    wire = Case.of(source.case.wire, stream, _as_it_is)
    if wire is None:
        return
    schema, zone = schemas(source)[stream], ZoneInfo(source.case.zone)
    found = {source.identity(stream, row): row for row in rows}
    at = source.facts(stream).replication_key
    for key, row in source.truth(stream).items():
        if at and moment(found[key][at]) < since:
            continue
        sent = {name: value for name, value in wire(row).items() if name != without}
        wrong = differences(
            found[key],
            sent,
            schema,
            zone=zone,
            misfits=Case.of(source.case.misfits, stream, frozenset[str]()),
            masked=Case.of(source.case.masked, stream, frozenset[str]()),
            is_whole=sent.keys() >= row.keys() - {without},
        )
        assert not wrong, (stream, key, wrong[:5])


def _as_it_is(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return row


def late_column(source: Bench) -> tuple[str, str]:
    """Give an incremental stream and a column of it that the first run leaves out."""
    for stream in source.incremental:
        facts, schema = source.facts(stream), schemas(source)[stream]
        needed = {*facts.keys, facts.replication_key, "_extra"}
        rows = source.truth(stream).values()
        for name in schema["properties"]:
            if name not in needed and all(row.get(name) not in (None, "", [], {}) for row in rows):
                return stream, name
    pytest.fail("no incremental stream has a column that is always filled")


def recent(source: Bench, tables: Tables, stream: str) -> int:
    """Count the rows that a second run may read again: the lookback, and a window before it."""
    key = source.facts(stream).replication_key
    least = Case.of(source.case.least_lookback, stream, LOOKBACK)
    since = source.end - max(least, LOOKBACK) - timedelta(days=4)
    return sum(moment(row[str(key)]) >= since for row in tables.rows(stream))


def killed(source: Bench, project: Project, *select: str) -> None:
    """Kill a run at random, but not before the tap asks.

    Meltano, killed while it makes its own database, never starts again.
    """
    source.server.latency = 0.2
    source.server.log.clear()
    pause = random.Random(source.name).uniform(0.2, 2)  # noqa: S311 - any moment will do
    code = project.kill(lambda: bool(source.server.log.entries), pause, *select)
    assert code == -signal.SIGKILL
    source.server.latency = 0
    # What Meltano hands to the tap is deleted at the end of a run; a killed one leaves it.
    secrets = secrets_of(source, project.settings)
    holding = {name for name, text in project.files().items() if leaked(text, secrets)}
    assert holding
    assert all(re.fullmatch(r"run/tap-\w+/tap\.[\w-]+\.config\.json", name) for name in holding)


def test_what_a_kill_leaves_is_mended_and_another_machine_goes_on(
    source: Bench, machines: list[Project], tables: Tables
) -> None:
    stream, column = late_column(source)
    largest = sorted(source.incremental, key=lambda name: -len(source.truth(name)))[:3]
    killed(source, machines[0], *(f"{name}.*" for name in largest), f"!{stream}.{column}")

    first = machines[0].run("*.*", f"!{stream}.{column}")
    assert first.code == 0, first.text
    before = tables.types()
    assert column not in before[stream]
    for name in source.streams:
        assert_rows(source, tables, name, without=column if name == stream else "")

    source.vendor.change(3)
    second = machines[1].run("*.*")
    assert second.code == 0, second.text
    grown = tables.types()
    for name, schema in schemas(source).items():
        wanted = {one: column_type(node) for one, node in schema["properties"].items()}
        assert grown[name] == wanted, name
        assert tables.keys()[name] == set(source.facts(name).keys), name
        late = column if name == stream else ""
        assert_rows(source, tables, name, without=late, since=source.end - LOOKBACK)
    filled = [row[column] is not None for row in tables.rows(stream)]
    assert any(filled)

    for name in source.incremental:
        assert second.loaded.get(name, 0) <= recent(source, tables, name), name
    again, held = (sum(run.loaded[name] for name in source.incremental) for run in (second, first))
    assert 0 < again < held
    assert sum(filled) <= second.loaded[stream]
