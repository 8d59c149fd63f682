"""Answers that are not spelt as documented, and those that lost something on the way."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import backoff
import pytest

from contact_sandbox.infinity import output
from tests.infinity.running import Site, run_against, serve
from tests.shared.raw_server import RawServer, reply

STREAMS = ("igrps", "channels", "calls", "call_keywords", "channel_metrics", "pbx_user_states")
SMALL: dict[str, Any] = {"page_size": 20, "window": "5d", "end_date": "2026-11-20T15:31:00Z"}
TINY: dict[str, Any] = {"calls": 60, "days": 5, "short_pages": 0.0}


def check(site: Site, **config: Any) -> None:
    """Sync; see that all rows came, and none twice."""
    run = site.run(*STREAMS, igrp_ids=[101, 40001], **SMALL, **config)
    assert run.error is None, run.said
    for stream in STREAMS:
        truth = {k for k in site.vendor.expected(stream) if stream == "igrps" or k[0] == 101}
        truth |= {k for k in site.vendor.expected(stream) if k[0] == 40001}
        assert run.keyed(stream).keys() == truth, stream
        assert len(run.records(stream)) == len(truth), stream


@pytest.mark.parametrize("spelling", output.SPELLINGS)
def test_every_spelling_of_rows_is_read(spelling: str) -> None:
    with serve(**TINY, spelling=spelling) as site:
        check(site)


@pytest.mark.parametrize("kind", output.POISONS)
def test_what_an_answer_lost_is_asked_for_again(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "POISONS", (kind,))
    monkeypatch.setattr(backoff, "full_jitter", lambda _longest: 0)
    with serve(**TINY, poison=0.3) as site:
        check(site)


def test_an_error_in_place_of_rows_ends_in_the_vendors_words() -> None:
    with RawServer(reply(b'{"error":"Internal error","code":7}\n')) as server:
        settings = {"api_url": server.url, "api_key": "sandbox-key", "start_date": "2026-11-15"}
        run = run_against({**settings, "igrp_ids": [101], "max_attempts": 2}, ("calls", "goals"))
        assert run.code == 1
        said = [
            line for line in run.said if "the last time with: the vendor sent a message" in line
        ]
        assert [line.count("rows: Internal error.") for line in said] == [1, 1]


def test_an_empty_answer_is_believed_sooner_where_no_blank_line_ever_comes() -> None:
    with serve(**TINY, spelling="unended") as site:
        site.run("channels", igrp_ids=[101, 2044, 31007], **SMALL)
        ends = [query["offset"] for query in site.requests("/channels")]
        assert ends.count(["8"]) == 3 + 2 + 2


def rows_of_igrps(request: str) -> bytes:
    """Answer the list of installations, whose key is spelt as channels spell it."""
    path, query = urlsplit(request.split(" ")[1])[2:4]
    if path.endswith("/igrps"):
        first = parse_qs(query)["offset"] == ["0"]
        return reply(b'{"igrpId":"101","igrpName":"x"}\n' if first else b"\n")
    row = {"rowId": str(2**63 - 1), "triggerDatetime": "2026-11-20 10:00:00", "igrpId": 101}
    return reply(b"\n" if "filter" in query else json.dumps(row).encode() + b"\n")


def test_installations_are_found_under_either_spelling() -> None:
    with RawServer(rows_of_igrps) as server:
        settings = {"api_url": server.url, "api_key": "sandbox-key", "start_date": "2026-11-20"}
        settings["end_date"] = "2026-11-21"
        run = run_against(settings, ("igrps", "calls"))
        assert run.error is None, run.said
        assert run.records("igrps") == [{"igrp": 101, "igrpName": "x"}]
        assert [(r["igrp"], r["rowId"]) for r in run.records("calls")] == [(101, 2**63 - 1)]
        assert "_extra" not in run.records("calls")[0]


@pytest.mark.parametrize(
    ("config", "version"),
    [({"igrp_ids": [101.0], "api_key": "sandbox-key"}, "v2.1"),
     ({"igrp_ids": [101], "api_key": " ", "username": "u", "password": "p"}, "v2")],
)  # fmt: skip
def test_settings_that_mean_the_same_are_taken(config: dict[str, Any], version: str) -> None:
    with RawServer(rows_of_igrps) as server:
        days = {"start_date": "2026-11-20", "end_date": "2026-11-21"}
        settings = {"api_url": server.url, **days, **config}
        run = run_against(settings, ("calls",))
        assert run.error is None, run.said
        (part,) = run.state["bookmarks"]["calls"]["partitions"]
        assert part["context"] == {"igrp": 101}
        assert type(part["context"]["igrp"]) is int
        paths = {urlsplit(asked.split(" ")[1]).path for asked in server.requests}
        assert paths == {f"/reports/{version}/igrps/101/triggers/calls"}
