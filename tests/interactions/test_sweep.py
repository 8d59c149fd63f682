"""A sweep finds every row, whatever the server leaves open: bounds, clamps, ties, departures."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_interactions.client import MILLISECOND, instant, overlapped
from tap_interactions.passes import Passes
from tap_interactions.sweep import Sweep
from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Node
from tap_shared.windows import Window

BEGIN = datetime(2026, 11, 20, 8, tzinfo=UTC)
WINDOW = Window(BEGIN, BEGIN + timedelta(milliseconds=40))
FIELD = "MostRecentRollupAtUtc"

Row = dict[str, Any]


def text(moment: datetime) -> str:
    """Write an instant as the vendor does: zeros at the end of its fraction cut off."""
    fraction = f"{moment.microsecond // 1000:03d}".rstrip("0")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}Z"


class Server:
    """Rows by instant, served as the options say."""

    def __init__(
        self, offsets: Sequence[int], *, cap: int, bounds: str = "[)", is_tied: bool = False
    ) -> None:
        self.rows = {f"{n:024x}": BEGIN + offset * MILLISECOND for n, offset in enumerate(offsets)}
        self.cap = cap
        self.bounds = bounds
        self.is_tied = is_tied
        self.rng = random.Random(len(offsets))  # noqa: S311
        self.asked: list[Window] = []
        self.after: Callable[[], None] = lambda: None

    def inside(self, window: Window) -> list[str]:
        return [
            key
            for key, at in self.rows.items()
            if (window.start < at or (at == window.start and self.bounds[0] == "["))
            and (at < window.end or (at == window.end and self.bounds[1] == "]"))
        ]

    def fetch(self, window: Window, offset: int) -> Page:
        assert window.start < window.end
        self.asked.append(window)
        found = self.inside(window)
        self.rng.shuffle(found)
        found.sort(key=lambda key: (self.rows[key], "" if self.is_tied else key))
        rows = [{"_id": k, FIELD: text(self.rows[k])} for k in found[offset : offset + self.cap]]
        self.after()
        return Page(rows)


def run(job: Node) -> list[Row]:
    """Run a job and all that it leads to, in order."""
    rows: list[Row] = []
    nodes: list[Node] = [job]
    while nodes:
        node = nodes.pop(0)
        assert not isinstance(node, Fence)
        step = node()
        nodes[:0] = step.then
        rows += step.page.rows if step.page else []
    return rows


def sweep(server: Server, window: Window = WINDOW) -> tuple[list[Row], int]:
    counted: list[int] = []

    def then(found: int) -> Sequence[Node]:
        counted.append(found)
        return ()

    rows = run(Sweep(server.fetch, FIELD, overlapped(window), then).read)
    return rows, counted[0]


@settings(max_examples=200, deadline=None)
@given(
    offsets=st.lists(st.integers(0, 39), max_size=60),
    cap=st.integers(1, 25),
    bounds=st.sampled_from(["[)", "[]", "(]", "()"]),
)
def test_every_row_is_found_whatever_the_bounds_and_the_clamp(
    offsets: list[int], cap: int, bounds: str
) -> None:
    server = Server(offsets, cap=cap, bounds=bounds)
    rows, found = sweep(server)
    assert {row["_id"] for row in rows} == set(server.rows)
    assert found == len(server.rows)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    offsets=st.lists(st.integers(0, 3), max_size=60),
    cap=st.integers(30, 50),
    bounds=st.sampled_from(["[)", "(]"]),
)
def test_ties_in_another_order_each_time_lose_nothing(
    offsets: list[int], cap: int, bounds: str
) -> None:
    server = Server(offsets, cap=cap, bounds=bounds, is_tied=True)
    rows, _ = sweep(server)
    assert {row["_id"] for row in rows} == set(server.rows)


@settings(max_examples=200, deadline=None)
@given(
    offsets=st.lists(st.integers(0, 12), min_size=10, max_size=80),
    cap=st.integers(8, 30),
    leaving=st.integers(1, 2),
    seed=st.integers(0, 10**6),
)
def test_rows_that_stay_are_found_while_others_leave(
    offsets: list[int], cap: int, leaving: int, seed: int
) -> None:
    server = Server(offsets, cap=cap)
    rng = random.Random(seed)  # noqa: S311
    left = 40

    def rewrite() -> None:
        nonlocal left
        for key in rng.sample(sorted(server.rows), min(leaving, left, len(server.rows))):
            del server.rows[key]
            left -= 1

    server.after = rewrite
    rows, _ = sweep(server)
    assert set(server.rows) <= {row["_id"] for row in rows}


def test_requests_move_on_without_an_offset_where_instants_fit_into_a_page() -> None:
    server = Server(range(0, 40, 2), cap=6)
    sweep(server)
    starts = [window.start for window in server.asked]
    assert starts == sorted(starts)
    assert len(starts) == 6
    assert starts[0] == BEGIN - MILLISECOND


def test_an_empty_window_is_asked_for_once() -> None:
    server = Server([], cap=5)
    assert sweep(server) == ([], 0)
    assert len(server.asked) == 1


def test_an_order_that_the_vendor_ignores_is_noticed() -> None:
    def fetch(_window: Window, _offset: int) -> Page:
        return Page([{"_id": str(n), FIELD: text(BEGIN + n * MILLISECOND)} for n in (2, 1)])

    with pytest.raises(StreamFailed, match="does not sort"):
        run(Sweep(fetch, FIELD, WINDOW, lambda _found: ()).read)


def test_trimmed_fractions_are_compared_as_instants() -> None:
    moments = ["2026-11-20T08:00:00Z", "2026-11-20T08:00:00.02Z", "2026-11-20T08:00:00.021Z"]
    assert moments != sorted(moments)
    server = Server([0, 20, 21], cap=2)
    rows, _ = sweep(server)
    assert list(dict.fromkeys(row[FIELD] for row in rows)) == moments


@pytest.mark.parametrize("offset", [-3600_000, 3600_000])
def test_a_range_that_the_vendor_ignores_is_noticed(offset: int) -> None:
    def fetch(_window: Window, _offset: int) -> Page:
        return Page([{"_id": "a", FIELD: text(BEGIN + offset * MILLISECOND)}])

    with pytest.raises(StreamFailed, match="outside the range"):
        run(Sweep(fetch, FIELD, WINDOW, lambda _found: ()).read)


@pytest.mark.parametrize("row", [{}, {FIELD: None}, {FIELD: "soon"}, {FIELD: 5}])
def test_a_row_without_an_instant_fails_the_stream(row: Row) -> None:
    with pytest.raises(StreamFailed, match="without a usable"):
        run(Sweep(lambda _w, _o: Page([{"_id": "a", **row}]), FIELD, WINDOW, lambda _f: ()).read)


def test_passes_end_although_rows_never_stop_coming() -> None:
    keys = iter(range(10**6))

    def fetch(offset: int) -> Page:
        return Page([{"id": next(keys)}] if offset < 2 else [])

    with pytest.raises(StreamFailed, match="rows still appear"):
        run(Passes(fetch, ["id"], set(), lambda _is_end: ()).read)


def test_numeric_keys_in_their_order_need_one_more_pass_only() -> None:
    asked: list[int] = []

    def fetch(offset: int) -> Page:
        asked.append(offset)
        return Page([{"id": n} for n in range(8, 12)][offset : offset + 3])

    rows = run(Passes(fetch, ["id"], set(), lambda _is_end: ()).read)
    assert {row["id"] for row in rows} == {8, 9, 10, 11}
    assert asked == [0, 3, 4, 0, 3, 4]


def test_windows_overlap_by_a_millisecond_and_are_sent_in_whole_ones() -> None:
    moment = BEGIN.replace(microsecond=1_500)
    wide = overlapped(Window(moment, moment + timedelta(seconds=1)))
    assert instant(wide.start) == "2026-11-20T08:00:00.000Z"
    assert instant(wide.end) == "2026-11-20T08:00:01.002Z"
