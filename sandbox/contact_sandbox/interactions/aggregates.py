"""Aggregates over interactions.

Source: https://docs.motioncxapps.com/reference/aggregation and the aggregate classes in
github.com/motioncx/CollabIntegrationExample (src/Reporting).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from contact_sandbox.interactions.body import Members, problem
from contact_sandbox.interactions.documents import Document, Row

Aggregates = list[tuple[str, str]]

_FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "Sum": lambda values: sum(value for value in values if isinstance(value, int | float)),
    "Max": lambda values: max(values, default=None),
    "Min": lambda values: min(values, default=None),
    "Count": len,
}
_BY_NUMBER = tuple(_FUNCTIONS)


def read_aggregates(members: Members) -> Aggregates:
    """Return the pairs of function and field that a body asks for.

    Raises:
        RefusedError: An aggregate that does not exist.
    """
    asked: dict[str, Any] = members.get("Aggregates", dict) or {}
    return [(_function(name), field) for field, names in asked.items() for name in _list(names)]


def _list(names: object) -> list[object]:
    """Return the functions asked for one field."""
    if not isinstance(names, list):
        raise problem("$.Aggregates", "The JSON value could not be converted to AggregateTypes[].")
    return names


def _function(name: object) -> str:
    """Return the function of that name or number."""
    if isinstance(name, int) and 0 <= name < len(_BY_NUMBER):
        return _BY_NUMBER[name]
    if isinstance(name, str) and name.title() in _FUNCTIONS:
        return name.title()
    raise problem("$.Aggregates", "The JSON value could not be converted to AggregateTypes.")


def aggregate(
    documents: Iterable[Document], fields: Sequence[str], wanted: Aggregates
) -> list[Row]:
    """Return one row for each group; no documents give no rows.

    Args:
        documents: What is aggregated.
        fields: Fields to group by; none makes one group of all.
        wanted: Pairs of function and field; null and missing values do not count.
    """
    groups: dict[tuple[str, ...], list[Row]] = {}
    for document in documents:
        row = document.row()
        groups.setdefault(tuple(repr(row.get(field)) for field in fields), []).append(row)
    return [
        {
            **{field: rows[0].get(field) for field in fields},
            **{
                f"{name}{field}": _FUNCTIONS[name](
                    [row[field] for row in rows if row.get(field) is not None]
                )
                for name, field in wanted
            },
        }
        for rows in groups.values()
    ]
