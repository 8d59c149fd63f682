"""Politeness: how many requests may be in flight, and how fast they may start.

One gate serves every thread that uses a credential. Starts are spaced evenly, a little under the
declared rate, because the vendor's minute does not begin when ours does; a slot that was not used
is never caught up. Where no rate is declared, the vendor's first refusal teaches one.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tap_shared.errors import StreamFailed

__all__ = ["RateLimit", "Stopped"]

_MARGIN = 1.03
_MINUTE = 60.0
_SECOND = 1.0
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
        self._is_declared = bool(per_minute)
        self._starts: deque[float] = deque(maxlen=1024)
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
        if self._ending.is_set():
            raise Stopped(_ENDING)
        with self._lock:
            self._own.start = max(start, self._clock())
            self._starts.append(self._own.start)

    def refused(self, seconds: float) -> None:
        """Hold everybody, because the request that this thread sent last was one too many.

        Where no rate is declared, the starts of the second before it become the rate. Only the
        first refusal of a burst teaches: the others were under way when it came.

        Args:
            seconds: How long the vendor asks to wait.
        """
        with self._lock:
            start = getattr(self._own, "start", -math.inf)
            if not self._is_declared and start >= self._held_until and seconds <= _TEACHING:
                accepted = sum(start - _SECOND < at <= start for at in self._starts) - 1
                self._gap = max(self._gap, _MARGIN * _SECOND / max(1, accepted))
        self.hold(seconds)

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
