"""When a window of the call list counts as read.

The vendor documents no order and rows may turn up while pages are read, so pages prove nothing by
themselves: a part of a window is complete when its different calls equal the vendor's count and
that count stayed the same from the first page to the last. Else it is read again and the passes are
united; then it is halved, down to a second; then it is asked for direction by direction.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tap_shared.errors import StreamFailed
from tap_shared.instants import parse_instant
from tap_shared.stream import Context, WindowRead
from tap_shared.windows import SECOND, Window, halve

__all__ = ["PAGE_SIZE", "CallRead", "Part", "second_of", "whole_seconds"]

PAGE_SIZE = 500
"""Rows of a page, fixed by the vendor."""

_PASSES = 5
_PAGES = 40
"""Pages of a window above which it is halved before it is read: deep pages are slow (inferred)."""

_MOST_PAGES = 10_000

_DIRECTIONS = ("showInbound", "showOutbound", "showInternal")

Params = tuple[tuple[str, str], ...]


def whole_seconds(window: Window) -> Window:
    """Widen a window to whole seconds, which is how finely the vendor can be asked."""
    end = window.end.replace(microsecond=0)
    end += SECOND if end < window.end else timedelta(0)
    return Window(window.start.replace(microsecond=0), end)


def second_of(value: object) -> datetime | None:
    """Read a time to the second; None for a blank, a zero date or nonsense."""
    try:
        return parse_instant(str(value)).replace(microsecond=0)
    except ValueError:
        return None


@dataclass(eq=False)
class Part:
    """One question to the call list: a range of time, and what narrows it further.

    Attributes:
        window: Whole seconds; the vendor includes both ends.
        params: Directions or filters.
        is_directed: Whether it asks for one direction already.
        parent: The part that this one is a direction of.
        keys: Every call seen in any pass, with the time it started at, as it came.
        limit: Passes after which it is split.
    """

    window: Window
    params: Params = ()
    is_directed: bool = False
    parent: Part | None = None
    keys: dict[str, Any] = field(default_factory=dict)
    limit: int = _PASSES
    _passes: int = 0
    _totals: list[int] = field(default_factory=list)
    _current: set[str] = field(default_factory=set)
    _is_oversized: bool = False
    _may_be_large: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """Begin a pass."""
        self._passes += 1
        self._totals, self._current, self._is_oversized = [], set(), False

    def note(self, calls: Sequence[str], times: Iterable[Any], total: int) -> None:
        """Take down the calls of a page, with their times, and the count that came with it."""
        with self._lock:
            self._totals.append(total)
            self.keys.update(zip(calls, times, strict=True))
            self._current.update(calls)
            if self.parent is not None:
                self.parent.keys.update(self.keys)

    def pages(self, page_rows: int, total: int, announced: int) -> int:
        """Decide from the first page how many pages there are; 1 where it should be split first.

        Args:
            page_rows: Rows of the first page.
            total: The vendor's count of rows.
            announced: The vendor's count of pages, which may be 0 or lag behind.

        Raises:
            StreamFailed: There are absurdly many, in however short a time.
        """
        if not page_rows:
            return 1
        count = max(-(-total // page_rows), min(announced, total))
        self._is_oversized = count > _PAGES and not self._may_be_large
        if count > _MOST_PAGES and self._may_be_large:
            msg = f"the vendor tells of {count} pages of calls in {self.window}, more than can be."
            raise StreamFailed(msg)
        return 1 if self._is_oversized else count

    @property
    def total(self) -> int:
        """The vendor's latest count."""
        return self._totals[-1] if self._totals else 0

    @property
    def is_complete(self) -> bool:
        """Whether the different calls equal a count that did not change."""
        if not self._totals or self._is_oversized or len(set(self._totals)) > 1:
            return False
        return self.total in {len(self._current), len(self.keys)}

    @property
    def is_exhausted(self) -> bool:
        """Whether reading it again will not do."""
        return self._is_oversized or self._passes >= self.limit

    def split(self) -> list[Part]:
        """Give smaller questions that ask for the same.

        Raises:
            StreamFailed: There are none, and this one was asked often enough.
        """
        halves = halve(self.window)
        if halves is not None:
            return [self._within(window) for window in halves]
        if not self.is_directed:
            self.is_directed = True
            self.limit = self._passes + 1
            directed = [self._of_direction(name) for name in _DIRECTIONS]
            return [*directed, self]  # asked once more, united with its directions
        if self._is_oversized:
            self._may_be_large = True
            return [self]
        msg = (
            f"the vendor counts {self.total} calls in {self.window} and gave {len(self.keys)}"
            " different ones, however often and finely it was asked; the bookmark stays before"
            " them. Run again later."
        )
        raise StreamFailed(msg)

    def _within(self, window: Window) -> Part:
        """Give the part for a shorter window; it knows the calls that surely lie in it."""
        keys = {
            key: time
            for key, time in self.keys.items()
            if (second := second_of(time)) is not None and window.start <= second < window.end
        }
        return Part(window, self.params, self.is_directed, self.parent, keys)

    def _of_direction(self, shown: str) -> Part:
        flags = tuple((name, "1" if name == shown else "0") for name in _DIRECTIONS)
        return Part(self.window, (*self.params, *flags), is_directed=True, parent=self)


class CallRead(WindowRead):
    """A window of the call list while it is read.

    Args:
        window: The window.
        context: The tenant.
        filters: One list of filters for each question; one question without filters by default.
        is_first_run_end: Whether a first run ends with it.

    Attributes:
        calls: Calls of its finished parts.
    """

    def __init__(
        self,
        window: Window,
        context: Context,
        filters: Iterable[Params] = ((),),
        *,
        is_first_run_end: bool = False,
    ) -> None:
        """Begin with nothing read."""
        super().__init__(window)
        self.context = context
        self.is_first_run_end = is_first_run_end
        self.parts = deque(Part(whole_seconds(window), params) for params in filters)
        self.calls = 0
        self._claimed: set[str] = set()
        self._lock = threading.Lock()

    def claim(self, key: str) -> bool:
        """Tell whether a call turns up for the first time in this window."""
        with self._lock:
            is_new = key not in self._claimed
            self._claimed.add(key)
            return is_new

    def following(self) -> Part | None:
        """Give what is to be asked next; None where the window is complete.

        Raises:
            StreamFailed: It cannot be completed.
        """
        while self.parts and self.parts[0].is_complete:
            self.calls += self.parts.popleft().total
        if self.parts and self.parts[0].is_exhausted:
            self.parts.extendleft(reversed(self.parts.popleft().split()))
        return self.parts[0] if self.parts else None
