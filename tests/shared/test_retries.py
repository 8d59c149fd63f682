from __future__ import annotations

import gzip
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from contact_sandbox import Faults, Server, Vendor
from contact_sandbox import Reply as VendorReply
from contact_sandbox import Request as VendorRequest
from tap_shared.errors import (
    StreamFailed,
)
from tap_shared.http import Limits, Request
from tests.shared.asking import OK, get, parse, transport
from tests.shared.raw_server import RawServer, reply


@pytest.mark.parametrize(
    "fault",
    [
        reply(b"busy", "500 Oops"),
        reply(b"busy", "502 Bad Gateway"),
        reply(b"busy", "503 Unavailable"),
        reply(b"busy", "504 Timeout"),
        reply(b"busy", "408 Request Timeout"),
        reply(b"busy", "429 Too Many", ["Retry-After: 0"]),
        reply(b"<html>maintenance</html>"),
        reply(b'{"rows": [1'),
        reply(b'{"rows": [1]}', length=500) + b"",
        reply(b""),
        reply(b"[]"),
        reply(b"null"),
        reply(b"no gzip at all", headers=["Content-Encoding: gzip"]),
        reply(gzip.compress(b'{"rows": [1]}', mtime=0)[:-12], headers=["Content-Encoding: gzip"]),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a"',
        b"garbage that is no HTTP at all\r\n\r\n",
        b"",
    ],
    ids=str,
)  # fmt: skip
def test_each_kind_of_fault_is_tried_again(fault: bytes) -> None:
    # The connection ends behind the fault.
    closing = fault.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    with RawServer(closing, OK) as server:
        assert get(server) == {"rows": [1]}
        assert len(server.requests) == 2


@pytest.mark.parametrize("kind", ["429", "500", "502", "503", "reset", "truncate", "html", "slow",
                                  "invalid-json"])  # fmt: skip
def test_every_fault_of_the_sandbox_is_survived(kind: str) -> None:
    limits = Limits(attempts=6, timeout=5, backoff_seconds=0.02)
    with Server([Echo()], faults=Faults(rate=1.0, kinds=[kind])) as server:
        link = transport(server.url("echo"), limits)
        for number in range(2):
            params = (("n", str(number)),)
            assert link.send(Request("GET /e", "/e", params=params), parse)["n"] == str(number)
        assert not server.errors


class Echo(Vendor):
    """Says what it was asked."""

    name = "echo"
    streams = ()

    def handle(self, request: VendorRequest) -> VendorReply:
        return VendorReply(body={"n": request.param("n"), "text": "x" * 50})

    def settings(self, url: str) -> dict[str, Any]:
        return {"api_url": url}

    def expected(self, stream: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        return {(stream,): {}}

    def change(self, seed: int) -> None:
        self.seed = seed


def test_tries_are_counted_and_the_sentence_says_so() -> None:
    with RawServer(reply(b"body-secret", "500 Oops", ["X-Request-Id: abc-123"])) as server:
        with pytest.raises(StreamFailed) as failed:
            get(server)
        assert len(server.requests) == 3
    said = str(failed.value)
    assert "GET /things failed 3 times" in said
    assert "HTTP 500 (request id abc-123)" in said
    assert "secret" not in said
    assert "127.0.0.1" not in said


def test_no_further_try_begins_after_the_total_time() -> None:
    limits = Limits(attempts=100, total_seconds=0.3, backoff_seconds=0.2, timeout=1)
    begun = time.monotonic()
    with RawServer(reply(b"", "500 Oops")) as server:
        with pytest.raises(StreamFailed) as failed:
            get(server, limits)
        tries = len(server.requests)
    assert time.monotonic() - begun < 2
    assert tries < 100
    assert f"failed {tries} times" in str(failed.value)


def test_a_limit_that_never_resets_ends_too() -> None:
    limits = Limits(attempts=3, total_seconds=0.6, timeout=1)
    begun = time.monotonic()
    with (
        RawServer(reply(b"", "429 Too Many", ["Retry-After: 0"])) as server,
        pytest.raises(StreamFailed),
    ):
        get(server, limits)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        ("1.5", 1.5),
        ("-5", 0),
        ("31536000", 31536000),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
        ("Mon, 01 Jan 99999 00:00:00 GMT", None),
        ("120, 60", None),
    ],
)
def test_retry_after_in_both_forms_and_in_nonsense(said: str, seconds: float | None) -> None:
    with RawServer(reply(headers=[f"Retry-After: {said}"])) as server:
        found = get(server, reader=lambda answer: answer.retry_after)
    assert found == seconds


@pytest.mark.parametrize("zone", [" GMT", " +0000", ""])
def test_retry_after_as_a_date_is_relative_to_now(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30)).removesuffix(" +0000")
        with RawServer(reply(headers=[f"Retry-After: {soon}{zone}"])) as server:
            found = get(server, reader=lambda answer: answer.retry_after)
        assert 25 < found <= 30
    finally:
        monkeypatch.undo()
        time.tzset()


def test_retry_after_is_obeyed() -> None:
    for status in ("429 Too Many", "503 Unavailable"):
        begun = time.monotonic()
        with RawServer(reply(b"", status, ["Retry-After: 1"]), OK) as server:
            assert get(server) == {"rows": [1]}
        assert 1 <= time.monotonic() - begun < 2


@pytest.mark.parametrize("status", ["429 Too Many", "503 Unavailable"])
def test_too_long_a_wait_ends_the_request_at_once(status: str) -> None:
    with RawServer(reply(b"", status, ["Retry-After: 31536000"])) as server:
        with pytest.raises(StreamFailed, match="asks to wait 31536000 s"):
            get(server)
        assert len(server.requests) == 1
