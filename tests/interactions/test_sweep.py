"""A sweep finds every row, whatever the server leaves open: bounds, clamps, ties, departures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_interactions.client import instant, overlapped
from tap_interactions.passes import Passes
from tap_interactions.slices import Slices
from tap_interactions.sweep import Sweep
from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.prefetch import Fence
from tap_shared.stream import WindowRead
from tap_shared.windows import Span, Window, plan
from tests.interactions.servers import (
    BEGIN,
    FIELD,
    MARKS,
    MILLISECOND,
    Reader,
    Row,
    Server,
    keys_of,
    text,
)

BOUNDS = st.sampled_from(["[)", "[]", "(]", "()"])
MINUTE = timedelta(minutes=1)
SPAN = 10 * MINUTE
LAST = SPAN // MILLISECOND - 1
DENSE = st.lists(st.integers(0, LAST), max_size=40) | st.lists(st.integers(0, 12), max_size=60)


@st.composite
def crowds(draw: st.DrawFn, most: int = 400) -> list[int]:
    """Give many instants: some alone, some together, some bulks on one instant."""
    rng = draw(st.randoms(use_true_random=False))
    top = draw(st.sampled_from((LAST - 400, LAST - 400, 8000)))
    found: list[int] = []
    for _ in range(draw(st.integers(0, most))):
        twin = found and rng.random() < 0.2
        found.append(found[-1] + rng.choice((0, 0, 1)) if twin else rng.randint(0, top))
    return found + [rng.randint(0, LAST)] * draw(st.sampled_from((0, 0, 3, 70)))


def sweep(server: Server, width: int = 1, seed: int = 1, count: int = 1) -> list[Row]:
    edges = [Fence(WindowRead(w)) for w in plan(Span(BEGIN, BEGIN + SPAN - MINUTE), MINUTE)]
    last = Fence(WindowRead(Window(BEGIN + SPAN - MINUTE, BEGIN + SPAN)))
    reader = Reader(width, seed)
    made = Sweep(server.source(width), server.window(SPAN), edges, lambda _found: [last])
    rows = reader.run(made.jobs(count))
    ends = [entry.what.window.end for entry in reader.out if isinstance(entry, Fence)]
    assert set(ends) <= {edge.what.window.end for edge in (*edges, last)}
    assert ends[-1:] == [last.what.window.end]
    if not (server.short or server.leaving):
        assert ends == [edge.what.window.end for edge in (*edges, last)]
    if not server.short:  # there, rows that were out may come once more
        assert_fences_hold(reader)
    return rows


def assert_fences_hold(reader: Reader) -> None:
    """Check that no row comes after the end of its window."""
    reached = ""
    for entry in reader.out:
        if isinstance(entry, Fence):
            reached = entry.what.window.end.isoformat()
        else:
            assert datetime.fromisoformat(entry[FIELD]).isoformat() >= reached


@settings(max_examples=80, deadline=None)
@given(offsets=DENSE, cap=st.integers(1, 25), bounds=BOUNDS)
def test_every_row_is_found_whatever_the_bounds_and_the_clamp(
    offsets: list[int], cap: int, bounds: str
) -> None:
    server = Server(offsets, cap=cap, bounds=bounds)
    rows = sweep(server)
    assert keys_of(rows) == sorted(server.rows, key=lambda key: (server.rows[key], key))


@settings(max_examples=80, deadline=None)
@given(
    offsets=crowds(200), limit=st.integers(16, 60), cap=st.sampled_from((20, 500)), bounds=BOUNDS,
    width=st.integers(1, 6), seed=st.integers(0, 99), count=st.integers(1, 12),
)  # fmt: skip
def test_pages_side_by_side_come_out_as_one_after_the_other(
    offsets: list[int], limit: int, cap: int, bounds: str, width: int, seed: int, count: int
) -> None:
    server = Server(offsets, limit=limit, cap=cap, bounds=bounds)
    rows = sweep(server, width, seed, count)
    assert keys_of(rows) == sorted(server.rows, key=lambda key: (server.rows[key], key))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    offsets=crowds(150), limit=st.integers(30, 50), bounds=BOUNDS, width=st.integers(1, 6),
    kind=st.sampled_from(({"is_tied": True}, {"by_text": True}, {"short": 0.4})),
)  # fmt: skip
def test_ties_text_and_short_pages_lose_nothing(
    offsets: list[int], limit: int, bounds: str, width: int, kind: Any
) -> None:
    server = Server(offsets, limit=limit, bounds=bounds, **kind)
    assert sorted(set(keys_of(sweep(server, width)))) == sorted(server.rows)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(offsets=crowds(100), limit=st.integers(30, 50), width=st.integers(1, 4))
def test_an_order_that_the_vendor_ignores_loses_nothing(
    offsets: list[int], limit: int, width: int
) -> None:
    server = Server(offsets, limit=limit, is_unsorted=True)
    assert sorted(set(keys_of(sweep(server, width)))) == sorted(server.rows)


@settings(max_examples=80, deadline=None)
@given(
    offsets=crowds(200), limit=st.integers(8, 60), leaving=st.integers(1, 3),
    width=st.integers(1, 6), seed=st.integers(0, 10**6),
)  # fmt: skip
def test_rows_that_stay_are_found_while_others_leave(
    offsets: list[int], limit: int, leaving: int, width: int, seed: int
) -> None:
    server = Server(offsets, limit=limit, leaving=leaving, seed=seed)
    rows = sweep(server, width, seed)
    assert set(server.rows) <= set(keys_of(rows))
    assert len(rows) == len(set(keys_of(rows)))


# How much is asked


def asked(offsets: Sequence[int], **more: Any) -> int:
    server = Server(offsets, limit=100, **more)
    sweep(server)
    return len(server.asked)


def test_an_empty_range_is_asked_for_once() -> None:
    assert asked([]) == 1


def test_requests_move_on_without_an_offset() -> None:
    server = Server(range(0, 500_000, 1000), limit=100)
    sweep(server)
    starts = [window.start for window, _ in server.asked]
    assert starts == sorted(starts)
    assert starts[0] == BEGIN - MILLISECOND
    assert [offset for _, offset in server.asked] == [0] * 6 + [1]


def test_a_bulk_on_one_instant_is_read_once_where_its_order_holds() -> None:
    together, shuffled = ([5] * 700, [5] * 700)
    assert asked(together) <= 12
    assert asked(shuffled, is_tied=True) >= 30


def test_sparse_windows_are_read_together_and_end_one_by_one() -> None:
    server = Server([day * 86_400_000 for day in range(0, 90, 2)], limit=100)
    reads = [WindowRead(w) for w in plan(Span(BEGIN, BEGIN + timedelta(90)), timedelta(1))]
    for width in (1, 4):
        server.asked.clear()
        reader = Reader(width)
        slices = Slices(server.source(width), iter(reads), lambda read, _found: [Fence(read)])
        rows = reader.run(slices.nodes())
        assert keys_of(rows) == sorted(server.rows, key=server.rows.__getitem__)
        assert [e.what for e in reader.out if isinstance(e, Fence)] == reads
        assert len(server.asked) <= 16
        assert_fences_hold(reader)


# What is noticed


def pages(rows: Sequence[Row]) -> Any:
    server = Server([])
    source = server.source()
    fetch = lambda _window, _offset: Page(list(rows))  # noqa: E731
    return type(source)(fetch, fetch, source.order, MARKS)


def swept(rows: Sequence[Row]) -> Iterator[Row]:
    window = overlapped(Window(BEGIN, BEGIN + MINUTE))
    yield from Reader().run(Sweep(pages(rows), window, [], lambda _found: ()).jobs())


def test_trimmed_fractions_are_compared_as_instants() -> None:
    moments = ["2026-11-20T08:00:00Z", "2026-11-20T08:00:00.02Z", "2026-11-20T08:00:00.021Z"]
    assert moments != sorted(moments)
    rows = sweep(Server([0, 20, 21], cap=2))
    assert [row[FIELD] for row in rows] == moments


@pytest.mark.parametrize("offset", [-3600_000, 3600_000])
def test_a_range_that_the_vendor_ignores_is_noticed(offset: int) -> None:
    with pytest.raises(StreamFailed, match="outside the range"):
        list(swept([{"_id": "a", FIELD: text(BEGIN + offset * MILLISECOND)}]))


@pytest.mark.parametrize("row", [{}, {FIELD: None}, {FIELD: "soon"}, {FIELD: 5}])
def test_a_row_without_an_instant_fails_the_stream(row: Row) -> None:
    with pytest.raises(StreamFailed, match="without a usable"):
        list(swept([{"_id": "a", **row}]))


def test_passes_end_although_rows_never_stop_coming() -> None:
    keys = iter(range(10**6))

    def fetch(offset: int) -> Page:
        return Page([{"id": next(keys)}] if offset < 2 else [])

    with pytest.raises(StreamFailed, match="rows still appear"):
        Reader().run([Passes(fetch, ["id"], lambda _is_end: ()).read])


def test_numeric_keys_in_their_order_need_no_second_pass() -> None:
    offsets: list[int] = []

    def fetch(offset: int) -> Page:
        offsets.append(offset)
        return Page([{"id": n} for n in range(8, 40)][offset : offset + 10])

    read = Passes(fetch, ["id"], lambda _is_end: ()).read
    nodes: list[Any] = [read]
    found: set[int] = set()
    while nodes:
        step = nodes.pop(0)()
        nodes[:0] = step.then
        found |= set(step.page.column("id"))
    assert found == set(range(8, 40))
    assert offsets == [0, 7, 14, 21, 28, 32]


def test_windows_overlap_by_a_millisecond_and_are_sent_in_whole_ones() -> None:
    moment = BEGIN.replace(microsecond=1_500)
    wide = overlapped(Window(moment, moment + timedelta(seconds=1)))
    assert instant(wide.start) == "2026-11-20T08:00:00.000Z"
    assert instant(wide.end) == "2026-11-20T08:00:01.002Z"


def test_pages_of_the_same_rows_have_an_end() -> None:
    asked = 0

    def fetch(_: int) -> Page:
        nonlocal asked
        asked += 1
        assert asked < 2_000, "it would read for ever"
        return Page([{"_id": "a"}])

    def walk(todo: list[Any]) -> None:
        while todo:
            todo = [*todo.pop()().then]

    with pytest.raises(StreamFailed, match="same rows again and again"):
        walk([Passes(fetch, ("_id",), lambda _is_end: ()).read])
