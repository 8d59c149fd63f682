from __future__ import annotations

import copy
import json
import logging
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from singer_sdk.helpers._catalog import pop_deselected_record_properties
from singer_sdk.helpers._typing import conform_record_data_types
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import SelectionMask

from tap_shared.coerce import Rules
from tap_shared.conform import EXTRA, Conformer, declared_schema, has_pii
from tap_shared.errors import StreamFailed
from tap_shared.writer import encode_record
from tests.shared.shapes import nodes, rows, same, schemas

BERLIN = ZoneInfo("Europe/Berlin")
TEXT = {"type": ["string", "null"]}
PERSONAL = {**TEXT, "x-pii": True}


def schema_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def conformer(schema: dict[str, Any], **more: Any) -> Conformer:
    more.setdefault("keys", ())
    return Conformer(schema, **more)


schema_and_row = schemas.flatmap(lambda schema: st.tuples(st.just(schema), rows(schema)))


def in_order(value: Any) -> str:
    """Give a value as text; the order of an object's members says nothing."""
    return json.dumps(value, sort_keys=True)


@given(schema_and_row)
def test_nothing_is_dropped_whatever_comes(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    schema, row = case
    before = copy.deepcopy(row)
    record = conformer(schema, rules=Rules(zone=BERLIN)).record(row)
    assert str(row) == str(before)
    extra = record.pop(EXTRA, {})
    for name, raw in row.items():
        if name in extra:
            assert in_order(extra[name]) == in_order(raw)
            assert record.get(name) is None
        else:
            assert same(schema["properties"][name], raw, record[name])
    assert set(record) | set(extra) == set(row)


@given(schema_and_row, st.sampled_from(["keep", "hash", "drop"]))
def test_every_record_fits_the_announced_schema(
    case: tuple[dict[str, Any], dict[str, Any]], pii: Any
) -> None:
    schema, row = case
    announced = declared_schema(schema, pii=pii)
    Draft7Validator.check_schema(announced)
    record = conformer(schema, rules=Rules(pii=pii, salt=b"salt")).record(row)
    Draft7Validator(announced).validate(json.loads(encode_record(record)))


@given(schema_and_row)
def test_shaping_twice_changes_nothing(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    schema, row = case
    shape = conformer(schema)
    once = shape.record(row)
    once.pop(EXTRA, None)
    twice = shape.record(once)
    assert str(twice) == str(once)


@given(schema_and_row, st.sampled_from(["hash", "drop"]))
def test_no_personal_value_survives_when_hidden(
    case: tuple[dict[str, Any], dict[str, Any]], pii: Any
) -> None:
    schema, row = case
    record = conformer(schema, rules=Rules(pii=pii, salt=b"salt")).record(row)
    for name, node in schema["properties"].items():
        if has_pii(node):
            assert name not in record.get(EXTRA, {})
        if node.get("x-pii") and name in record and record[name] is not None:
            assert pii == "hash"
            hashes = record[name] if isinstance(record[name], list) else [record[name]]
            assert all(one is None or len(one) == 64 for one in hashes)


@pytest.mark.parametrize("pii", ["hash", "drop"])
@pytest.mark.parametrize(
    "node",
    [
        PERSONAL,
        {"type": ["integer", "null"], "x-pii": True},
        {"type": ["array", "null"], "x-pii": True, "items": TEXT},
        {"type": ["array", "null"], "items": PERSONAL},
        {"type": ["object", "null"], "x-pii": True, "properties": {}},
        {"type": ["object", "null"], "properties": {"n": PERSONAL, "age": {"type": "integer"}}},
        {"type": ["object", "null"], "properties": {}, "additionalProperties": PERSONAL},
        {
            "type": ["array", "null"],
            "items": {"type": "object", "properties": {"n": PERSONAL, "age": {"type": "integer"}}},
        },
    ],
)
@pytest.mark.parametrize(
    "value", ["secret-jane", ["secret-jane"], {"n": "secret-jane", "age": "old"}, [["secret-jane"]]]
)
def test_a_personal_value_of_a_wrong_shape_does_not_leak(
    pii: Any, node: dict[str, Any], value: object
) -> None:
    record = conformer(schema_of(who=node), rules=Rules(pii=pii, salt=b"s")).record({"who": value})
    assert b"jane" not in encode_record(record)


def test_a_hashed_field_is_announced_as_a_text_wherever_it_stands() -> None:
    number = {"type": ["number", "null"], "x-pii": True}
    announced = declared_schema(
        schema_of(
            a=number,
            b={"type": "array", "items": number},
            c={"type": "object", "properties": {"d": number}},
            e={"type": "object", "properties": {}, "additionalProperties": number},
        ),
        pii="hash",
    )["properties"]
    for node in (
        announced["a"],
        announced["b"]["items"],
        announced["c"]["properties"]["d"],
        announced["e"]["additionalProperties"],
    ):
        assert node["type"] == ["string", "null"]


@pytest.mark.parametrize("value", [None, "", " ", "abc", 2**63, [], {}])
def test_a_row_without_its_key_fails_and_says_which(value: object) -> None:
    shape = conformer(schema_of(id={"type": "integer"}), keys=["id"], stream="calls")
    with pytest.raises(StreamFailed, match=r"'calls'.*'id'.*primary key"):
        shape.record({"id": value})
    with pytest.raises(StreamFailed):
        shape.record({})


def test_only_keys_are_announced_as_never_null() -> None:
    schema = schema_of(
        id={"type": ["integer", "null"]}, x={"type": "string"}, l={"type": "array", "items": TEXT}
    )
    announced = declared_schema(schema, keys=["id"])["properties"]
    assert announced["id"]["type"] == "integer"
    assert "null" in announced["x"]["type"]
    assert "null" in announced["l"]["type"]
    assert announced[EXTRA]["description"]
    assert EXTRA not in schema["properties"]


def test_undeclared_fields_and_misfits_are_told_once_with_counts() -> None:
    shape = conformer(schema_of(n={"type": "integer"}), stream="calls")
    shape.page([{"n": "x", "new": 1}, {"n": 5, "new": 2}, {"n": "secret-value"}])
    said: list[str] = []
    shape.report(said.append)
    assert len(said) == 2
    assert "new (2)" in said[0]
    assert "n (2)" in said[1]
    assert "secret-value" not in "".join(said)


def test_extra_is_left_out_where_it_is_not_wanted() -> None:
    schema = schema_of(n={"type": "integer"})
    assert conformer(schema, keep_undeclared=False).record({"n": "x", "new": 1}) == {"n": None}
    assert conformer(schema, selected={"n"}).record({"n": 1, "new": 1}) == {"n": 1}
    assert conformer(schema, selected={EXTRA}).record({"n": 1, "new": 1}) == {EXTRA: {"new": 1}}


@st.composite
def plain_case(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a case that the SDK's conformance covers too: well-typed, declared everywhere."""
    leaves = {
        "string": st.text(st.characters(exclude_categories=["Cs"])),
        "integer": st.integers(-(2**63), 2**63 - 1),
        "number": st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
    }

    def of(depth: int) -> tuple[dict[str, Any], Any]:
        kind = draw(st.sampled_from([*leaves, *(["array", "object"] if depth else [])]))
        node: dict[str, Any] = {"type": [kind, "null"]}
        value: Any
        if kind == "array":
            node["items"], one = of(depth - 1)
            value = [] if draw(st.booleans()) else [one]
        elif kind == "object":
            members = {name: of(depth - 1) for name in "abc"[: draw(st.integers(1, 3))]}
            node["properties"] = {name: member[0] for name, member in members.items()}
            value = {name: member[1] for name, member in members.items()}
        else:
            value = draw(st.one_of(leaves[kind], st.none()))
        return node, value

    fields = {name: of(2) for name in ["id", "x", "y", "z"][: draw(st.integers(1, 4))]}
    schema = schema_of(**{name: field[0] for name, field in fields.items()})
    return schema, {name: field[1] for name, field in fields.items()}


@st.composite
def selection(draw: st.DrawFn, schema: dict[str, Any]) -> dict[tuple[str, ...], bool]:
    mask: dict[tuple[str, ...], bool] = {(): True}

    def choose(node: dict[str, Any], at: tuple[str, ...], *, above: bool) -> None:
        for name, child in node.get("properties", {}).items():
            here = (*at, "properties", name)
            mask[here] = above and draw(st.integers(0, 3)) > 0
            choose(child, here, above=mask[here])

    choose(schema, (), above=True)
    return mask


@given(plain_case().flatmap(lambda case: st.tuples(st.just(case), selection(case[0]))))
def test_on_what_both_cover_the_result_is_the_sdks(
    drawn: tuple[tuple[dict[str, Any], dict[str, Any]], dict[tuple[str, ...], bool]],
) -> None:
    from tap_shared.conform import without_deselected  # noqa: PLC0415

    (schema, row), chosen = drawn
    mask = SelectionMask(chosen)
    theirs = copy.deepcopy(row)
    pop_deselected_record_properties(theirs, schema, mask)
    theirs = conform_record_data_types(
        "calls", theirs, schema, TypeConformanceLevel.RECURSIVE, logging.getLogger("t")
    )
    ours = conformer(
        without_deselected(schema, mask),
        selected={n for n in schema["properties"] if mask[("properties", n)]},
    ).record(row)
    assert ours == theirs


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(nodes)
@example({"type": "object", "properties": {}, "additionalProperties": PERSONAL})
def test_personal_data_is_found_however_deep(node: dict[str, Any]) -> None:
    assert has_pii(node) == ('"x-pii": true' in json.dumps(node))
