"""Watermarks: kill a run anywhere, resume it, and the union is the source."""

from __future__ import annotations

import random
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.bench import Bench
from tests.contract.cases import Case
from tests.contract.conftest import OpenBench
from tests.contract.runner import Run, read_line
from tests.contract.truth import INSTANT, moment
from tests.contract.watermarks import Emitted, check_shape, watermarks

KILLS = 4


def test_every_state_has_the_contracts_shape(bench: Bench, full: Run) -> None:
    for state in full.states:
        check_shape(bench, state)


def test_no_watermark_runs_ahead_or_backwards(bench: Bench, full: Run) -> None:
    Emitted(bench, full).follow(full)


def test_states_are_written_window_by_window(bench: Bench, full: Run) -> None:
    assert len({str(state) for state in full.states}) > len(bench.incremental)


def test_every_stream_ends_at_the_upper_bound(bench: Bench, full: Run) -> None:
    end = bench.end.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    marks = watermarks(full.state or {})
    assert {stream for stream, _ in marks} >= set(bench.incremental)
    for place, mark in marks.items():
        assert mark <= end, place
        assert mark >= (bench.end - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), place


def test_without_end_date_it_ends_at_the_runs_start(bench: Bench, full: Run) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    run = bench.run(bench.open_config, state=full.state)
    after = datetime.now(UTC)
    assert run.code == 0, run.stderr
    lag = timedelta(hours=1)
    for place, mark in watermarks(run.state or {}).items():
        assert INSTANT.fullmatch(mark)
        assert before - lag <= moment(mark) <= after, place
    starts = {m for m in watermarks(run.state or {}).values() if before <= moment(m) <= after}
    assert len(starts) <= 1


@pytest.mark.slow
def test_killed_anywhere_and_resumed_nothing_is_lost(bench: Bench, full: Run) -> None:
    rng = random.Random(4242)  # noqa: S311 - no secret
    runs, state = [], None
    emitted = Emitted(bench, full)
    for _ in range(KILLS):
        after = rng.randrange(1, max(2, len(full.lines) * 2 // 3))
        run = bench.tap.stop(
            bench.config, after, signal.SIGKILL, state=state, catalog=bench.catalog()
        )
        emitted.follow(run, state)
        runs.append(run)
        state = run.state or state
    runs.append(bench.run(state=state))
    assert runs[-1].code == 0, runs[-1].stderr
    emitted.follow(runs[-1], state)
    union, whole = bench.by_identity(*runs), bench.by_identity(full)
    for stream in bench.streams:
        assert union[stream] == whole[stream], stream
    assert watermarks(runs[-1].state or {}) == watermarks(full.state or {})


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_writes_the_last_safe_state(
    bench: Bench, full: Run, signum: signal.Signals, code: int
) -> None:
    with bench.slow(0.03):
        stopped = bench.tap.stop(
            bench.config, len(full.lines) // 3, signum, catalog=bench.catalog()
        )
    assert stopped.code == code, stopped.stderr
    assert read_line(stopped.lines[-1])["type"] == "STATE"
    assert "Traceback" not in stopped.stderr
    assert len(stopped.lines) < len(full.lines)
    emitted = Emitted(bench, full)
    emitted.follow(stopped)
    rest = bench.run(state=stopped.state)
    emitted.follow(rest, stopped.state)
    assert rest.code == 0, rest.stderr
    assert bench.by_identity(stopped, rest) == bench.by_identity(full)


@pytest.mark.slow
def test_changes_and_late_rows_inside_the_lookback_arrive(another: OpenBench) -> None:
    changing = another()
    first = changing.run()
    assert first.code == 0, first.stderr
    for seed in (1, 2):
        changing.vendor.change(seed)
    second = changing.run(state=first.state)
    assert second.code == 0, second.stderr
    union = changing.by_identity(first, second)
    fresh = changing.by_identity(changing.run())
    since = changing.end - timedelta(days=int(str(changing.case.config["lookback"])[:-1]))
    for stream in changing.streams:
        key = changing.facts(stream).replication_key or ""
        within = [
            identity for identity, record in fresh[stream].items()
            for at in [record.get(key) or record.get("primary_timestamp")]
            if not at or moment(at) >= since
        ]  # fmt: skip
        missed = [identity for identity in within if identity not in union[stream]]
        assert not missed, f"{stream} misses new rows {missed[:3]}"
        stale = [i for i in within if union[stream][i] != fresh[stream][i]]
        assert not stale, f"{stream} misses changes of {stale[:3]}"
    assert union != changing.by_identity(first)


def test_an_incremental_run_reads_no_more_than_the_lookback(bench: Bench, full: Run) -> None:
    bench.server.log.clear()
    first = bench.run(catalog=bench.catalog(*bench.incremental))
    asked_first = len(bench.server.log.entries)
    bench.server.log.clear()
    second = bench.run(state=full.state, catalog=bench.catalog(*bench.incremental))
    assert len(bench.server.log.entries) < asked_first
    assert second.code == first.code == 0
    for stream in bench.incremental:
        least = Case.of(bench.case.least_lookback, stream, timedelta(0))
        lookback = max(least, timedelta(days=int(str(bench.case.config["lookback"])[:-1])))
        earliest = bench.end - lookback - timedelta(days=2)
        key = bench.facts(stream).replication_key or ""
        for record in second.records(stream):
            assert moment(record[key]) >= earliest, stream
    assert sum(b'"RECORD"' in line[:20] for line in second.lines) < sum(
        b'"RECORD"' in line[:20] for line in first.lines
    )


def bounded(bench: Bench) -> list[str]:
    """Give the streams whose records carry the instant that the vendor's range applies to."""
    schemas = {e["tap_stream_id"]: e["schema"] for e in bench.discovered["streams"]}
    return [
        stream
        for stream in bench.incremental
        for key in [bench.facts(stream).replication_key or ""]
        if schemas[stream]["properties"][key].get("format") == "date-time"
        and key not in {"window_end", "period_start"}
        and not Case.of(dict.fromkeys(bench.case.unbounded, True), stream, False)  # noqa: FBT003
    ]


def test_records_outside_the_asked_time_are_not_emitted(bench: Bench, full: Run) -> None:
    start, end = bench.vendor.now - timedelta(days=7), bench.vendor.now - timedelta(days=3)
    config: dict[str, Any] = {
        **bench.config, "start_date": start.isoformat(), "end_date": end.isoformat(),
    }  # fmt: skip
    streams = bounded(bench)
    run = bench.run(config, catalog=bench.catalog(*streams))
    assert run.code == 0, run.stderr
    found, whole = bench.by_identity(run), bench.by_identity(full)
    for stream in streams:
        key = bench.facts(stream).replication_key or ""
        within = {
            identity for identity, record in whole[stream].items()
            if record[key] and start <= moment(record[key]) < end
        }  # fmt: skip
        assert {i for i, record in found[stream].items() if record[key]} == within, stream
    assert set(watermarks(run.state or {}).values()) == {end.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


def test_a_run_with_nothing_to_read_keeps_the_bookmark(bench: Bench, full: Run) -> None:
    ahead = (bench.end + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    stream = bench.incremental[0]
    entry = (full.state or {})["bookmarks"][stream]
    parts = entry.get("partitions", [entry])
    moved = [{**part, "replication_key_value": ahead} for part in parts]
    state = {"bookmarks": {stream: {"partitions": moved} if "partitions" in entry else moved[0]}}
    run = bench.run(state=state, catalog=bench.catalog(stream))
    assert run.code == 0, run.stderr
    assert set(watermarks(run.state or {}).values()) == {ahead}
