"""Random schemas as the taps declare them, and hostile values for them."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tap_shared.coerce import main_type

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
ZERO = ("0000-00-00", "0001-01-01")

names = st.sampled_from(["id", "Name", "ünï", "a.b", "at", "tags", "client", "_x", ""])
_scalars = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer"},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date-time", "x-epoch": "ms"},
        {"type": "string", "format": "date-time", "x-epoch": "s"},
        {"type": "string", "format": "date"},
    ]
)


@st.composite
def _leaf(draw: st.DrawFn) -> dict[str, Any]:
    node: dict[str, Any] = dict(draw(_scalars))
    if draw(st.booleans()):
        node["type"] = [node["type"], "null"]
    if draw(st.integers(0, 3)) == 0:
        node["x-pii"] = True
    return node


@st.composite
def _around(draw: st.DrawFn, inner: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    kind = draw(st.sampled_from(["array", "object", "map", "free"]))
    node: dict[str, Any]
    if kind == "array":
        node = {"type": ["array", "null"], "items": draw(inner)}
    elif kind == "object":
        members = draw(st.dictionaries(names, inner, max_size=3))
        node = {"type": ["object", "null"], "properties": members}
    elif kind == "map":
        node = {"type": ["object", "null"], "properties": {}, "additionalProperties": draw(inner)}
    else:
        node = {"type": ["object", "null"], "properties": {}, "additionalProperties": True}
    if draw(st.integers(0, 5)) == 0:
        node["x-pii"] = True
    return node


nodes = st.recursive(_leaf(), _around, max_leaves=6)
schemas = st.dictionaries(names, nodes, min_size=1, max_size=5).map(
    lambda properties: {"type": "object", "properties": properties}
)

hostile = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**30, 0, 1]),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(
        ["", " ", "5", "-7.0", "1e3", "1.2345678901234567890", "9" * 25, "NaN", "true", "No",
         "0000-00-00", "0000-00-00 00:00:00", "2024-02-30", "2024-01-05 13:22:07",
         "2024-01-05T13:22:07.1234567Z[GMT]", "2024-01-05 25:61:61", "2024-01-05",
         "1704461000123", "-1", "\ud83d", "a\0b", "0000-00-00 nonsense", "1e999"]
    ),
)  # fmt: skip
values = st.recursive(
    hostile,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)


@st.composite
def fitting(draw: st.DrawFn, node: dict[str, Any]) -> Any:
    """Draw a value of the node's shape, now and then a hostile one."""
    if draw(st.integers(0, 4)) == 0:
        return draw(values)
    kind = main_type(node)
    if kind == "array":
        return draw(st.lists(fitting(node["items"]), max_size=3))
    if kind == "object":
        members = {
            name: draw(fitting(child))
            for name, child in node.get("properties", {}).items()
            if draw(st.booleans())
        }
        return {**members, **draw(st.dictionaries(names, values, max_size=1))}
    return draw(hostile)


@st.composite
def rows(draw: st.DrawFn, schema: dict[str, Any]) -> dict[str, Any]:
    """Draw a vendor's row for a schema: missing, extra and hostile fields."""
    row = {
        name: draw(fitting(node))
        for name, node in schema["properties"].items()
        if draw(st.integers(0, 5))
    }
    undeclared = draw(st.dictionaries(st.sampled_from(["new", "_extra", "N1"]), values, max_size=2))
    return {**undeclared, **row}


def is_blank(raw: Any) -> bool:
    """Tell whether a raw value says nothing, so that null stands for it."""
    return raw is None or (
        isinstance(raw, str) and (not raw.strip() or raw.strip().startswith(ZERO))
    )


def same(node: dict[str, Any] | None, raw: Any, shaped: Any) -> bool:
    """Tell whether a shaped value says what the raw one said, in the declared type."""
    if node is None:
        return _equal(raw, shaped)
    if shaped is None:
        return is_blank(raw)
    kind, form = main_type(node), node.get("format")
    if form:
        return bool((INSTANT if form == "date-time" else DAY).fullmatch(shaped))
    if kind == "array":
        raw = [raw] if isinstance(raw, dict) else raw
        return len(raw) == len(shaped) and all(
            same(node["items"], one, two) for one, two in zip(raw, shaped, strict=True)
        )
    if kind == "object":
        other = node.get("additionalProperties")
        other = other if isinstance(other, dict) else None
        declared = node.get("properties", {})
        return (raw == [] and shaped == {}) or (
            set(raw) == set(shaped)
            and all(same(declared.get(name, other), raw[name], shaped[name]) for name in raw)
        )
    return _same_scalar(kind, raw, shaped)


def _same_scalar(kind: str, raw: Any, shaped: Any) -> bool:
    if kind == "boolean":
        return isinstance(shaped, bool)
    if kind == "string":
        told = "true" if raw is True else "false" if raw is False else raw
        return isinstance(shaped, str) and shaped == (told if isinstance(told, str) else str(told))
    raw = int(raw) if isinstance(raw, bool) else raw
    if isinstance(raw, str):
        return Decimal(raw.strip()) == Decimal(shaped) or float(raw) == shaped
    return bool(raw == shaped)


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, float) and isinstance(two, float) and math.isnan(one):
        return math.isnan(two)
    if isinstance(one, dict) and isinstance(two, dict):
        return set(one) == set(two) and all(_equal(one[name], two[name]) for name in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_equal, one, two))
    return type(one) is type(two) and bool(one == two)
