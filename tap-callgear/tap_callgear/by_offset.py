"""How rows without a range of time are read completely: by offset, as often as their count asks.

The vendor promises no order, and rows move while they are read. What fits into one answer is sure;
more is read in the order of a field, again from the start where rows moved or lack, and by ranges
of ids where offsets do not reach.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

from tap_callgear.faults import RequestRefused
from tap_callgear.reports import LAST_OFFSET
from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.pagination import OffsetPaginator, walk
from tap_shared.prefetch import Fence, Job, Node, Step
from tap_shared.stream import WindowRead
from tap_shared.windows import Window

__all__ = ["OffsetRead"]

_PASSES = 10
_STEADY = 3
_BARREN = 2
_FULL = 0.7
_SAMPLES = 5

Fetch = Callable[[int, Mapping[str, Any]], Page]


class OffsetRead(WindowRead):
    """Rows that are read by offset.

    Args:
        window: What the bookmark moves over; of no meaning for a list.
        fetch: Reads a page from an offset on, with further parameters.
        what: What is being read, for errors.
        order: The field that the vendor sorts by, where there is one.
        id_field: The field that the vendor filters by where offsets do not reach; None for none.
    """

    def __init__(
        self,
        window: Window,
        fetch: Fetch,
        what: str,
        *,
        order: str | None = None,
        id_field: str | None = None,
    ) -> None:
        """Begin with nothing read."""
        super().__init__(window)
        self._fetch = fetch
        self._what = what
        self._sort = {"sort": [{"field": order, "order": "asc"}]} if order else {}
        self._id_field = id_field
        self._totals: set[int] = set()
        self._found = 0
        self._barren = 0

    def nodes(self) -> list[Node]:
        """Give the nodes of one pass over all rows."""
        self._totals.clear()
        return [self._first, Fence(self)]

    def again(self, warn: Callable[[str], None]) -> list[Node]:
        """Give the nodes of another pass, where rows moved or lack; nothing where all have come.

        Args:
            warn: Takes the warning where the vendor's count cannot be met.

        Raises:
            StreamFailed: Pass after pass brings further rows.
        """
        lacks = self.expected is not None and self.distinct < self.expected
        self._barren = 0 if self.distinct > self._found else self._barren + 1
        self._found = self.distinct
        if not lacks and len(self._totals) <= 1:
            return []
        self.passes += 1
        said = f"{self._what}: the vendor counts {self.expected} rows and gave {self.distinct}"
        if lacks and self._barren >= _BARREN:
            warn(f"{said} different ones, however often it is asked.")
            return []
        if self.passes < (_PASSES if lacks else _STEADY):
            return self.nodes()
        if lacks:
            msg = f"{said} different ones in {self.passes} passes. Run again later."
            raise StreamFailed(msg)
        return []

    def _counted(self, offset: int, more: Mapping[str, Any]) -> Page:
        if offset > LAST_OFFSET:
            msg = (
                f"{self._what}: the vendor gives no rows beyond the first {offset};"
                " what lies past them cannot be read."
            )
            raise StreamFailed(msg)
        page = self._fetch(offset, more)
        self.expected = page.total
        if page.total is not None:
            self._totals.add(page.total)
        return page

    def _walk(self, start: int, more: Mapping[str, Any]) -> Job:
        return walk(partial(self._counted, more=more), OffsetPaginator(start, self._what))

    def _first(self) -> Step:
        """Read the first page, which mostly is all; where it is not, what comes after depends."""
        page = self._counted(0, {})
        if page.total is None:
            return Step(page, [self._walk(len(page), {})] if len(page) else [])
        if page.total <= len(page):
            return Step(page)
        if self._id_field and page.total > LAST_OFFSET:
            return self._parted(page, page.total, None, None)
        return Step(page, [self._walk(0, self._sort)])

    # Beyond the offsets

    def _parted(self, page: Page, total: int, low: int | None, high: int | None) -> Step:
        """Cut a range of ids, of which a page is known, into ranges of less than a page each."""
        more, far = self._between(low, high), min(total, LAST_OFFSET)
        pages = [page, *(self._fetch(far * n // _SAMPLES, more) for n in range(1, _SAMPLES))]
        ids = sorted({int(value) for one in pages for value in one.column(self._id_field or "")})
        parts = int(total / (len(page) * _FULL)) + 1
        step = max(1, len(ids) // parts)
        edges = [low, *ids[step::step], high]
        return Step(page, [partial(self._range, a, b, total) for a, b in pairwise(edges)])

    def _range(self, low: int | None, high: int | None, above: int) -> Step:
        """Read a range of ids, which should fit into one page."""
        beyond = (
            f"{self._what}: the vendor has {above} rows, more than its offsets reach, and does not"
            f" tell them apart by '{self._id_field}'; the rest cannot be read"
        )
        try:
            page = self._fetch(0, self._between(low, high))
        except RequestRefused as err:
            msg = f"{beyond} ({err})"
            raise StreamFailed(msg) from None
        if page.total is None or page.total <= len(page):
            return Step(page)
        if page.total >= above or not len(page):
            msg = f"{beyond}."
            raise StreamFailed(msg)
        return self._parted(page, page.total, low, high)

    def _between(self, low: int | None, high: int | None) -> Mapping[str, Any]:
        tests = [
            {"field": self._id_field, "operator": sign, "value": bound}
            for sign, bound in ((">=", low), ("<", high))
            if bound is not None
        ]
        return {"filter": {"filters": tests, "condition": "and"}} if tests else {}
