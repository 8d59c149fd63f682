"""Slices of time, what is missing, and how far everything is there. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from tap_shared.windows import Window

__all__ = [
    "Slice",
    "Track",
    "cut",
    "gaps",
    "missing",
    "next_days",
    "reached",
    "window_name",
    "window_of",
]

DAY = timedelta(days=1)
_FORM = "%Y%m%dT%H%M%SZ"
_GROWTH = 4
_START_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Track:
    """What has one watermark of its own: a stream of an account, or of one of its partitions.

    Attributes:
        tap: The tap, such as `tap-callgear`.
        stream: The stream.
        account: The job's name of the account.
        partition: State context that the slices are pinned to, as sorted pairs; empty where a
            slice reads all partitions of the account.
    """

    tap: str
    stream: str
    account: str
    partition: tuple[tuple[str, str | int], ...] = ()

    @property
    def context(self) -> Mapping[str, str | int]:
        """The partition as the state writes it."""
        return dict(self.partition)

    @property
    def folder(self) -> str:
        """Where the ledger keeps it: `tap-callgear/calls/north/all`."""
        where = ",".join(f"{key}={value}" for key, value in self.partition) or "all"
        parts = (self.tap, self.stream, self.account, where)
        return "/".join(quote(part, safe="=,") for part in parts)

    def __str__(self) -> str:
        """Give it for logs."""
        where = "".join(f", {key} {value}" for key, value in self.partition)
        return f"{self.stream} of {self.account}{where}"


@dataclass(frozen=True, slots=True)
class Slice:
    """One unit of work: a track over [start, end), in whole seconds of UTC."""

    track: Track
    window: Window

    @property
    def id(self) -> str:
        """Its name everywhere and always: made of what it is, so that nobody has to hand it out."""
        return f"{self.track.folder}/{window_name(self.window)}"

    def __str__(self) -> str:
        """Give it for logs."""
        return f"{self.track} {self.window}"


def window_name(window: Window) -> str:
    """Name a window: `20250101T000000Z-20250109T000000Z`."""
    return "-".join(f"{edge.astimezone(UTC):{_FORM}}" for edge in (window.start, window.end))


def window_of(name: str) -> Window | None:
    """Read a window's name; None where it is none."""
    start, _, end = name.partition("-")
    try:
        edges = [datetime.strptime(text, _FORM).replace(tzinfo=UTC) for text in (start, end)]
    except ValueError:
        return None
    return Window(*edges) if edges[0] < edges[1] else None


def gaps(whole: Window, covered: Iterable[Window]) -> Iterator[Window]:
    """Give the parts of a window that no covered window holds, in order."""
    at = whole.start
    for window in sorted(covered):
        if window.start >= whole.end:
            break
        if window.start > at:
            yield Window(at, window.start)
        at = max(at, window.end)
    if at < whole.end:
        yield Window(at, whole.end)


def reached(whole: Window, covered: Iterable[Window]) -> datetime:
    """Give the first hole of a window: everything before it is covered."""
    hole = next(gaps(whole, covered), None)
    return hole.start if hole else whole.end


def cut(window: Window, days: int, origin: datetime) -> Iterator[Window]:
    """Cut a window at every whole number of `days` from an origin.

    Sizes are powers of two, so that slices cut at different times nest and never overlap by half.
    """
    length, at = days * DAY, window.start
    while at < window.end:
        edge = origin + ((at - origin) // length + 1) * length
        yield Window(at, min(edge, window.end))
        at = edge


def missing(
    whole: Window, covered: Iterable[Window], days: int, origin: datetime
) -> Iterator[Window]:
    """Give the plan minus the ledger: what is not covered of a window, cut into slices."""
    for gap in gaps(whole, covered):
        yield from cut(gap, days, origin)


def next_days(done: Sequence[tuple[Window, float]], first: int, goal: float, most: int) -> int:
    """Choose the size of the next slices from what the last ones took.

    Args:
        done: Finished slices with the seconds they took.
        first: Days of a slice before anything is known.
        goal: Seconds that a slice should take: long enough to outweigh starting two processes,
            short enough to lose little when a machine goes. Starting them is not counted as cost
            of the data; else slices that are too short would make the next ones shorter.
        most: Most days of a slice.

    Returns:
        Days, a power of two; at most four times the longest slice so far.
    """
    length = sum((window.length for window, _ in done), timedelta())
    if not length:
        return _power(min(first, most))
    cost = sum(max(0.0, seconds - _START_SECONDS) for _, seconds in done)
    rate = max(cost / (length / DAY), 1e-9)
    longest = max(window.length for window, _ in done) / DAY
    return _power(min(goal / rate, _GROWTH * max(longest, 1), most))


def _power(days: float) -> int:
    """Give the largest power of two that is not more; at least 1."""
    return 1 << (max(1, int(days)).bit_length() - 1)
