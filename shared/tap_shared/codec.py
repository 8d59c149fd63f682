"""The quick way from a vendor's bytes to records: rows decoded in C into typed structures.

A page whose rows are all of the declared types never becomes dictionaries: only the fields that
need it (instants, hashes) are touched. A row that does not fit goes through the `Conformer`, which
gives the same record.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from tap_shared.coerce import Coercion, Rules, coercion, main_type
from tap_shared.conform import EXTRA, Conformer, has_pii
from tap_shared.page import decode

__all__ = ["Codec"]

_INT64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_SCALARS: Mapping[str, Any] = {
    "string": str, "integer": _INT64, "number": int | float, "boolean": bool,
}  # fmt: skip

Row = Any


class Codec:
    """Decodes and shapes the rows of one stream.

    Args:
        schema: The stream's schema file, deselected nested properties marked.
        conformer: The stream's compiled shape, for rows that do not fit.
        keys: The primary key.
        rules: Zone and treatment of personal data.
        selected: Names of the selected properties.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        conformer: Conformer,
        *,
        keys: Collection[str],
        rules: Rules,
        selected: Collection[str],
    ) -> None:
        """Compile the row type."""
        self._conformer = conformer
        self._properties = {k: v for k, v in schema["properties"].items() if k != EXTRA}
        self.attributes = {name: _attribute(name, n) for n, name in enumerate(self._properties)}
        self._row = self._row_type(selected)
        self._page = msgspec.json.Decoder(list[self._row])  # type: ignore[name-defined]
        self._one = msgspec.json.Decoder(self._row)
        self._keys = [self.attributes[key] for key in keys if key in self.attributes]
        self._dropped = [a for n, a in self.attributes.items() if n not in selected]
        self._changes = self._conversions(rules, selected)

    def _row_type(self, selected: Collection[str]) -> type[Struct]:
        fields = [
            (self.attributes[name], _type_of(node, name in selected), UNSET)
            for name, node in self._properties.items()
        ]
        renamed = {attribute: name for name, attribute in self.attributes.items()}
        return msgspec.defstruct(
            "Row", [*fields, (EXTRA, dict[str, Any] | UnsetType, UNSET)], rename=renamed,
            forbid_unknown_fields=True, gc=False, namespace={"attributes": self.attributes},
        )  # fmt: skip

    def _conversions(self, rules: Rules, selected: Collection[str]) -> list[tuple[str, Coercion]]:
        """Give the fields that a decoded row still has to have changed.

        Repeatable ones come first: where one of them finds a misfit, the row goes to the conformer,
        and nothing must have been hashed by then.
        """
        found = [
            (has_pii(node) and rules.pii != "keep", self.attributes[name], coercion(node, rules))
            for name, node in self._properties.items()
            if name in selected and _is_changed(node, rules)
        ]
        return [(name, convert) for _, name, convert in sorted(found, key=lambda item: item[0])]

    def rows(self, raw: Any) -> list[Row]:
        """Decode a JSON array of rows.

        Args:
            raw: The array's bytes.

        Returns:
            Typed rows; dictionaries where a row does not fit the declared types.

        Raises:
            PleaseRetry: It is no JSON array of objects.
        """
        text = bytes(raw)
        try:
            if b"\\u0000" not in text:
                return list(self._page.decode(text))
        except msgspec.ValidationError:
            return [self._row_of(one) for one in decode(text, list[Raw])]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # the lenient reading decides
        return list(decode(text, list[dict[str, Any]]))

    def _row_of(self, raw: Raw) -> Row:
        try:
            return self._one.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return decode(bytes(raw), dict)

    def shape(self, rows: Iterable[Row]) -> list[Row]:
        """Turn decoded rows into records, ready to be encoded.

        Raises:
            StreamFailed: A row has no value for a column of the primary key.
        """
        records = list(rows)
        for position, row in enumerate(records):
            if type(row) is dict:
                records[position] = self._conformer.record(row)
        for attribute in self._dropped:
            for row in records:
                if type(row) is not dict:
                    setattr(row, attribute, UNSET)
        for attribute, convert in self._changes:
            self._convert(records, attribute, convert)
        self._check_keys(records)
        return records

    def _convert(self, records: list[Row], attribute: str, convert: Coercion) -> None:
        for position, row in enumerate(records):
            if type(row) is dict:
                continue
            value = getattr(row, attribute)
            if value is not None and value is not UNSET:
                try:
                    setattr(row, attribute, convert(value))
                except (ValueError, OverflowError, ArithmeticError):
                    records[position] = self._conformer.record(msgspec.to_builtins(row))

    def _check_keys(self, records: list[Row]) -> None:
        for row in records:
            if type(row) is not dict:
                for attribute in self._keys:
                    if (value := getattr(row, attribute)) is None or value is UNSET:
                        self._conformer.record(msgspec.to_builtins(row))


def _attribute(name: str, position: int) -> str:
    """Name a structure's field; JSON names that Python does not allow get a number."""
    allowed = name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__")
    return name if allowed and name not in {"attributes", EXTRA} else f"field_{position}"


def _is_changed(node: Mapping[str, Any], rules: Rules) -> bool:
    """Tell whether values of a field are changed although they have the declared type."""
    if rules.pii != "keep" and has_pii(node):
        return True
    return _below(node, lambda n: n.get("format") in {"date-time", "date"} or "x-deselected" in n)


def _below(node: Mapping[str, Any], test: Callable[[Mapping[str, Any]], bool]) -> bool:
    children = [*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])]
    return test(node) or any(_below(child, test) for child in children)


def _type_of(node: Mapping[str, Any], is_selected: bool) -> Any:  # noqa: FBT001 - positional by nature
    """Give the msgspec type of a top-level field."""
    if not is_selected:
        return Raw | UnsetType
    kind = main_type(node)
    if kind in {"array", "object"} and _below(node, lambda n: "format" in n or "x-pii" in n):
        return (list[Any] if kind == "array" else dict[str, Any]) | None | UnsetType
    if node.get("x-epoch"):
        return int | float | None | UnsetType
    return _typed(node) | None | UnsetType


def _typed(node: Mapping[str, Any]) -> Any:
    kind = main_type(node)
    if kind == "array":
        return list[_typed(node.get("items", {"type": "string"})) | None]  # type: ignore[misc]
    if kind == "object":
        return _object_type(node)
    return _SCALARS.get(kind, Any)


def _object_type(node: Mapping[str, Any]) -> Any:
    """Give a structure for declared members, a dictionary for an open map."""
    members = node.get("properties", {})
    other = node.get("additionalProperties")
    if not members or other:
        value = _typed(other) | None if isinstance(other, dict) and other and not members else Any
        return dict[str, value]  # type: ignore[valid-type]
    names = {name: _attribute(name, n) for n, name in enumerate(members)}
    fields = [
        (names[name], _typed(child) | None | UnsetType, UNSET) for name, child in members.items()
    ]
    return msgspec.defstruct(
        "Member", fields, rename={attribute: name for name, attribute in names.items()},
        forbid_unknown_fields=True, gc=False,
    )  # fmt: skip
