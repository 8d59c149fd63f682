"""The imitated MotionCX beyond detail queries: filters, envelope, errors, lookups and lists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from contact_sandbox.interactions.tickets import EMAIL_ACCOUNT_KEY
from tests.sandbox.motioncx import EVER, QUERY, REPORTING, ROLLUP, Client, serving


@pytest.fixture
def client() -> Iterator[Client]:
    with serving() as found:
        yield found


def keyed(rows: list[dict[str, Any]], name: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {(row[name],): row for row in rows}


@pytest.mark.parametrize(
    ("document", "test"),
    [
        ({"ChannelType": 2}, lambda row: row["ChannelType"] == 2),
        (
            {"ChannelType": {"$eq": 2}, "Direction": 1},
            lambda row: row["ChannelType"] == 2 and row["Direction"] == 1,
        ),
        ({"AgentId": {"$ne": None}}, lambda row: row["AgentId"] is not None),
        ({"HoldCount": {"$gt": 3, "$lte": 6}}, lambda row: 3 < row["HoldCount"] <= 6),
        ({"HoldCount": {"$gte": 3}}, lambda row: row["HoldCount"] >= 3),
        ({"HoldCount": {"$lt": 3}}, lambda row: row["HoldCount"] < 3),
        ({"FromCity": {"$in": [None, "Łódź"]}}, lambda row: row["FromCity"] in (None, "Łódź")),
        ({"FromCity": {"$nin": ["Łódź"]}}, lambda row: row["FromCity"] != "Łódź"),
        (
            {"$or": [{"Direction": 1}, {"$and": [{"HoldCount": 0}]}]},
            lambda row: row["Direction"] == 1 or row["HoldCount"] == 0,
        ),
        ({"$not": {"Direction": 1}}, lambda row: row["Direction"] != 1),
        ({"IsAnswered": True}, lambda row: row["IsAnswered"]),
        ({"TotalACWTime": None}, lambda row: row.get("TotalACWTime") is None),
    ],
)
def test_filters_compare_as_documented(client: Client, document: Any, test: Any) -> None:
    found = {row["_id"] for row in client.rows(Filter=document)}
    wanted = {row["_id"] for row in client.rows() if test(row)}
    assert found == wanted != set()


@pytest.mark.parametrize(
    "document",
    [
        {ROLLUP: {"$gte": "2000-01-01T00:00:00Z"}},
        {"StartedDateTimeUtc": {"$lt": "2099-01-01T00:00:00Z"}},
        {"channeltype": 2},
        {"ChannelType": "2"},
        {"IsAnswered": 1},
        {"_id": {"$gt": ""}},
    ],
)
def test_a_filter_on_another_type_matches_nothing_in_silence(client: Client, document: Any) -> None:
    assert client.rows(Filter=document) == []


def test_ids_cannot_be_found_by_their_text_but_by_the_text_duplicate(client: Client) -> None:
    row = client.rows(Limit=1)[0]
    assert client.rows(Filter={"InteractionId": row["InteractionId"]}) == []
    assert client.rows(Filter={"_id": row["_id"]}) == []
    found = client.rows(Filter={"InteractionIdStr": row["InteractionIdStr"]})
    assert row["_id"] in {each["_id"] for each in found}


@pytest.mark.parametrize(
    "document",
    [{"HoldCount": {"$exists": True}}, {"$nor": []}, {"HoldCount": {"$in": 3}}, {"$and": {}}],
)
def test_an_operator_that_does_not_exist_is_invalid(client: Client, document: Any) -> None:
    answer = client.ask(Filter=document)
    assert answer.status_code == 200
    assert answer.json()["resultCode"] == 4


def test_the_envelope_varies_in_what_it_says_of_paging(client: Client) -> None:
    seen = [client.ask().json() for _ in range(3)]
    assert {repr(answer["hasPaging"]) for answer in seen} == {"'false'", "False", "True"}
    paged = [answer["paging"] for answer in seen if answer["hasPaging"] is True]
    assert [sorted(paging) for paging in paged] == [["limit", "offset", "total"]]
    assert {answer["dataType"] for answer in seen} == {"JObject"}


def test_transient_errors_come_inside_a_success_and_pass() -> None:
    with serving(transient=2) as client:
        answers = [client.ask() for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert [answer.json()["resultCode"] for answer in answers] == [0, 3, 0]
        assert answers[1].json()["data"] is None
        assert answers[1].json()["errorMessage"] == "Unexpected error"


def test_missing_rights_differ_by_stream() -> None:
    with serving(forbidden=("tickets",), missing_right=("report_messages",)) as client:
        assert client.get("/crm/main/v1/tickets", TenantId=2).status_code == 403
        answer = client.post("report-message/details", **EVER)
        assert (answer.status_code, answer.json()["resultCode"]) == (200, 2)
        assert answer.json()["data"] is None
        assert client.post("agent-workstate-events/details", **EVER).json()["resultCode"] == 0


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        ("report-message/details", "report_messages"),
        ("agent-workstate-events/details", "agent_workstate_events"),
    ],
)
def test_logs_are_paged_by_range(client: Client, path: str, stream: str) -> None:
    found: list[dict[str, Any]] = []
    query = {**EVER, "OrderBy": ["_id"], "Limit": 6, "DateFilterField": "nonsense"}
    while page := client.data(path, **query, Offset=len(found)):
        found += page
    assert keyed(found, "_id") == client.vendor.expected(stream)
    assert client.post(path).json()["resultCode"] == 4
    cut = {**EVER, "EndDateTime": "2026-11-05T00:00:00Z", "Limit": 500}
    assert 0 < len(client.data(path, **cut)) < len(found)


def test_only_events_can_be_filtered_and_messages_carry_no_time(client: Client) -> None:
    everything = {**EVER, "Limit": 500, "Filter": {"AgentId": -1}}
    assert client.data("agent-workstate-events/details", **everything) == []
    messages = client.data("report-message/details", **everything)
    assert len(messages) == 20
    assert re.search(r"\d{4}-\d\d-\d\dT", json.dumps(messages)) is None
    events = client.data("agent-workstate-events/details", **EVER, Limit=500)
    assert all(event["EpochDate"] == event["Epoch"] for event in events)
    assert len({event["Epoch"] for event in events}) < len(events)


def test_a_rollup_is_one_row_for_each_agent_and_call(client: Client) -> None:
    day = {"startDateTime": "2026-11-04T00:00:00Z", "endDateTime": "2026-11-05T00:00:00Z"}
    expected = client.vendor.expected("agent_workstate_rollup")
    rows = client.data("agent/workstate/rollup", **day, resolution=2)
    start = "2026-11-04T00:00:00.000000Z"
    assert {(row["AgentId"], start): row for row in rows} == {
        key: row for key, row in expected.items() if key[1] == start
    }
    every = client.data("agent/workstate/rollup", **day, includeInactiveTime=True)
    assert len(every) == 8 > len(rows) > 0
    week = {**day, "startDateTime": "2026-11-02T00:00:00Z"}
    total = client.data("agent/workstate/rollup", **week, agents=[rows[0]["AgentId"]])
    assert len(total) == 1
    assert client.post("agent/workstate/rollup").json()["resultCode"] == 4


def test_aggregates_count_what_the_details_find(client: Client) -> None:
    ask = {**QUERY, "Aggregates": {"_id": ["Count"], "TotalTalkTime": [0, "Max", "Count"]}}
    rows = client.rows()
    assert client.data("interaction/aggregates", **ask, GroupFields=[])[0]["Count_id"] == len(rows)
    groups = client.data("interaction/aggregates", **ask, GroupFields=["Direction"])
    assert sum(group["Count_id"] for group in groups) == len(rows)
    talked = [row["TotalTalkTime"] for row in rows if row["TotalTalkTime"] is not None]
    assert sum(group["CountTotalTalkTime"] for group in groups) == len(talked)
    assert sum(group["SumTotalTalkTime"] for group in groups) == pytest.approx(sum(talked))
    assert max(group["MaxTotalTalkTime"] for group in groups) == max(talked)
    nothing = {**ask, "EndDateTime": "2001-01-01T00:00:00Z"}
    assert client.data("interaction/aggregates", **nothing) == []
    assert (
        client.post("interaction/aggregates", **EVER, Aggregates={"_id": ["Avg"]}).status_code
        == 400
    )


def test_aggregates_can_miscount_or_need_a_group() -> None:
    ask = {**QUERY, "Aggregates": {"_id": ["Count"]}, "GroupFields": ["TenantId"]}
    with serving(miscount=1, group_fields_required=True) as client:
        counts = [client.data("interaction/aggregates", **ask)[0]["Count_id"] for _ in range(2)]
        assert counts == [len(client.rows()) + 1, len(client.rows())]
        answer = client.post("interaction/aggregates", **{**ask, "GroupFields": []})
        assert answer.json()["resultCode"] == 4


def test_lookups_have_one_method_each_which_can_be_switched(client: Client) -> None:
    queues = client.get(f"{REPORTING}/lookup/queues")
    assert keyed(queues.json()["data"], "id") == client.vendor.expected("queues")
    assert client.post("lookup/queues").status_code == 405
    dispositions = client.data("lookup/dispositions")
    assert keyed(dispositions["dispositions"], "id") == client.vendor.expected("dispositions")
    sets = client.vendor.expected("disposition_sets")
    assert keyed(dispositions["dispositionSets"], "id") == sets
    refused = client.get(f"{REPORTING}/lookup/dispositions")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    with serving(lookup_methods={"queues": "POST", "agents": "GET"}, wrapped=("queues",)) as other:
        assert len(other.data("lookup/queues")["queues"]) == 12
        assert other.get(f"{REPORTING}/lookup/agents").status_code == 200


def test_disabled_agents_come_only_when_asked_for(client: Client) -> None:
    everybody = client.data("lookup/agents?includeDisabled=true")
    assert keyed(everybody, "id") == client.vendor.expected("agents")
    enabled = client.data("lookup/agents")
    assert enabled == [agent for agent in everybody if not agent["isDisabled"]] != everybody
    assert client.post("lookup/agents?includeDisabled=1").status_code == 400


def test_event_types_are_maps_from_codes_as_text(client: Client) -> None:
    data = client.data("lookup/report-message-event-types")
    for member, stream in (
        ("eventTypes", "report_message_event_types"),
        ("eventTypeReasons", "report_message_event_type_reasons"),
    ):
        rows = [{"id": int(code), "name": name} for code, name in data[member].items()]
        assert keyed(rows, "id") == client.vendor.expected(stream)
    workflow = client.data("lookup/workflow-message-event-types")
    assert list(workflow) == ["eventTypes"]


@pytest.mark.parametrize("stream", ["workstates", "workstate_sets", "tickets"])
def test_lists_need_a_tenant_and_give_ten_items_by_default(client: Client, stream: str) -> None:
    path = "/crm/main/v1/tickets" if stream == "tickets" else f"/irm/v1/{stream.replace('_', '-')}"
    assert client.get(path).status_code == 400
    assert client.get(path, TenantId=3).status_code == 403
    assert client.get(path, TenantId=2, MaxResultCount=0).status_code == 400
    first = client.get(path, tenantid=2, Sorting="id").json()
    assert set(first) == {"totalCount", "items"}
    assert len(first["items"]) == 10 < first["totalCount"]
    found: list[dict[str, Any]] = []
    while page := client.get(path, TenantId=2, Sorting="id", SkipCount=len(found)).json()["items"]:
        found += page
    expected = client.vendor.expected(stream)
    assert keyed(found, "id").keys() >= expected.keys()
    assert len(found) == first["totalCount"]
    unsorted = [client.get(path, TenantId=2, MaxResultCount=99).json()["items"] for _ in range(2)]
    assert unsorted[0] != unsorted[1]
    backwards = client.get(path, TenantId=2, Sorting="ID desc", MaxResultCount=99).json()["items"]
    assert backwards == found[::-1]
    assert client.get(path, TenantId=2, Sorting="nothing").status_code == 400


def test_tickets_have_times_without_zone_and_a_range_of_updates(client: Client) -> None:
    everything = {"TenantId": 2, "MaxResultCount": 100, "Sorting": "updatedDate"}
    path = "/crm/main/v1/tickets"
    since = client.get(path, **everything, UpdatedAt="2026-10-21T00:00:00Z").json()["items"]
    expected = client.vendor.expected("tickets")
    assert keyed(since, "id").keys() == expected.keys()
    assert client.get(path, **everything).json()["totalCount"] == len(since) + 1
    stamps = [ticket["updatedDate"] for ticket in since]
    assert all(re.fullmatch(r"[-\d]{10}T[:\d]{8}(\.\d{7})?", stamp) for stamp in stamps)
    low, high = stamps[2][:19], stamps[4][:19]
    one = {"UpdatedAt": low, "UpdatedTo": f"{high}.999"}
    between = client.get(path, **everything, **one).json()["items"]
    found = [ticket["updatedDate"] for ticket in between]
    assert found == [stamp for stamp in stamps if low <= stamp[:19] <= high] != stamps
    assert client.get(path, **everything, UpdatedAt="soon").status_code == 400


def test_tickets_that_were_never_changed_have_a_range_of_creations() -> None:
    with serving(tickets_never_changed=3) as client:
        asked = {"TenantId": 2, "MaxResultCount": 100, "CreatedAt": "2026-10-21T00:00:00Z"}
        made = client.get("/crm/main/v1/tickets", **asked).json()["items"]
        never = {ticket["id"] for ticket in made if ticket["updatedDate"] is None}
        expected = client.vendor.expected("tickets")
        assert len(never) == 4
        assert never == {key for (key,), row in expected.items() if row["updatedDate"] is None}


def test_the_secret_inside_a_ticket_is_expected_of_no_tap(client: Client) -> None:
    answer = client.get("/crm/main/v1/tickets", TenantId=2, MaxResultCount=100)
    assert EMAIL_ACCOUNT_KEY in answer.text
    assert EMAIL_ACCOUNT_KEY not in repr(client.vendor.expected("tickets"))
