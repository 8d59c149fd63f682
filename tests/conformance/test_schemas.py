"""Every stream's schema makes a table in PostgreSQL and in Snowflake."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from dev.about import discovered
from tests.contract.runner import installed_taps
from tests.contract.truth import leaves, main_type

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Names that need no escape in either; a colon, a percent sign or a bracket breaks loaders."""

LONGEST = 63
"""Bytes of an identifier in PostgreSQL, which cuts longer ones silently; Snowflake takes 255."""

MOST_COLUMNS = 1000
"""Of a table; PostgreSQL stops at 1600 and fewer where rows are wide. The loaders add some."""

STUMBLED_OVER = {"enum", "const", "multipleOf", "anyOf", "oneOf", "allOf", "not", "$ref", "pattern"}
NODE = dict[str, Any]


@pytest.fixture(scope="module", params=installed_taps())
def schemas(request: pytest.FixtureRequest) -> dict[str, NODE]:
    return {
        entry["tap_stream_id"]: entry["schema"]
        for entry in discovered(f"tap-{request.param}")["streams"]
    }


def test_names_are_identifiers_and_unique_ignoring_case(schemas: dict[str, NODE]) -> None:
    assert Counter(name.lower() for name in schemas).most_common(1)[0][1] == 1
    for stream, schema in schemas.items():
        columns = schema["properties"]
        for name in (stream, *columns):
            assert IDENTIFIER.fullmatch(name), (stream, name)
            assert len(name.encode()) <= LONGEST, (stream, name)
            assert not name.lower().startswith("_sdc_"), (stream, name)
        assert Counter(name.lower() for name in columns).most_common(1)[0][1] == 1, stream
        assert len(columns) <= MOST_COLUMNS, stream


def test_every_value_has_one_type(schemas: dict[str, NODE]) -> None:
    for stream, schema in schemas.items():
        for path, node in leaves(schema):
            types = [node["type"]] if isinstance(node["type"], str) else node["type"]
            assert len(set(types) - {"null"}) == 1, (stream, path)
            assert not STUMBLED_OVER & node.keys(), (stream, path)


def test_texts_are_instants_or_dates_or_plain(schemas: dict[str, NODE]) -> None:
    for stream, schema in schemas.items():
        for path, node in leaves(schema):
            assert node.get("format") in {None, "date-time", "date"}, (stream, path)
            if "format" in node:
                assert main_type(node) == "string", (stream, path)


def test_objects_are_declared_or_knowingly_free(schemas: dict[str, NODE]) -> None:
    for stream, schema in schemas.items():
        for path, node in leaves(schema):
            if main_type(node) == "object" and not node.get("properties"):
                members = node.get("additionalProperties")
                assert members is True or (isinstance(members, dict) and "type" in members), (
                    stream,
                    path,
                )


def test_arrays_have_items_that_fit_a_column(schemas: dict[str, NODE]) -> None:
    for stream, schema in schemas.items():
        for path, node in leaves(schema):
            if main_type(node) == "array":
                assert main_type(node["items"]) != "array", (stream, path)
