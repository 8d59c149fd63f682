from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tap_shared.errors import (
    CredentialsRefused,
    PleaseRetry,
    StreamFailed,
    TapError,
    TimedOut,
    Unreachable,
)
from tap_shared.http import Limits, Reply, Request
from tests.shared.asking import GET, OK, get, parse, transport
from tests.shared.raw_server import RawServer, reply


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
