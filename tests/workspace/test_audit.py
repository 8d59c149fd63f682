"""`run.py audit` tells a pin that is known to be bad, and never takes silence for good news."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from dev.audit import CANARY, UNKNOWN, audit
from dev.layout import LOCK

pytestmark = pytest.mark.network

HASH = f"    --hash=sha256:{'0' * 64}"


def advisory(package: str, name: str) -> dict[str, Any]:
    """Give what OSV tells of a package, in the part of its schema that is asked for."""
    events = [{"introduced": "0"}, {"fixed": "9.9"}]
    affected = {
        "package": {"name": package, "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    return {"id": name, "aliases": [f"CVE-{name}"], "summary": "Bad.", "affected": [affected]}


KNOWN = {CANARY: advisory("django", "OLD-1"), "one==1.0": advisory("one", "BAD-2")}


@contextmanager
def source(known: dict[str, Any], *, status: int = 200) -> Iterator[str]:
    """Serve advisories as OSV does; give the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = known.get(f"{asked['package']['name']}=={asked['version']}")
            body = json.dumps({"vulns": [found]} if found else {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    lines = (f"{pin} \\\n{HASH}\n" for pin in ("one==1.0", "two==2.0"))
    (path := tmp_path / "requirements.lock").write_text("".join(lines))
    return path


@pytest.fixture(autouse=True)
def all_licensed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at vulnerabilities alone: the packages of these locks do not exist."""
    monkeypatch.setattr("dev.audit.unlicensed", lambda _: [])


def asked(url: str, folder: Path) -> list[str]:
    return ["-s", "osv", "--osv-url", url, "--cache-dir", str(folder / "cache")]


def test_a_pin_that_is_known_to_be_bad_is_told(
    lock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with source(KNOWN) as url:
        assert audit(asked(url, tmp_path), [lock]) == 1
    said = capsys.readouterr().out
    assert "audit: one 1.0: CVE-BAD-2, BAD-2; mended in 9.9." in said
    assert "django" not in said
    assert "none of" not in said


def test_nothing_known_is_said_where_the_source_knows_what_it_must(
    lock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with source({CANARY: KNOWN[CANARY]}) as url:
        assert audit(asked(url, tmp_path), [lock]) == 0
    assert "none of the 2 packages used here has a known" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("known", "status", "why"),
    [
        ({}, 200, f"lists no vulnerability of {CANARY}"),
        (KNOWN, 503, "503"),
        (None, 0, "Connection refused"),
    ],
    ids=["a source that knows nothing", "a source that is down", "nobody listens"],
)
def test_silence_is_no_good_news(
    known: dict[str, Any] | None, status: int, why: str, lock: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with source(known or {}, status=status or 200) as url:
        place = "http://127.0.0.1:9/" if known is None else url
        assert audit(asked(place, tmp_path), [lock]) == UNKNOWN
    said = capsys.readouterr().out
    assert "is NOT known: " in said
    assert why in said
    assert "none of" not in said


@pytest.mark.parametrize("known", [0, UNKNOWN])
def test_what_is_wrong_with_a_lock_is_told_whatever_the_source_says(
    known: int, lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dev.audit.look_up", lambda *_: known)
    lock.write_text(lock.read_text() + f"three>=1 \\\n{HASH}\n")
    assert audit([], [lock]) == 1
    assert "audit: requirements.lock does not pin 'three>=1'" in capsys.readouterr().out


def test_the_whole_lock_is_read_by_the_tool(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its markers too: what other machines need is not asked for."""
    with source(KNOWN) as url:
        assert audit(asked(url, tmp_path), [LOCK]) == 0
    said = capsys.readouterr().out
    count = int(said.rpartition("none of the ")[2].split()[0])
    assert 50 < count < len(LOCK.read_text("utf-8").split("==")) - 1
