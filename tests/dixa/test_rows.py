"""Rows into columns, and the key that the vendor does not give."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tap_dixa.rows import RecordShape, record_keys

FIXED = ("record_key", "labels", "value_type", "window_start", "_extra")
RATINGS = RecordShape({"id": "ratings"}, FIXED)
AT = "2026-03-01T10:00:00Z"


def typed(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"_type": kind, "value": value, **more}


def row(
    *fields: tuple[str, Any], at: str = AT, name: str = "offered_at", **more: Any
) -> dict[str, Any]:
    return {
        "primaryTimestampField": {"name": name, "timestamp": at},
        "fields": [{"name": n, "field": f} for n, f in fields],
        **more,
    }


def rating(csid: int = 7, score: int = 4, **fields: Any) -> dict[str, Any]:
    held = [("csid", typed("LongField", csid)), *fields.items()]
    return row(*held, value=typed("LongField", score))


def only_key(one: dict[str, Any], shape: RecordShape = RATINGS) -> str:
    (key,) = record_keys([one], shape)
    return key


# Keys


def test_a_key_does_not_change_with_value_label_tags_or_digits_of_the_second() -> None:
    before = rating()
    after = rating(score=1, agent_id=typed("UUIDField", "a", label="Ada"))
    after["fields"].append({"name": "tag_ids", "field": {"_type": "ListField", "values": []}})
    after["primaryTimestampField"]["timestamp"] = "2026-03-01T10:00:00.000Z"
    assert only_key(before) == only_key(after)


def test_a_key_changes_with_record_conversation_instant_and_its_name() -> None:
    keys = {
        only_key(rating()),
        only_key(rating(csid=8)),
        only_key(rating(csid=2**53 + 1)),
        only_key(rating(csid=2**53 + 2)),
        only_key(rating(), RecordShape({"id": "other"}, FIXED)),
        only_key(row(("csid", typed("LongField", 7)), at="2026-03-01T10:00:00.001Z")),
        only_key(row(("csid", typed("LongField", 7)), name="created_at")),
    }
    assert len(keys) == 7


def test_the_conversation_is_found_under_both_names() -> None:
    assert only_key(rating()) == only_key(row(("conversation_id", typed("LongField", 7))))


def test_rows_without_a_conversation_are_told_apart_by_ids_and_status() -> None:
    agent, other = typed("UUIDField", "a"), typed("UUIDField", "b")
    working = ("status", typed("StringField", "Working"))
    first = row(("agent_id", agent), working)
    renamed = row(
        working,
        ("agent_id", {**agent, "label": "New name"}),
        ("ended_at", typed("InstantField", AT)),
        ("note", typed("StringField", "x")),
    )
    assert only_key(first) == only_key(renamed)
    others = [
        row(("agent_id", other), working),
        row(("agent_id", agent), ("status", typed("StringField", "Away"))),
        row(("agent_id", agent), working, ("shift_id", typed("IntField", 3))),
    ]
    assert len({only_key(each) for each in (first, *others)}) == 4


def test_closings_of_one_conversation_have_keys_of_their_own() -> None:
    fields = [
        {"field": "closed_at", "description": "", "nullable": False},
        {"field": "ended_at", "description": "", "nullable": False},
        {"field": "seen_at", "description": "", "nullable": True},
    ]
    shape = RecordShape({"id": "closed_conversations", "fieldsMetadata": fields}, FIXED)

    def closing(**instants: str) -> str:
        held = [(name, typed("InstantField", at)) for name, at in instants.items()]
        return only_key(row(("csid", typed("LongField", 7)), *held), shape)

    first = closing(closed_at="2026-03-02T00:00:00Z")
    assert first != closing(closed_at="2026-03-05T00:00:00Z")
    assert first == closing(closed_at="2026-03-02T00:00:00.000Z", ended_at=AT, seen_at=AT)


def test_identical_twins_get_two_keys_and_always_the_same_two() -> None:
    twins = [rating(), rating()]
    keys = record_keys(twins, RATINGS)
    assert len(set(keys)) == 2
    assert set(record_keys([rating(score=2), rating()], RATINGS)) == set(keys)
    assert only_key(rating()) in keys


ROWS = st.builds(
    rating,
    csid=st.integers(1, 3),
    score=st.integers(1, 2),
    agent_id=st.sampled_from([typed("UUIDField", "a"), typed("UUIDField", "b"), None]),
)


@given(st.lists(ROWS, max_size=8), st.randoms(use_true_random=False))
def test_keys_are_distinct_and_do_not_depend_on_the_order(rows: list[Any], rng: Any) -> None:
    keys = record_keys(rows, RATINGS)
    assert len(set(keys)) == len(rows)
    mixed = list(zip(keys, rows, strict=True))
    rng.shuffle(mixed)
    again = record_keys([each for _, each in mixed], RATINGS)
    pairs = sorted((key, json.dumps(each)) for key, each in mixed)
    assert sorted(zip(again, (json.dumps(e) for _, e in mixed), strict=True)) == pairs


# Columns


def test_each_type_of_value_finds_its_column() -> None:
    def value_of(held: Any) -> dict[str, Any]:
        made = RATINGS.unfold({**row(), "value": held}).row
        return {name: made[name] for name in made if name.startswith("value")}

    number, text, truth = "value_number", "value_string", "value_boolean"
    assert value_of(typed("LongField", 2**53 + 1)) == {number: 2**53 + 1, "value_type": "LongField"}
    assert value_of(typed("BooleanField", value=False))[truth] is False
    assert value_of(typed("UUIDField", "u", label="L")) == {
        text: "u", "value_type": "UUIDField", "value_label": "L",
    }  # fmt: skip
    stamp = {"_type": "TimestampField", "name": "x", "timestamp": AT}
    assert value_of(stamp)[text] == AT
    assert value_of({"_type": "ListField", "values": [typed("IntField", 1)]})["value"] == [1]
    money = {"_type": "MoneyField", "amount": "1", "currency": "DKK"}
    assert value_of(money) == {"value": money, "value_type": "MoneyField"}
    newer = typed("DecimalField", 1.5, digits=1)
    assert value_of(newer) == {number: 1.5, "value": newer, "value_type": "DecimalField"}
    assert value_of(None) == {}


def test_what_has_no_column_keeps_its_name() -> None:
    shape = RecordShape(
        {"id": "r", "fieldsMetadata": [{"field": "topic"}, {"field": "value_type"}]}, FIXED
    )
    made = shape.unfold(
        row(
            ("topic", typed("StringField", "first", label="Topic")),
            ("topic", typed("StringField", "second")),
            ("topic", typed("StringField", "third", label="T")),
            ("value_type", typed("StringField", "clash")),
            ("window_start", typed("StringField", "clash")),
            ("nothing", None),
            ("list", {"_type": "ListField", "values": [typed("IntField", 1), None]}),
            ("money", {"_type": "MoneyField", "amount": "1"}),
            sentiment={"score": -1},
        )
    )
    assert made.row["topic"] == "first"
    assert made.row["labels"] == {"topic": "Topic"}
    assert made.row["field_value_type"] == "clash"
    assert made.row["nothing"] is None
    assert made.row["list"] == [1, None]
    assert made.row["money"] == {"_type": "MoneyField", "amount": "1"}
    assert made.row["sentiment"] == {"score": -1}
    assert made.spare == {
        "topic": ["second", typed("StringField", "third", label="T")],
        "window_start": "clash",
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda below: (
        st.lists(below, max_size=2)
        | st.dictionaries(
            st.sampled_from(["_type", "value", "values", "name", "field", "label", "timestamp"]),
            below,
        )
    ),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {}, optional={"primaryTimestampField": JSON, "value": JSON, "fields": JSON | st.lists(JSON)}
    )
)
def test_no_row_is_too_odd(odd: dict[str, Any]) -> None:
    before = copy.deepcopy(odd)
    made = RATINGS.unfold(odd)
    assert made.row["record_id"] == "ratings"
    assert len(record_keys([odd, odd], RATINGS)) == 2
    assert odd == before
