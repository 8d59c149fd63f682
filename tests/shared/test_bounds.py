from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterable

import pytest

from tap_shared.errors import (
    StreamFailed,
    Unreachable,
    WindowTooLarge,
)
from tap_shared.http import Limits, Request
from tests.shared.asking import GET, OK, get, parse, transport
from tests.shared.raw_server import RawServer, dripping, reply


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
