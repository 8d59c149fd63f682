"""How a range of rows is read completely although they are rewritten meanwhile.

Instead of growing an offset, each batch of pages starts right before the last row's second: what is
still to come cannot shift. Only documented parameters are needed, and it is right whether the
bounds are inclusive or not.

A batch is one page, or several that are read side by side by offset. Neighbours share some rows:
where one begins before the last second of the one before it, each second is whole in one of the
two, whatever left between the requests; where it does not, the seam is read by itself. A short page
is no end, as the server may clamp the limit: only an empty one is. (Our design; the need for it
follows from what the vendor does not promise.)
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from tap_interactions.client import MILLISECOND
from tap_interactions.order import SECOND, Disordered, Order, Sight, Unsorted, second
from tap_interactions.passes import Mark, Passes, marks_of
from tap_shared.fields import value_of
from tap_shared.instants import instant_text
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Job, Node, Step
from tap_shared.windows import Window

__all__ = ["Source", "Sweep"]

_ROUNDS = 8  # of requests side by side that a batch may hold


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from.

    Attributes:
        fetch: Reads a page of a range from an offset on, sorted by `order`.
        scout: Reads the first page; raises `WindowTooLarge` where the range may be to blame.
        order: The order.
        marks: Names of the columns by which a row is known, the key first.
        width: Requests in flight.
        counts: Whether different rows are counted.
        is_strict: Whether rows outside of the range that was asked for are an error.
    """

    fetch: Callable[[Window, int], Page]
    scout: Callable[[Window, int], Page]
    order: Order
    marks: Sequence[str]
    width: int = 1
    counts: bool = False
    is_strict: bool = True


@dataclass(eq=False, slots=True)
class _Batch:
    """Pages of one range by offset.

    Attributes:
        window: The range; its start overlaps what was read before.
        since: Windows that end later have not been ended.
        whole: All rows before it were read.
        after: Rows of the page that it goes on from.
        count: How many pages.
        stride: Rows from the begin of one page to the begin of the next.
        pages: What came, by number, with what was seen of it; until its place is known.
        sights: What was seen, by number; None of an empty page.
        end: Number of the first empty page.
        is_left: Whether it has led on.
    """

    window: Window
    since: datetime
    whole: datetime
    after: int = 0
    count: int = 1
    stride: int = 0
    pages: dict[int, Page] = field(default_factory=dict)
    sights: dict[int, Sight | None] = field(default_factory=dict)
    end: float = math.inf
    is_left: bool = False


class Sweep:
    """One reading of one range.

    Args:
        source: Where rows come from.
        window: The range; its start already overlaps what is before it.
        edges: Fences of windows that end inside of it, in order.
        then: Gives the nodes that follow, told how many rows were found: different ones where the
            source counts.

    Attributes:
        first: What was seen of the first page; None as long as it had no rows.
    """

    def __init__(
        self,
        source: Source,
        window: Window,
        edges: Sequence[Fence],
        then: Callable[[int], Sequence[Node]],
    ) -> None:
        """Begin at the range's start."""
        self._source = source
        self._order = source.order
        self._window = window
        self._edges = edges
        self._then = then
        self._seen: set[Mark] = set()
        self._rows = 0
        self.first: Sight | None = None
        self._lock = threading.Lock()

    def jobs(self, count: int = 1) -> list[Job]:
        """Give the first jobs; the others follow from them.

        Args:
            count: Pages that the range probably has, at least.
        """
        return self._batch(self._window, self._window.start, self._window.start, 0, count)

    def _batch(
        self, window: Window, since: datetime, whole: datetime, after: int, count: int = 1
    ) -> list[Job]:
        order = self._order
        count, stride = count if order.overlap else 1, order.page - order.overlap
        batch = _Batch(window, since, whole, after, count, stride)
        return [partial(self._read, batch, number) for number in range(batch.count)]

    def _read(self, batch: _Batch, number: int) -> Step:
        """Read a page, and see what follows from it and its neighbours."""
        if number > batch.end:
            return Step()
        is_first = batch.window == self._window and not number
        fetch = self._source.scout if is_first and batch.count == 1 else self._source.fetch
        page = fetch(batch.window, number * batch.stride)
        self._rows += len(page)
        try:
            sight = self._order.look(page, batch.window)
        except Disordered as doubt:
            is_hopeless = self._source.is_strict and not isinstance(doubt, Unsorted)
            if is_hopeless or not is_first:
                raise
            return Step(None, self._unsorted())
        self.first = self.first or sight
        with self._lock:
            nodes = self._enter(batch, number, page, sight)
        if nodes and isinstance(nodes[0], Page):
            return Step(nodes[0], _jobs(nodes[1:]))
        return Step(None, _jobs(nodes))

    def _enter(
        self, batch: _Batch, number: int, page: Page, sight: Sight | None
    ) -> list[Node | Page]:
        """Take a page in; give what now has its place: after both of two neighbours came."""
        if self._source.counts:
            self._seen.update(marks_of(page, self._source.marks))
        batch.pages[number], batch.sights[number] = page, sight
        nodes: list[Node | Page] = []
        if sight is None:
            batch.end = min(batch.end, number)
        elif number == 0 and batch.after and sight.last > batch.since:
            self._order.was_no_end(batch.after)
        if number == 0:
            nodes += self._placed(batch, 0, batch.since, batch.whole)
            nodes += self._end(batch, batch.since) if sight is None else ()
        elif number - 1 in batch.sights:
            nodes += self._joined(batch, number - 1)
        if number + 1 in batch.sights:
            nodes += self._joined(batch, number)
        if number + 1 == batch.count and sight is not None:
            nodes += self._onward(batch, number, sight)
        return nodes

    def _joined(self, batch: _Batch, number: int) -> list[Node | Page]:
        """Give what comes after a page: the seam, where it is open, and the next page."""
        mine, following = batch.sights[number], batch.sights[number + 1]
        if mine is None:
            return self._placed(batch, number + 1, batch.since, batch.whole)
        if following is None:
            return [*self._onward(batch, number, mine)]
        if following.first < mine.last:
            return self._placed(batch, number + 1, mine.last, mine.last)
        # A second that fills pages is read once, where it begins.
        is_read = number and mine.first == mine.last == following.first
        seam = [] if is_read else self._between(mine.last, following.first)
        whole = following.first + SECOND
        return [*seam, *self._placed(batch, number + 1, following.first, whole)]

    def _placed(
        self, batch: _Batch, number: int, since: datetime, whole: datetime
    ) -> list[Node | Page]:
        """Give a page's rows from `whole` on, in pieces between windows that end after `since`."""
        page, sight = batch.pages.pop(number), batch.sights[number]
        if sight is None:
            return []
        pieces: list[Node | Page] = []
        start = _before(sight.times, whole)
        for fence in self._edges_in(since, sight.last):
            stop = max(start, _before(sight.times, fence.what.window.end))
            pieces += [_part(page, start, stop), fence]
            start = stop
        return [*pieces, _part(page, start, len(page))]

    def _between(self, last: datetime, first: datetime) -> list[Job]:
        """Read the seam of two pages: what left, or what is tied, may have kept rows from both."""
        source = replace(self._source, scout=self._source.fetch)
        seam = Sweep(
            source,
            Window(last - MILLISECOND, first + SECOND),
            [*self._edges_in(last, first)],
            lambda _found: (),
        )
        seam._seen = self._seen
        return seam.jobs()

    def _edges_in(self, after: datetime, until: datetime) -> Iterator[Fence]:
        return (edge for edge in self._edges if after < edge.what.window.end <= until)

    # What comes after a batch

    def _onward(self, batch: _Batch, number: int, sight: Sight) -> Sequence[Node]:
        """Go on from the last page of a batch; a short one has probably come to the end."""
        if batch.is_left:
            return []
        batch.is_left = True
        since, size = sight.last, len(sight.times)
        rest, known = Window(since - MILLISECOND, batch.window.end), sight.known
        following: Callable[[], Sequence[Node]] = partial(
            self._batch, rest, since, since, size, self._ahead(sight, rest)
        )
        if rest.start <= batch.window.start:
            rest, known = batch.window, number * batch.stride + size
            following = partial(self._crowded, rest, since)
        if self._order.is_short(size):
            return [partial(self._probe, batch, rest, known, since, following)]
        return following()

    def _ahead(self, sight: Sight, rest: Window) -> int:
        """Estimate how many pages are left, as far as they are read side by side."""
        size, shared = len(sight.times), self._order.overlap
        span = sight.last - sight.first
        if self._source.width == 1 or not span or not shared or size < self._order.page:
            return 1
        if second(sight.times[-shared]) == sight.last:
            return 1
        pages = (rest.end - sight.last) / span * size / (size - shared)
        return max(1, min(math.ceil(pages), _ROUNDS * self._source.width))

    def _probe(
        self, batch: _Batch, rest: Window, known: int, since: datetime,
        following: Callable[[], Sequence[Node]],
    ) -> Step:  # fmt: skip
        """Ask for what comes after the rows that are known; nothing is the end."""
        page = self._source.fetch(rest, known)
        return Step(None, following() if len(page) else self._end(batch, since))

    def _end(self, batch: _Batch, since: datetime) -> list[Node]:
        batch.is_left = True
        found = len({mark[0] for mark in self._seen}) if self._source.counts else self._rows
        return [*self._edges_in(since, self._window.end), *self._then(found)]

    # What offsets alone do not read

    def _passes(
        self, window: Window, then: Callable[[bool], Sequence[Node]], **more: Any
    ) -> Passes:
        given: dict[str, Any] = {"order": self._rank, **more}
        return Passes(
            partial(self._source.fetch, window),
            self._source.marks,
            then,
            is_short=self._order.is_short,
            seen=self._seen if self._source.counts else None,
            **given,
        )

    def _rank(self, row: Any) -> tuple[str, str]:
        return self._order.instants(Page([row]))[0], str(value_of(row, self._source.marks[0]))

    def _crowded(self, window: Window, last: datetime) -> list[Node]:
        """Read a second that fills a page, and go on from its end."""
        over = last + SECOND

        def beyond(is_end: bool) -> Sequence[Node]:  # noqa: FBT001
            if is_end or over >= window.end:
                return self._end(_Batch(window, last, over), last)
            return self._batch(Window(over - MILLISECOND, window.end), last, over, 0)

        end = instant_text(over)
        return [self._passes(window, beyond, is_inside=lambda row: self._rank(row)[0] < end).read]

    def _unsorted(self) -> list[Node]:
        """Read the whole range in passes: the vendor does not sort it by its time."""
        start = self._window.start
        then = partial(self._end, _Batch(self._window, start, start), start)
        return [self._passes(self._window, lambda _is_end: then(), order=None).read]


def _jobs(nodes: Sequence[Node | Page]) -> list[Node]:
    return [partial(Step, node) if isinstance(node, Page) else node for node in nodes]


def _before(times: Sequence[str], moment: datetime) -> int:
    """Count rows up to the last one before a moment."""
    text = instant_text(moment)
    return next((n for n in range(len(times), 0, -1) if times[n - 1] < text), 0)


def _part(page: Page, start: int, stop: int) -> Page:
    if stop - start == len(page):
        return page
    size = page.size * (stop - start) // max(1, len(page))
    return Page(page.rows[start:stop], size=size, read_at=page.read_at)
