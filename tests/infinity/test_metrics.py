"""Channel metrics, custom metrics and user-defined reports."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contact_sandbox.infinity.custom_metrics import parse
from contact_sandbox.infinity.query import read_arguments
from contact_sandbox.infinity.reference import QUEUES
from tap_infinity import metrics
from tap_infinity.report_settings import CustomMetric, channel_report, user_reports
from tap_shared.errors import SettingRefused
from tests.infinity.decoder import decoded
from tests.infinity.running import serve

SMALL: dict[str, Any] = {"igrp_ids": [101], "end_date": "2026-11-20T15:31:00Z"}
TINY: dict[str, Any] = {"calls": 200, "days": 4}
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True)
VALUES = st.text(st.one_of(st.sampled_from("_,\\ ab1"), st.characters(codec="utf-8")), min_size=1)
REFS = st.text(
    st.characters(codec="utf-8", exclude_characters="[]", exclude_categories=("Cc", "Cs")),
    min_size=1,
    max_size=100,
)


@given(
    metric=NAMES,
    conditions=st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=4), min_size=1),
    ref=REFS,
)
@example(metric="callCount", conditions={"queueName": [*QUEUES]}, ref="MyCalls")
def test_any_custom_metric_survives_the_vendors_spelling(
    metric: str, conditions: dict[str, list[str]], ref: str
) -> None:
    custom = CustomMetric(ref, metric, conditions)
    sent = urlencode([(f"customMetrics[{ref}]", custom.definition)])
    received = dict(parse_qsl(sent, keep_blank_values=True))
    assert received == {f"customMetrics[{ref}]": custom.definition}
    assert decoded(custom.definition) == (metric, conditions)
    found = read_arguments({name: [value] for name, value in received.items()})[1]
    again = parse(found["customMetrics"][ref])
    assert again.metric == metric
    assert again.conditions == {name: frozenset(values) for name, values in conditions.items()}


def test_the_vendors_examples_are_spelt_as_the_vendor_does() -> None:
    spelt = {
        "goalCount_goal_246_ch_625": {"goal": ["246"], "ch": ["625"]},
        "goalCount_goal_763,356": {"goal": ["763", "356"]},
        r"goalCount_queueName_My\_Queue,Service\, Support": {
            "queueName": ["My_Queue", "Service, Support"]
        },
        "goalCount_queueName_My\\\\\\\\Queue": {"queueName": ["My\\Queue"]},
    }
    for text, conditions in spelt.items():
        assert CustomMetric("x", "goalCount", conditions).definition == text


def test_channel_metrics_have_custom_columns_and_gather_other_figures() -> None:
    custom = {"ref": "SeoGoals", "metric": "goalCount", "conditions": {"goal": [246, "543"]}}
    with serve(**TINY) as site:
        settings = {"channel_metrics": {"custom_metrics": [custom]}, **SMALL}
        run = site.run("channel_metrics", **settings)
        assert run.error is None, run.said
        schema = next(m for m in run.messages if m["type"] == "SCHEMA")["schema"]
        assert schema["properties"]["SeoGoals"]["type"] == ["number", "null"]
        assert schema["properties"]["SeoGoals"]["description"]
        truth = {k: v for k, v in site.vendor.expected("channel_metrics").items() if k[0] == 101}
        assert run.keyed("channel_metrics").keys() == truth.keys()
        for key, row in run.keyed("channel_metrics").items():
            wire = truth[key]
            assert row["goalCountTotal"] == float(wire["goalCountTotal"])
            assert 0 <= row["SeoGoals"] <= row["goalCountTotal"]
            assert row["metrics"]["callCount"] == float(wire["callCount"])
            assert row["_extra"]["bestCampaign"] == "spring_sale"
            assert row["metrics_timezone"] == "UTC"
            named = {*row, *row["metrics"], *row["_extra"]}
            assert wire.keys() <= named
        assert sum(row["SeoGoals"] for row in run.records("channel_metrics")) > 0
        for query in site.requests("/metrics/channels"):
            assert query["startDate"] == query["endDate"]
            assert query["igrp"] == ["101"]
            assert query["customMetrics[SeoGoals]"] == ["goalCount_goal_246,543"]


def test_days_are_those_of_the_metrics_time_zone() -> None:
    with serve(**TINY) as site:
        run = site.run("channel_metrics", metrics_timezone="Pacific/Auckland", **SMALL)
        assert run.error is None
        assert {q["tz"][0] for q in site.requests("/metrics/channels")} == {"Pacific/Auckland"}
        found = sorted({row["report_date"] for row in run.records("channel_metrics")})
        assert found[-1] == "2026-11-21", "15:30 UTC is the next day in Auckland"


def test_a_channel_type_narrows_channel_metrics() -> None:
    with serve(**TINY) as site:
        run = site.run("channel_metrics", channel_metrics={"chType": "ppc"}, **SMALL)
        assert {row["ch"] for row in run.records("channel_metrics")} == {620}


QUEUE_REPORT = {
    "name": "queues_by_day",
    "path": "/reports/v2/metrics/operational",
    "group": ["queueName"],
    "custom_metrics": [
        {"ref": "odd", "metric": "callCount", "conditions": {"queueName": [QUEUES[4], QUEUES[3]]}}
    ],
}


def test_a_report_of_ones_own_is_a_stream() -> None:
    monthly = {
        "name": "channels_by_month", "path": "metrics/channels", "group": ["metricMonth", "ch"],
        "display": ["metricMonth", "ch", "callCount-calls"], "sort": ["ch-desc"], "daily": False,
        "filter": ["callCount-ge-value-1"],
    }  # fmt: skip
    with serve(**TINY) as site:
        run = site.run(
            "queues_by_day", "channels_by_month", reports=[QUEUE_REPORT, monthly], **SMALL
        )
        assert run.error is None, run.said
        queues = run.records("queues_by_day")
        assert {row["queueName"] for row in queues} == {"", *QUEUES}
        for row in queues:
            is_odd = row["queueName"] in {QUEUES[3], QUEUES[4]}
            assert row["odd"] == (row["metrics"]["callCount"] if is_odd else 0)
        assert run.keyed("queues_by_day").keys() == {
            (101, row["report_date"], row["queueName"]) for row in queues
        }
        months = run.records("channels_by_month")
        assert {row["metricMonth"] for row in months} == {"202611"}
        assert not any("_extra" in row for row in months)
        total = sum(1 for key in site.vendor.expected("calls") if key[0] == 101)
        assert sum(row["metrics"]["calls"] for row in months) == total
        assert "queues_by_day" in run.state["bookmarks"]
        assert "replication_key_value" not in str(run.state["bookmarks"].get("channels_by_month"))


def test_a_refused_report_fails_with_the_vendors_own_words() -> None:
    wrong = {**QUEUE_REPORT, "custom_metrics": [
        {"ref": "odd", "metric": "fooCount", "conditions": {"queueName": "x"}}
    ]}  # fmt: skip
    with serve(**TINY) as site:
        run = site.run("queues_by_day", "channels", reports=[wrong], **SMALL)
        assert run.code == 1
        assert any(
            "Stream 'queues_by_day'" in line
            and "Unknown metric fooCount in custom metric odd" in line
            for line in run.said
        )
        assert len(run.records("channels")) == 8


def test_an_answer_that_may_have_been_cut_is_not_trusted() -> None:
    with serve(**TINY, cap=5) as site:
        run = site.run("channel_metrics", page_size=5, **SMALL)
        assert run.code == 1
        assert any("cannot be paged" in line for line in run.said)


def test_as_many_rows_as_a_known_cap_are_not_trusted_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "CAPS", frozenset({5}))
    with serve(**TINY, cap=5, cap_mode="silent") as site:
        run = site.run("channel_metrics", **SMALL)
        assert run.code == 1
        assert any("has 5 rows or more for one request" in line for line in run.said)


GOOD: dict[str, Any] = {"name": "mine", "path": "metrics/channels", "group": ["ch"]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "calls"}, "'calls' is taken"),
        ({"name": "Mine"}, "'name'"),
        ({"path": "https://example.com/x"}, "'path'"),
        ({"path": "../config/v2/users"}, "'path'"),
        ({"path": "metrics/channels?limit=1"}, "'path'"),
        ({"group": []}, "'group'"),
        ({"group": "ch"}, "'group'"),
        ({"daily": "yes"}, "'daily'"),
        ({"colour": "red"}, "'colour' is unknown"),
        ({"primary_key": ["nothing"]}, "'nothing'"),
        ({"primary_key": ["igrp", "report_date"]}, "every dimension"),
        ({"display": ["a-ch", "b-CH"]}, "upper and lower case"),
        ({"custom_metrics": [{"ref": "a[b", "metric": "m", "conditions": {"a": 1}}]}, "'ref'"),
        ({"custom_metrics": [{"ref": "ch", "metric": "m", "conditions": {"a": 1}}]}, "another"),
        ({"custom_metrics": [{"ref": "r", "metric": "m_n", "conditions": {"a": 1}}]}, "'metric'"),
        ({"custom_metrics": [{"ref": "r", "metric": "m", "conditions": {}}]}, "'conditions'"),
        ({"custom_metrics": [{"ref": "r", "metric": "m", "conditions": {"a_b": 1}}]}, "a_b"),
        ({"custom_metrics": [{"ref": "r", "metric": "m", "conditions": {"a": []}}]}, "values"),
    ],
)
def test_a_wrong_definition_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingRefused) as caught:
        user_reports({"reports": [{**GOOD, **change}]}, {"calls", "channel_metrics"})
    assert caught.value.setting == "reports"
    assert said in str(caught.value)


def test_a_good_definition_is_read_with_its_defaults() -> None:
    (report,) = user_reports({"reports": [{**GOOD, "group": ["c_tier"]}]}, {"calls"})
    assert list(report.primary_key) == ["igrp", "report_date", "c_tier"]
    (report,) = user_reports({"reports": [GOOD]}, {"calls"})
    assert report.daily
    assert list(report.primary_key) == ["igrp", "report_date", "ch"]
    with pytest.raises(SettingRefused, match="taken"):
        user_reports({"reports": [GOOD, GOOD]}, {"calls"})


def test_wrong_channel_metrics_are_refused_before_any_request() -> None:
    with pytest.raises(SettingRefused, match="channel_metrics"):
        channel_report({"channel_metrics": {"custom_metrics": [{"ref": "Ch"}]}})
    with serve(**TINY) as site:
        run = site.run("calls", reports=[{"name": "x"}])
        assert run.code == 2
        assert "Setting 'reports'" in str(run.error)
        assert not site.server.log.entries
