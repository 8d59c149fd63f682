"""The imitated Dixa behaves like the vendor: credentials, lists, exports, activity, limits."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from contact_sandbox.dixa.gateway import TOKEN
from tests.sandbox.dixa_client import ACTIVITY, CONVERSATIONS, MESSAGES, Client, serve, text

BAD = "Invalid value in request"


@pytest.fixture(name="dixa", scope="module")
def _dixa() -> Iterator[Client]:
    with serve() as client:
        yield client


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@pytest.mark.parametrize(
    ("token", "main", "export"),
    [
        (TOKEN, 200, 401),
        (f"Bearer {TOKEN}", 200, 200),
        (basic("bearer", TOKEN), 401, 200),
        (basic("token", TOKEN), 401, 401),
        (f"bearer{TOKEN}", 401, 401),
        ("wrong", 401, 401),
        (None, 401, 401),
    ],
)
def test_each_api_takes_its_own_forms_of_the_token(
    dixa: Client, token: str | None, main: int, export: int
) -> None:
    days = {"created_after": "2026-05-01", "created_before": "2026-05-02"}
    assert dixa.ask("GET", "/v1/teams", token=token)[0] == main
    assert dixa.ask("GET", CONVERSATIONS, days, token=token)[0] == export
    if main == 401:
        assert dixa.ask("GET", "/v1/x", token=token) == (401, {"message": "Unauthorized"})


def test_paged_lists_hold_everything_and_end_in_several_ways(dixa: Client) -> None:
    agents = dixa.pages("/v1/agents")
    assert [len(page) for page in agents] == [50, 3]
    assert {(row["id"],): row for page in agents for row in page} == dixa.vendor.expected("agents")
    users = dixa.rows("/v1/endusers", pageLimit=11)
    assert {(row["id"],): row for row in users} == dixa.vendor.expected("endusers")
    assert dixa.pages("/v1/endusers", pageLimit=11)[-1] == []
    ends = set()
    for path in ("/v1/agents", "/v1/endusers", "/v1/analytics/filter/channel"):
        key: dict[str, Any] = {}
        while True:
            answer = dixa.get(path, **key)
            links = answer.get("meta") or {}
            if "next" not in links:
                ends.add(repr(sorted(links)) if "meta" in answer else "missing")
                break
            key = {"pageKey": links["next"].split("=", 1)[1].replace("%3D", "=")}
            key["pageKey"] = key["pageKey"].replace("%2B", "+").replace("%2F", "/")
    assert len(ends) > 1


@pytest.mark.parametrize("limit", ["0", "-1", "51", "ten", "", "1.5", "+5"])
def test_a_page_limit_out_of_range_is_refused_not_clamped(dixa: Client, limit: str) -> None:
    message = "Invalid value for: query parameter pageLimit"
    assert dixa.refused("/v1/agents", pageLimit=limit) == (400, message)


def test_a_page_key_is_good_for_its_own_request_only(dixa: Client) -> None:
    link = dixa.get("/v1/agents", pageLimit=50)["meta"]["next"]
    assert link.startswith("/v1/agents/?pageKey=")
    assert dixa.ask("GET", link)[0] == 200
    raw = link.split("=", 1)[1]
    assert "%" in raw
    message = "Invalid value for: query parameter pageKey"
    assert dixa.refused("/v1/agents", pageKey=raw) == (400, message)
    assert dixa.ask("GET", f"/v1/endusers?pageKey={raw}") == (400, {"message": message})
    assert dixa.refused("/v1/agents", pageKey="cGFnZT0x") == (400, message)


@pytest.mark.parametrize(
    ("path", "stream", "unwrap"),
    [
        ("/v1/queues", "queues", lambda body: body["data"]),
        ("/v1/teams", "teams", lambda body: body["data"]),
        ("/v1/custom-attributes", "custom_attributes", lambda body: body["data"]),
        (
            "/v1/business-hours/schedules",
            "business_hours_schedules",
            lambda body: body["data"]["schedules"],
        ),
        ("/v1/organization", "organization", lambda body: [body["data"]]),
    ],
)
def test_plain_lists_come_in_their_own_envelopes(
    dixa: Client, path: str, stream: str, unwrap: Any
) -> None:
    rows = unwrap(dixa.get(path))
    assert {(row["id"],): row for row in rows} == dixa.vendor.expected(stream)


def test_presence_is_a_bare_array_without_zones(dixa: Client) -> None:
    rows = dixa.get("/v1/agents/presence")
    assert len(rows) == len(dixa.vendor.expected("agent_presence")) == 53
    assert {row["requestTime"] for row in rows} == {"2026-05-20T13:30:00.935"}
    key = (rows[0]["userId"], "2026-05-20T13:30:00.935000Z")
    assert dixa.vendor.expected("agent_presence")[key] == rows[0]


def test_deactivated_tags_are_hidden_unless_asked_for(dixa: Client) -> None:
    shown = {row["name"] for row in dixa.get("/v1/tags")["data"]}
    every = dixa.get("/v1/tags", includeDeactivated="true")["data"]
    assert {row["name"] for row in every} - shown == {"old tag", "older tag"}
    assert {(row["id"],): row for row in every} == dixa.vendor.expected("tags")
    assert dixa.refused("/v1/tags", includeDeactivated="yes")[0] == 400


def test_contact_endpoints_have_no_id(dixa: Client) -> None:
    rows = dixa.get("/v1/contact-endpoints")["data"]
    assert not any("id" in row for row in rows)
    keys = {(row["_type"], row.get("address") or row["number"]) for row in rows}
    assert keys == set(dixa.vendor.expected("contact_endpoints"))
    mails = dixa.get("/v1/contact-endpoints", _type="EmailEndpoint")["data"]
    assert {row["_type"] for row in mails} == {"EmailEndpoint"}
    assert dixa.refused("/v1/contact-endpoints", _type="Email")[0] == 400


def test_flows_are_those_of_phones_unless_a_channel_is_named(dixa: Client) -> None:
    assert {row["channel"] for row in dixa.get("/v1/conversations/flows")["data"]} == {"PstnPhone"}
    found = {}
    for channel in ("PstnPhone", "Email", "WidgetChat", "Messenger", "WhatsApp"):
        for row in dixa.get("/v1/conversations/flows", channel=channel)["data"]:
            found[row["id"], row["channel"]] = row
    assert found == dixa.vendor.expected("conversation_flows")
    assert len({identity for identity, _ in found}) < len(found)
    assert dixa.refused("/v1/conversations/flows", channel="EMAIL")[0] == 400


@pytest.mark.parametrize(
    ("path", "stream", "parents", "name", "status"),
    [
        ("/v1/queues/{}/members", "queue_members", "queues", "agentId", 404),
        ("/v1/teams/{}/agents", "team_members", "teams", "id", 400),
        ("/v1/agents/{}/teams", "agent_teams", "agents", "id", 404),
    ],
)
def test_children_are_read_through_their_parents(
    dixa: Client, path: str, stream: str, parents: str, name: str, status: int
) -> None:
    found = {}
    for (parent,) in dixa.vendor.expected(parents):
        for row in dixa.get(path.format(parent))["data"]:
            found[parent, row[name]] = row
    assert found == dixa.vendor.expected(stream)
    assert dixa.refused(path.format("nobody"))[0] == status


def test_exclusive_filters_of_people_are_refused_together(dixa: Client) -> None:
    agent = next(iter(dixa.vendor.expected("agents").values()))
    assert dixa.get("/v1/agents", email=agent["email"])["data"] == [agent]
    assert dixa.refused("/v1/agents", email=agent["email"], phone="+1")[0] == 400


def test_the_activity_log_is_paged_and_bounded_by_both_ends(dixa: Client) -> None:
    truth = dixa.vendor.expected("activity_log")
    rows = dixa.rows(ACTIVITY, pageLimit=700)
    assert {(row["id"],): row for row in rows} == truth
    assert len(rows) == len(truth)
    assert all(row["activityTimestamp"].endswith("Z[GMT]") for row in rows)
    assert len({row["_type"] for row in rows}) >= 10
    one = rows[5]["activityTimestamp"].removesuffix("[GMT]")
    same = dixa.rows(ACTIVITY, fromDatetime=one, toDatetime=one, pageLimit=10000)
    assert rows[5] in same
    assert {row["activityTimestamp"] for row in same} == {f"{one}[GMT]"}
    assert dixa.refused(ACTIVITY, fromDatetime="yesterday")[0] == 400
    assert dixa.refused(ACTIVITY, toDatetime="2026-05-01T00:00:00")[0] == 400
    assert dixa.refused(ACTIVITY, pageLimit=10001)[0] == 400
    assert len(dixa.get(ACTIVITY, created_after="ignored")["data"]) == 50


def test_the_burst_the_quota_and_the_exports_minute_are_enforced() -> None:
    with serve(limits=True) as dixa:
        found = [dixa.ask("GET", "/v1/teams") for _ in range(12)]
        assert [status for status, _ in found[:4]] == [200] * 4
        assert (429, {"message": "Too Many Requests"}) in found
        time.sleep(0.5)
        assert dixa.ask("GET", "/v1/teams")[0] == 200
        days = {"created_after": "2026-05-01", "created_before": "2026-05-02"}
        token = f"Bearer {TOKEN}"
        for path in (CONVERSATIONS, MESSAGES):
            found = [dixa.ask("GET", path, days, token=token) for _ in range(11)]
            assert [status for status, _ in found] == [200] * 10 + [429]
    with serve(daily_quota=2) as dixa:
        found = [dixa.ask("GET", "/v1/teams") for _ in range(3)]
        assert [status for status, _ in found] == [200, 200, 429]
        assert found[2][1] == {"message": "Limit Exceeded"}


def test_options_take_parents_and_the_organization_away() -> None:
    with serve(vanished=True, no_organization=True, looping=True) as dixa:
        queue = dixa.get("/v1/queues")["data"][0]["id"]
        assert dixa.refused(f"/v1/queues/{queue}/members")[0] == 404
        assert dixa.refused("/v1/organization")[0] == 404
        answer = dixa.get("/v1/agents")
        links = [answer["meta"]["next"]]
        for _ in range(3):
            _, answer = dixa.ask("GET", links[-1])
            links.append(answer["meta"]["next"])
        assert links[1] == links[2] == links[3]


def test_what_is_not_served_is_not_found(dixa: Client) -> None:
    message = "The requested resource could not be found"
    for path in ("/v2/agents", "/v1/nothing", "/v1/agents/nobody", "/"):
        assert dixa.refused(path) == (404, message)
    assert dixa.ask("POST", "/v1/agents", body={}) == (404, {"message": message})
    assert dixa.ask("DELETE", "/v1/tags")[0] == 404


def test_changes_reach_every_kind_of_row() -> None:
    with serve() as dixa:
        streams = (
            "record_ratings", "record_closed_conversations", "conversation_export", "tags",
            "activity_log",
        )  # fmt: skip
        before = {stream: dixa.vendor.expected(stream) for stream in streams}
        dixa.vendor.change(7)
        after = {stream: dixa.vendor.expected(stream) for stream in streams}
        for stream in streams:
            assert set(before[stream]) <= set(after[stream])
            assert len(after[stream]) > len(before[stream])
        names = {row["displayName"] for row in dixa.vendor.expected("agents").values()}
        assert any(name.endswith("(7)") for name in names)
        rated = "record_ratings"
        modified = [key for key, row in before[rated].items() if after[rated][key] != row]
        assert modified
        limit = text(dixa.vendor.now - timedelta(days=7))
        assert all(key[1] > limit for key in modified)
        touched = [
            row
            for key, row in after["conversation_export"].items()
            if row != before["conversation_export"].get(key)
        ]
        edge = milliseconds(dixa.vendor.now - timedelta(days=7))
        assert touched
        assert all(row["updated_at"] > edge for row in touched)
        again = "record_closed_conversations"
        assert any(key[2] for key in set(after[again]) - set(before[again]))
