"""How CallGear's reports are read completely: windows sized by the vendor's own count.

A report has neither a stable order nor a usable key to page by, and offsets drift while rows
arrive. So offsets are a quick first try, all pages of a window side by side: the distinct rows are
compared with the vendor's `total_items` in the end. Where they are not as many, or the vendor
cannot sort by time, the window is read in parts that fit into one answer each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from tap_callgear.local_time import WallClock
from tap_shared.errors import StreamFailed, WindowTooLarge
from tap_shared.fields import value_of
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Job, Lead, Node, Step
from tap_shared.stream import WindowRead
from tap_shared.windows import Span, Window

__all__ = ["LAST_OFFSET", "Report", "ReportRead", "Sizer"]

_FULL = 0.98
_FILL = 0.85
_SPARE = 0.7
_PAGES_A_WINDOW = 16
LAST_OFFSET = 100_000
"""The largest offset that the vendor takes."""

_GROWTH = 8
_PASSES = 10
_SAMPLE = 16

Fetch = Callable[[Window, int], Page]


@dataclass(frozen=True, slots=True)
class Sizer:
    """Sizes a window from the density of the one before it.

    Attributes:
        page_size: Rows a request.
        longest: Longest range that the vendor answers.
    """

    page_size: int
    longest: timedelta

    def following(self, length: timedelta, first: int, total: int | None) -> timedelta:
        """Give the next window's length, at most eight times the last.

        Args:
            length: The last one's.
            first: Rows on its first page.
            total: Rows in it, where the vendor says so: some pages' worth are then wanted. Else
                less than a page is, as nothing else tells that all rows have come.
        """
        wanted = _FULL * min(self.page_size * _PAGES_A_WINDOW, LAST_OFFSET)
        if total is None:
            wanted = _SPARE * self.page_size
            total = first if first < self.page_size else 2 * first
        factor = min(_GROWTH, wanted / total) if total else _GROWTH
        seconds = max(1, int(length.total_seconds() * factor))
        return min(self.longest, timedelta(seconds=seconds))


class ReportRead(WindowRead):
    """A window of a report.

    Attributes:
        first: Rows on its first page.
    """

    first = 0


@dataclass(slots=True)
class Report:
    """One report of one run.

    Attributes:
        fetch: Reads rows of a window from an offset on; in time order where `time_field` is set.
        time_field: The field that the vendor sorts by; None where it cannot sort by time, or does
            not, as was found out.
        keys: The primary key.
        clock: The account's wall clock, by seconds or by days.
        sizer: Sizes windows.
        is_steady: Whether offsets have given every row so far; after a window that lacked some,
            none is tried again.
        ordered: Reads the same in an order that tells rows of one time apart, where there is one.
    """

    fetch: Fetch
    time_field: str | None
    keys: tuple[str, ...]
    clock: WallClock
    sizer: Sizer
    is_steady: bool = True
    ordered: Fetch | None = None

    def nodes(self, span: Span, length: timedelta) -> list[Node]:
        """Give the chain of windows that reads a span."""
        return self._chain(span.start, span.end, min(length, self.sizer.longest))

    def again(self, read: ReportRead) -> list[Node]:
        """Give the nodes that read a window once more, trusting the vendor less each time.

        At first in parts, as sorted pages allow; then, as a page may look sorted by chance, in
        parts of a page each. Nothing where even those lacked rows.
        """
        if read.passes and self.time_field is None:
            return []
        if read.passes:
            self.time_field = None
        self.is_steady = False
        read.passes += 1
        read.expected = None
        return [self._whole(read.window, partial(self._part, read.window, read)), Fence(read)]

    def _chain(self, start: datetime, end: datetime, length: timedelta) -> list[Node]:
        if start >= end:
            return []
        read = ReportRead(Window(start, min(self.clock.edge(start + length), end)))
        return [Lead(partial(self._scout, read, end))]

    def _scout(self, read: ReportRead, end: datetime) -> Step:
        """Read a window's first page, and lead to its rest, its fence and the next window."""
        window = read.window
        try:
            step = self._part(window, read)
        except WindowTooLarge as err:
            parts = self.clock.cut(window, 2)
            if len(parts) == 1:
                raise StreamFailed(f"{err}.") from None
            longest = parts[0].length
            self.sizer = replace(self.sizer, longest=longest)  # the next one would be refused, too
            return Step(None, self._chain(window.start, end, longest))
        length = self.sizer.following(window.length, read.first, read.expected)
        return Step(step.page, [*step.then, Fence(read), *self._chain(window.end, end, length)])

    def _part(self, window: Window, read: ReportRead | None = None) -> Step:
        """Read a window, or a part of one, that should fit into one page."""
        page = self.fetch(window, 0)
        if read is not None:
            read.first, read.expected = len(page), page.total
        if page.total is None:
            return self._uncounted(window, page)
        left = page.total - len(page)
        if left <= 0 or not len(page):  # the count of the whole window tells whether rows lack
            return Step(page)
        if self.time_field is None:
            return self._bisected(window, page)
        if self.is_steady and read is not None and page.total <= LAST_OFFSET:
            size = len(page)
            starts = range(size, page.total, size)
            jobs = [partial(self._at, read, at, at + size) for at in starts]
            return Step(page, [self._whole(window, job) for job in jobs])
        return self._reanchored(window, page, left)

    def _uncounted(self, window: Window, page: Page) -> Step:
        """Read a window whose rows the vendor does not count: all have come where none is left."""
        if len(page) >= self.sizer.page_size:
            return self._bisected(window, page)

        def rest() -> Step:
            more = self.fetch(window, len(page))
            return self._bisected(window, more) if len(more) else Step(more)

        return Step(page, [self._whole(window, rest)] if len(page) else ())

    def _parted(self, parts: Iterable[Window]) -> list[Job]:
        return [self._whole(part, partial(self._part, part)) for part in parts]

    def _at(self, read: ReportRead, offset: int, end: int) -> Step:
        """Read the rows from one offset to another; a short page is no end."""
        page = self.fetch(read.window, offset)
        reached, total = offset + len(page), end if page.total is None else page.total
        goes_on = len(page) > 0 and reached < min(end, total)
        return Step(page, [partial(self._at, read, reached, end)] if goes_on else ())

    def _reanchored(self, window: Window, page: Page, left: int) -> Step:
        """Keep a sorted page, and go on at the second of its last row."""
        try:
            units = [self.clock.unit(at) for at in self._times(page)]
        except ValueError:
            return self._bisected(window, page)
        if units != sorted(units):  # the vendor has not sorted, or clocks went back
            return self._bisected(window, page)
        first, last = units[0], units[-1]
        if last.start > max(window.start, first.start):
            parts = self.clock.cut(Window(last.start, window.end), self._parts(left))
            return Step(page, self._parted(parts))
        after = Window(last.end, window.end)
        onward = self._parted([after] if after.start < after.end else [])
        return Step(page, [self._whole(last, partial(self._crowded, last)), *onward])

    def _times(self, page: Page) -> list[datetime]:
        """Give the times of some rows, the first and the last among them.

        Raises:
            ValueError: One has none.
        """
        places = [*range(0, len(page), -(-len(page) // _SAMPLE)), -1]
        field = self.time_field or ""
        return [self.clock.instant(str(value_of(page.rows[at], field))) for at in places]

    def _bisected(self, window: Window, page: Page) -> Step:
        """Cut a window whose page has no order, and read its parts instead."""
        parts = self.clock.cut(window, max(2, self._parts(page.total or 0)))
        if len(parts) == 1:
            return Step(page, [self._whole(window, partial(self._crowded, window))])
        return Step(None, self._parted(parts))

    def _parts(self, rows: int) -> int:
        return max(1, -int(-rows // (self.sizer.page_size * _FILL)))

    def _crowded(self, window: Window) -> Step:
        """Read what cannot be cut and holds more than a page: by offset, as often as it takes.

        The order of equal times may change from request to request, so a pass may miss rows.
        """
        fetch = self.ordered or self.fetch
        rows: list[Any] = []
        size = 0
        seen: set[object] = set()
        for _ in range(_PASSES):
            offset, before = 0, len(rows)
            while True:
                self._refuse_beyond(window, offset)
                page = fetch(window, offset)
                offset, size = offset + len(page), size + page.size
                ended = not len(page) or (page.total is not None and offset >= page.total)
                rows += page.unseen(self.keys, seen).rows
                if ended:
                    break
            # Where rows are counted, a pass without a new one proves nothing as long as some lack.
            is_whole = len(rows) == before if page.total is None else len(rows) >= page.total
            if is_whole:
                break
        return Step(Page(rows, page.total, size))

    def _refuse_beyond(self, window: Window, offset: int) -> None:
        """Stop before the vendor would.

        Raises:
            WindowTooLarge: It takes no such offset.
        """
        if offset > LAST_OFFSET:
            msg = f"more than {offset} rows in {window}: as far as the vendor gives any"
            raise WindowTooLarge(msg)

    def _whole(self, window: Window, job: Job) -> Job:
        """Read a window in two where it proves too large for a job; keys tell doubles apart."""

        def run() -> Step:
            try:
                step = job()
            except WindowTooLarge as err:
                parts = self.clock.cut(window, 2)
                if len(parts) == 1:
                    raise StreamFailed(f"{err}.") from None
                return Step(None, self._parted(parts))
            onward = [self._whole(window, node) for node in step.then if callable(node)]
            return Step(step.page, onward)

        return run
