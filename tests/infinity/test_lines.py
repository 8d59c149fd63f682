"""Rows out of answers that come in pieces, are cut, or are no rows."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_infinity import lines
from tap_infinity.lines import Lines, no_row, told
from tap_infinity.page_limit import LimitTooHigh
from tap_shared.errors import PleaseRetry, StreamFailed

ROWS = st.lists(
    st.fixed_dictionaries({"rowId": st.integers(0, 2**63 - 1), "notes": st.text()}), max_size=30
)


def in_pieces(body: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return (body[a:b] for a, b in itertools.pairwise(edges))


def everything(answer: Lines) -> tuple[list[dict[str, Any]], PleaseRetry | None, bool]:
    rows: list[dict[str, Any]] = []
    while True:
        taken = answer.take()
        rows += taken.rows
        if taken.is_last or taken.trouble is not None:
            return rows, taken.trouble, taken.is_terminated


@given(rows=ROWS, cuts=st.lists(st.integers(0), max_size=20), wanted=st.integers(1, 200))
def test_rows_are_the_same_however_the_bytes_come(
    rows: list[dict[str, Any]], cuts: list[int], wanted: int
) -> None:
    body = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    stored = [{**row, "notes": row["notes"].replace("\0", "\ufffd")} for row in rows]
    found, trouble, is_terminated = everything(Lines(in_pieces(body or b"\n", cuts), wanted))
    assert trouble is None
    assert is_terminated
    assert found == stored


@given(rows=ROWS.filter(len), at=st.integers(1), wanted=st.integers(1, 200))
def test_a_cut_body_gives_whole_rows_and_then_trouble_or_nothing_more(
    rows: list[dict[str, Any]], at: int, wanted: int
) -> None:
    body = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    part = body[: at % len(body)]
    found, trouble, _ = everything(Lines(iter([part]), wanted))
    assert [row["rowId"] for row in found] == [row["rowId"] for row in rows][: len(found)]
    whole = part.count(b"\n")
    assert len(found) in {whole, whole + 1}
    if len(found) == whole and part[-1:] not in {b"\n", b""}:
        assert trouble is not None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'"Internal error"\n', "a message instead of rows: Internal error"),
        (b'{"rowId":1}\n"Try  again"\n{"rowId":2}\n', "a message instead of rows: Try again"),
        (b"<html><body>502</body></html>", "an HTML page"),
        (b'{"rowId":1}\n{"rowId":', "no complete JSON"),
        (b'{"rowId":1}\n[1]\n', "unexpected shape"),
        (b'{"rowId":1}\nnull\n', "unexpected shape"),
    ],
)
def test_what_is_no_row_is_told(body: bytes, said: str) -> None:
    rows, trouble, _ = everything(Lines(iter([body])))
    assert said in str(trouble)
    assert rows == [{"rowId": 1}] * body.startswith(b'{"rowId":1}')


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("body", "is_blank"),
    [(b"\n", True), (b"\n\n", True), (b" \r\n", True), (BOM + b"\n", True), (b"", False),
     (b"[]", False), (b"\n]\n", False), (BOM + b"[ ]\n", False)],
)  # fmt: skip
def test_answers_without_rows(body: bytes, is_blank: bool) -> None:  # noqa: FBT001
    taken = Lines(iter([body] if body else [])).take()
    assert (taken.rows, taken.trouble, taken.is_last) == ([], None, True)
    assert taken.is_blank == is_blank, "a blank line is the documented way"


@given(rows=ROWS, cuts=st.lists(st.integers(0), max_size=9), wanted=st.integers(1, 200))
def test_an_array_is_read_whole_or_not_at_all(
    rows: list[dict[str, Any]], cuts: list[int], wanted: int
) -> None:
    body = b" \n[" + b",\n".join(json.dumps(row).encode() for row in rows) + b"\n]\n"
    found, trouble, is_terminated = everything(Lines(in_pieces(body, cuts), wanted))
    assert trouble is None
    assert is_terminated
    assert [row["rowId"] for row in found] == [row["rowId"] for row in rows]
    cut = body.rstrip()[:-1]
    found, trouble, _ = everything(Lines(in_pieces(cut, cuts), wanted))
    assert found == []
    assert "no complete JSON" in str(trouble)


def test_a_line_without_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_LONGEST", 5 << 20)
    with pytest.raises(StreamFailed, match="a line of more than 5 MiB"):
        everything(Lines(itertools.repeat(b"x" * 65536)))


@pytest.mark.parametrize(
    ("row", "said"),
    [({"error": "Try  again"}, "a message instead of rows: Try again"),
     ({"message": "x" * 500, "code": 5}, "rows: " + "x" * 200),
     ({"error": ["?"]}, "a row without a usable rowId"),
     ({"rowId": "", "notes": "secret"}, "a row without a usable rowId")],
)  # fmt: skip
def test_an_object_without_its_key_is_no_row(row: dict[str, Any], said: str) -> None:
    assert str(no_row(row, ("rowId",))).endswith(said)


def test_a_message_about_the_limit_is_told_from_one_about_the_pace() -> None:
    for said, kind in (("Limit is 1000 rows", LimitTooHigh), ("Rate limit hit", PleaseRetry)):
        trouble = Lines(iter([json.dumps(said).encode()])).take().trouble
        assert type(trouble) is kind


def test_texts_that_choke_plain_parsers_survive() -> None:
    body = b'{"rowId":1,"notes":"\\ud83d"}\n{"rowId":2,"notes":"a\\u0000b"}\n'
    body += '{"rowId":3,"notes":"\u2028\x85"}\r\n\n'.encode()
    rows, trouble, _ = everything(Lines(iter([body])))
    assert trouble is None
    assert [row["notes"] for row in rows] == ["\ufffd", "a\ufffdb", "\u2028\x85"]


def test_a_message_is_shortened() -> None:
    assert told(b'"' + b"x" * 5000 + b'"') == "x" * 200
    assert told(b'{"rowId":1}') == ""


def test_a_blank_answer_is_looked_at_once() -> None:
    """However long it is: what is known to be blank is not searched again with each block."""
    blocks = (b" " * 4096 for _ in range(1024))
    begun = time.process_time()
    found, trouble, _ = everything(Lines(blocks))
    assert time.process_time() - begun < 1
    assert (found, trouble) == ([], None)
