"""A note for a call, checked before it is sent.

Limits and field names: "Attaching Notes/Follow-up/Severity to a Call",
https://support.primevox.net/portal/en/kb/articles/call-history-cdr-v2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tap_pbx.envelope import DIGITS, integer

__all__ = ["NoteRefused", "form_of"]

_LONGEST = 255
_WORST = 5
_FLAGS = {"true": 1, "false": 0}


class NoteRefused(ValueError):
    """A row is no note that the vendor could take. Says what is wrong, never the note's text."""


def form_of(row: Mapping[str, Any], tenant: str) -> list[tuple[str, str]]:
    """Turn a row into the fields of the vendor's form, without credentials.

    Args:
        row: `callUuid`, at least one of `callFlagged`, `callSeverity` and `callNotes`, and
            optionally `tenant_id`; what is null or absent is not sent.
        tenant: The tenant of rows that name none.

    Raises:
        NoteRefused: A field is missing or out of its range.
    """
    uuid = row.get("callUuid")
    if not isinstance(uuid, str) or not uuid.strip():
        raise NoteRefused("callUuid is missing")
    own = row.get("tenant_id")
    whose = tenant if own in (None, "") else _tenant(own)
    fields = [("tenantID", whose), ("callUuid", uuid.strip())]
    readers = {"callFlagged": _flag, "callSeverity": _severity, "callNotes": _notes}
    given = {name: row[name] for name in readers if row.get(name) is not None}
    if not given:
        raise NoteRefused("none of callFlagged, callSeverity and callNotes is given")
    return [*fields, *((name, readers[name](value)) for name, value in given.items())]


def _tenant(value: object) -> str:
    text = str(integer(value) if isinstance(value, float) else value).strip()
    if not DIGITS.fullmatch(text):
        raise NoteRefused("tenant_id must be a number, such as 0 or 101")
    return text


def _flag(value: object) -> str:
    text = str(value).strip().lower()
    found = _FLAGS.get(text, integer(value))
    if found not in {0, 1}:
        raise NoteRefused("callFlagged must be 0 or 1")
    return str(found)


def _severity(value: object) -> str:
    found = None if isinstance(value, bool) else integer(value)
    if found is None or not 0 <= found <= _WORST:
        raise NoteRefused(f"callSeverity must be a whole number from 0 to {_WORST}")
    return str(found)


def _notes(value: object) -> str:
    if not isinstance(value, str):
        raise NoteRefused("callNotes must be text")
    if len(value) > _LONGEST:
        raise NoteRefused(
            f"callNotes has {len(value)} characters, the vendor takes {_LONGEST} at most"
        )
    return value
