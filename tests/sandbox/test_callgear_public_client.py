"""A public client of the same engine, written by others, understands the imitation."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from contact_sandbox import Server
from contact_sandbox.callgear.access import LOGIN, PASSWORD, TOKEN
from contact_sandbox.callgear.api import CallGear
from tests.sandbox.client_environments import client_python, run_client

PACKAGE = "comagic-data-api-sdk==0.0.3.4"
NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)

SCRIPT = """
import json, sys
from datetime import datetime
from comagic import Comagic
from comagic.errors import ComagicException

url, token, login, password, since, until = sys.argv[1:]
client = Comagic(token=token)
client.API_URL = url
dates = {"date_from": datetime.fromisoformat(since), "date_till": datetime.fromisoformat(until)}
known = ["id", "start_time", "direction", "sale_date", "tags", "contact_phone_number"]

def refusal(call):
    try:
        list(call())
    except ComagicException as error:
        return error.error_data

calls = list(client.get_calls_report(**dates, fields=known, limit=10_000))
out = {
    "zone": client.get_account()["timezone"],
    "calls": [[call["id"], str(call["start_time"])] for call in calls],
    "employees": [person["id"] for person in client.get_employees()],
    "communications": len(list(client.get_communication_report(**dates, limit=10_000))),
    "refused": refusal(lambda: client.get_calls_report(**dates)),
}
client.login, client.password = login, password
client.access_token = client._create_access_token()
out["tags"] = [tag["id"] for tag in client.get_tags()]
client.access_token = "sandbox-wrong"
out["wrong"] = refusal(client.get_tags)
print(json.dumps(out))
"""


@pytest.mark.slow
@pytest.mark.network
def test_the_public_client_reads_what_the_sandbox_holds() -> None:
    python = client_python("comagic", PACKAGE)
    vendor = CallGear(now=NOW, calls=80, burst=10)
    clock = vendor.account.clock
    with Server([vendor]) as server:
        out: dict[str, Any] = json.loads(
            run_client(
                python,
                "-c",
                SCRIPT,
                f"{server.url('callgear')}/v2.0",
                TOKEN,
                LOGIN,
                PASSWORD,
                clock.text(vendor.start),
                clock.text(vendor.now),
            )
        )
        assert server.errors == []
    calls = vendor.expected("calls")
    assert dict(out["calls"]) == {key[0]: row["start_time"] for key, row in calls.items()}
    assert len(out["calls"]) == len(calls) > 90
    assert out["zone"] == "Europe/Berlin"
    assert sorted(out["employees"]) == sorted(key[0] for key in vendor.expected("employees"))
    assert out["communications"] == len(vendor.expected("communications"))
    assert sorted(out["tags"]) == sorted(key[0] for key in vendor.expected("tags"))
    # The client asks for `utm_referrer`, which calls do not have: the whole request is refused.
    assert out["refused"]["code"] == -32602
    assert out["refused"]["data"]["mnemonic"] == "invalid_parameter_value"
    assert out["refused"]["data"]["value"] == "utm_referrer"
    assert out["wrong"]["data"]["mnemonic"] == "access_token_invalid"
    assert out["wrong"]["data"]["value"] == "sandbox-wrong"
