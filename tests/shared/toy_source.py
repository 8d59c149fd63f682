"""A vendor in memory that pages in any of the usual ways and can be made to fail at any request."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tap_shared.errors import StreamFailed, WindowTooLarge
from tap_shared.page import Page
from tap_shared.pagination import (
    CursorPaginator,
    GuardedPaginator,
    KeysetPaginator,
    NumberedPaginator,
    OffsetPaginator,
)
from tap_shared.windows import Window, halve

__all__ = ["PAGINGS", "Died", "Key", "Source"]

Key = tuple[str, int]
Asked = tuple[str, Window]
Found = Sequence[tuple[datetime, int, int] | None]

PAGINGS: Mapping[str, Callable[[], GuardedPaginator[Any]]] = {
    "total": lambda: OffsetPaginator(0, "rows"),
    "offset": lambda: OffsetPaginator(0, "rows"),
    "numbered": lambda: NumberedPaginator(1, "rows"),
    "cursor": lambda: CursorPaginator("rows"),
    "keyset": lambda: KeysetPaginator(0, "id", "rows"),
}
"""What the source can do -> what reads it."""


class Died(BaseException):
    """The process is gone: nothing on the way out may do anything more."""


class Source:
    """Rows by site and id: when they happened, and how often they were rewritten.

    Attributes:
        paging: One of `PAGINGS`.
        is_closed: Whether a range of time includes its end, so that windows share what lies there.
        repeats: Whether pages by number or cursor begin with the last row of the one before.
        shifts: After how many page requests a row slips in before those of the window that was
            asked for, so that its next page by offset begins with a row that came; 0 for never.
        is_led: Whether a window's first page tells what comes after all that stands before it.
        most: Rows of the longest range that it answers; 0 for any.
        cap: Rows that it gives at most in a page, however many are asked for.
        rows: Key to instant and version.
        fails_at: The page request, counted from 1, that is refused; none where it is 0.
        dies_at: The page request that the process does not survive.
        stops_at: The page request during which SIGTERM arrives.
        arriving: Site and instant of rows that arrive after so many page requests of a run.
        asked: Site and window of every first page that a run asked for.
        failed: Site and window of the request that was refused.
        run: The run under way.
        on_death: Called when the process dies.
    """

    def __init__(self) -> None:
        """Begin empty, with the plainest vendor."""
        self.paging, self.is_closed, self.repeats = "total", False, False
        self.shifts, self.most, self.cap, self.is_led = 0, 0, 100, False
        self.rows: dict[Key, tuple[datetime, int]] = {}
        self.on_death: Callable[[], object] = int
        self._lock = threading.Lock()
        self.begin()

    def begin(self) -> None:
        """Begin a run in which nothing goes wrong."""
        with self._lock:
            self.run = object()
            self.requests = self.fails_at = self.dies_at = self.stops_at = 0
            self.arriving: dict[int, tuple[str, datetime]] = {}
            self.asked: list[Asked] = []
            self.failed: Asked | None = None
            self._slipped: Counter[Asked] = Counter()

    def add(self, site: str, at: datetime) -> None:
        """Let a row arrive; its id follows the last one's."""
        self.rows[site, len(self.rows) + 1] = at, 0

    def page(self, run: object, site: str, window: Window, size: int, token: Any) -> Page:
        """Give a page of a window's rows, by time; by id where paging goes by it."""
        with self._lock:
            if run is not self.run:
                raise Died  # a thread that outlived its run
            self.requests += 1
            self._happen(site, window)
            found = self._found(site, window)
            if self.most and len(found) > self.most and halve(window):
                raise WindowTooLarge("the source has too many rows in this range.")
            if token == PAGINGS[self.paging]().current_value:
                self.asked.append((site, window))
            rows, more = self._slice([None] * self._slipped[site, window], found, size, token)
            self._slipped[site, window] += bool(self.shifts and self.requests % self.shifts == 0)
            self._arrive()
        made = [{"id": i, "at": at.isoformat(), "version": v} for at, i, v in filter(None, rows)]
        total = more.pop("total", None)
        return Page(made, total=total, facts=more).stamp(site=site)

    def _happen(self, site: str, window: Window) -> None:
        if self.requests == self.dies_at:
            self.on_death()
            raise Died
        if self.requests == self.stops_at:
            signal.raise_signal(signal.SIGTERM)
        if self.requests == self.fails_at:
            self.failed = site, window
            raise StreamFailed("the source refuses this page.")

    def _arrive(self) -> None:
        if self.requests in self.arriving:
            self.add(*self.arriving.pop(self.requests))

    def _found(self, site: str, window: Window) -> list[tuple[datetime, int, int]]:
        return sorted(
            (at, ident, version)
            for (of, ident), (at, version) in self.rows.items()
            if of == site
            and (window.start <= at < window.end or (self.is_closed and at == window.end))
        )

    def _slice(
        self, slipped: list[None], found: Found, size: int, token: Any
    ) -> tuple[Found, dict[str, Any]]:
        """Give the rows of a page, and what it tells of the others."""
        size = min(size, self.cap)
        if self.paging == "keyset":
            by_id = sorted((row for row in found if row and row[1] > token), key=lambda row: row[1])
            return by_id[:size], {}
        if self.paging == "numbered":
            start = (token - 1) * size
            return found[self._before(start) : start + size], {"pages": -(-len(found) // size)}
        if self.paging == "cursor":
            start = int((token or "0").rstrip("-"))
            if token and token.endswith("-"):  # an empty page in between
                return [], {"cursor": str(start)}
            more = {"cursor": f"{start + size}-"} if start + size < len(found) else {}
            return found[self._before(start) : start + size], more
        found = [*slipped, *found]
        total = {"total": len(found)} if self.paging == "total" else {}
        return found[token : token + size], total

    def _before(self, start: int) -> int:
        return start - 1 if self.repeats and start else start
