"""How much is asked for as one range: as many windows as some pages hold.

The end of a range costs a request, as only an empty page proves it. So sparse windows are read
together; each still ends at a fence of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from math import ceil

from tap_interactions.client import overlapped
from tap_interactions.sweep import Source, Sweep
from tap_shared.errors import WindowTooLarge
from tap_shared.prefetch import Fence, Job, Node, Step
from tap_shared.stream import WindowRead
from tap_shared.windows import Window

__all__ = ["Slices"]

_PAGES = 64
_GROWTH = 8
_MOST_WINDOWS = 32
_ROUNDS = 8


class Slices:
    """A chain of ranges, each sized by what the one before it held.

    Args:
        source: Where rows come from.
        windows: Records of the windows to read, in order.
        then: Gives the nodes that end the last window of a slice, told how many rows were found.
        most: Most windows in a slice.
    """

    def __init__(
        self,
        source: Source,
        windows: Iterator[WindowRead],
        then: Callable[[WindowRead, int], Sequence[Node]],
        most: int = _MOST_WINDOWS,
    ) -> None:
        """Begin with one window, of which nothing is known."""
        self._source = source
        self._windows = windows
        self._then = then
        self._most = most
        self._amount = 1
        self._rows: float | None = None  # of a window

    def nodes(self) -> list[Node]:
        """Give the jobs of the next slice; the one after it follows from them."""
        taken = list(islice(self._windows, self._amount))
        if not taken:
            return []
        whole = Window(taken[0].window.start, taken[-1].window.end)
        edges = [Fence(read) for read in taken[:-1]]
        sweep = Sweep(self._source, overlapped(whole), edges, partial(self._then, taken[-1]))
        first, *others = sweep.jobs(self._pages(len(taken)))
        scout = partial(self._scout, first, sweep, taken, leads=not others)
        return [scout, *others, *([self._following] if others else [])]

    def _pages(self, windows: int) -> int:
        """Tell how many pages a slice probably has, as far as they are read side by side."""
        order, width = self._source.order, self._source.width
        if not self._rows or width == 1:
            return 1
        pages = ceil(self._rows * windows / (order.page - order.overlap))
        return max(1, min(pages, _ROUNDS * width))

    def _scout(self, first: Job, sweep: Sweep, taken: Sequence[WindowRead], *, leads: bool) -> Step:
        """Read the first page of a slice, and learn from it; read less where that timed out."""
        try:
            step = first()
        except WindowTooLarge:
            self._windows, self._most, self._amount = chain(taken, self._windows), 1, 1
            return Step(None, self.nodes())
        self._learn(sweep, taken)
        return Step(step.page, [*step.then, *(self.nodes() if leads else ())])

    def _following(self) -> Step:
        return Step(None, self.nodes())

    def _learn(self, sweep: Sweep, taken: Sequence[WindowRead]) -> None:
        """Size the next slice by the density of rows."""
        order, sight = self._source.order, sweep.first
        length = taken[-1].window.end - taken[0].window.start
        size = 0 if sight is None else len(sight.times)
        if sight is not None and size >= order.page and sight.last > sight.first:
            length = sight.last - sight.first
        window = taken[0].window.length
        self._rows = size * (window / length)
        wanted = order.page * _PAGES / self._rows if self._rows else self._most
        self._amount = max(1, min(int(wanted), self._amount * _GROWTH, self._most))
