"""The Infinity imitation's trigger reports: paging, days, redaction, late and changing rows."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest

from contact_sandbox.infinity.api import InfinityVendor
from tests.sandbox.infinity.client import (
    CALLS,
    NOW,
    WHOLE,
    Client,
    Row,
    keyset,
    serve,
)


def test_keyset_pages_hold_every_call_once_over_a_change_of_digits(
    client: Client, vendor: InfinityVendor
) -> None:
    pages = keyset(client)
    ids = [int(row["rowId"]) for page in pages for row in page]
    assert all(isinstance(row["rowId"], str) for page in pages for row in page)
    assert ids == sorted(set(ids))
    texts = [str(number) for number in ids]
    assert texts != sorted(texts)
    expected = {row_id for igrp, row_id in vendor.expected("calls") if igrp == 101}
    assert expected <= set(ids)


@pytest.mark.parametrize(
    ("report", "stream"),
    [("goals", "goal_triggers"), ("transactions", "transactions"), ("users", "call_users"),
     ("visits", "visits"), ("touchPoints", "touch_points"), ("all", "triggers")],
)  # fmt: skip
def test_reports_hold_what_is_expected(
    client: Client, vendor: InfinityVendor, report: str, stream: str
) -> None:
    start = vendor.start.strftime("%Y-%m-%d %H:%M:%S")
    for igrp in (101, 2044, 31007):
        pages = keyset(client, f"/reports/v2.1/igrps/{igrp}/triggers/{report}", 5000)
        rows = [row for row in pages[0] if row["triggerDatetime"] >= start]
        found = {(igrp, int(row["rowId"])): row for row in rows}
        assert found == {key: row for key, row in vendor.expected(stream).items() if key[0] == igrp}
        assert found


def test_acts_of_the_reports(client: Client) -> None:
    def rows(report: str) -> list[Row]:
        return keyset(client, f"/reports/v2.1/igrps/101/triggers/{report}", 5000)[0]

    everything = rows("all")
    assert {"land", "page", "call", "callUser", "callRate", "sale", "SALE"} <= {
        row["act"] for row in everything
    }
    assert {row["act"] for row in rows("users")} == {"callUser"}
    assert {row["act"] for row in rows("visits")} == {"land"}
    assert any(row["act"] == "callRate" and row["txc"] for row in everything)
    assert not any(row["act"] == "callRate" for row in rows("transactions"))
    parts = {row["rowId"] for name in ("calls", "goals", "transactions") for row in rows(name)}
    assert {row["rowId"] for row in rows("callsGoalsTransactions")} == parts


def test_former_paths_carry_the_installation_in_the_query(client: Client) -> None:
    asked = {**WHOLE, "limit": 9, "igrp": 101}
    rows = client.rows("/reports/v2.1/triggers/callStatus", asked)
    assert {row["act"] for row in rows} <= {"callBlegStart", "callAlegStop"}
    assert len(client.rows("/reports/v2.1/triggers/calls/users", asked)) == 9


def test_wire_mixes_text_numbers_blanks_and_nulls(client: Client) -> None:
    rows = keyset(client, limit=5000)[0]
    durations = [row["callDuration"] for row in rows]
    assert {type(value) for value in durations} == {str, int}
    assert {None, ""} <= {row["callRating"] for row in rows}
    assert {type(row["ppcAssisted"]) for row in rows} == {int}
    assert any(row["visitorFirstDatetime"].startswith("0000") for row in rows)
    assert any(row["leadScore"] == "n/a" for row in rows if "leadScore" in row)
    assert any("\ud83d" in (row["notes"] or "") for row in rows)
    assert any("\u2028" in (row["notes"] or "") for row in rows)
    assert any("aiSummary" in row for row in rows)
    assert all("c_branch" in row for row in rows)
    assert any("leadScore" not in row for row in rows)


def test_filter_values_may_hold_hyphens(client: Client) -> None:
    first = client.rows(CALLS, {**WHOLE, "limit": 1})[0]
    asked = {**WHOLE, "limit": 5, "filter[]": f"vid-eq-value-{first['vid']}"}
    assert [row["rowId"] for row in client.rows(CALLS, asked)] == [first["rowId"]]


def test_short_pages_lose_nothing() -> None:
    with serve(short_pages=0.5) as server:
        client = Client(server.url("infinity"))
        pages = keyset(client, limit=20)
        assert any(len(page) < 20 for page in pages[:-2])
        vendor = server.vendors["infinity"]
        found = {int(row["rowId"]) for page in pages for row in page}
        assert {row_id for igrp, row_id in vendor.expected("calls") if igrp == 101} <= found


def test_days_are_inclusive_and_follow_the_zone(client: Client) -> None:
    asked = {
        "startDate": "2025-03-02",
        "endDate": "2025-03-30",
        "limit": 5000,
        "sort[]": "rowId-asc",
    }
    path = "/reports/v2.1/igrps/101/triggers/all"
    utc = client.rows(path, asked)
    days = {f"2025-03-{day:02d}" for day in range(2, 31)}
    assert {row["triggerDatetime"][:10] for row in utc} == days
    local = client.rows(path, {**asked, "tz": "America/New_York"})
    assert {row["triggerDatetime"][:10] for row in local} == days
    assert {row["rowId"] for row in utc} != {row["rowId"] for row in local}
    times = {row["rowId"]: row["triggerDatetime"] for row in utc}
    moved = [
        datetime.fromisoformat(row["triggerDatetime"]) - datetime.fromisoformat(times[row["rowId"]])
        for row in local
        if row["rowId"] in times
    ]
    assert set(moved) == {timedelta(hours=-5), timedelta(hours=-4)}


def test_redaction_by_request_and_by_permission(client: Client) -> None:
    asked = {**WHOLE, "limit": 5000, "sort[]": "rowId-asc"}
    plain = client.rows(CALLS, asked)
    blotted = client.rows(CALLS, {**asked, "excludePiiData": 1})
    with serve(pii_permission=False) as server:
        assert Client(server.url("infinity")).rows(CALLS, asked) == blotted
    for before, after in zip(plain, blotted, strict=True):
        assert after["ip"] == before["ip"].rpartition(".")[0] + ".X"
        assert after["host"] == after["whois"] == ""
        assert after["customerPhoneNumber"] == before["customerPhoneNumber"]
    numbers = {row["srcPhoneNumber"][-4:] for row in blotted}
    assert numbers == {"XXXX", "mous"}


def test_attribution_parameters_multiply_rows(client: Client) -> None:
    asked = {**WHOLE, "limit": 20, "sort[]": "rowId-asc", "attributionModelId": 0}
    ids = [row["rowId"] for row in client.rows(CALLS, asked)]
    assert ids[0::2] == ids[1::2]
    nested = client.rows(CALLS, {**asked, "nestAttributions": 1})
    assert all(len(row["attributions"]) == 2 for row in nested)


def test_channel_type_and_organisation_narrow_triggers(client: Client) -> None:
    rows = client.rows(CALLS, {**WHOLE, "limit": 5000, "chType": "ppc"})
    assert {row["chType"] for row in rows} == {"ppc"}
    assert client.rows(CALLS, {**WHOLE, "limit": 5000, "rootOrgId": 8}) == []


def test_changes_add_late_rows_and_rewrite_recent_ones() -> None:
    vendor = InfinityVendor(now=NOW, days=60)
    before = {stream: vendor.expected(stream) for stream in vendor.streams}
    vendor.change(7)
    after = {stream: vendor.expected(stream) for stream in vendor.streams}
    edge = (NOW - timedelta(days=7)).strftime("%Y-%m-%d %H:%M:%S")
    added = set(after["triggers"]) - set(before["triggers"])
    last = {igrp: max(row for site, row in before["triggers"] if site == igrp) for igrp, _ in added}
    assert all(row > last[igrp] for igrp, row in added)
    times = {after["triggers"][key]["triggerDatetime"] >= edge for key in added}
    assert times == {True, False}
    rewritten = [k for k in before["calls"] if before["calls"][k] != after["calls"][k]]
    assert rewritten
    assert all(after["calls"][k]["triggerDatetime"] >= edge for k in rewritten)
    for stream in ("call_keywords", "pbx_user_states", "audit_log", "channels", "user_activity"):
        assert set(before[stream]) <= set(after[stream])
        assert before[stream] != after[stream]
    touched = {
        k[1]
        for k, row in after["channel_metrics"].items()
        if before["channel_metrics"].get(k) != row
    }
    assert touched
    assert min(touched) >= edge[:10]


def test_same_seed_same_data() -> None:
    first, second = (InfinityVendor(seed=3, now=NOW, days=20) for _ in range(2))
    assert first.expected("triggers") == second.expected("triggers")
    assert first.expected("triggers") != InfinityVendor(seed=4, now=NOW, days=20).expected(
        "triggers"
    )


def test_ignored_filters_trap_readers_without_a_guard() -> None:
    with serve(ignore={"filter"}) as server:
        client = Client(server.url("infinity"))
        asked = {**WHOLE, "limit": 2, "sort[]": "rowId-asc"}
        again = {**asked, "filter[]": "rowId-gt-value-9999999999"}
        assert client.rows(CALLS, asked) == client.rows(CALLS, again)


def test_calls_by_the_ten_thousand_page_like_any_others() -> None:
    with serve(calls=20_500) as server:
        client = Client(server.url("infinity"))
        vendor = server.vendors["infinity"]
        span = {"startDate": "2025-03-28", "endDate": "2025-03-31"}
        pages = keyset(client, limit=400, **span)
        ids = [int(row["rowId"]) for page in pages for row in page]
        assert ids == sorted(set(ids))
        assert min(row["triggerDatetime"] for page in pages for row in page)[:10] == "2025-03-28"
        slow = client.rows(CALLS, {**span, "limit": 50_000, "excludePiiData": 1})
        assert {int(row["rowId"]) for row in slow} == set(ids)
        vendor.change(1)
        more = {int(row["rowId"]) for page in keyset(client, limit=900, **span) for row in page}
        expected = vendor.expected("calls")
        assert more == {
            row_id
            for (igrp, row_id), row in expected.items()
            if igrp == 101 and row["triggerDatetime"] >= "2025-03-28"
        }
        assert max(more) > max(ids)
        assert server.errors == []


def test_percent_escapes_reach_the_filter(client: Client) -> None:
    row = next(row for row in keyset(client, limit=5000)[0] if "+" in row["destPhoneNumber"])
    rule = quote(f"destPhoneNumber-eq-value-{row['destPhoneNumber']}", safe="")
    path = f"{CALLS}?limit=9&startDate=2024-12-01&endDate=2025-03-31&filter%5B%5D={rule}"
    body = client.send(path)[1]
    assert row["rowId"] in {json.loads(line)["rowId"] for line in body.split(b"\n") if line}
    assert client.send(path.replace("%2B", "+"))[1] == b"\n"
