"""Instants: any vendor's time text in, one fixed-width UTC text out.

`2024-01-05T13:22:07.000000Z` is the one form.

The fixed width makes them compare as strings, which is how Singer bookmarks are compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

__all__ = ["InstantReader", "instant_text", "parse_instant", "to_date", "to_instant"]

_ZONE = r"\s*(Z|z|UTC|GMT|[+-]\d\d:?(?:[0-5]\d)?)?(?:\[[^\]]*\])?\s*"
_SHAPE = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?" + _ZONE,
    re.ASCII,
)
_ZERO = re.compile(
    r"\s*(?:(?:0000-00-00|0001-01-01)(?:[T ]00:00(?::00(?:[.,]0+)?)?)?" + _ZONE + ")?"
)
_HOUR = re.compile(r"[1-9]\d{3}-\d\d-\d\d[T ]\d\d", re.ASCII)
_FRACTION = r"(?:[.,](\d+))?"
_MARK = r"(?:Z|\+00:?00)(?:\[[^\]]*\])?"
_LOCAL = re.compile(_FRACTION, re.ASCII)
_OF_UTC = re.compile(_FRACTION + _MARK, re.ASCII)
_EITHER = re.compile(f"{_FRACTION}(?:{_MARK})?", re.ASCII)
_REMEMBERED = 8192
_LOCAL_SECOND = re.compile(r"([1-9]\d{3}-\d\d-\d\d[T ]\d\d:\d\d):([0-5]\d)", re.ASCII)
_SECONDS = {text: text for text in (f":{n // 60:02d}:{n % 60:02d}" for n in range(3600))}
"""What may stand between the hour and the fraction of a second."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WIDTH = len("2024-01-05T13:22:07.000000Z")
_BARE = len('"2024-01-05T13:22:07",')
_MOMENTS = msgspec.json.Decoder(list[datetime | None])
_TEXTS = msgspec.json.Decoder(list[str | None])


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


class _Hours(dict[str, str]):
    """Local hours and what they begin with in UTC; those with a change in them are no keys."""

    def __init__(self, zone: tzinfo) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, hour: str) -> str:
        """Find an hour out once."""
        if _HOUR.fullmatch(hour) is None:
            raise KeyError(hour)
        first, last = (_utc_minute(hour + minute, self._zone) for minute in (":00", ":59"))
        if first is None or last != first[:13] + ":59" or not first.endswith(":00"):
            raise KeyError(hour)
        return _kept(self, hour, first[:13])


class _Tails(dict[str, str]):
    """What may follow a second (a fraction, a zone), and how an instant ends with it."""

    def __init__(self, shape: re.Pattern[str]) -> None:
        super().__init__()
        self._shape = shape

    def __missing__(self, tail: str) -> str:
        """Find a tail out once."""
        if (found := self._shape.fullmatch(tail)) is None:
            raise KeyError(tail)
        return _kept(self, tail, f".{(found[1] or '')[:6].ljust(6, '0')}Z")


def _kept(known: dict[str, str], key: str, found: str) -> str:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = found
    return found


class InstantReader:
    """`to_instant` for many values of a field, which mostly share their hours.

    Args:
        zone: The zone of texts that carry none.
        epoch: `ms` or `s` where the vendor sends epoch numbers.
    """

    def __init__(self, zone: tzinfo, epoch: str | None = None) -> None:
        """Know no hour yet."""
        self._zone = zone
        self._epoch = epoch
        self._is_utc = zone is UTC
        self._of_number = _epoch_reader(epoch)
        self._ways = [(_Hours(zone), _Tails(_LOCAL)), (_Hours(UTC), _Tails(_OF_UTC))]
        if zone is UTC:
            self._ways = [(_Hours(UTC), _Tails(_EITHER))]

    def __call__(self, value: Any) -> str | None:
        """Read one value, as `to_instant` does; None stays."""
        if value is None:
            return None
        if type(value) is int and self._of_number is not None:
            return self._of_number(value)
        if isinstance(value, str):
            for hours, tails in self._ways:
                with suppress(KeyError):
                    return f"{hours[value[:13]]}{_SECONDS[value[13:19]]}{tails[value[19:]]}"
        return to_instant(value, self._zone, self._epoch)

    def column(self, values: Sequence[Any]) -> list[Any]:
        """Read many values; those that are None or unset stay.

        Raises:
            ValueError: One is no instant.
        """
        if (found := _at_once(values, is_utc=self._is_utc)) is not None:
            return found
        if UnsetType in set(map(type, values)):
            texts = self.column([None if v is UNSET else v for v in values])
            return [v if v is UNSET else one for v, one in zip(values, texts, strict=True)]
        seconds = _SECONDS
        for hours, tails in self._ways:
            with suppress(KeyError, TypeError):
                return [
                    v if v is None else f"{hours[v[:13]]}{seconds[v[13:19]]}{tails[v[19:]]}"
                    for v in values
                ]
        return [*map(self, values)]


def _at_once(values: Sequence[Any], *, is_utc: bool) -> list[Any] | None:
    """Read texts and None without a loop, as msgspec does; None where we would read otherwise.

    All texts have to end in `Z`, or in the same `Z[...]`; or to be whole seconds without a zone,
    where those are in UTC.
    """
    first = next(filter(None, values), None)
    if type(first) is not str or not (first[-1] in "Z]" or is_utc):
        return None
    name = first[first.find("Z[") + 1 :] if first.find("]") == len(first) - 1 else ""
    try:
        lengths = [*map(len, filter(None, values))]
        told = msgspec.json.encode(values)
        if name:
            told = _without(told, name, len(lengths))
        found = msgspec.json.encode(_MOMENTS.decode(told))
    except (msgspec.MsgspecError, TypeError, UnicodeEncodeError):
        return None
    if (
        max(lengths) > _WIDTH + len(name)  # it rounds what we cut
        or b"z" in told
        or b"t" in told
        or found.rfind(b'"0001-01-01') >= 0
    ):
        return None
    size = len(found) - 1 - len("null,") * (len(values) - len(lengths))
    if not (marked := found.count(b"Z")) and size == len(lengths) * _BARE:
        found = _with_ends(found, b'"', b'.000000Z"')
    elif marked != len(lengths):
        return None
    elif size == len(lengths) * (_BARE + 1):
        found = _with_ends(found, b'Z"', b'.000000Z"')
    read: list[Any] = _TEXTS.decode(found)
    if (_BARE + 1) * marked < size < (_WIDTH + 3) * marked:
        return [v if v is None or len(v) == _WIDTH else f"{v[:-1]}.000000Z" for v in read]
    return read


def _without(told: bytes, name: str, texts: int) -> bytes:
    """Take a zone's name from the end of every text; nothing is left where one has none."""
    end = name.encode() + b'"'
    return told.replace(end, b'"') if told.count(end) == texts else b""


def _with_ends(items: bytes, old: bytes, new: bytes) -> bytes:
    """Give a JSON array of texts whose last letters are others."""
    return (items[:-1] + b",").replace(old + b",", new + b",")[:-1] + b"]"


def _epoch_reader(epoch: str | None) -> Callable[[int], str] | None:
    """Read whole epoch numbers, whose minutes are written once."""
    if epoch is None:
        return None
    scale = 1 if epoch == "ms" else 1000
    minutes: dict[int, str] = {}

    def read(value: int) -> str:
        minute, left = divmod(value * scale, 60_000)
        if minute not in minutes:
            if len(minutes) >= _REMEMBERED:
                minutes.clear()
            minutes[minute] = _from_epoch(minute * 60, "s")[:17]
        return f"{minutes[minute]}{left // 1000:02d}.{left % 1000:03d}000Z"

    return read


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
