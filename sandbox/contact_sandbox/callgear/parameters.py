"""Checks the parameters of a list method."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox.callgear.clock import TEXT
from contact_sandbox.callgear.errors import RpcError
from contact_sandbox.callgear.methods import Field, Method
from contact_sandbox.callgear.query import Test, parse_filter, parse_sort

DEFAULT_LIMIT = 1_000
MAX_LIMIT = 10_000
MAX_OFFSET = 100_000

_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_BOOLEANS = (
    "include_ongoing_calls", "include_tech_offline_messages", "is_deleted", "is_include_rating",
    "only_default_statuses_in_stats",
)  # fmt: skip


@dataclass(frozen=True)
class Selection:
    """Checked parameters of a list method; `low` and `high` are local naive times."""

    names: tuple[str, ...]
    test: Test | None
    sort: list[tuple[Field, bool]]
    limit: int
    offset: int
    low: datetime | None
    high: datetime | None


def check(method: Method, params: dict[str, Any], absent: frozenset[str]) -> Selection:
    """Check the parameters of a request.

    Args:
        method: The method that is called.
        params: The request's `params`.
        absent: Fields that this account's brand or region does not know.

    Raises:
        RpcError: A parameter is unknown, missing, or not as it should be.
    """
    unexpected = sorted(set(params) - method.parameters)
    if unexpected:
        raise RpcError(
            mnemonic="unexpected_parameters", field=unexpected[0], value=params[unexpected[0]]
        )
    by_chat = "chat_id" in params or "chat_ids" in params
    dates = () if method.time is None or by_chat else ("date_from", "date_till")
    for name in (*dates, *method.required):
        if params.get(name) is None:
            raise RpcError("required_parameter_missed", field=name)
    for name in _BOOLEANS:
        if not isinstance(params.get(name, False), bool):
            raise RpcError("data_type_error", field=name, value=params[name])
    if not isinstance(params.get("site_id", 0), int):
        raise RpcError("data_type_error", field="site_id", value=params["site_id"])
    low, high = _range(method, params) if "date_from" in params else (None, None)
    return Selection(
        _names(method, params, absent),
        parse_filter(method, params["filter"]) if params.get("filter") else None,
        parse_sort(method, params.get("sort", [])),
        _whole(params, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        _whole(params, "offset", 0, 0, MAX_OFFSET),
        low,
        high,
    )


def _names(method: Method, params: dict[str, Any], absent: frozenset[str]) -> tuple[str, ...]:
    """Return the fields to send; one unknown name refuses the whole request."""
    names = params.get("fields")
    if names is None:
        added = ("rating",) if params.get("is_include_rating") else ()
        return (*(name for name in method.default_names if name not in absent), *added)
    if not isinstance(names, list):
        raise RpcError("data_type_error", field="fields", value=names)
    for name in names:
        if not isinstance(name, str) or name not in method.fields or name in absent:
            raise RpcError("invalid_parameter_value", field="fields", value=name)
    return tuple(names) or method.default_names


def _whole(params: dict[str, Any], name: str, default: int, least: int, most: int) -> int:
    """Return a whole number between bounds."""
    value = params.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise RpcError("data_type_error", field=name, value=value)
    if not least <= value <= most:
        raise RpcError("invalid_parameter_value", field=name, value=value, max_value=most)
    return value


def _range(method: Method, params: dict[str, Any]) -> tuple[datetime, datetime]:
    """Return the asked range, no longer than the method allows."""
    low, high = _time(params, "date_from"), _time(params, "date_till")
    if low > high:
        raise RpcError("invalid_parameters_combination", field="date_from", value=str(low))
    longest = None
    if method.window == "months":
        longest = add_months(low, 3)
    elif method.window:
        longest = low + timedelta(days=int(method.window))
    if longest is not None and high > longest:
        raise RpcError("date_interval_limit_reached", field="date_till", value=str(high))
    return low, high


def _time(params: dict[str, Any], name: str) -> datetime:
    """Return a local naive time of the only accepted form."""
    text = params.get(name)
    if not isinstance(text, str):
        raise RpcError("data_type_error", field=name, value=text)
    try:
        if _TIME.fullmatch(text):
            return datetime.strptime(text, TEXT)  # noqa: DTZ007 - local naive on purpose
    except ValueError as error:
        raise RpcError("invalid_parameter_value", field=name, value=text) from error
    raise RpcError("invalid_parameter_value", field=name, value=text)


def add_months(start: datetime, months: int) -> datetime:
    """Return the same day and time `months` later, or the last day of a shorter month."""
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return start.replace(year=year, month=month, day=day)
