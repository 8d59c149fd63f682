from __future__ import annotations

import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from contact_sandbox import Faults, Reply, Request, Server, Vendor
from contact_sandbox.faults import ALL, IN_A_ROW
from contact_sandbox.registry import vendor_class, vendor_names

WIDE = {"rows": [{"number": number, "text": "wide " * 20} for number in range(25_000)]}


class Echo(Vendor):
    """A vendor that says what it was asked, or what a path asks for."""

    name = "echo"
    streams = ("echoes",)

    def handle(self, request: Request) -> Reply:
        answers: dict[str, Any] = {
            "/wide": WIDE,
            "/text": "bare text",
            "/surrogate": {"text": "cut \ud83d ü"},
            "/audio": b"RIFF",
            "/pieces": (b"x" * size for size in (3, 0, 4)),
        }
        if request.path == "/bug":
            raise KeyError(request.path)
        if request.path in answers:
            return Reply(body=answers[request.path])
        facts = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "body": request.body.decode(),
            "agent": request.headers.get("USER-AGENT"),
            "last": request.param("a"),
        }
        return Reply(status=201, body=facts, headers={"X-Sandbox": "yes"})

    def settings(self, url: str) -> dict[str, Any]:
        return {"api_url": url, "start_date": self.start.isoformat(), "numbers": [1, 2]}

    def expected(self, stream: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        return {(stream,): {}}

    def change(self, seed: int) -> None:
        self.seed = seed


class Got:
    """One reply as the client saw it."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self) -> Any:
        return json.loads(self.body)


def connect(server: Server) -> closing[http.client.HTTPConnection]:
    address = server.url("echo").removeprefix("http://")
    return closing(http.client.HTTPConnection(address, timeout=10))


def get(server: Server, path: str, **headers: str) -> Got:
    with connect(server) as connection:
        connection.request("GET", path, headers=headers)
        return Got(connection.getresponse())


def test_a_request_reaches_the_vendor_whole() -> None:
    with Server([Echo()]) as server, connect(server) as connection:
        connection.request("POST", "/a%20b?a=1&a=2&blank=", b"body", {"User-Agent": "test"})
        got = Got(connection.getresponse())
    assert got.status == 201
    assert got.headers["X-Sandbox"] == "yes"
    assert got.headers["Content-Type"] == "application/json"
    assert got.json() == {
        "method": "POST",
        "path": "/a b",
        "query": {"a": ["1", "2"], "blank": [""]},
        "body": "body",
        "agent": "test",
        "last": "2",
    }


def test_a_connection_is_kept_and_a_chunked_body_is_read() -> None:
    with Server([Echo()]) as server, connect(server) as connection:
        connection.request("PUT", "/x", iter([b"one", b"two"]), encode_chunked=True)
        first = Got(connection.getresponse())
        used = connection.sock
        connection.request("GET", "/text")
        second = Got(connection.getresponse())
        assert connection.sock is used
    assert first.json()["body"] == "onetwo"
    assert second.body == b"bare text"


def test_an_iterator_is_streamed_in_chunks() -> None:
    with Server([Echo()]) as server:
        got = get(server, "/pieces")
    assert got.headers["Transfer-Encoding"] == "chunked"
    assert got.body == b"xxxxxxx"


def test_a_lone_surrogate_is_sent_as_an_escape() -> None:
    with Server([Echo()]) as server:
        assert get(server, "/surrogate").body == b'{"text":"cut \\ud83d \xc3\xbc"}'


def test_a_wide_body_comes_fast_and_is_compressed_only_if_asked() -> None:
    with Server([Echo()]) as server:
        began = time.perf_counter()
        plain = get(server, "/wide")
        took = time.perf_counter() - began
        packed = get(server, "/wide", **{"Accept-Encoding": "gzip"})
        audio = get(server, "/audio", **{"Accept-Encoding": "gzip"})
    assert len(plain.body) > 3_000_000
    assert took < 1
    assert plain.headers["Content-Encoding"] is None
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert audio.headers["Content-Encoding"] is None


def test_a_head_request_has_a_length_but_no_body() -> None:
    with Server([Echo()]) as server, connect(server) as connection:
        connection.request("HEAD", "/text")
        got = Got(connection.getresponse())
        connection.request("GET", "/text")
        assert Got(connection.getresponse()).body == b"bare text"
    assert got.headers["Content-Length"] == "9"
    assert got.body == b""


def test_the_log_holds_each_request_before_its_client_has_the_answer() -> None:
    with Server([Echo()]) as server:
        get(server, "/text?a=1")
        (entry,) = server.log.entries
        assert (entry.vendor, entry.method, entry.path) == ("echo", "GET", "/text")
        assert (entry.query, entry.status, entry.fault) == ({"a": ["1"]}, 200, None)
        assert entry.in_flight == 1
        assert abs(entry.at - time.time()) < 10
        server.log.clear()
        assert server.log.entries == []
        assert server.log.max_in_flight == 0


def test_the_log_counts_requests_in_flight_and_latency_holds_them() -> None:
    with Server([Echo()], latency=0.3) as server:
        threads = [threading.Thread(target=get, args=(server, "/text")) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.log.max_in_flight == 3
        server.log.clear()
        server.latency = 0.0
        for _ in range(5):
            get(server, "/text")
        assert server.log.max_in_flight == 1


def test_a_bug_of_a_vendor_answers_500_and_is_kept() -> None:
    with Server([Echo()]) as server:
        assert get(server, "/bug").status == 500
        (error,) = server.errors
    assert "KeyError: '/bug'" in error


def test_a_client_that_goes_away_is_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    with Server([Echo()]) as server:
        port = int(server.url("echo").rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(b"GET /wide HTTP/1.1\r\n\r\n")
        assert get(server, "/text").status == 200
        assert server.errors == []
    assert capfd.readouterr() == ("", "")


def test_a_stopped_server_refuses_connections() -> None:
    with Server([Echo()]) as server:
        port = int(server.url("echo").rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_two_vendors_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two vendors"):
        Server([Echo(), Echo()])


def outcome(server: Server, path: str = "/surrogate") -> str:
    try:
        got = get(server, path)
    except ConnectionResetError:
        return "reset"
    except http.client.IncompleteRead:
        return "truncate"
    if got.status != 200:
        return str(got.status)
    if b"\xc3\xbc" in got.body[:40] and got.body.startswith(b"{"):
        return "fine"
    return "html" if got.headers["Content-Type"].startswith("text/") else "invalid-json"


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind != "slow"])
def test_a_fault_looks_like_its_kind_and_never_comes_four_times_in_a_row(kind: str) -> None:
    with Server([Echo()], faults=Faults(rate=1, kinds=[kind])) as server:
        outcomes = [outcome(server) for _ in range(IN_A_ROW + 2)]
        logged = [entry.fault for entry in server.log.entries]
    allowed = {"reset", "truncate"} if kind == "reset" else {kind}
    assert set(outcomes[:IN_A_ROW]) <= allowed
    assert outcomes[IN_A_ROW] == "fine"
    assert outcomes[IN_A_ROW + 1] in allowed
    assert logged == [kind] * 3 + [None, kind]


def test_a_reset_comes_before_and_within_answers() -> None:
    with Server([Echo()], faults=Faults(rate=1, kinds=["reset"])) as server:
        seen = set()
        for number in range(12):
            with connect(server) as connection:
                connection.request("GET", f"/wide?{number}")
                try:
                    connection.getresponse().read()
                except ConnectionResetError:
                    seen.add(server.log.entries[-1].status)
                except http.client.IncompleteRead:
                    seen.add(200)
    assert seen == {0, 200}


def test_a_slow_answer_is_whole() -> None:
    with Server([Echo()], faults=Faults(rate=1, kinds=["slow"])) as server:
        began = time.perf_counter()
        assert outcome(server) == "fine"
        assert 0.1 < time.perf_counter() - began < 5


def test_retry_after_comes_as_seconds_and_as_a_date() -> None:
    with Server([Echo()], faults=Faults(rate=1, kinds=["429"])) as server:
        found = [get(server, f"/text?{number}").headers["Retry-After"] for number in range(40)]
    dates = [text for text in found if not text.isdigit()]
    assert {text for text in found if text.isdigit()} == {"0", "1"}
    assert dates
    assert all(abs(parsedate_to_datetime(text).timestamp() - time.time()) < 30 for text in dates)


def test_damage_that_only_json_can_show_spares_other_answers() -> None:
    with Server([Echo()], faults=Faults(rate=1, kinds=["html", "invalid-json"])) as server:
        assert outcome(server, "/audio") == "502"


def test_faults_follow_from_the_seed_and_their_rate() -> None:
    def drawn(seed: int) -> list[str | None]:
        faults = Faults(rate=0.3, seed=seed)
        found = (faults.draw("echo", str(number).encode()) for number in range(500))
        return [fault.kind if fault else None for fault in found]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    assert 100 < sum(kind is not None for kind in drawn(7)) < 200
    assert {*drawn(7), None} == {*ALL, None}
    with pytest.raises(ValueError, match="unknown kinds"):
        Faults(kinds=["418"])


def test_a_misspelt_option_of_a_vendor_is_refused() -> None:
    with pytest.raises(TypeError, match="no option calsl"):
        vendor_class("callgear")(calsl=3)


def test_an_unknown_vendor_is_refused() -> None:
    assert "callgear" in vendor_names()
    with pytest.raises(LookupError, match="no vendor 'nobody'"):
        vendor_class("nobody")


def test_the_command_prints_the_environment_and_ends_on_sigterm(tmp_path: Path) -> None:
    saved = tmp_path / "sandbox.env"
    command = [sys.executable, "-m", "contact_sandbox", "callgear", "--env-file", str(saved)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    found = dict(line.split("=", 1) for line in lines)
    assert set(found) == {
        "TAP_CALLGEAR_API_URL",
        "TAP_CALLGEAR_START_DATE",
        "TAP_CALLGEAR_ACCESS_TOKEN",
    }
    assert found["TAP_CALLGEAR_API_URL"].startswith("http://127.0.0.1:")
    assert saved.read_text(encoding="utf-8").splitlines() == lines
