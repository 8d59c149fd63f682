"""Keys of pages, sizes of pages, and rows that move between them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_dixa.client import Rejected
from tap_dixa.envelope import page_key, rows_of
from tap_dixa.paging import PageSize, Walk, settled
from tap_shared.errors import PleaseRetry, StreamFailed
from tap_shared.page import Page

Params = Sequence[tuple[str, str]]


@given(st.binary(min_size=1, max_size=30))
def test_a_key_is_decoded_once(inside: bytes) -> None:
    key = base64.b64encode(inside).decode()
    link = f"/beta/analytics/records/?pageLimit=300&pageKey={quote(key, safe='')}"
    assert page_key({"data": [], "meta": {"next": link}}) == key
    assert page_key({"meta": {"next": f"https://elsewhere.example/x/?pageKey={key}"}}) == key


@pytest.mark.parametrize(
    "end", [{}, {"meta": None}, {"meta": {}}, {"meta": {"previous": "/x/?pageKey=a"}},
            {"meta": {"next": ""}}, {"meta": {"next": None}}, {"pageKey": ""}],
)  # fmt: skip
def test_every_form_of_the_end_is_known(end: dict[str, Any]) -> None:
    assert page_key({"data": [], **end}) is None


def test_a_key_at_the_top_is_taken_and_a_link_without_one_is_an_error() -> None:
    assert page_key({"data": [], "pageKey": "a+b="}) == "a+b="
    with pytest.raises(StreamFailed, match="without a pageKey"):
        page_key({"meta": {"next": "/v1/x/?page=2"}})


def test_every_envelope_gives_its_rows() -> None:
    row = {"id": 1}
    assert rows_of([row]) == rows_of({"data": [row]}) == rows_of({"data": row}) == [row]
    assert rows_of({"data": {"schedules": [row]}}, "schedules") == [row]
    assert rows_of({"data": {}}, "schedules") == []
    for broken in ({}, {"data": "x"}, [1], {"message": "no"}):
        with pytest.raises(PleaseRetry):
            rows_of(broken)


class Endpoint:
    """A list whose pages are given, with a largest size and stale keys."""

    def __init__(self, pages: int, most: int = 300, stale: int = 0) -> None:
        self.pages, self.most, self.stale = pages, most, stale
        self.asked: list[dict[str, str]] = []

    def __call__(self, params: Params) -> Page:
        asked = dict(params)
        self.asked.append(asked)
        if int(asked.get("pageLimit", 0)) > self.most:
            raise Rejected(400, "too many")
        number = int(asked.get("pageKey", 0))
        if number and self.stale:
            self.stale -= 1
            raise Rejected(400, "stale")
        following = str(number + 1) if number + 1 < self.pages else None
        return Page([{"id": number}], facts={"cursor": following})


def ids(pages: Sequence[Page]) -> list[int]:
    return [row["id"] for page in pages for row in page.rows]


def test_the_size_stays_the_same_within_a_walk() -> None:
    endpoint = Endpoint(3)
    assert ids(Walk(endpoint, PageSize(300, print), "x").whole()) == [0, 1, 2]
    assert [each["pageLimit"] for each in endpoint.asked] == ["300"] * 3


def test_a_size_that_is_refused_is_made_smaller_once_and_told() -> None:
    said: list[str] = []
    endpoint, size = Endpoint(2, most=100), PageSize(300, said.append)
    assert ids(Walk(endpoint, size, "x").whole()) == [0, 1]
    assert ids(Walk(endpoint, size, "x").whole()) == [0, 1]
    assert [each["pageLimit"] for each in endpoint.asked] == ["300", *["50"] * 4]
    size.shrink("x")  # as another window does that was under way
    assert len(said) == 1


def test_a_refusal_for_another_reason_is_not_taken_for_the_size() -> None:
    said: list[str] = []
    endpoint, size = Endpoint(1, most=1), PageSize(300, said.append)
    with pytest.raises(Rejected):
        Walk(endpoint, size, "x").whole()
    assert size.limit == 300
    assert not said


def test_a_stale_key_begins_the_walk_anew_once() -> None:
    assert ids(Walk(Endpoint(3, stale=1), PageSize(50, print), "x").whole()) == [0, 1, 2]
    again = list(Walk(Endpoint(3, stale=1), PageSize(50, print), "x").again())
    assert ids(again) == [0, 0, 1, 2]
    for read in ("whole", "again"):
        walk = Walk(Endpoint(3, stale=2), PageSize(50, print), "x")
        with pytest.raises(StreamFailed, match="key of a following page twice"):
            list(getattr(walk, read)())


def test_a_key_that_comes_back_ends_the_walk() -> None:
    def ask(_params: Params) -> Page:
        return Page([{"id": 1}], facts={"cursor": "again"})

    with pytest.raises(StreamFailed, match="circle"):
        Walk(ask, PageSize(50, print), "x").whole()


def read(*passes: str) -> tuple[list[str], int]:
    """Read windows whose pages are groups of letters; a row's identity is its letter."""
    left = list(passes)

    def once() -> list[Page]:
        text = left.pop(0) if len(left) > 1 else left[0]
        asked.append(text)
        return [Page([{"id": letter} for letter in page]) for page in text.split()]

    asked: list[str] = []
    rows = settled(once, lambda row: str(row["id"]).lower()).rows
    return [row["id"] for row in rows], len(asked)


def test_a_window_at_rest_is_read_once() -> None:
    assert read("abc d") == (["a", "b", "c", "d"], 1)
    assert read("aab c") == (["a", "a", "b", "c"], 1)


def test_a_row_pushed_over_the_edge_of_a_page_counts_once() -> None:
    assert read("abc cd", "nab cd") == (["n", "a", "b", "c", "d"], 2)


def test_twins_on_both_sides_of_an_edge_are_two() -> None:
    assert read("abc cd", "abc cd") == (["a", "b", "c", "c", "d"], 2)


def test_a_window_that_never_rests_loses_nothing() -> None:
    rows, passes = read("aab bc", "naa bbc ca", "mna abb c", "lmn naa bbc")
    assert passes == 4
    assert sorted(rows) == sorted("aabbclmn")
