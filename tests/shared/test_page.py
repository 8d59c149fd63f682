"""Pages: bodies decoded into types, whatever text is in them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_shared.errors import PleaseRetry
from tap_shared.page import Page, decode


class Envelope(msgspec.Struct):
    """An envelope that keeps its rows as text."""

    rows: msgspec.Raw


@pytest.mark.parametrize("text", [rb'"\ud83d"', rb'"a\u0000b"', b"NaN"])
def test_what_only_the_lenient_reading_takes_can_stay_text(text: bytes) -> None:
    """A member kept as text survives a body that has to be read leniently."""
    answer = decode(b'{"rows": [' + text + b"]}", Envelope)
    (value,) = msgspec.json.decode(answer.rows)
    assert value in {"\ufffd", "a\ufffdb", "NaN"}


def test_html_is_no_answer() -> None:
    """A gateway's page is tried again."""
    with pytest.raises(PleaseRetry, match="an HTML page"):
        decode(b"<html></html>", Envelope)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=15,
)


def lenient(value: Any) -> str:
    """Give a value's text without what decoding replaces."""
    text = json.dumps(value, ensure_ascii=False).replace("\\u0000", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(st.dictionaries(st.text(max_size=4), json_values), st.booleans())
def test_whatever_python_calls_json_is_decoded(value: dict[str, Any], ascii_only: bool) -> None:  # noqa: FBT001
    """Lone surrogates, NUL, NaN and absurd numbers included; what is sound stays as it was."""
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    found = decode(body, dict)
    assert len(found) <= len(value)
    json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    if "NaN" not in (text := lenient(value)) and "Infinity" not in text:
        assert json.loads(json.dumps(found)).keys() == json.loads(text).keys()


@given(st.integers())
def test_an_integer_is_exact_however_long(number: int) -> None:
    """Until it is so long that it can only be a text."""
    assert decode(b'{"a": %d}' % number, dict) == {"a": number}
    assert str(decode(b'{"a": 1%s}' % (b"0" * 5000), dict)["a"]) == "1" + "0" * 5000


@given(st.binary(max_size=40), st.sampled_from([dict, list, Envelope]))
def test_any_bytes_are_an_answer_or_tried_again(body: bytes, kind: type[Any]) -> None:
    """No other error comes out, and none shows the body."""
    try:
        found = decode(body, kind)
    except PleaseRetry as err:
        said = str(err)
    else:
        assert isinstance(found, kind)
        said = ""
    assert body.decode("latin-1") not in said or len(body) < 12


@pytest.mark.parametrize("body", [b"", b"[", b"[" * 100_000, b'{"a": 1', b"null", b"5", b'"x"'])
def test_what_is_no_object_is_tried_again(body: bytes) -> None:
    """Cut, absurdly deep, or of another shape."""
    with pytest.raises(PleaseRetry):
        decode(body, dict)


def test_a_byte_order_mark_is_no_obstacle() -> None:
    """Some gateways put one."""
    assert decode(b'\xef\xbb\xbf{"a": 1}', dict) == {"a": 1}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=30), st.integers(1, 7))
def test_a_key_comes_once_however_the_pages_fall(keys: list[tuple[int, int]], size: int) -> None:
    """Within a window, and at the edge that it shares with the one before."""
    rows = [{"id": one, "leg": two, "n": at} for at, (one, two) in enumerate(keys)]
    seen: set[Any] = set()
    found: list[Any] = []
    for start in range(0, len(rows), size):
        found += Page(rows[start : start + size]).unseen(["id", "leg"], seen).rows
    assert [(row["id"], row["leg"]) for row in found] == list(dict.fromkeys(keys))
    assert Page(list(rows)).unseen(["id", "leg"], set(), seen).rows == []


def test_stamped_columns_do_not_hide_the_vendors_own() -> None:
    """A column of the same name stays as the vendor sent it."""
    page = Page([{"a": 1}, {"site": "own"}]).stamp(site="a")
    assert page.rows == [{"site": "a", "a": 1}, {"site": "own"}]
    assert page.column("a") == [1, None]
    assert len(page.keep(lambda row: "a" in row)) == 1
