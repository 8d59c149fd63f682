"""Columns: what is remembered of their values changes nothing of what they become."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_shared.coerce import Rules, coercion
from tap_shared.columns import Column
from tap_shared.instants import to_instant

INSTANT = {"type": ["string", "null"], "format": "date-time"}
HASHED = {"type": ["string", "null"], "x-pii": True}
Row = msgspec.defstruct("Row", [("f0", Any)])


def column(node: dict[str, Any], pii: Literal["keep", "hash"] = "keep") -> Column:
    rules = Rules(UTC, pii, b"a salt of the test")
    return Column("a", "f0", node, coercion(node, rules))


def pages(values: list[Any], size: int = 100) -> Iterator[list[Any]]:
    for start in range(0, len(values), size):
        yield [Row(value) for value in values[start : start + size]]


def read(under: Column, values: list[Any]) -> list[Any]:
    found = []
    for rows in pages(values):
        assert list(under.convert(rows)) == []
        found += [row.f0 for row in rows]
    return found


def seconds(count: int) -> list[str]:
    return [f"2024-01-05 {n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}" for n in range(count)]


@pytest.mark.parametrize("often", [1, 9], ids=["never the same", "often the same"])
def test_more_values_than_are_remembered_are_read_all_the_same(often: int) -> None:
    values = [text for text in seconds(3000) for _ in range(often)]
    under = column(INSTANT)
    assert read(under, values) == [to_instant(text) for text in values]
    assert under._known.is_worth_it == (often > 1)
    assert len(under._known) <= 512
    again = values[:50]
    assert read(under, again) == [to_instant(text) for text in again]


def test_more_hashes_than_are_remembered_stay_the_same_hashes() -> None:
    values = [f"caller {n}" for n in range(5000)]
    under = column(HASHED, "hash")
    found = read(under, values)
    assert len(set(found)) == len(values)
    assert read(under, values) == found


@pytest.mark.parametrize("kind", ["boolean", "integer", "number", "string"])
@given(
    st.lists(
        st.sampled_from([0, 1, 0.0, 1.0, True, False, "0", "1", "1.0", " ", None]), max_size=20
    )
)
def test_flags_and_numbers_that_are_equal_do_not_become_each_other(
    kind: str, values: list[Any]
) -> None:
    node = {"type": [kind, "null"]}
    convert = coercion(node, Rules(UTC, "keep", b""))
    under = column(node)
    for _ in range(2):
        (rows,) = pages(values, max(1, len(values))) if values else ([],)
        misfits = {position for position, _ in under.convert(rows)}
        for position, (row, value) in enumerate(zip(rows, values, strict=True)):
            try:
                wanted = convert(value)
            except ValueError:
                assert (row.f0, position in misfits) == (None, True)
            else:
                assert (row.f0, type(row.f0)) == (wanted, type(wanted))


def test_what_does_not_fit_is_told_and_does_not_keep_the_others_back() -> None:
    values = ["2024-01-05 13:22:07", "no time", None, "2024-13-05 13:22:07"]
    (rows,) = pages(values)
    assert list(column(INSTANT).convert(rows)) == [(1, "no time"), (3, "2024-13-05 13:22:07")]
    assert [row.f0 for row in rows] == ["2024-01-05T13:22:07.000000Z", None, None, None]
