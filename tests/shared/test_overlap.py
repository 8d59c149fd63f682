"""Lists are fetched before their turn; nothing else about them changes."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from contact_sandbox import Server
from tap_shared.errors import RunFailed
from tests.shared.tiny import Calls, Things, Tiny, TinyTap

LISTS = tuple(f"list_{n}" for n in range(8))
LATENCY = 0.15


def list_of(stream_name: str) -> type[Things]:
    return type(stream_name.title(), (Things,), {"name": stream_name})


class ManyLists(TinyTap):
    """Calls, and lists."""

    stream_types: ClassVar[Any] = (Calls, *map(list_of, LISTS))


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


def run(
    capfd: pytest.CaptureFixture[str], *, refused: Mapping[str, Any] | None = None, **changed: Any
) -> tuple[list[Any], float, Server, bool]:
    vendor = Tiny(refused=refused or {})
    with Server([vendor], latency=LATENCY) as server:
        config = {**vendor.settings(server.url("tiny")), "window": "10d", **changed}
        tap = ManyLists(config=config, validate_config=False)
        begun, succeeded = time.monotonic(), True
        try:
            tap.sync_all()
        except RunFailed:
            succeeded = False
        seconds = time.monotonic() - begun
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    told = [(m["type"], m.get("stream"), m.get("record", {}).get("id")) for m in lines]
    return told, seconds, server, succeeded


def test_lists_side_by_side_come_out_in_order(capfd: pytest.CaptureFixture[str]) -> None:
    alone, slow, first, _ = run(capfd, max_concurrency=1)
    together, quick, second, _ = run(capfd, max_concurrency=4)
    assert together == alone
    assert len(first.log.entries) == len(second.log.entries) == len(LISTS) + 1
    assert first.log.max_in_flight == 1
    assert second.log.max_in_flight <= 4
    assert slow > 9 * LATENCY
    assert quick < slow * 7 / 9


def test_an_error_waits_for_its_streams_turn(capfd: pytest.CaptureFixture[str]) -> None:
    told, _, _, succeeded = run(capfd, refused={"/things": (403, "")}, max_concurrency=4)
    assert not succeeded
    assert [name for kind, name, _ in told if kind == "SCHEMA"] == ["calls", *LISTS]
    assert {name for kind, name, _ in told if kind == "RECORD"} == {"calls"}


def test_which_streams_are_lists() -> None:
    tap = TinyTap(config={"start_date": "2024-01-01", "api_key": "k"}, validate_config=False)
    assert [name for name, stream in tap.streams.items() if stream.is_list] == ["things"]  # type: ignore[attr-defined]
