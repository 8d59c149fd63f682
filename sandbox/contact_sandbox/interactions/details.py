"""Detail queries: which rows, in which order, which page, which fields.

Ties, and rows of a query without `OrderBy`, come in another order at each request: nothing promises
one, and MongoDB keeps none.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from contact_sandbox.interactions import filters
from contact_sandbox.interactions.body import Members
from contact_sandbox.interactions.documents import Document, Row


class LimitError(Exception):
    """The page asked for is not allowed."""


@dataclass(frozen=True)
class Limits:
    """How pages are cut.

    Attributes:
        largest: Rows that a page never exceeds, whatever is asked for.
        default: Rows where no Limit is given.
        refuse_above: A Limit above this is refused, where it is not clamped.
        order_fields: How many of the OrderBy fields count; None for all.
        short: How often a page is cut short for no reason.
    """

    largest: int
    default: int
    refuse_above: int | None
    order_fields: int | None
    short: float = 0.0


@dataclass(frozen=True)
class Page:
    """The part of the result that a query asks for."""

    fields: frozenset[str]
    order: list[str]
    limit: int
    offset: int

    @classmethod
    def of(cls, members: Members, limits: Limits, rng: random.Random) -> Page:
        """Read a page from a request body; `rng` cuts some short.

        Raises:
            RefusedError: A value of the wrong type, such as a text for `OrderBy`.
            LimitError: A limit or an offset that is not allowed.
        """
        fields, order = members.array("Fields", str), members.array("OrderBy", str)
        limit, offset = members.get("Limit", int), members.get("Offset", int) or 0
        asked = limits.default if limit is None else limit
        if asked < 1 or offset < 0:
            raise LimitError("Limit has to be positive and Offset must not be negative.")
        if limits.refuse_above is not None and asked > limits.refuse_above:
            raise LimitError(f"Limit must not exceed {limits.refuse_above}.")
        size = min(asked, limits.largest)
        if limits.short and rng.random() < limits.short:
            size = rng.randint(1, size)
        return cls(frozenset(fields), order[: limits.order_fields], size, offset)

    def cut(self, documents: Sequence[Document]) -> list[Row]:
        """Return the page's rows, reduced to the chosen fields and `_id`."""
        rows = [each.row() for each in documents[self.offset : self.offset + self.limit]]
        if not self.fields:
            return rows
        kept = self.fields | {"_id"}
        return [{name: row[name] for name in row if name in kept} for row in rows]


def ordered(
    documents: Iterable[Document],
    fields: Sequence[str],
    rng: random.Random,
    *,
    as_text: bool = False,
) -> list[Document]:
    """Return documents sorted ascending by `fields`; ties fall as `rng` has them.

    Args:
        documents: What is sorted.
        fields: Names.
        rng: Decides ties.
        as_text: Whether instants are compared as they are on the wire.
    """
    found = list(documents)
    rng.shuffle(found)
    for name in reversed(fields):
        rows = {document: document.row() if as_text else document.fields for document in found}
        found.sort(key=lambda document: _sortable(rows[document].get(name)))
    return found


def _sortable(value: object) -> tuple[int, Any]:
    """Return a key that puts null first and keeps types apart."""
    rank = filters.rank(value)
    return (rank, 0) if rank in (0, 3) else (rank, value)
