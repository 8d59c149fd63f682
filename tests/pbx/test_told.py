"""What an imitation of the vendor by somebody else may do, within what is documented."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tests.pbx.telling import (
    CALLS,
    CONVERSATIONS,
    DETAILS,
    KEY,
    MESSAGES,
    PAGE,
    RING_GROUPS,
    Query,
    Said,
    Telling,
    call,
    counted,
    listing,
)

EVENT = {
    "eventUuid": "e-1", "eventDate": "2026-03-01 10:00:01.104689", "eventType": 28,
    "eventData1": "63492d1e45d3c", "eventData2": "8311", "eventData3": "All", "eventData4": "",
}  # fmt: skip


# The call list


def test_a_documented_call_comes_field_by_field_and_nothing_is_left_over(told: Telling) -> None:
    rows = [call(), call("c-2", "2026-03-01 10:00:00.25", duration=str(2**40), callSeverity=10)]
    run = told.run({CALLS: listing(*rows)}, "calls")
    assert run.rows("calls") == [
        {
            "container_id": "654321", "tenant_id": "0", "callUuid": "c-1",
            "callDate": "2026-03-01T10:00:00.000000Z", "callDirection": 1, "cidName": "Ann",
            "cidNum": "2025550100", "numDialed": "2025550101", "duration": 61,
            "callRecorded": False, "recordingUrl": "", "didDescription": "Main", "cidPrefix": "",
            "lastEvent": "Hangup (Normal)", "callFlagged": False, "callSeverity": 0,
            "callNotes": "", "wentToVoicemail": False, "spokeToPerson": True, "didGroup": "",
            "transcription": None, **changed,
        }
        for changed in (
            {},
            {"callUuid": "c-2", "callDate": "2026-03-01T10:00:00.250000Z", "duration": 2**40,
             "callSeverity": 10},
        )
    ]  # fmt: skip
    assert told.asked == [
        (
            CALLS,
            {
                "auth": "told+key/==", "containerID": "654321", "tenantID": "0",
                "fromDate": "2026-03-01 00:00:00", "toDate": "2026-03-03 00:00:00",
                "utcOffset": "0", "page": "1",
            },
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "said", "read"),
    [
        ("callRecorded", True, True),
        ("callRecorded", "1", True),
        ("callFlagged", "", None),
        ("callSeverity", "", None),
        ("duration", "61.0", 61),
        ("duration", None, None),
        ("callDirection", "2", 2),
        ("callDate", "0000-00-00 00:00:00", None),
        ("callDate", "", None),
        ("callDate", None, None),
        ("cidName", "", ""),
        ("cidNum", 2025550100, "2025550100"),
        ("transcription", "", ""),
    ],
)
def test_values_are_read_in_any_of_their_forms(
    told: Telling, field: str, said: Any, read: object
) -> None:
    run = told.run({CALLS: lambda _query: counted(1, data={"c-1": call(**{field: said})})}, "calls")
    [row] = run.rows("calls")
    assert row[field] == read
    assert "_extra" not in row


@pytest.mark.parametrize(
    "shape",
    [
        lambda rows: {"data": rows},
        lambda rows: {"data": list(rows.values())},
        lambda rows: rows,
        lambda rows: {"data": {k: {f: v for f, v in row.items() if f != "callUuid"}
                               for k, row in rows.items()}},
        lambda rows: {"calls": rows},
        lambda rows: {"data": {"calls": rows}},
    ],
    ids=["map", "list", "top", "key in the map", "other name", "below"],
)  # fmt: skip
def test_calls_are_found_wherever_they_hang(told: Telling, shape: Any) -> None:
    rows = {uuid: call(uuid) for uuid in ("c-1", "c-2")}
    run = told.run({CALLS: lambda _query: {**counted(2), **shape(rows)}}, "calls")
    assert run.code == 0
    assert [row["callUuid"] for row in run.rows("calls")] == ["c-1", "c-2"]
    assert not any("_extra" in row for row in run.rows("calls"))


def many(count: int) -> list[Any]:
    return [call(f"c-{n:04d}", f"2026-03-01 {n % 24:02d}:{n % 60:02d}:07") for n in range(count)]


COUNTS: dict[str, Any] = {
    "right": {},
    "0": {"maxPages": 0},
    "lagging": {"maxPages": 1},
    "null": {"maxPages": None},
    "too many": lambda head: {"maxPages": head["maxPages"] + 1},
    "texts": lambda head: {name: str(value) for name, value in head.items()},
    "left out": {"currentResultSize": None, "currentPage": None, "utcOffset": None},
    "count lags": lambda head: {"maxResultSize": min(PAGE, head["maxResultSize"])},
}


@pytest.mark.parametrize("changed", COUNTS.values(), ids=COUNTS.keys())
def test_page_counts_may_be_anything_and_no_call_is_lost(told: Telling, changed: Any) -> None:
    rows = many(1203)
    plain = listing(*rows)

    def answered(query: Query) -> Said:
        answer: Any = plain(query)
        head = {name: value for name, value in answer.items() if name != "data"}
        return {**answer, **(changed(head) if callable(changed) else changed)}

    run = told.run({CALLS: answered}, "calls")
    assert run.code == 0
    assert sorted(row["callUuid"] for row in run.rows("calls")) == [r["callUuid"] for r in rows]


def test_an_absurd_count_ends_the_stream_before_its_pages_are_laid_out(told: Telling) -> None:
    def answered(query: Query) -> Said:
        at = query["fromDate"]
        return counted(1, 10**12, data={at: call(at, at)})

    run = told.run({CALLS: answered}, "calls")
    assert run.code == 1
    assert "pages of calls" in run.err
    assert len(told.asked) < 60


def test_rows_that_come_go_and_change_places_while_pages_are_read_lose_none_that_stays(
    told: Telling,
) -> None:
    rng = random.Random(5)  # noqa: S311 - seeded, not a secret
    rows, asked = many(1203), [0]
    stays = {row["callUuid"] for row in rows[20:]}

    def answered(query: Query) -> Said:
        asked[0] += 1
        if asked[0] < 12:
            rows.pop(0)
            rows.append(call(f"n-{asked[0]}", f"2026-03-01 05:00:{asked[0]:02d}"))
        return listing(*rng.sample(rows, len(rows)))(query)

    run = told.run({CALLS: answered}, "calls")
    assert run.code == 0
    got = [row["callUuid"] for row in run.rows("calls")]
    assert stays <= set(got)
    assert len(got) == len(set(got))


@pytest.mark.parametrize("is_inclusive", [True, False], ids=["to included", "to left out"])
@pytest.mark.parametrize("cut", [19, 26], ids=["seconds", "microseconds"])
def test_edges_are_read_once_however_the_vendor_compares(
    told: Telling, cut: int, *, is_inclusive: bool
) -> None:
    inside = [
        "2026-03-01 00:00:00", "2026-03-01 23:59:59.5", "2026-03-02 00:00:00",
        "2026-03-02 00:00:00.4", "2026-03-02 23:59:59.999999",
    ]  # fmt: skip
    times = [*inside, "2026-02-28 23:59:59.999", "2026-03-03 00:00:00"]

    def answered(query: Query) -> Said:
        first, last = query["fromDate"], query["toDate"]
        found = [at for at in times if first <= at[:cut] <= last]
        rows = {at: call(at, at) for at in found if is_inclusive or at[:cut] != last}
        return counted(len(rows), data=rows)

    run = told.run({CALLS: answered}, "calls", window="1d")
    assert [row["callUuid"] for row in run.rows("calls")] == inside
    assert run.bookmarks("calls") == {"0": "2026-03-03T00:00:00.000000Z"}


# Settings


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("container_id", "12x456"),
        ("tenant_ids", None),
        ("tenant_ids", ["sales"]),
        ("call_details_path", None),
        ("call_details_path", "/api/c2c_v2.php"),
        ("recording_path", None),
        ("recording_path", "/api/fax_send.php"),
        ("notes_path", None),
        ("redact_pins", None),
        ("phone_numbers", [" "]),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_before_any_request(
    told: Telling, setting: str, value: Any
) -> None:
    run = told.run({CALLS: listing(call())}, "calls", **{setting: value})
    assert run.code == 2
    assert f"Setting '{setting}' must" in run.err
    assert not told.asked


# Events


def details(**fields: Any) -> dict[str, Any]:
    return {CALLS: listing(call()), DETAILS: counted(1, data={"e-1": {**EVENT, **fields}})}


def test_a_documented_event_comes_field_by_field_and_nothing_is_left_over(told: Telling) -> None:
    run = told.run(details(), "call_events")
    assert run.rows("call_events") == [
        {
            "container_id": "654321", "tenant_id": "0", "callUuid": "c-1", "eventUuid": "e-1",
            "callDate": "2026-03-01T10:00:00.000000Z", "eventDate": "2026-03-01T10:00:01.104689Z",
            "eventType": 28, "event_type_name": "Attempt Ring Group",
            "eventData1": "63492d1e45d3c", "eventData2": "8311", "eventData3": "All",
            "eventData4": "",
        }
    ]  # fmt: skip
    assert told.asked[-1] == (
        DETAILS,
        {"auth": "told+key/==", "containerID": "654321", "tenantID": "0", "callUUID": "c-1",
         "utcOffset": "0"},
    )  # fmt: skip


@pytest.mark.parametrize("kind", [40, "40", 40.0, "40.0", " 40 "], ids=repr)
def test_a_pin_is_hidden_however_its_type_is_written(told: Telling, kind: object) -> None:
    run = told.run(details(eventType=kind, eventData1="1234"), "call_events")
    [row] = run.rows("call_events")
    assert (row["eventType"], row["eventData1"]) == (40, "***")
    assert row["event_type_name"] == "Dial-Out Failed - Invalid PIN"
    assert "1234" not in run.out + run.err


@pytest.mark.parametrize(
    "gone",
    [
        {"error": "Call not found."},
        {"error": "The call does not exist in this container."},
        (404, {"error": "This call was not found."}),
        (410, b""),
    ],
    ids=str,
)
def test_a_call_that_the_vendor_no_longer_has_is_left_out_and_told(
    told: Telling, gone: Said
) -> None:
    def answered(query: Query) -> Said:
        return gone if query["callUUID"] == "c-2" else counted(1, data={"e-1": EVENT})

    calls = listing(call(), call("c-2", "2026-03-01 11:00:00"))
    run = told.run({CALLS: calls, DETAILS: answered}, "call_events", max_concurrency=1)
    assert run.code == 0
    assert [row["callUuid"] for row in run.rows("call_events")] == ["c-1"]
    assert "details of a call are gone" in run.err


@pytest.mark.parametrize("pages", [0, 1, 2, "2", None, 7], ids=repr)
def test_a_wrong_count_of_pages_of_events_is_only_a_hint(told: Telling, pages: Any) -> None:
    def answered(query: Query) -> Said:
        rows = {name: {**EVENT, "eventUuid": name} for name in ("e-1", "e-2")}
        return {**counted(2, data=rows if query.get("page", "1") == "1" else {}), "maxPages": pages}

    run = told.run({CALLS: listing(call()), DETAILS: answered}, "call_events")
    assert run.code == 0, run.err
    assert len(run.rows("call_events")) == 2


@pytest.mark.parametrize("is_map", [True, False])
def test_a_blank_identifier_is_none(told: Telling, *, is_map: bool) -> None:
    def answered(_query: Query) -> Said:
        rows = [call("", "2026-03-01 10:00:00"), call("c-1")]
        return counted(2, data={"": rows[0], "c-1": rows[1]} if is_map else rows)

    run = told.run({CALLS: answered}, "calls")
    assert run.code == 1
    assert "callUuid" in run.err
    assert not run.bookmarks("calls")


def test_what_the_vendor_calls_container_or_tenant_is_not_the_key(told: Telling) -> None:
    rows = [call(tenant_id="evil"), call("c-2", container_id="", tenant_id=None)]
    run = told.run({CALLS: listing(*rows)}, "calls")
    keys = {(row["container_id"], row["tenant_id"]) for row in run.rows("calls")}
    assert keys == {("654321", "0")}


def test_the_key_leaves_no_text_in_any_form(told: Telling) -> None:
    forms = (KEY, quote(KEY, safe=""), quote_plus(KEY), quote(KEY, safe="").lower())
    texts = [f"/api/voicemail.php?auth={form}&id=7" for form in forms]
    event = {**EVENT, "eventData1": texts[1], f"of {KEY}": "x"}
    talk = {"conversationWith": "2025550199", "lastMessageDate": "2026-03-01 10:00:00"}
    message = {"messageDate": "2026-03-01 10:00:00", "messageText": texts[2]}
    rows = [call(f"c-{n}", voicemailUrl=text, transcription=text) for n, text in enumerate(texts)]
    run = told.run(
        {
            CALLS: listing(*rows), DETAILS: counted(1, data={"e-1": event}),
            RING_GROUPS: {"data": {"a1": event}},
            CONVERSATIONS: {"conversations": {"77": talk}}, MESSAGES: {"messages": {"9": message}},
        },
        "calls", "call_events", "ring_group_events", "sms_messages", phone_numbers=["2025550101"],
    )  # fmt: skip
    assert run.code == 0, run.err
    assert len(run.rows("calls")) == len(forms)
    assert not [form for form in forms if form.lower() in (run.out + run.err).lower()]


@pytest.mark.parametrize(
    "answer", [(404, "<html>"), "<html>", {"error": "Your CallUUID is missing."}], ids=str
)
def test_details_that_never_come_name_their_setting(told: Telling, answer: Said) -> None:
    run = told.run({CALLS: listing(call()), DETAILS: answer}, "call_events")
    assert run.code == 1
    assert "check call_details_path" in run.err
    assert not run.bookmarks("call_events")


# Ring groups and text messages


@pytest.mark.parametrize("is_below", [True, False])
def test_ring_group_events_may_stand_under_data_or_at_the_top(
    told: Telling, *, is_below: bool
) -> None:
    rows = {"a1": {name: value for name, value in EVENT.items() if name != "eventUuid"}}
    run = told.run({RING_GROUPS: {"data": rows} if is_below else rows}, "ring_group_events")
    [row] = run.rows("ring_group_events")
    assert (row["event_id"], row["eventData2"]) == ("a1", "8311")


def test_a_ring_group_event_may_come_with_the_window_its_call_began_in(told: Telling) -> None:
    event = {**EVENT, "eventDate": "2026-03-02 00:00:09.5"}

    def answered(query: Query) -> Said:
        return {"data": {"a1": event} if query["fromDate"] < "2026-03-02" else []}

    run = told.run({RING_GROUPS: answered}, "ring_group_events", window="1d")
    assert run.code == 0
    assert len(run.rows("ring_group_events")) == 1
    stray = told.run(
        {RING_GROUPS: {"data": {"a1": event}}}, "ring_group_events", window="1d",
        end_date="2026-03-09", now=datetime(2026, 3, 10, tzinfo=UTC),
    )  # fmt: skip
    assert stray.code == 1
    assert "did not heed the dates" in stray.err


def test_a_conversation_of_two_own_numbers_gives_each_message_once(told: Telling) -> None:
    talk = {"conversationWith": "2025550199", "hasUnreadMessages": 1,
            "lastMessageDate": "2026-03-01 10:00:00"}  # fmt: skip
    message = {"messageDate": "2026-03-01 10:00:00", "messageFrom": "2025550199",
               "messageText": "hi"}  # fmt: skip
    run = told.run(
        {CONVERSATIONS: {"conversations": {"77": talk}}, MESSAGES: {"messages": {"9": message}}},
        "sms_conversations", "sms_messages", phone_numbers=["2025550101", "2025550102"],
    )  # fmt: skip
    assert run.code == 0
    assert len(run.rows("sms_conversations")) == 2
    assert [row["message_id"] for row in run.rows("sms_messages")] == ["9"]


@pytest.mark.parametrize(
    "answer",
    [(404, "<html>"), {"error": "Ring groups are not enabled."}, "Feature not available."],
    ids=str,
)
def test_a_report_that_the_vendor_does_not_have_may_be_left_out(
    told: Telling, answer: Said
) -> None:
    run = told.run({RING_GROUPS: answer}, "ring_group_events")
    assert run.code == 1
    assert "skip_unavailable" in run.err
    assert told.run({RING_GROUPS: answer}, "ring_group_events", skip_unavailable=True).code == 0


def test_a_conversation_that_is_gone_does_not_keep_the_others_back(told: Telling) -> None:
    talk = {"conversationWith": "2025550199", "lastMessageDate": "2026-03-01 10:00:00"}
    message = {"messageDate": "2026-03-01 10:00:00", "messageText": "hi"}
    gone = (404, {"error": "The conversation does not exist in this container."})

    def answered(query: Query) -> Said:
        name = query["conversationID"]
        return gone if name == "1" else {"messages": {f"m-{name}": message}}

    talks = {"conversations": dict.fromkeys("123", talk)}
    run = told.run(
        {CONVERSATIONS: talks, MESSAGES: answered}, "sms_messages", phone_numbers=["2025550101"]
    )
    assert run.code == 0, run.err
    assert {row["message_id"] for row in run.rows("sms_messages")} == {"m-2", "m-3"}
    assert "conversation is gone" in run.err
    bare = told.run(
        {CONVERSATIONS: talks, MESSAGES: (404, "<html>")}, "sms_messages",
        phone_numbers=["2025550101"],
    )  # fmt: skip
    assert bare.code == 1
