"""Streams after ids, columns after fields, types after names."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_dixa.naming import column_schema, columns, is_personal, snake, stream_names

SAFE = re.compile(r"record_[a-z0-9_]*")


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("closed_conversations", "record_closed_conversations"),
        ("aiAgentFeedback.v2", "record_ai_agent_feedback_v2"),
        ("ABTest", "record_abtest"),
        ("v2Ratings", "record_v2_ratings"),
        ("a..--b", "record_a_b"),
        ("Ærø bølge", "record__r_b_lge"),
    ],
)
def test_a_stream_is_named_after_its_id(raw: str, name: str) -> None:
    assert stream_names("record", [raw]) == {name: raw}


def test_a_name_that_is_taken_gets_a_hash() -> None:
    first, second = "aiAgentFeedback.v2", "ai-agent_feedback V2"
    mark = hashlib.sha256(second.encode()).hexdigest()[:6]
    named = stream_names("record", [first, second])
    assert named == {
        "record_ai_agent_feedback_v2": first,
        f"record_ai_agent_feedback_v2_{mark}": second,
    }


@given(st.lists(st.text(min_size=1, max_size=12), unique=True))
def test_every_id_gets_a_name_of_its_own_that_is_safe(ids: list[str]) -> None:
    named = stream_names("record", ids)
    assert sorted(named.values()) == sorted(ids)
    assert all(SAFE.fullmatch(name) for name in named)


@given(st.text(alphabet="abcXYZ019_. ", max_size=12))
def test_naming_twice_changes_nothing(raw: str) -> None:
    assert snake(snake(raw)) == snake(raw)


def test_a_field_whose_name_is_taken_gets_a_prefix() -> None:
    made = columns(["topic", "Labels", "value_type", "TOPIC"], ["labels", "value_type"])
    assert made == {
        "topic": "topic",
        "Labels": "field_Labels",
        "value_type": "field_value_type",
        "TOPIC": "field_TOPIC",
    }


@given(
    st.lists(st.sampled_from(["a", "A", "field_a", "Field_A", "labels", "LABELS", "b"]), max_size=7)
)
def test_no_two_columns_are_equal_ignoring_case(fields: list[str]) -> None:
    made = columns(fields, ["labels"])
    lowered = [name.lower() for name in (*made.values(), "labels")]
    assert len(set(lowered)) == len(lowered)


@pytest.mark.parametrize(
    ("field", "kind", "form"),
    [
        ("csid", "integer", None),
        ("conversation_id", "integer", None),
        ("closed_at", "string", "date-time"),
        ("is_escalated", "boolean", None),
        ("isHelpful", "boolean", None),
        ("has_rating", "boolean", None),
        ("handling_time", "number", None),
        ("wrapup_duration", "number", None),
        ("turns_count", "number", None),
        ("tag_ids", "array", None),
        ("agent_id", "string", None),
    ],
)
def test_a_type_follows_from_the_name(field: str, kind: str, form: str | None) -> None:
    node = column_schema({"field": field, "description": "What it is."})
    assert node["type"] == [kind, "null"]
    assert node.get("format") == form
    assert node["description"] == "What it is."
    assert ("items" in node) == (kind == "array")


@pytest.mark.parametrize("field", ["contact_point", "comment", "agentName", "user_email"])
def test_personal_data_is_told_by_the_name(field: str) -> None:
    assert is_personal(field)
    assert column_schema({"field": field})["x-pii"] is True


@pytest.mark.parametrize("field", ["agent_id", "channel", "closed_by", "csid", "status"])
def test_ids_and_kinds_are_not_personal(field: str) -> None:
    assert not is_personal(field)
    assert "x-pii" not in column_schema({"field": field})
