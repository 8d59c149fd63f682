from __future__ import annotations

import copy
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_shared.command_line import _read_json
from tap_shared.errors import SettingRefused
from tap_shared.instants import instant_text
from tap_shared.state import bookmark, check_state, mark

RUN = datetime(2024, 6, 1, 12, tzinfo=UTC)
JUNE = "2024-06-01T00:00:00.000000Z"
moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - the zone is its own argument
    max_value=datetime(2028, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "bookmarks",
                    "singer_state",
                    "calls",
                    "partitions",
                    "context",
                    "replication_key",
                    "replication_key_value",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.lists(moments), moments)
def test_a_watermark_never_moves_backwards_and_never_passes_the_runs_start(
    ends: list[datetime], run: datetime
) -> None:
    entry: dict[str, Any] = {}
    before = ""
    for reached in ends:
        mark(entry, "date", reached, run)
        assert before <= entry["replication_key_value"] <= instant_text(run)
        before = entry["replication_key_value"]
    if ends:
        assert bookmark(entry, "date") == min(max(ends), run)
        assert entry["replication_key"] == "date"


def test_a_found_watermark_stays_where_a_run_reaches_less_far() -> None:
    entry = {"replication_key": "date", "replication_key_value": JUNE}
    mark(entry, "date", RUN - timedelta(days=20), RUN)
    assert entry["replication_key_value"] == JUNE


def test_a_bookmark_under_another_key_says_nothing() -> None:
    entry = {"replication_key": "id", "replication_key_value": JUNE}
    assert bookmark(entry, "date") is None
    mark(entry, "date", RUN - timedelta(days=20), RUN)
    assert entry["replication_key"] == "date"
    assert entry["replication_key_value"] == "2024-05-12T12:00:00.000000Z"


def test_a_first_run_has_no_watermark() -> None:
    assert bookmark({}, "date") is None
    assert bookmark({"replication_key": "date"}, "date") is None
    assert bookmark({"replication_key_value": JUNE}, "date") == datetime(2024, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    ["2024-06-01", "2024-06-01T00:00:00Z", "2024-06-01T02:00:00+02:00", "2024-06-01 00:00:00"],
)
def test_any_form_of_an_instant_becomes_the_fixed_one(written: str) -> None:
    entry = {"replication_key": "date", "replication_key_value": written}
    parts = [{"context": {"igrp": 1}, **entry}]
    state = {"bookmarks": {"calls": dict(entry), "visits": {"partitions": parts}}}
    found = check_state(state)["bookmarks"]
    assert found["calls"]["replication_key_value"] == JUNE
    assert found["visits"]["partitions"][0]["replication_key_value"] == JUNE
    assert found["visits"]["partitions"][0]["context"] == {"igrp": 1}


def test_what_other_versions_left_is_dropped() -> None:
    left = {
        "progress_markers": {"replication_key_value": JUNE},
        "replication_key_signpost": JUNE,
        "starting_replication_value": JUNE,
    }
    state = {"bookmarks": {"calls": {**left, "partitions": [{"context": {}, **left}]}}}
    assert check_state(state) == {"bookmarks": {"calls": {"partitions": [{"context": {}}]}}}


def test_meltanos_wrapper_is_taken_off() -> None:
    inner = {"bookmarks": {"calls": {"replication_key_value": JUNE}}}
    assert check_state({"singer_state": copy.deepcopy(inner), "completed": {}}) == inner
    assert check_state({}) == {}


@pytest.mark.parametrize(
    "state",
    [
        [],
        "text",
        None,
        5,
        {"singer_state": None},
        {"singer_state": []},
        {"bookmarks": []},
        {"bookmarks": None},
        {"bookmarks": {"calls": None}},
        {"bookmarks": {"calls": []}},
        {"bookmarks": {"calls": {"partitions": {}}}},
        {"bookmarks": {"calls": {"partitions": None}}},
        {"bookmarks": {"calls": {"partitions": [None]}}},
        {"bookmarks": {"calls": {"partitions": [{}]}}},
        {"bookmarks": {"calls": {"partitions": [{"context": "1"}]}}},
        {"bookmarks": {"calls": {"replication_key_value": 5}}},
        {"bookmarks": {"calls": {"replication_key_value": True}}},
        {"bookmarks": {"calls": {"replication_key_value": ""}}},
        {"bookmarks": {"calls": {"replication_key_value": "soon"}}},
        {"bookmarks": {"calls": {"replication_key_value": {}}}},
        {"bookmarks": {"calls": {"replication_key_value": "2024-02-30"}}},
        {"bookmarks": {"calls": {"replication_key_value": "9999-12-31T23:00:00-05:00"}}},
    ],
    ids=str,
)
def test_a_wrong_shape_is_refused_by_name(state: Any) -> None:
    with pytest.raises(SettingRefused, match=r"^Setting 'state' "):
        check_state(state)


@given(anything)
def test_any_state_is_taken_or_refused(state: Any) -> None:
    try:
        found = check_state(state)
    except SettingRefused:
        return
    for entry in found.get("bookmarks", {}).values():
        for part in [entry, *entry.get("partitions", [])]:
            key = part.get("replication_key")
            if isinstance(key, str):
                bookmark(part, key)


@pytest.mark.parametrize("text", [b"\xff\xfe{}", b"[" * 200_000, b"{", b"[]", b'"x"', b"\x00"])
@pytest.mark.parametrize("name", ["state", "catalog"])
def test_a_file_that_holds_no_object_is_refused_by_its_name(text: bytes, name: str) -> None:
    with pytest.raises(SettingRefused, match=f"'{name}'"):
        _read_json(name, io.TextIOWrapper(io.BytesIO(text), "utf-8"))
