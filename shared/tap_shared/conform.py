"""Shape: vendor rows into records of the declared schema, compiled once per stream.

What the schema does not declare, or what does not fit it, goes to `_extra` untouched; nothing that
the vendor sent is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NoReturn

import msgspec
from msgspec import UNSET, Struct

from tap_shared.coerce import Coercion, Rules, coercion, main_type
from tap_shared.errors import StreamFailed
from tap_shared.printable import printable

__all__ = [
    "EXTRA", "Conformer", "declared_schema", "has_pii", "misfit_value", "tagged",
    "without_deselected",
]  # fmt: skip

EXTRA = "_extra"
_EXTRA_SCHEMA: dict[str, Any] = {
    "type": ["object", "null"],
    "properties": {},
    "additionalProperties": True,
    "description": (
        "Fields that the vendor sent and this schema does not declare, and raw values that did not"
        " fit their declared type, under their own names."
    ),
}

Record = dict[str, Any]


def declared_schema(
    schema: Mapping[str, Any], *, pii: str = "keep", keys: Collection[str] = ()
) -> dict[str, Any]:
    """Give the schema that a stream announces.

    Args:
        schema: The stream's schema file.
        pii: The `pii` setting; with `hash` the tagged fields are announced as strings.
        keys: The primary key, whose columns are never null.

    Returns:
        A new schema with `_extra`. Key columns are not nullable, all else is, also inside nested
        nodes: a blank or a misfit becomes null anywhere.
    """
    properties = {
        name: _announced(node, hashed=pii == "hash") for name, node in schema["properties"].items()
    }
    for key in keys:
        properties[key] = {**properties[key], "type": main_type(properties[key])}
    properties[EXTRA] = _EXTRA_SCHEMA
    return {**schema, "properties": properties}


def _announced(node: Mapping[str, Any], *, hashed: bool) -> dict[str, Any]:
    """Announce a node as nullable, and as the text that its hash is where it is tagged."""
    if hashed and node.get("x-pii"):
        text = {"type": ["string", "null"]}
        kept = {name: node[name] for name in ("description", "x-pii") if name in node}
        is_array = main_type(node) == "array"
        return {**({"type": ["array", "null"], "items": text} if is_array else text), **kept}
    changed = {**node, "type": [main_type(node), "null"]}
    if "properties" in node:
        below = node["properties"].items()
        changed["properties"] = {name: _announced(child, hashed=hashed) for name, child in below}
    for part in ("items", "additionalProperties"):
        if isinstance(node.get(part), Mapping):
            changed[part] = _announced(node[part], hashed=hashed)
    return changed


def tagged(
    node: Mapping[str, Any], declared: Mapping[str, Any], *, pii: str = "keep"
) -> dict[str, Any]:
    """Give a schema its `x-pii` tags back, which the SDK's model of a schema has no room for.

    Args:
        node: A schema as it came out of a catalog or a stream map.
        declared: The stream's own schema, with tags.
        pii: The `pii` setting; with `hash` a tagged field is announced as declared, whatever an
            older catalog says of its type.
    """
    if declared.get("x-pii"):
        return {**(declared if pii == "hash" else node), "x-pii": True}
    changed = dict(node)
    own = declared.get("properties", {})
    if own and "properties" in node:
        changed["properties"] = {
            name: tagged(child, own[name], pii=pii) if name in own else child
            for name, child in node["properties"].items()
        }
    for below in ("items", "additionalProperties"):
        if isinstance(node.get(below), Mapping) and isinstance(declared.get(below), Mapping):
            changed[below] = tagged(node[below], declared[below], pii=pii)
    return changed


def has_pii(node: Mapping[str, Any]) -> bool:
    """Tell whether a schema node, or anything below it, is personal data."""
    parts = (node.get("items"), node.get("additionalProperties"))
    below = [*node.get("properties", {}).values(), *(p for p in parts if isinstance(p, Mapping))]
    return bool(node.get("x-pii")) or any(has_pii(child) for child in below)


def without_deselected(schema: Mapping[str, Any], mask: Mapping[Any, bool]) -> dict[str, Any]:
    """Take the nested properties that the catalog deselects out of a schema."""

    def prune(node: Mapping[str, Any], at: tuple[str, ...]) -> dict[str, Any]:
        pruned = dict(node)
        if "properties" in node:
            pruned["properties"] = {
                name: prune(child, (*at, "properties", name))
                for name, child in node["properties"].items()
            }
        if len(at) > len(("properties", "x")) and not mask.get(at, True):
            pruned["x-deselected"] = True
        return pruned

    return prune(schema, ())


def misfit_value(value: Any) -> Any:
    """Give a raw value as `_extra` shows it: the members of objects by name, however decoded."""
    if isinstance(value, Struct):
        return misfit_value(msgspec.to_builtins(value))
    if isinstance(value, dict):
        return {name: misfit_value(value[name]) for name in sorted(value)}
    return [misfit_value(item) for item in value] if isinstance(value, list) else value


class Conformer:
    """The compiled shape of one stream.

    Args:
        schema: The stream's schema file (without `_extra`; the tags as written).
        keys: The primary key: a row without it fails the stream.
        rules: Zone and treatment of personal data.
        selected: Names of the selected properties; None selects all.
        unoffered: Names of declared properties that a catalog, of an older version mostly, does not
            have: they are undeclared there, and so go to `_extra`.
        keep_undeclared: Whether `_extra` is filled.
        stream: The stream's name, for errors.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        *,
        keys: Collection[str],
        rules: Rules = Rules(),  # noqa: B008 - immutable
        selected: Collection[str] | None = None,
        unoffered: Collection[str] = (),
        keep_undeclared: bool = True,
        stream: str = "",
    ) -> None:
        """Compile every declared field."""
        self.undeclared: Counter[str] = Counter()
        self.misfits: Counter[str] = Counter()
        properties = {k: v for k, v in schema["properties"].items() if k != EXTRA}
        chosen = set(properties) | {EXTRA} if selected is None else set(selected)
        self.selected = chosen
        self.unoffered = frozenset(unoffered)
        self._fields: dict[str, Coercion | None] = {
            name: coercion(node, rules) if name in chosen else None
            for name, node in properties.items()
            if name not in unoffered
        }
        hidden = rules.pii != "keep"
        self._hidden = {name for name, node in properties.items() if hidden and has_pii(node)}
        self._personal = {n: coercion(properties[n], rules) for n in self._hidden & self.unoffered}
        self.keeps_extra = keep_undeclared and EXTRA in chosen
        self._keys = tuple(keys)
        self._stream = stream

    def page(self, rows: Iterable[Record]) -> list[Record]:
        """Shape all rows of a page.

        Raises:
            StreamFailed: A row has no value for a column of the primary key.
        """
        return [self.record(row) for row in rows]

    def record(self, row: Record) -> Record:
        """Shape one row: declared fields in the schema's order, then `_extra`, by name.

        Absent fields stay absent.

        Raises:
            StreamFailed: The row has no value for a column of the primary key.
        """
        shaped: Record = {}
        extra: Record = {}
        for name, convert in self._fields.items():
            if name not in row or convert is None:
                continue
            try:
                shaped[name] = convert(row[name])
            except (ValueError, OverflowError, ArithmeticError):
                shaped[name] = None
                if self.misfit(name):
                    extra[name] = misfit_value(row[name])
        for name in row.keys() - self._fields.keys():
            self.undeclared[name] += 1
            if (value := self.beside(name, row[name])) is not UNSET:
                extra[name] = value
        for key in self._keys:
            if shaped.get(key) is None:
                self.refuse(key)
        if extra and self.keeps_extra:
            shaped[EXTRA] = dict(sorted(extra.items()))
        return shaped

    def beside(self, name: str, value: Any) -> Any:
        """Give an undeclared field as `_extra` shows it: as it came, personal data as set."""
        if name not in self._personal:
            return value
        try:
            shaped = self._personal[name](value)
        except (ValueError, OverflowError, ArithmeticError):
            return UNSET
        return UNSET if shaped is None else shaped

    def misfit(self, name: str) -> bool:
        """Count a value that does not fit; tell whether `_extra` may show it."""
        self.misfits[name] += 1
        return name not in self._hidden

    def refuse(self, key: str) -> NoReturn:
        """Fail for a row without its key.

        Raises:
            StreamFailed: Always.
        """
        msg = (
            f"Stream '{self._stream}': the vendor sent a row without a usable '{key}', which is"
            " part of the primary key; nothing past it was read. Report it to the vendor."
        )
        raise StreamFailed(msg)

    def report(self, warn: Callable[[str], None]) -> None:
        """Say once which fields were undeclared or did not fit, with counts."""
        for counts, what in (
            (self.undeclared, "fields that the schema does not declare"),
            (self.misfits, "values that do not fit their declared type"),
        ):
            if counts:
                names = ", ".join(f"{printable(name)} ({n})" for name, n in counts.most_common(20))
                kept = "kept in _extra" if self.keeps_extra else "left out, as set"
                warn(f"Stream '{self._stream}' received {what} ({kept}): {names}")
