"""What a request for analytics asks for: its body, checked as strictly as the schema is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from contact_sandbox.dixa.catalogue import ATTRIBUTES
from contact_sandbox.dixa.metrics import MEASURES
from contact_sandbox.dixa.records import RecordRow
from contact_sandbox.vendor import Request


class RefusedError(Exception):
    """The request is answered with this status and message instead of data."""

    def __init__(self, message: str = "Invalid value for: body", status: int = 400) -> None:
        """Keep the answer."""
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Query:
    """A checked body.

    Attributes:
        id: Metric or record ID, not looked up yet.
        start: Start of the period, or None where conversations are named.
        end: End of the period.
        csids: Conversations asked for instead of a period.
        filters: Pairs of attribute and values; all must hold, one value each suffices.
        measures: Measures asked for; None for all.
    """

    id: Any
    start: datetime | None
    end: datetime | None
    csids: frozenset[int]
    filters: tuple[tuple[str, frozenset[str]], ...]
    measures: tuple[str, ...] | None

    @property
    def length(self) -> timedelta:
        """How long the period is."""
        return self.end - self.start if self.start and self.end else timedelta(0)

    def matches(self, row: RecordRow, honoured: set[str], *, inclusive: bool) -> bool:
        """Tell whether a row lies in the period and passes the filters that are honoured."""
        if self.csids:
            if row.identity not in self.csids:
                return False
        elif not self._within(row.at, inclusive=inclusive):
            return False
        return all(
            attribute not in honoured or not values.isdisjoint(row.attributes.get(attribute, ()))
            for attribute, values in self.filters
        )

    def _within(self, at: datetime, *, inclusive: bool) -> bool:
        """Tell whether an instant lies in the period, its end included or not."""
        if self.start is None or self.end is None or at < self.start:
            return False
        return at <= self.end if inclusive else at < self.end


def read(request: Request, now: datetime) -> Query:
    """Return the checked body of a request for analytics data.

    Raises:
        RefusedError: Anything that the schema does not allow.
    """
    if not request.headers.get("Content-Type", "").startswith("application/json"):
        raise RefusedError("Decoding failure in request")
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise RefusedError("Decoding failure in request") from error
    if not isinstance(body, dict) or not isinstance(body.get("id"), str):
        raise RefusedError
    zone = _zone(body.get("timezone"))
    csids = _csids(body)
    start, end = (None, None) if csids else _period(body.get("periodFilter"), zone, now)
    return Query(body["id"], start, end, csids, _filters(body), _measures(body))


def _zone(name: object) -> ZoneInfo:
    """Return the zone of an IANA name."""
    if not isinstance(name, str):
        raise RefusedError
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise RefusedError from error


def _csids(body: dict[str, Any]) -> frozenset[int]:
    """Return the conversations asked for; there is a period or a list of them, never both."""
    named = body.get("csidFilter")
    if named is None:
        return frozenset()
    whole = isinstance(named, list) and all(type(each) is int for each in named)
    if not whole or not named or "periodFilter" in body:
        raise RefusedError
    return frozenset(named)


def _filters(body: dict[str, Any]) -> tuple[tuple[str, frozenset[str]], ...]:
    """Return the filters; one without values does not narrow anything."""
    asked = body.get("filters") or []
    if not isinstance(asked, list):
        raise RefusedError
    found = []
    for each in asked:
        if not isinstance(each, dict) or each.get("attribute") not in ATTRIBUTES:
            raise RefusedError
        values = each.get("values") or []
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise RefusedError
        if values:
            found.append((each["attribute"], frozenset(values)))
    return tuple(found)


def _measures(body: dict[str, Any]) -> tuple[str, ...] | None:
    """Return the measures asked for."""
    asked = body.get("aggregations")
    if asked is None:
        return None
    if not isinstance(asked, list) or not all(isinstance(each, str) for each in asked):
        raise RefusedError
    if not MEASURES.issuperset(asked):
        raise RefusedError
    return tuple(asked)


def _period(asked: object, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """Return start and end of an Interval or a Preset."""
    if not isinstance(asked, dict):
        raise RefusedError
    if asked.get("_type") == "Interval":
        start, end = moment(asked.get("start")), moment(asked.get("end"))
        if end < start:
            raise RefusedError
        return start, end
    value = asked.get("value")
    if asked.get("_type") != "Preset" or not isinstance(value, dict):
        raise RefusedError
    return _preset(value.get("_type"), now.astimezone(zone))


def moment(text: object, message: str = "Invalid value for: body") -> datetime:
    """Return the instant of an RFC 3339 text, which must have a zone."""
    if isinstance(text, str) and "T" in text:
        try:
            found = datetime.fromisoformat(text)
        except ValueError as error:
            raise RefusedError(message) from error
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    raise RefusedError(message)


def _preset(name: object, local: datetime) -> tuple[datetime, datetime]:
    """Return start and end of a preset period, cut at local midnight; weeks start on Monday."""
    today = local.replace(hour=0, minute=0, second=0, microsecond=0)
    week = today - timedelta(days=today.weekday())
    month = today.replace(day=1)
    quarter = month.replace(month=(month.month - 1) // 3 * 3 + 1)
    presets: dict[object, Callable[[], Sequence[datetime]]] = {
        "Today": lambda: (today, local),
        "Yesterday": lambda: (today - timedelta(days=1), today),
        "ThisWeek": lambda: (week, local),
        "PreviousWeek": lambda: (week - timedelta(days=7), week),
        "ThisMonth": lambda: (month, local),
        "PreviousMonth": lambda: ((month - timedelta(days=1)).replace(day=1), month),
        "ThisQuarter": lambda: (quarter, local),
        "PreviousQuarter": lambda: (_quarter_before(quarter), quarter),
        "ThisYear": lambda: (month.replace(month=1), local),
    }
    if name not in presets:
        raise RefusedError
    start, end = presets[name]()
    return start.astimezone(UTC), end.astimezone(UTC)


def _quarter_before(quarter: datetime) -> datetime:
    """Return the first day of the quarter before."""
    last = quarter - timedelta(days=1)
    return last.replace(month=last.month - 2, day=1)
