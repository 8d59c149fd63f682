from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.pagination import (
    CursorPaginator,
    GuardedPaginator,
    KeysetPaginator,
    NumberedPaginator,
    OffsetPaginator,
    walk,
)
from tap_shared.prefetch import ReadAhead


def read(fetch: Any, paginator: GuardedPaginator[Any], width: int = 1) -> list[Any]:
    """Give the ids that a walk finds, in order."""
    pages = ReadAhead(width).run([walk(fetch, paginator)])
    return [row["id"] for page in pages if isinstance(page, Page) for row in page.rows]


def rows(first: int, last: int) -> list[dict[str, Any]]:
    return [{"id": number} for number in range(first, last)]


@settings(deadline=None)
@given(st.integers(0, 60), st.lists(st.integers(1, 9), min_size=1), st.booleans(),
       st.integers(1, 4))  # fmt: skip
def test_offsets_follow_the_rows_received_whatever_the_vendor_caps_a_page_to(
    total: int,
    sizes: list[int],
    told: bool,  # noqa: FBT001
    width: int,
) -> None:
    asked: list[int] = []

    def fetch(offset: int) -> Page:
        size = sizes[len(asked) % len(sizes)]
        asked.append(offset)
        return Page(rows(offset, min(total, offset + size)), total=total if told else None)

    assert read(fetch, OffsetPaginator(0), width) == list(range(total))
    assert len(asked) == len(set(asked))
    if told and total:
        assert max(asked) < total


def test_an_offset_ends_at_an_empty_page_even_where_the_total_promises_more() -> None:
    def fetch(offset: int) -> Page:
        return Page(rows(offset, min(5, offset + 2)), total=100)

    assert read(fetch, OffsetPaginator(0)) == [0, 1, 2, 3, 4]


@settings(deadline=None)
@given(st.integers(0, 12), st.integers(1, 4))
def test_numbered_pages_are_read_to_the_last_one_that_the_first_tells(
    pages: int, width: int
) -> None:
    asked: list[int] = []

    def fetch(number: int) -> Page:
        asked.append(number)
        return Page(rows(number * 10, number * 10 + 10 * (pages > 0)), facts={"pages": pages})

    found = read(fetch, NumberedPaginator(1), width)
    assert found == list(range(10, 10 + pages * 10))
    assert sorted(asked) == list(range(1, max(1, pages) + 1))


def test_an_absurd_number_of_pages_is_refused_before_it_is_laid_out() -> None:
    def fetch(number: int) -> Page:
        return Page(rows(number, number + 1), facts={"pages": 10**12})

    with pytest.raises(StreamFailed, match="GET /things"):
        read(fetch, NumberedPaginator(1, "GET /things"))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_a_cursor_is_followed_through_empty_pages(sizes: list[int]) -> None:
    def fetch(cursor: str | None) -> Page:
        at = int(cursor or 0)
        last = at == len(sizes) - 1
        return Page(
            rows(at * 10, at * 10 + sizes[at]), facts={"cursor": None if last else str(at + 1)}
        )

    wanted = [at * 10 + n for at, size in enumerate(sizes) for n in range(size)]
    assert read(fetch, CursorPaginator()) == wanted


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=8))
def test_a_cursor_seen_before_ends_the_stream_with_a_sentence(cursors: list[str]) -> None:
    given_out = iter([*cursors, *cursors])
    asked: list[str | None] = []

    def fetch(cursor: str | None) -> Page:
        asked.append(cursor)
        return Page(rows(0, 1), facts={"cursor": next(given_out)})

    with pytest.raises(StreamFailed, match="circle"):
        read(fetch, CursorPaginator("GET /things"))
    assert len(asked) == len(set(asked))


def test_empty_pages_that_always_name_another_end_the_stream_with_a_sentence() -> None:
    asked: list[str | None] = []

    def fetch(cursor: str | None) -> Page:
        asked.append(cursor)
        return Page(rows(0, 5 * (cursor is None)), facts={"cursor": str(len(asked))})

    with pytest.raises(StreamFailed, match="circle"):
        read(fetch, CursorPaginator("GET /things"))
    assert len(asked) < 1000


@pytest.mark.parametrize("cursor", ["", None])
def test_a_blank_cursor_is_the_end(cursor: str | None) -> None:
    assert read(lambda _: Page(rows(0, 2), facts={"cursor": cursor}), CursorPaginator()) == [0, 1]


@settings(deadline=None)
@given(st.sets(st.integers(0, 10**12), max_size=40), st.integers(1, 7))
def test_a_keyset_walks_every_key_once(keys: set[int], size: int) -> None:
    ordered = sorted(keys)

    def fetch(beyond: int) -> Page:
        return Page([{"id": str(key)} for key in ordered if key > beyond][:size])

    assert read(fetch, KeysetPaginator(-1, "id")) == [str(key) for key in ordered]


@pytest.mark.parametrize(
    "page",
    [[5, 4], [5, 5], [0], [-1], [None], ["abc"], [[]]],
    ids=str,
)
def test_a_key_that_does_not_grow_ends_the_stream_with_a_sentence(page: list[Any]) -> None:
    with pytest.raises(StreamFailed, match="'id'"):
        read(lambda _: Page([{"id": key} for key in page]), KeysetPaginator(0, "id", "GET /x"))


@settings(deadline=None)
@given(st.data(), st.integers(1, 4))
def test_any_tree_of_pages_is_read_whole_and_in_order(data: st.DataObject, width: int) -> None:
    length = data.draw(st.integers(1, 15))
    links = {str(n): str(n + 1) for n in range(length)}

    def fetch(cursor: str | None) -> Page:
        at = int(cursor or 0)
        return Page([{"id": at}], facts={"cursor": links.get(str(at))})

    walks = [walk(fetch, CursorPaginator()) for _ in range(3)]
    found = [page.rows[0]["id"] for page in ReadAhead(width).run(walks) if isinstance(page, Page)]
    assert found == [*range(length + 1)] * 3


def test_a_vendor_that_ignores_the_offset_is_not_read_for_ever() -> None:
    asked: list[int] = []

    def fetch(offset: int) -> Page:
        asked.append(offset)
        return Page(rows(0, 5), total=10**9)

    with pytest.raises(StreamFailed, match="same pages again"):
        read(fetch, OffsetPaginator(0, "GET /things"))
    assert len(asked) < 50


@given(st.integers(1, 4), st.integers(2, 5))
def test_rows_that_move_under_the_reader_are_no_circle(size: int, rhythm: int) -> None:
    source = list(range(100))
    asked = 0

    def fetch(offset: int) -> Page:
        nonlocal asked
        asked += 1
        if asked % rhythm == 0:
            source.insert(0, -asked)
        return Page([{"id": n} for n in source[offset : offset + size]], total=len(source))

    assert set(read(fetch, OffsetPaginator(0, "GET /things"), 1)) >= set(range(100))
