"""Names: of streams after ids, of columns after fields, and which type a column has.

The catalogue announces fields without types, so a type follows from the name; a value that does not
fit it is kept in `_extra`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["column_schema", "columns", "is_personal", "snake", "stream_names"]

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OTHER = re.compile(r"[^a-z0-9]+")
_PERSONAL = re.compile(
    r"(^|_)(comments?|messages?|notes?|texts?|subject|names?|e?mails?|phones?|phone_numbers?"
    r"|address(es)?|contact_point|author|customer|requester|transcript|title)$"
)
_INTEGERS = frozenset(("csid", "conversation_id"))
_TYPES: tuple[tuple[re.Pattern[str], dict[str, Any]], ...] = (
    (re.compile(r".*_at"), {"type": ["string", "null"], "format": "date-time"}),
    (re.compile(r"(is|has)_.*"), {"type": ["boolean", "null"]}),
    (re.compile(r".*_(duration|time|seconds|count)"), {"type": ["number", "null"]}),
    (
        re.compile(r".*_ids"),
        {
            "type": ["array", "null"],
            "items": {"type": ["string", "null"], "description": "One of them."},
        },
    ),
)


def snake(raw: str) -> str:
    """Give an id's or field's name in lower case with underscores.

    `_` goes before a capital that follows a small letter or a digit, and takes the place of each
    run of other characters than a-z and 0-9.
    """
    return _OTHER.sub("_", _HUMP.sub("_", raw).lower())


def stream_names(prefix: str, ids: Iterable[str]) -> dict[str, str]:
    """Name one stream for each id.

    Args:
        prefix: `record` or `metric`.
        ids: Raw ids in the catalogue's order.

    Returns:
        Name -> raw id. Where a name is taken, `_` and the first 6 hex digits of the id's SHA-256
        follow.
    """
    names: dict[str, str] = {}
    for raw in ids:
        name = f"{prefix}_{snake(raw)}"
        if name in names:
            name = f"{name}_{hashlib.sha256(raw.encode()).hexdigest()[:6]}"
        names[name] = raw
    return names


def columns(fields: Iterable[str], fixed: Iterable[str]) -> dict[str, str]:
    """Give each announced field its column.

    Args:
        fields: Names of fields as announced.
        fixed: Columns that every record stream has.

    Returns:
        Field -> column: the field's own name, or with `field_` in front where that is taken.
        Warehouses do not tell capitals from small letters, so a name is taken in any case.
    """
    taken = {name.lower() for name in fixed}
    found: dict[str, str] = {}
    for field in fields:
        if field in found:
            continue
        column = f"field_{field}" if field.lower() in taken else field
        if column.lower() not in taken:
            found[field] = column
            taken.add(column.lower())
    return found


def column_schema(field: Mapping[str, Any]) -> dict[str, Any]:
    """Give the schema of an announced field's column.

    Args:
        field: An entry of `fieldsMetadata`.
    """
    name = snake(field["field"])
    node: dict[str, Any] = {"type": ["string", "null"]}
    if name in _INTEGERS:
        node = {"type": ["integer", "null"]}
    else:
        node = next((dict(kind) for rule, kind in _TYPES if rule.fullmatch(name)), node)
    said = field.get("description")
    node["description"] = (
        said if isinstance(said, str) and said.strip() else f"The vendor's field {field['field']}."
    )
    if is_personal(field["field"]):
        node["x-pii"] = True
    return node


def is_personal(field: str) -> bool:
    """Tell whether a field's values are personal data, by its name."""
    return _PERSONAL.search(snake(field)) is not None
