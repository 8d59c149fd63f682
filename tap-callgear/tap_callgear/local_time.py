"""The account's wall clock, in which CallGear takes ranges and writes times; by seconds or by days.

In autumn an hour of it happens twice and its texts are ambiguous. Which of the two a range means is
not documented, so such an hour is never cut: a range begins before it, or ends after it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tap_shared.instants import parse_instant
from tap_shared.windows import SECOND, Span, Window, cut, steps

__all__ = ["LocalDays", "WallClock"]

_INSTANT = timedelta(microseconds=1)


class WallClock:
    """Ranges in one zone's texts of whole seconds.

    Args:
        zone: The account's zone.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        """Remember which hours are ambiguous."""
        self.zone = zone
        self._fold_at = lru_cache(maxsize=4096)(self._find_fold)

    def instant(self, text: str) -> datetime:
        """Read a time text; of an hour that happens twice, the first.

        Raises:
            ValueError: It is no time.
        """
        return parse_instant(text, self.zone)

    def range(self, window: Window) -> dict[str, str]:
        """Give the parameters that ask for a window; neighbouring windows share a second."""
        return {"date_from": self._from(window.start), "date_till": self._till(window.end)}

    def edge(self, moment: datetime) -> datetime:
        """Give the first moment, not before this one, at which a window may end."""
        return moment

    def _from(self, moment: datetime) -> str:
        fold = self.fold(moment)
        return self._text(fold.start if fold else moment)

    def _till(self, moment: datetime) -> str:
        fold = self.fold(moment)
        whole = moment.replace(microsecond=0)
        return self._text(fold.end if fold else whole if whole == moment else whole + SECOND)

    def _text(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def unit(self, moment: datetime) -> Window:
        """Give the shortest range around a moment whose texts can be asked for."""
        start = moment.replace(microsecond=0)
        return self.fold(moment) or Window(start, start + SECOND)

    def cut(self, window: Window, parts: int) -> list[Window]:
        """Cut a window into about so many parts, none of whose edges is ambiguous."""
        edges: set[datetime] = set()
        for part in cut(window, parts)[1:]:
            fold = self.fold(part.start)
            edges.update((fold.start, fold.end) if fold else (part.start,))
        inner = sorted(edge for edge in edges if window.start < edge < window.end)
        ends = [*inner, window.end]
        return [Window(a, b) for a, b in zip([window.start, *inner], ends, strict=True)]

    def fold(self, moment: datetime) -> Window | None:
        """Give the ambiguous period that holds a moment, a second wider at its start."""
        return self._fold_at(moment.replace(minute=0, second=0, microsecond=0), moment.minute // 15)

    def _find_fold(self, hour: datetime, quarter: int) -> Window | None:
        moment = hour + timedelta(minutes=15 * quarter)
        naive = moment.astimezone(self.zone).replace(tzinfo=None)
        first = naive.replace(tzinfo=self.zone, fold=0).utcoffset() or timedelta(0)
        second = naive.replace(tzinfo=self.zone, fold=1).utcoffset() or timedelta(0)
        if first <= second:
            return None
        repeated = first - second
        low, high = moment - 2 * repeated, moment + 2 * repeated
        while high - low > SECOND:
            middle = low + (high - low) // 2 // SECOND * SECOND
            if middle.astimezone(self.zone).utcoffset() == first:
                low = middle
            else:
                high = middle
        return Window((high - repeated).astimezone(UTC) - SECOND, high + repeated)


class LocalDays(WallClock):
    """Ranges of whole local days, the last one included, for rows that carry dates."""

    def range(self, window: Window) -> dict[str, str]:
        """Give the parameters that ask for every day that a window touches."""
        first, last = (self._date(at) for at in (window.start, window.end - _INSTANT))
        return {"date_from": f"{first} 00:00:00", "date_till": f"{last} 23:59:59"}

    def edge(self, moment: datetime) -> datetime:
        """Give the first midnight that is not before a moment."""
        return self.unit(moment - _INSTANT).end

    def unit(self, moment: datetime) -> Window:
        """Give the day that holds a moment."""
        return next(steps(Span(moment, moment + _INSTANT), self.zone, "day"))

    def cut(self, window: Window, parts: int) -> list[Window]:
        """Cut a window at midnights into at most so many parts."""
        days = list(steps(Span(window.start, window.end), self.zone, "day"))
        inner = [day.start for day in days[:: -(-len(days) // parts)]][1:]
        ends = [*inner, window.end]
        return [Window(a, b) for a, b in zip([window.start, *inner], ends, strict=True)]

    def _date(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).date().isoformat()
