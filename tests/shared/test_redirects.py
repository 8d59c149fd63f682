from __future__ import annotations

from collections.abc import Iterable

import pytest

from tap_shared.errors import (
    StreamFailed,
)
from tap_shared.http import Request
from tests.shared.asking import OK, get
from tests.shared.raw_server import RawServer, reply


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
