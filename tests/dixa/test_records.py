"""Windows of analytics rows under everything that goes wrong with them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from contact_sandbox.vendor import Reply, Request
from tap_shared.errors import RunFailed
from tap_shared.instants import parse_instant
from tests.dixa.bench import Bench, Run, identity
from tests.dixa.conftest import OpenBench

RATINGS, CLOSED = "record_ratings", "record_closed_conversations"
PRESENCE, ASSIGNED = "record_agent_presence_periods", "record_agent_assignments"
ALL = (RATINGS, CLOSED, PRESENCE, ASSIGNED)
PATH = "/v1/analytics/records"


def bodies(bench: Bench, record: str) -> list[dict[str, Any]]:
    asked = [json.loads(entry.body) for entry in bench.paths("POST", PATH)]
    return [body for body in asked if body["id"] == record]


def assert_complete(bench: Bench, run: Run, *streams: str) -> None:
    for stream in streams:
        truth = Counter(key[:2] for key in bench.vendor.expected(stream))
        assert Counter(map(identity, run.by_key(stream).values())) == truth, stream


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_windows_are_a_day_and_reach_a_millisecond_beyond(dixa: OpenBench) -> None:
    bench = dixa(days=5)
    assert bench.run(RATINGS).error is None
    asked = [body["periodFilter"] for body in bodies(bench, "ratings")]
    assert {each["_type"] for each in asked} == {"Interval"}
    spans = sorted((moment(each["start"]), moment(each["end"])) for each in asked)
    edge = timedelta(milliseconds=1)
    for start, end in spans[:-1]:
        assert end - start == timedelta(days=1) + 2 * edge
    for (_, end), (start, _) in pairwise(spans):
        assert end - start == 2 * edge
    assert all("filters" not in body for body in bodies(bench, "ratings"))


def test_following_pages_are_the_same_post_with_the_key_decoded_once(dixa: OpenBench) -> None:
    bench = dixa(days=3)
    assert bench.run(CLOSED, page_size=4).error is None
    posts = bench.paths("POST", PATH)
    following = [entry for entry in posts if "pageKey" in entry.query]
    assert len(following) > 10
    assert {entry.query["pageLimit"][0] for entry in posts} == {"4"}
    assert {entry.status for entry in posts} == {200}
    first = [entry for entry in posts if "pageKey" not in entry.query]
    assert {entry.body for entry in following} <= {entry.body for entry in first}


@pytest.mark.parametrize("inclusive", [False, True])
def test_rows_at_the_edge_of_windows_come_once(dixa: OpenBench, *, inclusive: bool) -> None:
    bench = dixa(inclusive_end=inclusive, days=4)
    run = bench.run(*ALL, window="1h", page_size=3)
    assert run.error is None
    assert_complete(bench, run, *ALL)


def test_rows_that_arrive_while_paging_are_neither_lost_nor_doubled(dixa: OpenBench) -> None:
    bench = dixa(drift=12, days=6)
    run = bench.run(RATINGS, CLOSED, page_size=3)
    assert run.error is None
    assert bench.vendor.data.conversations[-1].arrival > 0
    for stream in (RATINGS, CLOSED):
        kept = run.by_key(stream).values()
        truth = Counter(key[:2] for key in bench.vendor.expected(stream))
        assert not Counter(map(identity, kept)) - truth
        missing = truth - Counter(map(identity, kept))
        late = {made.csid for made in bench.vendor.data.conversations if made.arrival}
        assert {key[0] for key in missing} <= late
    again = bench.run(RATINGS, CLOSED, page_size=3)
    assert_complete(bench, again, RATINGS, CLOSED)


def test_twins_are_both_kept_with_keys_that_stay(dixa: OpenBench) -> None:
    bench = dixa(days=10, conversations=400)
    first = bench.run(RATINGS, page_size=5)
    counts = Counter(map(identity, first.records[RATINGS]))
    assert max(counts.values()) == 2
    assert_complete(bench, first, RATINGS)
    second = bench.run(RATINGS, window="7h", max_concurrency=1)
    assert second.by_key(RATINGS).keys() == first.by_key(RATINGS).keys()


def test_a_stale_key_restarts_the_window(dixa: OpenBench) -> None:
    bench = dixa(stale_keys=1, days=4)
    run = bench.run(CLOSED, page_size=3)
    assert run.error is None
    assert_complete(bench, run, CLOSED)
    assert Counter(e.status for e in bench.paths("POST", PATH))[400] == 1


def test_keys_that_are_always_stale_are_a_failure_and_no_missing_right(dixa: OpenBench) -> None:
    bench = dixa(stale_keys=1000, days=2)
    run = bench.run(CLOSED, page_size=3, skip_unavailable=True)
    assert isinstance(run.error, RunFailed)
    assert "'record_closed_conversations'" in run.said("ERROR")
    assert "default_filters" not in run.said("ERROR")


def test_windows_that_time_out_are_halved(dixa: OpenBench) -> None:
    bench = dixa(slow_hours=13, days=2, conversations=60)
    run = bench.run(RATINGS)
    assert run.error is None
    assert_complete(bench, run, RATINGS)
    statuses = Counter(entry.status for entry in bench.paths("POST", PATH))
    assert statuses[504]
    assert all(
        moment(body["periodFilter"]["end"]) - moment(body["periodFilter"]["start"])
        <= timedelta(days=1, milliseconds=2)
        for body in bodies(bench, "ratings")
    )


def test_a_page_size_that_is_refused_is_replaced_once(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contact_sandbox.dixa.api._MOST_RECORDS", 100)
    bench = dixa(days=3)
    run = bench.run(RATINGS, max_concurrency=1)
    assert run.error is None
    assert_complete(bench, run, RATINGS)
    sizes = Counter(entry.query["pageLimit"][0] for entry in bench.paths("POST", PATH))
    assert sizes["300"] == 1
    assert "refuses 300 rows a page" in run.said("WARNING")


def test_a_vendor_that_pages_in_a_circle_ends_the_stream(dixa: OpenBench) -> None:
    bench = dixa(days=2, conversations=20)
    catalog = bench.catalog(RATINGS, "agents", "tags")
    bench.vendor.options["looping"] = True
    bench.server.log.clear()
    run = bench.sync(catalog, static_catalogue=True)
    assert isinstance(run.error, RunFailed)
    assert "'record_ratings'" in run.said("ERROR")
    assert "circle" in run.said("ERROR")
    assert run.records["tags"]
    assert len(bench.server.log.entries) < 50


def test_the_media_type_of_a_body_is_the_documented_one(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = dixa(days=2)
    answer, types = bench.vendor.handle, Counter[tuple[str, str]]()

    def handle(request: Request) -> Reply:
        types[request.method, request.headers.get("Content-Type", "")] += 1
        return answer(request)

    monkeypatch.setattr(bench.vendor, "handle", handle)
    assert bench.run(RATINGS, "metric_csat").error is None
    assert types.keys() == {("GET", ""), ("POST", "application/json")}


def test_a_refused_id_fails_alone(dixa: OpenBench) -> None:
    bench = dixa(days=2, refused_ids=("ratings", "csat"))
    run = bench.run(RATINGS, CLOSED, "metric_csat", "metric_closed_conversations")
    assert isinstance(run.error, RunFailed)
    errors = run.said("ERROR")
    assert "'record_ratings'" in errors
    assert "'metric_csat'" in errors
    assert "skip_unavailable" in errors
    assert "default_filters" in errors
    assert "closed" not in errors
    assert_complete(bench, run, CLOSED)
    assert run.records["metric_closed_conversations"]
    left_out = bench.run(RATINGS, CLOSED, skip_unavailable=True)
    assert left_out.error is None
    assert "'record_ratings'" in left_out.said("WARNING")


def test_default_filters_are_sent_where_the_account_wants_one(dixa: OpenBench) -> None:
    bench = dixa(days=2, require_filters=True)
    assert isinstance(bench.run(RATINGS).error, RunFailed)
    wanted = [{"attribute": "initial_direction", "values": ["INBOUND", "OUTBOUND"]}]
    run = bench.run(RATINGS, "metric_csat", default_filters=wanted)
    assert run.error is None
    assert_complete(bench, run, RATINGS)
    assert run.records["metric_csat"][0]["static_filters"] == wanted


def warehouse(rows: dict[Any, Any], run: Run, stream: str) -> dict[Any, Any]:
    """Load a run as a target does: by key, the last one wins."""
    return {**rows, **run.by_key(stream)}


def test_late_and_modified_rows_replace_what_was_read(dixa: OpenBench) -> None:
    bench = dixa(days=20, conversations=200)
    first = bench.run(*ALL)
    held = {stream: warehouse({}, first, stream) for stream in ALL}
    before = {key: row["value_number"] for key, row in held[RATINGS].items()}
    bench.vendor.change(5)
    second = bench.run(*ALL, state=first.state)
    assert second.error is None
    for stream in ALL:
        held[stream] = warehouse(held[stream], second, stream)
        truth = bench.vendor.expected(stream)
        assert Counter(map(identity, held[stream].values())) == Counter(k[:2] for k in truth)
    scores = Counter(row["value"]["value"] for row in bench.vendor.expected(RATINGS).values())
    assert Counter(row["value_number"] for row in held[RATINGS].values()) == scores
    changed = [key for key, value in before.items() if held[RATINGS][key]["value_number"] != value]
    assert changed
    still = [row for row in held[PRESENCE].values() if not row.get("ended_at")]
    assert len(still) == 2  # one of three has ended meanwhile
    assert len(second.records[RATINGS]) < len(held[RATINGS])


def test_the_second_run_begins_in_the_window_a_lookback_before_the_bookmark(
    dixa: OpenBench,
) -> None:
    bench = dixa(days=20)
    first = bench.run(RATINGS)
    bench.server.log.clear()
    second = bench.run(RATINGS, state=first.state, lookback="2d")
    reached = moment(first.state["bookmarks"][RATINGS]["replication_key_value"])
    earliest = min(moment(body["periodFilter"]["start"]) for body in bodies(bench, "ratings"))
    begin = parse_instant(bench.config["start_date"])
    slices = (reached - timedelta(days=2) - begin) // timedelta(days=1)
    assert earliest == begin + timedelta(days=slices, milliseconds=-1)
    edges = {(row["window_start"], row["window_end"]) for row in first.records[RATINGS]}
    again = {(row["window_start"], row["window_end"]) for row in second.records[RATINGS]}
    assert len(again - edges) <= 1, "all but the window that was open are the same"
    assert second.state["bookmarks"][RATINGS]["replication_key_value"] >= reached.isoformat()[:19]


def test_personal_data_is_hidden_in_every_column(dixa: OpenBench) -> None:
    bench = dixa(days=6)
    plain = bench.run(RATINGS)
    rows = plain.records[RATINGS]
    names = ("contact_point", "comment")
    secrets = {row["_extra"].get(name) or "" for row in rows for name in names}
    secrets |= {row["labels"].get("agent_id") or "" for row in rows}
    for row in rows:
        secrets.update(row.get("item_labels", {}).get("tag_ids", []))
    modes: list[dict[str, Any]] = [{"pii": "drop"}, {"pii": "hash", "pii_salt": "fake-salt"}]
    for mode in modes:
        run = bench.run(RATINGS, **mode)
        assert run.error is None
        text = json.dumps(run.records[RATINGS], ensure_ascii=False)
        assert len(secrets) > 5
        assert not [secret for secret in secrets if len(secret) > 2 and secret in text]
        assert run.by_key(RATINGS).keys() == plain.by_key(RATINGS).keys()


def test_personal_data_is_hidden_in_what_is_kept_as_it_came(
    dixa: OpenBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = dixa(days=2)
    catalog = bench.catalog(RATINGS)
    secret = {"_type": "PersonField", "value": "u-1", "label": "Secret Name"}
    fields = [
        {"name": "owner", "field": secret},
        {"name": "queue", "field": {"_type": "ListField", "values": [secret]}},
        {"name": "comment", "field": {"_type": "StringField", "value": "Secret Name"}, "unit": "x"},
    ]
    stamp = {"name": "created_at", "timestamp": bench.config["start_date"] + "T05:00:00Z"}
    row = {"primaryTimestampField": stamp, "fields": fields, "value": secret}
    monkeypatch.setattr(bench.vendor, "handle", lambda _: Reply(body={"data": [row]}))
    kept, dropped = (
        bench.sync(catalog, static_catalogue=True, pii=pii).records[RATINGS][0]["_extra"]
        for pii in ("keep", "drop")
    )
    assert json.dumps(kept).count("Secret Name") == 5
    assert "Secret Name" not in json.dumps(dropped)
    assert dropped.keys() == kept.keys()
    assert dropped["owner"] == {**secret, "label": None}


def test_undeclared_fields_can_be_left_out(dixa: OpenBench) -> None:
    bench = dixa(days=3, feedback=20)
    run = bench.run("record_ai_agent_feedback_v2", undeclared_fields="drop")
    assert run.error is None
    assert run.records["record_ai_agent_feedback_v2"]
    assert not any(row.get("_extra") for row in run.records["record_ai_agent_feedback_v2"])
    assert "topic" in run.said("WARNING")
