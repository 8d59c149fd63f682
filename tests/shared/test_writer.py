from __future__ import annotations

import datetime as dt
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from singer_sdk.singerlib.encoding.simple import SimpleSingerWriter
from singer_sdk.singerlib.messages import (
    ActivateVersionMessage,
    RecordMessage,
    SchemaMessage,
    StateMessage,
)

from tap_shared.errors import Terminated
from tap_shared.writer import PageWriter, encode_record, storable

NOW = dt.datetime(2024, 1, 5, 13, 22, 7, 120000, tzinfo=dt.UTC)
texts = st.text(st.characters(exclude_characters="\0"), max_size=12)  # `decode` takes NUL out
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | texts
    | st.sampled_from(["\ud83d", "\n", "\u2028", '"', "\\", 2**63, 2**64, -(2**63) - 1]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
records = st.dictionaries(texts, json_values, max_size=5)
tame = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abü"), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def parse(line: bytes | str) -> Any:
    """Parse a line strictly: no NaN, no lone surrogate, no NUL."""
    text = line.decode() if isinstance(line, bytes) else line
    value = json.loads(text, parse_constant=refuse)
    assert "\0" not in str(value)
    json.dumps(value, ensure_ascii=False).encode()
    return value


class Captured(io.StringIO):
    """A standard output that is no file."""

    def lines(self) -> list[Any]:
        text = self.getvalue()
        assert not text or text.endswith("\n")
        return [parse(line) for line in text.split("\n")[:-1]]


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch) -> Captured:
    captured = Captured()
    monkeypatch.setattr("tap_shared.writer.sys", SimpleNamespace(stdout=captured))
    return captured


@given(records)
@example({"a": Decimal("NaN")})
@example({"a": Decimal("Infinity"), "b": "NaN"})
@example({"a": [float("nan"), float("-inf")]})
@example({"a": "\ud83d", "b": Decimal("1.25"), "c": 2**70})
def test_any_value_becomes_one_line_of_strict_json(record: dict[str, Any]) -> None:
    line = encode_record(record)
    assert b"\n" not in line
    found = parse(line)
    assert list(found) == list(dict.fromkeys(storable(name) for name in record))


def test_a_number_stays_a_number_beside_a_broken_text() -> None:
    found = parse(encode_record({"a": "\ud83d", "b": Decimal("1.25"), "c": 2**70, "d": 0.1}))
    assert found == {"a": "\ufffd", "b": 1.25, "c": 2**70, "d": 0.1}


@given(tame)
def test_what_the_sdk_writes_reads_the_same_as_what_we_write(value: Any) -> None:
    message = RecordMessage("calls", {"x": value}, None, NOW)
    theirs = SimpleSingerWriter().serialize_message(message)
    ours = PageWriter().serialize_message(message)
    assert json.loads(ours, parse_float=Decimal) == json.loads(theirs, parse_float=Decimal)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.text("ab\n"), tame), max_size=6), st.none() | st.integers(0, 9))
def test_a_page_reads_the_same_as_the_sdks_lines(
    out: Captured, page: list[dict[str, Any]], version: int | None
) -> None:
    out.seek(0)
    out.truncate()
    writer = PageWriter()
    writer.write_page('cal"ls', page, NOW.isoformat(), version)
    writer.flush()
    sdk = SimpleSingerWriter()
    theirs = [sdk.serialize_message(RecordMessage('cal"ls', one, version, NOW)) for one in page]
    assert out.lines() == [json.loads(line) for line in theirs]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(records, max_size=6))
def test_a_page_of_anything_is_whole_lines(out: Captured, page: list[dict[str, Any]]) -> None:
    out.seek(0)
    out.truncate()
    writer = PageWriter()
    writer.write_page("calls", page, NOW.isoformat())
    writer.flush()
    assert [line["type"] for line in out.lines()] == ["RECORD"] * len(page)


def test_a_page_with_a_broken_text_keeps_its_numbers(out: Captured) -> None:
    writer = PageWriter()
    rows = [{"a": "\ud83d", "b": Decimal("1.25")}, {"a": "x", "b": 2**70}]
    writer.write_page("calls", rows, NOW.isoformat(), 3)
    writer.flush()
    assert [line["record"] for line in out.lines()] == [
        {"a": "\ufffd", "b": 1.25}, {"a": "x", "b": 2**70},
    ]  # fmt: skip
    assert [line["version"] for line in out.lines()] == [3, 3]


@pytest.mark.parametrize(
    "message",
    [
        SchemaMessage("calls", {"type": "object", "properties": {"a": {}}}, ["id"], ["date"]),
        SchemaMessage("calls", {"description": "ü \u2028"}, []),
        StateMessage({"bookmarks": {"calls": {"replication_key_value": "2024"}}}),
        ActivateVersionMessage("calls", 5),
        RecordMessage("calls", {"day": NOW.date(), "none": None}, 7, NOW),
        RecordMessage("calls", {}),
    ],
    ids=["schema", "schema of text", "state", "version", "record of times", "empty record"],
)
def test_every_kind_of_message_reads_like_the_sdks(message: Any, out: Captured) -> None:
    writer = PageWriter()
    writer.write_message(message)
    writer.flush()
    assert out.lines() == [json.loads(SimpleSingerWriter().serialize_message(message))]


def test_a_state_goes_out_at_once_behind_the_records_before_it(out: Captured) -> None:
    writer = PageWriter()
    writer.write_page("calls", [{"id": 1}], NOW.isoformat())
    assert out.getvalue() == ""
    writer.write_message(StateMessage({}))
    assert [line["type"] for line in out.lines()] == ["RECORD", "STATE"]


def test_pages_are_written_before_they_pile_up(out: Captured) -> None:
    writer = PageWriter()
    for _ in range(100):
        writer.write_page("calls", [{"text": "x" * 1000}] * 10, NOW.isoformat())
    assert len(out.getvalue()) > 700_000
    assert len(writer._pending) < 300_000


def test_deep_values_are_written() -> None:
    value: Any = 5
    for _ in range(150):
        value = {"a": [value]}
    assert parse(encode_record(value)) == value
    assert parse(encode_record({"a": value, "b": "\ud83d"}))["a"] == value


# Over a real pipe

SCRIPT = """
import signal, sys
from tap_shared.errors import Terminated
from tap_shared.writer import PageWriter
writer = PageWriter()
signal.signal(signal.SIGTERM, lambda number, frame: writer.interrupt(number))
signals = number = 0
while number < 20:
    try:
        rows = [{"page": number, "row": row, "text": "x" * 997} for row in range(300)]
        number += 1
        writer.write_page("calls", rows, "2024-01-05T00:00:00+00:00")
        writer.flush()
    except Terminated:
        signals += 1
while True:
    try:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        writer.flush()
        break
    except Terminated:
        signals += 1
print(signals, file=sys.stderr)
"""


def child(script: str, **more: Any) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment, **more,
    )  # fmt: skip


def slowly(pipe: int, pause: float) -> Iterator[bytes]:
    while piece := os.read(pipe, 30_000):
        time.sleep(pause)
        yield piece


def test_every_line_is_whole_though_signals_rain_on_a_slow_pipe() -> None:
    process = child(SCRIPT)
    assert process.stdout is not None
    assert process.stderr is not None
    ended = threading.Event()

    def rain() -> None:
        while not ended.is_set() and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.003)

    thread = threading.Thread(target=rain)
    pieces = slowly(process.stdout.fileno(), 0.001)
    received = next(pieces)  # the handler stands once something comes
    thread.start()
    received += b"".join(pieces)
    ended.set()
    thread.join()
    process.wait(10)
    said = process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    assert process.returncode == 0, said
    assert int(said) > 5
    lines = [parse(line) for line in received.split(b"\n")[:-1]]
    places = [(line["record"]["page"], line["record"]["row"]) for line in lines]
    assert places == sorted(set(places))
    assert all(len(line["record"]["text"]) == 997 for line in lines)


def test_a_pipe_that_does_not_block_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    script = """
from tap_shared.writer import PageWriter
writer = PageWriter()
writer.write_page("calls", [{"text": "x" * 1000}] * 3000, "2024-01-05T00:00:00+00:00")
writer.flush()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=writing, stderr=subprocess.DEVNULL, env=environment
    )
    os.close(writing)
    received = b"".join(slowly(reading, 0.0005))
    os.close(reading)
    assert process.wait(10) == 0
    assert len([parse(line) for line in received.splitlines()]) == 3000


def test_a_closed_pipe_is_an_error_of_its_own() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    saved = os.dup(1)
    try:
        os.dup2(writing, 1)
        writer = PageWriter()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", os.fdopen(os.dup(1), "w"))
            with pytest.raises(BrokenPipeError):
                writer.write_message(StateMessage({}))
            sys.stdout.close()
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(writing)


def test_a_signal_while_nothing_is_written_stops_at_once(out: Captured) -> None:
    writer = PageWriter()
    writer.write_page("calls", [{"id": 1}], NOW.isoformat())
    with pytest.raises(Terminated) as stopped:
        writer.interrupt(signal.SIGTERM)
    assert stopped.value.signum == signal.SIGTERM
    writer.flush()
    assert len(out.lines()) == 1


def test_a_signal_while_lines_go_out_waits_for_their_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = PageWriter()

    class Interrupted(Captured):
        def write(self, text: str, /) -> int:
            writer.interrupt(signal.SIGINT)
            return super().write(text)

    captured = Interrupted()
    monkeypatch.setattr("tap_shared.writer.sys", SimpleNamespace(stdout=captured))
    writer.write_page("calls", [{"id": 1}, {"id": 2}], NOW.isoformat())
    with pytest.raises(Terminated):
        writer.flush()
    assert len(captured.lines()) == 2
    assert not writer._pending
