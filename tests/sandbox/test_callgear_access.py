"""Whom the imitated CallGear lets in, and how it refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from contact_sandbox import Request
from contact_sandbox.callgear.access import TOKEN
from contact_sandbox.callgear.api import CallGear
from tests.sandbox.callgear_client import CALLS, NOW, OpenCallGear, whole


@pytest.mark.parametrize(
    ("body", "code", "mnemonic"),
    [
        (b"{", -32700, "parse_error"),
        (b"[]", -32099, "batch_operations_not_supported"),
        (b'{"jsonrpc":"2.0","method":"get.tags"}', -32099, "notifications_not_supported"),
        (b'{"id":1,"method":"get.tags","params":{}}', -32600, "invalid_request"),
        (b'{"jsonrpc":"2.0","id":1,"method":"get.tags"}', -32600, "invalid_request"),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"get.tag","params":{}}',
            -32601,
            "method_not_found",
        ),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"get.tags","params":{}}',
            -32602,
            "required_parameter_missed",
        ),
    ],
)
def test_a_malformed_request_is_refused_with_status_200(
    open_callgear: OpenCallGear, body: bytes, code: int, mnemonic: str
) -> None:
    rpc, _ = open_callgear()
    status, answer = rpc.post(body)
    assert status == 200
    assert answer["id"] is None
    assert (answer["error"]["code"], answer["error"]["data"]["mnemonic"]) == (code, mnemonic)


def test_there_is_one_endpoint(open_callgear: OpenCallGear) -> None:
    rpc, _ = open_callgear()
    assert rpc.post(b"{}", "/v1.0")[0] == 404
    assert rpc.post(b"{}", "/")[0] == 404
    rpc.connection.request("GET", "/v2.0")
    response = rpc.connection.getresponse()
    assert (response.status, response.read()) == (405, b"Method Not Allowed")


def test_a_wrong_token_is_echoed(open_callgear: OpenCallGear) -> None:
    rpc, _ = open_callgear()
    rpc.token = "sandbox-wrong"
    refused = rpc.error("get.tags")
    assert (refused["mnemonic"], refused["code"]) == ("access_token_invalid", -32001)
    assert refused["value"] == "sandbox-wrong"


def test_a_session_is_opened_lost_and_closed(open_callgear: OpenCallGear) -> None:
    rpc, vendor = open_callgear(auth="session", session_requests=2)
    settings = vendor.settings("http://x")
    assert (settings["login"], settings["password"]) == ("sandbox", "sandbox-password")
    rpc.token = None
    assert rpc.error("login.user", login="sandbox", password="x")["mnemonic"] == "auth_error"
    answer = rpc.call("login.user", login="sandbox", password="sandbox-password")
    assert set(answer["result"]) == {"data"}
    session = answer["result"]["data"]
    assert set(session) == {"access_token", "expire_at", "app_id"}
    rpc.token = session["access_token"]
    assert rpc.data("get.tags") != []
    assert rpc.data("get.tags") != []
    assert rpc.error("get.tags")["mnemonic"] == "access_token_invalid"
    rpc.token = None
    rpc.token = rpc.data("login.user", login="sandbox", password="sandbox-password")["access_token"]
    assert rpc.data("logout.user") == {}
    assert rpc.error("get.tags")["mnemonic"] == "access_token_invalid"


def test_a_session_times_out_as_invalid_and_a_key_as_expired(open_callgear: OpenCallGear) -> None:
    rpc, _ = open_callgear(session_seconds=-1, key_requests=1)
    rpc.token = None
    rpc.token = rpc.data("login.user", login="sandbox", password="sandbox-password")["access_token"]
    assert rpc.error("get.tags")["mnemonic"] == "access_token_invalid"
    rpc.token = TOKEN
    assert rpc.data("get.tags") != []
    assert rpc.error("get.tags")["mnemonic"] == "access_token_expired"


def test_agents_name_a_customer_and_customers_have_no_customers(
    open_callgear: OpenCallGear,
) -> None:
    rpc, vendor = open_callgear()
    assert rpc.error("get.customers")["mnemonic"] == "forbidden"
    assert vendor.expected("customers") == {}
    agent, vendor = open_callgear(agent=True)
    missed = agent.error("get.tags")
    assert (missed["mnemonic"], missed["field"]) == ("required_parameter_missed", "user_id")
    assert agent.error("get.tags", user_id=1)["mnemonic"] == "invalid_parameter_value"
    users = {row["id"] for row in agent.data("get.customer_users")}
    assert vendor.settings("http://x")["user_id"] in users
    assert agent.data("get.tags", user_id=users.pop()) != []


def test_rights_components_fields_and_whole_accounts_can_be_missing(
    open_callgear: OpenCallGear,
) -> None:
    rpc, vendor = open_callgear(
        disabled={"get.scenarios"},
        forbidden={"get.contacts"},
        missing_fields={CALLS: {"cpn_country_id"}},
    )
    assert rpc.error("get.scenarios")["code"] == -32008
    assert rpc.error("get.scenarios")["mnemonic"] == "method_component_disabled"
    assert rpc.error("get.contacts")["mnemonic"] == "forbidden"
    assert vendor.expected("scenarios") == vendor.expected("contacts") == {}
    refused = rpc.error(CALLS, **whole(vendor), fields=["id", "cpn_country_id"])
    assert (refused["mnemonic"], refused["value"]) == ("invalid_parameter_value", "cpn_country_id")
    closed, _ = open_callgear(refuse="ip_not_whitelisted")
    assert closed.error("get.tags")["code"] == -32003


def test_points_are_counted_for_successes_and_come_back(open_callgear: OpenCallGear) -> None:
    rpc, _ = open_callgear(minute_limit=2, day_limit=50, minute_seconds=1)
    rpc.error("get.tags", page=1)
    first = rpc.call("get.tags")["result"]["metadata"]["limits"]
    assert first["minute_limit"] == 2
    assert first["minute_remaining"] == 1
    assert (first["day_limit"], first["day_remaining"]) == (50, 49)
    assert first["minute_reset"] == 1
    assert first["day_reset"] > 86_000
    rpc.data("get.tags")
    refused = rpc.error("get.tags")
    assert (refused["mnemonic"], refused["code"]) == ("limit_exceeded", -32029)
    assert refused["params"] == {"limit_type": "minute", "limit_max_value": 2}
    assert refused["metadata"]["limits"]["minute_remaining"] == 0
    rpc.connection.sock.settimeout(5)
    deadline = datetime.now(UTC) + timedelta(seconds=5)
    while "error" in rpc.call("get.tags"):
        assert datetime.now(UTC) < deadline


def test_the_day_budget_refuses_too(open_callgear: OpenCallGear) -> None:
    rpc, _ = open_callgear(day_limit=1)
    rpc.data("get.tags")
    assert rpc.error("get.tags")["params"]["limit_type"] == "day"


def test_a_retry_with_another_id_counts_as_the_same_request() -> None:
    vendor = CallGear(now=NOW)

    def key(ident: int) -> bytes:
        call = {"jsonrpc": "2.0", "id": ident, "method": "get.tags", "params": {"limit": 1}}
        return vendor.fault_key(Request("POST", "/v2.0", body=json.dumps(call).encode()))

    assert key(1) == key(2)
