"""The imitated Dixa's metric data: presets, measures, filters, days and months."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from contact_sandbox.dixa.catalogue import stream_name
from contact_sandbox.seeded import utc_text
from tests.sandbox.dixa_client import METRICS, RECORDS, Client, body, serve


@pytest.fixture(name="dixa", scope="module")
def _dixa() -> Iterator[Client]:
    with serve() as client:
        yield client


def test_presets_follow_the_zone_and_the_clock(dixa: Client) -> None:
    def count(name: str, zone: str) -> int:
        preset = {"_type": "Preset", "value": {"_type": name}}
        asked = {"id": "closed_conversations", "periodFilter": preset, "timezone": zone}
        values = dixa.post(METRICS, asked)["data"]["aggregates"]
        return int(values[0]["value"])

    def between(start: datetime, end: datetime) -> int:
        values = dixa.measures("closed_conversations", start, end)
        return int(values[0]["value"])

    may = datetime(2026, 5, 1, tzinfo=UTC)
    april = datetime(2026, 4, 1, tzinfo=UTC)
    assert count("PreviousMonth", "UTC") == between(april, may) > 0
    shift = timedelta(hours=9)
    assert count("PreviousMonth", "Asia/Tokyo") == between(april - shift, may - shift)
    assert count("ThisWeek", "UTC") == between(datetime(2026, 5, 18, tzinfo=UTC), dixa.vendor.now)
    for name in (
        "Today", "Yesterday", "PreviousWeek", "ThisMonth", "ThisQuarter", "PreviousQuarter",
        "ThisYear",
    ):  # fmt: skip
        assert count(name, "Europe/Copenhagen") >= 0


def test_metrics_agree_with_the_truth_day_by_day(dixa: Client) -> None:
    offered = {
        row["id"]: [each["measure"] for each in row.get("aggregations", [])]
        for row in dixa.vendor.expected("analytics_metrics").values()
    }
    seen = set()
    for raw, measures in offered.items():
        truth = dixa.vendor.expected(f"metric_{stream_name(raw)}")
        for key, row in list(truth.items())[::17]:
            start, end = (datetime.fromisoformat(key[place]) for place in (1, 2))
            values = dixa.measures(raw, start, end, aggregations=measures) or []
            found: list[Any] = []
            for value in values:
                found += value["value"] if isinstance(value["value"], list) else [value]
            assert row in found or row == {"value": None}
            seen.add((key[0], key[6], key[7] != ""))
    assert ("agentPresenceDuration", "AgentPresenceDuration", True) in seen
    assert {raw for raw, _, _ in seen} == set(offered)


def test_days_add_up_to_the_month_across_a_clock_change() -> None:
    zone = {"timezone": "Europe/Copenhagen"}
    hours = [0, *(24 * day for day in range(1, 29)), *(24 * day - 1 for day in range(29, 32))]
    first = datetime(2026, 3, 1, tzinfo=UTC) - timedelta(hours=1)
    edges = [first + timedelta(hours=hour) for hour in hours]
    with serve(days=90) as longer:
        parts = [
            longer.measures("closed_conversations", start, end, **zone)[0]["value"]
            for start, end in pairwise(edges)
        ]
        whole = longer.measures("closed_conversations", edges[0], edges[-1], **zone)[0]["value"]
    assert sum(parts) == whole > 0
    assert edges[-1] - edges[0] == timedelta(days=31, hours=-1)


def test_no_data_looks_different_for_each_metric(dixa: Client) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    period = (long_ago, long_ago + timedelta(days=1))
    assert dixa.measures("csat", *period) is None
    assert dixa.measures("first_response_time", *period) == []
    assert dixa.measures("closed_conversations", *period)[0]["value"] == 0
    assigned = dixa.measures("conversation_assignments_per_agent", *period)
    assert [row["value"] for row in assigned] == [0, None]
    nothing = [row for row in dixa.vendor.expected("metric_csat").values() if row["value"] is None]
    assert nothing


def test_measures_are_those_offered(dixa: Client) -> None:
    period = (dixa.vendor.start, dixa.vendor.now)
    every = dixa.measures("first_response_time", *period)
    assert [row["measure"] for row in every] == ["Min", "Max", "Sum", "Count", "StdDev", "Average"]
    kinds = {row["measure"]: row["_type"] for row in every}
    assert kinds["Count"] == "LongAggregateValue"
    assert kinds["Average"] == "DoubleAggregateValue"
    some = dixa.measures("first_response_time", *period, aggregations=["Max", "Min"])
    assert [row["measure"] for row in some] == ["Max", "Min"]
    assert dixa.refused(METRICS, body("csat", *period, aggregations=["Count"]))[0] == 400
    assert dixa.refused(METRICS, body("csat", *period, aggregations=["count"]))[0] == 400
    per_agent = dixa.measures("conversation_assignments_per_agent", *period)
    assert per_agent[0]["value"] < per_agent[1]["value"]
    presence = dixa.measures("agentPresenceDuration", *period)[0]
    assert "measure" not in presence
    assert {each["status"]["status"] for each in presence["value"]} >= {"Working", "Away"}


def counted(dixa: Client, filters: list[dict[str, Any]]) -> int:
    period = (dixa.vendor.start, dixa.vendor.now)
    return int(dixa.measures("closed_conversations", *period, filters=filters)[0]["value"])


def test_filters_are_joined_and_foreign_ones_ignored(dixa: Client) -> None:
    def one(attribute: str, *values: str) -> dict[str, Any]:
        return {"attribute": attribute, "values": list(values)}

    total = counted(dixa, [])
    mail, chat = (
        counted(dixa, [one("channel", "EMAIL")]),
        counted(dixa, [one("channel", "WIDGET_CHAT")]),
    )
    assert counted(dixa, [one("channel", "EMAIL", "WIDGET_CHAT")]) == mail + chat
    both = [one("channel", "EMAIL"), one("initial_direction", "OUTBOUND")]
    assert 0 < counted(dixa, both) < mail
    assert counted(dixa, [one("channel", "email")]) == 0
    assert counted(dixa, [one("agent_id", "nobody")]) == total
    assert counted(dixa, [one("queue_id", "nobody")]) == 0
    assert counted(dixa, [{"attribute": "channel"}]) == total
    values = dixa.vendor.expected("analytics_filter_values")
    parts = {
        name: sum(counted(dixa, [one(name, value)]) for each, value in values if each == name)
        for name in ("channel", "queue_id", "tag_id", "initial_direction")
    }
    assert parts["channel"] < total
    assert parts["queue_id"] < total
    assert parts["initial_direction"] == total
    rated = body("ratings", dixa.vendor.start, dixa.vendor.now)
    assert dixa.rows(RECORDS, rated | {"filters": [one("agent_id", "nobody")]}) == []


def test_truth_keys_are_in_the_taps_form(dixa: Client) -> None:
    first = next(iter(dixa.vendor.expected("metric_csat")))
    midnight = datetime(2026, 3, 21, tzinfo=UTC)
    following = midnight + timedelta(days=1)
    assert first == (
        "csat", utc_text(midnight), utc_text(following), "UTC", "", "", "Percentage", "",
    )  # fmt: skip
    assert dixa.server.settings("dixa")["start_date"] == "2026-03-21"
    feedback = dixa.vendor.expected("record_ai_agent_feedback_v2")
    assert {type(key[0]) for key in feedback} == {int, str}
