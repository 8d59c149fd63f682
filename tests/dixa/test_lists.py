"""Reference lists and their children, the activity log and the exports."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from itertools import count, pairwise
from typing import Any

import pytest

from contact_sandbox import Faults
from contact_sandbox.vendor import Reply, Request
from tap_dixa.exports_gate import ExportsGate
from tap_dixa.families import instant
from tap_dixa.tap import TapDixa
from tap_shared.errors import CredentialsRefused, LimitReached, RunFailed
from tap_shared.http import Limits
from tap_shared.rate_limit import RateLimit
from tests.dixa.conftest import OpenBench
from tests.shared.at_once import at_once

EXPORTS = ("conversation_export", "message_export")
CHILDREN = ("queue_members", "team_members", "agent_teams")


@pytest.mark.parametrize("stream", CHILDREN)
def test_a_parent_that_vanishes_is_skipped(dixa: OpenBench, stream: str) -> None:
    bench = dixa(vanished=True, days=2)
    run = bench.run(stream)
    assert run.error is None
    truth = bench.vendor.expected(stream)
    lost = truth.keys() - run.by_key(stream).keys()
    assert len({key[0] for key in lost}) == 1
    assert run.by_key(stream).keys() < truth.keys()


def test_children_that_are_refused_for_every_parent_are_a_failure(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = dixa(days=2)
    monkeypatch.setattr(bench.vendor.data.directory, "queue_members", {})
    run = bench.run("queue_members", "tags")
    assert isinstance(run.error, RunFailed)
    assert "'queue_members'" in run.said("ERROR")
    assert "every parent" in run.said("ERROR")


def test_children_are_read_several_at_a_time(dixa: OpenBench) -> None:
    bench = dixa(days=2)
    bench.server.latency = 0.02
    catalog = bench.catalog("agent_teams")
    bench.server.log.clear()
    assert bench.sync(catalog, max_concurrency=3).error is None
    assert 2 <= bench.server.log.max_in_flight <= 3


@pytest.mark.parametrize(
    ("stream", "page_size"), [("activity_log", 18), ("record_closed_conversations", 3)]
)
def test_chains_of_pages_of_several_windows_are_read_side_by_side(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch, stream: str, page_size: int
) -> None:
    bench = dixa(days=12, conversations=120)
    catalog = bench.catalog(stream)
    answer, four, begun = bench.vendor.handle, threading.Barrier(4), count()

    def handle(request: Request) -> Reply:
        """Keep following pages waiting until four of them are asked for at once, thrice."""
        if "pageKey" in request.query and next(begun) < 12:
            four.wait(timeout=60)
        return answer(request)

    monkeypatch.setattr(bench.vendor, "handle", handle)
    bench.server.log.clear()
    run = bench.sync(catalog, max_concurrency=6, page_size=page_size, static_catalogue=True)
    assert run.error is None
    assert not four.broken
    assert next(begun) > 20
    assert bench.server.log.max_in_flight <= 6
    assert len(run.by_key(stream)) == len(bench.vendor.expected(stream))


def test_the_organisation_may_be_missing(dixa: OpenBench) -> None:
    bench = dixa(no_organization=True, days=2)
    run = bench.run("organization")
    assert run.error is None
    assert not run.records["organization"]
    assert "'organization' is missing" in run.said("WARNING")


def test_a_filter_attribute_that_is_refused_is_left_out(dixa: OpenBench) -> None:
    bench = dixa(refused_filters=("tag_id",), days=2)
    run = bench.run("analytics_filter_values")
    assert run.error is None
    truth = {k for k in bench.vendor.expected("analytics_filter_values") if k[0] != "tag_id"}
    assert run.by_key("analytics_filter_values").keys() == truth
    assert "'tag_id'" in run.said("WARNING")


def test_the_activity_log_is_read_by_window_and_resumed(dixa: OpenBench) -> None:
    bench = dixa(days=15)
    first = bench.run("activity_log", page_size=40)
    assert first.error is None
    held = first.by_key("activity_log")
    assert held.keys() == bench.vendor.expected("activity_log").keys()
    bench.vendor.change(2)
    second = bench.run("activity_log", state=first.state)
    held |= second.by_key("activity_log")
    assert held.keys() == bench.vendor.expected("activity_log").keys()
    assert len(second.records["activity_log"]) < len(held)


@pytest.mark.parametrize("gmt", [True, False])
def test_both_spellings_of_instants_are_read(dixa: OpenBench, *, gmt: bool) -> None:
    bench = dixa(days=3, gmt=gmt)
    run = bench.run("activity_log")
    assert run.error is None
    for (key,), row in bench.vendor.expected("activity_log").items():
        text = row["activityTimestamp"].removesuffix("[GMT]")
        emitted = run.by_key("activity_log")[key,]["activityTimestamp"]
        assert datetime.fromisoformat(emitted) == datetime.fromisoformat(text)
    assert "do not fit" not in run.said("WARNING")


# Exports


@pytest.mark.parametrize("stream", EXPORTS)
@pytest.mark.parametrize("inclusive", [False, True])
def test_exports_are_read_in_long_windows(dixa: OpenBench, stream: str, *, inclusive: bool) -> None:
    bench = dixa(days=95, inclusive_end=inclusive)
    run = bench.run(stream)
    assert run.error is None
    assert run.by_key(stream).keys() == bench.vendor.expected(stream).keys()
    asked = bench.paths("GET", f"/v1/{stream}")
    assert 4 <= len(asked) <= 5
    spans = [_span(entry) for entry in asked]
    assert all(before - after <= 31 * 86_400_000 for after, before in spans)
    assert all(first[1] >= second[0] for first, second in pairwise(sorted(spans)))


def test_a_conversation_that_changed_is_exported_again(dixa: OpenBench) -> None:
    bench = dixa(days=60)
    first = bench.run(*EXPORTS)
    held = {stream: first.by_key(stream) for stream in EXPORTS}
    bench.vendor.change(9)
    second = bench.run(*EXPORTS, state=first.state)
    for stream in EXPORTS:
        held[stream] |= second.by_key(stream)
        truth = bench.vendor.expected(stream)
        assert held[stream].keys() == truth.keys()
    truth = bench.vendor.expected("conversation_export")
    for key, row in held["conversation_export"].items():
        assert (row["subject"], row.get("rating_score")) == (
            truth[key]["subject"], truth[key]["rating_score"],
        )  # fmt: skip
    assert any(row["subject"] == "edited 9" for row in held["conversation_export"].values())


def test_the_exports_always_get_a_bearer_and_their_own_pace(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[float] = []
    begin = RateLimit.__init__

    def noted(gate: RateLimit, *, in_flight: int, per_minute: float = 0) -> None:
        if isinstance(gate, ExportsGate):
            made.append(per_minute)
        begin(gate, in_flight=in_flight, per_minute=per_minute)

    monkeypatch.setattr(RateLimit, "__init__", noted)
    bench = dixa(days=10)
    catalog = bench.catalog("message_export")
    for asked in (480, 3, 0):
        run = bench.sync(catalog, requests_per_minute=asked, static_catalogue=True)
        assert run.error is None
        assert run.records["message_export"]
    assert made == [10, 3, 0]


def test_threads_that_begin_together_share_one_pace(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two gates of the exports would let twice the requests through."""
    tap = TapDixa(config=dixa().config, validate_config=False)
    begin = RateLimit.__init__

    def slow(self: RateLimit, **given: Any) -> None:
        time.sleep(0.01)
        begin(self, **given)

    monkeypatch.setattr(RateLimit, "__init__", slow)
    found = at_once(lambda: (tap.client._exports, tap.client._main, tap.gate))
    assert len({tuple(map(id, parts)) for parts in found}) == 1
    made = [one for one in tap.transports if one in found[0]]
    assert sorted(map(id, made)) == sorted(map(id, found[0][:2]))


def test_exports_and_the_rest_share_the_places_of_one_token(dixa: OpenBench) -> None:
    bench = dixa(days=3)
    catalog = bench.catalog(*EXPORTS, "conversation_flows", "custom_attributes", "organization")
    bench.server.latency = 0.03
    for most in (1, 2):
        bench.server.log.clear()
        assert bench.sync(catalog, max_concurrency=most).error is None
        assert bench.server.log.max_in_flight == most


def test_exports_that_are_too_large_for_memory_are_read_in_shorter_windows(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = dixa(days=95, conversations=400)
    whole = bench.run("conversation_export")
    sizes = 150_000
    monkeypatch.setattr("tap_shared.tap.Limits", partial(Limits, body_bytes=sizes))
    bench.server.log.clear()
    run = bench.run("conversation_export")
    assert run.error is None
    assert run.by_key("conversation_export") == whole.by_key("conversation_export")
    spans = [_span(entry) for entry in bench.paths("GET", "/v1/conversation_export")]
    lengths = [before - after for after, before in spans]
    assert lengths[0] > lengths[-2]
    assert len(lengths) < 20  # what was too long once is not tried again


def test_exports_that_are_always_too_large_fail_with_a_sentence(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = dixa(days=2, conversations=20)
    catalog = bench.catalog("conversation_export")
    monkeypatch.setattr("tap_shared.tap.Limits", partial(Limits, body_bytes=1))
    run = bench.sync(catalog, static_catalogue=True)
    assert isinstance(run.error, RunFailed)
    assert "'conversation_export'" in run.said("ERROR")
    assert "larger than" in run.said("ERROR")
    assert not run.records


def _span(entry: Any) -> tuple[int, int]:
    after, before = (
        int(v[0]) for name in ("_after", "_before") for k, v in entry.query.items() if name in k
    )
    return after, before


@pytest.mark.parametrize("key_at", ["absolute", "top"])
def test_the_key_of_the_next_page_is_found_wherever_it_is(dixa: OpenBench, key_at: str) -> None:
    bench = dixa(days=4, key_at=key_at)
    streams = ("agents", "activity_log", "analytics_records", "record_ratings")
    run = bench.run(*streams, page_size=7)
    assert run.error is None
    for stream in streams[:3]:
        assert run.by_key(stream).keys() == bench.vendor.expected(stream).keys()
    assert len(run.by_key("record_ratings")) == len(bench.vendor.expected("record_ratings"))


@pytest.mark.parametrize("stream", ["message_export", "record_ratings", "tags"])
def test_a_token_that_is_forbidden_everything_is_refused(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    bench = dixa(days=2)
    catalog = bench.catalog(stream, "teams")
    asked: list[str] = []

    def handle(request: Request) -> Reply:
        asked.append(request.path)
        return Reply(403, {"message": "Forbidden"})

    monkeypatch.setattr(bench.vendor, "handle", handle)
    run = bench.sync(catalog, static_catalogue=True, max_concurrency=1)
    assert isinstance(run.error, CredentialsRefused)
    assert "HTTP 403" in str(run.error)
    assert asked[1:] == ["/v1/organization", "/v1/agents"]


def test_a_missing_right_fails_one_stream_and_a_missing_catalogue_all(dixa: OpenBench) -> None:
    bench = dixa(days=2, forbidden=("tags",))
    run = bench.run("agents", "tags", "teams")
    assert isinstance(run.error, RunFailed)
    assert "'tags'" in run.said("ERROR")
    assert "skip_unavailable" in run.said("ERROR")
    assert run.records["agents"]
    assert run.records["teams"]
    alone = bench.run("tags")
    assert isinstance(alone.error, RunFailed)
    assert "'tags'" in alone.said("ERROR")
    bench = dixa(days=2, forbidden=("analytics/metrics",))
    with pytest.raises(CredentialsRefused, match="static_catalogue"):
        bench.discover()
    assert isinstance(bench.sync(None).error, CredentialsRefused)


@pytest.mark.parametrize("status", [404, 500])
def test_a_catalogue_that_cannot_be_read_fails_its_own_streams_alone(
    dixa: OpenBench, status: int
) -> None:
    bench = dixa(days=2)
    catalog = bench.catalog("tags", "metric_csat", "record_ratings", "analytics_filter_values")
    answer = bench.vendor.handle

    def handle(request: Request) -> Reply:
        is_records = request.path == "/v1/analytics/records" and request.method == "GET"
        return Reply(status, {"message": "no"}) if is_records else answer(request)

    bench.vendor.handle = handle  # type: ignore[method-assign]
    run = bench.sync(catalog, max_attempts=2)
    assert isinstance(run.error, RunFailed)
    assert run.records["tags"]
    assert run.records["metric_csat"]
    assert not run.records.get("record_ratings")
    assert "Stream 'record_ratings': " in run.said("ERROR")
    assert not run.state["bookmarks"].get("record_ratings", {}).get("replication_key_value")


# Limits and faults


def test_the_client_keeps_below_the_vendors_limits(dixa: OpenBench) -> None:
    bench = dixa(days=4, limits=True)
    streams = ("record_ratings", "tags", "team_members")
    run = bench.sync(bench.catalog(*streams, requests_per_minute=480), requests_per_minute=480)
    assert run.error is None
    assert {entry.status for entry in bench.server.log.entries} == {200}
    assert len(bench.server.log.entries) > 10


def test_without_a_limit_of_our_own_the_vendors_answers_are_heeded(dixa: OpenBench) -> None:
    bench = dixa(days=10, limits=True)
    run = bench.run("record_ratings", requests_per_minute=0)
    assert run.error is None
    statuses = Counter(entry.status for entry in bench.server.log.entries)
    assert statuses[429] < statuses[200]


def test_the_daily_quota_ends_the_run_cleanly(dixa: OpenBench) -> None:
    bench = dixa(days=6, daily_quota=16)
    run = bench.run("activity_log", "record_ratings", max_concurrency=1)
    assert isinstance(run.error, LimitReached)
    assert run.error.exit_code == 1
    assert run.states
    assert len(bench.server.log.entries) <= 20


def test_faults_change_nothing(dixa: OpenBench) -> None:
    bench = dixa(days=3, conversations=60)
    streams = ("record_ratings", "metric_csat", "agents", "queue_members", "conversation_export")
    catalog = bench.catalog(*streams)
    calm = bench.sync(catalog)
    bench.server.faults = Faults(rate=0.3, seed=5, kinds=("500", "502", "503", "html", "truncate",
                                                         "invalid-json", "reset"))  # fmt: skip
    rough = bench.sync(catalog)
    assert rough.error is None
    for stream in streams:
        assert rough.by_key(stream).keys() == calm.by_key(stream).keys()


def test_an_instant_is_written_in_utc_to_the_millisecond() -> None:
    zone = datetime.fromisoformat("2026-03-29T03:30:00.001999+02:00")
    assert instant(zone) == "2026-03-29T01:30:00.001Z"
    assert instant(zone + timedelta(hours=1)) == "2026-03-29T02:30:00.001Z"
