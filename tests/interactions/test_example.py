"""The vendor's published example passes through the tap unharmed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contact_sandbox.interactions.documents import Document
from tests.interactions.example import EXAMPLE
from tests.interactions.tenant import bookmark, schema_of, serving

PROPERTIES: dict[str, Any] = schema_of("interactions")["properties"]
INSTANTS = [name for name in EXAMPLE if name.endswith("Utc")]


def test_all_97_fields_of_the_example_are_declared_with_type_and_description() -> None:
    assert len(EXAMPLE) == 97
    assert list(EXAMPLE) == [name for name in PROPERTIES if name in EXAMPLE]
    for name in EXAMPLE:
        node = PROPERTIES[name]
        assert node["type"]
        assert len(node["description"]) > 20
        assert ("format" in node) == (name in INSTANTS)


@pytest.mark.parametrize(
    "name", [name for name, value in EXAMPLE.items() if isinstance(value, float)]
)
def test_durations_are_numbers_in_seconds(name: str) -> None:
    assert PROPERTIES[name]["type"] == ["number", "null"]
    assert "second" in PROPERTIES[name]["description"].lower()


def test_the_example_round_trips() -> None:
    with serving(interactions=0) as tenant:
        typed = {
            name: datetime.fromisoformat(value).astimezone(UTC)
            if name in INSTANTS and value
            else value
            for name, value in EXAMPLE.items()
        }
        document = Document(typed)
        assert document.row() == EXAMPLE
        tenant.vendor.tenant.interactions = [document]
        run = tenant.run(start_date="2022-07-25T10:00:00Z", end_date="2022-07-26")
        (record,) = run.rows()
        assert list(record) == list(EXAMPLE)
        for name, value in EXAMPLE.items():
            if name in INSTANTS and value:
                assert len(record[name]) == len("2022-07-25T15:08:57.025000Z")
                assert datetime.fromisoformat(record[name]) == datetime.fromisoformat(value)
            else:
                assert record[name] == value
                assert type(record[name]) is type(value)
        assert bookmark(run.state) == "2022-07-26T00:00:00.000000Z"
