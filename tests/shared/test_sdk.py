"""What is used of the SDK's private parts, and the way without them."""

from __future__ import annotations

import inspect
import json
import logging
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from singer_sdk import Tap
from singer_sdk.streams.core import Stream

from contact_sandbox import Server
from tap_shared import sdk, stream
from tap_shared.errors import RunFailed
from tests.shared.tiny import DAYS, SITES, Tiny, TinyTap

ROWS = DAYS * 24
FIRST, LAST = "2024-01-01T00:00:00.000000Z", "2024-01-11T00:00:00.000000Z"


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


@pytest.fixture
def unverified(monkeypatch: pytest.MonkeyPatch, logs_as_before: None) -> None:  # noqa: ARG001
    monkeypatch.setattr(stream, "is_verified", lambda: False)


def lines(
    capfd: pytest.CaptureFixture[str], vendor: Tiny, *, state: Any = None, **changed: Any
) -> tuple[list[Mapping[str, Any]], bool]:
    """Run the tap in this process; give its messages, and whether it succeeded."""
    with Server([vendor]) as server:
        config = {**vendor.settings(server.url("tiny")), **changed}
        tap = TinyTap(config=config, state=state, validate_config=False)
        try:
            tap.sync_all()
            succeeded = True
        except RunFailed:
            succeeded = False
        tap.message_writer.flush()
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()], succeeded


def records(messages: list[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    return [(m["stream"], m["record"]) for m in messages if m["type"] == "RECORD"]


def bookmarks(messages: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [m["value"].get("bookmarks", {}) for m in messages if m["type"] == "STATE"]


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in sdk.HOOKS.items() for name in names]
)
def test_the_sdk_has_what_is_replaced(owner: type, name: str) -> None:
    assert hasattr(owner, name)


def test_the_loop_over_records_is_called_as_we_define_it() -> None:
    for hook in ("_sync_records", "_sync_batches", "_increment_stream_state"):
        theirs = inspect.signature(getattr(Stream, hook)).parameters
        assert list(theirs) == list(inspect.signature(getattr(stream.ApiStream, hook)).parameters)
    assert "_sync_records(" in inspect.getsource(Stream.sync)
    assert "_generate_schema_messages(" in inspect.getsource(Stream._write_schema_message)
    assert not inspect.signature(Tap.sync_all).parameters.keys() - {"self"}


def test_only_the_pinned_minor_version_is_taken_as_known(monkeypatch: pytest.MonkeyPatch) -> None:
    project = Path(sdk.__file__).parents[1] / "pyproject.toml"
    needed = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    assert any(one.startswith(f"singer-sdk~={sdk.VERIFIED}.") for one in needed)
    for installed, known in ((version("singer-sdk"), True), ("0.540.1", False), ("1.0", False)):
        monkeypatch.setattr(sdk, "version", lambda _name, given=installed: given)
        sdk.is_verified.cache_clear()
        assert sdk.is_verified() is known
    sdk.is_verified.cache_clear()


def test_a_part_that_is_gone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "HOOKS", {Stream: ("_sync_records_renamed",)})
    sdk.is_verified.cache_clear()
    assert not sdk.is_verified()
    sdk.is_verified.cache_clear()


@pytest.mark.usefixtures("logs_as_before")
@pytest.mark.parametrize("more", [{}, {"pii": "hash", "pii_salt": "s"}, {"max_concurrency": 1}])
def test_both_ways_write_the_same_records_and_end_in_the_same_state(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    by_page, _ = lines(capfd, Tiny(), **more)
    monkeypatch.setattr(stream, "is_verified", lambda: False)
    by_record, succeeded = lines(capfd, Tiny(), **more)
    assert succeeded
    assert len(records(by_record)) == ROWS * (1 + len(SITES)) + 3
    assert json.dumps(records(by_record)) == json.dumps(records(by_page))
    told = {name: entry for name, entry in bookmarks(by_record)[-1].items() if entry}
    assert told == bookmarks(by_page)[-1]


@pytest.mark.usefixtures("unverified")
def test_a_watermark_is_the_end_of_a_window_and_never_ahead_of_its_records(
    capfd: pytest.CaptureFixture[str],
) -> None:
    messages, _ = lines(capfd, Tiny())
    seen = ""
    marks = []
    for message in messages:
        if message["type"] == "RECORD" and message["stream"] == "calls":
            seen = message["record"]["at"]
        elif message["type"] == "STATE" and "calls" in (told := message["value"]["bookmarks"]):
            assert "progress_markers" not in told["calls"]
            value = told["calls"].get("replication_key_value", "")
            marks.append(value)
            assert value <= seen or value[:10] == f"2024-01-{int(seen[8:10]) + 1:02d}"
    assert marks == sorted(marks)
    assert f"{FIRST[:8]}05T00:00:00.000000Z" in marks
    assert marks[-1] == LAST


@pytest.mark.usefixtures("unverified")
def test_a_failure_keeps_the_watermark_before_it(capfd: pytest.CaptureFixture[str]) -> None:
    broken = {"/calls": (400, "2024-01-04")}
    messages, succeeded = lines(capfd, Tiny(refused=broken), max_concurrency=1)
    assert not succeeded
    state = bookmarks(messages)[-1]
    assert state["calls"]["replication_key_value"] == "2024-01-04T00:00:00.000000Z"
    assert len([1 for name, _ in records(messages) if name == "visits"]) == ROWS * len(SITES)
    again, succeeded = lines(capfd, Tiny(), state={"bookmarks": state})
    assert succeeded
    found = {r["id"] for name, r in [*records(messages), *records(again)] if name == "calls"}
    assert found == set(range(ROWS))
