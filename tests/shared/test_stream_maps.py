from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.helpers._flattening import flatten_record

from tap_shared.conform import EXTRA
from tap_shared.errors import SettingRefused
from tap_shared.stream_maps import Flattening, blaming
from tests.shared.tiny import KEY, TinyTap

names = st.sampled_from(
    ["id", "Name", "a_long_name_that_is_cut", "a", "a__b", "type", "properties"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(
    st.lists(st.dictionaries(names, values, max_size=4), max_size=3),
    st.sets(names | st.just("a__a"), max_size=4),
    st.integers(1, 3),
    st.sampled_from(["__", "."]),
    st.sampled_from([10, 255]),
)
def test_records_are_flattened_as_the_sdk_does(
    records: list[dict[str, Any]], columns: set[str], depth: int, separator: str, longest: int
) -> None:
    known: dict[str, Any] = {name: {"type": ["string", "null"]} for name in columns}
    schema = {"type": "object", "properties": known}
    ours = Flattening(known, depth=depth, separator=separator, longest=longest)
    for record in records:
        theirs = flatten_record(
            record, schema, max_level=depth, separator=separator, max_key_length=longest
        )
        assert repr(ours(record)) == repr(theirs)


def test_what_has_no_column_goes_to_extra() -> None:
    flat = Flattening({"id": {}, EXTRA: {}}, depth=2, separator="__", longest=255)
    record = flat({"id": 1, "new": {"a": 1}, EXTRA: {"old": 2}})
    flat.fold(record)
    assert record == {"id": 1, EXTRA: '{"old":2,"new__a":1}'}


@pytest.mark.parametrize(
    "wrong",
    [{"stream_maps": "keep"}, {"stream_maps": None},
     {"stream_maps": {"things": {"id": "nonsense("}}}, {"flattening_enabled": True},
     {"stream_maps": {"things": 5}}, {"stream_maps": {"things": {"x": ["a"]}}}],
    ids=str,
)  # fmt: skip
def test_a_mapping_that_cannot_be_made_is_refused_by_its_setting(wrong: dict[str, Any]) -> None:
    config = {"api_key": KEY, "start_date": "2024-01-01", **wrong}
    with pytest.raises(SettingRefused, match=next(iter(wrong))):
        TinyTap(config=config, validate_config=False)


def test_what_is_not_about_mappings_is_not_blamed_on_them() -> None:
    with pytest.raises(KeyError), blaming({}):
        raise KeyError
