"""Seeded names, numbers, texts and times for the vendors' rows; nobody in them exists."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

T = TypeVar("T")

FIRST_NAMES = (
    "Ada", "Bjørn", "Chloé", "Dmitri", "Eleni", "Fatima", "Gábor", "Hana", "İpek", "João",
    "Karolína", "Łukasz", "María", "Noor", "Ólafur", "Priya", "Quinn", "Rania", "Søren", "Thảo",
)  # fmt: skip
LAST_NAMES = (
    "Abbott", "Bergström", "Çelik", "D'Souza", "Eriksen", "Fernández", "Größer", "Haddad",
    "Ivanova", "Jørgensen", "Kowalski", "Lefèvre", "Müller", "Nguyễn", "O'Neill", "Petrović",
    "Quist", "Rossi", "Šimek", "Tanaka",
)  # fmt: skip
WORDS = (
    "account", "billing", "callback", "delivery", "estimate", "follow-up", "greeting", "holiday",
    "invoice", "junction", "keyword", "landing", "missed", "number", "offer", "premium",
    "question", "refund", "support", "transfer", "upgrade", "voicemail", "warranty",
)  # fmt: skip
HOSTILE_TEXTS = (
    "日本語のメモ",
    "مرحبا بالعالم",
    "שלום \u200f(עולם)\u200e",
    "👩‍👩‍👧‍👦 family 🏳️‍🌈",
    "a\u0301 combining, \u00e1 composed",
    "zero\u200bwidth\ufeffmark",
    'quote " backslash \\ slash / \b\f\n\r\t',
    "line\u2028and\u2029paragraph",
    "\x01\x1f\x7f control",
    "</script><b>&amp;</b>",
    "'; DROP TABLE calls; --",
    "=1+1",
    "nul? null NaN Infinity",
    "\U0010ffff\ufffe",
    " leading and trailing ",
    "very " * 40 + "long",
)
"""Texts that break careless code; all of them encode to UTF-8 and none holds NUL."""

LONE_SURROGATE = "cut emoji \ud83d"
r"""A text with half a surrogate pair; as JSON it is the escape `\ud83d`."""


def generator(seed: int, *names: object) -> random.Random:
    """Return a generator that depends only on `seed` and `names`."""
    return random.Random(":".join(map(str, (seed, *names))))  # noqa: S311 - not a secret


def pick(rng: random.Random, values: Sequence[T]) -> T:
    """Return one of `values`; several times faster than `Random.choice`."""
    return values[int(rng.random() * len(values))]


def phone(rng: random.Random) -> str:
    """Return a fictional number, 11 digits without plus: 1 (area) 555 01xx."""
    return f"1{200 + int(rng.random() * 700)}55501{int(rng.random() * 100):02d}"


def full_name(rng: random.Random) -> str:
    """Return a first and a last name."""
    return f"{pick(rng, FIRST_NAMES)} {pick(rng, LAST_NAMES)}"


def email(rng: random.Random) -> str:
    """Return an address under example.com."""
    return f"{pick(rng, WORDS)}.{int(rng.random() * 10**6)}@example.com"


def words(rng: random.Random, count: int = 3) -> str:
    """Return `count` plain words."""
    return " ".join(pick(rng, WORDS) for _ in range(count))


def text(rng: random.Random, hostile: float = 0.1) -> str:
    """Return plain words or, with probability `hostile`, a text from `HOSTILE_TEXTS`."""
    return pick(rng, HOSTILE_TEXTS) if rng.random() < hostile else words(rng)


def moments(
    rng: random.Random, start: datetime, end: datetime, count: int, *, twins: float = 0.02
) -> list[datetime]:
    """Return `count` instants of whole seconds in [start, end), ascending.

    With probability `twins` an instant is the one before it again.
    """
    span = int((end - start).total_seconds())
    found = sorted(start + timedelta(seconds=int(rng.random() * span)) for _ in range(count))
    for place in range(1, count):
        if rng.random() < twins:
            found[place] = found[place - 1]
    return found


def clock_changes(zone: ZoneInfo, start: datetime, end: datetime) -> list[tuple[datetime, int]]:
    """Return the changes of the zone's offset in [start, end).

    Each is the UTC instant (to the second) with the change in seconds: negative where clocks are
    set back (a fold), positive where an hour is left out (a gap).
    """
    changes = []
    low = start.astimezone(UTC)
    while low < end:
        high = min(low + timedelta(days=1), end.astimezone(UTC))
        before, after = _offset(zone, low), _offset(zone, high)
        if before != after:
            left, right = low, high
            while right - left > timedelta(seconds=1):
                middle = left + timedelta(seconds=int((right - left).total_seconds()) // 2)
                left, right = (middle, right) if _offset(zone, middle) == before else (left, middle)
            changes.append((right, after - before))
        low = high
    return changes


def _offset(zone: ZoneInfo, instant: datetime) -> int:
    """Return the zone's offset from UTC in seconds at `instant`."""
    offset = instant.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def utc_text(instant: datetime) -> str:
    """Return an instant in the one form that the taps emit: `2024-01-05T13:22:07.000000Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def local_to_utc(local: str, zone: ZoneInfo, pattern: str = "%Y-%m-%d %H:%M:%S") -> datetime:
    """Return the instant of a naive local text; in a fold the first occurrence."""
    return datetime.strptime(local, pattern).replace(tzinfo=zone, fold=0).astimezone(UTC)
