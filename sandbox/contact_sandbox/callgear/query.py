"""Filters and sorting, as strict about fields as the vendor's tables say."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

from contact_sandbox.callgear.errors import RpcError
from contact_sandbox.callgear.methods import Field, Method
from contact_sandbox.callgear.rows import Row

Test = Callable[[Row], bool]

_KINDS = {
    "=": "nstbe", "!=": "nstbe", "<": "nt", ">": "nt", "<=": "nt", ">=": "nt", "like": "s",
    "regexp": "s", "in": "nse", "jsquery": "ao",
}  # fmt: skip
"""Operator -> letters of the types that it applies to."""


def parse_filter(method: Method, tree: Any) -> Test:
    """Return the test of a filter tree.

    Raises:
        RpcError: The tree is malformed, or names a field that cannot be filtered.
    """
    if not isinstance(tree, dict):
        raise RpcError("data_type_error", field="filter", value=tree)
    if "filters" in tree or "condition" in tree:
        return _branch(method, tree)
    unknown = set(tree) - {"field", "operator", "value"}
    field = method.fields.get(tree.get("field", ""))
    if unknown or field is None:
        raise RpcError("invalid_parameter_value", field="filter", value=tree.get("field"))
    if "F" not in field.flags:
        raise RpcError("filter_prohibited", field=field.name, value=field.name)
    operator = tree.get("operator")
    if operator not in _KINDS or field.kind not in _KINDS[operator]:
        raise RpcError("invalid_parameter_value", field="filter.operator", value=operator)
    return _leaf(field, operator, tree.get("value"))


def _branch(method: Method, tree: dict[str, Any]) -> Test:
    """Return the test of a node with branches."""
    branches, condition = tree.get("filters"), tree.get("condition")
    if not isinstance(branches, list) or condition not in ("and", "or"):
        raise RpcError(
            mnemonic="invalid_parameter_value", field="filter.condition", value=condition
        )
    tests = [parse_filter(method, branch) for branch in branches]
    combine = all if condition == "and" else any
    return lambda row: combine(test(row) for test in tests)


def _leaf(field: Field, operator: str, value: Any) -> Test:
    """Return the test of one comparison; nothing but equality is true of null."""
    name, kind = field.name, field.kind
    if operator in ("=", "!="):
        equal = operator == "="
        return lambda row: (_comparable(row.get(name), kind) == _comparable(value, kind)) == equal
    if operator == "in":
        if not isinstance(value, list):
            raise RpcError("data_type_error", field="filter.value", value=value)
        return lambda row: row.get(name) in value
    if operator == "jsquery":
        return lambda row: bool(row.get(name))
    if operator in ("like", "regexp"):
        return _matcher(name, operator, value)
    if value is None or isinstance(value, str) != (kind == "t"):
        raise RpcError("data_type_error", field="filter.value", value=value)
    order: dict[str, Callable[[Any], bool]] = {
        "<": lambda found: found < value,
        ">": lambda found: found > value,
        "<=": lambda found: found <= value,
        ">=": lambda found: found >= value,
    }
    test = order[operator]
    return lambda row: row.get(name) is not None and test(_comparable(row.get(name), kind))


def _matcher(name: str, operator: str, value: Any) -> Test:
    """Return the test of a pattern."""
    if not isinstance(value, str):
        raise RpcError("data_type_error", field="filter.value", value=value)
    if operator == "like":
        pattern = "".join(".*" if part == "%" else re.escape(part) for part in value)
        whole = re.compile(f"^{pattern}$", re.DOTALL)
    else:
        whole = re.compile(value)
    return lambda row: row.get(name) is not None and bool(whole.search(str(row.get(name))))


def _comparable(value: Any, kind: str) -> Any:
    """Return numbers that come as text as numbers."""
    return int(value) if kind == "n" and isinstance(value, str) and value.isdigit() else value


def parse_sort(method: Method, sort: Any) -> list[tuple[Field, bool]]:
    """Return fields to sort by, each with whether it descends.

    Raises:
        RpcError: The list is malformed, or names a field that cannot be sorted by.
    """
    if not isinstance(sort, list) or not all(isinstance(part, dict) for part in sort):
        raise RpcError("data_type_error", field="sort", value=sort)
    fields = []
    for part in sort:
        field = method.fields.get(part.get("field", ""))
        order = part.get("order", "asc")
        if field is None or set(part) - {"field", "order"} or order not in ("asc", "desc"):
            raise RpcError(
                mnemonic="invalid_parameter_value", field="sort", value=part.get("field")
            )
        if "S" not in field.flags:
            raise RpcError("sort_prohibited", field=field.name, value=field.name)
        fields.append((field, order == "desc"))
    return fields


def shuffled(rows: list[Row], rng: random.Random) -> list[Row]:
    """Return the rows in another order: cheap for long lists, and different each time."""
    if len(rows) < 2:
        return rows
    cut = int(rng.random() * len(rows))
    turned = rows[cut:] + rows[:cut]
    if rng.random() < 0.5:
        turned.reverse()
    return turned


def sort_rows(rows: list[Row], by: list[tuple[Field, bool]], time: str | None) -> list[Row]:
    """Return the rows sorted; ties stay in the order given, nulls come last."""
    for field, descending in reversed(by):
        rows = sorted(rows, key=_sort_key(field, time), reverse=descending)
    return rows


def _sort_key(field: Field, time: str | None) -> Callable[[Row], Any]:
    """Return the sort key; the row's time sorts as an instant, so its text may run backwards."""
    if field.name == time:
        return lambda row: (row.at,) if row.at else ()
    name, kind = field.name, field.kind

    def key(row: Row) -> tuple[bool, Any]:
        value = _comparable(row.get(name), kind)
        if isinstance(value, list | dict) or (kind != "n" and value is not None):
            value = str(value)
        return (value is None, 0 if value is None else value)

    return key
