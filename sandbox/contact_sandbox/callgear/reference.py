"""Rows of the reference methods, with names and ids that the reports refer to."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from contact_sandbox import seeded
from contact_sandbox.callgear.methods import METHODS
from contact_sandbox.callgear.rows import Row
from contact_sandbox.callgear.values import Values

if TYPE_CHECKING:
    from contact_sandbox.callgear.data import Account

SIP_PASSWORD = "sandbox-sip-secret-"  # noqa: S105 - obviously fake
"""Start of every SIP password: a tap must never emit one."""

_COUNTS = {
    "get.employees": 12,
    "get.group_employees": 4,
    "get.statuses": 7,
    "get.employee_positions": 3,
    "get.tags": 9,
    "get.campaigns": 8,
    "get.sites": 3,
    "get.site_blocks": 5,
    "get.virtual_numbers": 14,
    "get.scenarios": 5,
    "get.segments": 4,
    "get.schedules": 3,
    "get.chat_channels": 4,
    "get.sources": 8,
    "get.sources_groups": 4,
    "get.sources_channels": 5,
    "get.source_costs": 6,
    "get.contacts": 30,
    "get.group_contacts": 3,
    "get.contact_organizations": 4,
    "get.sip_lines": 6,
    "get.media_files": 5,
    "get.blacklist_phone_numbers": 6,
    "get.auto_call_campaigns": 3,
    "get.customers": 2,
    "get.customer_users": 4,
}
_NEGATIVE = {"get.campaigns": (-1,), "get.sources": (-1, -3)}
"""System entries have negative ids."""

_STATUSES = (
    "available", "break", "do_not_disturb", "not_at_workplace", "not_at_work", "unknown", None,
)  # fmt: skip


def reference_rows(account: Account, name: str) -> list[Row]:
    """Return the rows of the reference method `name`."""
    rng = seeded.generator(account.seed, name)
    values = Values(METHODS[name], account.clock, rng)
    rows = []
    for place in range(_COUNTS[name]):
        at = account.start - timedelta(days=30 * (place + 1))
        rows.append(Row(values.fill(_own(account, name, place), set(), at)))
    if name == "get.employees":
        rows[3].extra["brand_new_member"] = {"since": 2026}
    return rows


def reference_ids(name: str) -> list[int]:
    """Return the ids of a reference method's rows, in their order."""
    first = 40_000 + 1_000 * list(_COUNTS).index(name)
    negative = _NEGATIVE.get(name, ())
    ids = [*negative, *(first + 7 * place for place in range(_COUNTS[name] - len(negative)))]
    if name == "get.employees":
        ids[-1] = 2**33 + 5
    return ids


def _own(account: Account, name: str, place: int) -> dict[str, Any]:
    """Return the values that are not left to chance."""
    rng = seeded.generator(account.seed, name, place)
    own: dict[str, Any] = {"id": reference_ids(name)[place]} if name != "get.source_costs" else {}
    fields = METHODS[name].fields
    if "name" in fields:
        label = name.removeprefix("get.").replace("_", " ").rstrip("s").title()
        own["name"] = f"{label} {place} {seeded.text(rng, 0.3)}"[:80].strip()
    if "site_id" in fields:
        own["site_id"] = seeded.pick(rng, reference_ids("get.sites"))
    own.update(_special(account, name, place))
    return own


def _special(account: Account, name: str, place: int) -> dict[str, Any]:
    """Return the values that the vendor's pages or clients are particular about."""
    rng = seeded.generator(account.seed, name, place, "special")
    make = _SPECIALS.get(name)
    return make(place, rng) if make else {}


def _employee(place: int, rng: random.Random) -> dict[str, Any]:
    """Return a person; groups are null once."""
    first, last = seeded.pick(rng, seeded.FIRST_NAMES), seeded.pick(rng, seeded.LAST_NAMES)
    return {
        "first_name": first,
        "last_name": last,
        "full_name": f"{last} {first}",
        "login": f"user{place}@example.com",
        "groups": None if place == 2 else [{"group_id": 41_000, "group_name": "Sales"}],
    }


def _contact(place: int, rng: random.Random) -> dict[str, Any]:
    """Return ways to reach a contact: phone numbers are numbers."""
    numbers = [int(seeded.phone(rng)) for _ in range(1 + place % 2)]
    return {
        "phone_numbers": [] if place == 4 else numbers,
        "emails": None if place == 5 else [seeded.email(rng)],
    }


def _source_cost(place: int, _rng: random.Random) -> dict[str, Any]:
    """Return the source and site that costs are about."""
    return {
        "source_id": reference_ids("get.sources")[place // 2],
        "site_id": reference_ids("get.sites")[place % 2],
    }


_SPECIALS: dict[str, Callable[[int, random.Random], dict[str, Any]]] = {
    "get.employees": _employee,
    "get.contacts": _contact,
    "get.source_costs": _source_cost,
    "get.statuses": lambda place, _: {"mnemonic": _STATUSES[place], "is_deleted": False},
    "get.sites": lambda place, _: {"domain_name": f"shop{place}.example.com"},
    "get.sip_lines": lambda place, _: {"password": f"{SIP_PASSWORD}{place}"},
    "get.sources": lambda place, _: {
        "filter": None,
        "static_parameters": None if place % 2 else [],
    },
}
