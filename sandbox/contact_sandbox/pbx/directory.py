"""What a tenant's phone system consists of: numbers, extensions, queues, menus, groups."""

from __future__ import annotations

import random
from dataclasses import dataclass

from contact_sandbox.seeded import full_name, generator, phone, pick

Part = tuple[str, str, str]
"""Identifier (13 hexadecimal digits), extension number and name of one part of the system."""

APPLICATIONS = {
    "1": ("*45",),
    "2": ("*97", "*98"),
    "3": ("*43",),
    "4": ("*62",),
    "5": ("*49",),
    "6": ("*80",),
}
"""Feature codes by the number that `filterInternalApp` knows them under (specification)."""

_GROUPS = ("Sales", "Support", None)
_KINDS = ("queue", "ivr", "ring_group", "bridge", "toggle", "lot")


@dataclass(frozen=True)
class Did:
    """A phone number that outsiders can dial."""

    number: str
    description: str
    prefix: str
    group: str | None


@dataclass(frozen=True)
class Directory:
    """The parts of one tenant's phone system.

    Attributes:
        dids: Numbers reachable from outside.
        extensions: Endpoints with extension number and the name of their user.
        parts: One queue, menu, ring group, conference bridge, toggle and parking lot by kind.
    """

    dids: tuple[Did, ...]
    extensions: tuple[Part, ...]
    parts: dict[str, Part]


def directory(seed: int, tenant: str) -> Directory:
    """Return the seeded directory of `tenant`."""
    rng = generator(seed, "pbx", "directory", tenant)
    dids = tuple(
        Did(phone(rng), f"Main line {place}", f"{place}:", pick(rng, _GROUPS))
        for place in range(1, 5)
    )
    extensions = tuple((unique_id(rng), str(8100 + place), full_name(rng)) for place in range(12))
    parts = {
        kind: (unique_id(rng), str(8300 + place), f"{kind.replace('_', ' ').title()} {tenant}")
        for place, kind in enumerate(_KINDS)
    }
    return Directory(dids, extensions, parts)


def unique_id(rng: random.Random) -> str:
    """Return an identifier in the form of PHP's uniqid, as seen in the vendor's event data."""
    return f"{rng.getrandbits(52):013x}"
