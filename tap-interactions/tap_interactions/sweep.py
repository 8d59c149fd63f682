"""How a range of interactions is read completely although its rows are rewritten meanwhile.

Instead of growing an offset, each request starts a millisecond before the last row's instant: what
is still to come cannot shift. Only documented parameters are needed, and it is right whether the
bounds are inclusive or not. An instant that holds more rows than a page is read by offset, in
repeated passes. (Our design; the need for it follows from what the vendor does not promise.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Any

from tap_interactions.client import MILLISECOND, floor
from tap_interactions.passes import Mark, Passes, marks_of
from tap_shared.errors import StreamFailed
from tap_shared.instants import parse_instant
from tap_shared.page import Page
from tap_shared.prefetch import Node, Step
from tap_shared.windows import Window

__all__ = ["Sweep"]

_KEY = "_id"


class Sweep:
    """One reading of one range.

    Args:
        fetch: Reads a page of a range from an offset on, sorted by `field`.
        field: The date field that the range applies to.
        window: The range; its start already overlaps what is before it.
        then: Gives the nodes that follow, told how many different rows were found.
    """

    def __init__(
        self,
        fetch: Callable[[Window, int], Page],
        field: str,
        window: Window,
        then: Callable[[int], Sequence[Node]],
    ) -> None:
        """Begin at the range's start."""
        self._fetch = fetch
        self._field = field
        self._left = window
        self._then = then
        self._seen: set[Mark] = set()
        self._marks = (_KEY, field)

    def read(self) -> Step:
        """Read the page at the anchor, and lead to the ones after it."""
        page = self._fetch(self._left, 0)
        if not len(page):
            return Step(page, self._end())
        last = self._last(page)
        anchor = floor(last) - MILLISECOND
        if anchor > self._left.start:
            self._seen.update(marks_of(page.rows, self._marks))
            self._left = Window(anchor, self._left.end)
            return Step(page, [self.read])
        return self._crowded(last).take(page)

    def _crowded(self, instant: datetime) -> Passes:
        """Read an instant that fills the page, or is the last one.

        The millisecond after it is read too, so that going on from there misses nothing even if
        the bound is exclusive.
        """
        through = floor(instant) + MILLISECOND
        return Passes(
            partial(self._checked, self._left),
            self._marks,
            self._seen,
            partial(self._beyond, through),
            is_inside=lambda row: self._instant(row) <= through,
            order=lambda row: (self._instant(row), str(row.get(_KEY))),
        )

    def _beyond(self, through: datetime, is_end: bool) -> Sequence[Node]:  # noqa: FBT001
        if is_end or through >= self._left.end:
            return self._end()
        self._left = Window(through, self._left.end)
        return [self.read]

    def _end(self) -> Sequence[Node]:
        return self._then(len({key for key, _ in self._seen}))

    def _checked(self, window: Window, offset: int) -> Page:
        page = self._fetch(window, offset)
        if len(page):
            self._last(page)
        return page

    def _last(self, page: Page) -> datetime:
        """Give the last row's instant, once the page's order and range have been looked at.

        Raises:
            StreamFailed: The vendor ignored order or range, so that rows would be lost.
        """
        instants = [self._instant(row) for row in page.rows]
        if any(later < earlier for earlier, later in pairwise(instants)):
            msg = f"the vendor does not sort by '{self._field}'; nothing past it was read."
            raise StreamFailed(msg)
        if instants[0] < self._left.start or instants[-1] > self._left.end:
            msg = (
                f"the vendor gives rows whose '{self._field}' is outside the range that was asked"
                " for. Set replication_date_field to another field."
            )
            raise StreamFailed(msg)
        return instants[-1]

    def _instant(self, row: dict[str, Any]) -> datetime:
        """Read a row's instant; as text a trimmed fraction would not compare.

        Raises:
            StreamFailed: It has none.
        """
        try:
            return parse_instant(row[self._field])
        except (KeyError, TypeError, ValueError):
            msg = f"the vendor sent a row without a usable '{self._field}'."
            raise StreamFailed(msg) from None
