"""The record of every request that reached the sandbox."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class LoggedRequest:
    """One answered request.

    Attributes:
        at: Arrival, in seconds since the epoch.
        vendor: Name of the vendor that was asked.
        method: The HTTP verb.
        path: The decoded path.
        query: The query parameters with their values.
        body: The request's body.
        status: HTTP status of the answer; 0 where the connection was reset before one.
        fault: Kind of the injected fault, or None.
        in_flight: Requests in flight at this vendor on arrival, this one included.
    """

    at: float
    vendor: str
    method: str
    path: str
    query: dict[str, list[str]]
    body: bytes
    status: int
    fault: str | None
    in_flight: int


class RequestLog:
    """Every answered request, in the order of their answers; safe to use from threads.

    A request is entered before the last byte of its answer is sent, so a client that has its
    answer finds it here.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._entries: list[LoggedRequest] = []
        self._in_flight: dict[str, int] = {}
        self._max_in_flight: dict[str, int] = {}

    @property
    def entries(self) -> list[LoggedRequest]:
        """A copy of the entries so far."""
        with self._lock:
            return list(self._entries)

    @property
    def max_in_flight(self) -> int:
        """The most requests that any one vendor had in flight at once since `clear`."""
        with self._lock:
            return max(self._max_in_flight.values(), default=0)

    def clear(self) -> None:
        """Forget entries and the maximum; requests in flight stay counted."""
        with self._lock:
            self._entries.clear()
            self._max_in_flight.clear()

    def arrive(self, vendor: str) -> int:
        """Count a request of `vendor` as in flight; return how many are now."""
        with self._lock:
            count = self._in_flight.get(vendor, 0) + 1
            self._in_flight[vendor] = count
            self._max_in_flight[vendor] = max(count, self._max_in_flight.get(vendor, 0))
            return count

    def leave(self, vendor: str) -> None:
        """Count a request of `vendor` as answered."""
        with self._lock:
            self._in_flight[vendor] -= 1

    def add(self, entry: LoggedRequest) -> None:
        """Append `entry`."""
        with self._lock:
            self._entries.append(entry)
