"""Renders one trigger as the vendor sends it: numbers as text, blanks, odd texts and all."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.infinity.columns import NULL_WHEN_BLANK, TRIGGER_COLUMNS
from contact_sandbox.infinity.reference import CHANNELS, ZERO, Row, Site, wire_time

ACTS = (
    ("land", 30), ("page", 26), ("callUser", 10), ("callRate", 6), ("callBlegStart", 5),
    ("callAlegStop", 5), ("sale", 9), ("SALE", 3), ("DOWNLOAD", 5), ("Formulář odeslán ✅", 1),
)  # fmt: skip
"""What happens besides calls, with weights; customers name events as they like."""
STAGES = ("bridge", "bridge", "bridge", "ring", "ivr", "queue", "voicemail")
GOALS = {246: "Answered call", 543: "Brochure", 763: "Bestellung 🛒"}
_BLANKS: Row = {name: None if name in NULL_WHEN_BLANK else "" for name in TRIGGER_COLUMNS}


def number(rng: random.Random, value: float) -> str | float:
    """Return a number as text nine times in ten, else as a JSON number."""
    return value if rng.random() < 0.1 else str(value)


def render(rng: random.Random, site: Site, act: str, row_id: int, at: datetime) -> Row:
    """Return one row with every column of the installation."""
    row = {**_BLANKS, **_identity(rng, site, act, row_id, at)}
    row |= _marketing(rng) | _visitor(rng, at)
    if act.startswith("call"):
        row |= _telephony(rng)
        row |= _analysis(rng)
    if act == "callUser":
        row |= {"ip": "", "ua": "", "srcPhoneNumber": "anonymous"}
    if act == "call" and rng.random() < 0.4:
        row |= _goal(rng, 246)
    elif act in {"DOWNLOAD", "page"} and rng.random() < 0.3:
        row |= _goal(rng, 543)
    if act in {"sale", "SALE", "callRate"} or rng.random() < 0.02:
        row |= _transaction(rng, row_id)
    return row | {name: custom_value(rng, name) for name in site.custom}


def custom_value(rng: random.Random, name: str) -> Any:
    """Return the value of an account-specific column, which can be anything."""
    if name.startswith("pt_"):
        return seeded.pick(rng, ("", "Cj0KCQ-_x", "newsletter", None))
    return seeded.pick(rng, ("gold", "", None, 7, "7", True, ["a", 1], {"tier": "gold"}, "čtyři"))


def _identity(rng: random.Random, site: Site, act: str, row_id: int, at: datetime) -> Row:
    """Return who and when."""
    return {
        "rowId": str(row_id),
        "triggerDatetime": wire_time(at),
        "igrp": number(rng, site.igrp),
        "orgId": str(site.org),
        "act": act,
        "t": seeded.text(rng, 0.05),
        "vid": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "new": number(rng, int(rng.random() < 0.3)),
        "spider": "0",
        "srcHash": f"{rng.getrandbits(64):016x}",
        "dgrp": "1",
        "dgrpName": "Main site",
        "segment": number(rng, 1),
        "segmentName": "Default",
        "goal": "0",
    }


def _marketing(rng: random.Random) -> Row:
    """Return where the visit came from; one in twelve is of an unlisted channel."""
    place = int(rng.random() * (len(CHANNELS) + 1)) - 1
    name, kind = CHANNELS[place] if place >= 0 else ("", "")
    url = f"https://www.example.com/{seeded.pick(rng, seeded.WORDS)}"
    return {
        "ch": str(620 + place) if place >= 0 else "0",
        "chName": name,
        "chType": kind,
        "src": seeded.pick(rng, ("google", "bing", "")),
        "vref": "https://search.example.org/?q=%C3%A9t%C3%A9",
        "href": f"{url}?email=ada%40example.com",
        "pageTitle": seeded.words(rng, 2),
        "term": seeded.text(rng, 0.05),
        "campaign": seeded.pick(rng, ("spring_sale", "", "Été 2026")),
        "ppcAssisted": int(kind == "ppc"),
        "landingPageId": number(rng, 40 + place),
        "landingPageUrl": url,
    }


def _visitor(rng: random.Random, at: datetime) -> Row:
    """Return the visitor's place and history."""
    first = wire_time(at - timedelta(hours=30)) if rng.random() < 0.8 else ZERO
    return {
        "whois": "Example Networks, Ltd",
        "ip": f"198.51.100.{int(rng.random() * 256)}",
        "host": f"host{int(rng.random() * 99)}.example.net",
        "ua": "Mozilla/5.0 (X11; Linux x86_64)",
        "res": "1920x1080",
        "country": seeded.pick(rng, ("GB", "CZ", "")),
        "city": seeded.pick(rng, ("Brno", "Łódź", "London")),
        "postcode": seeded.pick(rng, ("01234", "SW1A 1AA", "")),
        "lat": number(rng, round(rng.uniform(-60, 60), 5)),
        "long": number(rng, round(rng.uniform(-170, 170), 5)),
        "visitorPageCount": number(rng, int(rng.random() * 30)),
        "visitorGoalCount": "0",
        "visitorCallCount": number(rng, int(rng.random() * 4)),
        "visitorFirstDatetime": first,
    }


def _telephony(rng: random.Random) -> Row:
    """Return the call itself; only the stage `bridge` has a connected time."""
    stage = seeded.pick(rng, STAGES)
    talk = int(rng.random() * 900) if stage == "bridge" else 0
    caller = "anonymous" if rng.random() < 0.05 else seeded.phone(rng)
    dialled = seeded.phone(rng)
    return {
        "num": dialled,
        "dialledPhoneNumber": dialled,
        "srcPhoneNumber": caller,
        "destPhoneNumber": f"+{seeded.phone(rng)}",
        "customerPhoneNumber": caller,
        "callDuration": number(rng, talk + 12),
        "bridgeDuration": number(rng, talk) if talk else "",
        "ringTime": number(rng, int(rng.random() * 40)),
        "queueDuration": number(rng, int(rng.random() * 90)) if stage == "queue" else "",
        "callStage": stage,
        "callState": seeded.pick(rng, ("NORMAL_CLEARING_A", "NORMAL_CLEARING_B", "NO_ANSWER")),
        "callDirection": "inbound",
        "operatorRef": f"op{int(rng.random() * 6)}",
        "numType": seeded.pick(rng, ("pool", "fixed")),
        "rec": seeded.pick(rng, ("", "1")),
        "callRating": seeded.pick(rng, (None, "", "good", "5")),
        "notes": seeded.text(rng, 0.3) if rng.random() < 0.2 else None,
        "leadScore": number(rng, round(rng.random() * 10, 2)) if rng.random() < 0.3 else None,
    }


def _analysis(rng: random.Random) -> Row:
    """Return what transcription found; scores may be negative."""
    spotted = int(rng.random() < 0.6)
    flags: Callable[[], str | float] = lambda: number(rng, int(rng.random() < 0.2))  # noqa: E731
    return {
        "callTranscription": number(rng, spotted),
        "callKeywordSpotting": number(rng, spotted),
        "transcriptionConfidence": number(rng, round(rng.random(), 3)) if spotted else None,
        "totalKeywordScore": number(rng, int(rng.uniform(-200, 200))) if spotted else None,
        "totalOperatorKeywordScore": number(rng, int(rng.uniform(-100, 100))) if spotted else "",
        "contactPositiveKeywordCount": number(rng, int(rng.random() * 5)) if spotted else "",
        "callPciDataChecked": flags(),
        "callPciDataFound": flags(),
        "callPiiDataChecked": flags(),
    }


def _goal(rng: random.Random, goal: int) -> Row:
    """Return the columns of a fulfilled goal."""
    value = number(rng, round(rng.random() * 90, 2)) if rng.random() < 0.5 else None
    return {"goal": number(rng, goal), "goalTitle": GOALS[goal], "goalValue": value}


def _transaction(rng: random.Random, row_id: int) -> Row:
    """Return the columns of a transaction, some of them also goals."""
    value = {"txr": f"ORD-{row_id}", "txv": f"{rng.random() * 500:.2f}", "txc": "GBP"}
    return value | (_goal(rng, 763) if rng.random() < 0.5 else {})
