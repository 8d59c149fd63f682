"""The keyset walk against answers that break off anywhere, and keywords asked for in batches."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_infinity.client import InfinityClient
from tap_infinity.keyset import KeysetWalk
from tap_infinity.page_limit import LimitTooHigh, PageLimit
from tap_shared.errors import PleaseRetry, StreamFailed
from tap_shared.http import Request
from tests.infinity.running import serve

SMALL: dict[str, Any] = {"page_size": 50, "window": "5d", "end_date": "2026-11-20T15:31:00Z"}
DAMAGES = ("cut", "message", "html", "reset")


@dataclass
class Answer:
    """An answer as the transport gives it."""

    body: bytes
    breaks: bool = False
    closed: bool = False

    def blocks(self, *, is_bounded: bool = True) -> Iterator[bytes]:
        assert not is_bounded
        for start in range(0, len(self.body), 50):
            yield self.body[start : start + 50]
        if self.breaks:
            msg = "the connection broke"
            raise PleaseRetry(msg)

    def close(self) -> None:
        self.closed = True


@dataclass
class Vendor:
    """A vendor that holds rows and damages its first answers; stands in for the client."""

    ids: list[int]
    damages: list[tuple[str, int]]
    page_size: int = 7
    cap: int = 1000
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = PageLimit(self.page_size, logging.getLogger("test"))

    @property
    def transport(self) -> Vendor:
        return self

    def request(self, path: str, params: tuple[tuple[str, str], ...]) -> Request:
        return Request(path, path, params=params)

    def believe(self, *, is_blank: bool, times: int) -> None:
        if not is_blank and times < 3:
            msg = "empty"
            raise PleaseRetry(msg)

    def persist(self, request: Request, attempt: Callable[[], Any]) -> Any:
        assert request.params
        for _ in range(50):
            try:
                return attempt()
            except LimitTooHigh:
                raise
            except PleaseRetry:
                continue
        pytest.fail("the walk goes round in a circle")

    def open(self, request: Request) -> Answer:
        given_params = dict(request.params)
        limit = int(given_params["limit"])
        if limit > self.cap:
            msg = "limit"
            raise LimitTooHigh(msg)
        after = int(given_params.get("filter[]", "rowId-gt-value--1").split("-", 3)[3])
        found = [row_id for row_id in self.ids if row_id > after][:limit]
        lines = [json.dumps({"rowId": str(n), "t": "x" * (n % 60)}) + "\n" for n in found]
        answer = Answer("".join(lines or ["\n"]).encode())
        if self.damages:
            self._damage(answer, lines, *self.damages.pop())
        self.answers.append(answer)
        return answer

    @staticmethod
    def _damage(answer: Answer, lines: list[str], kind: str, place: int) -> None:
        at = place % (len(lines) + 1)
        if kind == "message":
            lines = [*lines[:at], '"Internal error"\n', *lines[at:]]
            answer.body = "".join(lines).encode()
        elif kind == "html":
            answer.body = b"<html>gateway</html>"
        elif lines:
            answer.body = answer.body[: place % len(answer.body) or 1]
            answer.breaks = kind == "reset" or answer.body[-1:] == b"\n"


def walked(vendor: Vendor, wanted: int, after: int | None = None) -> list[int]:
    """Walk to the end; give the row ids in the order in which they came."""
    got: list[int] = []

    def give(page: Any) -> Any:
        got.extend(int(row["rowId"]) for row in page.rows)
        return page, ()

    walk = KeysetWalk(
        cast("InfinityClient", vendor), "calls", (), after=after, give=give, wanted=wanted
    )
    step = walk.job()
    while step.then:
        step = walk.job()
    return got


@given(
    ids=st.lists(st.integers(0, 2**63 - 1), unique=True, max_size=40).map(sorted),
    damages=st.lists(st.tuples(st.sampled_from(DAMAGES), st.integers(0, 2000)), max_size=12),
    page_size=st.integers(1, 60),
    wanted=st.integers(1, 500),
)
def test_every_row_comes_once_wherever_answers_break_off(
    ids: list[int], damages: list[tuple[str, int]], page_size: int, wanted: int
) -> None:
    vendor = Vendor(ids, damages, page_size)
    assert walked(vendor, wanted) == ids
    assert all(answer.closed for answer in vendor.answers)
    assert vendor.answers[-1].body.strip() == b"", "only an empty answer is the end"


@given(cap=st.integers(1, 100), page_size=st.integers(1, 5000))
def test_a_refused_limit_is_halved_until_it_is_accepted(cap: int, page_size: int) -> None:
    ids = list(range(1, 30))
    vendor = Vendor(ids, [], page_size, cap)
    assert walked(vendor, 100) == ids
    assert vendor.rows.value <= cap
    assert vendor.rows.value == page_size or vendor.rows.value * 2 + 1 > cap


def test_a_walk_begins_behind_a_row_id() -> None:
    assert walked(Vendor([3, 5, 8], []), 100, after=5) == [8]
    assert walked(Vendor([0, 5], []), 100) == [0, 5]


@pytest.mark.parametrize("ids", [[5, 4], [5, 5], [9_999_999, 10_000_000, 9_999_998]])
def test_row_ids_that_do_not_grow_end_the_stream(ids: list[int]) -> None:
    with pytest.raises(StreamFailed, match="does not grow"):
        walked(Vendor(ids, []), 100)


def test_keywords_are_asked_for_in_batches_that_fit_into_an_address() -> None:
    with serve(calls=1500, days=10) as site:
        run = site.run("call_keywords", igrp_ids=[2044], **{**SMALL, "page_size": 1000})
        truth = {k for k in site.vendor.expected("call_keywords") if k[0] == 2044}
        assert run.keyed("call_keywords").keys() == truth
        asked = [
            query["filter[]"][0].removeprefix("rowId-in-value-").split(",")
            for query in site.requests("/callKeywords")
        ]
        assert max(map(len, asked)) == 100
        calls = site.vendor.expected("calls")
        spotted = {
            str(row["rowId"])
            for key, row in calls.items()
            if key[0] == 2044 and str(row["callKeywordSpotting"]) != "0"
        }
        assert {row_id for batch in asked for row_id in batch} == spotted
        assert run.partition("call_keywords", 2044)["replication_key"] == "triggerDatetime"
