"""The imitated Dixa's analytics: catalogues, filters, metric data, record data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contact_sandbox.dixa.catalogue import ATTRIBUTES, stream_name
from tests.sandbox.dixa_client import METRICS, RECORDS, Client, body, next_key, serve, text

RECORD_IDS = {
    "ratings": "record_ratings",
    "closed_conversations": "record_closed_conversations",
    "first_response_time": "record_first_response_time",
    "agent_assignments": "record_agent_assignments",
    "agent_presence_periods": "record_agent_presence_periods",
    "aiAgentFeedback.v2": "record_ai_agent_feedback_v2",
}


@pytest.fixture(name="dixa", scope="module")
def _dixa() -> Iterator[Client]:
    with serve() as client:
        yield client


def canonical(rows: Any) -> list[str]:
    return sorted(map(repr, rows))


@pytest.mark.parametrize(
    ("path", "stream"), [(METRICS, "analytics_metrics"), (RECORDS, "analytics_records")]
)
def test_catalogues_come_in_short_pages_one_of_them_empty(
    dixa: Client, path: str, stream: str
) -> None:
    pages = dixa.pages(path, pageLimit=50)
    assert [len(page) for page in pages] == [4, 0, 2]
    found = {(row["id"],): row for page in pages for row in page}
    assert found == dixa.vendor.expected(stream)
    assert dixa.pages(path.replace("v1", "beta"), pageLimit=50) == pages
    for (raw,), row in found.items():
        assert dixa.get(f"{path}/{raw}") == {"data": row}
    assert dixa.refused(f"{path}/unknown")[0] == 400
    assert dixa.refused(path, pageLimit=51)[0] == 400


def test_filter_values_are_listed_per_attribute(dixa: Client) -> None:
    found = {
        (name, row["value"]): row
        for name in ATTRIBUTES
        for row in dixa.rows(f"/v1/analytics/filter/{name}")
    }
    assert found == dixa.vendor.expected("analytics_filter_values")
    assert {"value": "OUTBOUND"} in found.values()
    assert dixa.refused("/v1/analytics/filter/colour")[0] == 400


@pytest.mark.parametrize(("raw", "stream"), RECORD_IDS.items())
def test_daily_windows_hold_each_row_once(dixa: Client, raw: str, stream: str) -> None:
    truth = dixa.vendor.expected(stream)
    days = [dixa.vendor.start - timedelta(days=1) + timedelta(days=day) for day in range(62)]
    found = [row for day in days for row in dixa.record(raw, day, day + timedelta(days=1))]
    assert canonical(found) == canonical(truth.values())
    assert canonical(dixa.everything(raw)) == canonical(truth.values())
    assert stream == f"record_{stream_name(raw)}"


def test_rows_have_every_type_and_oddity(dixa: Client) -> None:
    rows = [row for raw in RECORD_IDS for row in dixa.everything(raw)]
    fields = [field for row in rows for field in row["fields"]]
    kinds = {field["field"]["_type"] for field in fields if "field" in field}
    assert kinds == {
        "BooleanField", "DoubleField", "InstantField", "IntField", "LongField", "StringField",
        "UUIDField", "TimestampField", "ListField", "MoneyField",
    }  # fmt: skip
    assert any("field" not in field for field in fields)
    typed = [field["field"] for field in fields if "field" in field]
    stamps = [each for each in typed if each["_type"] == "TimestampField"]
    assert all(set(each) == {"_type", "name", "timestamp"} for each in stamps)
    lists = [each for each in typed if each["_type"] == "ListField"]
    assert not any("value" in each for each in lists)
    assert any("values" not in each for each in lists)
    items = [item for each in lists for item in each.get("values", [])]
    assert any(item["_type"] == "LongField" and item["value"] == 2**53 + 1 for item in items)
    assert any("value" in row for row in rows)
    assert any("value" not in row for row in rows)
    names = [Counter(field["name"] for field in row["fields"]) for row in rows]
    assert any(max(count.values()) > 1 for count in names)
    assert any("sentiment" in row for row in rows)
    lengths = {len(row["primaryTimestampField"]["timestamp"]) for row in rows}
    assert lengths == {20, 24, 27}


def test_rows_have_identical_twins_and_second_closings(dixa: Client) -> None:
    ratings = Counter(canonical(dixa.everything("ratings")))
    assert max(ratings.values()) > 1
    closed = list(dixa.vendor.expected("record_closed_conversations"))
    again = [key for key in closed if key[2] == 1]
    assert again
    rows = dixa.everything("closed_conversations")
    assert {row["primaryTimestampField"]["name"] for row in rows} == {"created_at"}
    day = datetime(2026, 5, 10, tzinfo=UTC)
    inside = dixa.record("closed_conversations", day, day + timedelta(days=1))
    # the period applies to another instant than the primary timestamp
    assert any(row["primaryTimestampField"]["timestamp"] < text(day) for row in inside)


def test_pages_are_posts_with_the_same_body(dixa: Client) -> None:
    asked = body("closed_conversations", dixa.vendor.start, dixa.vendor.now)
    pages = dixa.pages(RECORDS, asked, pageLimit=7)
    assert {len(page) for page in pages[:-1]} == {7}
    rows = [row for page in pages for row in page]
    assert canonical(rows) == canonical(dixa.everything("closed_conversations"))
    key = next_key(dixa.post(RECORDS, asked, pageLimit=7))
    message = "Invalid value for: query parameter pageKey"
    assert dixa.refused(RECORDS, asked | {"timezone": "Europe/Rome"}, pageKey=key) == (400, message)
    assert dixa.refused(RECORDS, pageKey=key) == (400, message)
    larger = dixa.post(RECORDS, asked, pageKey=key, pageLimit=3)["data"]
    assert larger == rows[3:6]
    assert dixa.refused(RECORDS, asked, pageLimit=301)[0] == 400
    assert len(dixa.post(RECORDS, asked)["data"]) == 50


@pytest.mark.parametrize(
    "change",
    [
        {"timezone": None},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"id": 7},
        {"id": "unknown"},
        {"periodFilter": None},
        {"periodFilter": {"start": "2026-05-01T00:00:00Z", "end": "2026-05-02T00:00:00Z"}},
        {"periodFilter": {"_type": "Interval", "start": "2026-05-01", "end": "2026-05-02"}},
        {"periodFilter": {"_type": "Preset", "value": "Today"}},
        {"periodFilter": {"_type": "Preset", "value": {"_type": "PreviousYear"}}},
        {"csidFilter": [1]},
        {"filters": [{"attribute": "colour", "values": ["red"]}]},
        {"filters": {"attribute": "channel"}},
        {"filters": [{"attribute": "channel", "values": "EMAIL"}]},
    ],
)
def test_a_body_against_the_schema_is_refused(dixa: Client, change: dict[str, Any]) -> None:
    whole = body("csat", dixa.vendor.start, dixa.vendor.now) | change
    assert dixa.refused(METRICS, whole)[0] == 400
    record = whole if "id" in change else whole | {"id": "ratings"}
    assert dixa.refused(RECORDS, record)[0] == 400


def test_a_body_that_is_no_json_is_refused(dixa: Client) -> None:
    message = {"message": "Decoding failure in request"}
    assert dixa.ask("POST", METRICS, body=b"{") == (400, message)
    assert dixa.ask("POST", METRICS, body=[]) == (400, {"message": "Invalid value for: body"})


def test_conversations_can_be_named_instead_of_a_period(dixa: Client) -> None:
    key = next(iter(dixa.vendor.expected("record_closed_conversations")))
    asked = {"id": "closed_conversations", "csidFilter": [key[0]], "timezone": "UTC"}
    rows = dixa.rows(RECORDS, asked)
    truth = dixa.vendor.expected("record_closed_conversations")
    assert canonical(rows) == canonical(row for each, row in truth.items() if each[0] == key[0])
    assert dixa.refused(RECORDS, asked | {"csidFilter": []})[0] == 400
    assert dixa.refused(RECORDS, asked | {"csidFilter": ["1"]})[0] == 400


def test_a_period_holds_its_start_but_not_its_end() -> None:
    for inclusive in (False, True):
        with serve(inclusive_end=inclusive) as dixa:
            row = dixa.everything("ratings")[0]
            at = datetime.fromisoformat(row["primaryTimestampField"]["timestamp"])
            assert row in dixa.record("ratings", at, at + timedelta(microseconds=1))
            assert (row in dixa.record("ratings", at - timedelta(days=1), at)) is inclusive


def test_rows_that_come_in_while_paging_shift_the_pages() -> None:
    with serve(drift=2) as dixa:
        asked = body("closed_conversations", dixa.vendor.start, dixa.vendor.now)
        before = canonical(dixa.vendor.expected("record_closed_conversations").values())
        rows = canonical(dixa.rows(RECORDS, asked, pageLimit=50))
        assert set(before) <= set(rows)
        assert len(rows) == len(before) + 2
        after = dixa.vendor.expected("record_closed_conversations")
        assert len(after) == len(before) + 2
        assert canonical(dixa.rows(RECORDS, asked, pageLimit=50)) == canonical(after.values())


def test_stale_keys_long_periods_and_missing_filters_are_refused_on_request() -> None:
    with serve(stale_keys=1, slow_hours=24, require_filters=True) as dixa:
        start = dixa.vendor.now - timedelta(days=1)
        narrowed = [{"attribute": "initial_direction", "values": ["INBOUND", "OUTBOUND"]}]
        asked = body("closed_conversations", start, dixa.vendor.now, filters=narrowed)
        key = next_key(dixa.post(RECORDS, asked, pageLimit=1))
        assert dixa.refused(RECORDS, asked, pageLimit=1, pageKey=key)[0] == 400
        assert dixa.post(RECORDS, asked, pageLimit=1, pageKey=key)["data"]
        longer = body("csat", start - timedelta(hours=1), dixa.vendor.now, filters=narrowed)
        assert dixa.refused(METRICS, longer) == (504, "Endpoint request timed out")
        assert dixa.refused(RECORDS, asked | {"filters": []})[0] == 400


def test_ids_can_be_refused_hidden_or_collide() -> None:
    options = {
        "refused_ids": ("csat",),
        "refused_filters": ("tag_id",),
        "hidden_ids": ("ratings",),
        "collisions": True,
    }
    with serve(**options) as dixa:
        period = (dixa.vendor.start, dixa.vendor.now)
        assert "csat" in {row["id"] for row in dixa.rows(METRICS)}
        assert dixa.refused(METRICS, body("csat", *period))[0] == 400
        assert dixa.refused("/v1/analytics/filter/tag_id")[0] == 400
        assert "ratings" not in {row["id"] for row in dixa.rows(RECORDS)}
        assert dixa.refused(RECORDS, body("ratings", *period))[0] == 400
        assert "record_ratings" not in dixa.vendor.streams
        extra = [each for each in dixa.vendor.streams if each.startswith("record_ai_agent_")]
        assert len(extra) == 2
        assert len(dixa.everything("ai-agent_feedback V2")) == 3
