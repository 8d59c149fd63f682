"""What a full sync of each stream must hold, read from the store and not from any answer."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from contact_sandbox.pbx import recordings
from contact_sandbox.pbx.data import Call
from contact_sandbox.pbx.events import RING_GROUP, event_row, report_row
from contact_sandbox.pbx.messages import Conversation
from contact_sandbox.pbx.rows import Spelling, call_row
from contact_sandbox.pbx.store import Store

Rows = dict[tuple[Any, ...], dict[str, Any]]


def rows(
    stream: str, store: Store, talks: list[Conversation], container: str, spelling: Spelling
) -> Rows:
    """Return the rows of `stream` by primary key; KeyError for a stream that does not exist."""
    streams: dict[str, Callable[[], Rows]] = {
        "calls": lambda: _calls(store, container, spelling),
        "call_events": lambda: _call_events(store, container),
        "call_recordings": lambda: _call_recordings(store, container, spelling),
        "event_types": _event_types,
        "ring_group_events": lambda: _ring_group_events(store, container),
        "sms_conversations": lambda: {
            (container, number, talk.id): row for talk in talks for number, row in talk.rows.items()
        },
        "sms_messages": lambda: {
            (container, name): row for talk in talks for name, row in talk.messages.items()
        },
    }
    return streams[stream]()


def audio(store: Store, container: str, seconds: float) -> Rows:
    """Return what fetching each recording must come to."""
    return {
        (container, call.tenant, call.uuid): recordings.truth(call, seconds)
        for call in _every(store)
        if call.audio
    }


def _calls(store: Store, container: str, spelling: Spelling) -> Rows:
    """Return the calls of every tenant."""
    return {
        (container, call.tenant, call.uuid): call_row(
            call, store.directories[call.tenant], 0, spelling
        )
        for call in _every(store)
    }


def _call_events(store: Store, container: str) -> Rows:
    """Return the events of every call."""
    return {
        (container, call.tenant, call.uuid, event.uuid): event_row(event, 0)
        for call in _every(store)
        for event in store.events(call)
    }


def _call_recordings(store: Store, container: str, spelling: Spelling) -> Rows:
    """Return, for every call with a recording or a link, what the call list says about it."""
    names = ("callUuid", "callDate", "callRecorded", "recordingUrl")
    return {
        (container, call.tenant, call.uuid): {
            **{name: row.get(name, call.uuid) for name in names},
            "fileName": recordings.file_name(call),
        }
        for call in _every(store)
        if call.audio
        for row in [call_row(call, store.directories[call.tenant], 0, spelling)]
    }


def _ring_group_events(store: Store, container: str) -> Rows:
    """Return the ring-group events of every call."""
    return {
        (container, call.tenant, event.row_id): report_row(event, 0)
        for call in _every(store)
        for event in store.events(call)
        if event.kind in RING_GROUP
    }


def _event_types() -> Rows:
    """Return the purposes that the vendor published for the types 1 to 98."""
    lines = files(__package__ or "").joinpath("purposes.txt").read_text("utf-8").splitlines()
    return {
        (number,): {"eventType": number, "purpose": line} for number, line in enumerate(lines, 1)
    }


def _every(store: Store) -> list[Call]:
    """Return the calls of every tenant."""
    return [call for calls in store.tenants.values() for call in calls]
