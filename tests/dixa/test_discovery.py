"""Which streams there are: after the catalogues, or after what is published."""

from __future__ import annotations

from typing import Any

import pytest

from contact_sandbox.vendor import Reply, Request
from tap_dixa.catalogue import Catalogue, filters_of
from tap_shared.errors import CredentialsRefused, SettingRefused, Unreachable
from tests.dixa.conftest import OpenBench

STATIC = {
    "record_ratings", "record_closed_conversations", "record_first_response_time", "metric_csat",
    "metric_closed_conversations", "metric_first_response_time",
    "metric_conversation_assignments_per_agent",
}  # fmt: skip


def dynamic(catalog: dict[str, Any]) -> set[str]:
    named = {entry["tap_stream_id"] for entry in catalog["streams"]}
    return {name for name in named if name.startswith(("record_", "metric_"))}


def test_both_catalogues_are_read_to_their_last_page(dixa: OpenBench) -> None:
    bench = dixa(collisions=True)
    found, _ = bench.discover()
    assert dynamic(found) == {
        name for name in bench.vendor.streams if name.startswith(("record_", "metric_"))
    }
    assert len([n for n in dynamic(found) if n.startswith("record_ai_agent_feedback_v2")]) == 2
    for kind in ("records", "metrics"):
        assert len(bench.paths("GET", f"/v1/analytics/{kind}")) > 2


@pytest.mark.parametrize(
    ("stream", "needed"),
    [
        ("tags", set()),
        ("record_ratings", {"records"}),
        ("metric_csat", {"metrics"}),
        ("analytics_filter_values", {"records", "metrics"}),
    ],
)
def test_a_sync_reads_the_catalogues_that_its_streams_need(
    dixa: OpenBench, stream: str, needed: set[str]
) -> None:
    bench = dixa(days=1)
    catalog = bench.catalog(stream)
    bench.server.log.clear()
    wanted: dict[str, Any] = {"metrics": [{"id": "csat"}], "default_filters": []}
    run = bench.sync(catalog, **wanted)
    assert run.error is None
    assert run.records[stream]
    read = {kind for kind in ("records", "metrics") if bench.paths("GET", f"/v1/analytics/{kind}")}
    assert read == needed
    assert "setting" not in run.said("WARNING")


def test_a_catalogue_that_cannot_be_read_fails_what_needs_it(dixa: OpenBench) -> None:
    bench = dixa(days=1)
    tags, ratings = (bench.catalog(stream) for stream in ("tags", "record_ratings"))
    bench.vendor.options["forbidden"] = ("analytics/records", "analytics/metrics")
    run = bench.sync(tags)
    assert run.error is None
    assert run.records["tags"]
    assert isinstance(bench.sync(ratings).error, CredentialsRefused)


def test_colliding_streams_read_their_own_records(dixa: OpenBench) -> None:
    bench = dixa(collisions=True, feedback=20)
    names = [n for n in bench.vendor.streams if n.startswith("record_ai_agent_feedback_v2")]
    run = bench.run(*names)
    assert run.error is None
    for name in names:
        assert len(run.by_key(name)) == len(bench.vendor.expected(name))
    raw = {name: {row["record_id"] for row in run.records[name]} for name in names}
    assert sorted(raw.values(), key=str) == [{"ai-agent_feedback V2"}, {"aiAgentFeedback.v2"}]


def test_columns_follow_the_catalogue(dixa: OpenBench) -> None:
    found, _ = dixa().discover()
    entry = next(e for e in found["streams"] if e["tap_stream_id"] == "record_ai_agent_feedback_v2")
    properties = entry["schema"]["properties"]
    assert properties["isHelpful"]["type"] == ["boolean", "null"]
    assert properties["reviewed_at"]["format"] == "date-time"
    assert properties["source_ids"]["items"]["type"] == ["string", "null"]
    assert {"field_value_type", "field_labels", "never_sent", "_extra"} <= properties.keys()
    lowered = [name.lower() for name in properties]
    assert len(set(lowered)) == len(lowered)
    assert all(node["description"] for node in properties.values())


def test_without_a_token_nothing_is_asked(dixa: OpenBench) -> None:
    bench = dixa()
    for settings in ({"api_token": None}, {"static_catalogue": True}, {"api_token": " "}):
        found, run = bench.discover(**settings)
        assert dynamic(found) == STATIC
        assert not run.said("WARNING")
    assert not bench.server.log.entries


def test_without_a_token_the_metrics_setting_is_not_judged_by_what_is_published(
    dixa: OpenBench,
) -> None:
    bench = dixa()
    asked = [{"id": "first_response_time", "breakdowns": ["agent_id"], "aggregations": ["Average"]}]
    found, _ = bench.discover(api_token=None, metrics=asked)
    assert dynamic(found) == STATIC
    run = bench.sync(None, static_catalogue=True, metrics=asked)
    assert isinstance(run.error, SettingRefused)
    for wrong in ({"metrics": "csat"}, {"metrics": ["csat"]}, {"default_filters": "channel"}):
        with pytest.raises(SettingRefused, match=next(iter(wrong))):
            bench.discover(api_token=None, **wrong)
    assert not bench.server.log.entries


def test_the_catalogue_is_read_in_pages_of_the_set_size(dixa: OpenBench) -> None:
    bench = dixa()
    bench.discover(page_size=2)
    assert {entry.query["pageLimit"][0] for entry in bench.server.log.entries} == {"2"}


def test_discovery_needs_no_start_date(dixa: OpenBench) -> None:
    bench = dixa()
    bench.config.pop("start_date")
    found, _ = bench.discover()
    assert dynamic(found) > STATIC - {"record_first_response_time"}


def test_a_network_that_is_down_leaves_the_published_ids(dixa: OpenBench) -> None:
    bench = dixa()
    nowhere: dict[str, Any] = {"api_url": "http://127.0.0.1:9", "max_attempts": 1}
    found, run = bench.discover(**nowhere)
    assert dynamic(found) == STATIC
    assert "published ids" in run.said("WARNING")
    assert isinstance(bench.sync(None, **nowhere).error, Unreachable)


@pytest.mark.parametrize("scheme", ["raw", "bearer"])
def test_a_refused_token_stops_everything(dixa: OpenBench, scheme: str) -> None:
    bench = dixa()
    wrong: dict[str, Any] = {"api_token": "sandbox-no-such-token", "auth_scheme": scheme}
    with pytest.raises(CredentialsRefused) as refusal:
        bench.discover(**wrong)
    assert refusal.value.exit_code == 2
    assert "sandbox-no-such-token" not in str(refusal.value)
    run = bench.sync(None, **wrong)
    assert isinstance(run.error, CredentialsRefused)
    assert not run.records
    assert len(bench.server.log.entries) == 2


def test_both_schemes_are_understood_and_blanks_stripped(dixa: OpenBench) -> None:
    bench = dixa(days=2)
    for scheme in ("raw", "bearer"):
        token = f"  {bench.config['api_token']}\n"
        run = bench.run("tags", "message_export", auth_scheme=scheme, api_token=token)
        assert run.error is None
        assert run.records["tags"]
        assert run.records["message_export"]


def test_a_sync_without_a_catalog_reads_the_live_streams(dixa: OpenBench) -> None:
    bench = dixa(days=2, conversations=30)
    run = bench.sync(None)
    assert run.error is None
    assert set(run.schemas) == {
        name
        for name in bench.vendor.streams
        if name
        not in {
            "agent_teams", "agent_presence", "conversation_flows", "endusers", "activity_log",
            "conversation_export", "message_export",
        }
    }  # fmt: skip


def test_a_stream_that_is_gone_from_the_catalogue_is_told(dixa: OpenBench) -> None:
    before = dixa(days=2)
    catalog = before.catalog("record_ratings", "metric_csat", "tags")
    after = dixa(days=2, hidden_ids=("ratings", "csat"))
    run = after.sync(catalog)
    assert run.error is None
    assert run.records["tags"]
    for name in ("record_ratings", "metric_csat"):
        assert f"'{name}'" in run.said("WARNING")
        assert not run.records[name]


def test_a_catalog_outlives_what_the_vendor_announces(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = dixa(days=3)
    before = bench.catalog("record_ratings", "record_closed_conversations")
    announced = [
        {"field": name, "description": "", "nullable": True}
        for name in ("conversation_id", "initial_channel", "comment")
    ]
    records = [
        {**entry, "fieldsMetadata": announced}
        if entry["id"] in {"ratings", "closed_conversations"}
        else entry
        for entry in bench.vendor.data.records
    ]
    first = bench.sync(before)
    monkeypatch.setattr(bench.vendor.data, "records", records)
    second = bench.sync(before)
    assert second.error is None
    for stream in ("record_ratings", "record_closed_conversations"):
        assert second.schemas[stream] == first.schemas[stream]
        found = [
            {key: {**row, "window_end": ""} for key, row in run.by_key(stream).items()}
            for run in (first, second)
        ]
        assert found[0] == found[1]
        assert "initial_channel" in found[1].popitem()[1]["_extra"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("api_token", None), ("timezone", "Mars/Olympus"), ("exports_url", "http://elsewhere.example"),
        ("page_size", 301), ("max_metric_requests", 0), ("auth_scheme", "basic"),
        ("metrics", [{"grain": "day"}]), ("metrics", [{"id": "csat", "grain": "year"}]),
        ("default_filters", [{"attribute": "channel"}]), ("start_date", None),
    ],
)  # fmt: skip
def test_wrong_settings_are_refused_before_anything_is_asked(
    dixa: OpenBench, setting: str, value: Any
) -> None:
    bench = dixa()
    run = bench.sync(None, **{setting: value})
    assert isinstance(run.error, SettingRefused)
    assert setting in str(run.error)
    assert run.error.exit_code == 2
    assert not bench.server.log.entries


def test_the_published_ids_do_not_offer_agents_for_closings() -> None:
    closed = next(e for e in Catalogue.static().metrics if e["id"] == "closed_conversations")
    assert "agent_id" not in filters_of(closed)
    assert "channel" in filters_of(closed)


def test_a_token_that_dies_during_a_run_ends_it(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = dixa(days=4)
    catalog = bench.catalog("agents", "record_ratings", "tags")
    answer = bench.vendor.handle

    def handle(request: Request) -> Reply:
        if request.method == "POST":
            monkeypatch.setattr("contact_sandbox.dixa.gateway.TOKEN", "sandbox-another-token")
        return answer(request)

    monkeypatch.setattr(bench.vendor, "handle", handle)
    run = bench.sync(catalog)
    assert isinstance(run.error, CredentialsRefused)
    assert run.records["agents"]
    assert not run.records["tags"]
    assert run.states
