from __future__ import annotations

import hashlib
import hmac
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET

from tap_shared.coerce import Misfit, Rules, coercion, main_type

INT64 = 2**63


def typed(kind: str, value: object, **more: Any) -> Any:
    return coercion({"type": [kind, "null"], **more}, Rules())(value)


def refused(kind: str, value: object) -> bool:
    try:
        typed(kind, value)
    except (ValueError, ArithmeticError):
        return True
    return False


@given(st.integers())
@example(INT64 - 1)
@example(INT64)
@example(-INT64)
@example(-INT64 - 1)
def test_integers_are_exact_to_64_bits_and_refused_beyond(number: int) -> None:
    fits = -INT64 <= number < INT64
    for value in (number, str(number), f" {number} ", f"{number}.0", f"{number:+d}"):
        assert refused("integer", value) is not fits
        if fits:
            found = typed("integer", value)
            assert found == number
            assert type(found) is int


@pytest.mark.parametrize(
    "value",
    [
        "1.5", 2.5, "abc", "1e3", "0x10", "1_000", "12a", math.nan, math.inf, [], {}, "- 1", "²",
        1e300, Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), "9" * 30,
    ],
)  # fmt: skip
def test_what_is_no_whole_number_does_not_fit_an_integer(value: object) -> None:
    assert refused("integer", value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**20)))
@example(Decimal("0.1000000000000000055511151231257827"))
@example(Decimal("12345678901234567890.12"))
def test_a_number_in_a_text_keeps_every_digit(number: Decimal) -> None:
    found = typed("number", f"{number:f}")
    assert Decimal(repr(found) if isinstance(found, float) else found) == number


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "1e999", "1,5", "0x1", "--1", ".", "e5", "1e", math.nan,
              -math.inf, Decimal("NaN"), Decimal("-Infinity"), [], {}, "€5"]
)  # fmt: skip
def test_what_is_no_finite_number_does_not_fit_a_number(value: object) -> None:
    assert refused("number", value)


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(-0.0)
@example(5e-324)
def test_a_float_in_a_text_is_that_float(number: float) -> None:
    assert typed("number", number) == number
    assert float(typed("number", repr(number))) == number


@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "array", "object"])
def test_a_blank_is_nothing_where_no_text_is_declared(kind: str) -> None:
    assert typed(kind, "") is None
    assert typed(kind, None) is None


@pytest.mark.parametrize("value", ["", " ", "\0", "0", "null", "\ud83d"])
def test_a_text_stays_as_it_is(value: str) -> None:
    assert typed("string", value) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(5, "5"), (2**70, str(2**70)), (1.5, "1.5"), (True, "true"), (False, "false")],
)  # fmt: skip
def test_a_scalar_becomes_a_text(value: object, text: str) -> None:
    assert typed("string", value) == text


@pytest.mark.parametrize("value", [[], {}, ["a"], {"a": 1}])
def test_a_list_or_an_object_is_no_text(value: object) -> None:
    assert refused("string", value)


@pytest.mark.parametrize("value", [True, 1, 1.5 - 0.5, "1 ", "true", " TRUE ", "Yes", "on", "t"])
def test_words_for_true(value: object) -> None:
    assert typed("boolean", value) is True


@pytest.mark.parametrize("value", [False, 0, 0.5 - 0.5, -0.0, "0 ", "false", "FALSE", "No", "off"])
def test_words_for_false(value: object) -> None:
    assert typed("boolean", value) is False


@pytest.mark.parametrize("value", [2, -1, 0.5, "maybe", [], {}, "3", math.nan, [True]])
def test_anything_else_is_no_boolean(value: object) -> None:
    assert refused("boolean", value)


def test_an_empty_list_where_an_object_is_declared_is_an_empty_object() -> None:
    assert typed("object", [], properties={"a": {"type": "string"}}) == {}


def test_one_object_where_a_list_of_them_is_declared_is_a_list_of_one() -> None:
    items = {"type": "object", "properties": {"id": {"type": "integer"}}}
    assert typed("array", {"id": "5"}, items=items) == [{"id": 5}]
    with pytest.raises(Misfit):
        typed("array", {"id": "5"}, items={"type": "string"})


def test_an_open_map_has_its_values_typed() -> None:
    other = {"type": ["number", "null"]}
    found = typed("object", {"a": "1.5", "b": ""}, properties={}, additionalProperties=other)
    assert found == {"a": 1.5, "b": None}


def test_members_that_are_not_declared_stay_in_place() -> None:
    found = typed("object", {"a": "1", "b": ["raw"]}, properties={"a": {"type": "integer"}})
    assert found == {"a": 1, "b": ["raw"]}


@given(st.text(), st.binary(min_size=1))
def test_a_hash_is_the_keyed_sha_256_of_the_text(text: str, salt: bytes) -> None:
    hashing = coercion({"type": "string", "x-pii": True}, Rules(pii="hash", salt=salt))
    digest = hmac.new(salt, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    assert hashing(text) == digest
    assert hashing(None) is None


def test_a_list_of_personal_texts_is_hashed_one_by_one() -> None:
    rules = Rules(pii="hash", salt=b"salt")
    of_texts = {"type": "array", "x-pii": True, "items": {"type": "string"}}
    one = coercion({"type": "string", "x-pii": True}, rules)
    assert coercion(of_texts, rules)(["a", None, "b"]) == [one("a"), None, one("b")]


def test_a_personal_object_is_hashed_whole_and_without_regard_to_order() -> None:
    node = {"type": "object", "x-pii": True, "properties": {"a": {"type": "string"}}}
    hashing = coercion(node, Rules(pii="hash", salt=b"salt"))
    assert hashing({"a": "x", "b": 1}) == hashing({"b": 1, "a": "x"})
    assert len(hashing({"a": "x"})) == 64


@given(st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text()), st.just({"a": 1})))
def test_a_dropped_value_is_nothing_whatever_it_was(value: object) -> None:
    node = {"type": "string", "x-pii": True}
    assert coercion(node, Rules(pii="drop"))(value) is None


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["null", "integer"]}, "integer"),
        ({"type": ["object", "null"]}, "object"),
        ({"properties": {}}, "object"),
        ({}, "string"),
        ({"type": ["null"]}, "null"),
    ],
)
def test_the_one_type_that_is_not_null(node: dict[str, Any], kind: str) -> None:
    assert main_type(node) == kind


_TEXTS = st.text("0123456789-+., e[]") | st.integers().map(str)
_ONE = coercion({"type": ["integer", "null"]}, Rules())


def _one_by_one(values: list[Any]) -> list[Any] | None:
    try:
        return [value if value is UNSET else _ONE(value) for value in values]
    except Misfit:
        return None


@given(
    st.one_of(
        st.lists(st.integers(0, 2**63).map(str), min_size=1),
        st.lists(st.one_of(st.none(), st.just(UNSET), st.integers(), st.booleans(), _TEXTS)),
        st.lists(_TEXTS, min_size=1),
    )
)
@example(["1,2", "3"])
@example(["1,2", ""])
@example(["", ","])
@example(["007", "1"])
@example(["-1", "2"])
@example(["1 ", "2"])
@example(["1.0"])
@example(["1e2"])
@example(["9223372036854775808"])
@example(["\u00b2"])
@example(["null"])
@example(["1]", "[2"])
def test_a_column_of_integers_is_read_as_each_of_them_is(values: list[Any]) -> None:
    try:
        found = _ONE.column(values)  # type: ignore[attr-defined]
    except Misfit:
        found = None
    assert found == _one_by_one(values)
    assert found is None or [*map(type, found)] == [*map(type, _one_by_one(values) or [])]
