"""The seeded calls of every tenant, with the cases that break careless clients."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox.pbx.directory import APPLICATIONS, Directory, directory
from contact_sandbox.pbx.recordings import KINDS
from contact_sandbox.seeded import (
    LONE_SURROGATE,
    full_name,
    generator,
    moments,
    phone,
    pick,
    text,
    words,
)

INBOUND, OUTBOUND, INTERNAL = 1, 2, 3

QUIET = timedelta(minutes=10)
"""No seeded call is younger than this, so that a client's safety lag hides none."""

_SHARES = (0.6, 0.3, 0.1)
_FRACTIONS = (0, 0, 0, 1, 500_000, 999_999)


@dataclass
class Call:
    """One call as the vendor stores it.

    Attributes:
        at: Start in UTC, to the microsecond.
        style: Settles which of the vendor's spellings (strings for numbers, missing keys, fraction
            of seconds) this row is written in, always the same ones.
        running: Whether the call has not ended yet.
        audio: Kind of recording, a member of `recordings.KINDS`, or "" for none.
        journey: "" for an ordinary call, else the events that are wanted: `long`, `pins`, `none`.
        extra: Fields that no documentation mentions.
    """

    tenant: str
    uuid: str
    at: datetime
    style: int
    direction: int
    name: str | None
    number: str | None
    dialed: str | None
    duration: int
    extension: str = ""
    did: int | None = None
    last_event: str | None = "Hangup (Normal)"
    flagged: int = 0
    severity: int | None = 0
    notes: str | None = ""
    voicemail: int = 0
    spoke: int = 0
    transcription: str | None = None
    running: bool = False
    audio: str = ""
    journey: str = ""
    extra: Mapping[str, Any] | None = None


_NASTY: tuple[dict[str, Any], ...] = (
    {"name": "anonymous", "number": "anonymous"},
    {"name": "", "number": ""},
    {"name": None, "number": None, "dialed": None, "notes": None, "severity": None},
    {"number": "+12025550143", "dialed": "8101"},
    {"severity": 7, "flagged": 1, "notes": '=HYPERLINK("http://example.com","x")'},
    {"duration": 2**32 + 1001},
    {"last_event": "<b>Caller</b> hung up & left"},
    {"notes": "n" * 254 + "é"},
    {"transcription": "word " * 4000},
    {"last_event": None, "duration": 0},
    {"journey": "long", "duration": 7200},
    {"journey": "none", "duration": 0, "last_event": "Call blocked (Globally)"},
    {"direction": 4, "did": None, "dialed": "8300"},
    {"extra": {"queueName": "Support", "hold": {"seconds": 12, "parts": [5, 7]}}},
    {"extra": {"answeredBy": None}},
)


def history(
    options: Mapping[str, Any], seed: int, start: datetime, now: datetime
) -> dict[str, list[Call]]:
    """Return each tenant's calls in [start, now - QUIET), oldest first."""
    tenants = {}
    for place, tenant in enumerate(options["tenants"]):
        rng = generator(seed, "pbx", "calls", tenant)
        share = _SHARES[min(place, len(_SHARES) - 1)]
        found = _instants(rng, start, now, int(options["calls"] * share))
        if place == 0:
            found += _crowds(rng, options, start, now)
        parts = directory(seed, tenant)
        calls = [new_call(rng, tenant, parts, at) for at in found]
        _twist(rng, calls, options, first=place == 0)
        for second in range(options["running"]):
            at = now - QUIET - timedelta(minutes=1, seconds=second)
            calls.append(begin(new_call(rng, tenant, parts, at)))
        tenants[tenant] = sorted(calls, key=lambda call: call.at)
    _share_identifier(tenants)
    return tenants


def _instants(rng: random.Random, start: datetime, now: datetime, count: int) -> list[datetime]:
    """Return `count` instants: most anywhere, some on the edges of days and seconds."""
    midnight = now.replace(hour=0, minute=0, second=0) - timedelta(days=1)
    edges = [start, midnight, midnight + timedelta(microseconds=400_000),
             midnight - timedelta(microseconds=500_000)]  # fmt: skip
    edges = [at for at in edges if start <= at < now - QUIET][:count]
    plain = moments(rng, start, now - QUIET, count - len(edges), twins=0.05)
    return edges + [at + timedelta(microseconds=pick(rng, _FRACTIONS)) for at in plain]


def _crowds(
    rng: random.Random, options: Mapping[str, Any], start: datetime, now: datetime
) -> list[datetime]:
    """Return the instants of the busy day (more than one page) and of the burst in one second."""
    day = max(start, (now - timedelta(days=9)).replace(hour=0, minute=0, second=0))
    until = min(day + timedelta(days=1), now - QUIET)
    busy = moments(rng, day, until, options["busy_day"], twins=0.3)
    second = max(start, now - timedelta(days=2, hours=5))
    burst = [second + timedelta(microseconds=rng.randrange(10**6)) for _ in range(options["burst"])]
    return busy + burst


def new_call(rng: random.Random, tenant: str, parts: Directory, at: datetime) -> Call:
    """Return a finished call that started at `at`."""
    direction = pick(rng, (INBOUND, INBOUND, INBOUND, OUTBOUND, OUTBOUND, INTERNAL))
    _, number, user = pick(rng, parts.extensions)
    call = Call(
        tenant=tenant,
        uuid=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        at=at,
        style=rng.randrange(840),
        direction=direction,
        name=text(rng, 0.05) if chance(rng, 0.1) else full_name(rng),
        number=phone(rng),
        dialed=None,
        duration=int(rng.expovariate(1 / 180)),
        extension=number,
    )
    if direction == INBOUND:
        call.did = rng.randrange(len(parts.dids))
        call.dialed = parts.dids[call.did].number
        call.spoke = int(chance(rng, 0.7))
        call.voicemail = int(not call.spoke and chance(rng, 0.7))
        call.last_event = "Extension Answer" if call.spoke else "Voicemail Left"
    else:
        call.name, call.number = user, number
        codes = tuple(code for group in APPLICATIONS.values() for code in group)
        colleague = pick(rng, parts.extensions)[1]
        inside = pick(rng, codes) if chance(rng, 0.2) else colleague
        call.dialed = phone(rng) if direction == OUTBOUND else inside
    _annotate(rng, call)
    return call


def chance(rng: random.Random, probability: float) -> bool:
    """Return True with the given probability."""
    return rng.random() < probability


def _annotate(rng: random.Random, call: Call) -> None:
    """Add what comes later: notes, flags, severities, transcriptions, recordings."""
    if chance(rng, 0.08):
        call.notes, call.severity = text(rng, 0.4)[:255], rng.randrange(6)
        call.flagged = int(chance(rng, 0.5))
    if chance(rng, 0.1):
        call.transcription = words(rng, 30)
    if chance(rng, 0.15):
        call.audio = pick(rng, KINDS)
    if chance(rng, 0.15):
        call.journey = "pins"


def _twist(
    rng: random.Random, calls: list[Call], options: Mapping[str, Any], *, first: bool
) -> None:
    """Turn some calls into the nasty ones; the first tenant gets every one of them."""
    twists = list(_NASTY) if first else list(_NASTY[:4])
    if first and options["lone_surrogate"]:
        twists.append({"transcription": LONE_SURROGATE})
    if first and options["nul"]:
        twists.append({"notes": "before\x00after"})
    twists += [{"audio": kind} for kind in KINDS] if first else []
    for place, twist in zip(rng.sample(range(len(calls)), len(calls)), twists, strict=False):
        calls[place] = replace(calls[place], **twist)


def begin(call: Call) -> Call:
    """Return `call` as it looks before it ends."""
    return replace(
        call, running=True, duration=0, last_event="", voicemail=0, spoke=0, audio="",
        transcription=None, notes="", severity=0, flagged=0, journey="",
    )  # fmt: skip


def _share_identifier(tenants: Mapping[str, list[Call]]) -> None:
    """Give one call of the second tenant the identifier of one of the first: nothing forbids it."""
    groups = [calls for calls in tenants.values() if calls]
    if len(groups) > 1:
        groups[1][0].uuid = groups[0][-1 - len(groups[0]) // 2].uuid
