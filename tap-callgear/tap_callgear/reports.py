"""How CallGear's reports are read completely: windows sized by the vendor's own count.

A report has neither a stable order nor a usable key to page by, and offsets drift while rows
arrive. So offsets are a quick first try, all pages of a window side by side: the distinct rows are
compared with the vendor's `total_items` in the end. Where they are not as many, or the vendor
cannot sort by time, the window is read in parts that fit into one answer each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from tap_callgear.local_time import WallClock
from tap_shared.errors import StreamFailed, WindowTooLarge
from tap_shared.page import Page, value_of
from tap_shared.pagination import OffsetPaginator, walk
from tap_shared.prefetch import Fence, Job, Lead, Node, Step
from tap_shared.stream import WindowRead
from tap_shared.windows import SECOND, Span, Window, halve

__all__ = ["Report", "Sizer"]

_FULL = 0.98
_FILL = 0.85
_PAGES_A_WINDOW = 16
_LAST_OFFSET = 100_000
_GROWTH = 8
_PASSES = 5

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

    def following(self, length: timedelta, total: int) -> timedelta:
        """Give the next window's length: some pages' worth, at most eight times the last."""
        wanted = _FULL * min(self.page_size * _PAGES_A_WINDOW, _LAST_OFFSET)
        factor = min(_GROWTH, wanted / total) if total else _GROWTH
        seconds = max(1, int(length.total_seconds() * factor))
        return min(self.longest, timedelta(seconds=seconds))


@dataclass(slots=True)
class Report:
    """One report of one run.

    Attributes:
        fetch: Reads rows of a window from an offset on; in time order where `time_field` is set.
        time_field: The field that the vendor sorts by; None where it cannot sort by time.
        keys: The primary key.
        clock: The account's wall clock.
        sizer: Sizes windows.
        is_steady: Whether offsets have given every row so far; after a window that lacked some,
            none is tried again.
        grain: Shortest range that can be asked for.
    """

    fetch: Fetch
    time_field: str | None
    keys: tuple[str, ...]
    clock: WallClock
    sizer: Sizer
    is_steady: bool = True
    grain: timedelta = SECOND

    def nodes(self, span: Span, length: timedelta) -> list[Node]:
        """Give the chain of windows that reads a span."""
        return self._chain(span.start, span.end, min(length, self.sizer.longest))

    def again(self, read: WindowRead) -> list[Node]:
        """Give the nodes that read a window once more, in parts."""
        self.is_steady = False
        read.passes += 1
        read.expected = None
        return [partial(self._part, read.window, read), Fence(read)]

    def _chain(self, start: datetime, end: datetime, length: timedelta) -> list[Node]:
        if start >= end:
            return []
        read = WindowRead(Window(start, min(start + length, end)))
        return [Lead(partial(self._scout, read, end))]

    def _scout(self, read: WindowRead, end: datetime) -> Step:
        """Read a window's first page, and lead to its rest, its fence and the next window."""
        window = read.window
        try:
            step = self._part(window, read)
        except WindowTooLarge:
            halves = halve(window)
            if halves is None:
                raise
            return Step(None, self._chain(window.start, end, halves[0].length))
        length = self.sizer.following(window.length, read.expected or 0)
        return Step(step.page, [*step.then, Fence(read), *self._chain(window.end, end, length)])

    def _part(self, window: Window, read: WindowRead | None = None) -> Step:
        """Read a window, or a part of one, that should fit into one page."""
        page = self.fetch(window, 0)
        if read is not None:
            read.expected = page.total
        if page.total is None:
            return Step(page, [self._offsets(window, len(page))] if len(page) else [])
        left = page.total - len(page)
        if left <= 0:
            return Step(page)
        if not len(page):
            msg = f"the vendor counts {page.total} rows in {window} but gives none."
            raise StreamFailed(msg)
        if self.time_field is None:
            return self._bisected(window, page)
        if self.is_steady and read is not None and page.total <= _LAST_OFFSET:
            size = len(page)
            starts = range(size, page.total, size)
            return Step(page, [partial(self._at, window, at, at + size) for at in starts])
        return self._reanchored(window, page, left)

    def _at(self, window: Window, offset: int, end: int) -> Step:
        """Read the rows from one offset to another; a short page is no end."""
        page = self.fetch(window, offset)
        reached = offset + len(page)
        goes_on = len(page) > 0 and reached < min(end, page.total or 0)
        return Step(page, [partial(self._at, window, reached, end)] if goes_on else ())

    def _reanchored(self, window: Window, page: Page, left: int) -> Step:
        """Keep a sorted page, and go on at the second of its last row."""
        ends = (value_of(row, self.time_field or "") for row in (page.rows[0], page.rows[-1]))
        try:
            first, last = (self.clock.unit(self.clock.instant(str(at))) for at in ends)
        except ValueError:
            msg = f"the vendor sent rows without a usable '{self.time_field}' in {window}."
            raise StreamFailed(msg) from None
        if last.start > max(window.start, first.start):
            parts = self.clock.cut(Window(last.start, window.end), self._parts(left))
            return Step(page, [partial(self._part, part) for part in parts])
        crowded = partial(self._crowded, last)
        after = Window(last.end, window.end)
        return Step(
            page, [crowded, partial(self._part, after)] if after.start < after.end else [crowded]
        )

    def _bisected(self, window: Window, page: Page) -> Step:
        """Cut a window whose page has no order, and read its parts instead."""
        parts = self.clock.cut(window, max(2, self._parts(page.total or 0)))
        if len(parts) == 1:
            return Step(page, [partial(self._crowded, window)])
        return Step(None, [partial(self._part, part) for part in parts])

    def _parts(self, rows: int) -> int:
        return max(1, -int(-rows // (self.sizer.page_size * _FILL)))

    def _crowded(self, window: Window) -> Step:
        """Read what cannot be cut and holds more than a page: by offset, as often as it takes.

        The order of equal times may change from request to request, so a pass may miss rows.
        """
        found, size, total = Page([]), 0, 0
        seen: set[object] = set()
        for _ in range(_PASSES):
            offset = 0
            while True:
                page = self.fetch(window, offset)
                offset += len(page)
                total, size = page.total or 0, size + page.size
                ended = not len(page) or offset >= total
                found.rows = [*found.rows, *page.unseen(self.keys, seen).rows]
                if ended:
                    break
            if len(found) >= total:
                break
        return Step(Page(found.rows, total, size))

    def _offsets(self, window: Window, start: int) -> Job:
        """Go on by offset where the vendor gives no total: to an empty page."""

        def fetch(offset: int) -> Page:
            if offset > _LAST_OFFSET:
                msg = f"more than {offset} rows in {window}: as far as the vendor gives any"
                raise WindowTooLarge(msg)
            return self.fetch(window, offset)

        return self._reaching(window, walk(fetch, OffsetPaginator(start, str(window))))

    def _reaching(self, window: Window, job: Job) -> Job:
        """Read a window by halves where offsets do not reach its end; keys tell doubles apart."""

        def run() -> Step:
            try:
                step = job()
            except WindowTooLarge as err:
                halves = halve(window, self.grain)
                if halves is None:
                    raise StreamFailed(f"{err}.") from None
                return Step(None, [partial(self._part, half) for half in halves])
            onward = [self._reaching(window, node) for node in step.then if callable(node)]
            return Step(step.page, onward)

        return run
