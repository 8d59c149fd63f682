"""Lists of the routing and CRM services: another envelope, and ten items a page by default.

Source: https://docs.motioncxapps.com/reference/get_irm-v1-workstates and the list classes in
github.com/motioncx/CrmIrExample; refusals in detail are inferred.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from contact_sandbox.interactions import details, instants
from contact_sandbox.interactions.body import Members, problem
from contact_sandbox.interactions.data import TENANT_ID
from contact_sandbox.interactions.documents import Document
from contact_sandbox.interactions.ranges import Range
from contact_sandbox.vendor import Reply, Request

DEFAULT_PAGE = 10
_UTC = ZoneInfo("UTC")


def answer(
    request: Request, documents: Sequence[Document], rng: random.Random, largest: int
) -> Reply:
    """Return one page of a list.

    Args:
        request: Carries `TenantId`, `SkipCount`, `MaxResultCount` and `Sorting`.
        documents: The whole list.
        rng: Decides the order of ties, and of everything where no sorting is asked for.
        largest: Items that a page never exceeds.

    Raises:
        RefusedError: A parameter is missing or wrong, or the tenant is another's.
    """
    query = Members.of_query(request)
    tenant = query.number("TenantId", 1)
    if tenant is None:
        raise problem("TenantId", "The TenantId field is required.")
    if tenant != TENANT_ID:
        return Reply(403)
    skipped = query.number("SkipCount", 0) or 0
    size = min(query.number("MaxResultCount", 1) or DEFAULT_PAGE, largest)
    for what, field in (("Updated", "updatedDate"), ("Created", "createdAt")):
        documents = _between(query, what, documents, field)
    found = _sorted(list(documents), query.get("Sorting", str) or "", rng)
    items = [document.row() for document in found[skipped : skipped + size]]
    return Reply(200, {"totalCount": len(found), "items": items})


def _sorted(documents: list[Document], sorting: str, rng: random.Random) -> list[Document]:
    """Return documents in the order of a `Sorting` parameter such as `id` or `name desc`."""
    name, _, direction = sorting.strip().partition(" ")
    if not name:
        return details.ordered(documents, (), rng)
    known = {field.lower(): field for document in documents for field in document.fields}
    if documents and name.lower() not in known:
        raise problem("Sorting", f"No property or field '{name}' exists.")
    if direction.lower() not in ("", "asc", "desc"):
        raise problem("Sorting", f"Syntax error at '{direction}'.")
    found = details.ordered(documents, [known.get(name.lower(), name)], rng)
    return found[::-1] if direction.lower() == "desc" else found


def _between(
    query: Members, what: str, documents: Sequence[Document], field: str
) -> Sequence[Document]:
    """Return the documents changed or made in a range such as `UpdatedAt`, `UpdatedTo`."""
    bounds = [query.get(what + end, str) for end in ("At", "To")]
    if bounds == [None, None]:
        return documents
    try:
        start, end = (
            instants.parse(text, _UTC) if text else default
            for text, default in zip(bounds, (_FIRST, _LAST), strict=True)
        )
    except ValueError as error:
        raise problem(f"{what}At", "The value is not a valid DateTime.") from error
    inside = Range(start, end, "[]")
    return [each for each in documents if each.fields.get(field) in inside]


_FIRST, _LAST = (instants.parse(f"{year}-01-01T00:00:00Z") for year in (1900, 2200))
