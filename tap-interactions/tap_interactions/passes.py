"""Reading by offset what offsets alone cannot read: rows that move while they are read.

Only Limit and Offset are published, without total, cursor or promised order. Rows leave a range
when the reporting job rewrites them, and whatever is behind them shifts left; tied rows may change
places between requests. So pages overlap, and the whole is read again until a pass brings nothing
new. A short page is no end, as the server may clamp the limit: only an empty one is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.prefetch import Node, Step

__all__ = ["Mark", "Passes", "marks_of"]

_OVERLAP = 4
_CONFIRMATIONS = 6
_MOST_PASSES = 200

Row = dict[str, Any]
Mark = tuple[str, ...]


def marks_of(rows: Sequence[Row], names: Sequence[str]) -> Iterator[Mark]:
    """Give what each row is known by: its key, and the stamp that a rewrite changes."""
    return (tuple(str(row.get(name)) for name in names) for row in rows)


class Passes:
    """Overlapping passes over rows by offset, until one brings nothing new.

    Args:
        fetch: Reads the page at an offset.
        marks: Names of the columns by which a row is known, the key first.
        seen: Marks that were read before; grows.
        then: Gives the nodes that follow, told whether a pass ended on an empty page.
        is_inside: Tells whether a row belongs to what is read; in a sorted query the first row
            that does not ends the pass. All rows belong where it is not given.
        order: Gives what the rows are sorted by, so that a shuffled answer is noticed.
    """

    def __init__(
        self,
        fetch: Callable[[int], Page],
        marks: Sequence[str],
        seen: set[Mark],
        then: Callable[[bool], Sequence[Node]],
        *,
        is_inside: Callable[[Row], bool] = lambda _row: True,
        order: Callable[[Row], Any] | None = None,
    ) -> None:
        """Begin before the first page."""
        self._fetch = fetch
        self._marks = marks
        self._seen = seen
        self._then = then
        self._is_inside = is_inside
        self._order = order or self._by_key
        self._offset = 0
        self._fresh = 0
        self._barren = 0
        self._passes = 0
        self._is_shuffled = False

    def read(self) -> Step:
        """Read the next page, and lead to the ones after it."""
        return self.take(self._fetch(self._offset))

    def take(self, page: Page) -> Step:
        """Go on from a page at the offset that is due."""
        inside = [row for row in page.rows if self._is_inside(row)]
        self._fresh += len(set(marks_of(inside, self._marks)) - self._seen)
        self._seen.update(marks_of(page.rows, self._marks))
        self._is_shuffled |= any(b < a for a, b in pairwise(map(self._order, inside)))
        if len(inside) == len(page) > 0:
            self._offset += len(page) - len(page) // _OVERLAP
            return Step(page, [self.read])
        return Step(page, self._next_pass(is_end=not len(page)))

    def _by_key(self, row: Row) -> tuple[int, str]:
        """Order keys as the vendor does, be they numbers or digits of one length."""
        text = str(row.get(self._marks[0]))
        return len(text), text

    def _next_pass(self, *, is_end: bool) -> Sequence[Node]:
        """Read all once more, or go on where that brings nothing.

        One barren pass proves little where tied rows come in another order each time.
        """
        self._barren = 0 if self._fresh else self._barren + 1
        if self._barren >= (_CONFIRMATIONS if self._is_shuffled else 1):
            return self._then(is_end)
        self._passes += 1
        if self._passes >= _MOST_PASSES:
            msg = (
                f"rows still appear after {_MOST_PASSES} readings of the same range; the bookmark"
                " stays before them. Run again later."
            )
            raise StreamFailed(msg)
        self._offset = self._fresh = 0
        return [self.read]
