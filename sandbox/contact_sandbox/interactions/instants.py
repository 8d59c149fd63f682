"""MotionCX times: how they are read, written and floored.

The store keeps milliseconds; on the wire zeros at the end of a fraction are dropped, so that
`.214Z`, `.2Z` and no fraction at all occur (inferred from the published example and from Json.NET).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

TENANT_ZONE = ZoneInfo("America/Chicago")
"""The tenant's zone, on whose midnights the `*DayUtc` fields lie: 05:00Z or 06:00Z."""

SERVER_ZONE = ZoneInfo("America/New_York")
"""The zone in which the server reads a time without an offset (inferred)."""

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,7}))?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)


def parse(text: str, zone: ZoneInfo = SERVER_ZONE) -> datetime:
    """Read an ISO 8601 text into a UTC instant of whole milliseconds.

    Args:
        text: For example `2024-01-05T13:22:07.5Z`, `...+00:00` or `...-0500`.
        zone: The zone of a text without an offset.

    Raises:
        ValueError: The text is no such time.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(text)
    day, clock, fraction, offset = found.groups()
    naive = datetime.fromisoformat(f"{day}T{clock or '00:00'}")
    naive += timedelta(milliseconds=int((fraction or "0").ljust(3, "0")[:3]))
    if offset is None:
        return naive.replace(tzinfo=zone).astimezone(UTC)
    return datetime.fromisoformat(f"{naive.isoformat()}{offset}").astimezone(UTC)


def milliseconds(instant: datetime) -> datetime:
    """Cut an instant to whole milliseconds."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def wire(instant: datetime) -> str:
    """Write an instant as the reporting service does: `Z`, zeros of the fraction dropped."""
    fraction = f"{instant.microsecond // 1000:03d}".rstrip("0")
    return f"{instant:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}Z"


def zoneless(instant: datetime) -> str:
    """Write an instant as the CRM does: seven digits of fraction (or none) and no zone."""
    fraction = f".{instant.microsecond:06d}3" if instant.microsecond else ""
    return f"{instant:%Y-%m-%dT%H:%M:%S}{fraction}"


def epoch(instant: datetime) -> int:
    """Return an instant as Unix time in whole seconds."""
    return int(instant.timestamp())


def floor(instant: datetime, step: timedelta) -> datetime:
    """Return the begin of the UTC period of length `step` that holds `instant`."""
    seconds = int(step.total_seconds())
    return datetime.fromtimestamp(epoch(instant) // seconds * seconds, UTC)


def midnight(instant: datetime, zone: ZoneInfo | None = None) -> datetime:
    """Return, in UTC, the midnight before `instant` in `zone` (UTC without one)."""
    local = instant.astimezone(zone or UTC)
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
