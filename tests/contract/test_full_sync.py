"""A run of all streams: nothing lost, nothing invented, everything as it was sent."""

from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

from tests.contract.bench import Bench, Record
from tests.contract.cases import Case
from tests.contract.runner import Run, announced, without_time
from tests.contract.truth import differences, validator


def test_every_key_of_the_vendor_arrives_and_no_other(bench: Bench, full: Run) -> None:
    for stream in bench.streams:
        truth = Counter(bench.wire_signs(stream))
        found = Counter(bench.sign(stream, record) for record in full.records(stream))
        assert truth, f"the imitation has no rows of {stream}"
        assert not truth - found, f"{stream} lost rows: {list(truth - found)[:3]}"
        assert not found - truth, f"{stream} invented rows: {list(found - truth)[:3]}"


def test_no_key_comes_twice(bench: Bench, full: Run) -> None:
    for stream in bench.streams:
        keys = bench.facts(stream).keys
        counts = Counter(tuple(r[key] for key in keys) for r in full.records(stream))
        assert counts.most_common(1)[0][1] == 1, stream
        assert all(value is not None for row in counts for value in row), stream


def _as_it_is(row: Record) -> Record:
    return row


def test_every_field_arrives_as_it_was_sent(bench: Bench, full: Run) -> None:
    zone, schemas = ZoneInfo(bench.case.zone), announced(full)
    compared = 0
    for stream, records in bench.by_identity(full).items():
        wire = Case.of(bench.case.wire, stream, _as_it_is)
        if wire is None:
            continue
        misfits = Case.of(bench.case.misfits, stream, frozenset[str]())
        masked = Case.of(bench.case.masked, stream, frozenset[str]())
        for key, sent in bench.truth(stream).items():
            row = wire(sent)
            wrong = differences(
                records[key],
                row,
                schemas[stream],
                zone=zone,
                misfits=misfits,
                masked=masked,
                is_whole=row.keys() >= sent.keys(),
            )
            assert not wrong, (stream, key, wrong[:5])
            compared += 1
    assert compared > 100


def test_undeclared_fields_are_kept_and_told(full: Run) -> None:
    kept = {
        m["stream"] for m in full.messages if m["type"] == "RECORD" and m["record"].get("_extra")
    }
    assert kept
    warned = "\n".join(full.said("WARNING"))
    for stream in kept:
        assert f"'{stream}' received" in warned


def test_every_message_is_valid_and_every_instant_of_one_width(bench: Bench, full: Run) -> None:
    schemas = announced(full)
    assert schemas.keys() == set(bench.streams)
    checks = {stream: validator(schema) for stream, schema in schemas.items()}
    for message in full.messages:
        if message["type"] == "RECORD":
            error = next(checks[message["stream"]].iter_errors(message["record"]), None)
            assert error is None, (message["stream"], list(error.path), error.message[:200])


def test_what_is_announced_is_what_was_discovered(bench: Bench, full: Run) -> None:
    discovered = {e["tap_stream_id"]: e["schema"] for e in bench.discovered["streams"]}
    for message in full.messages:
        if message["type"] == "SCHEMA":
            stream = message["stream"]
            assert message["schema"]["properties"] == discovered[stream]["properties"]
            assert tuple(message["key_properties"]) == bench.facts(stream).keys
            assert message.get("bookmark_properties") in (
                [bench.facts(stream).replication_key],
                [] if not bench.facts(stream).replication_key else ...,
                None if not bench.facts(stream).replication_key else ...,
            )


def test_a_schema_comes_before_its_records_and_once(bench: Bench, full: Run) -> None:
    seen: set[str] = set()
    for message in full.messages:
        if message["type"] == "SCHEMA":
            assert message["stream"] not in seen
            seen.add(message["stream"])
        elif message["type"] == "RECORD":
            assert message["stream"] in seen
            assert message["time_extracted"]
    assert seen == set(bench.streams)


def test_no_traceback_and_no_error_in_a_sound_run(full: Run) -> None:
    assert "Traceback" not in full.stderr
    assert not full.said("ERROR")


def test_concurrency_alone_changes_not_a_byte(bench: Bench, full: Run) -> None:
    bench.server.log.clear()
    run = bench.run({**bench.config, "max_concurrency": 8})
    assert run.code == 0, run.stderr
    assert without_time(run.lines) == without_time(full.lines)
    assert bench.server.log.max_in_flight <= 8


def test_no_more_requests_in_flight_than_set(bench: Bench) -> None:
    bench.server.log.clear()
    with bench.slow(0.01):
        run = bench.run(
            {**bench.config, "max_concurrency": 2}, catalog=bench.catalog(*bench.incremental[:2])
        )
    assert run.code == 0, run.stderr
    assert bench.server.log.max_in_flight <= 2
