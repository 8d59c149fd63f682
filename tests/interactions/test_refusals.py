"""What vendor or settings refuse ends as one sentence, with the right exit code and no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contact_sandbox.interactions.api import API_KEY
from tap_interactions.tap import TapInteractions
from tap_shared.errors import CredentialsRefused, RunFailed, SettingRefused
from tests.interactions.tenant import bookmark, serving


def last_line(log: str) -> str:
    return log.strip().splitlines()[-1]


def test_a_key_revoked_during_the_run_ends_it_with_1_after_the_state(tmp_path: Path) -> None:
    with serving(revoke_after=4) as tenant:
        run = tenant.execute(tmp_path)
        assert run.code == 1
        assert run.rows()
        assert run.messages[-1]["type"] == "STATE"
        assert "2026-11-16" < bookmark(run.state) < "2026-11-20T15:25:00.000000Z"
        emitted = run.by_key("interactions")
        for key, row in tenant.vendor.expected("interactions").items():
            at = row["MostRecentRollupAtUtc"][:19]
            assert key in emitted or at >= bookmark(run.state)[:19]
        assert "refuses the API key" in last_line(run.log)
        assert [e.status for e in tenant.server.log.entries].count(401) == 1
        assert "Traceback" not in run.log


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_a_wrong_key_is_refused_before_any_data_and_never_shown(
    header: str, tmp_path: Path
) -> None:
    with serving() as tenant:
        run = tenant.execute(tmp_path, api_key="sandbox+/x=:wrong+/y=", auth_header=header)
        assert run.code == 2
        assert run.rows() == []
        assert "refuses the API key" in last_line(run.log)
        assert "wrong+/y" not in run.log


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_the_key_goes_into_either_header_and_nowhere_else(header: str, tmp_path: Path) -> None:
    with serving() as tenant:
        run = tenant.execute(
            tmp_path,
            *tenant.vendor.streams,
            api_key=f" {API_KEY}\n",
            auth_header=header,
            verify_counts=True,
        )
        assert run.code == 0
        requests = tenant.server.log.entries
        shown = [f"{e.path} {e.query} {e.body!r}" for e in requests]
        for part in (API_KEY, "sandboxB", "sandboxA%3D"):
            assert part not in run.log
            assert part not in repr(run.messages)
            assert not any(part in text for text in shown)


def refused(option: str) -> dict[str, Any]:
    return {option: ("agents", "agent_workstate_events")}


@pytest.mark.parametrize("refusal", ["forbidden", "missing_right"])
@pytest.mark.parametrize("is_skipped", [False, True])
def test_a_refused_stream_does_not_keep_the_others_from_running(
    refusal: str,
    is_skipped: bool,  # noqa: FBT001 - a parameter of the test
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(**refused(refusal)) as tenant:
        run = tenant.run("agents", "interactions", "queues", skip_unavailable=is_skipped)
        assert isinstance(run.error, RunFailed) != is_skipped
        assert (run.error is None) == is_skipped
        assert run.rows("agents") == []
        assert len(run.rows("queues")) == 12
        assert run.rows("interactions")
    assert "Stream 'agents': the key's user lacks the right" in caplog.text
    assert ("Deselect it, or set skip_unavailable" in caplog.text) != is_skipped


def test_aggregates_without_a_right_name_the_setting(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as tenant:
        route = tenant.vendor._routes["/reporting/api/v1/interaction/aggregates"]
        tenant.vendor._routes["/reporting/api/v1/interaction/aggregates"] = type(route)(
            ("aggregates",), route.method, route.answer
        )
        tenant.vendor.options["forbidden"] = ("aggregates",)
        assert isinstance(tenant.run(verify_counts=True).error, RunFailed)
    assert "Unset verify_counts" in caplog.text


@pytest.mark.parametrize("status", [200, 400])
def test_an_invalid_request_fails_its_stream_at_once(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(range_error_status=status, refuse_limit=True) as tenant:
        tenant.vendor._reporting._limits = type(tenant.vendor._reporting._limits)(500, 5, 100, None)
        assert isinstance(tenant.run().error, RunFailed)
        assert len(tenant.server.log.entries) == 1
    assert "Stream 'interactions': the vendor calls the request malformed" in caplog.text


def test_another_tenants_lists_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as tenant:
        assert isinstance(tenant.run("workstates", tenant_id=99).error, RunFailed)
    assert "Stream 'workstates': the key's user lacks the right" in caplog.text


@pytest.mark.parametrize(
    ("settings", "streams", "name"),
    [
        ({"api_key": None}, (), "api_key"),
        ({"api_key": " "}, (), "api_key"),
        ({"api_key": "two\nlines"}, (), "api_key"),
        ({"auth_header": "bearer"}, (), "auth_header"),
        ({"page_size": 501}, (), "page_size"),
        ({"page_size": 0}, (), "page_size"),
        ({"queues": ["a"]}, (), "queues"),
        ({"replication_date_field": "FirstRollupAtUtc"}, (), "replication_date_field"),
        ({"tenant_id": None}, ("tickets",), "tenant_id"),
        ({"tenant_id": "x"}, (), "tenant_id"),
        ({"start_date": "yesterday"}, (), "start_date"),
        ({"lookback": "1"}, (), "lookback"),
    ],
)
def test_a_wrong_setting_is_refused_before_any_request(
    settings: dict[str, Any], streams: tuple[str, ...], name: str
) -> None:
    with serving() as tenant:
        error = tenant.run(*streams, **settings).error
        assert isinstance(error, SettingRefused)
        assert error.setting.partition(".")[0] == name
        assert tenant.server.log.entries == []


@pytest.mark.parametrize(("tenant_id", "is_selected"), [(None, False), (2, True)])
def test_routing_lists_are_selected_where_the_tenant_is_known(
    tenant_id: int | None,
    is_selected: bool,  # noqa: FBT001
) -> None:
    given = {} if tenant_id is None else {"tenant_id": tenant_id}
    tap = TapInteractions(config={"start_date": "2026-01-01", "api_key": "sandbox-key", **given})
    chosen = {name for name, stream in tap.streams.items() if stream.selected}
    assert (chosen >= {"workstates", "workstate_sets"}) == is_selected
    assert chosen.isdisjoint({"tickets", "report_messages", "agent_workstate_rollup"})
    assert chosen >= {"interactions", "agent_workstate_events", "queues", "disposition_sets"}


def test_a_refused_key_in_this_process_is_fatal() -> None:
    with serving(revoke_after=0) as tenant:
        assert isinstance(tenant.run("queues", "agents").error, CredentialsRefused)
        assert len(tenant.server.log.entries) == 1
