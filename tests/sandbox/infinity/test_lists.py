"""The Infinity imitation's lists, logs, keywords and aggregated metrics."""

from __future__ import annotations

import itertools

import pytest

from contact_sandbox.infinity.api import InfinityVendor
from contact_sandbox.infinity.custom_metrics import parse
from contact_sandbox.infinity.query import RefusedError
from tests.sandbox.infinity.client import (
    METRICS,
    WHOLE,
    Client,
    Row,
    keyset,
)


@pytest.mark.parametrize(
    ("path", "stream", "key"),
    [("channels", "channels", "channelId"), ("dgrps", "dgrps", "dgrp"),
     ("goals", "goals", "goalId"),
     ("segments", "segments", "segment"), ("segmentGroups", "segment_groups", "segmentGroupId"),
     ("attribution", "attribution_models", "modelId")],
)  # fmt: skip
def test_small_lists(
    client: Client, vendor: InfinityVendor, path: str, stream: str, key: str
) -> None:
    url = f"/reports/v2.1/igrps/2044/{path}"
    rows = client.rows(url)
    expected = {k: row for k, row in vendor.expected(stream).items() if k[0] == 2044}
    assert {(2044, int(row[key])): row for row in rows} == expected
    asked = {"limit": 2, "sort[]": f"{key}-asc"}
    pages = [client.rows(url, {**asked, "offset": 2 * page}) for page in range(6)]
    assert list(itertools.chain(*pages)) == sorted(rows, key=lambda row: int(row[key]))
    assert client.rows(f"{url}/{rows[1][key]}") == [rows[1]]


def test_channels_name_the_installation_in_two_ways(client: Client) -> None:
    rows = client.rows("/reports/v2.1/igrps/101/channels")
    assert [("igrp" in row, "igrpId" in row) for row in rows[:2]] == [(True, False), (False, True)]
    assert client.refusal("/reports/v2.1/igrps/101/channels", {"sort[]": "igrp-asc"})[0] == 400
    assert "0" not in {row["channelId"] for row in rows}
    assert "0" in {row["ch"] for row in keyset(client, limit=5000)[0]}


def test_account_lists(client: Client, vendor: InfinityVendor) -> None:
    found = client.rows("/reports/v2.1/organisations")
    assert {(int(row["orgId"]),): row for row in found} == vendor.expected("organisations")
    assert client.rows("/reports/v2.1/igrps") == client.rows("/config/v2.1/igrps")
    assert client.rows("/config/v2.1/igrps/101") == [client.rows("/reports/v2.1/igrps")[0]]
    users = client.rows("/config/v2.1/users", {"limit": 100, "offset": 0, "sort[]": "userId-asc"})
    assert {(int(row["userId"]),): row for row in users} == vendor.expected("users")


def test_numbers_hang_on_their_group(client: Client, vendor: InfinityVendor) -> None:
    base = "/config/v2.1/igrps/2044/dgrps"
    rows = [row for n in (1, 2, 3) for row in client.rows(f"{base}/{n}/numbers")]
    expected = {k: row for k, row in vendor.expected("numbers").items() if k[0] == 2044}
    assert {(2044, int(row["phoneId"])): row for row in rows} == expected
    assert all(int(row["phoneId"]) > 2**32 for row in rows)
    assert {row["holdUntil"] for row in rows} == {"0000-00-00 00:00:00"}
    assert {row["usageType"] for row in client.rows(f"{base}/1/numbers/fixed")} == {"fixed"}


def test_keywords_need_their_calls(client: Client, vendor: InfinityVendor) -> None:
    url = "/reports/v2.1/igrps/101/callKeywords"
    assert client.refusal(url, {"limit": 100})[0] == 400
    assert client.refusal(url, {"limit": 100, "filter[]": "leg-eq-value-contact"})[0] == 400
    expected = {key: row for key, row in vendor.expected("call_keywords").items() if key[0] == 101}
    ids = sorted({key[1] for key in expected})[:100]
    chosen = ",".join(map(str, ids))
    rows = client.rows(url, {"limit": 5000, "filter[]": f"rowId-in-value-{chosen}"})
    keys = [
        (101, int(row["rowId"]), int(row["keywordId"]), row["leg"], int(row["startTime"]))
        for row in rows
    ]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {key for key in expected if key[1] in ids}
    assert all(isinstance(value, str) for row in rows for value in row.values())
    one = client.rows(url, {"filter[]": f"rowId-eq-value-{ids[0]}", "sort[]": "keywordScore-desc"})
    scores = [int(row["keywordScore"]) for row in one]
    assert scores == sorted(scores, reverse=True)


def test_operator_states_page_only_with_a_total_order(
    client: Client, vendor: InfinityVendor
) -> None:
    url = "/reports/v2.1/igrps/101/pbxUserStateTriggers"
    assert client.refusal(url, {**WHOLE, "limit": 9})[0] == 400
    assert client.refusal(url, {**WHOLE, "sort[]": "triggerDatetime-asc"})[0] == 400
    order = ["triggerDatetime-asc", "operatorRef-asc", "operatorState-asc"]
    rows: list[Row] = []
    page: list[Row] = [{}]
    while page:
        asked = {**WHOLE, "limit": 7, "offset": len(rows), "sort[]": order}
        page = client.rows(url, asked)
        rows += page
    start = vendor.start.strftime("%Y-%m-%d %H:%M:%S")
    keys = [(row["triggerDatetime"], row["operatorRef"], row["operatorState"]) for row in rows]
    assert len(set(keys)) == len(keys)
    assert len({at for at, _, _ in keys}) < len(keys)
    expected = [key for key in vendor.expected("pbx_user_states") if key[0] == 101]
    assert len([key for key in keys if key[0] >= start]) == len(expected)
    loose = [
        client.rows(url, {**WHOLE, "limit": n, "sort[]": "operatorState-asc"}) for n in (60, 61)
    ]
    assert loose[0] != loose[1][:60]


def test_audit_log_goes_by_time_without_dates(client: Client, vendor: InfinityVendor) -> None:
    url = "/reports/v2.1/igrps/101/audit"
    assert client.refusal(url)[0] == 400
    assert client.refusal(url, {**WHOLE, "limit": 5})[0] == 400
    start = vendor.start.strftime("%Y-%m-%d %H:%M:%S")
    asked = {"limit": 500, "filter[]": f"dt-ge-value-{start}", "sort[]": ["dt-asc", "_id-asc"]}
    rows = client.rows(url, asked)
    assert [row["dt"] for row in rows] == sorted(row["dt"] for row in rows)
    found = {(row["_id"],) for row in rows}
    assert found <= set(vendor.expected("audit_log"))
    assert len(found) == 50
    assert any("igrp" not in row for row in rows)
    assert len(client.rows(url + "/userActivity")) == 5


def test_channel_metrics_need_the_installation_in_the_query(
    client: Client, vendor: InfinityVendor
) -> None:
    day = {"startDate": "2025-03-20", "endDate": "2025-03-20"}
    asked = {"igrp": 101, **day, "group[]": "ch", "limit": 100, "sort[]": "ch-asc"}
    for name in asked:
        if name != "sort[]":
            left = {key: value for key, value in asked.items() if key != name}
            assert client.refusal(METRICS, left)[0] == 400
    rows = client.rows(METRICS, asked)
    keys = {(101, "2025-03-20", int(row["ch"])): row for row in rows}
    expected = vendor.expected("channel_metrics")
    assert keys == {key: expected[key] for key in expected if key[:2] == (101, "2025-03-20")}
    assert all("report_date" not in row and "igrp" not in row for row in rows)
    assert client.refusal("/reports/v2.1/igrps/101/metrics/channels", asked)[0] == 404
    assert client.refusal(METRICS, {**asked, "offset": 1})[0] == 400


def test_metric_values_are_mixed_and_goals_fractional(vendor: InfinityVendor) -> None:
    rows = list(vendor.expected("channel_metrics").values())
    assert {type(row["goalCount"]) for row in rows} >= {str, int, float}
    assert any(float(row["goalCount"]) % 1 for row in rows)
    assert {type(row["pageCountTotal"]) for row in rows} == {str}
    assert None in {row["callConversionRate"] for row in rows}
    assert {row["ch"] for row in rows} >= {"0", "620"}


def test_metric_months_bring_their_names(client: Client) -> None:
    asked = {
        "igrp": 101,
        **WHOLE,
        "group[]": "metricMonth",
        "limit": 9,
        "sort[]": "metricMonth-asc",
    }
    rows = client.rows(METRICS, asked)
    assert rows[-1]["metricMonthName"] == "March 2025"
    assert "ch" not in rows[0]
    assert client.refusal(METRICS, {**asked, "group[]": "metricMonthName"})[0] == 400
    assert client.refusal(METRICS, {**asked, "sort[]": "metricMonthName-asc"})[0] == 400


def test_custom_metrics_count_apart_and_sort(client: Client) -> None:
    asked = {"igrp": 101, **WHOLE, "group[]": "ch", "limit": 99}
    custom = {
        "customMetrics[Seo]": "goalCount_goal_246,763_ch_621",
        "customMetrics[a-b]": "callCount_goal_246",
    }
    rows = client.rows(METRICS, {**asked, **custom, "sort[]": "a-b-desc"})
    assert {row["ch"] for row in rows if float(row["Seo"])} == {"621"}
    counts = [float(row["a-b"]) for row in rows]
    assert sum(counts) > 0
    everything = client.rows(METRICS, {**asked, "customMetrics[all]": "goalCount_goal_246,543,763"})
    assert all(float(row["all"]) == float(row["goalCount"]) for row in everything)
    for bad in ("goalCount", "goalCount_goal", "goalCount_goal_x", "sales_goal_246",
                "goalCount_colour_1", "goalCount_goal_2\\46"):  # fmt: skip
        assert client.refusal(METRICS, {**asked, "customMetrics[bad]": bad})[0] == 400
    assert client.refusal(METRICS, {**asked, "customMetrics": "goalCount_goal_246"})[0] == 400
    assert client.refusal(METRICS, {**asked, **custom, "filter[]": "Seo-gt-value-0"})[0] == 400


@pytest.mark.parametrize(
    ("written", "meant"),
    [("Sales-Main", "Sales-Main"), (r"My\_Queue", "My_Queue"),
     (r"Service\, Support", "Service, Support"),
     ("My" + "\\" * 4 + "Queue", "My\\Queue"), ("Größe\\_" + "\\" * 4 + r"\,1", "Größe_\\,1")],
)  # fmt: skip
def test_custom_metric_values_are_escaped(client: Client, written: str, meant: str) -> None:
    asked = {"igrp": 101, **WHOLE, "group[]": "queueName", "limit": 99,
             "customMetrics[Calls]": f"callCount_queueName_{written}"}  # fmt: skip
    rows = client.rows("/reports/v2.1/metrics/operational", asked)
    assert {row["queueName"]: row["Calls"] for row in rows if row["Calls"] != "0"} == {
        row["queueName"]: row["callCount"] for row in rows if row["queueName"] == meant
    }
    assert meant in {row["queueName"] for row in rows}


def test_custom_metric_grammar() -> None:
    found = parse(r"callCount_queueName_My\_Queue,Service\, Support_ch_625")
    assert found.metric == "callCount"
    assert found.conditions == {
        "queueName": frozenset({"My_Queue", "Service, Support"}),
        "ch": frozenset({"625"}),
    }
    with pytest.raises(RefusedError):
        parse("callCount_queueName_My\\\\Queue")


def test_channel_types_narrow_metrics(client: Client) -> None:
    asked = {"igrp": 101, **WHOLE, "group[]": "ch", "limit": 99, "chType": "ppc"}
    assert [row["ch"] for row in client.rows(METRICS, asked)] == ["620"]
