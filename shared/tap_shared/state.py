"""Checkpoint: watermarks in the SDK's state, and the guard that keeps them honest.

A watermark is the instant up to which everything has been read and emitted. It never moves
backwards and never passes the moment the run started.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

from tap_shared.errors import SettingRefused
from tap_shared.instants import instant_text, parse_instant

__all__ = ["bookmark", "check_state", "mark"]

KEY = "replication_key"
VALUE = "replication_key_value"
_OF_OTHERS = ("progress_markers", "replication_key_signpost", "starting_replication_value")


def check_state(state: Any) -> dict[str, Any]:
    """Check a state file's shape and drop what other versions left in it.

    Returns:
        A state that the SDK can merge.

    Raises:
        SettingRefused: It is no Singer state, or a bookmark in it is no instant.
    """
    if isinstance(state, dict) and "bookmarks" not in state and "singer_state" in state:
        state = state["singer_state"]
    if not isinstance(state, dict) or not isinstance(state.get("bookmarks", {}), dict):
        raise SettingRefused("state", "must be a Singer state: an object with 'bookmarks'.")
    for stream, entry in state.get("bookmarks", {}).items():
        _check_entry(stream, entry)
        parts = entry.get("partitions", [])
        if not isinstance(parts, list):
            raise SettingRefused("state", f"has partitions of '{stream}' that are no list.")
        for part in parts:
            _check_entry(stream, part)
            if not isinstance(part.get("context"), dict):
                raise SettingRefused("state", f"has a partition of '{stream}' without context.")
    return state


def _check_entry(stream: str, entry: Any) -> None:
    if not isinstance(entry, dict):
        raise SettingRefused("state", f"has a bookmark of '{stream}' that is no object.")
    for name in _OF_OTHERS:
        entry.pop(name, None)
    value = entry.get(VALUE)
    if value is None:
        return
    try:
        entry[VALUE] = instant_text(parse_instant(value))
    except (ValueError, TypeError):
        raise SettingRefused(
            "state", f"has a bookmark of '{stream}' that is no instant; remove it to read anew."
        ) from None


def bookmark(entry: Mapping[str, Any], replication_key: str) -> datetime | None:
    """Read the watermark of a stream or partition; None on its first run.

    A bookmark under another replication key says nothing about this one.
    """
    value = entry.get(VALUE)
    if value is None or entry.get(KEY, replication_key) != replication_key:
        return None
    return parse_instant(value)


def mark(
    entry: MutableMapping[str, Any], replication_key: str, reached: datetime, run_start: datetime
) -> None:
    """Move a watermark forward.

    Args:
        entry: The state of the stream or partition.
        replication_key: The stream's replication key.
        reached: The end of the finished window.
        run_start: When the run started; no watermark passes it.
    """
    reached = min(reached, run_start).astimezone(UTC)
    found = bookmark(entry, replication_key)
    entry[KEY] = replication_key
    entry[VALUE] = instant_text(max(reached, found) if found else reached)
