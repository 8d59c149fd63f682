"""Calls as the vendor writes them, in its several spellings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from contact_sandbox.pbx.data import OUTBOUND, Call
from contact_sandbox.pbx.directory import Directory
from contact_sandbox.pbx.recordings import link

_NUMBERS = (
    "callDirection", "duration", "callRecorded", "callFlagged", "callSeverity", "wentToVoicemail",
    "spokeToPerson",
)  # fmt: skip


@dataclass(frozen=True)
class Spelling:
    """How rows are written.

    Attributes:
        numbers: `mixed`, `strings` or `plain`: which calls write their numbers as strings.
        mapped: Whether calls stand under their identifier, so that some rows leave it out.
        base: Scheme and host of the recordings.
        foreign: Scheme and host of the links that lead elsewhere.
        access: The parameters `auth` and `containerID`, which leak into links.
    """

    numbers: str
    mapped: bool
    base: str
    foreign: str
    access: dict[str, str]


def call_row(call: Call, parts: Directory, offset: int, spelling: Spelling) -> dict[str, Any]:
    """Return the call as the call list writes it, at `offset` minutes east of UTC."""
    row = summary(call, parts, offset, spelling)
    if call.transcription is not None or call.style % 7:
        empty = None if call.style % 7 == 1 else ""
        row["transcription"] = empty if call.transcription is None else call.transcription
    row.update(call.extra or {})
    if spelling.mapped and call.style % 97 == 0:
        del row["callUuid"]
    return row


def summary(call: Call, parts: Directory, offset: int, spelling: Spelling) -> dict[str, Any]:
    """Return the fields of a call that list and details share, so without transcription."""
    access = {**spelling.access, "tenantID": call.tenant}
    blank = "" if call.style % 2 else None
    did = parts.dids[call.did] if call.did is not None else None
    row: dict[str, Any] = {
        "callUuid": call.uuid,
        "callDate": _date(call, offset),
        "callDirection": call.direction,
        "cidName": call.name,
        "cidNum": call.number,
        "numDialed": call.dialed,
        "duration": call.duration,
        "callRecorded": int(call.audio not in ("", "unmarked")),
        "recordingUrl": link(call, spelling.base, access, spelling.foreign) or blank,
        "didDescription": did.description if did else blank,
        "cidPrefix": did.prefix if did else blank,
        "lastEvent": call.last_event,
        "callFlagged": call.flagged,
        "callSeverity": call.severity,
        "callNotes": call.notes,
        "wentToVoicemail": call.voicemail,
        "spokeToPerson": call.spoke,
        "didGroup": did.group if did else blank,
    }
    if call.direction == OUTBOUND:
        row["wentToVoicemail"] = row["spokeToPerson"] = ("", None, 0, 0)[call.style % 4]
    if spelling.numbers == "strings" or (spelling.numbers == "mixed" and call.style % 3 == 0):
        row.update({name: _text(row[name]) for name in _NUMBERS})
    return row


def _text(value: int | str | None) -> str | None:
    """Return a number as the string that a database driver makes of it."""
    return None if value is None else str(value)


def _date(call: Call, offset: int) -> str:
    """Return the start of the call; only some rows show the fraction that is stored."""
    at = call.at + timedelta(minutes=offset)
    pattern = "%Y-%m-%d %H:%M:%S.%f" if call.style % 5 == 0 else "%Y-%m-%d %H:%M:%S"
    return at.strftime(pattern)
