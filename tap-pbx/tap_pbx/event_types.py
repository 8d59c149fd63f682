"""The vendor's published table of event types, and which of their values are secret.

The table, as of 19 January 2022: https://support.primevox.net/portal/en/kb/articles/
call-history-cdr-v2. Types are added over time and never changed; the table's grouping and its
notes on what is private are this project's own.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Any

from tap_shared.coerce import Rules, coercion

__all__ = ["MASK", "event_type_rows", "purpose_of", "redact_pins"]

MASK = "***"

_whole = coercion({"type": "integer"}, Rules())

_COLUMNS = ("purpose", "data1", "data2", "data3", "data4", "category", "sensitive")


@cache
def _table() -> dict[int, dict[str, str]]:
    text = files("tap_pbx").joinpath("event_types.csv").read_text("utf-8")
    return {int(row["id"]): row for row in csv.DictReader(text.splitlines())}


@cache
def _pins() -> dict[int, tuple[str, ...]]:
    """Give the fields that hold a PIN or entered digits, by event type.

    40: data1 (a PIN tried); 64 and 75: data4 (digits tried as a PIN); 55: data4 (digits entered).
    """
    found = {}
    for number, row in _table().items():
        for entry in row["sensitive"].split(";"):
            kind, _, columns = entry.partition(":")
            if kind in {"pin", "digits"}:
                found[number] = tuple(f"eventD{name[1:]}" for name in columns.split("+"))
    return found


def event_type_rows() -> list[dict[str, Any]]:
    """Give the table's rows; empty cells are null."""
    return [
        {"eventType": number, **{name: row[name] or None for name in _COLUMNS}}
        for number, row in _table().items()
    ]


def purpose_of(event_type: object) -> str | None:
    """Give the purpose of a type; None for one that the table does not know."""
    row = _table().get(_number(event_type))
    return row["purpose"] if row else None


def redact_pins(row: dict[str, Any]) -> None:
    """Replace the PINs and entered digits that an event holds by `***`."""
    for name in _pins().get(_number(row.get("eventType")), ()):
        if row.get(name) not in (None, ""):
            row[name] = MASK


def _number(event_type: object) -> int:
    """Read a type as its column will show it, which may arrive as text; 0 for what is none."""
    try:
        return _whole(event_type) or 0
    except (ValueError, OverflowError, ArithmeticError):
        return 0
