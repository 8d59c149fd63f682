"""The events of a call: what the caller went through, step by step."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox.pbx.data import INBOUND, OUTBOUND, Call
from contact_sandbox.pbx.directory import Directory, unique_id
from contact_sandbox.seeded import full_name, generator, phone, pick

RING_GROUP = frozenset({28, 29, 30})
IVR = {
    0: frozenset({51, 52, 53, 54, 55}),
    52: frozenset({52}),
    53: frozenset({53}),
    54: frozenset({55}),
}
"""Event types by the value of `filterIvrEventType`, whose 54 is the table's 55."""

LONG = 1203
"""Events of a call that needs more than one page."""

Data = str | int | None
_OPTIONS: tuple[Data, ...] = ("#", "*", "1", 2, "0")

Step = tuple[int, Data, Data, Data, Data]


@dataclass(frozen=True)
class Event:
    """One event: identifiers, time in UTC, type and its four values."""

    uuid: str
    row_id: str
    at: datetime
    kind: int
    data: tuple[Data, Data, Data, Data]


def events(call: Call, parts: Directory) -> list[Event]:
    """Return the call's events, oldest first; those of a running call are the first ones."""
    if call.journey == "none":
        return []
    rng = generator(0, "events", call.tenant, call.uuid)
    steps = list(_steps(rng, call, parts))
    if not call.running:
        steps.append((5, "0.42", "0.01%", "", ""))
    at = call.at
    found = []
    for step in steps:
        at += timedelta(microseconds=rng.randrange(4_000_000))
        name = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        found.append(Event(name, unique_id(rng), at, step[0], step[1:]))
    return found


def _steps(rng: random.Random, call: Call, parts: Directory) -> Iterator[Step]:
    """Yield the steps up to the end of the call."""
    if call.direction == INBOUND:
        yield from _inbound(rng, call, parts)
    elif call.direction == OUTBOUND:
        yield (37, call.dialed, call.name, call.number, "")
    else:
        yield (3, *pick(rng, parts.extensions), "")
    if call.journey == "long":
        for _ in range(LONG):
            yield (10, *pick(rng, parts.extensions), "")
    if call.journey == "pins":
        yield pick(rng, _private(rng, parts))


def _inbound(rng: random.Random, call: Call, parts: Directory) -> Iterator[Step]:
    """Yield what a caller from outside goes through."""
    ivr, queue, group = (parts.parts[kind] for kind in ("ivr", "queue", "ring_group"))
    extension = next(part for part in parts.extensions if part[1] == call.extension)
    yield (1, call.dialed, "", "", "")
    yield (51, *ivr, "")
    yield (52, *ivr, pick(rng, _OPTIONS))
    path = rng.random()
    if path < 1 / 3:
        yield (28, *group, "")
        yield (29, extension[1], extension[0], group[2], "")
    elif path < 2 / 3:
        yield (47, *queue, "")
        yield (48, *queue, pick(rng, _OPTIONS))
        yield (98, "", extension[1], extension[2], 15)
    else:
        yield (28, *group, "")
        yield (30, *group, "")
        yield (88, "PJSIP/8101&PJSIP/8102", "&PJSIP/8103", "", "Local/8104@internal")
    yield (4 if call.spoke else 25, *extension, "")


def _private(rng: random.Random, parts: Directory) -> list[Step]:
    """Return steps that hold PINs, entered digits or types that no table lists."""
    bridge, toggle, ivr = (parts.parts[kind] for kind in ("bridge", "toggle", "ivr"))
    pin = f"{rng.randrange(10_000):04d}"
    return [
        (40, pin, full_name(rng), phone(rng), ""),
        (64, *bridge, pin),
        (64, *bridge, int(pin)),
        (75, *toggle, f"{pin}#"),
        (55, *ivr, f"81{pin}"),
        (54, *ivr, 9),
        (96, *parts.parts["queue"], phone(rng)),
        (94, *parts.parts["lot"][:2], "71", "8104"),
        (99, "new kind", None, "", 2**40),
        (1042, "", "", "", "日本"),
    ]


def event_row(event: Event, offset: int) -> dict[str, Any]:
    """Return an event as the details call writes it, at `offset` minutes east of UTC."""
    row = report_row(event, offset)
    return {"eventUuid": event.uuid, **row}


def report_row(event: Event, offset: int) -> dict[str, Any]:
    """Return an event as the ring-group report writes it: its identifier is only the map key."""
    at = event.at + timedelta(minutes=offset)
    return {
        "eventDate": f"{at:%Y-%m-%d %H:%M:%S.%f}",
        "eventType": event.kind if event.kind % 2 else str(event.kind),
        **{f"eventData{place}": value for place, value in enumerate(event.data, 1)},
    }
