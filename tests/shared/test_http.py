from __future__ import annotations

import gzip
import json
import logging
import time
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from contact_sandbox import Faults, Server, Vendor
from contact_sandbox import Reply as VendorReply
from contact_sandbox import Request as VendorRequest
from tap_shared.errors import (
    CredentialsRefused,
    PleaseRetry,
    StreamFailed,
    TapError,
    TimedOut,
    Unreachable,
    WindowTooLarge,
)
from tap_shared.http import Limits, Reply, Request, Transport, gateway_faults
from tap_shared.page import decode
from tap_shared.rate_limit import RateLimit
from tests.shared.raw_server import RawServer, dripping, reply

GET = Request("GET /things", "/things", params=(("token", "query-secret"),))
LIMITS = Limits(attempts=3, timeout=1, attempt_seconds=2, backoff_seconds=0.02, body_bytes=1 << 20)
SECRET = {"Authorization": "Bearer sandbox-credential"}


def faults(answer: Reply) -> None:
    gateway_faults(answer)
    if answer.status >= 300:
        raise StreamFailed(f"HTTP {answer.status}")


def transport(url: str, limits: Limits = LIMITS, headers: Any = None) -> Transport:
    return Transport(
        url,
        headers=SECRET if headers is None else headers,
        gate=RateLimit(in_flight=8),
        limits=limits,
        logger=logging.getLogger("http-test"),
        faults=faults,
    )


def parse(answer: Reply) -> Any:
    return decode(answer.body, dict)


def get(
    server: RawServer, limits: Limits = LIMITS, request: Request = GET,
    reader: Callable[[Reply], Any] = parse,
) -> Any:  # fmt: skip
    return transport(server.url, limits).send(request, reader)


OK = reply(b'{"rows": [1]}')


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


def test_a_redirect_on_the_same_host_is_followed_with_the_credentials() -> None:
    with RawServer(reply(b"", "301 Moved", ["Location: /elsewhere?x=1"]), OK) as server:
        assert get(server) == {"rows": [1]}
        assert server.requests[1].startswith("GET /elsewhere?x=1 HTTP")
        assert "Bearer sandbox-credential" in server.requests[1]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 T", "308 P"])
def test_a_redirect_to_another_host_is_refused_and_no_credential_goes_there(status: str) -> None:
    with RawServer(OK) as other:
        with (
            RawServer(reply(b"", status, [f"Location: {other.url}/x?a=query-secret"])) as server,
            pytest.raises(StreamFailed, match="redirects to another host") as failed,
        ):
            get(server)
        assert other.requests == []
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:99999/", "http://[::1", "//evil.example/x", "https://127.0.0.1/",
     "ftp://127.0.0.1/", "javascript:alert(1)", "http://127.0.0.1:port/", "\x7f", "http://"],
)  # fmt: skip
def test_a_strange_redirect_ends_the_request_with_a_sentence(location: str) -> None:
    with (
        RawServer(reply(b"", "302 Found", [f"Location: {location}"])) as server,
        pytest.raises(StreamFailed),
    ):
        get(server)


def test_the_body_of_a_redirect_is_not_read() -> None:
    sent = 0

    def endless(_request: str) -> Iterable[bytes]:
        nonlocal sent
        yield reply(b"", "302 Found", ["Location: /elsewhere"], length=1 << 32)
        while sent < 200 << 20:
            sent += 65536
            yield b" " * 65536

    with RawServer(endless, OK) as server:
        assert get(server) == {"rows": [1]}
    assert sent < 50 << 20


def test_a_chain_of_redirects_is_bounded() -> None:
    with RawServer(reply(b"", "302 Found", ["Location: /again"])) as server:
        with pytest.raises(StreamFailed, match="more than 3 redirects"):
            get(server)
        assert len(server.requests) == 4


def test_an_absolute_path_on_another_host_is_refused() -> None:
    with RawServer(OK) as other, RawServer(OK) as server:
        request = Request("GET next page", f"{other.url}/next?cursor=query-secret")
        with pytest.raises(StreamFailed, match="another host") as failed:
            get(server, request=request)
        assert other.requests == []
        assert "secret" not in str(failed.value)
        assert get(server, request=Request("GET next", f"{server.url}/next")) == {"rows": [1]}


def test_a_gzipped_answer_is_read() -> None:
    packed = gzip.compress(json.dumps({"text": "x" * 100_000}).encode())
    with RawServer(reply(packed, headers=["Content-Encoding: gzip"])) as server:
        assert len(get(server)["text"]) == 100_000
        assert "Accept-Encoding: gzip" in server.requests[0]


def test_a_decompression_bomb_is_refused_early() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(bomb.compress(b" " * (1 << 20)) for _ in range(300)) + bomb.flush()
    with (
        RawServer(reply(packed, headers=["Content-Encoding: gzip"])) as server,
        pytest.raises(StreamFailed, match="larger than 1 MiB"),
    ):
        get(server)


@pytest.mark.parametrize("encoding", ["length", "chunked"])
def test_a_huge_answer_is_refused_without_reading_it_all(encoding: str) -> None:
    sent = 0

    def endless(_request: str) -> Iterable[bytes]:
        nonlocal sent
        chunked = encoding == "chunked"
        head = "Transfer-Encoding: chunked" if chunked else "Content-Length: 9999999999"
        yield f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode()
        block = b" " * 65536
        while sent < 200 << 20:
            sent += len(block)
            yield block if encoding == "length" else b"10000\r\n" + block + b"\r\n"

    with RawServer(endless) as server, pytest.raises(StreamFailed, match="larger than 1 MiB"):
        get(server)
    assert sent < 50 << 20


@pytest.mark.parametrize("encoding", ["length", "chunked", "gzip"])
def test_a_dripping_answer_is_cut_off(encoding: str) -> None:
    body = gzip.compress(bytes(range(256)) * 40) if encoding == "gzip" else b"x" * 1000
    fields = ["Content-Encoding: gzip"] if encoding == "gzip" else []
    head = reply(b"", length=len(body), headers=fields)
    if encoding == "chunked":
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n"

    def slow(_request: str) -> Iterable[bytes]:
        yield head
        yield from dripping(body, 0.05)

    begun = time.monotonic()
    limits = Limits(attempts=1, timeout=1, attempt_seconds=0.5)
    with RawServer(slow) as server, pytest.raises(StreamFailed, match="longer than"):
        get(server, limits)
    assert time.monotonic() - begun < 3


def without_end(head: bytes, more: bytes, pause: float = 0.02) -> Iterable[bytes]:
    """Give a head, and more for much longer than a test takes."""
    begun = time.monotonic()
    yield head
    while time.monotonic() - begun < 8:
        yield from dripping(more, pause) if pause else [more]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS: dict[str, Callable[[], Iterable[bytes]]] = {
    "status line": lambda: without_end(b"HTTP/1.1 200 OK", b" "),
    "header": lambda: without_end(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "interim answers": lambda: without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 9, 0),
    "length of a chunk": lambda: without_end(CHUNKED, b"0"),
    "trailer": lambda: without_end(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n"),
}


@pytest.mark.parametrize(
    ("what", "way"), [*((what, "direct") for what in ENDLESS), ("header", "proxy")]
)
def test_a_head_that_never_ends_is_cut_off(
    what: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(attempts=2, timeout=1, attempt_seconds=0.4, backoff_seconds=0.01)
    begun = time.monotonic()
    with RawServer(lambda _request: ENDLESS[what]()) as server:
        if way == "proxy":
            monkeypatch.setenv("http_proxy", server.url)
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
        url = "http://vendor.invalid" if way == "proxy" else server.url
        with pytest.raises((StreamFailed, Unreachable), match="failed 2 times"):
            transport(url, limits).send(GET, parse)
        assert len(server.requests) == 2
    assert time.monotonic() - begun < 4


def test_what_is_left_of_an_attempt_bounds_the_wait_for_a_byte() -> None:
    def stopping(_request: str) -> Iterable[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        time.sleep(5)

    limits = Limits(attempts=1, timeout=60, attempt_seconds=0.3)
    begun = time.monotonic()
    with RawServer(stopping) as server, pytest.raises(Unreachable, match="no answer in time"):
        get(server, limits)
    assert time.monotonic() - begun < 2


def test_a_silent_vendor_times_out() -> None:
    def silent(_request: str) -> Iterable[bytes]:
        time.sleep(3)
        yield OK

    limits = Limits(attempts=2, timeout=0.2, backoff_seconds=0.01)
    begun = time.monotonic()
    with RawServer(silent) as server, pytest.raises(Unreachable, match="no answer in time"):
        get(server, limits)
    assert time.monotonic() - begun < 2


def test_a_window_that_times_out_twice_is_to_be_halved() -> None:
    request = Request("GET /calls", "/calls", is_window=True)
    with RawServer(reply(b"", "504 Gateway Timeout")) as server:
        with pytest.raises(WindowTooLarge):
            get(server, Limits(attempts=8, timeout=1, backoff_seconds=0.01), request)
        assert len(server.requests) == 2


def test_a_connection_is_used_again() -> None:
    with RawServer(OK) as server:
        link = transport(server.url)
        for _ in range(10):
            assert link.send(GET, parse) == {"rows": [1]}
        assert server.connections == 1
        assert link.requests == 10


def test_a_connection_with_bytes_left_unread_is_not_used_again() -> None:
    def refuse(_answer: Reply) -> Any:
        raise StreamFailed("no")

    with RawServer(reply(b"x" * 100_000)) as server:
        link = transport(server.url)
        for _ in range(3):
            with pytest.raises(StreamFailed, match="no"):
                link.send(GET, refuse)
        assert server.connections == 3


def test_cookies_are_never_sent_back() -> None:
    with RawServer(reply(headers=["Set-Cookie: session=abc; Path=/"])) as server:
        link = transport(server.url)
        link.send(GET, parse)
        link.send(GET, parse)
        assert "ookie" not in "".join(server.requests)


def test_netrc_does_not_replace_the_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login evil password evil\n")
    monkeypatch.setenv("NETRC", str(file))
    with RawServer(OK) as server:
        get(server)
        assert "Authorization: Bearer sandbox-credential" in server.requests[0]


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(OK) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        link = transport("http://vendor.invalid")
        assert link.send(GET, parse) == {"rows": [1]}
        assert proxy.requests[0].startswith("GET http://vendor.invalid/things?token=")


def test_no_proxy_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(OK) as proxy, RawServer(OK) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        get(server)
        assert proxy.requests == []


@pytest.mark.parametrize(
    "value", ["key\r\nX-Evil: 1", "key\nX-Evil: 1", "k\u20acy", "k\udce4y", "key\0", "\tkey"]
)
def test_a_credential_that_no_header_can_carry_is_refused_and_not_shown(value: str) -> None:
    with RawServer(OK) as server:
        with pytest.raises(CredentialsRefused, match="HTTP header") as refused:
            transport(server.url, headers={"x-api-key": value}).send(GET, parse)
        assert server.requests == []
    assert "X-Evil" not in str(refused.value)


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"body-secret", "500 Oops"),
        reply(b"body-secret"),
        reply(b'{"a": "body-secret"'),
        reply(b"body-secret", headers=["Content-Encoding: gzip"]),
        b"HTTP/1.1 200 OK\r\nbroken header line body-secret\r\nContent-Length: 3\r\n\r\nabc",
        b"",
    ],
    ids=str,
)
def test_no_query_and_no_body_reaches_an_error_or_a_log(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with RawServer(answer) as server, pytest.raises(TapError) as failed:
        get(server, Limits(attempts=2, timeout=1, backoff_seconds=0.01))
    told = str(failed.value) + caplog.text + repr(failed.value.__cause__)
    assert "query-secret" not in told
    assert "body-secret" not in told


def test_a_vendor_that_is_not_there_is_told_without_the_query() -> None:
    with RawServer(OK) as server:
        url = server.url
    with pytest.raises(Unreachable, match=r"the connection failed.*127\.0\.0\.1") as failed:
        transport(url, Limits(attempts=1)).send(GET, parse)
    assert "query-secret" not in str(failed.value)


def test_what_is_posted_arrives_as_json_or_as_a_form() -> None:
    with RawServer(OK) as server:
        get(server, request=Request("POST /x", "/x", "POST", body={"a": "ü"}))
        get(server, request=Request("POST /x", "/x", "POST", body={"a": "ü&"}, form=True))
    assert server.requests[0].encode("latin-1").decode().endswith('{"a": "ü"}')
    assert "Content-Type: application/json" in server.requests[0]
    assert server.requests[1].endswith("a=%C3%BC%26")


def test_an_opened_answer_streams_and_is_closed_by_the_caller() -> None:
    with RawServer(reply(b"x" * 3_000_000)) as server:
        link = transport(server.url)
        answer = link.open(GET)
        assert sum(map(len, answer.blocks(is_bounded=False))) == 3_000_000
        answer.close()
        assert server.connections == 1
        with pytest.raises(StreamFailed):
            _ = link.open(GET).body


def test_an_opened_answer_that_is_cut_says_so() -> None:
    def cut(_request: str) -> Iterable[bytes]:
        yield reply(b"x" * 10, length=20)

    with RawServer(lambda request: list(cut(request)), b"") as server:
        server.answers[0] = reply(b"x" * 10, length=20, headers=["Connection: close"])
        answer = transport(server.url).open(GET)
        with pytest.raises(PleaseRetry) as failed:
            _ = answer.body
    assert not isinstance(failed.value, TimedOut)


def test_a_vendor_that_answered_once_fails_the_stream_alone() -> None:
    """Only a run without any answer is hopeless as a whole."""
    with RawServer(OK, b"") as server:
        link = transport(server.url, Limits(attempts=2, timeout=1, backoff_seconds=0.01))
        link.send(GET, parse)
        with pytest.raises(StreamFailed, match="failed 2 times"):
            link.send(GET, parse)
