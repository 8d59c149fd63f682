"""A failing `meltano run` at DEBUG: all that it wrote is searched for secrets, and for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from contact_sandbox import Reply, Request
from tests.contract.bench import Bench, serve
from tests.e2e.pipeline import Load, Project
from tests.hostile.leaks import leaked, private_texts, secrets_of
from tests.hostile.test_secrets import SALT

pytestmark = [pytest.mark.slow, pytest.mark.warehouse]

STREAMS = {
    "callgear": ("calls", "chats", "employees"),
    "dixa": ("activity_log", "agents", "endusers"),
    "infinity": ("calls", "numbers", "visits"),
    "interactions": ("agents", "interactions", "tickets"),
    "pbx": ("calls", "call_events", "sms_messages"),
}
"""Streams with people in them."""

GOOD = {"dixa": 16, "infinity": 10}
"""Answers before the failure, where catalogues and counts come before the first rows."""


@pytest.fixture(params=sorted(STREAMS))
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """Serve a vendor."""
    with serve(request.param, tmp_path_factory.mktemp(request.param)) as served:
        yield served


def fail_soon(bench: Bench) -> None:
    """Answer well for a while; then an error says what was sent, and shows the rows."""
    good, asked = bench.vendor.handle, 0

    def handle(request: Request) -> Reply:
        nonlocal asked
        asked += 1
        reply = good(request)
        if asked <= GOOD.get(bench.name, 4):
            return reply
        sent = f"{request.path} {request.headers} {request.body.decode()}"
        return Reply(500, {"error": sent, "rows": str(reply.body)})

    bench.vendor.handle = handle  # type: ignore[method-assign]


def told(load: Load) -> str:
    """Give the log of Meltano and of the tap.

    At DEBUG, Meltano repeats the records that a tap hands on, and target-postgres shows those that
    it inserts: whoever asks for that sees rows.
    """
    of_rows = [e for e in load.log if e.get("stdio") == "stdout" or e.get("consumer")]
    assert any("RECORD" in str(entry.get("event")) for entry in of_rows)
    return "\n".join(json.dumps(entry) for entry in load.log if entry not in of_rows)


def test_a_failing_run_leaves_no_secret_in_the_project_and_no_person_in_its_log(
    source: Bench, postgres_url: str, tmp_path: Path
) -> None:
    streams = STREAMS[source.name]
    people = private_texts(source, {one: source.truth(one).values() for one in streams}, SALT)
    assert len(people) > 50
    fail_soon(source)
    settings = {**source.config, "max_attempts": 2, "max_concurrency": 1, "pii_salt": SALT}
    level = {f"TAP_{source.name.upper()}_LOGLEVEL": "DEBUG", "MELTANO_CLI_LOG_LEVEL": "debug"}
    project = Project(tmp_path, f"tap-{source.name}", settings, postgres_url, more=level)
    load = project.run(*(f"{one}.*" for one in streams))

    log = told(load)
    assert load.code == 1
    assert "failed 2 times, the last time with: HTTP 500" in log
    assert sum(entry.get("level") == "debug" for entry in load.log) > 100
    secrets = secrets_of(source, settings)
    assert leaked(b"\n".join(load.lines).decode(), secrets) == []
    assert [text for text in people if text in log] == []
    files = project.files()
    assert {"meltano.db", "tap.properties.json"} <= {Path(name).name for name in files}
    assert {name for name, text in files.items() if leaked(text, secrets)} == set()
    assert {name for name, text in files.items() if any(one in text for one in people)} == set()

    (tmp_path / ".meltano" / "planted").write_text(f"?token={quote(SALT, safe='')}")
    assert [name for name, text in project.files().items() if leaked(text, secrets)] == ["planted"]
