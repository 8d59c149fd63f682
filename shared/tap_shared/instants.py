"""Instants: any vendor's time text in, one fixed-width UTC text out.

`2024-01-05T13:22:07.000000Z` is the one form.

The fixed width makes them compare as strings, which is how Singer bookmarks are compared.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

__all__ = ["instant_text", "parse_instant", "to_date", "to_instant"]

_ZONE = r"\s*(Z|z|UTC|GMT|[+-]\d\d:?(?:[0-5]\d)?)?(?:\[[^\]]*\])?\s*"
_SHAPE = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?" + _ZONE,
    re.ASCII,
)
_ZERO = re.compile(
    r"\s*(?:(?:0000-00-00|0001-01-01)(?:[T ]00:00(?::00(?:[.,]0+)?)?)?" + _ZONE + ")?"
)
_LOCAL_SECOND = re.compile(r"([1-9]\d{3}-\d\d-\d\d[T ]\d\d:\d\d):([0-5]\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant_text(moment: datetime) -> str:
    """Give an aware moment in the fixed-width form."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def parse_instant(text: str, zone: tzinfo = UTC) -> datetime:
    """Read a time text of any vendor.

    Args:
        text: Date, or date and time with `T` or a blank, any number of fraction digits, `Z`, an
            offset with or without colon, or Java's trailing `[GMT]`.
        zone: The zone of texts that carry none. An hour that happens twice in autumn is its first
            occurrence; one that spring leaves out is read with the offset before the change.

    Returns:
        The aware moment, in UTC, cut to microseconds.

    Raises:
        ValueError: The text is no time, or an impossible one.
    """
    found = _SHAPE.fullmatch(text)
    if found is None:
        msg = "not a time"
        raise ValueError(msg)
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    local = datetime(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro,
        tzinfo=_zone_of(offset) if offset else zone,
    )  # fmt: skip
    try:
        return local.astimezone(UTC)
    except OverflowError as err:
        msg = "outside the calendar"
        raise ValueError(msg) from err


def _zone_of(offset: str) -> tzinfo:
    """Read `Z`, `+02:00`, `+0200` or `+02`."""
    if offset[0] not in "+-":
        return UTC
    digits = offset[1:].replace(":", "")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return _fixed(shift if offset[0] == "+" else -shift)


@lru_cache(maxsize=64)
def _fixed(shift: timedelta) -> tzinfo:
    from datetime import timezone  # noqa: PLC0415 - rare path

    return timezone(shift)


@lru_cache(maxsize=8192)
def _utc_minute(minute: str, zone: tzinfo) -> str | None:
    """Convert a local minute once; None where the offset of that time had seconds."""
    moment = parse_instant(minute, zone)
    return None if moment.second else instant_text(moment)[:16]


def to_instant(value: object, zone: tzinfo = UTC, epoch: str | None = None) -> str | None:
    """Convert a vendor's value of an instant field.

    Args:
        value: Time text, or a number where `epoch` is set.
        zone: The zone of texts that carry none.
        epoch: `ms` or `s` where the vendor sends epoch numbers.

    Returns:
        The fixed-width text; None for a blank or a zero date.

    Raises:
        ValueError: The value is no instant.
    """
    if isinstance(value, str):
        if (local := _LOCAL_SECOND.fullmatch(value)) and (minute := _utc_minute(local[1], zone)):
            return f"{minute}:{local[2]}.000000Z"
        if _ZERO.fullmatch(value):
            return None
        if epoch and value.strip().lstrip("-").isdigit():
            return _from_epoch(int(value), epoch)
        return instant_text(parse_instant(value, zone))
    if epoch and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _from_epoch(value, epoch)
    msg = "not a time"
    raise ValueError(msg)


def _from_epoch(value: float, unit: str) -> str:
    try:
        moment = _EPOCH + (
            timedelta(milliseconds=value) if unit == "ms" else timedelta(seconds=value)
        )
    except OverflowError as err:
        msg = "outside the calendar"
        raise ValueError(msg) from err
    return instant_text(moment)


def to_date(value: object) -> str | None:
    """Convert a vendor's value of a pure date field: `YYYY-MM-DD`, a time of day cut off.

    Raises:
        ValueError: The value is no date.
    """
    if not isinstance(value, str):
        msg = "not a date"
        raise ValueError(msg)  # noqa: TRY004 - one error type for every misfit
    if _ZERO.fullmatch(value):
        return None
    if _SHAPE.fullmatch(value) is None:
        msg = "not a date"
        raise ValueError(msg)
    day = value.strip()[:10]
    date.fromisoformat(day)
    return day
