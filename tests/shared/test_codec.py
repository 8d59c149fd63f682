"""The typed way and the generic way give the same records, byte for byte."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tap_shared.codec import Codec
from tap_shared.coerce import PiiMode, Rules
from tap_shared.conform import EXTRA, Conformer, without_deselected
from tap_shared.errors import PleaseRetry, StreamFailed
from tap_shared.page import Page, decode
from tap_shared.writer import _lines, encode_record
from tests.contract.truth import undeclared
from tests.shared.shapes import names, rows, schemas, values

T = TypeVar("T")

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [BERLIN, ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata"), ZoneInfo("Australia/Lord_Howe")]
TEXT = {"type": ["string", "null"]}
WHOLE = {"type": ["integer", "null"]}
AT = {"type": ["string", "null"], "format": "date-time"}
PERSONAL = {**TEXT, "x-pii": True}
HASH = hmac.new(b"salt", b"Jane", hashlib.sha256).hexdigest()
PAIR = {"type": ["object", "null"], "properties": {"a": WHOLE, "b": TEXT}}


class Envelope(msgspec.Struct, Generic[T]):
    data: T
    total: int = 0


class Both:
    """One stream's two ways, over the same pages."""

    def __init__(
        self,
        schema: dict[str, Any],
        *,
        rules: Rules | None = None,
        selected: set[str] | None = None,
        unoffered: Collection[str] = (),
        keep: bool = True,
        keys: tuple[str, ...] = (),
    ) -> None:
        rules = rules or Rules(BERLIN)
        chosen = selected if selected is not None else {*schema["properties"], EXTRA}
        chosen -= {*unoffered}
        self.generic, conformer = (
            Conformer(
                schema, keys=keys, rules=rules, selected=chosen, unoffered=unoffered,
                keep_undeclared=keep,
            )
            for _ in range(2)
        )  # fmt: skip
        self.typed = conformer
        self.codec = Codec(schema, conformer, keys=keys, rules=rules, selected=chosen)

    def page(self, text: bytes) -> bytes:
        """Shape a page both ways, compare, and give its lines."""
        plain = _lines(self.generic.page(decode(text, list[dict[str, Any]])))
        whole = self.codec.whole(Envelope, b'{"data":' + text + b',"total":1}')
        found = self.codec.rows(text) if whole is None else whole.data
        assert _lines(self.codec.shape(found)) == plain
        assert self.typed.undeclared == self.generic.undeclared
        assert self.typed.misfits == self.generic.misfits
        return plain

    def lines(self, text: bytes) -> None:
        """Shape the rows of a page, one a line, both ways; compare."""
        rows = decode(text, list[dict[str, Any]])
        found = self.codec.lines(b"\n \n".join(map(encode_record, rows)) + b"\r\n")
        plain = _lines(self.generic.page(rows))
        assert _lines(self.codec.shape(rows if found is None else found)) == plain
        assert self.typed.undeclared == self.generic.undeclared
        assert self.typed.misfits == self.generic.misfits

    def is_typed(self, text: bytes) -> bool:
        return all(type(row) is not dict for row in self.codec.rows(text))


def both(**properties: Any) -> Both:
    return Both({"type": "object", "properties": properties})


def dumped(page: Any, *, ascii_only: bool = True) -> bytes:
    text = json.dumps(page, ensure_ascii=ascii_only, allow_nan=True)
    return text.encode("utf-8", "surrogatepass")


@st.composite
def selections(draw: st.DrawFn, schema: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Deselect some properties, nested ones too."""
    mask: dict[Any, bool] = {}

    def choose(node: dict[str, Any], at: tuple[str, ...]) -> None:
        for name, child in node.get("properties", {}).items():
            mask[(*at, "properties", name)] = draw(st.integers(0, 4)) > 0
            choose(child, (*at, "properties", name))

    choose(schema, ())
    chosen = {name for name in schema["properties"] if mask[("properties", name)]}
    return without_deselected(schema, mask), chosen | ({EXTRA} if draw(st.booleans()) else set())


@st.composite
def cases(draw: st.DrawFn) -> tuple[Both, list[bytes]]:
    schema, selected = draw(schemas.flatmap(selections))
    pii: PiiMode = draw(st.sampled_from(["keep", "hash", "drop"]))
    keep = draw(st.booleans())
    given_rules = Rules(draw(st.sampled_from(ZONES)), pii, b"salt", is_closed=not keep)
    unoffered = draw(st.sets(st.sampled_from(sorted(selected - {EXTRA}) or ["n"]), max_size=2))
    way = Both(schema, rules=given_rules, selected=selected, unoffered=unoffered, keep=keep)
    pages = draw(st.lists(st.lists(rows(schema), max_size=4), min_size=1, max_size=4))
    return way, [dumped(page, ascii_only=draw(st.booleans())) for page in pages]


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_both_ways_give_the_same_bytes_whatever_comes(case: tuple[Both, list[bytes]]) -> None:
    way, pages = case
    for text in [*pages, *pages]:
        way.page(text)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_rows_that_stand_one_a_line_are_the_same_bytes(case: tuple[Both, list[bytes]]) -> None:
    way, pages = case
    for text in [*pages, *pages]:
        way.lines(text)


@pytest.mark.parametrize(
    "line", [b'"message"', b"[1]", b"null", b'{"id":', b'{"id":"\\ud83d"}', b"x"]
)
def test_a_line_that_is_no_plain_object_is_left_to_the_caller(line: bytes) -> None:
    way = both(id=WHOLE)
    assert way.codec.lines(b'{"id":1}\n' + line + b'\n{"id":2}\n') is None
    found = way.codec.lines(b'{"id":1}\n\n{"id":"2"}\r\n{"new":3}\n')
    assert found is not None
    assert [type(row) is dict for row in found] == [False, True, True]
    assert [type(row) is dict for row in way.codec.lines(b'{"id":"2"}\n{"new":3}') or ()] == [
        False, False,
    ]  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_rows_of_a_large_answer_are_decoded_late_to_the_same_bytes(
    case: tuple[Both, list[bytes]],
) -> None:
    way, pages = case
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tap_shared.codec._LARGE", 1)
        patched.setattr("tap_shared.page._BLOCK", 2)
        for text in [*pages, *pages]:
            plain = way.generic.page(decode(text, list[dict[str, Any]]))
            whole = way.codec.whole(Envelope, b'{"data":' + text + b',"total":1}')
            rows_of = way.codec.rows(text if whole is None else whole.data)
            blocks = list(Page(rows_of).blocks())
            assert len(rows_of) == len(plain)
            assert b"".join(_lines(way.codec.shape(one.rows)) for one in blocks) == _lines(plain)


_kinds = st.sampled_from(
    [TEXT, WHOLE, {"type": "number"}, {"type": "boolean"}, AT, PAIR,
     {"type": "array", "items": WHOLE}, {"type": "array", "items": PAIR}]
)  # fmt: skip
_texts = st.sampled_from(
    ["5", "-5", "5.0", "1e400", "-0", "-0.0", "0.1", "1e5", str(2**63), str(10**30), "1.5", "NaN",
     "Infinity", "null", "true", '"5"', '"\\ud83d"', '"\\ud83d\\ude00"', '"a\\u0000b"', '"é"',
     '"2024-03-31 02:30:00"', '"2024-10-27 02:30:00"', '"2024-01-05T13:22:07.123Z"', "[]", "[5]",
     '{"a": 5}', '{"b": "x", "a": 5}', '{"new": [1, {}], "a": 5}', '{"a": "5"}', "[null]",
     '[{"b": "x", "a": 1, "new": 2}]', '"1704461000123"', "1704461000123"]
)  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(names, _kinds, min_size=1, max_size=4),
    st.lists(st.lists(st.dictionaries(names, _texts, max_size=5), max_size=4), max_size=4),
)
def test_wire_texts_that_json_libraries_disagree_about(
    properties: dict[str, Any], pages: list[list[dict[str, str]]]
) -> None:
    way = both(**properties)
    for page in pages:
        made = [
            "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in row.items()) + "}"
            for row in page
        ]
        way.page(f"[{', '.join(made)}]".encode())


@given(st.lists(st.tuples(names, values), max_size=4))
def test_a_name_that_comes_twice_counts_once(pairs: list[tuple[str, Any]]) -> None:
    members = ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in pairs)
    both(id=WHOLE, Name=TEXT, at=AT).page(
        f"[{{{members}, {members}}}]".encode().replace(b"{, }", b"{}")
    )


def test_drift_in_some_rows_is_decoded_once() -> None:
    way = both(id=WHOLE, at=AT)
    page = [
        {"id": n, "at": "2024-01-05 13:22:07"} | ({"new": [n]} if n % 3 else {}) for n in range(9)
    ]
    way.page(dumped(page))
    assert way.is_typed(dumped(page))
    assert b'"_extra":{"new":[1]}' in way.page(dumped(page))
    assert way.typed.undeclared["new"] == 12


@pytest.mark.parametrize(
    ("node", "value", "shaped"),
    [
        (WHOLE, "5", b"5"),
        (WHOLE, "five", b'null,"_extra":{"x":"five"}'),
        (WHOLE, 5.0, b"5"),
        (WHOLE, 2**63, b'null,"_extra":{"x":9223372036854775808}'),
        (TEXT, 5, b'"5"'),
        ({"type": "boolean"}, 1, b"true"),
        ({"type": "boolean"}, "no", b"false"),
        ({"type": "number"}, "1.5", b"1.5"),
        (AT, 5, b'null,"_extra":{"x":5}'),
        (AT, "0000-00-00 00:00:00", b"null"),
        ({**AT, "x-epoch": "ms"}, 1704461000123, b'"2024-01-05T13:23:20.123000Z"'),
        ({"type": "string", "format": "date"}, "2024-01-05 10:00:00", b'"2024-01-05"'),
        (PAIR, {"b": "x", "new": 1, "a": "5"}, b'{"a":5,"b":"x","new":1}'),
        (PAIR, [], b"{}"),
        ({"type": "array", "items": PAIR}, {"a": 1}, b'[{"a":1}]'),
        ({"type": "array", "items": AT}, ["2024-01-05"], b'["2024-01-04T23:00:00.000000Z"]'),
    ],
)
def test_what_does_not_fit_is_learned(node: dict[str, Any], value: object, shaped: bytes) -> None:
    way = both(x=node)
    text = dumped([{"x": value}])
    assert way.page(text) == way.page(text) == b'{"x":' + shaped + b"}\n"
    assert way.is_typed(text)


def test_a_field_of_the_vendor_that_is_called_extra_stays_inside_extra() -> None:
    assert (
        both(id=WHOLE).page(b'[{"_extra":{"a":1},"id":5}]')
        == b'{"id":5,"_extra":{"_extra":{"a":1}}}\n'
    )


@pytest.mark.parametrize(
    ("pii", "kept"),
    [("keep", {"at": "2024-01-05", "note": "Jane", "pair": {"a": "5", "who": "Jane"}}),
     ("hash", {"at": "2024-01-05", "note": HASH, "pair": {"a": 5, "who": HASH}}),
     ("drop", {"at": "2024-01-05", "pair": {"a": 5, "who": None}})],
)  # fmt: skip
def test_columns_that_a_catalog_does_not_offer_are_kept_as_undeclared(
    pii: PiiMode, kept: dict[str, Any]
) -> None:
    """Personal ones are as `pii` says: the tap knows them, though the catalog does not."""
    pair = {"type": "object", "properties": {"a": WHOLE, "who": PERSONAL}}
    schema = {"properties": {"id": WHOLE, "at": AT, "note": PERSONAL, "pair": pair, "gone": TEXT}}
    row = {
        "id": 5,
        "at": "2024-01-05",
        "note": "Jane",
        "gone": "x",
        "pair": {"a": "5", "who": "Jane"},
    }
    way = Both(
        schema, rules=Rules(BERLIN, pii, b"salt"), selected={"id", EXTRA},
        unoffered=("at", "note", "pair"),
    )  # fmt: skip
    for _ in range(2):
        assert json.loads(way.page(dumped([row]))) == {"id": 5, EXTRA: kept}
    assert way.is_typed(dumped([row]))
    assert way.typed.undeclared == {"at": 2, "note": 2, "pair": 2}


def test_members_that_no_schema_declares_are_left_out_where_undeclared_fields_are() -> None:
    free = {"type": "object", "properties": {}}
    open_map = {"type": "object", "properties": {}, "additionalProperties": WHOLE}
    properties = {
        "pair": PAIR,
        "pairs": {"type": "array", "items": PAIR},
        "free": free,
        "map": open_map,
    }
    row = {"pair": {"a": "5", "new": {"b": 1}}, "pairs": [{"b": "x"}, {"new": 1}],
           "free": {"new": [1]}, "map": {"new": "5"}, "new": 1}  # fmt: skip
    left = {"pair": {"a": 5}, "pairs": [{"b": "x"}, {}], "free": {"new": [1]}, "map": {"new": 5}}
    way = Both({"properties": properties}, rules=Rules(BERLIN, is_closed=True), keep=False)
    for _ in range(2):
        assert json.loads(way.page(dumped([row]))) == left


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(schemas.flatmap(lambda schema: st.tuples(st.just(schema), st.lists(rows(schema)))))
def test_nothing_undeclared_is_left_where_undeclared_fields_are_dropped(
    case: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    schema, page = case
    way = Both(schema, rules=Rules(BERLIN, is_closed=True), keep=False)
    for line in way.page(dumped(page)).splitlines():
        assert not [*undeclared(schema, json.loads(line))]


@pytest.mark.parametrize("at_once", [1, 90])
def test_too_many_names_end_the_typed_way_and_nothing_else(at_once: int) -> None:
    way = both(id=WHOLE)
    for start in range(0, 90, at_once):
        way.page(dumped([{"id": n, f"new{n}": n} for n in range(start, start + at_once)]))
    assert not way.is_typed(b'[{"id":1}]')


def test_a_name_that_needs_escapes_is_never_learned() -> None:
    way = both(id=WHOLE)
    text = dumped([{'ne"w': 1, "n1": 1, "id": 5}])
    assert way.page(text) == way.page(text) == b'{"id":5,"_extra":{"n1":1,"ne\\"w":1}}\n'
    assert not way.is_typed(text)
    assert way.is_typed(b'[{"id":5,"n1":1}]')


@pytest.mark.parametrize(
    "text", [b"[5]", b"{}", b'[{"id":1}', b"<html>", b"", b"null", b'[{"id":1},"x"]']
)
def test_what_are_no_rows_is_tried_again(text: bytes) -> None:
    with pytest.raises(PleaseRetry):
        both(id=WHOLE).codec.rows(text)


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": "five"}, {"id": ""}])
def test_a_row_without_its_key_fails(row: dict[str, Any]) -> None:
    for text in (dumped([row]), dumped([{"id": 1}, row])):
        way = Both({"properties": {"id": {"type": "integer"}}}, keys=("id",))
        for _ in range(2):
            with pytest.raises(StreamFailed, match="'id'"):
                way.codec.shape(way.codec.rows(text))


@example([{"id": 1}, {"id": "1"}])
@given(st.lists(st.fixed_dictionaries({}, optional={"id": st.sampled_from([1, "1", 2, None])})))
def test_pages_of_both_kinds_answer_alike(page: list[dict[str, Any]]) -> None:
    way = both(id=WHOLE, added=TEXT)
    typed, plain = (
        Page(way.codec.rows(dumped(page))),
        Page(decode(dumped(page), list[dict[str, Any]])),
    )
    assert typed.column("id") == plain.column("id")
    assert typed.column("nothing") == plain.column("nothing")
    for one in (typed, plain):
        one.stamp(added="a").unseen(["id"], set())
    assert _lines(way.codec.shape(typed.rows)) == _lines(way.generic.page(plain.rows))


def test_several_threads_may_learn_at_once() -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - one test only

    way = both(id=WHOLE)
    pages = [dumped([{"id": n, f"new{n % 7}": n}] * 20) for n in range(60)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(way.codec.rows, pages))
    for one, page in zip(found, pages, strict=True):
        plain = way.generic.page(decode(page, list[dict[str, Any]]))
        assert _lines(way.codec.shape(one)) == _lines(plain)
