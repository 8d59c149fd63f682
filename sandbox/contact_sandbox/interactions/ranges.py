"""The rule by which a reporting query finds its time range.

Source: the request classes of github.com/motioncx/CollabIntegrationExample (src/Reporting) and
https://docs.motioncxapps.com/reference/date-range-handling.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

from contact_sandbox.interactions import instants


class Resolution(IntEnum):
    """Unit of a relative range."""

    QUARTERHOUR = 0
    HOUR = 1
    DAY = 2


class RangeError(Exception):
    """The query names no valid range."""


@dataclass(frozen=True)
class Asked:
    """What a query says about its range; None where it says nothing."""

    start: datetime | None
    end: datetime | None
    relative_start: int | None
    relative_end: int | None
    zone: str | None
    resolution: Resolution | None


@dataclass(frozen=True)
class Range:
    """A time range.

    Attributes:
        start: Earlier bound.
        end: Later bound.
        bounds: `[)`, `[]`, `(]` or `()`: whether an instant on a bound lies inside.
    """

    start: datetime
    end: datetime
    bounds: str = "[)"

    def __contains__(self, instant: object) -> bool:
        """Tell whether an instant lies inside; anything but an instant does not."""
        if not isinstance(instant, datetime) or not self.start <= instant <= self.end:
            return False
        if instant == self.start and self.bounds[0] == "(":
            return False
        return not (instant == self.end and self.bounds[1] == ")")


def resolve(asked: Asked, now: datetime, bounds: str) -> Range:
    """Return the range of a query.

    Both absolute bounds win, and are swapped in silence where they are reversed; a single one is
    ignored. Else both relative bounds with a resolution count.

    Args:
        asked: What the query says.
        now: The server's clock.
        bounds: Inclusivity of absolute bounds; relative ranges are always `[)`.

    Raises:
        RangeError: Neither kind of range is complete, or the zone is unknown.
    """
    if asked.start is not None and asked.end is not None:
        start, end = sorted((asked.start, asked.end))
        return Range(start, end, bounds)
    if asked.relative_start is None or asked.relative_end is None or asked.resolution is None:
        raise RangeError("Time range invalid or ambiguous.")
    first, last = sorted((asked.relative_start, asked.relative_end))
    if asked.resolution is Resolution.DAY:
        zone = _zone(asked.zone)
        return Range(_day(now, zone, first), _day(now, zone, last + 1))
    step = instants.HOUR if asked.resolution is Resolution.HOUR else instants.QUARTER
    current = instants.floor(now, step)
    return Range(current + first * step, current + (last + 1) * step)


def _zone(name: str | None) -> ZoneInfo:
    """Return the zone of that name, UTC for a blank one."""
    try:
        return ZoneInfo(name or "UTC")
    except (LookupError, ValueError, OSError) as error:
        raise RangeError(f"The time zone {name} was not found.") from error


def _day(now: datetime, zone: ZoneInfo, distance: int) -> datetime:
    """Return the local midnight `distance` days from today's, in UTC."""
    today = now.astimezone(zone).date() + timedelta(days=distance)
    return datetime(today.year, today.month, today.day, tzinfo=zone).astimezone(UTC)
