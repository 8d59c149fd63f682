"""The order that rows come in, and what is seen of a server from its pages.

Nothing is promised of either. So each page is looked at: whether its rows are sorted, and whether
they lie in the range that was asked for. Sorted means by whole seconds: within one, trimmed
fractions that are compared as text come in another order (`17Z` after `17.214Z`). And how long
pages get: one that is shorter than others were has probably come to the end of its range, though
only an empty one proves it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tap_interactions.client import MILLISECOND
from tap_shared.errors import StreamFailed
from tap_shared.instants import InstantReader, instant_text
from tap_shared.page import Page
from tap_shared.windows import Window

__all__ = ["SECOND", "Disordered", "Order", "Sight", "Unsorted", "second"]

SECOND = timedelta(seconds=1)

_TO_SECOND = len("2026-01-01T00:00:00")
_FEWEST = 16  # rows a page below which sharing some with the next would cost more than it gives


class Disordered(StreamFailed):
    """Rows lie outside the range that was asked for, or have no instant."""


class Unsorted(Disordered):
    """Rows come in another order than was asked for."""


class Sight(NamedTuple):
    """What is seen of a page that has rows.

    Attributes:
        times: The rows' instants in the fixed-width form.
        first: The second of the first row.
        last: The second of the last row: others of it may not be in the page.
        known: Rows of that second, or less than a millisecond before it.
    """

    times: Sequence[str]
    first: datetime
    last: datetime
    known: int


class Order:
    """The ascending order by one date field.

    Args:
        field: Its name.
        limit: Gives the rows that a page may have.
    """

    def __init__(self, field: str, limit: Callable[[], int]) -> None:
        """Begin without having seen a page."""
        self.field = field
        self._limit = limit
        self._longest = 0
        self._is_clamped = False
        self._read = InstantReader(UTC)

    # How long pages get

    @property
    def page(self) -> int:
        """Rows of a full page: as many as are asked for, or as the server was seen to clamp to."""
        limit = self._limit()
        return min(limit, self._longest) if self._is_clamped else limit

    @property
    def overlap(self) -> int:
        """Rows that neighbouring pages share where they are read side by side; 0: do not."""
        return 3 + self.page // 250 if self.page >= _FEWEST else 0

    def is_short(self, size: int) -> bool:
        """Tell whether the server was seen to give more rows to a request."""
        return size < min(self._longest, self._limit())

    def was_no_end(self, size: int) -> None:
        """Note that rows followed a page of a size."""
        self._is_clamped |= size < self._limit()

    # How they are sorted

    def look(self, page: Page, window: Window) -> Sight | None:
        """Look at a page; None where it is empty.

        Args:
            page: The page.
            window: The range that was asked for.

        Raises:
            Unsorted: Its rows are not sorted.
            Disordered: One lies outside the range, or has no instant.
        """
        self._longest = max(self._longest, len(page))
        if not len(page):
            return None
        times = self.instants(page)
        is_sorted = _ascend(times)
        if not (is_sorted or _ascend([at[:_TO_SECOND] for at in times])):
            msg = f"the vendor does not sort by '{self.field}'; nothing past it was read."
            raise Unsorted(msg)
        first, last = second(times[0]), second(times[-1])
        if first < window.start - SECOND or last > window.end:
            msg = (
                f"the vendor gives rows whose '{self.field}' is outside the range that was asked"
                " for. Set replication_date_field to another field."
            )
            raise Disordered(msg)
        before = instant_text(last - MILLISECOND)
        upto = bisect_right(times, before) if is_sorted else sum(map(before.__ge__, times))
        return Sight(times, first, last, len(times) - upto)

    def instants(self, page: Page) -> list[str]:
        """Read the rows' instants, as text: a trimmed fraction would not compare.

        Raises:
            Disordered: A row has none.
        """
        try:
            found = self._read.column(page.column(self.field))
        except ValueError:
            found = [None]
        times = [at for at in found if at is not None]
        if len(times) < len(page):
            msg = f"the vendor sent a row without a usable '{self.field}'."
            raise Disordered(msg)
        return times


def _ascend(texts: Sequence[str]) -> bool:
    return list(texts) == sorted(texts)


def second(time: str) -> datetime:
    """Give the second of an instant's text."""
    return datetime.fromisoformat(time[:_TO_SECOND] + "Z")
