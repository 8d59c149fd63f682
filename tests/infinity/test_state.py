"""Resuming: watermarks by installation, late arrivals, interrupted runs."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from contact_sandbox import Reply, Request, Server
from contact_sandbox.infinity.api import InfinityVendor
from tests.infinity.running import NOW, Run, Site, serve

SMALL: dict[str, Any] = {"page_size": 50, "window": "5d", "end_date": "2026-11-20T15:31:00Z"}
BY_CALL = ("calls", "goal_triggers", "transactions", "call_users", "visits", "triggers")


def union(*runs: Run, stream: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Give what a warehouse holds after these runs."""
    held: dict[tuple[Any, ...], dict[str, Any]] = {}
    for run in runs:
        held.update(run.keyed(stream))
    return held


def plain(row: dict[str, Any]) -> str:
    return json.dumps(row, sort_keys=True)


@pytest.mark.parametrize("seed", [3, 4])
def test_changes_arrive_even_where_they_are_older_than_the_lookback(seed: int) -> None:
    names = [name for name in InfinityVendor.streams if name != "channel_metrics"]
    with serve(days=30) as site:
        first = site.run(*names, **SMALL)
        before = {key for key in site.vendor.expected("triggers") if key[0] == 101}
        site.vendor.change(seed)
        second = site.run(*names, state=first.state, **SMALL)
        fresh = site.run(*names, **SMALL)
        assert second.error is None, second.said
        for stream in names:
            held = union(first, second, stream=stream)
            anew = fresh.keyed(stream)
            assert held.keys() >= site.vendor.expected(stream).keys(), stream
            assert {k: plain(held[k]) for k in anew} == {k: plain(v) for k, v in anew.items()}
    added = {k for k in second.keyed("triggers") if k[0] == 101} - before
    old = [k for k in added if second.keyed("triggers")[k]["triggerDatetime"] < "2026-11-13"]
    assert len(old) == 4, "rows older than the lookback come by the catch-up"


def test_channel_metrics_of_the_lookback_are_read_again() -> None:
    with serve(days=12, calls=60) as site:
        first = site.run("channel_metrics", igrp_ids=[101], **SMALL)
        site.vendor.change(3)
        second = site.run("channel_metrics", igrp_ids=[101], state=first.state, **SMALL)
        fresh = site.run("channel_metrics", igrp_ids=[101], **SMALL)
        held = union(first, second, stream="channel_metrics")
        assert held == fresh.keyed("channel_metrics")
        assert {k[1] for k in second.keyed("channel_metrics")} == {
            f"2026-11-{day}" for day in range(13, 21)
        }


def test_a_run_without_news_reads_the_lookback_and_an_empty_catch_up() -> None:
    with serve() as site:
        first = site.run("calls", igrp_ids=[101], **SMALL)
        site.server.log.clear()
        second = site.run("calls", igrp_ids=[101], state=first.state, **SMALL)
        late = [q for q in site.requests("/triggers/calls") if q["startDate"] == ["2026-10-27"]]
        reached = first.partition("calls", 101)["max_row_id"]
        assert [q["filter[]"] for q in late] == [[f"rowId-gt-value-{reached}"]]
        assert [q["endDate"] for q in late] == [["2026-11-12"]]
        assert min(r["triggerDatetime"] for r in second.records("calls")) > "2026-11-13"
        assert second.partition("calls", 101) == first.partition("calls", 101)


def test_the_highest_row_id_never_runs_ahead_of_what_was_emitted() -> None:
    with serve() as site:
        runs = [site.run("calls", igrp_ids=[101], **SMALL)]
        site.vendor.change(3)
        runs.append(site.run("calls", igrp_ids=[101], state=runs[0].state, **SMALL))
        reached = [run.partition("calls", 101)["max_row_id"] for run in runs]
        assert reached[0] < reached[1]
        for run, known in zip(runs, reached, strict=True):
            emitted: set[int] = set()
            for message in run.messages:
                if message["type"] == "RECORD":
                    emitted.add(message["record"]["rowId"])
                elif message["type"] == "STATE":
                    for part in (
                        message["value"]["bookmarks"].get("calls", {}).get("partitions", [])
                    ):
                        if part.get("max_row_id") == known:
                            assert max(emitted) >= known
        assert "row_id_at_start" not in runs[1].partition("calls", 101)


def test_a_first_run_that_is_interrupted_still_lets_late_rows_be_found() -> None:
    with serve(days=30) as site:
        whole = site.run("triggers", igrp_ids=[101], **SMALL)
        half = next(
            state
            for state in whole.states
            if any(
                part.get("replication_key_value", "") > "2026-11-10"
                for part in state["bookmarks"].get("triggers", {}).get("partitions", [])
            )
        )
        part = half["bookmarks"]["triggers"]["partitions"][0]
        assert "max_row_id" not in part
        at = part["replication_key_value"]
        kept = {k: v for k, v in whole.keyed("triggers").items() if v["triggerDatetime"] < at}
        site.vendor.change(3)
        rest = site.run("triggers", igrp_ids=[101], state=half, **SMALL)
        truth = {k for k in site.vendor.expected("triggers") if k[0] == 101}
        assert {*kept, *rest.keyed("triggers")} == truth
        assert len(rest.records("triggers")) < len(truth)


class Busy(InfinityVendor):
    """Gets a row in a window that has been read, then one in the window that is read next."""

    arrives: ClassVar[list[tuple[str, datetime]]] = [
        ("2026-11-05", datetime(2026, 11, 2, tzinfo=UTC)),
        ("2026-11-10", datetime(2026, 11, 12, tzinfo=UTC)),
    ]

    def handle(self, request: Request) -> Reply:
        """Let the row of this window arrive first."""
        for first, at in self.arrives:
            is_new = at.timestamp() not in {row.at for row in self.account.tables[101].rows}
            if is_new and request.param("startDate") == first and not request.param("filter[]"):
                self.account.tables[101]._add(random.Random(1), "call", at, counted=False)  # noqa: S311
        return super().handle(request)


def test_rows_that_arrive_while_the_latest_days_are_empty_are_found() -> None:
    vendor = Busy(seed=1, now=datetime(2026, 11, 15, tzinfo=UTC), days=20, calls=40)
    with Server([vendor]) as server:
        site = Site(vendor, server)
        later = {**SMALL, "max_concurrency": 1, "lookback": "1d"}
        first = site.run("calls", igrp_ids=[101], **later)
        second = site.run("calls", igrp_ids=[101], state=first.state, **later)
        held = union(first, second, stream="calls")
        assert held.keys() == {k for k in vendor.expected("calls") if k[0] == 101}
        missed = held.keys() - first.keyed("calls").keys()
        assert [held[k]["triggerDatetime"][:10] for k in missed] == ["2026-11-02"]


def test_installations_resume_each_from_its_own_bookmark() -> None:
    with serve() as site:
        first = site.run("calls", "call_keywords", igrp_ids=[101], **SMALL)
        site.server.log.clear()
        both = site.run("calls", "call_keywords", igrp_ids=[101, 2044], state=first.state, **SMALL)
        assert both.error is None
        times: dict[int, list[str]] = {}
        for row in both.records("calls"):
            times.setdefault(row["igrp"], []).append(row["triggerDatetime"])
        assert min(times[101]) > "2026-11-13"
        assert min(times[2044]) < "2026-10-29"
        truth = site.vendor.expected("calls")
        held = union(first, both, stream="calls")
        assert held.keys() == {k for k in truth if k[0] in {101, 2044}}
        hits = union(first, both, stream="call_keywords")
        assert hits.keys() == {
            k for k in site.vendor.expected("call_keywords") if k[0] in {101, 2044}
        }


def test_every_window_of_each_installation_is_a_checkpoint() -> None:
    with serve(calls=60) as site:
        run = site.run("calls", igrp_ids=[101, 2044], **SMALL)
        marks: dict[int, list[str]] = {101: [], 2044: []}
        for state in run.states:
            for part in state["bookmarks"].get("calls", {}).get("partitions", []):
                if "replication_key_value" in part:
                    marks[part["context"]["igrp"]].append(part["replication_key_value"])
        for found in marks.values():
            assert found == sorted(found)
            assert [f"2026-11-{d}T00:00:00.000000Z" for d in ("01", "06", "11", "16")] == list(
                dict.fromkeys(found)
            )[:4]
            assert found[-1] == "2026-11-20T15:31:00.000000Z"


def test_a_state_without_row_ids_is_good_enough() -> None:
    with serve() as site:
        state = {
            "bookmarks": {
                "calls": {
                    "partitions": [
                        {
                            "context": {"igrp": 101},
                            "replication_key": "triggerDatetime",
                            "replication_key_value": "2026-11-18T00:00:00Z",
                        }
                    ]
                }
            }
        }
        run = site.run("calls", igrp_ids=[101], state=state, **SMALL)
        assert run.error is None
        assert min(r["triggerDatetime"] for r in run.records("calls")) > "2026-11-11"
        assert run.partition("calls", 101)["max_row_id"] > 9_999_700


def test_a_watermark_never_passes_the_start_of_the_run() -> None:
    with serve(calls=40, days=5, future_rows=2) as site:
        run = site.run("calls", igrp_ids=[101])
        mark = run.partition("calls", 101)["replication_key_value"]
        assert mark > NOW.isoformat()
        truth = {k for k in site.vendor.expected("calls") if k[0] == 101}
        assert run.keyed("calls").keys() >= truth


def test_partitions_stay_linear_in_installations(site_state: Run) -> None:
    for entry in site_state.state["bookmarks"].values():
        assert len(json.dumps(entry)) < 1500


@pytest.fixture(scope="module")
def site_state() -> Run:
    with serve(calls=40, days=5) as site:
        return _run_all(site)


def _run_all(site: Site) -> Run:
    return site.run("calls", "call_keywords", "audit_log", "pbx_user_states", **SMALL)
