"""The vendor's query language: PHP-style arrays, filters, sorts, display, dates and limits.

Facts: https://kb.infinity.co/service/api/reports_v2_basics.html; the operands other than eq, in
and le, and the wording of refusals, are inferred.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from contact_sandbox.infinity.columns import NUMERIC

Row = dict[str, Any]
ARRAYS = ("display", "filter", "sort", "group")
_LAST_YEAR = 9000
FORMATS = ("json", "jsonarray", "csv")
_BRACKETS = re.compile(r"([A-Za-z]+)\[([^\[\]]*)\]", re.DOTALL)
_OPERANDS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "in": lambda value, choices: value in choices,
}


class RefusedError(Exception):
    """An answer that is not 200: a status with a JSON string as its body."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP `status` and the vendor's `message`."""
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Filter:
    """One condition `{field}-{operand}-value-{comparison}`."""

    field: str
    operand: str
    comparison: Any

    def accepts(self, row: Mapping[str, Any]) -> bool:
        """Tell whether `row` meets the condition; blanks in number columns never do."""
        value = comparable(self.field, row.get(self.field))
        return value is not None and _OPERANDS[self.operand](value, self.comparison)


@dataclass(frozen=True)
class Query:
    """A request's parameters after PHP has read them and the vendor has checked them.

    Attributes:
        scalars: Plain parameters; of a repeated one the last value.
        display: Pairs of a column and the name it is shown under; empty = all columns.
        filters: Conditions that all must hold.
        sorts: Pairs of a column and whether it descends, first the most significant.
        group: Columns to group by.
        custom_metrics: Definitions by their reference.
    """

    scalars: dict[str, str] = field(default_factory=dict)
    display: tuple[tuple[str, str], ...] = ()
    filters: tuple[Filter, ...] = ()
    sorts: tuple[tuple[str, bool], ...] = ()
    group: tuple[str, ...] = ()
    custom_metrics: dict[str, str] = field(default_factory=dict)

    def integer(self, name: str) -> int | None:
        """Return a parameter as a whole number not below zero, None where it is absent."""
        text = self.scalars.get(name)
        if text is None:
            return None
        if not re.fullmatch(r"\d{1,18}", text):
            raise RefusedError(400, f"{name} must be a whole number")
        return int(text)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of `tz`, UTC by default."""
        name = self.scalars.get("tz", "UTC")
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, LookupError) as error:
            raise RefusedError(400, f"Unknown timezone {name}") from error

    def span(self, now: datetime) -> tuple[int, int]:
        """Return the epoch seconds [start, end) of startDate to endDate, whole days in `tz`.

        Without dates it is the current day: what the vendor does then is not documented.
        """
        today = now.astimezone(self.zone).date()
        last = self._day("endDate") or today
        first = self._day("startDate") or last
        if first > last:
            raise RefusedError(400, "startDate must not be after endDate")
        return _midnight(first, self.zone), _midnight(last + timedelta(days=1), self.zone)

    def _day(self, name: str) -> date | None:
        """Return a date parameter, None where it is absent."""
        text = self.scalars.get(name)
        if text is None:
            return None
        try:
            day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError as error:
            raise RefusedError(400, f"{name} must have the format YYYY-MM-DD") from error
        if day.isoformat() != text or day.year >= _LAST_YEAR:
            raise RefusedError(400, f"{name} must have the format YYYY-MM-DD")
        return day

    def select(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that pass the filters, sorted."""
        chosen = [row for row in rows if all(rule.accepts(row) for rule in self.filters)]
        for name, descends in reversed(self.sorts):
            chosen.sort(key=lambda row, name=name: _sort_key(name, row), reverse=descends)  # type: ignore[misc]
        return chosen

    def project(self, row: Row) -> Row:
        """Return the columns asked for under their aliases."""
        if not self.display:
            return row
        return {alias: row.get(name) for name, alias in self.display}


def comparable(name: str, value: Any) -> Any:
    """Return a wire value as filters compare it: a number in number columns, else text."""
    if value is None:
        return None
    if name not in NUMERIC:
        return str(value)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _sort_key(name: str, row: Row) -> tuple[int, Any]:
    """Return a key that puts blanks first."""
    value = row.get(name)
    found = comparable(name, value)
    if found is None and name not in NUMERIC and isinstance(value, int | float):
        found = value
    return (0, 0) if found is None else (1, found)


def _midnight(day: date, zone: ZoneInfo) -> int:
    """Return the first epoch second of a local day."""
    return int(datetime.combine(day, time(), zone).timestamp())


def read_arguments(query: Mapping[str, list[str]]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the scalars and the arrays of a query the way PHP reads them.

    `name[]` appends, `name[key]` sets, a repeated scalar keeps its last value.

    Raises:
        RefusedError: An array parameter without brackets, or brackets that PHP would not read.
    """
    scalars: dict[str, str] = {}
    arrays: dict[str, Any] = {"customMetrics": {}} | {name: [] for name in ARRAYS}
    for name, values in query.items():
        bracketed = _BRACKETS.fullmatch(name)
        if bracketed is None:
            if name in arrays or "[" in name:
                raise RefusedError(400, f"{name} must be an array")
            scalars[name] = values[-1]
        elif bracketed[1] == "customMetrics" and bracketed[2]:
            arrays["customMetrics"][bracketed[2]] = values[-1]
        elif bracketed[1] in ARRAYS:
            arrays[bracketed[1]] += values
        else:
            raise RefusedError(400, f"Unknown parameter {name}")
    return scalars, arrays


def read_query(
    query: Mapping[str, list[str]],
    *,
    allowed: Collection[str],
    required: Collection[str],
    columns: Collection[str],
    sortable: Collection[str],
    ignored: Collection[str] = (),
) -> Query:
    """Check a request's parameters against what its route knows.

    Args:
        query: Parameters as they came, percent escapes undone.
        allowed: Names of the parameters that the route knows.
        required: Names of those that it insists on.
        columns: Columns that may be displayed.
        sortable: Columns that may be filtered and sorted.
        ignored: Parameters that the imitation quietly does not heed.

    Raises:
        RefusedError: 400 with the reason.
    """
    scalars, arrays = read_arguments(query)
    _check_names({*scalars, *(name for name, value in arrays.items() if value)}, allowed, required)
    _check_format(scalars, arrays)
    refs = arrays["customMetrics"]
    for name in ignored:
        arrays |= {name: []} if name in ARRAYS else {}
        scalars.pop(name, None)
    found = Query(
        scalars=scalars,
        display=tuple(_display(text, {*columns, *refs}) for text in arrays["display"]),
        filters=tuple(_filter(text, sortable) for text in arrays["filter"]),
        sorts=tuple(_sort(text, {*sortable, *refs}) for text in arrays["sort"]),
        group=tuple(arrays["group"]),
        custom_metrics=refs,
    )
    if not found.zone.key:
        raise RefusedError(400, "Unknown timezone")
    return found


def _check_names(
    given: Collection[str], allowed: Collection[str], required: Collection[str]
) -> None:
    """Refuse parameters that a route does not know, and the lack of those it insists on."""
    for name in sorted(set(given) - set(allowed)):
        raise RefusedError(400, f"Unknown parameter {name}")
    for name in sorted(set(required) - set(given)):
        raise RefusedError(400, f"{name} is required")


def _check_format(scalars: Mapping[str, str], arrays: Mapping[str, Any]) -> None:
    """Refuse formats that are unknown, or that need a display and have none."""
    if scalars.get("format", "json") not in FORMATS:
        raise RefusedError(400, f"Unknown format {scalars['format']}")
    if scalars.get("format") == "csv" and not arrays["display"]:
        raise RefusedError(400, "display is required for this format")


def _display(text: str, columns: Collection[str]) -> tuple[str, str]:
    """Read `{field}` or `{field}-{alias}`."""
    if text in columns:
        return text, text
    name, _, alias = text.partition("-")
    if name not in columns:
        raise RefusedError(400, f"Unknown field {name}")
    return name, alias or name


def _sort(text: str, columns: Collection[str]) -> tuple[str, bool]:
    """Read `{field}-asc` or `{field}-desc`."""
    name, _, order = text.rpartition("-")
    if name not in columns or order not in {"asc", "desc"}:
        raise RefusedError(400, f"Unknown sort {text}")
    return name, order == "desc"


def _filter(text: str, columns: Collection[str]) -> Filter:
    """Read `{field}-{operand}-value-{comparison}`; the comparison may hold hyphens."""
    name, operand, constant, comparison = [*text.split("-", 3), "", "", ""][:4]
    if name not in columns or name.startswith(("c_", "pt_")):
        raise RefusedError(400, f"Unknown filter field {name}")
    if operand not in _OPERANDS or constant != "value" or text.count("-") < 3:
        raise RefusedError(400, f"Unknown filter {text}")
    if operand != "in":
        return Filter(name, operand, _compared(name, comparison))
    return Filter(name, operand, frozenset(_compared(name, part) for part in comparison.split(",")))


def _compared(name: str, text: str) -> Any:
    """Return a filter's comparison value in the column's kind."""
    value = comparable(name, text)
    if value is None:
        raise RefusedError(400, f"{name} needs a number")
    return value
