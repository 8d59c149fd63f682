"""`--test` tells in one line what is wrong, or that all is well."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.contract.bench import Bench, serve
from tests.contract.cases import CASES
from tests.contract.runner import Run, installed_taps

NOBODY = "http://127.0.0.1:9"
"""A port of this machine where nobody listens."""


@pytest.fixture(scope="module", params=installed_taps())
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """Serve one tap's vendor, whose data nobody changes."""
    with serve(request.param, tmp_path_factory.mktemp(request.param)) as served:
        yield served


def verdict(run: Run, level: str) -> str:
    """Give the one line that a check ends with; nothing else may be said or printed."""
    assert not run.lines
    assert "Traceback" not in run.stderr
    said = run.said(level)
    assert len(said) == 1, run.stderr
    return said[0]


def chosen(source: Bench) -> list[str]:
    return [
        name
        for name in source.streams
        if source.facts(name).selected in source.config or source.facts(name).selected is True
    ]


def test_all_is_well(source: Bench) -> None:
    source.server.log.clear()
    run = source.tap.run(source.config, "--test")
    assert run.code == 0, run.stderr
    count = len(chosen(source))
    told = [line for line in run.said("INFO") if "credentials are good" in line]
    assert len(told) == 1
    assert f"{count} of {count} streams can be read" in told[0]
    assert not run.lines
    sent = [entry for entry in source.server.log.entries if entry.vendor == source.name]
    assert 0 < len(sent) <= 2 * count + 5


def test_a_catalog_says_which_streams_are_asked_for(source: Bench) -> None:
    stream = source.incremental[0]
    run = source.tap.run(source.config, "--test", catalog=source.catalog(stream))
    assert run.code == 0, run.stderr
    assert "1 of 1 streams can be read" in run.stderr


def test_wrong_credentials_are_refused(source: Bench) -> None:
    run = source.tap.run({**source.config, **source.case.wrong}, "--test")
    assert run.code == 2
    said = verdict(run, "ERROR")
    assert all(str(value) not in said for value in source.case.wrong.values())


def test_a_setting_is_refused_before_anything_is_asked(source: Bench) -> None:
    source.server.log.clear()
    run = source.tap.run({**source.config, "lookback": "soon"}, "--test")
    assert run.code == 2
    assert "'lookback'" in verdict(run, "ERROR")
    assert not source.server.log.entries


def test_a_host_where_nobody_listens_is_named(source: Bench) -> None:
    given = {name: NOBODY for name in source.config if name.endswith("_url")}
    run = source.tap.run({**source.config, **given}, "--test")
    assert run.code == 1
    said = verdict(run, "ERROR")
    assert "the connection failed" in said
    assert "127.0.0.1" in said
    assert "check api_url" in said


@pytest.mark.parametrize("name", [n for n in installed_taps() if n in CASES and CASES[n].refused])
def test_refused_streams_are_named_with_the_ways_out(name: str, tmp_path: Path) -> None:
    options, named = CASES[name].refusal
    with serve(name, tmp_path, **options) as source:
        catalog = source.catalog(*{*CASES[name].refused, *chosen(source)})
        run = source.tap.run(source.config, "--test", catalog=catalog)
        assert run.code == 1
        said = verdict(run, "ERROR")
        assert "The credentials are good, but" in said
        assert named in said
        assert "Deselect" in said
        assert "skip_unavailable" in said
        settings = {**source.config, "skip_unavailable": True}
        lenient = source.tap.run(settings, "--test", catalog=catalog)
        assert lenient.code == 0, lenient.stderr
        assert "will be left out" in lenient.stderr


class _Late(BaseHTTPRequestHandler):
    """Answers as a vendor of tomorrow, with nothing."""

    def do_POST(self) -> None:
        body = b'{"jsonrpc":"2.0","id":1,"result":{"data":[],"metadata":{"total_items":0}}}'
        self.send_response_only(200)
        self.send_header("Date", format_datetime(datetime.now(UTC) + timedelta(days=1)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Keep the tests' output clean."""


@pytest.mark.parametrize("source", ["callgear"], indirect=True)
def test_a_clock_that_is_wrong_is_told(source: Bench) -> None:
    with HTTPServer(("127.0.0.1", 0), _Late) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        run = source.tap.run(
            {**source.config, "api_url": url}, "--test", catalog=source.catalog("tags")
        )
        server.shutdown()
    assert run.code == 0, run.stderr
    assert "clock is 1440 minutes behind the vendor's" in verdict(run, "WARNING")
