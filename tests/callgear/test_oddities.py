"""What is odd about this vendor: local times, undocumented order, closed fields, shapes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contact_sandbox import Reply, Request
from tests.callgear.conftest import OpenAccount
from tests.callgear.requests_log import asked
from tests.contract.runner import announced
from tests.contract.truth import differences

AUTUMN = datetime(2026, 10, 28, 9, 30, tzinfo=UTC)
"""Three days after clocks went back in Berlin."""

SPRING = datetime(2026, 4, 1, 9, 30, tzinfo=UTC)
"""Three days after they went forward."""


@pytest.mark.parametrize("ranges", ["local", "utc"])
@pytest.mark.parametrize("till", ["inclusive", "exclusive"])
@pytest.mark.parametrize("now", [AUTUMN, SPRING], ids=["fold", "gap"])
def test_clock_changes_lose_nothing(
    account: OpenAccount, now: datetime, till: str, ranges: str
) -> None:
    local = account(now=now, days=6, till=till, ranges=ranges, calls=900, stable_order=False)
    config = {**local.config, "page_size": 40, "window": "6h"}
    streams = ("calls", "offline_messages", "employee_stats", "campaign_daily_stats")
    run = local.run(config, catalog=local.catalog(*streams))
    assert run.code == 0, run.stderr
    found, zone = local.by_identity(run), ZoneInfo("Europe/Berlin")
    for stream in streams:
        truth = local.truth(stream)
        assert found[stream].keys() == truth.keys(), stream
        for key, row in truth.items():
            assert not differences(found[stream][key], row, announced(run)[stream], zone=zone)


@pytest.mark.parametrize("zone", ["Asia/Dubai", "America/St_Johns", "Pacific/Chatham"])
def test_zones_with_odd_offsets(account: OpenAccount, zone: str) -> None:
    local = account(timezone=zone)
    streams = ("calls", "chats", "ct_summary")
    run = local.run(catalog=local.catalog(*streams))
    assert run.code == 0, run.stderr
    for stream in streams:
        found = local.by_identity(run)[stream]
        assert found.keys() == local.truth(stream).keys(), stream
        for key, row in local.truth(stream).items():
            wrong = differences(found[key], row, announced(run)[stream], zone=ZoneInfo(zone))
            assert not wrong, (stream, key, wrong[:3])


def test_the_zone_can_be_set(account: OpenAccount) -> None:
    local = account(timezone="Asia/Dubai")
    config = {**local.config, "timezone": "Asia/Dubai"}
    run = local.run(config, catalog=local.catalog("calls"))
    assert run.code == 0, run.stderr
    assert not asked(local, "get.account")
    assert {(r["id"],) for r in run.records("calls")} == local.truth("calls").keys()


@pytest.mark.parametrize(
    "options",
    [
        {"short_pages": True},
        {"stable_order": False},
        {"bare_array": False},
        {"hits_object": True},
        {"fractions": False},
        {"short_pages": True, "stable_order": False, "till": "exclusive", "ranges": "utc"},
    ],
    ids="-".join,
)
@pytest.mark.slow
def test_undocumented_behaviour_loses_nothing(
    account: OpenAccount, options: dict[str, Any]
) -> None:
    odd = account(**options)
    run = odd.run()
    assert run.code == 0, run.stderr
    found = odd.by_identity(run)
    for stream in odd.streams:
        assert found[stream].keys() == odd.truth(stream).keys(), stream


def test_ongoing_calls_come_when_asked_for(account: OpenAccount) -> None:
    busy = account()
    rows = busy.vendor.account.table("get.calls_report").rows  # type: ignore[attr-defined]
    ongoing = {row.own["id"] for row in rows if row.hidden_unless}
    assert ongoing
    without = busy.run(catalog=busy.catalog("calls"))
    assert not ongoing & {record["id"] for record in without.records("calls")}
    config = {**busy.config, "include_ongoing_calls": True}
    run = busy.run(config, catalog=busy.catalog("calls"))
    assert run.code == 0, run.stderr
    found = {record["id"]: record for record in run.records("calls")}
    assert ongoing <= found.keys()
    assert all(found[ident]["finish_time"] is None for ident in ongoing)


def test_excluded_fields_are_not_asked_for(account: OpenAccount) -> None:
    plain = account()
    left_out = ["contact_phone_number", "visitor_id"]
    config = {**plain.config, "exclude_fields": {"calls": left_out}}
    run = plain.run(config, catalog=plain.catalog("calls"))
    assert run.code == 0, run.stderr
    for params in asked(plain, "get.calls_report"):
        assert not set(left_out) & set(params["fields"])
    assert len(run.records("calls")) == len(plain.truth("calls"))
    assert all(not set(left_out) & record.keys() for record in run.records("calls"))


def test_a_deselected_field_is_not_asked_for(account: OpenAccount) -> None:
    plain = account()
    catalog = plain.catalog("calls", without={"calls": "contact_phone_number"})
    run = plain.run(catalog=catalog)
    assert run.code == 0, run.stderr
    requests = asked(plain, "get.calls_report")
    assert requests
    assert all("contact_phone_number" not in params["fields"] for params in requests)


def test_a_field_that_the_account_lacks_is_named(account: OpenAccount) -> None:
    poor = account(missing_fields={"get.calls_report": {"cpn_country_name"}})
    run = poor.run(catalog=poor.catalog("calls", "employees"))
    assert run.code == 1, run.stderr
    told = [line for line in run.said("ERROR") if "Stream 'calls'" in line]
    assert len(told) == 1
    assert "exclude_fields" in told[0]
    assert "cpn_country_name" in told[0]
    assert run.records("employees")
    config = {**poor.config, "exclude_fields": {"calls": ["cpn_country_name"]}}
    assert poor.run(config, catalog=poor.catalog("calls")).code == 0


@pytest.mark.parametrize(
    "excluded",
    [
        {"calls": ["id"]},
        {"calls": ["start_time"]},
        {"campaign_daily_stats": ["engine"]},
        {"no_such_stream": ["id"]},
    ],
)
def test_needed_fields_cannot_be_excluded(
    account: OpenAccount, excluded: dict[str, list[str]]
) -> None:
    plain = account()
    run = plain.run({**plain.config, "exclude_fields": excluded})
    assert run.code == 2, run.stderr
    assert "'exclude_fields'" in run.said("ERROR")[0]
    assert not asked(plain)


def test_fields_that_only_some_accounts_know_are_left_out(account: OpenAccount) -> None:
    lacking = {"called_phone_number", "action_id"}
    today = account(missing_fields={"get.call_legs_report": lacking})
    run = today.run(catalog=today.catalog("call_legs"))
    assert run.code == 0, run.stderr
    records = run.records("call_legs")
    assert len(records) == len(today.truth("call_legs"))
    assert all(not lacking & record.keys() for record in records)
    assert any("scenario_name" in record for record in records)
    told = "\n".join(run.said("WARNING"))
    assert all(name in told for name in lacking)


def test_both_kinds_of_credentials_are_refused(account: OpenAccount) -> None:
    plain = account()
    for extra in ({"login": "sandbox", "password": "sandbox-password"}, {"timezone": "Mars/Base"},
                  {"max_wait_seconds": -1}):  # fmt: skip
        run = plain.run({**plain.config, **extra})
        assert run.code == 2, run.stderr
        assert len(run.said("ERROR")) == 1
    run = plain.run({**plain.config, "access_token": "  "})
    assert run.code == 2, run.stderr
    assert "'access_token'" in run.said("ERROR")[0]
    assert not asked(plain)


def test_sip_passwords_go_nowhere(account: OpenAccount) -> None:
    plain = account()
    run = plain.run(catalog=plain.catalog("sip_lines"), level="DEBUG")
    assert run.code == 0, run.stderr
    assert run.records("sip_lines")
    assert "password" not in announced(run)["sip_lines"]["properties"]
    printed = run.stderr + b"\n".join(run.lines).decode()
    assert "sandbox-sip-secret-" not in printed
    assert all("password" not in (r.get("_extra") or {}) for r in run.records("sip_lines"))


def test_streams_by_site_keep_a_bookmark_for_each(account: OpenAccount) -> None:
    plain = account()
    streams = ("campaign_daily_stats", "ct_campaign_summary")
    run = plain.run(catalog=plain.catalog(*streams))
    assert run.code == 0, run.stderr
    sites = {key[0] for key in plain.truth("sites")}
    for stream in streams:
        parts = (run.state or {})["bookmarks"][stream]["partitions"]
        assert {part["context"]["site_id"] for part in parts} == sites
        assert {record["site_id"] for record in run.records(stream)} == sites


def test_agents_ask_for_a_user_and_only_agents_do(account: OpenAccount) -> None:
    agent, customer = account(agent=True), account(agent=False)
    assert agent.run(catalog=agent.catalog("employees", "customers")).code == 0
    assert all("user_id" in params for params in asked(agent, "get.employees"))
    assert all("user_id" not in params for params in asked(agent, "get.customers"))
    run = customer.run(catalog=customer.catalog("employees", "customers"))
    assert run.code == 1
    assert "'customers'" in "\n".join(run.said("ERROR"))
    assert all("user_id" not in params for params in asked(customer))


def test_an_account_without_sites_has_no_figures_by_site(account: OpenAccount) -> None:
    bare = account()
    plain = bare.vendor.handle

    def handle(request: Request) -> Reply:
        if b'"get.sites"' not in request.body:
            return plain(request)
        result = {"metadata": {"total_items": 0, "limits": {}}, "data": []}
        return Reply(200, {"jsonrpc": "2.0", "id": 1, "result": result})

    bare.vendor.handle = handle  # type: ignore[method-assign]
    by_site = ("campaign_daily_stats", "ct_campaign_summary")
    run = bare.run(catalog=bare.catalog(*by_site, "sites", "employee_stats"))
    assert run.code == 0, run.stderr
    assert all(run.records(stream) == [] for stream in (*by_site, "sites"))
    assert run.records("employee_stats")
    methods = {json.loads(entry.body)["method"] for entry in bare.server.log.entries}
    assert "get.campaign_daily_stat" not in methods
