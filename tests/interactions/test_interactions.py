"""Interactions are read completely although they are rewritten while they are read."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.interactions.tenant import NOW, Run, Tenant, bookmark, differing, schema_of, serving

AGGREGATES = "/reporting/api/v1/interaction/aggregates"
ROLLUP = "MostRecentRollupAtUtc"
BURST: dict[str, Any] = {"interactions": 60, "burst": 620}


def assert_complete(tenant: Tenant, run: Run) -> None:
    expected = tenant.vendor.expected("interactions")
    found = run.by_key("interactions")
    assert run.error is None
    assert found.keys() == expected.keys()
    assert len(run.rows()) == len(found)
    assert [key for key in found if differing("interactions", expected[key], found[key])] == []


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("bounds", ["[)", "[]", "(]", "()"])
@pytest.mark.parametrize("page", [{}, {"max_limit": 7}])
def test_bounds_inclusive_or_not_lose_nothing(bounds: str, page: dict[str, Any]) -> None:
    with serving(bounds=bounds, **page) as tenant:
        assert_complete(tenant, tenant.run(window="7h"))


@pytest.mark.parametrize("bounds", ["[)", "(]"])
@pytest.mark.parametrize("order_fields", [None, 1])
def test_an_instant_with_more_rows_than_a_page_is_read_whole(
    bounds: str, order_fields: int | None
) -> None:
    options = {**BURST, "max_limit": 200, "order_fields": order_fields}
    with serving(bounds=bounds, **options) as tenant:
        run = tenant.run()
        assert_complete(tenant, run)
        assert max(Counter(row[ROLLUP] for row in run.rows()).values()) >= 620


@pytest.mark.parametrize("reroll", [1, 3])
def test_records_rewritten_during_the_sync_are_found_now_or_by_the_next_run(reroll: int) -> None:
    with serving(**BURST, max_limit=200, reroll=reroll, reroll_total=60) as tenant:
        before = set(tenant.vendor.expected("interactions"))
        first = tenant.run(window="6h")
        assert first.error is None
        rewritten = {(key,) for key in tenant.vendor.rerolled}
        assert rewritten
        assert before - rewritten <= first.by_key("interactions").keys()
        assert max(row[ROLLUP] for row in first.rows()) < bookmark(first.state)

        later = tenant.run(at=NOW + timedelta(minutes=20), state=first.state)
        found = {**first.by_key("interactions"), **later.by_key("interactions")}
        expected = tenant.vendor.expected("interactions")
        assert rewritten <= later.by_key("interactions").keys()
        assert found.keys() == expected.keys()
        assert [k for k in found if differing("interactions", expected[k], found[k])] == []


@pytest.mark.parametrize("window", ["5d", "6h"])
def test_records_rewritten_into_what_is_still_to_be_read_come_as_they_are_now(window: str) -> None:
    options: Any = {"reroll": 1, "reroll_total": 20, "reroll_later": 30 * 3600, "max_limit": 10}
    with serving(**options) as tenant:
        run = tenant.run(window=window)
        assert run.error is None
        assert len(tenant.vendor.rerolled) == 20
        found = run.by_key("interactions")
        now = tenant.vendor.expected("interactions")
        due = {key: row for key, row in now.items() if row[ROLLUP] < bookmark(run.state)}
        assert len(due) > 40
        assert found.keys() >= due.keys()
        assert [key for key in due if differing("interactions", due[key], found[key])] == []


def test_requests_say_all_that_has_a_meaning_and_never_ask_for_a_reversed_range() -> None:
    with serving(**BURST, max_limit=200) as tenant:
        tenant.run(page_size=300, queues=[40, 41])
        bodies = tenant.bodies()
        assert len(bodies) > 4
        for body in bodies:
            assert body["DateFilterField"] == ROLLUP
            assert body["OrderBy"] == [ROLLUP, "_id"]
            assert body["Limit"] == 300
            assert body["Queues"] == [40, 41]
            assert len(body["StartDateTime"]) == len("2026-11-20T15:25:00.000Z")
            assert body["StartDateTime"].endswith("Z")
            assert body["StartDateTime"] < body["EndDateTime"] <= "2026-11-20T15:25:00.000Z"
        starts = {body["EndDateTime"]: body["StartDateTime"] for body in reversed(bodies)}
        for (end, _), (_, start) in pairwise(sorted(starts.items())):
            assert instant(end) - instant(start) == timedelta(milliseconds=1)


def test_only_the_chosen_queues_come() -> None:
    with serving() as tenant:
        queues = {row["QueueId"] for row in tenant.vendor.expected("interactions").values()}
        chosen = sorted(queue for queue in queues if queue is not None)[:2]
        rows = tenant.run(queues=chosen).rows()
        assert {row["QueueId"] for row in rows} == set(chosen)


@pytest.mark.parametrize("field", ["RecordWrittenAtUtc", "StartedDateTimeUtc", "EndedDateTimeUtc"])
def test_another_date_field_can_lead(field: str) -> None:
    with serving(date_field=field) as tenant:
        run = tenant.run(replication_date_field=field)
        assert_complete(tenant, run)
        entry = run.state["bookmarks"]["interactions"]
        assert entry["replication_key"] == field
        assert {body["DateFilterField"] for body in tenant.bodies()} == {field}


def test_a_bookmark_of_another_date_field_is_not_taken_for_this_ones() -> None:
    with serving() as tenant:
        entry = {"replication_key": "StartedDateTimeUtc", "replication_key_value": NOW.isoformat()}
        run = tenant.run(state={"bookmarks": {"interactions": entry}})
        assert_complete(tenant, run)


def test_rows_outside_the_dates_are_not_emitted_and_the_end_is_frozen() -> None:
    with serving() as tenant:
        run = tenant.run(start_date="2026-11-17T06:00:00Z", end_date="2026-11-18T18:00:00.500Z")
        expected = {
            key
            for key, row in tenant.vendor.expected("interactions").items()
            if instant("2026-11-17T06:00:00Z") <= instant(row[ROLLUP])
            < instant("2026-11-18T18:00:00.500Z")
        }  # fmt: skip
        assert run.by_key("interactions").keys() == expected
        assert bookmark(run.state) == "2026-11-18T18:00:00.500000Z"


def test_a_run_inside_the_safety_lag_asks_for_nothing() -> None:
    with serving() as tenant:
        run = tenant.run(start_date=(NOW - timedelta(minutes=4)).isoformat())
        assert run.error is None
        assert tenant.bodies() == []


def test_the_watermark_only_moves_window_by_window_behind_what_was_emitted() -> None:
    with serving() as tenant:
        run = tenant.run(window="12h")
        reached = ""
        newest = ""
        for message in run.messages:
            if message["type"] == "RECORD":
                newest = max(newest, message["record"][ROLLUP])
                assert message["record"][ROLLUP] >= reached
            elif message["type"] == "STATE" and message["value"].get("bookmarks"):
                assert bookmark(message["value"]) >= max(reached, newest)
                reached = bookmark(message["value"])
        assert reached == "2026-11-20T15:25:00.000000Z"
        assert len({bookmark(s) for s in run.states if s.get("bookmarks")}) >= 8


# Counting


@pytest.mark.parametrize("options", [{}, {"group_fields_required": True}, {"miscount": 1}])
def test_each_window_is_counted(options: dict[str, Any]) -> None:
    with serving(**options) as tenant:
        run = tenant.run(verify_counts=True)
        assert_complete(tenant, run)
        asked = tenant.bodies(AGGREGATES)
        assert len(asked) >= 5
        assert {body["DateFilterField"] for body in asked} == {ROLLUP}


def test_a_count_that_differs_twice_fails_the_stream_before_its_window() -> None:
    with serving(miscount=2) as tenant:
        run = tenant.run(verify_counts=True)
        assert run.error is not None
        assert bookmarks_of(run) == {}


def bookmarks_of(run: Run) -> dict[str, Any]:
    entries: dict[str, Any] = run.state.get("bookmarks", {})
    return {name: entry for name, entry in entries.items() if "replication_key_value" in entry}


def test_rewrites_during_a_counted_sync_are_no_miscount() -> None:
    with serving(**BURST, reroll=2, reroll_total=40) as tenant:
        run = tenant.run(verify_counts=True)
        assert run.error is None
        rewritten = {(key,) for key in tenant.vendor.rerolled}
        assert rewritten
        assert set(tenant.vendor.expected("interactions")) - rewritten <= (
            run.by_key("interactions").keys()
        )


def test_without_the_setting_nothing_is_counted() -> None:
    with serving() as tenant:
        tenant.run()
        assert tenant.bodies(AGGREGATES) == []


# What a server may do


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("options", [{"short_pages": 0.5}, {"text_order": True}])
def test_short_pages_and_an_order_of_texts_lose_nothing(
    options: dict[str, Any], width: int
) -> None:
    with serving(interactions=200, burst=60, max_limit=40, **options) as tenant:
        run = tenant.run(max_concurrency=width)
        assert run.error is None
        assert run.by_key("interactions").keys() == tenant.vendor.expected("interactions").keys()


def test_an_order_that_is_ignored_loses_nothing() -> None:
    with serving(order_fields=0, max_limit=25) as tenant:
        assert_complete(tenant, tenant.run())


def test_sparse_days_are_read_together() -> None:
    with serving(days=90) as tenant:
        run = tenant.run()
        assert_complete(tenant, run)
        assert len(tenant.bodies()) <= 16
        reached = {bookmark(state) for state in run.states if state.get("bookmarks")}
        assert len(reached) == 91


@pytest.mark.parametrize("options", [{"slow_range": 30}, {"slow_limit": 200}])
def test_less_is_asked_for_where_answers_time_out(options: dict[str, Any]) -> None:
    with serving(days=12, **options) as tenant:
        run = tenant.run()
        assert_complete(tenant, run)
        late = [e for e in tenant.server.log.entries if e.status == 504]
        assert 2 <= len(late) <= 4


def test_a_query_that_is_always_too_slow_says_what_to_set(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(slow_range=1) as tenant:
        assert tenant.run().error is not None
    assert "Set a shorter window or a longer request_timeout" in caplog.text


def test_pages_are_read_side_by_side() -> None:
    with serving(interactions=900, days=2, max_limit=20) as tenant:
        tenant.server.latency = 0.05
        run = tenant.run(max_concurrency=6, page_size=20)
        assert_complete(tenant, run)
        assert tenant.server.log.max_in_flight == 6
        assert len(tenant.bodies()) <= 70


# Columns


def test_few_columns_are_asked_for_by_name() -> None:
    with serving() as tenant:
        run = tenant.run(columns=["AgentId", "TotalTalkTime"])
        wanted = {"_id", ROLLUP, "AgentId", "TotalTalkTime"}
        assert all(set(body["Fields"]) == wanted for body in tenant.bodies())
        assert run.by_key("interactions").keys() == tenant.vendor.expected("interactions").keys()
        assert all(set(row) == wanted for row in run.rows())


@pytest.mark.parametrize("dropped", [{"AgentId", "ANI"}, {"AgentId"}])
def test_all_columns_are_asked_for_where_few_are_deselected(dropped: set[str]) -> None:
    with serving() as tenant:
        names = set(schema_of("interactions")["properties"])
        run = tenant.run(columns=sorted(names - dropped))
        assert all("Fields" not in body for body in tenant.bodies())
        assert all(dropped.isdisjoint(row) for row in run.rows())


def test_undeclared_fields_are_asked_for_as_long_as_they_are_wanted() -> None:
    with serving() as tenant:
        run = tenant.run(columns=["AgentId", "_extra"])
        assert all("Fields" not in body for body in tenant.bodies())
        assert [row["_extra"] for row in run.rows() if "_extra" in row] == [
            {"SentimentScore": -0.25, "Tags": ["vip", {"level": 2}]}
        ]


# Doubt


def test_a_date_field_that_finds_nothing_is_doubted(caplog: pytest.LogCaptureFixture) -> None:
    with serving(dead_date_fields=(ROLLUP,)) as tenant:
        run = tenant.run()
        assert run.error is None
        assert run.rows() == []
        assert tenant.bodies()[-1]["DateFilterField"] == "StartedDateTimeUtc"
    assert "Set replication_date_field to another field" in caplog.text


def test_a_tenant_without_interactions_is_not_doubted(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as tenant:
        run = tenant.run(start_date="2020-01-01", end_date="2020-01-03")
        assert run.error is None
        assert run.rows() == []
    assert "replication_date_field" not in caplog.text


@pytest.mark.parametrize(("lookback", "is_warned"), [("1h", True), ("7d", False)])
def test_a_short_lookback_by_start_times_is_warned_of(
    lookback: str,
    is_warned: bool,  # noqa: FBT001 - a parameter of the test
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving() as tenant:
        tenant.run(replication_date_field="StartedDateTimeUtc", lookback=lookback)
    assert ("set it to several days" in caplog.text) == is_warned
