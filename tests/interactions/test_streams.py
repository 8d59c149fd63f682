"""Every stream holds exactly what the vendor has, over real sockets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contact_sandbox import Faults
from contact_sandbox.interactions.api import Interactions
from contact_sandbox.interactions.tickets import EMAIL_ACCOUNT_KEY
from tests.interactions.tenant import NOW, Run, Tenant, bookmark, differing, keys_of, serving

STREAMS = Interactions.streams
INCREMENTAL = ("interactions", "report_messages", "agent_workstate_events", "tickets")


def assert_holds_everything(tenant: Tenant, run: Run, stream: str) -> None:
    expected = tenant.vendor.expected(stream)
    found = run.by_key(stream, keys_of(stream))
    assert found.keys() == expected.keys()
    assert len(found) == len(run.rows(stream)), "a key came twice"
    assert {
        key: wrong for key in found if (wrong := differing(stream, expected[key], found[key]))
    } == {}


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_equals_what_the_vendor_has(stream: str) -> None:
    with serving() as tenant:
        run = tenant.run(stream)
        assert run.error is None
        assert_holds_everything(tenant, run, stream)


@pytest.mark.parametrize(("concurrency", "rate"), [(1, 0.05), (4, 0.2)])
def test_faults_at_the_wire_and_passing_errors_lose_nothing(concurrency: int, rate: float) -> None:
    with serving(faults=Faults(rate=rate, seed=5), transient=17) as tenant:
        run = tenant.run(*STREAMS, max_concurrency=concurrency, max_attempts=12)
        assert run.error is None
        for stream in STREAMS:
            assert_holds_everything(tenant, run, stream)
        assert tenant.server.log.max_in_flight <= concurrency


@pytest.mark.parametrize("stream", INCREMENTAL)
def test_a_later_run_brings_what_changed_and_moves_the_watermark(stream: str) -> None:
    with serving() as tenant:
        first = tenant.run(stream)
        assert bookmark(first.state, stream) == "2026-11-20T15:25:00.000000Z"
        before = set(tenant.vendor.expected(stream))
        tenant.vendor.change(7)
        later = tenant.run(stream, at=NOW + timedelta(minutes=20), state=first.state)
        assert bookmark(later.state, stream) == "2026-11-20T15:45:00.000000Z"
        after = tenant.vendor.expected(stream)
        assert after.keys() > before
        assert after.keys() - before <= later.by_key(stream, keys_of(stream)).keys()
        merged = {**first.by_key(stream, keys_of(stream)), **later.by_key(stream, keys_of(stream))}
        assert merged.keys() == after.keys()
        assert [key for key in merged if differing(stream, after[key], merged[key])] == []


def test_messages_carry_the_window_that_they_came_in() -> None:
    with serving() as tenant:
        run = tenant.run("report_messages")
        rows = run.rows("report_messages")
        assert rows
        assert all(row["window_start"] < row["window_end"] for row in rows)
        assert max(row["window_end"] for row in rows) <= bookmark(run.state, "report_messages")
        bodies = tenant.bodies("/reporting/api/v1/report-message/details")
        assert all({"Filter", "DateFilterField"}.isdisjoint(body) for body in bodies)


def test_a_message_that_is_read_again_keeps_the_window_it_came_in() -> None:
    with serving() as tenant:
        whole = tenant.run("report_messages", end_date="2026-11-20").by_key("report_messages")
        entry = {"replication_key": "window_end", "replication_key_value": "2026-11-18T05:00:00Z"}
        state = {"bookmarks": {"report_messages": entry}}
        again = tenant.run("report_messages", state=state, end_date="2026-11-20")
        assert 0 < len(again.rows("report_messages")) < len(whole)
        assert again.by_key("report_messages").items() <= whole.items()
        asked = tenant.bodies("/reporting/api/v1/report-message/details")
        assert min(body["StartDateTime"] for body in asked[-4:]) == "2026-11-18T03:59:59.999Z"


def test_an_events_instant_is_its_epoch() -> None:
    with serving() as tenant:
        rows = tenant.run("agent_workstate_events").rows("agent_workstate_events")
        assert rows
        for row in rows:
            assert row["event_at"].endswith(".000000Z")
        expected = tenant.vendor.expected("agent_workstate_events")
        epochs = [expected[row["_id"],]["Epoch"] for row in rows]
        assert epochs == sorted(epochs)


@pytest.mark.parametrize("width", [1, 4])
def test_events_of_one_second_come_whole_although_their_order_changes(width: int) -> None:
    options: dict[str, Any] = {"events": 400, "days": 1, "order_fields": 1, "max_limit": 30}
    with serving(**options) as tenant:
        run = tenant.run("agent_workstate_events", max_concurrency=width)
        assert run.error is None
        assert_holds_everything(tenant, run, "agent_workstate_events")


def test_only_closed_days_are_rolled_up_and_the_last_ones_are_read_again() -> None:
    with serving() as tenant:
        first = tenant.run("agent_workstate_rollup")
        days = sorted({row["period_start"][:10] for row in first.rows("agent_workstate_rollup")})
        assert days[0] == "2026-11-16"
        assert days[-1] == "2026-11-19"
        later = tenant.run("agent_workstate_rollup", at=NOW + timedelta(days=1), state=first.state)
        again = {row["period_start"][:10] for row in later.rows("agent_workstate_rollup")}
        assert {"2026-11-18", "2026-11-19", "2026-11-20"} <= again
        assert "2026-11-21" not in again
        assert {row["period_end"][11:] for row in later.rows("agent_workstate_rollup")} == {
            "00:00:00.000000Z"
        }


def test_routing_lists_ask_for_pages_of_a_size_and_an_order() -> None:
    with serving() as tenant:
        known = tenant.run("workstates", "workstate_sets")
        assert len(known.rows("workstates")) == 31
        pages = [e.query for e in tenant.server.log.entries if e.path.endswith("/workstates")]
        assert all(query["MaxResultCount"] == ["100"] for query in pages)
        assert all(query["Sorting"] == ["id"] for query in pages)


def test_a_ticket_never_shows_the_key_to_its_mail_account() -> None:
    with serving(tickets=30) as tenant:
        rows = tenant.run("tickets").rows("tickets")
        assert any(row["emailAccount"] for row in rows)
        assert EMAIL_ACCOUNT_KEY not in repr(rows)


def test_lookups_survive_another_method_and_a_list_inside_an_object() -> None:
    methods = {"queues": "POST", "agents": "GET", "dispositions": "GET"}
    with serving(lookup_methods=methods, wrapped=("queues", "agents")) as tenant:
        run = tenant.run("queues", "agents", "dispositions", "disposition_sets")
        assert run.error is None
        for stream in ("queues", "agents", "dispositions", "disposition_sets"):
            assert_holds_everything(tenant, run, stream)
