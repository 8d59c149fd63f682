"""msgspec types for rows, compiled from a stream's schema.

A type is strict: whatever it accepts, the compiled coercion of the same schema node would leave as
it is. Where that cannot be said of a node, its values are decoded as they come and converted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from tap_shared.coerce import Rules, main_type

__all__ = ["MEMBER", "is_nameable", "row_type", "strict_type"]

MEMBER = "extra_members"
"""The attribute of a row structure that holds its `_extra`."""

_INT64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_NOTHING_FITS = Annotated[int, msgspec.Meta(gt=1, lt=0)]
_SCALARS: Mapping[str, Any] = {
    "string": str, "integer": _INT64, "number": int | float, "boolean": bool,
}  # fmt: skip
_INSTANTS = frozenset({"date-time", "date"})


def is_nameable(name: str) -> bool:
    """Tell whether a structure may have a field of this JSON name: one that needs no escapes."""
    return name.isprintable() and '"' not in name and "\\" not in name


def strict_type(node: Mapping[str, Any], rules: Rules) -> Any:
    """Give the type whose values stay as they are; None where there is none."""
    if node.get("x-deselected") or (node.get("x-pii") and rules.pii != "keep"):
        return None
    kind = main_type(node)
    if kind == "array":
        item = strict_type(node.get("items", {"type": "string"}), rules)
        return None if item is None else list.__class_getitem__(item | None)
    if kind == "object":
        return _object_type(node, rules)
    return None if node.get("format") in _INSTANTS else _SCALARS.get(kind)


def _object_type(node: Mapping[str, Any], rules: Rules) -> Any:
    """Give a structure for declared members, a dictionary for an open map."""
    members = node.get("properties", {})
    other = node.get("additionalProperties")
    if not members:
        if not (isinstance(other, dict) and other):
            return dict[str, Any]
        value = strict_type(other, rules)
        return None if value is None else dict.__class_getitem__((str, value | None))
    if isinstance(other, dict) and other:
        return None
    types = {name: strict_type(child, rules) for name, child in members.items()}
    if None in types.values() or not all(map(is_nameable, types)):
        return None
    return _structure("Member", {name: kind | None for name, kind in types.items()})


def _structure(title: str, types: Mapping[str, Any], more: Iterable[Any] = ()) -> type[Struct]:
    names = {name: f"f{n}" for n, name in enumerate(types)}
    renamed = {attribute: name for name, attribute in names.items()}
    fields = [(names[name], kind | UnsetType, UNSET) for name, kind in types.items()]
    return msgspec.defstruct(
        title, [*fields, *more],
        rename=lambda attribute: renamed.get(attribute, "_extra"),
        forbid_unknown_fields=True, gc=False, namespace={"attributes": names},
    )  # fmt: skip


def row_type(types: Mapping[str, Any]) -> type[Struct]:
    """Give the structure of a row.

    Args:
        types: JSON name to type; `Raw` for what is not looked at.

    Returns:
        A structure whose `attributes` gives the attribute of each JSON name. Its last field is
        `_extra`, which is only written: a row that brings one does not fit.
    """
    extra = (MEMBER, _NOTHING_FITS | UnsetType, UNSET)
    return _structure("Row", types, [extra])
