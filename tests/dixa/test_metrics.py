"""Figures: whole local periods, honest breakdowns, no invented zeros."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_sandbox.vendor import Reply, Request
from tap_dixa.metrics import figures
from tap_shared.errors import SettingRefused
from tap_shared.windows import Grain, Span, steps
from tests.dixa.bench import Bench, Record, Run
from tests.dixa.conftest import OpenBench

CLOSED, CSAT, PRESENCE = (
    "metric_closed_conversations", "metric_csat", "metric_agent_presence_duration",
)  # fmt: skip
PATH = "/v1/analytics/metrics"
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
SPRING = datetime(2026, 4, 20, 9, 30, tzinfo=UTC)


def asked(bench: Bench) -> list[dict[str, Any]]:
    return [json.loads(entry.body) for entry in bench.paths("POST", PATH)]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def metric(raw: str, **more: Any) -> dict[str, Any]:
    return {"metrics": [{"id": raw, **more}]}


# Periods


@pytest.mark.parametrize(
    ("now", "start", "end", "hours"),
    [
        (SPRING, "2026-03-01", "2026-03-31", 23),
        (datetime(2025, 11, 20, tzinfo=UTC), "2025-10-01", "2025-10-31", 25),
    ],
)
def test_the_days_of_a_month_with_a_clock_change_add_up_to_the_month(
    dixa: OpenBench, now: datetime, start: str, end: str, hours: int
) -> None:
    bench = dixa(now=now, days=60, conversations=300)
    given_dates: dict[str, Any] = {"start_date": start, "end_date": end}
    given_dates["timezone"] = "Europe/Copenhagen"
    counts: dict[str, dict[str, int]] = {}
    lengths = set()
    for grain in ("day", "month"):
        setting = metric("closed_conversations", grain=grain)
        run = bench.sync(bench.catalog(CLOSED), **given_dates, **setting)
        assert run.error is None
        rows = run.by_key(CLOSED).values()
        counts[grain] = {row["period_start"]: row["value"] for row in rows}
        for row in rows:
            begin = moment(row["period_start"]).astimezone(COPENHAGEN)
            assert (begin.hour, begin.minute) == (0, 0)
            if grain == "day":
                lengths.add(moment(row["period_end"]) - moment(row["period_start"]))
    (month,) = counts["month"].values()
    assert month == sum(counts["day"].values()) > 50
    assert len(counts["day"]) == 31
    assert lengths == {timedelta(hours=24), timedelta(hours=hours)}


ZONES = st.sampled_from(
    ["UTC", "Europe/Copenhagen", "America/St_Johns", "Australia/Lord_Howe", "Africa/Cairo",
     "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Apia"]
)  # fmt: skip
MOMENTS = st.datetimes(datetime(2009, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, st.integers(1, 90), ZONES, st.sampled_from(get_args(Grain)))
def test_periods_are_contiguous_and_cover_the_span(
    start: datetime, days: int, zone: str, grain: Grain
) -> None:
    span = Span(start, start + timedelta(days=min(days, 5) if grain == "hour" else days))
    periods = list(steps(span, ZoneInfo(zone), grain))
    assert periods[0].start <= span.start < periods[0].end
    assert periods[-1].start < span.end <= periods[-1].end
    assert all(a.end == b.start for a, b in pairwise(periods))


@given(MOMENTS, ZONES, st.sampled_from(["week", "month"]))
def test_days_make_up_weeks_and_months(start: datetime, zone: str, grain: Grain) -> None:
    (period, *_) = steps(Span(start, start + timedelta(seconds=1)), ZoneInfo(zone), grain)
    days = list(steps(Span(period.start, period.end), ZoneInfo(zone), "day"))
    assert (days[0].start, days[-1].end) == (period.start, period.end)
    if grain == "week":
        noon = period.start.astimezone(ZoneInfo(zone)) + timedelta(hours=12)
        assert noon.weekday() == 0


def test_a_period_that_is_not_over_is_marked(dixa: OpenBench) -> None:
    bench = dixa(days=3)
    run = bench.run(CLOSED)
    rows = sorted(run.records[CLOSED], key=lambda row: str(row["period_start"]))
    assert [row["is_partial"] for row in rows] == [*[False] * (len(rows) - 1), True]
    mark = run.state["bookmarks"][CLOSED]["replication_key_value"]
    assert rows[-1]["period_start"] <= mark < rows[-1]["period_end"]


def test_every_request_is_an_explicit_interval_in_utc(dixa: OpenBench) -> None:
    bench = dixa(days=3)
    run = bench.sync(bench.catalog(CLOSED), timezone="Asia/Kolkata")
    assert run.error is None
    for body in asked(bench):
        assert body["timezone"] == "Asia/Kolkata"
        assert body["aggregations"] == ["Count"]
        assert body["periodFilter"]["_type"] == "Interval"
        assert body["periodFilter"]["start"].endswith("18:30:00.000Z")


def test_an_incremental_run_asks_for_whole_periods_again(dixa: OpenBench) -> None:
    bench = dixa(days=20)
    first = bench.run(CLOSED)
    bench.server.log.clear()
    bench.vendor.change(3)
    second = bench.run(CLOSED, state=first.state)
    assert 7 <= len(asked(bench)) <= 9
    held = {**first.by_key(CLOSED), **second.by_key(CLOSED)}
    truth = bench.vendor.expected(CLOSED)
    assert {key: row["value"] for key, row in held.items()} == {
        key: value["value"] for key, value in truth.items()
    }


def test_two_grains_of_one_metric_go_side_by_side(dixa: OpenBench) -> None:
    bench = dixa(days=10)
    both = [{"id": "closed_conversations", "grain": grain} for grain in ("day", "week")]
    run = bench.sync(bench.catalog(CLOSED), metrics=both)
    assert run.error is None
    ends = [row["period_end"] for row in run.records[CLOSED]]
    assert ends == sorted(ends)
    assert {row["period_grain"] for row in run.by_key(CLOSED).values()} == {"day", "week"}


# Breakdowns


def test_a_breakdown_that_the_metric_does_not_honour_is_refused_not_multiplied(
    dixa: OpenBench,
) -> None:
    bench = dixa(days=3)
    catalog = bench.catalog("agents", CLOSED)
    bench.server.log.clear()
    run = bench.sync(catalog, **metric("closed_conversations", breakdowns=["agent_id"]))
    assert isinstance(run.error, SettingRefused)
    assert run.error.exit_code == 2
    assert "Setting 'metrics'" in str(run.error)
    assert "'agent_id'" in str(run.error)
    assert "channel" in str(run.error)
    assert not run.records
    assert not asked(bench)


def test_a_filter_or_measure_that_a_metric_does_not_list_is_refused(dixa: OpenBench) -> None:
    bench = dixa(days=2)
    wanted = [{"attribute": "agent_id", "values": ["x"]}]
    for more in ({"filters": wanted}, {"aggregations": ["Sum"]}):
        run = bench.sync(bench.catalog(CLOSED), **metric("closed_conversations", **more))
        assert isinstance(run.error, SettingRefused)
    twice = [{"id": "csat"}, {"id": "csat", "breakdowns": ["channel"]}]
    assert isinstance(bench.sync(bench.catalog(CSAT), metrics=twice).error, SettingRefused)
    spelt = bench.sync(bench.catalog(CSAT), metrics=[{"id": "csat", "breakdown": ["channel"]}])
    assert isinstance(spelt.error, SettingRefused)


def test_a_breakdown_asks_for_each_value_as_it_was_spelt(dixa: OpenBench) -> None:
    bench = dixa(days=4)
    catalog = bench.catalog(CLOSED)
    bench.server.log.clear()
    run = bench.sync(catalog, **metric("closed_conversations", breakdowns=["channel"]))
    assert run.error is None
    values = {row["value"]: row.get("label") for row in bench.vendor.data.filter_values("channel")}
    parts: defaultdict[str, list[Record]] = defaultdict(list)
    for row in run.by_key(CLOSED).values():
        parts[row["filter_value"]].append(row)
    assert set(parts) == {"", *values}
    for value, label in values.items():
        assert {row["filter_label"] for row in parts[value]} == {label}
        assert {row["filter_attribute"] for row in parts[value]} == {"channel"}
    total = sum(row["value"] for row in parts[""])
    assert 0 < sum(row["value"] for value in values for row in parts[value]) <= total
    one_by_one = {
        value: sum(
            1
            for made in bench.vendor.data.conversations
            if made.channel == value
            for _ in made.closings
        )
        for value in values
    }
    assert {value: sum(r["value"] for r in parts[value]) for value in values} == one_by_one
    pages = bench.paths("GET", "/v1/analytics/filter/channel")
    assert len([e for e in pages if "pageKey" not in e.query]) == 1


def test_a_filter_narrows_a_breakdown_and_is_told(dixa: OpenBench) -> None:
    bench = dixa(days=2)
    setting = metric(
        "csat",
        breakdowns=["channel"],
        filters=[
            {"attribute": "channel", "values": ["EMAIL", "CALLBACK"]},
            {"attribute": "initial_direction", "values": ["INBOUND"]},
        ],
    )
    run = bench.sync(bench.catalog(CSAT), **setting)
    assert run.error is None
    rows = run.records[CSAT]
    assert {row["filter_value"] for row in rows} == {"", "EMAIL", "CALLBACK"}
    for row in rows:
        named = [each["attribute"] for each in row["static_filters"]]
        beside = [] if row["filter_value"] else ["channel"]
        assert named == [*beside, "initial_direction"]


def test_a_value_that_the_vendor_does_not_list_is_told_and_left_out(dixa: OpenBench) -> None:
    bench = dixa(days=1)
    narrowed = [{"attribute": "channel", "values": ["email", "EMAIL"]}]
    setting = metric("csat", breakdowns=["channel"], filters=narrowed)
    run = bench.sync(bench.catalog(CSAT), **setting)
    assert run.error is None
    assert {row["filter_value"] for row in run.records[CSAT]} == {"", "EMAIL"}
    assert "'channel' has no value email," in run.said("WARNING")


def test_a_filter_by_a_value_that_the_vendor_does_not_list_is_told(dixa: OpenBench) -> None:
    bench = dixa(days=1)
    setting = metric("csat", filters=[{"attribute": "channel", "values": ["email", "EMAIL"]}])
    run = bench.sync(bench.catalog(CSAT), **setting)
    assert run.error is None
    assert "'channel' has no value email," in run.said("WARNING")
    right = metric("csat", filters=[{"attribute": "channel", "values": ["EMAIL"]}])
    assert "has no value" not in bench.sync(bench.catalog(CSAT), **right).said("WARNING")


@pytest.mark.parametrize("status", [404, 500])
def test_a_list_of_values_that_is_refused_does_not_keep_figures_back(
    dixa: OpenBench, status: int
) -> None:
    bench = dixa(days=1)
    answer = bench.vendor.handle

    def handle(request: Request) -> Reply:
        is_list = request.path.startswith("/v1/analytics/filter/")
        return Reply(status, {"message": "no"}) if is_list else answer(request)

    bench.vendor.handle = handle  # type: ignore[method-assign]
    setting = metric("csat", filters=[{"attribute": "channel", "values": ["EMAIL"]}])
    run = bench.sync(bench.catalog(CSAT), max_attempts=2, **setting)
    assert run.error is None
    assert run.records[CSAT]


def test_a_default_filter_that_nothing_lists_is_told(dixa: OpenBench) -> None:
    wanted = [{"attribute": name, "values": ["x"]} for name in ("channel", "chanel")]
    _, run = dixa(days=1).discover(default_filters=wanted)
    assert "'chanel'" in run.said("WARNING")
    assert "'channel'" not in run.said("WARNING")


def test_too_many_requests_are_refused_with_the_figure(dixa: OpenBench) -> None:
    bench = dixa(days=10)
    catalog = bench.catalog("tags", CSAT)
    bench.server.log.clear()
    setting = metric("csat", breakdowns=["agent_id"], grain="hour")
    run = bench.sync(catalog, **setting, max_metric_requests=1000)
    assert isinstance(run.error, SettingRefused)
    agents = len(bench.vendor.data.directory.agents)
    begin = moment(bench.config["start_date"] + "T00:00:00+00:00")
    span = Span(begin, datetime.now(UTC) - timedelta(minutes=5))
    hours = len(list(steps(span, UTC, "hour")))
    assert str(hours * (agents + 1)) in str(run.error)
    assert not asked(bench)
    assert not run.records


def test_a_metric_that_is_gone_is_told_and_unlisted_ones_are_deselected(dixa: OpenBench) -> None:
    bench = dixa(days=2)
    found, run = bench.discover(metrics=[{"id": "csat"}, {"id": "no_such"}])
    assert "'no_such'" in run.said("WARNING")
    chosen = {
        entry["tap_stream_id"]: next(
            m["metadata"].get("selected-by-default", m["metadata"].get("selected"))
            for m in entry["metadata"]
            if not m["breadcrumb"]
        )
        for entry in found["streams"]
        if entry["tap_stream_id"].startswith("metric_")
    }
    assert chosen.pop(CSAT) is True
    assert len(chosen) == 5
    assert set(chosen.values()) == {False}


# Answers


def test_a_measure_that_does_not_come_is_null_and_never_zero() -> None:
    nothing = {"measure": "Count", "presence_status": "", "value": None}
    answers: list[dict[str, Any]] = [{}, {"aggregates": None}, {"aggregates": []}]
    for data in answers:
        assert list(figures(data, ["Count"])) == [nothing]
    assert list(figures({}, [])) == []
    zero = {"_type": "LongAggregateValue", "value": 0, "measure": "Count"}
    (row,) = figures({"aggregates": [zero]}, ["Count"])
    assert row["value"] == 0
    assert row["aggregate_type"] == "LongAggregateValue"


def test_presence_durations_become_a_row_a_status() -> None:
    held = [
        {"value": 1.5, "status": {"status": "Away", "description": "Not here"}},
        {"value": 2, "status": {"status": "Working"}},
    ]
    value = {"_type": "AgentPresenceDurationValue", "value": held, "description": "Time"}
    rows = list(figures({"aggregates": [value]}, ["AgentPresenceDuration"]))
    assert [(r["presence_status"], r["value"], r["measure"]) for r in rows] == [
        ("Away", 1.5, "AgentPresenceDuration"),
        ("Working", 2, "AgentPresenceDuration"),
    ]
    assert [r["presence_description"] for r in rows] == ["Not here", "Time"]
    assert [r["description"] for r in rows] == ["Time", "Time"]


def test_statuses_of_one_name_are_told_apart() -> None:
    held = [
        {"value": 1.5, "status": {"status": "Away", "description": "Lunch"}},
        {"value": 2.5, "status": {"status": "Away", "description": "Meeting"}},
        {"value": 3, "status": {"status": "Away", "description": "Meeting"}},
        {"value": 4, "status": {"status": "Working"}},
    ]
    value = {"_type": "AgentPresenceDurationValue", "value": held}
    rows = list(figures({"aggregates": [value]}, ["AgentPresenceDuration"]))
    assert {row["presence_status"]: row["value"] for row in rows} == {
        "Away: Lunch": 1.5, "Away: Meeting": 2.5, "Away: Meeting (2)": 3, "Working": 4,
    }  # fmt: skip


def test_presence_durations_of_nobody_are_a_null() -> None:
    value = {"_type": "AgentPresenceDurationValue", "value": []}
    (row,) = figures({"aggregates": [value]}, ["AgentPresenceDuration"])
    assert row == {"measure": "AgentPresenceDuration", "presence_status": "", "value": None}


def test_a_value_without_its_measure_is_of_the_only_one_asked_for() -> None:
    value = {"_type": "LongAggregateValue", "value": 42}
    (row,) = figures({"aggregates": [value]}, ["Count"])
    assert (row["measure"], row["value"]) == ("Count", 42)
    measures = [row["measure"] for row in figures({"aggregates": [value]}, ["Count", "Sum"])]
    assert measures == ["", "Count", "Sum"]


def test_no_documented_member_of_a_figure_is_undeclared(full: Run) -> None:
    found = [
        row for name in full.schemas if name.startswith("metric_") for row in full.records[name]
    ]
    assert {row["description"] for row in found if "description" in row} == {"Per status"}
    assert not any("_extra" in row for row in found)


def test_an_answer_that_holds_nothing_at_all_is_a_null(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = dixa(days=2)
    answer = bench.vendor.handle

    def handle(request: Request) -> Reply:
        asks = request.method == "POST" and request.path.endswith("metrics")
        return Reply(body={"data": None}) if asks else answer(request)

    monkeypatch.setattr(bench.vendor, "handle", handle)
    run = bench.run(CLOSED)
    assert run.error is None
    assert run.by_key(CLOSED).keys() == bench.vendor.expected(CLOSED).keys()
    assert {row["value"] for row in run.records[CLOSED]} == {None}


def test_no_share_of_nothing_is_zero(dixa: OpenBench) -> None:
    bench = dixa(days=30, conversations=30)
    run = bench.run(CSAT, PRESENCE)
    empty = [key for key, v in bench.vendor.expected(CSAT).items() if v["value"] is None]
    assert empty
    assert all(run.by_key(CSAT)[key]["value"] is None for key in empty)
    assert {row["presence_status"] for row in run.records[PRESENCE]} >= {"Working", "Away"}
