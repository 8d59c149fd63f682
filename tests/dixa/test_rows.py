"""Rows into columns, and the key that the vendor does not give."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_dixa.rows import RecordShape, record_keys

FIXED = ("record_key", "labels", "value_type", "window_start", "_extra")
RATINGS = RecordShape({"id": "ratings"}, FIXED)
CLOSINGS = RecordShape({"id": "closed_conversations"}, FIXED)
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


def test_an_instant_that_the_record_is_named_after_counts_announced_or_not() -> None:
    at = {"_type": "InstantField", "value": "2026-03-02T00:00:00Z"}
    later = {"_type": "InstantField", "value": "2026-03-05T00:00:00Z"}
    announced = [{"field": "closed_at", "nullable": True}]
    for fields in ([], announced, [{"field": "conversation_id", "nullable": False}, *announced]):
        shape = RecordShape({"id": "closed_conversations", "fieldsMetadata": fields}, FIXED)
        first, second = (only_key(rating(closed_at=each), shape) for each in (at, later))
        assert first != second
        assert first == only_key(rating(closed_at=at), CLOSINGS)
    others = [only_key(rating(closed_at=each)) for each in (at, later)]
    assert others[0] == others[1]


@pytest.mark.parametrize("late", ["last_message_at", "status_changed_at", "edited_at"])
def test_instants_that_change_late_are_no_part_of_a_key(late: str) -> None:
    shape = RecordShape(
        {"id": "ratings", "fieldsMetadata": [{"field": late, "nullable": False}]}, FIXED
    )
    at = {"_type": "InstantField", "value": AT}
    changed = {"_type": "InstantField", "value": "2026-03-09T00:00:00Z"}
    before, after = (
        row(("csid", typed("LongField", 7)), (late, each), value=typed("LongField", 4))
        for each in (at, changed)
    )
    assert only_key(before, shape) == only_key(after, shape)


def test_a_key_does_not_depend_on_the_order_of_announcements() -> None:
    fields = [{"field": name, "nullable": False} for name in ("queued_at", "assigned_at")]
    held = [(name, typed("InstantField", AT)) for name in ("queued_at", "assigned_at")]
    shapes = [
        RecordShape({"id": "ratings", "fieldsMetadata": order}, FIXED)
        for order in (fields, fields[::-1])
    ]
    assert len({only_key(row(*held), shape) for shape in shapes}) == 1


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


def test_a_value_goes_where_its_type_says() -> None:
    def value_of(kind: str, value: Any) -> dict[str, Any]:
        return RATINGS.unfold({**row(), "value": typed(kind, value)}).row

    assert value_of("LongField", "77")["value_number"] == "77"  # the column makes it a number
    assert value_of("StringField", 5)["value_string"] == 5
    assert "value_number" not in value_of("StringField", 5)
    assert RATINGS.unfold({**row(), "value": 5}).row["value_number"] == 5


def test_labels_of_a_lists_items_have_a_column() -> None:
    tags = [typed("UUIDField", "a", label="VIP"), typed("UUIDField", "b"), typed("IntField", 3)]
    shape = RecordShape({"id": "r", "fieldsMetadata": [{"field": "tag_ids"}]}, FIXED)
    held = {"_type": "ListField", "values": tags}
    made = shape.unfold(row(("tag_ids", held), ("more", held), value=held))
    assert made.row["tag_ids"] == made.row["more"] == ["a", "b", 3]
    assert made.row["item_labels"] == {key: ["VIP", None, None] for key in ("tag_ids", "more")}
    assert not made.row["labels"]
    assert made.row["value"] == held
    assert not made.spare


def test_a_timestamp_field_keeps_a_name_that_is_not_its_own() -> None:
    stamp = {"_type": "TimestampField", "name": "when", "timestamp": AT}
    shape = RecordShape({"id": "r", "fieldsMetadata": [{"field": "when"}, {"field": "x"}]}, FIXED)
    made = shape.unfold(row(("when", stamp), ("x", stamp), ("y", stamp)))
    assert made.row["when"] == made.row["x"] == AT
    assert made.row["y"] == stamp
    assert made.spare == {"x": stamp}


def test_parts_that_are_not_shaped_as_documented_are_kept() -> None:
    entry = {"name": "note", "field": typed("StringField", "x"), "unit": "s"}
    queue = typed("UUIDField", "q", since=AT)
    made = RATINGS.unfold(
        {
            "primaryTimestampField": {"name": "created_at", "timestamp": AT, "zone": "UTC"},
            "fields": [entry, {"label": "nameless"}, 7, {"name": "queue", "field": queue}],
        }
    ).row
    assert made["note"] == "x"
    assert made["fields"] == [entry, {"label": "nameless"}, 7]
    assert made["queue"] == queue
    assert made["primaryTimestampField"]["zone"] == "UTC"
    odd = RATINGS.unfold({"primaryTimestampField": AT, "fields": {"a": 1}}).row
    assert (odd["primaryTimestampField"], odd["fields"]) == (AT, {"a": 1})
    plain = RATINGS.unfold(row(("queue", typed("UUIDField", "q")))).row
    assert not {"primaryTimestampField", "fields"} & plain.keys()


def test_a_catalogs_columns_stay_whatever_is_announced() -> None:
    entry = {"id": "r", "fieldsMetadata": [{"field": "topic"}, {"field": "labels"}]}
    offered = ["record_key", "labels", "topic", "gone", "field_value_type"]
    shape = RecordShape(entry, FIXED, offered)
    made = shape.unfold(
        row(
            ("topic", typed("StringField", "t")),
            ("gone", typed("StringField", "g")),
            ("value_type", typed("StringField", "v")),
            ("labels", typed("StringField", "new")),
        )
    )
    assert (made.row["topic"], made.row["gone"], made.row["field_value_type"]) == ("t", "g", "v")
    assert made.spare == {"labels": "new"}


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
