"""Every stream holds what the vendor has: no row lost, none invented, none twice."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from contact_sandbox.dixa.api import DixaVendor
from tests.dixa.bench import Bench, Run, identity

FIXED = [name for name in DixaVendor(days=1, conversations=1).streams if "record_" not in name]
RECORDS = {
    "record_ratings": "ratings",
    "record_closed_conversations": "closed_conversations",
    "record_first_response_time": "first_response_time",
    "record_agent_assignments": "agent_assignments",
    "record_agent_presence_periods": "agent_presence_periods",
    "record_ai_agent_feedback_v2": "aiAgentFeedback.v2",
}


def test_the_streams_are_those_of_the_organisation(bench: Bench, full: Run) -> None:
    assert set(full.schemas) == set(bench.vendor.streams) == {*FIXED, *RECORDS}


@pytest.mark.parametrize("stream", FIXED)
def test_a_stream_holds_the_vendors_rows(stream: str, bench: Bench, full: Run) -> None:
    truth = bench.vendor.expected(stream)
    assert truth
    assert full.by_key(stream).keys() == truth.keys()


@pytest.mark.parametrize("stream", RECORDS)
def test_a_record_stream_holds_the_vendors_rows(stream: str, bench: Bench, full: Run) -> None:
    truth = Counter(key[:2] for key in bench.vendor.expected(stream))
    found = full.by_key(stream).values()
    assert Counter(map(identity, found)) == truth
    assert {row["record_id"] for row in found} == {RECORDS[stream]}


@pytest.mark.parametrize("stream", RECORDS)
def test_values_and_labels_of_rows_arrive(stream: str, bench: Bench, full: Run) -> None:
    truth: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    for row in bench.vendor.expected(stream).values():
        seen = set()
        for each in row["fields"]:
            held = each.get("field") or {}
            name = each["name"]
            of_items = [item.get("label") for item in held.get("values") or []]
            label = held.get("label") or (of_items if any(of_items) else None)
            if name not in seen and label:
                labels[f"{name}={label}"] += 1
            if name not in seen and held.get("_type") in {"StringField", "UUIDField", "LongField"}:
                truth[f"{name}={held['value']}"] += 1
            seen.add(name)
    found: Counter[str] = Counter()
    for record in full.records[stream]:
        extra = record.get("_extra") or {}
        named = {k.removeprefix("field_"): v for k, v in record.items() if k != "labels"}
        named = {**{k: v for k, v in extra.items() if named.get(k) is None}, **named}
        if "field_labels" in record:
            named["labels"] = record["field_labels"]
        for name, value in named.items():
            found[f"{name}={value if value is not None else extra.get(name)}"] += 1
    # a cut emoji is one replacement character in what is emitted
    assert not [text for text in truth - found if not re.search("[\ud800-\udfff]", text)]
    got = Counter(
        f"{name}={label}"
        for row in full.records[stream]
        for name, label in [*row["labels"].items(), *row.get("item_labels", {}).items()]
    )
    assert got == labels


def test_figures_are_the_vendors_own(bench: Bench, full: Run) -> None:
    compared = 0
    for stream in FIXED:
        if stream.startswith("metric_"):
            for key, value in bench.vendor.expected(stream).items():
                row = full.by_key(stream)[key]
                assert row["value"] == value["value"], key
                if "status" not in value:
                    assert row.get("aggregate_type") == value.get("_type")
                compared += value["value"] is not None
    assert compared > 50


def test_plain_lists_arrive_field_by_field(bench: Bench, full: Run) -> None:
    for stream in ("agents", "queues", "tags", "teams", "endusers", "queue_members"):
        for key, row in bench.vendor.expected(stream).items():
            record = full.by_key(stream)[key]
            extra = record.get("_extra") or {}
            for name, value in row.items():
                if name != "createdAt":
                    assert record.get(name, extra.get(name)) == value, (stream, name)


def test_oddities_of_the_lists(full: Run) -> None:
    assert {row["state"] for row in full.records["tags"]} == {"Active", "Inactive"}
    assert len({row["channel"] for row in full.records["conversation_flows"]}) > 2
    for row in full.records["contact_endpoints"]:
        assert row["endpoint"] == row.get("address", row.get("number"))
    for row in full.records["agent_teams"]:
        assert row["team_id"] == row["id"]
    for row in full.records["activity_log"]:
        assert row["activityTimestamp"].endswith("Z")
    for row in full.records["agent_presence"]:
        assert row["requestTime"].endswith("Z")
    for row in full.records["conversation_export"]:
        assert row["updated_at"].endswith("Z")
        assert all(isinstance(f["value"], list) for f in row["custom_fields"])


def test_ids_beyond_floating_point_stay_exact(full: Run) -> None:
    found = {row["id"] for row in full.records["conversation_export"]}
    assert any(number > 2**53 and number % 2 for number in found)
    assert found == {row["csid"] for row in full.records["message_export"]} | found


def test_the_state_is_the_frozen_bound_of_every_windowed_stream(full: Run) -> None:
    marks = full.state["bookmarks"]
    windowed = {s for s in full.schemas if s.startswith(("record_", "metric_"))}
    windowed |= {"activity_log", "conversation_export", "message_export"}
    assert {name for name in marks if "replication_key_value" in marks[name]} == windowed
    assert len({marks[name]["replication_key_value"] for name in windowed}) == 1


def test_nothing_asks_for_webhooks_or_twice_for_a_filter(bench: Bench, full: Run) -> None:
    assert full.records
    paths = [entry.path for entry in bench.server.log.entries]
    assert not any("webhook" in path for path in paths)
