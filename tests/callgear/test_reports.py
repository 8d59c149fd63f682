"""A report is read completely within the offsets that the vendor takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tap_callgear.local_time import LocalDays
from tap_callgear.reports import Report, Sizer
from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Node
from tap_shared.windows import Span, Window

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SIZE = 10_000
LAST_OFFSET = 100_000


def read(rows_a_day: int, count: int) -> tuple[set[Any], int]:
    """Read a report of whole days that comes as a bare array; give its keys and the requests."""
    asked = 0

    def fetch(window: Window, offset: int) -> Page:
        nonlocal asked
        asked += 1
        assert offset <= LAST_OFFSET, "the vendor refuses it"
        first = (window.start - BEGIN) // DAY
        last = (window.end - BEGIN - timedelta(microseconds=1)) // DAY
        keys = range(first * rows_a_day, (last + 1) * rows_a_day)[offset : offset + SIZE]
        return Page([{"id": key} for key in keys])

    days = LocalDays(ZoneInfo("UTC"))
    report = Report(fetch, None, ("id",), days, Sizer(SIZE, 89 * DAY))
    found: set[Any] = set()
    nodes: list[Node] = [*report.nodes(Span(BEGIN, BEGIN + count * DAY), 30 * DAY)]
    while nodes:
        node = nodes.pop(0)
        if isinstance(node, Fence):
            continue
        step = node()
        nodes[:0] = step.then
        found |= set(step.page.column("id")) if step.page else set()
    return found, asked


def test_a_window_with_more_rows_than_offsets_reach_is_read_in_parts() -> None:
    found, asked = read(8_000, 30)
    assert found == set(range(240_000))
    assert asked < 95  # a page and the proof that nothing follows it, for each day


def test_a_day_with_more_rows_than_offsets_reach_fails_plainly() -> None:
    with pytest.raises(StreamFailed, match=r"more than 110000 rows .* as far as the vendor gives"):
        read(120_000, 1)
