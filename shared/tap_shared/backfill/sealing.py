"""Sealing: incremental state out of ledger entries, never past a hole. Pure: no I/O, no clock."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tap_shared.backfill.ledger import Entry
from tap_shared.backfill.slices import Track, reached
from tap_shared.instants import instant_text, parse_instant
from tap_shared.state import KEY, VALUE
from tap_shared.windows import Window

__all__ = ["seal"]

Found = Iterable[tuple[Track, Sequence[tuple[Window, Entry]]]]


def seal(whole: Window, found: Found) -> dict[str, Any]:
    """Make the incremental state of one account.

    A bookmark is the first hole of its stream and partition. One that would lie at the very start
    is left out: the incremental run then reads from its own `start_date`.

    Args:
        whole: The job's range.
        found: The account's tracks with the entries of each.

    Returns:
        The state, as `meltano state set` and `--state` take it.
    """
    bookmarks: dict[str, Any] = {}
    for track, entries in found:
        for context, covered in _by_context(entries).items():
            hole = reached(whole, covered)
            if hole > whole.start:
                mark = {KEY: entries[0][1].replication_key, VALUE: instant_text(hole)}
                _put(bookmarks.setdefault(track.stream, {}), context, mark)
    return {"singer_state": {"bookmarks": bookmarks}}


def _by_context(entries: Iterable[tuple[Window, Entry]]) -> dict[str, list[Window]]:
    """Give what is covered of each partition that a run reached, by its context as text."""
    found: dict[str, list[Window]] = {}
    for window, entry in entries:
        for reach in entry.reaches:
            end = min(window.end, parse_instant(reach.value))
            if end > window.start:
                context = json.dumps(reach.context, sort_keys=True)
                found.setdefault(context, []).append(Window(window.start, end))
    return found


def _put(bookmark: dict[str, Any], context: str, mark: dict[str, str]) -> None:
    where = json.loads(context)
    if where is None:
        bookmark.update(mark)
    else:
        bookmark.setdefault("partitions", []).append({"context": where, **mark})
