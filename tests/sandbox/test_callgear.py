"""What the imitated CallGear holds: streams, values, times, changes."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from contact_sandbox.callgear.access import TOKEN
from contact_sandbox.callgear.api import CallGear
from contact_sandbox.callgear.methods import BY_STREAM, METHODS
from tests.sandbox.callgear_client import CALLS, NOW, OpenCallGear, whole


def by_campaign(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["campaign_ext_id"]: row for row in rows}


def test_every_method_declares_as_many_fields_as_the_vendor() -> None:
    found = {
        name: (len(method.fields), len(method.default_names)) for name, method in METHODS.items()
    }
    assert found[CALLS] == (105, 23)
    assert found["get.chats_report"] == (83, 18)
    assert found["get.visitor_sessions_report"] == (58, 6)
    assert found["get.campaigns"] == (22, 15)
    assert len(found) == 40


def test_every_stream_is_answered_as_expected_says(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear(agent=True, stable_order=True)
    user = vendor.settings("")["user_id"]
    for stream, method in BY_STREAM.items():
        if method.time == "*" or "site_id" in method.required:
            continue
        params: dict[str, Any] = {"user_id": user, "limit": 10_000, "fields": list(method.fields)}
        dates = whole(vendor)
        windows = [dates] if method.time else [{}]
        if method.window == "30":
            edges = [dates["date_from"], "2026-10-20 11:11:11", "2026-11-10 00:00:00"]
            edges.append(dates["date_till"])
            windows = [{"date_from": a, "date_till": b} for a, b in pairwise(edges)]
        rows = [row for dates in windows for row in rpc.data(method.name, **params, **dates)]
        found = {tuple(row[name] for name in method.key): row for row in rows}
        assert len(found) == len(rows) > 0, stream
        assert found == vendor.expected(stream), stream


def test_daily_streams_are_answered_as_expected_says(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear()
    day, site = "2026-11-03", 46_000
    dates = {"date_from": f"{day} 00:00:00", "date_till": f"{day} 23:59:59"}
    staff = rpc.data("get.employee_stat", **dates)
    assert {(day, row["id"]): row for row in staff} == {
        key: row for key, row in vendor.expected("employee_stats").items() if key[0] == day
    }
    fields = list(METHODS["get.campaign_daily_stat"].fields)
    answer = rpc.call("get.campaign_daily_stat", site_id=site, fields=fields, **dates)
    expected = vendor.expected("campaign_daily_stats")
    wanted = [row for key, row in expected.items() if key[:2] == (day, site)]
    assert by_campaign(answer["result"]) == by_campaign(wanted)
    assert len(wanted) == 3
    tracking = rpc.data("get.ct_ac_summary_report", site_id=site, **dates)
    assert {(day, site, row["ac_id"]): row for row in tracking} == {
        key: row
        for key, row in vendor.expected("ct_campaign_summary").items()
        if key[:2] == (day, site)
    }


def test_employee_stats_add_up_over_the_asked_days(open_callgear: OpenCallGear) -> None:
    rpc, _ = open_callgear()

    def seconds(first: str, last: str, **params: Any) -> Counter[str]:
        dates = {"date_from": f"{first} 00:00:00", "date_till": f"{last} 23:59:59"}
        rows = rpc.data("get.employee_stat", **dates, **params)
        return Counter(next(row for row in rows if row["id"] == 40_000)["status_stats"])

    both = seconds("2026-11-03", "2026-11-04")
    assert both == seconds("2026-11-03", "2026-11-03") + seconds("2026-11-04", "2026-11-04")
    by_id = seconds("2026-11-03", "2026-11-03", only_default_statuses_in_stats=False)
    assert set(by_id) == {"40", "41", "42", "44"}


def test_the_account_names_its_zone_and_takes_nothing_but_the_token(
    open_callgear: OpenCallGear,
) -> None:
    rpc, vendor = open_callgear(timezone="Asia/Dubai")
    result = rpc.call("get.account")["result"]
    assert set(result) == {"meta_data", "data"}
    assert result["data"] == list(vendor.expected("account").values())
    assert result["data"][0]["timezone"] == "Asia/Dubai"
    refused = rpc.error("get.account", limit=1)
    assert (refused["mnemonic"], refused["field"]) == ("unexpected_parameters", "limit")


@pytest.mark.parametrize("ranges", ["local", "utc"])
def test_both_changes_of_the_clock_have_rows(open_callgear: OpenCallGear, ranges: str) -> None:
    rpc, vendor = open_callgear(days=300, calls=40, ranges=ranges)
    sort = [{"field": "start_time"}]
    dates = {"date_from": "2026-10-25 01:00:00", "date_till": "2026-10-25 04:00:00"}
    autumn = [row["start_time"] for row in rpc.data(CALLS, **dates, sort=sort)]
    assert autumn.count("2026-10-25 02:30:00") == 2
    assert autumn != sorted(autumn)
    dates = {"date_from": "2026-03-29 01:00:00", "date_till": "2026-03-29 04:00:00"}
    spring = [row["start_time"] for row in rpc.data(CALLS, **dates, sort=sort)]
    assert {"2026-03-29 01:59:59", "2026-03-29 03:00:00"} <= set(spring)
    assert not [text for text in spring if text[11:13] == "02"]
    assert len(vendor.expected("calls")) > 40


def test_rows_before_the_start_are_served_but_not_expected(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear()
    first = vendor.account.clock.text(vendor.start - timedelta(days=3))
    last = vendor.account.clock.text(vendor.start)
    served = {row["id"] for row in rpc.data(CALLS, date_from=first, date_till=last)}
    expected = {key[0] for key in vendor.expected("calls")}
    assert len(served - expected) == 3
    assert len(served & expected) == 1


def test_calls_in_progress_are_listed_only_when_asked_for(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear()
    finished = {row["id"] for row in rpc.data(CALLS, **whole(vendor))}
    rows = rpc.data(CALLS, **whole(vendor), include_ongoing_calls=True)
    ongoing = [row for row in rows if row["id"] not in finished]
    assert len(ongoing) == 3
    assert {row["finish_time"] for row in ongoing} == {None}
    assert all(row["id"] > 2**53 for row in ongoing)
    assert finished == {key[0] for key in vendor.expected("calls")}


def test_values_are_as_contradictory_as_the_vendor_documents(open_callgear: OpenCallGear) -> None:
    _, vendor = open_callgear(hits_object=True, calls=400)
    rows = {stream: list(vendor.expected(stream).values()) for stream in vendor.streams}

    def types(stream: str, name: str) -> set[type]:
        return {type(row[name]) for row in rows[stream]}

    assert types("chats", "duration") == {str}
    assert types("visitor_sessions", "duration") == {str, int}
    assert types("visitor_sessions", "hits") == {list, dict, type(None)}
    assert types("financial_call_legs", "call_session_id") == {str, int}
    assert types("goals", "ext_id") == {str, int}
    assert types("calls", "call_records") == {list, type(None)}
    assert {type(number) for row in rows["contacts"] for number in row["phone_numbers"]} == {int}
    assert types("campaign_daily_stats", "cost_sum") == {str}
    assert {-1, -3} <= {row["id"] for row in rows["sources"]}
    assert any(row["visitor_id"] > 2**32 for row in rows["calls"])
    assert {row["id"] for row in rows["calls"]} & {row["id"] for row in rows["chats"]}
    assert {tuple(sorted(item)) for row in rows["calls"] for item in row["employees"] or []} == {
        ("employee_full_name", "employee_id", "is_answered"),
        ("employee_full_name", "employee_id", "is_answered", "is_talked"),
    }
    assert all(row["password"].startswith("sandbox-sip-secret-") for row in rows["sip_lines"])
    assert sum("\ud83d" in (row["text"] or "") for row in rows["offline_messages"]) == 1
    assert sum("\ud83d" in (row["text"] or "") for row in rows["chat_messages"]) == 1
    assert "\x00" not in json.dumps(rows, ensure_ascii=False)


def test_no_member_comes_twice_in_a_row(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear()

    def strict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)

    vendor.change(1)
    for stream in ("calls", "communications", "chats", "goals", "offline_messages"):
        method = BY_STREAM[stream]
        call = {"jsonrpc": "2.0", "id": 1, "method": method.name}
        params = {"access_token": TOKEN, **whole(vendor), "fields": list(method.fields)}
        rpc.connection.request("POST", "/v2.0", json.dumps({**call, "params": params}))
        body = rpc.connection.getresponse().read()
        rows = json.loads(body, object_pairs_hook=strict)["result"]["data"]
        assert all(set(method.fields) <= set(row) for row in rows)
        assert {name for row in rows for name in row} - set(method.fields) <= {"hold_duration"}


def test_a_change_adds_late_and_recent_rows_and_rewrites_others(
    open_callgear: OpenCallGear,
) -> None:
    rpc, vendor = open_callgear()
    before = {stream: vendor.expected(stream) for stream in vendor.streams}
    vendor.change(1)
    after = {stream: vendor.expected(stream) for stream in vendor.streams}
    added = {stream: set(after[stream]) - set(before[stream]) for stream in after}
    assert all(set(before[stream]) <= set(after[stream]) for stream in after)
    assert {stream: len(keys) for stream, keys in added.items() if keys} == {
        "calls": 8,
        "call_legs": len(added["call_legs"]),
        "financial_call_legs": len(added["call_legs"]),
        "communications": 11,
        "chats": 1,
        "chat_messages": 1,
        "goals": 1,
        "offline_messages": 1,
        "visitor_sessions": 1,
    }
    starts = sorted(after["calls"][key]["start_time"] for key in added["calls"])
    assert starts[0] == vendor.account.clock.text(NOW - timedelta(days=2))
    assert starts[1] == vendor.account.clock.text(NOW - timedelta(minutes=80))
    assert starts[2] >= vendor.account.clock.text(NOW - timedelta(minutes=10))
    changed = {
        stream: [key for key, row in before[stream].items() if after[stream][key] != row]
        for stream in after
    }
    assert 1 <= len(changed["calls"]) <= 10
    assert len(changed["chats"]) == 1
    assert len(changed["campaign_daily_stats"]) == 3
    rows = rpc.data(CALLS, **whole(vendor), fields=list(METHODS[CALLS].fields))
    assert {(row["id"],): row for row in rows} == after["calls"]
    vendor.change(2)
    assert len(vendor.expected("calls")) == len(after["calls"]) + 8


def test_the_same_seed_gives_the_same_account() -> None:
    def rows(seed: int) -> dict[Any, Any]:
        return CallGear(seed=seed, now=NOW, calls=30, burst=5).expected("communications")

    assert rows(3) == rows(3)
    assert rows(3) != rows(4)
