"""Seeded CRM cases.

Member names follow the classes in github.com/motioncx/CrmIrExample (src/Shared/Models/CRM); times
have seven digits of fraction and no zone, as in
https://docs.motioncxapps.com/reference/createcontactasync-1.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from contact_sandbox import seeded
from contact_sandbox.interactions import instants
from contact_sandbox.interactions.data import BIG_ID, SETTLED, TENANT_ID
from contact_sandbox.interactions.documents import Document, Row

EMAIL_ACCOUNT_KEY = "sandbox-email-account-key"
"""A secret inside a ticket's `emailAccount`, which no tap may let out."""

_CLOSED = 3
_OLD = timedelta(days=2)


def tickets(
    rng: random.Random, start: datetime, now: datetime, count: int, never: int = 0
) -> list[Document]:
    """Return `count` cases last changed in [start, now - SETTLED), and one changed before.

    Every `never`-th was made then, and never changed.
    """
    changed = seeded.moments(rng, start, now - SETTLED, count, twins=0.1)
    found = [ticket(rng, number, at) for number, at in enumerate(changed, 1)]
    for case in found[never - 1 :: never] if never else ():
        case.update({"createdAt": case.fields["updatedDate"], "updatedDate": None})
    return [*found, ticket(rng, count + 1, start - _OLD)]


def latest(case: Document) -> datetime:
    """Return when a case was last changed, or made."""
    moment: datetime = case.fields["updatedDate"] or case.fields["createdAt"]
    return moment


def ticket(rng: random.Random, number: int, changed: datetime) -> Document:
    """Return a case whose last change was at `changed`; its id needs 64 bits."""
    customer, agent = _contact(rng, changed, 0), _contact(rng, changed, 1)
    status = rng.randint(1, _CLOSED)
    at = changed + timedelta(microseconds=rng.choice((0, 256_666, 500_000)))
    fields: Row = {
        "id": BIG_ID + number,
        "tenantId": TENANT_ID,
        "statusId": status,
        "statusName": ("New", "Open", "Closed")[status - 1],
        "statusChangeAt": at,
        "priority": rng.choice((None, 1, 2, 3)),
        "subject": seeded.text(rng, 0.3),
        "queueId": 7,
        "queueName": "Support",
        "fileStoreGuid": None,
        "dispositionId": rng.choice((None, 101)),
        "dispositionName": None,
        "createdAt": changed - timedelta(days=rng.randint(0, 30), microseconds=7),
        "createdById": customer["id"],
        "createdByName": customer["name"],
        "createdByEmail": customer["email"],
        "createdQueueId": 7,
        "updatedById": agent["id"],
        "updatedByName": agent["name"],
        "updatedByEmail": agent["email"],
        "updatedDate": at,
        "dueDate": None,
        "closedAt": at if status == _CLOSED else None,
        "source": rng.randint(0, 4),
        "contactId": customer["id"],
        "contactEmail": customer["email"],
        "contactName": customer["name"],
        "relatedTickets": [],
        "participants": [agent],
        "contacts": [customer],
        "customData": [{"fieldId": 12, "value": seeded.text(rng, 0.5)}],
        "isFavorite": False,
        "contact": customer,
        "assignedTo": agent if number % 2 else None,
        "status": {"id": status, "name": "Open", "closed": status == _CLOSED},
        "emailAccount": _email_account() if number % 3 == 0 else None,
    }
    return Document(fields, write=instants.zoneless)


def visible(row: Row) -> Row:
    """Return a ticket's row without the secret in it: all that a tap may emit."""
    account = row["emailAccount"]
    if account is None:
        return row
    kept = {name: value for name, value in account.items() if name != "apiKey"}
    return {**row, "emailAccount": kept}


def _email_account() -> Row:
    """Return the mail account behind a case, with the key to it."""
    return {"id": 4, "tenantId": TENANT_ID, "hostUrl": None, "apiKey": EMAIL_ACCOUNT_KEY}


def _contact(rng: random.Random, created: datetime, agent: int) -> Row:
    """Return a customer or an agent; customers have ids beyond 32 bits."""
    first, last = seeded.pick(rng, seeded.FIRST_NAMES), seeded.pick(rng, seeded.LAST_NAMES)
    return {
        "id": rng.randint(10_600, 10_700) if agent else BIG_ID + rng.randint(1, 10**6),
        "tenantId": TENANT_ID,
        "relatedUserId": None,
        "createdAt": created - timedelta(days=400),
        "email": seeded.email(rng),
        "firstName": first,
        "lastName": last,
        "city": None,
        "postCode": rng.choice((None, "02139")),
        "phone": f"+{seeded.phone(rng)}",
        "name": f"{first} {last}",
        "isAgent": bool(agent),
    }
