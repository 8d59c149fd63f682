"""Politeness: how many requests may be in flight, and how fast they may start.

One gate serves every thread that uses a credential. Starts are spaced evenly, a little under the
declared rate, because the vendor's minute does not begin when ours does; a slot that was not used
is never caught up. Where no rate is declared, the vendor's refusals teach one.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tap_shared.errors import StreamFailed

__all__ = ["RateLimit", "Stopped"]

_MARGIN = 1.03
_MINUTE = 60.0
_SECOND = 1.0
_UNPUNCTUAL = 0.02  # seconds that a request may take from its start to the vendor's clock
_REMEMBERED = 512
_DOUBTS = 3
_SLOWER = 1.1
_BURST = 3.0  # seconds between two refusals that are about the same limit
_FEWEST = 4  # starts a second below which a refusal is hardly about the pace
_TEACHING = 5.0  # seconds; a longer wait speaks of a minute's or a day's limit, not of the pace


class Stopped(StreamFailed):
    """The run is ending; whoever waits for a slot gives up."""


class RateLimit:
    """The gate of one credential.

    Args:
        in_flight: Most requests under way at once.
        per_minute: Most requests started in a minute; 0 for no limit of our own.
        clock: Monotonic seconds, for tests.
        sleep: Waits so many seconds and tells whether the run is ending, for tests.
    """

    def __init__(
        self,
        *,
        in_flight: int,
        per_minute: float = 0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], bool] | None = None,
    ) -> None:
        """Open the gate."""
        self._places = threading.BoundedSemaphore(in_flight)
        self._gap = _MARGIN * _MINUTE / per_minute if per_minute else 0.0
        self._lock = threading.Lock()
        self._next = 0.0
        self._held_until = 0.0
        self._is_taught = not per_minute
        self._doubts: deque[float] = deque(maxlen=_DOUBTS)
        self._taught_until = -math.inf
        self._first: tuple[float, int] | None = None
        self._starts: list[float] = []
        self._own = threading.local()
        self._clock = clock
        self._ending = threading.Event()
        self._sleep = sleep or self._ending.wait
        self.waited = 0.0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a place from the start of a request to its end.

        Raises:
            Stopped: The run is ending.
        """
        with self._places:
            self._await_turn()
            yield

    def _await_turn(self) -> None:
        start = -math.inf
        while start < self._held_until:  # a hold makes earlier slots void
            with self._lock:
                start = max(self._clock(), self._next, self._held_until)
                self._next = start + self._gap
            while (pause := start - self._clock()) > 0:
                self.pause(pause)
        while (pause := self._start(start)) > 0:
            self.pause(pause)

    def _start(self, slot: float) -> float:
        """Note a start; where earlier ones were late, give how many seconds are still to wait."""
        if self._ending.is_set():
            raise Stopped(_ENDING)
        with self._lock:
            now = max(slot, self._clock())
            most = round(_MARGIN * _SECOND / self._gap) if self._gap else 0
            if 1 < most <= len(self._starts):
                pause = self._starts[-most] + _SECOND + _UNPUNCTUAL - now
                if pause > 0:
                    self._next = max(self._next, now + pause + self._gap)
                    return pause
            self._own.start = now
            insort(self._starts, now)
            del self._starts[:-_REMEMBERED]
        return 0.0

    def refused(self, seconds: float) -> None:
        """Hold everybody, because the request that this thread sent last was one too many.

        Where no rate is declared, the starts accepted in the second before it become the rate, once
        a second refusal soon confirms that it was about the pace. A pace that is still refused
        several times in a minute was no lesson, and is forgotten for good.

        Args:
            seconds: How long the vendor asks to wait.
        """
        with self._lock:
            start: float | None = getattr(self._own, "start", None)
            if start in self._starts:
                self._starts.remove(start)
                if self._is_taught and seconds <= _TEACHING and start >= self._taught_until:
                    self._suspect(start, self._clock() + seconds)
        self.hold(seconds)

    def _suspect(self, start: float, held_until: float) -> None:
        """Take a refusal for one about the pace, where none was ever accepted that was quicker."""
        first, self._first = self._first, None
        if self._gap:
            self._doubt(start)
        elif first is not None and start - first[0] <= _BURST:
            self._gap = _MARGIN * _SECOND / max(1, first[1])
        else:
            accepted, quickest = self._in_a_second(start), 0
            for at in self._starts:
                if at <= start - _SECOND:
                    quickest = max(quickest, self._in_a_second(at))
            self._first = (start, accepted) if accepted >= max(quickest, _FEWEST) else None
            return
        self._taught_until = held_until  # others of the burst are still to be refused

    def _doubt(self, start: float) -> None:
        """Go slower for a refusal in spite of a learned pace; after too many, as before."""
        if len(self._doubts) == _DOUBTS and start - self._doubts[0] < _MINUTE:
            self._is_taught, self._gap = False, 0.0
            return
        self._doubts.append(start)
        self._gap *= _SLOWER

    def _in_a_second(self, end: float) -> int:
        """Count the starts of the second before a moment."""
        return bisect_right(self._starts, end) - bisect_right(self._starts, end - _SECOND)

    def hold(self, seconds: float) -> None:
        """Let nobody start for so many seconds: the vendor said so."""
        with self._lock:
            until = self._clock() + seconds
            self._held_until = max(self._held_until, until)
            self._next = max(self._next, until)

    def pause(self, seconds: float) -> None:
        """Wait, unless the run is ending.

        Raises:
            Stopped: The run is ending.
        """
        self.waited += seconds
        if self._sleep(seconds) or self._ending.is_set():
            raise Stopped(_ENDING)

    def stop(self) -> None:
        """End all waiting, now and from now on."""
        self._ending.set()


_ENDING = "The run is ending."
