"""Reading by offset what offsets alone cannot read: rows that move while they are read.

Only Limit and Offset are published, without total, cursor or promised order. Rows leave a range
when they are rewritten, and whatever is behind them shifts left; tied rows may change places
between requests. So full pages overlap. A pass whose pages were sorted, each with the last row of
the one before it, has seen every row that stayed; without that proof all is read again until passes
bring nothing new. A short page is no end, as the server may clamp the limit: only an empty one is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from tap_shared.errors import StreamFailed
from tap_shared.fields import value_of
from tap_shared.page import Page
from tap_shared.prefetch import Node, Step

__all__ = ["Mark", "Passes", "marks_of"]

_OVERLAP = 4
_EVIDENCE = 8
_CONFIRMATIONS = 6
_MOST_PASSES = 200
_SLACK = 200

Row = Any
Mark = tuple[str, ...]


def marks_of(page: Page, names: Sequence[str]) -> Iterator[Mark]:
    """Give what each row is known by: its key, and the stamp that a rewrite changes."""
    return zip(*(map(str, page.column(name)) for name in names), strict=True)


class Passes:
    """Passes over rows by offset, until all were surely seen.

    Args:
        fetch: Reads the page at an offset.
        marks: Names of the columns by which a row is known, the key first.
        then: Gives the nodes that follow, told whether the last pass ended on an empty page.
        is_short: Tells whether the server is known to give more rows than so many.
        order: Gives what a row is sorted by, and what then decides between equals.
        is_inside: Tells whether a row belongs to what is read; the first that does not ends a pass.
        seen: Marks that were read before; grows.
    """

    def __init__(
        self,
        fetch: Callable[[int], Page],
        marks: Sequence[str],
        then: Callable[[bool], Sequence[Node]],
        *,
        is_short: Callable[[int], bool] | None = None,
        order: Callable[[Row], tuple[Any, str]] | None = None,
        is_inside: Callable[[Row], bool] = lambda _row: True,
        seen: set[Mark] | None = None,
    ) -> None:
        """Begin before the first page."""
        self._fetch = fetch
        self._marks = marks
        self._then = then
        self._is_short = is_short or self._is_shorter
        self._order = order or self._by_key
        self._is_inside = is_inside
        self._seen: set[Mark] = set() if seen is None else seen
        self._longest = self._passes = self._barren = self._evidence = 0
        self._is_shuffled = False
        self._begin()

    def _begin(self) -> None:
        self._offset = self._shared = self._fresh = self._pages = 0
        self._least = math.inf
        self._is_linked = True
        self._tail: Mark | None = None

    def read(self) -> Step:
        """Read the next page, and lead to the ones after it."""
        page = self._fetch(self._offset)
        marks = [*marks_of(page, self._marks)]
        inside = [row for row in page.rows if self._is_inside(row)]
        self._heed(marks, inside)
        if not len(inside) == len(page) > 0:
            is_end, page.rows = not len(page), inside
            return Step(page, self._next_pass(is_end=is_end))
        is_short = self._is_short(len(page))
        self._shared = 0 if is_short else min(len(page) - 1, 1 + len(page) // _OVERLAP)
        self._least = min(self._least, self._shared or math.inf)
        self._tail = None if is_short else marks[-1]
        self._offset += len(page) - self._shared
        self._refuse_a_circle()
        return Step(page, [self.read])

    def _heed(self, marks: Sequence[Mark], inside: Sequence[Row]) -> None:
        """Note what is new in a page, and what it proves."""
        self._fresh += len(set(marks[: len(inside)]) - self._seen)
        self._seen.update(marks)
        self._longest = max(self._longest, len(marks))
        self._pages += len(marks) > self._shared
        for earlier, later in pairwise(map(self._order, inside)):
            self._is_shuffled |= later < earlier
            self._evidence += later[0] == earlier[0]
        if self._offset:
            self._is_linked &= self._tail in marks if marks else self._tail is None

    def _is_shorter(self, size: int) -> bool:
        return size < self._longest

    def _refuse_a_circle(self) -> None:
        """Compare how far a pass has come with how many rows there were to come by.

        Raises:
            StreamFailed: The vendor ignores the offset and would be read for ever.
        """
        if self._offset > _SLACK + 2 * len(self._seen):
            msg = (
                "the vendor sends the same rows again and again, whatever the offset; nothing past"
                " them was read. Report it to the vendor."
            )
            raise StreamFailed(msg)

    def _by_key(self, row: Row) -> tuple[int, str]:
        """Order keys as the vendor does, be they numbers or digits of one length."""
        text = str(value_of(row, self._marks[0]))
        return len(text), text

    @property
    def _is_proven(self) -> bool:
        """Whether the pass has surely seen all: without a gap, and at one moment or in order.

        Fewer equals than pages share are whole in a page; that more came in order might be chance,
        unless there were many.
        """
        is_certain = self._pages <= 1 or not self._least <= self._evidence < _EVIDENCE
        return self._is_linked and is_certain and not self._is_shuffled

    def _next_pass(self, *, is_end: bool) -> Sequence[Node]:
        """Read all once more, or go on where that would bring nothing.

        One barren pass proves little where tied rows come in another order each time.
        """
        self._barren = 0 if self._fresh else self._barren + 1
        if self._is_proven or self._barren >= (_CONFIRMATIONS if self._is_shuffled else 1):
            return self._then(is_end)
        self._passes += 1
        if self._passes >= _MOST_PASSES:
            msg = (
                f"rows still appear after {_MOST_PASSES} readings of the same range; the bookmark"
                " stays before them. Run again later."
            )
            raise StreamFailed(msg)
        self._begin()
        return [self.read]
