"""msgspec types for rows, compiled from a stream's schema, and what is left to do to their values.

A type is strict: whatever it accepts either stays as it is, or is converted as the compiled
coercion of the same schema node would. A value that no type fits is decoded as it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from tap_shared.coerce import Coercion, Int64, Rules, coercion, main_type

__all__ = [
    "MEMBER", "Typed", "as_it_comes", "is_instant", "is_nameable", "is_scalar", "row_type", "typed",
]  # fmt: skip

MEMBER = "extra_members"
"""The attribute of a row structure that holds its `_extra`."""

_NOTHING_FITS = Annotated[int, msgspec.Meta(gt=1, lt=0)]
_SCALARS: Mapping[str, Any] = {
    "string": str, "integer": Int64, "number": int | float, "boolean": bool,
}  # fmt: skip
_INSTANTS = frozenset({"date-time", "date"})

Found = list[tuple[Struct, str, Any]]
Gather = Callable[[Any, Found], None]


class Typed(NamedTuple):
    """How the values of a schema node are read.

    Attributes:
        kind: The type they are decoded as.
        convert: What is done to a value that is neither null nor absent; None where nothing is.
            Where it raises, it has changed nothing.
    """

    kind: Any
    convert: Coercion | None = None


class _Plain(NamedTuple):
    """A node whose converted values are new ones."""

    kind: Any
    convert: Coercion | None


class _Nested(NamedTuple):
    """A node with structures in it whose members are converted in place, all or none."""

    kind: Any
    gather: Gather


def is_nameable(name: str) -> bool:
    """Tell whether a structure may have a field of this JSON name: one that needs no escapes."""
    return name.isprintable() and '"' not in name and "\\" not in name


def is_scalar(node: Mapping[str, Any]) -> bool:
    """Tell whether the values of a node are texts, numbers or flags, which recur."""
    return main_type(node) in _SCALARS and not is_instant(node)


def is_instant(node: Mapping[str, Any]) -> bool:
    """Tell whether the values of a node are times or days."""
    return node.get("format") in _INSTANTS


def typed(node: Mapping[str, Any], rules: Rules) -> Typed:
    """Compile a schema node."""
    found = _compiled(node, rules)
    if isinstance(found, _Plain):
        return Typed(found.kind, found.convert)
    gather = found.gather

    def convert(value: Any) -> Any:
        changes: Found = []
        gather(value, changes)
        for owner, attribute, new in changes:
            setattr(owner, attribute, new)
        return value

    return Typed(found.kind, convert)


def as_it_comes(node: Mapping[str, Any], rules: Rules) -> Typed:
    """Compile a schema node whose values often do not fit: all of them go through its coercion."""
    is_dropped = node.get("x-pii") and rules.pii == "drop"
    return Typed(Raw if is_dropped else Any, coercion(node, rules))


def _compiled(node: Mapping[str, Any], rules: Rules) -> _Plain | _Nested:
    if node.get("x-pii") and rules.pii != "keep":
        return _hidden(node, rules)
    if is_instant(node):
        return _Plain(Any if node.get("x-epoch") else str, coercion(node, rules))
    compound = {"array": _array, "object": _object}.get(kind := main_type(node))
    if compound is not None:
        return compound(node, rules)
    return _Plain(_SCALARS[kind], None) if kind in _SCALARS else _Plain(*as_it_comes(node, rules))


def _hidden(node: Mapping[str, Any], rules: Rules) -> _Plain:
    """Compile personal data: what is hashed is checked as strictly as what is kept."""
    if rules.pii == "drop" or not _is_flat(node):
        return _Plain(*as_it_comes(node, rules))
    return _Plain(_compiled({**node, "x-pii": False}, rules).kind, coercion(node, rules))


def _is_flat(node: Mapping[str, Any]) -> bool:
    kind = main_type(node)
    return kind in _SCALARS or (kind == "array" and _is_flat(node.get("items", {"type": "string"})))


def _nullable(kind: Any) -> Any:
    return kind if kind in (Any, Raw) else kind | None


def _array(node: Mapping[str, Any], rules: Rules) -> _Plain | _Nested:
    item = _compiled(node.get("items", {"type": "string"}), rules)
    kind = list.__class_getitem__(_nullable(item.kind))
    if isinstance(item, _Plain):
        return _Plain(kind, None if item.convert is None else coercion(node, rules))
    of_item = item.gather

    def gather(items: Any, found: Found) -> None:
        for one in items:
            if one is not None:
                of_item(one, found)

    return _Nested(kind, gather)


def _object(node: Mapping[str, Any], rules: Rules) -> _Plain | _Nested:
    """Give a structure for declared members, a dictionary for an open map."""
    members, other = node.get("properties", {}), node.get("additionalProperties")
    if members:
        is_deselected = any(child.get("x-deselected") for child in members.values())
        if (
            (isinstance(other, dict) and other)
            or is_deselected
            or not all(map(is_nameable, members))
        ):
            return _Plain(Any, coercion(node, rules))
        return _structured(members, rules)
    if not isinstance(other, dict) or not other:
        return _Plain(dict[str, Any], None)
    value = _compiled(other, rules)
    if isinstance(value, _Nested) or value.convert is not None:
        return _Plain(Any, coercion(node, rules))
    return _Plain(dict.__class_getitem__((str, _nullable(value.kind))), None)


def _structured(members: Mapping[str, Any], rules: Rules) -> _Plain | _Nested:
    below = {name: _compiled(child, rules) for name, child in members.items()}
    kind = _structure("Member", {name: _nullable(one.kind) for name, one in below.items()})
    attributes: Mapping[str, str] = vars(kind)["attributes"]
    plain = [
        (attributes[name], one.convert)
        for name, one in below.items()
        if isinstance(one, _Plain) and one.convert is not None
    ]
    nested = [
        (attributes[name], one.gather) for name, one in below.items() if isinstance(one, _Nested)
    ]
    if not plain and not nested:
        return _Plain(kind, None)

    def gather(owner: Any, found: Found) -> None:
        for attribute, convert in plain:
            value = getattr(owner, attribute)
            if value is not None and value is not UNSET:
                found.append((owner, attribute, convert(value)))
        for attribute, deeper in nested:
            value = getattr(owner, attribute)
            if value is not None and value is not UNSET:
                deeper(value, found)

    return _Nested(kind, gather)


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
    nullable = {name: _nullable(kind) for name, kind in types.items()}
    return _structure("Row", nullable, [extra])
