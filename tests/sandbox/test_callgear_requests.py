"""How the imitated CallGear reads requests: parameters, windows, pages, order, filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contact_sandbox.callgear.methods import BY_STREAM, METHODS
from contact_sandbox.callgear.parameters import add_months
from tests.sandbox.callgear_client import CALLS, NOW, OpenCallGear, whole


@pytest.mark.parametrize(
    ("params", "mnemonic", "field"),
    [
        ({"fields": ["id", "hold_duration"]}, "invalid_parameter_value", "fields"),
        ({"limit": 10_001}, "invalid_parameter_value", "limit"),
        ({"limit": "10"}, "data_type_error", "limit"),
        ({"offset": 100_001}, "invalid_parameter_value", "offset"),
        ({"page": 1}, "unexpected_parameters", "page"),
        ({"date_from": None}, "required_parameter_missed", "date_from"),
        ({"date_till": "2026-11-02"}, "invalid_parameter_value", "date_till"),
        ({"date_till": "2026-11-02T00:00:00Z"}, "invalid_parameter_value", "date_till"),
        ({"date_till": "2026-10-01 00:00:00"}, "invalid_parameters_combination", "date_from"),
        ({"date_till": "2027-02-01 00:00:01"}, "date_interval_limit_reached", "date_till"),
        ({"sort": [{"field": "id"}]}, "sort_prohibited", "id"),
        ({"sort": [{"field": "nothing"}]}, "invalid_parameter_value", "sort"),
        (
            {"filter": {"field": "start_time", "operator": ">", "value": "2026-11-01 00:00:00"}},
            "filter_prohibited",
            "start_time",
        ),
        (
            {"filter": {"field": "id", "operator": "like", "value": "1%"}},
            "invalid_parameter_value",
            "filter.operator",
        ),
    ],
)
def test_a_bad_parameter_refuses_the_whole_request(
    open_callgear: OpenCallGear, params: dict[str, Any], mnemonic: str, field: str
) -> None:
    rpc, _ = open_callgear()
    dates = {"date_from": "2026-11-01 00:00:00", "date_till": "2027-02-01 00:00:00"}
    refused = rpc.error(CALLS, **{**dates, **params})
    assert (refused["mnemonic"], refused["field"]) == (mnemonic, field)
    assert refused["code"] == -32602
    assert refused["metadata"] == {"limits": {}}
    assert rpc.data(CALLS, **dates) != []


def test_windows_are_capped_by_calendar_months_ninety_and_thirty_days(
    open_callgear: OpenCallGear,
) -> None:
    rpc, _ = open_callgear()
    cases = [
        (CALLS, {}, datetime(2026, 11, 30, tzinfo=UTC), datetime(2027, 2, 28, tzinfo=UTC)),
        ("get.campaign_daily_stat", {"site_id": 46_000}, NOW, NOW + timedelta(days=90)),
        ("get.chat_messages_report", {}, NOW, NOW + timedelta(days=30)),
    ]
    for method, params, first, last in cases:
        dates = {"date_from": f"{first:%Y-%m-%d %X}", "date_till": f"{last:%Y-%m-%d %X}"}
        assert "result" in rpc.call(method, **dates, **params)
        dates["date_till"] = f"{last + timedelta(seconds=1):%Y-%m-%d %X}"
        assert rpc.error(method, **dates, **params)["mnemonic"] == "date_interval_limit_reached"
    assert add_months(datetime(2023, 11, 30), 3) == datetime(2024, 2, 29)  # noqa: DTZ001


def test_required_parameters_differ_by_method(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear()
    for method in ("get.campaign_daily_stat", "get.ct_ac_summary_report"):
        assert rpc.error(method, **whole(vendor))["field"] == "site_id"
    assert rpc.error("get.chat_messages_report")["mnemonic"] == "required_parameter_missed"
    chat = next(iter(vendor.expected("chats")))[0]
    rows = rpc.data("get.chat_messages_report", chat_id=chat)
    assert [row["chat_id"] for row in rows] == [chat] * 3


def test_without_fields_only_the_default_ones_come(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear()
    for stream, without in (("goals", "date_time"), ("visitor_sessions", "id"), ("tags", "color")):
        method = BY_STREAM[stream]
        dates = whole(vendor) if method.time else {}
        rows = rpc.data(method.name, **dates)
        assert {name for row in rows for name in row} == set(method.default_names)
        assert without not in method.default_names
    rating = rpc.data("get.tags", is_include_rating=True)
    assert set(rating[0]) == {"id", "name", "is_system", "rating"}


def test_some_calls_carry_a_member_that_nobody_asked_for(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear()
    rows = rpc.data(CALLS, **whole(vendor), fields=["id", "start_time"])
    assert {tuple(sorted(row)) for row in rows} == {
        ("id", "start_time"),
        ("hold_duration", "id", "start_time"),
    }


def test_pages_are_cut_by_limit_and_offset_with_one_total(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear(calls=1100, stable_order=True)
    total = len(vendor.expected("calls"))
    first = rpc.call(CALLS, **whole(vendor))["result"]
    assert first["metadata"] == {"total_items": total, "version": None, "limits": {}}
    assert len(first["data"]) == 1000 < total
    second = rpc.call(CALLS, **whole(vendor), offset=1000)["result"]
    assert second["metadata"]["total_items"] == total
    ids = {row["id"] for row in first["data"] + second["data"]}
    assert len(ids) == total
    assert rpc.data(CALLS, **whole(vendor), offset=total) == []


def test_short_pages_end_before_the_asked_limit(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear(short_pages=True)
    result = rpc.call(CALLS, **whole(vendor), limit=90)["result"]
    assert len(result["data"]) == 60 < result["metadata"]["total_items"]


def test_the_order_of_unsorted_rows_changes_from_request_to_request(
    open_callgear: OpenCallGear,
) -> None:
    rpc, vendor = open_callgear()
    orders = [[row["id"] for row in rpc.data(CALLS, **whole(vendor))] for _ in range(4)]
    assert len({tuple(order) for order in orders}) > 1
    assert len({frozenset(order) for order in orders}) == 1
    again, other = open_callgear()
    assert [row["id"] for row in again.data(CALLS, **whole(other))] == orders[0]


def test_sorting_is_by_instant_and_leaves_ties_open(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear(burst=30)
    sort = [{"field": "start_time", "order": "desc"}]
    params = {**whole(vendor), "sort": sort, "fields": ["id", "start_time"]}
    orders = [[row["id"] for row in rpc.data(CALLS, **params)] for _ in range(4)]
    rows = vendor.account.stream("calls").rows
    instants = {row.own["id"]: row.at for row in rows}
    for order in orders:
        found = [instants[ident] for ident in order]
        assert found == sorted(found, key=lambda at: at or NOW, reverse=True)


def test_a_burst_lies_within_one_second(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear(burst=620)
    rows = rpc.data(CALLS, **whole(vendor), limit=10_000)
    ((second, count),) = Counter(row["start_time"] for row in rows).most_common(1)
    assert count >= 620
    edge = {"date_from": second, "date_till": second}
    assert 0 < len(rpc.data(CALLS, **edge, limit=10_000)) < 620
    after = datetime.fromisoformat(second) + timedelta(seconds=1)
    result = rpc.call(CALLS, date_from=second, date_till=str(after), limit=500)["result"]
    assert result["metadata"]["total_items"] == count


def test_the_end_of_a_range_is_inclusive_or_not(open_callgear: OpenCallGear) -> None:
    totals = {}
    for till in ("inclusive", "exclusive"):
        rpc, vendor = open_callgear(till=till, fractions=False)
        first = rpc.data(CALLS, **whole(vendor), sort=[{"field": "start_time"}])[0]
        edge = {"date_from": first["start_time"], "date_till": first["start_time"]}
        totals[till] = len(rpc.data(CALLS, **edge))
    assert totals == {"inclusive": 1, "exclusive": 0}


@pytest.mark.parametrize(
    ("tree", "passes"),
    [
        ({"field": "direction", "operator": "=", "value": "in"}, lambda r: r["direction"] == "in"),
        (
            {"field": "contact_phone_number", "operator": "!=", "value": None},
            lambda r: r["contact_phone_number"] is not None,
        ),
        (
            {"field": "total_duration", "operator": ">=", "value": 600},
            lambda r: r["total_duration"] >= 600,
        ),
        (
            {"field": "contact_phone_number", "operator": "like", "value": "%0"},
            lambda r: (r["contact_phone_number"] or "").endswith("0"),
        ),
        (
            {
                "condition": "and",
                "filters": [
                    {"field": "is_lost", "operator": "=", "value": False},
                    {
                        "condition": "or",
                        "filters": [
                            {"field": "direction", "operator": "in", "value": ["out"]},
                            {"field": "total_duration", "operator": "<", "value": 100},
                        ],
                    },
                ],
            },
            lambda r: not r["is_lost"] and (r["direction"] == "out" or r["total_duration"] < 100),
        ),
    ],
)
def test_filters_select_rows(
    open_callgear: OpenCallGear, tree: dict[str, Any], passes: Callable[[dict[str, Any]], bool]
) -> None:
    rpc, vendor = open_callgear()
    every = vendor.expected("calls").values()
    wanted = {row["id"] for row in every if passes(row)}
    found = {row["id"] for row in rpc.data(CALLS, **whole(vendor), filter=tree)}
    assert found == wanted
    assert 0 < len(found) < len(every)


def test_a_wide_page_of_five_thousand_calls_comes_whole(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear(calls=5000)
    fields = list(METHODS[CALLS].fields)
    rows = rpc.data(CALLS, **whole(vendor), limit=5000, fields=fields)
    assert len({row["id"] for row in rows}) == 5000
    assert set().union(*rows) >= set(fields)
