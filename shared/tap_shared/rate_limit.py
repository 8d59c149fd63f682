"""Politeness: how many requests may be in flight, and how fast they may start.

One gate serves every thread that uses a credential. Starts are spaced evenly, a little under the
declared rate, because the vendor's minute does not begin when ours does; a slot that was not used
is never caught up.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tap_shared.errors import StreamFailed

__all__ = ["RateLimit", "Stopped"]

_MARGIN = 1.03
_MINUTE = 60.0


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
