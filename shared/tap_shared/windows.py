"""Plan: settings and a bookmark in, half-open time windows out. Pure: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Literal

from tap_shared.instants import instant_text

__all__ = [
    "Grain",
    "Span",
    "Window",
    "cut",
    "floor",
    "halve",
    "plan",
    "slices",
    "span_of_run",
    "steps",
]

Grain = Literal["hour", "day", "week", "month"]

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A half-open range of time, [start, end), both aware and in UTC."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    def __str__(self) -> str:
        """Give it for logs: `[2024-01-05T00:00:00Z, 2024-01-06T00:00:00Z)`."""
        return f"[{_short(self.start)}, {_short(self.end)})"


def _short(moment: datetime) -> str:
    return instant_text(moment).replace(".000000Z", "Z")


@dataclass(frozen=True, slots=True)
class Span:
    """What one run reads of one stream or partition.

    Attributes:
        start: First instant to read, the lookback included.
        end: The frozen upper bound, exclusive; nothing is read where it is not after `start`.
        watermark: The bookmark found, which never moves backwards; None on the first run.
    """

    start: datetime
    end: datetime
    watermark: datetime | None = None


def span_of_run(
    *,
    start_date: datetime,
    end_date: datetime | None,
    bookmark: datetime | None,
    lookback: timedelta,
    run_start: datetime,
    lag: timedelta = timedelta(0),
) -> Span:
    """Decide what one run reads.

    Args:
        start_date: The `start_date` setting; nothing before it is ever read.
        end_date: The `end_date` setting, exclusive.
        bookmark: The watermark of the last run.
        lookback: How far before the bookmark to read again.
        run_start: The moment the run started; it is frozen.
        lag: The vendor's safety lag: how far behind the run's start its data is complete.

    Returns:
        The span; `end` is the watermark that the run will reach.
    """
    end = min(run_start - lag, end_date) if end_date else run_start - lag
    start = start_date
    if bookmark and bookmark - start_date > lookback:  # else it may reach before the calendar
        start = bookmark - lookback
    return Span(start, end, bookmark)


def plan(span: Span, length: timedelta) -> Iterator[Window]:
    """Cut a span into windows of one length; the last may be shorter."""
    start = span.start
    while start < span.end:
        end = start + length if length < span.end - start else span.end
        yield Window(start, end)
        start = end


def slices(span: Span, length: timedelta, since: datetime) -> Iterator[Window]:
    """Cut time as `plan` does, but at multiples of the length, wherever the span begins.

    So a row that is read again comes in the same window, unless that was still open.

    Args:
        span: What is read; the first window may begin before it.
        length: Of a window.
        since: Where the first of all begins, not after the span.
    """
    if span.start >= span.end:
        return iter(())
    skipped = max(span.start - since, timedelta(0)) // length * length
    return plan(Span(since + skipped, span.end), length)


def halve(window: Window, grain: timedelta = SECOND) -> tuple[Window, Window] | None:
    """Cut a window in two at a whole `grain`; None where it is too short for that."""
    middle = window.start + max(grain, window.length // 2 // grain * grain)
    if middle >= window.end:
        return None
    return Window(window.start, middle), Window(middle, window.end)


def cut(window: Window, parts: int, grain: timedelta = SECOND) -> list[Window]:
    """Cut a window into at most `parts` even windows at whole `grain`s."""
    parts = max(1, min(parts, -(-window.length // grain)))
    shifts = [-(-(window.length * n // parts) // grain) * grain for n in range(parts)]
    edges = [*(window.start + shift for shift in shifts), window.end]
    return [Window(a, b) for a, b in pairwise(edges) if a < b]


def floor(moment: datetime, zone: tzinfo, grain: Grain) -> datetime:
    """Give the local start of the hour, day, (Monday's) week or month that holds a moment."""
    local = moment.astimezone(zone)
    if grain == "hour":
        shift = timedelta(
            minutes=local.minute, seconds=local.second, microseconds=local.microsecond
        )
        return moment.astimezone(UTC) - shift
    local = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if grain == "week":
        local -= timedelta(days=local.weekday())
    elif grain == "month":
        local = local.replace(day=1)
    return local.astimezone(UTC)


def _after(start: datetime, zone: tzinfo, grain: Grain) -> datetime:
    """Give the local start of the period after the one that begins at `start`."""
    if grain == "hour":
        return floor(start + timedelta(hours=1), zone, grain)
    reach = {"day": 1, "week": 7, "month": 31}[grain]
    local = start.astimezone(zone)
    naive = local.replace(tzinfo=None) + timedelta(days=reach)
    if grain == "month":
        naive = naive.replace(day=1)
    return floor(naive.replace(hour=12, tzinfo=zone), zone, grain)


def steps(span: Span, zone: tzinfo, grain: Grain) -> Iterator[Window]:
    """Give every local hour, day, week or month that overlaps a span, whole.

    A local day has 23 or 25 hours where the zone changes its clock.
    """
    start = floor(span.start, zone, grain)
    while start < span.end:
        end = _after(start, zone, grain)
        yield Window(start, end)
        start = end
