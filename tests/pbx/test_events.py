"""Events of calls, wherever they hang, with PINs hidden; ring groups and text messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contact_sandbox.pbx.events import LONG
from tests.pbx.syncing import Key, Row, agrees, serving

PINS = {40: "eventData1", 55: "eventData4", 64: "eventData4", 75: "eventData4"}
ONE: dict[str, Any] = {"tenants": ("0",), "calls": 250, "days": 4}


def hidden(row: Row) -> Row:
    """Give an expected event as it has to come out."""
    name = PINS.get(row["eventType"])
    return {**row, name: "***"} if name else row


@pytest.mark.parametrize("shape", ["data", "events", "array", "record", "nested"])
def test_events_come_whole_wherever_they_hang_with_pins_hidden(tmp_path: Path, shape: str) -> None:
    with serving(tmp_path, details_shape=shape, **ONE) as pbx:
        run = pbx.sync("call_events")
        assert run.code == 0
        got, wanted = run.records("call_events"), pbx.expected("call_events")
        calls = pbx.expected("calls")
    assert got.keys() == wanted.keys()
    assert all(agrees(got[key], hidden(row)) for key, row in wanted.items())
    assert {row["eventType"] for row in got.values()} & PINS.keys()
    assert all(row["callDate"] == calls[key[:3]]["callDate"] for key, row in got.items())
    assert max(counts(got).values()) > LONG


def counts(records: dict[Key, Row]) -> dict[str, int]:
    calls = [key[2] for key in records]
    return {call: calls.count(call) for call in set(calls)}


def test_pins_come_as_they_are_where_that_is_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path, **ONE) as pbx:
        got = pbx.sync("call_events", redact_pins=False).records("call_events")
        assert all(agrees(got[key], row) for key, row in pbx.expected("call_events").items())


def test_event_types_are_named_and_new_ones_pass_without_a_name(tmp_path: Path) -> None:
    with serving(tmp_path, **ONE) as pbx:
        run = pbx.sync("call_events", "event_types")
        types, events = run.records("event_types"), run.records("call_events")
        purposes = pbx.expected("event_types")
    assert types.keys() == {(number,) for number in range(1, 99)}
    assert all(types[key]["purpose"] == row["purpose"] for key, row in purposes.items())
    for row in events.values():
        known = types.get((row["eventType"],))
        assert row["event_type_name"] == (known["purpose"] if known else None)
    new = {row["eventType"] for row in events.values()} - {key[0] for key in types}
    assert new
    assert all(run.err.count(f"Event type {number} is newer") == 1 for number in new)


def test_the_order_of_records_does_not_depend_on_how_many_requests_are_in_flight(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, unstable_ties=False, **ONE) as pbx:
        end = pbx.vendor.now.isoformat()
        one, many = (
            pbx.sync("call_events", max_concurrency=width, end_date=end).rows("call_events")
            for width in (1, 8)
        )
        assert one == many
        assert 2 <= pbx.server.log.max_in_flight <= 8


def test_a_wrong_details_path_is_named(tmp_path: Path) -> None:
    with serving(tmp_path, **ONE) as pbx:
        run = pbx.sync("call_events", call_details_path="/api/details.php")
        assert run.code == 1
        assert "check call_details_path" in run.err
        assert not run.rows("call_events")


def test_changed_calls_bring_their_new_events(tmp_path: Path) -> None:
    with serving(tmp_path, **ONE) as pbx:
        first = pbx.sync("call_events")
        pbx.vendor.change(1)
        second = pbx.sync("call_events", state=first.state)
        together = {**first.records("call_events"), **second.records("call_events")}
        assert together.keys() == pbx.expected("call_events").keys()
        assert len(second.rows("call_events")) > 0


@pytest.mark.parametrize("by", ["event", "call"])
def test_ring_group_events_take_their_key_from_the_map(tmp_path: Path, by: str) -> None:
    with serving(tmp_path, ring_groups_by=by) as pbx:
        run = pbx.sync("ring_group_events")
        got, wanted = run.records("ring_group_events"), pbx.expected("ring_group_events")
        assert got.keys() == wanted.keys()
        assert all(agrees(got[key], row) for key, row in wanted.items())
        assert run.bookmarks("ring_group_events").keys() == {"0", "101", "102"}


def test_text_messages_come_by_number_and_new_ones_with_the_next_run(tmp_path: Path) -> None:
    streams = ("sms_conversations", "sms_messages")
    with serving(tmp_path) as pbx:
        for change in (0, 1):
            if change:
                pbx.vendor.change(change)
            run = pbx.sync(*streams)
            assert run.code == 0
            for stream in streams:
                got, wanted = run.records(stream), pbx.expected(stream)
                assert got.keys() == wanted.keys()
                assert all(agrees(got[key], row, ("_extra",)) for key, row in wanted.items())
        owners = run.records("sms_conversations").values()
        talks = {(row["conversation_id"], row["phone_number"]) for row in owners}
        messages = run.rows("sms_messages")
        assert all((row["conversation_id"], row["phone_number"]) in talks for row in messages)
        assert len(messages) == len(run.records("sms_messages"))
        assert len({talk for talk, _ in talks}) == len(talks) - 1  # one is between own numbers


def test_an_unknown_number_fails_alone_and_none_at_all_is_said(tmp_path: Path) -> None:
    with serving(tmp_path) as pbx:
        numbers = ["2025559999", *pbx.settings["phone_numbers"]]
        run = pbx.sync("sms_conversations", phone_numbers=numbers)
        assert run.code == 1
        assert "does not exist in this container" in run.err
        assert "(phone_numbers_entry 1)" in run.err
        assert not any(number in run.err for number in numbers)
        assert run.records("sms_conversations").keys() == pbx.expected("sms_conversations").keys()
        none = pbx.sync("sms_messages", phone_numbers=[])
        assert none.code == 1
        assert "phone_numbers" in none.err
