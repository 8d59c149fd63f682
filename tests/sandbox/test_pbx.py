"""The imitated PBX behaves like the vendor: lists, paging, windows, filters, errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contact_sandbox.pbx.api import CONTAINER, KEY, NUMBERS
from tests.sandbox.pbx_client import (
    CONVERSATION,
    CONVERSATIONS,
    DETAILS,
    EVER,
    LIST,
    RECORDING,
    RING_GROUPS,
    Client,
    Value,
    serve,
)


@pytest.fixture(name="pbx", scope="module")
def _pbx() -> Iterator[Client]:
    with serve() as client:
        yield client


@pytest.mark.parametrize("tenant", ["0", "101", "102"])
def test_every_page_of_a_tenant_is_what_is_expected(pbx: Client, tenant: str) -> None:
    pages = pbx.pages(tenantID=tenant)
    rows = {uuid: row for page in pages for uuid, row in page["data"].items()}
    assert rows == pbx.calls(tenant)
    assert [len(page["data"]) for page in pages[:-1]] == [500] * (len(pages) - 1)
    assert {page["maxResultSize"] for page in pages} == {len(rows)}
    assert [page["currentPage"] for page in pages] == list(range(1, len(pages) + 1))
    assert [page["currentResultSize"] for page in pages] == [len(page["data"]) for page in pages]


def test_no_tenant_means_the_default_one(pbx: Client) -> None:
    default = set(pbx.calls())
    assert set(pbx.identifiers()) == set(pbx.identifiers(tenantID="0")) == default
    assert set(pbx.identifiers(tenantId="101")) == default
    assert pbx.json(LIST, **EVER, tenantID="999")["data"] == []


def test_tenants_share_an_identifier_but_not_the_call(pbx: Client) -> None:
    first, second = pbx.calls(), pbx.calls("101")
    shared = set(first) & set(second)
    assert len(shared) == 1
    assert all(first[uuid]["callDate"] != second[uuid]["callDate"] for uuid in shared)


@pytest.mark.parametrize(
    "misspelt",
    [
        {"fromdate": "2000-01-01 00:00:00", "todate": "2030-01-01 00:00:00"},
        {"fromDate": "2000-01-01T00:00:00Z", "toDate": "2030-01-01T00:00:00Z"},
        {"from": "2000-01-01 00:00:00", "limit": 5, "showinbound": 0},
    ],
)
def test_what_is_misspelt_is_ignored_and_means_today(
    pbx: Client, misspelt: dict[str, Value]
) -> None:
    today = pbx.json(LIST, fromDate="2026-11-20 00:00:00", toDate="2026-11-20 23:59:59")
    answer = pbx.json(LIST, **misspelt)
    assert set(answer["data"]) == set(today["data"])
    assert 0 < answer["maxResultSize"] < len(pbx.calls())


def test_an_empty_answer_has_a_list_and_no_pages(pbx: Client) -> None:
    answer = pbx.get(LIST, fromDate="1999-01-01 00:00:00", toDate="1999-01-02 00:00:00")
    assert answer.text == (
        '{"currentResultSize":0,"currentPage":1,"maxResultSize":0,"maxPages":0,"utcOffset":0,'
        '"data":[]}'
    )


def test_a_page_after_the_last_is_empty(pbx: Client) -> None:
    answer = pbx.json(LIST, **EVER, page=99)
    assert (answer["currentResultSize"], answer["data"], answer["maxPages"]) == (0, [], 3)


def test_json_is_spelt_as_php_does_and_labelled_html(pbx: Client) -> None:
    answer = pbx.get(LIST, **EVER)
    assert answer.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert answer.content.isascii()
    assert b"http:\\/\\/127.0.0.1" in answer.content
    rows = answer.json()["data"].values()
    assert {type(row["duration"]) for row in rows} == {int, str}
    assert any("callUuid" not in row for row in rows)


def test_both_ends_of_the_window_count_and_fractions_are_stored(pbx: Client) -> None:
    calls = {call.at: call.uuid for call in pbx.vendor.store.tenants["0"]}
    midnight = datetime(2026, 11, 19, tzinfo=UTC)
    sharp, after = calls[midnight], calls[midnight + timedelta(microseconds=400_000)]
    before = calls[midnight - timedelta(microseconds=500_000)]
    day = pbx.identifiers(fromDate="2026-11-18 00:00:00", toDate="2026-11-18 23:59:59")
    assert {sharp, after, before}.isdisjoint(day)
    edge = pbx.identifiers(fromDate="2026-11-18 23:59:59", toDate="2026-11-19 00:00:00")
    assert {sharp, before} <= set(edge)
    assert after not in edge


def test_the_offset_moves_the_answer_and_is_echoed(pbx: Client) -> None:
    window = {"fromDate": "2026-11-18 23:59:59", "toDate": "2026-11-19 00:00:00"}
    plain = pbx.json(LIST, **window)
    moved = pbx.json(LIST, **window, utcOffset=-300)
    assert moved["utcOffset"] == -300
    for uuid, row in plain["data"].items():
        shifted = datetime.fromisoformat(row["callDate"]) - timedelta(hours=5)
        assert datetime.fromisoformat(moved["data"][uuid]["callDate"]) == shifted


def test_newest_first_but_calls_of_one_second_change_places() -> None:
    with serve(burst=620, calls=0, busy_day=0, running=0) as pbx:
        orders = [pbx.identifiers() for _ in range(3)]
        assert len({tuple(order) for order in orders}) == 3
        assert all(len(order) == 620 for order in orders)
        assert any(len(set(order)) < 620 for order in orders)
        assert set().union(*orders) <= set(pbx.calls())
    with serve(unstable_ties=False) as pbx:
        order = pbx.identifiers()
        assert order == pbx.identifiers()
        rows = pbx.calls()
        dates = [rows[uuid]["callDate"][:19] for uuid in order]
        assert dates == sorted(dates, reverse=True)


def test_late_calls_turn_up_while_a_window_is_read() -> None:
    with serve(drift=2, drift_limit=3) as pbx:
        before = set(pbx.calls())
        sizes = [pbx.json(LIST, **EVER, page=page)["maxResultSize"] for page in (1, 2, 3, 1, 2)]
        assert [size - len(before) for size in sizes] == [0, 1, 1, 2, 2]
        assert len(set(pbx.calls()) - before) == 2
        for _ in range(8):
            pbx.json(LIST, **EVER, filterCallHasNotes=1)
        assert len(set(pbx.calls()) - before) == 2


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ({"filterCallHasNotes": 1}, lambda row: bool(row["callNotes"])),
        ({"filterFlaggedFollowup": 1}, lambda row: row["callFlagged"] in (1, "1")),
        ({"filterCallSeverity": 3}, lambda row: row["callSeverity"] in (3, "3")),
        ({"showInbound": 0}, lambda row: row["callDirection"] not in (1, "1")),
        ({"showOutbound": 0}, lambda row: row["callDirection"] not in (2, "2")),
        ({"showInternal": 0}, lambda row: row["callDirection"] not in (3, "3")),
        ({"showinternal": 0, "filterHasNotes": 1}, lambda _: True),
        (
            {"filterInternalApp": 2},
            lambda row: row["callDirection"] not in (3, "3") or row["numDialed"] in ("*97", "*98"),
        ),
    ],
)
def test_filters(
    pbx: Client, query: dict[str, Value], holds: Callable[[dict[str, Any]], bool]
) -> None:
    wanted = {uuid for uuid, row in pbx.calls().items() if holds(row)}
    assert wanted
    assert set(pbx.identifiers(**query)) == wanted


def test_the_menu_filter_knows_direct_dial_as_54(pbx: Client) -> None:
    menu = pbx.vendor.store.directories["0"].parts["ivr"][0]
    rows = pbx.vendor.expected("call_events")
    dialed = {
        key[2] for key, row in rows.items()
        if key[1] == "0" and row["eventType"] == 55 and row["eventData1"] == menu
    }  # fmt: skip
    assert dialed
    assert set(pbx.identifiers(filterIvrId=menu, filterIvrEventType=54)) == dialed


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"auth": "wrong"}, "Your API Auth Key is invalid."),
        ({"auth": KEY.replace("+", " ")}, "Your API Auth Key is invalid."),
        ({"containerID": "654321"}, "Your Container ID is invalid."),
        ({"containerID": "654321", "auth": "wrong"}, "Your Container ID is invalid."),
    ],
)
@pytest.mark.parametrize("path", [LIST, DETAILS, RING_GROUPS, RECORDING])
def test_refusals_are_errors_in_a_200(
    pbx: Client, path: str, query: dict[str, str], message: str
) -> None:
    answer = pbx.get(path, **query)
    assert (answer.status_code, answer.json()) == (200, {"error": message})


def test_a_key_in_a_header_or_a_wrong_case_is_no_key(pbx: Client) -> None:
    answer = pbx.session.get(
        pbx.url + LIST, params={"Auth": KEY, "containerID": CONTAINER}, auth=("x", KEY), timeout=10
    )
    assert answer.json() == {"error": "Your API Auth Key is invalid."}


def test_a_forbidden_tenant_is_refused_and_the_others_answer() -> None:
    with serve(forbidden_tenants=("101",)) as pbx:
        assert set(pbx.json(LIST, **EVER, tenantID="101")) == {"error"}
        assert pbx.json(LIST, **EVER, tenantID="102")["maxResultSize"] > 0


def test_a_path_that_does_not_exist_is_a_page(pbx: Client) -> None:
    answer = pbx.get("/api/Call_List.php")
    assert answer.status_code == 404
    assert "<h1>Not Found</h1>" in answer.text


def test_placing_a_call_is_noticed() -> None:
    with serve() as pbx:
        pbx.get(LIST, **EVER)
        assert pbx.vendor.violations == []
        pbx.get("/api/c2c_v2.php", extension="8101")
        assert [request.path for request in pbx.vendor.violations] == ["/api/c2c_v2.php"]


@pytest.mark.parametrize(
    ("kind", "status", "start"),
    [
        ("database", 200, '{"error":"Error connecting to the database. Try again later."}'),
        ("database-500", 500, '{"error":"Error connecting to the database, please try again'),
        ("warning", 200, "<br />\n<b>Warning</b>:"),
        ("empty", 200, ""),
        ("no-envelope", 200, '{"status":"ok"}'),
        ("html", 200, "<html>"),
    ],
)
def test_passing_failures_come_at_most_twice_in_a_row(kind: str, status: int, start: str) -> None:
    with serve(transients=1.0, transient_kinds=(kind,)) as pbx:
        answers = [pbx.get(LIST, **EVER) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [status, status, 200, status]
        for answer in (*answers[:2], answers[3]):
            assert answer.text.startswith(start)
            assert not answer.text or not answer.text.startswith('{"currentResultSize"')
        assert len(answers[2].json()["data"]) == 500


def test_lies_can_be_seen_through() -> None:
    with serve(lies=("offset", "stray-row", "short")) as pbx:
        answer = pbx.json(LIST, **EVER, page=3)
        assert answer["utcOffset"] == 60
        assert answer["maxResultSize"] == len(pbx.calls()) + 1
        assert "1999-12-31 23:59:59" in [row["callDate"] for row in answer["data"].values()]
    with serve(lies=("no-envelope",)) as pbx:
        assert "maxResultSize" not in pbx.json(LIST, **EVER)


@pytest.mark.parametrize("shape", ["array", "top-level"])
def test_other_shapes_hold_the_same_calls(shape: str) -> None:
    with serve(shape=shape, numbers="strings", content_type="application/json") as pbx:
        answer = pbx.json(LIST, **EVER, tenantID="102")
        rows = answer["data"] if shape == "array" else [
            row for row in answer.values() if isinstance(row, dict)
        ]  # fmt: skip
        wanted = pbx.calls("102").values()
        dates = sorted(row["callDate"] for row in wanted)
        assert sorted(row["callDate"] for row in rows) == dates
        assert answer["maxResultSize"] == str(len(wanted))
        assert {type(row["callDirection"]) for row in rows} == {str}


def test_ring_group_report_has_identifiers_only_as_keys(pbx: Client) -> None:
    answer = pbx.json(RING_GROUPS, **EVER, tenantID="101")
    rows = pbx.vendor.expected("ring_group_events")
    assert answer == {"data": {key[2]: row for key, row in rows.items() if key[1] == "101"}}
    assert pbx.get(RING_GROUPS, fromDate="1999-01-01 00:00:00", toDate="1999-01-02 00:00:00").json(
    ) == {"data": []}  # fmt: skip


def test_messages(pbx: Client) -> None:
    talks = {number: pbx.json(CONVERSATIONS, phoneNumber=number) for number in NUMBERS}
    assert talks[NUMBERS[-1]] == {"conversations": []}
    found = {
        (CONTAINER, number, name): row
        for number in NUMBERS[:-1]
        for name, row in talks[number]["conversations"].items()
    }
    assert found == pbx.vendor.expected("sms_conversations")
    assert "0000-00-00 00:00:00" in [row["lastMessageDate"] for row in found.values()]
    messages = {}
    for *_, name in found:
        rows = pbx.json(CONVERSATION, conversationID=name)["messages"]
        messages.update({(CONTAINER, key): row for key, row in dict(rows).items()})
    assert messages == pbx.vendor.expected("sms_messages")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"auth": ""}, 401),
        ({"auth": "wrong"}, 401),
        ({"phoneNumber": "2125550199"}, 404),
        ({"phonenumber": NUMBERS[0]}, 404),
    ],
)
def test_messaging_refuses_with_a_status(pbx: Client, query: dict[str, str], status: int) -> None:
    answer = pbx.get(CONVERSATIONS, **query)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
