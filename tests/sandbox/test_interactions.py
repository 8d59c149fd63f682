"""The imitated MotionCX answers detail queries like the vendor: ranges, pages, rewrites."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import requests

from contact_sandbox.interactions import instants
from contact_sandbox.interactions.api import API_KEY, Interactions
from contact_sandbox.interactions.course import DATE_FIELDS
from tests.sandbox.motioncx import DETAILS, EVER, NOW, QUERY, REPORTING, ROLLUP, Client, serving

PATH = f"{REPORTING}/{DETAILS}"


@pytest.fixture
def client() -> Iterator[Client]:
    with serving() as found:
        yield found


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["_id"] for row in rows]


def test_paging_by_offset_over_resting_data_finds_every_expected_row(client: Client) -> None:
    found = {(row["_id"],): row for row in client.everything(Limit=7)}
    expected = client.vendor.expected("interactions")
    assert expected.items() <= found.items()
    early = [row[ROLLUP] for key, row in found.items() if key not in expected]
    assert sorted(early) == ["2026-10-20T19:00:00Z", "2026-10-20T23:59:59.999Z"]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": API_KEY},
        {"Authorization": f"apikey {API_KEY}"},
        {"Authorization": f"ApiKey {API_KEY}"},
    ],
)
def test_the_key_is_taken_in_either_header(client: Client, headers: dict[str, str]) -> None:
    answer = requests.post(client.url + PATH, json=QUERY, headers=headers, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/json")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": "sandboxA=:"},
        {"x-api-key": "sandboxA%3D%3AsandboxB%3D"},
        {"Authorization": API_KEY},
        {"Authorization": f"Bearer {API_KEY}"},
        {"Authorization": f"x-api-key {API_KEY}"},
        {"ApiKey": API_KEY},
    ],
)
def test_anything_else_is_no_key(client: Client, headers: dict[str, str]) -> None:
    answer = requests.post(client.url + PATH, json=QUERY, headers=headers, timeout=10)
    assert answer.status_code == 401


def test_a_revoked_key_stays_revoked() -> None:
    with serving(revoke_after=2) as client:
        assert [client.ask().status_code for _ in range(4)] == [200, 200, 401, 401]


def test_members_are_found_in_any_case_and_unknown_ones_are_ignored(client: Client) -> None:
    camel = {name[0].lower() + name[1:]: value for name, value in QUERY.items()}
    assert client.post(DETAILS, **camel).json()["data"] == client.rows(Colour="red", PageSize=1)


def test_reversed_bounds_are_swapped(client: Client) -> None:
    swapped = {"StartDateTime": EVER["EndDateTime"], "EndDateTime": EVER["StartDateTime"]}
    assert client.rows(**swapped) == client.rows()


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"StartDateTime": EVER["StartDateTime"]},
        {"EndDateTime": EVER["EndDateTime"]},
        {"RelativePeriodStart": -1, "RelativePeriodEnd": 0},
        {"StartDateTime": EVER["StartDateTime"], "RelativePeriodEnd": 0, "Resolution": 2},
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_a_query_without_a_whole_range_is_invalid(members: dict[str, Any], status: int) -> None:
    with serving(range_error_status=status) as client:
        answer = client.post(DETAILS, **members)
        assert answer.status_code == status
        body = answer.json()
    assert (body["resultCode"], body["resultCodeName"]) == (4, "InvalidRequest")
    error = {"error": "Time range invalid or ambiguous.", "errorType": "InvalidRequest"}
    assert body["data"] == error


@pytest.mark.parametrize("start", ["2026-11-20T00:00:00-0500", "2026-11-20T05:00:00+00:00"])
def test_offsets_come_with_or_without_a_colon(client: Client, start: str) -> None:
    assert client.rows(StartDateTime=start) == client.rows(StartDateTime="2026-11-20T05:00:00Z")


def test_a_time_without_an_offset_is_the_servers(client: Client) -> None:
    local = client.rows(StartDateTime="2026-11-05T00:00:00")
    assert local == client.rows(StartDateTime="2026-11-05T05:00:00Z")
    assert local != client.rows(StartDateTime="2026-11-05T00:00:00Z")


def test_a_relative_day_runs_from_local_midnight_to_the_midnight_after(client: Client) -> None:
    none = {"StartDateTime": None, "EndDateTime": None, "RelativeTimezone": "America/New_York"}
    # Clocks were set back on 1 November: that local day has 25 hours.
    days = -19
    relative = client.rows(
        **none, RelativePeriodStart=days, RelativePeriodEnd=days, Resolution="day"
    )
    absolute = client.rows(
        StartDateTime="2026-11-01T04:00:00Z", EndDateTime="2026-11-02T04:59:59.999Z"
    )
    assert relative == absolute != []


@pytest.mark.parametrize("bounds", ["[)", "[]", "(]", "()"])
def test_inclusivity_of_the_bounds_is_an_option(bounds: str) -> None:
    with serving(bounds=bounds) as client:
        rows = client.everything()
        first, last = rows[0], rows[-1]
        found = ids(client.rows(StartDateTime=first[ROLLUP], EndDateTime=last[ROLLUP]))
    assert (first["_id"] in found) is (bounds[0] == "[")
    assert (last["_id"] in found) is (bounds[1] == "]")


@pytest.mark.parametrize("field", ["mostRecentRollupAtUtc", "RollupAt", "EventCount", "_id"])
def test_a_wrong_date_field_is_an_empty_success(client: Client, field: str) -> None:
    assert client.rows(DateFilterField=field) == []


@pytest.mark.parametrize("field", sorted(DATE_FIELDS))
def test_every_date_field_can_carry_the_range(client: Client, field: str) -> None:
    with_value = {row["_id"] for row in client.everything() if row[field] is not None}
    found = client.everything(DateFilterField=field, OrderBy=[field, "_id"])
    assert set(ids(found)) == with_value != set()


def test_a_dead_date_field_finds_nothing_while_others_do() -> None:
    with serving(dead_date_fields=(ROLLUP,)) as client:
        assert client.rows() == []
        assert client.rows(DateFilterField="StartedDateTimeUtc") != []


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("OrderBy", ROLLUP),
        ("Fields", "_id"),
        ("Queues", ["40"]),
        ("Queues", 40),
        ("Limit", "500"),
        ("Offset", 1.5),
        ("Limit", True),
        ("Filter", []),
        ("ExcludeNonqueued", "true"),
        ("StartDateTime", "yesterday"),
        ("StartDateTime", ""),
        ("Resolution", "Week"),
    ],
)
def test_a_value_of_the_wrong_type_gets_problem_details(
    client: Client, member: str, value: object
) -> None:
    answer = client.ask(**{member: value})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [f"$.{member}"]


def test_a_body_that_is_no_json_object_is_refused(client: Client) -> None:
    for body, kind, status in (
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "application/x-www-form-urlencoded", 415),
    ):
        headers = {"Content-Type": kind}
        answer = client.session.post(client.url + PATH, data=body, headers=headers, timeout=10)
        assert answer.status_code == status
    assert client.session.get(client.url + PATH, timeout=10).status_code == 405
    assert client.session.post(client.url + PATH[:-1], timeout=10).status_code == 404


def test_limits_are_clamped_refused_or_taken_from_the_default() -> None:
    with serving(interactions=700) as client:
        assert len(client.rows(Limit=10_000)) == 500
        assert len(client.rows(Limit=None)) == 5
        assert client.ask(Limit=0).json()["resultCode"] == 4
        assert client.ask(Offset=-1).json()["resultCode"] == 4
        assert client.rows(Offset=15, Limit=10) == client.rows(Limit=25)[15:]
    with serving(interactions=700, max_limit=200, refuse_limit=True) as client:
        assert len(client.rows(Limit=500)) == 200
        assert client.ask(Limit=501).json()["resultCode"] == 4


def test_only_a_unique_order_is_stable() -> None:
    with serving(burst=40) as client:
        assert client.rows() == client.rows()
        for order in ([ROLLUP], None, [f"-{ROLLUP}"], [f"{ROLLUP} desc"]):
            first, second = client.rows(OrderBy=order), client.rows(OrderBy=order)
            assert ids(first) != ids(second)
            assert set(ids(first)) == set(ids(second))
    with serving(burst=40, order_fields=1) as client:
        assert ids(client.rows()) != ids(client.rows())


def test_order_is_that_of_time_not_of_text(client: Client) -> None:
    stamps = [row[ROLLUP] for row in client.everything()]
    forms = {len(re.sub(r"^[^.Z]*", "", stamp)) for stamp in stamps}
    assert forms >= {1, 3, 5}  # `Z`, `.2Z`, `.214Z`
    assert all(instants.parse(one) <= instants.parse(two) for one, two in pairwise(stamps))


def test_a_bulk_rollup_stamps_more_rows_than_a_page_holds() -> None:
    with serving(interactions=5, burst=620) as client:
        stamps = [row[ROLLUP] for row in client.everything()]
        assert max(stamps.count(stamp) for stamp in set(stamps)) == 620


def test_fields_reduce_the_rows_to_themselves_and_the_id(client: Client) -> None:
    chosen = client.rows(Fields=[ROLLUP, "EventCount", "eventcount"])
    assert {frozenset(row) for row in chosen} == {frozenset({"_id", ROLLUP, "EventCount"})}
    assert client.rows(Fields=[]) == client.rows(Fields=None)


def test_queues_and_nonqueued_interactions_can_be_left_out(client: Client) -> None:
    rows = client.everything()
    queue = next(row["QueueId"] for row in rows if row["QueueId"])
    assert client.rows(Queues=[queue]) == [row for row in rows if row["QueueId"] == queue]
    assert client.rows(Queues=[]) == rows
    assert client.rows(ExcludeNonqueued=True) == [row for row in rows if row["HasQueued"]]


def test_rerolled_rows_leave_the_window_while_it_is_paged() -> None:
    with serving(reroll=2, reroll_rows=3, reroll_total=9) as client:
        # Six minutes after the frozen bound nothing has moved into the window again.
        bound = instants.wire(NOW)
        before = set(ids(client.everything(EndDateTime=bound, Fields=["_id"], Limit=500)))
        for _ in range(10):
            client.rows(EndDateTime=bound, Limit=10)
        moved = client.vendor.rerolled
        assert len(moved) == 9
        assert set(ids(client.everything(EndDateTime=bound))) == before - set(moved)
        late = client.everything(StartDateTime=bound)
        assert {row["_id"] for row in late} == set(moved)
        assert all(row["RecordWrittenAtUtc"] == row[ROLLUP] for row in late)


def test_live_changes_lie_inside_the_lookback_and_keep_their_ids(client: Client) -> None:
    vendor = client.vendor
    before = {stream: vendor.expected(stream) for stream in vendor.streams}
    vendor.change(1)
    after = {stream: vendor.expected(stream) for stream in vendor.streams}
    assert all(before[stream].keys() <= after[stream].keys() for stream in vendor.streams)
    changed = [
        row for key, row in after["interactions"].items() if before["interactions"].get(key) != row
    ]
    lookback = NOW - timedelta(hours=1)
    assert all(lookback < instants.parse(row[ROLLUP]) < NOW for row in changed)
    rewritten = [row for row in changed if (row["_id"],) in before["interactions"]]
    age = [instants.parse(row["StartedDateTimeUtc"]) for row in rewritten]
    assert min(age) < NOW - timedelta(days=14)
    assert len(rewritten) >= 10
    assert len(changed) == len(rewritten) + 6
    for stream in ("report_messages", "agent_workstate_events"):
        assert len(after[stream]) == len(before[stream]) + 4
    assert len(after["tickets"]) > len(before["tickets"])


def test_the_same_seed_makes_the_same_tenant() -> None:
    one, two, three = (Interactions(seed=seed, now=NOW, interactions=20) for seed in (5, 5, 6))
    for vendor in (one, two, three):
        vendor.change(2)
    assert all(one.expected(stream) == two.expected(stream) for stream in one.streams)
    assert one.expected("interactions") != three.expected("interactions")
