"""Nothing lacks, in whatever order rows come, however they move, and whatever is counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contact_sandbox import Reply
from tap_callgear.by_offset import OffsetRead
from tap_callgear.faults import RequestRefused
from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Node
from tap_shared.windows import Window
from tests.callgear.bent import Content, Plain, bend
from tests.callgear.conftest import OpenAccount
from tests.callgear.requests_log import asked, length
from tests.contract.bench import Bench

CALLS = "get.calls_report"
FIGURES = "get.campaign_daily_stat"
BERLIN = ZoneInfo("Europe/Berlin")
LAST_OFFSET = 100_000
LIMIT = 10_000


def assert_complete(account: Bench, config: Mapping[str, Any], *streams: str) -> None:
    run = account.run(config, catalog=account.catalog(*streams))
    assert run.code == 0, run.stderr
    found = account.by_identity(run)
    for stream in streams:
        assert found[stream].keys() == account.truth(stream).keys(), stream


def test_only_a_crowded_day_is_asked_for_in_further_order(account: OpenAccount) -> None:
    plain = account(days=5, stable_order=False)
    for page_size, most in ((5000, 1), (2, 6)):
        before = len(asked(plain, FIGURES))
        config = {**plain.config, "page_size": page_size}
        assert_complete(plain, config, "campaign_daily_stats")
        sorts = {len(params["sort"]) for params in asked(plain, FIGURES)[before:]}
        assert max(sorts) == most


@pytest.mark.parametrize("bare", [True, False])
def test_days_with_more_figures_than_a_page(account: OpenAccount, bare: bool) -> None:  # noqa: FBT001
    busy = account(days=5, bare_array=bare, stable_order=False)
    assert_complete(busy, {**busy.config, "page_size": 2}, "campaign_daily_stats")


def test_figures_keep_their_key_where_a_part_of_it_is_deselected(account: OpenAccount) -> None:
    plain = account(days=5)
    catalog = plain.catalog(
        "campaign_daily_stats", without={"campaign_daily_stats": "banner_group_id"}
    )
    run = plain.run(catalog=catalog)
    assert run.code == 0, run.stderr
    records = run.records("campaign_daily_stats")
    assert len(records) == len(plain.truth("campaign_daily_stats")) > 0
    assert all("banner_group_id" not in record for record in records)
    whole = plain.run(catalog=plain.catalog("campaign_daily_stats"))
    assert {r["row_key"] for r in records} == {
        r["row_key"] for r in whole.records("campaign_daily_stats")
    }


def test_lists_and_days_that_need_several_pages_without_an_order(account: OpenAccount) -> None:
    plain = account(days=4, stable_order=False)
    streams = ("employees", "site_blocks", "sites", "employee_stats", "ct_campaign_summary")
    assert_complete(plain, {**plain.config, "page_size": 2}, *streams)


def test_a_list_is_sorted_only_where_it_needs_several_pages(account: OpenAccount) -> None:
    plain = account()
    assert_complete(plain, plain.config, "employees")
    assert_complete(plain, {**plain.config, "page_size": 2}, "employees")
    single, first, *rest = asked(plain, "get.employees")
    assert "sort" not in single
    assert "sort" not in first
    assert rest
    assert all(params["sort"] == [{"field": "full_name", "order": "asc"}] for params in rest)


@pytest.mark.parametrize(("method", "stream"), [("get.employees", "employees"), (CALLS, "calls")])
def test_rows_that_go_away_take_no_others_with_them(
    account: OpenAccount, method: str, stream: str
) -> None:
    shrinking = account(days=2, stable_order=True, calls=30, burst=0)
    rows = shrinking.vendor.account.table(method).rows  # type: ignore[attr-defined]

    def change(params: Content, plain: Plain) -> Content:
        answer = plain(params)
        if params["offset"] == 0 and not gone:
            first = {row["id"] for row in answer["result"]["data"]}
            gone.append(next(row for row in rows if row.get("id") in first))
            rows.remove(gone[0])
        return answer

    gone: list[Any] = []
    bend(shrinking, method, change)
    config = {**shrinking.config, "page_size": 3, "window": "10d", "max_concurrency": 1}
    run = shrinking.run(config, catalog=shrinking.catalog(stream))
    assert run.code == 0, run.stderr
    assert gone
    found = shrinking.by_identity(run)[stream].keys()
    assert found - {(gone[0].get("id"),)} == shrinking.truth(stream).keys()


def test_a_report_that_comes_unsorted_is_complete(account: OpenAccount) -> None:
    loose = account(days=3, calls=150, burst=0, stable_order=False)
    bend(loose, CALLS, lambda params, plain: plain({**params, "sort": []}))
    assert_complete(loose, {**loose.config, "page_size": 20, "window": "10d"}, "calls")


def test_pages_that_only_look_sorted_lose_no_row(account: OpenAccount) -> None:
    loose = account(days=3, calls=150, burst=0, stable_order=True)
    turns = count(1)

    def change(params: Content, plain: Plain) -> Content:
        answer = plain({**params, "offset": 0, "limit": LIMIT})
        rows, offset = answer["result"]["data"], params["offset"]
        first = 37 * next(turns) % len(rows) if rows else 0
        turned = [*rows[first:], *rows[:first]]
        answer["result"]["data"] = turned[offset : offset + params["limit"]]
        return answer

    bend(loose, CALLS, change)
    assert_complete(loose, {**loose.config, "page_size": 20, "window": "10d"}, "calls")


@pytest.mark.parametrize("window", ["1h", "10d"])
def test_a_count_that_is_ahead_at_the_live_edge_is_no_failure(
    account: OpenAccount, window: str
) -> None:
    live = account(days=3, calls=60)
    now = datetime.now(BERLIN).replace(tzinfo=None)

    def change(params: Content, plain: Plain) -> Content:
        answer = plain(params)
        if datetime.fromisoformat(params["date_till"]) > now - timedelta(minutes=59):
            answer["result"]["metadata"]["total_items"] += 3
        return answer

    bend(live, CALLS, change)
    run = live.run({**live.open_config, "window": window}, catalog=live.catalog("calls"))
    assert run.code == 0, run.stderr
    assert live.by_identity(run)["calls"].keys() == live.truth("calls").keys()
    assert "left to the lookback" in run.stderr


def test_a_page_that_times_out_is_read_in_parts(account: OpenAccount) -> None:
    slow = account(days=4, calls=60, burst=0, stable_order=True)

    def change(params: Content, plain: Plain) -> Content | Reply:
        is_long = params["offset"] and length(params) > timedelta(days=3)
        return Reply(504) if is_long else plain(params)

    bend(slow, CALLS, change)
    assert_complete(slow, {**slow.config, "page_size": 30, "window": "10d"}, "calls")


def test_a_span_that_was_refused_is_not_tried_again(account: OpenAccount) -> None:
    narrow = account(days=60, calls=60, burst=0)

    def change(params: Content, plain: Plain) -> Content | Reply:
        if length(params) > timedelta(days=3):
            return {"error": {"code": -32602, "data": {"mnemonic": "date_interval_limit_reached"}}}
        return plain(params)

    bend(narrow, CALLS, change)
    assert_complete(narrow, narrow.config, "calls")
    refused = Counter(length(params) > timedelta(days=3) for params in asked(narrow, CALLS))
    assert refused[True] <= 3


def test_an_uploaded_call_is_read_without_a_count(account: OpenAccount) -> None:
    plain = account(days=10, stable_order=False)
    assert_complete(plain, {**plain.config, "page_size": 5, "window": "9d"}, "uploaded_calls")


# Lists beyond the offsets

HERE = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def walked(nodes: list[Node]) -> Iterator[Page]:
    """Give the pages of nodes, one after the other."""
    while nodes:
        node = nodes.pop(0)
        if not isinstance(node, Fence):
            step = node()
            nodes[:0] = step.then
            if step.page is not None:
                yield step.page


class Large:
    """A list of very many rows, in some order."""

    def __init__(self, count: int, *, sorted_: bool, filters: bool = True) -> None:
        self.ids = [n * 7 - 1000 for n in range(count)]
        self.rng = None if sorted_ else random.Random(3)  # noqa: S311 - no secret
        self.filters = filters
        self.asked = 0

    def fetch(self, offset: int, more: Mapping[str, Any]) -> Page:
        self.asked += 1
        assert offset <= LAST_OFFSET, "the vendor refuses it"
        low, high = self.ids[0], self.ids[-1] + 1
        for test in more.get("filter", {}).get("filters", ()) if self.filters else ():
            low = test["value"] if test["operator"] == ">=" else low
            high = test["value"] if test["operator"] == "<" else high
        first, last = (-(-(edge + 1000) // 7) for edge in (low, high))
        total = last - first
        if self.rng is None:
            found = self.ids[first + offset : min(last, first + offset + LIMIT)]
        else:
            size = max(0, min(LIMIT, total - offset))
            found = [self.ids[n] for n in self.rng.sample(range(first, last), size)]
        return Page([{"id": one} for one in found], total)


@pytest.mark.parametrize("sorted_", [True, False])
def test_a_list_that_offsets_do_not_reach_is_read_by_its_ids(sorted_: bool) -> None:  # noqa: FBT001
    large = Large(230_000, sorted_=sorted_)
    read = OffsetRead(HERE, large.fetch, "get.contacts", order="full_name", id_field="id")
    found = {one for page in walked(read.nodes()) for one in page.column("id")}
    assert found == set(large.ids)
    assert large.asked < 6 * 23


def test_a_list_that_neither_offsets_nor_ids_reach_fails_plainly() -> None:
    large = Large(120_000, sorted_=False, filters=False)
    read = OffsetRead(HERE, large.fetch, "get.contacts", order="full_name", id_field="id")
    with pytest.raises(StreamFailed, match=r"has 120000 rows, more than its offsets reach"):
        list(walked(read.nodes()))


def test_a_list_that_cannot_be_filtered_fails_plainly() -> None:
    large = Large(120_000, sorted_=False)

    def fetch(offset: int, more: Mapping[str, Any]) -> Page:
        if "filter" in more:
            msg = "the vendor refuses the request: filter_prohibited of 'filter'."
            raise RequestRefused(msg)
        return large.fetch(offset, more)

    read = OffsetRead(HERE, fetch, "get.contacts", id_field="id")
    with pytest.raises(StreamFailed, match=r"more than its offsets reach.*filter_prohibited"):
        list(walked(read.nodes()))


def test_days_beyond_the_offsets_fail_plainly() -> None:
    large = Large(120_000, sorted_=True)
    read = OffsetRead(HERE, large.fetch, "get.employee_stat", order="full_name")
    with pytest.raises(StreamFailed, match=r"no rows beyond the first 110000"):
        list(walked(read.nodes()))


def test_a_count_that_no_pass_meets_is_told_and_a_list_that_never_rests_fails() -> None:
    said: list[str] = []
    short = OffsetRead(HERE, lambda _at, _more: Page([{"id": 1}], 3), "get.tags")
    list(walked(short.nodes()))
    short.distinct = 1
    passes = 0
    while short.again(said.append):
        passes += 1
    assert passes == 2
    assert len(said) == 1
    assert "counts 3 rows and gave 1 different ones" in said[0]
    restless = OffsetRead(HERE, lambda _at, _more: Page([{"id": 1}], 20), "get.tags")
    list(walked(restless.nodes()))
    for restless.distinct in range(1, 10):
        assert restless.again(said.append)
    restless.distinct += 1
    with pytest.raises(StreamFailed, match=r"in 10 passes"):
        restless.again(said.append)
