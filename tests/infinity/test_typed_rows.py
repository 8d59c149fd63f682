"""Rows decoded into structures and rows read as dictionaries give the same records."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tap_infinity.families import stamped
from tap_infinity.keyset import usable_ids
from tap_infinity.lines import Lines
from tap_infinity.tap import TapInfinity
from tap_shared.page import Page
from tap_shared.stream import ApiStream
from tap_shared.writer import _lines

NUMBERS = (
    "12",
    "",
    None,
    5,
    5.0,
    -0.0,
    "1e3",
    " 7 ",
    "n/a",
    True,
    [1],
    2**63,
    "0.12345678901234567890",
)
COLUMNS: dict[str, Sequence[Any]] = {
    "triggerDatetime": ("2026-11-20 10:00:00", "0000-00-00 00:00:00", "", None, "soon", 5),
    "igrp": ("101", 101, "7", None, [1]),
    "igrpId": ("101", 101, 7),
    "act": ("call", "", None, 5, True, {"a": 1}),
    "callDuration": NUMBERS,
    "lat": NUMBERS,
    "notes": ("x", "\u2028 \N{EM DASH}", "\0", "\ud83d", "", None, 7),
    "c_tier": ("gold", None, ["a", 1], {"b": 2.50}),
    "error": ("Internal error",),
    "_extra": ("theirs",),
}
ROWS = st.fixed_dictionaries(
    {"rowId": st.integers(1, 2**53).map(str)},
    optional={name: st.sampled_from(values) for name, values in COLUMNS.items()},
)
HARM = st.sampled_from(
    (
        b"",
        b"\n",
        b"\r",
        b'"',
        b"{",
        b"}",
        b"\xff",
        b"\\ud83d",
        b"\\u0000",
        b'\n"Try again"\n',
        b"\n[1]\n",
    )
)


def calls(**config: Any) -> ApiStream:
    whole = {"api_key": "sandbox-key", "start_date": "2026-01-01", **config}
    tap = TapInfinity(config=whole, parse_env_config=False, validate_config=False)
    found = tap.streams["calls"]
    assert isinstance(found, ApiStream)
    return found


TYPED, PLAIN = calls(), calls()


def pieces(body: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return (body[a:b] for a, b in itertools.pairwise(edges))


def records(stream: ApiStream, answer: Lines) -> Iterator[tuple[bytes, str]]:
    """Give what each reading becomes, as the walk by rowId makes it, and what went wrong."""
    while True:
        taken = answer.take()
        ids = usable_ids(taken.rows)
        page = Page(taken.rows[: len(ids)])
        page.write("rowId", ids)
        yield _lines(stream.shape_page(stamped(page, 101))), str(taken.trouble)
        if taken.is_last or taken.trouble is not None:
            return


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    rows=st.lists(ROWS, max_size=12),
    harms=st.lists(st.tuples(st.integers(0), HARM, st.integers(0, 9)), max_size=2),
    cuts=st.lists(st.integers(0), max_size=6),
    wanted=st.integers(1, 2000),
    as_ascii=st.booleans(),
)
@example(rows=[{"rowId": "1"}, {"rowId": "2", "igrpId": "101", "c_tier": "x"}], harms=[], cuts=[],
         wanted=9, as_ascii=True)  # fmt: skip
def test_lines_that_are_broken_anywhere_give_the_same_records(
    rows: list[dict[str, Any]], harms: list[tuple[int, bytes, int]], cuts: list[int],
    wanted: int, as_ascii: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    body = b"".join(
        json.dumps(row, ensure_ascii=as_ascii).encode("utf-8", "surrogatepass") + b"\n"
        for row in rows
    )
    for at, harm, lost in harms:
        place = at % (len(body) + 1)
        body = body[:place] + harm + body[place + lost :]
    typed = records(TYPED, Lines(pieces(body, cuts), wanted, TYPED.codec))
    assert [*typed] == [*records(PLAIN, Lines(pieces(body, cuts), wanted))]
    assert TYPED.conformer.misfits == PLAIN.conformer.misfits
    assert TYPED.conformer.undeclared == PLAIN.conformer.undeclared


def test_the_vendors_usual_rows_never_become_dictionaries() -> None:
    stream = calls()
    row = {"rowId": "1", "callDuration": "12", "lat": "51.5", "notes": "", "c_tier": ["x"]}
    body = b"".join(json.dumps({**row, "rowId": str(n)}).encode() + b"\n" for n in range(20))
    for _ in range(2):  # from the first reading it learns that numbers are texts
        rows = Lines(iter([body]), codec=stream.codec).take().rows
    assert not any(isinstance(row, dict) for row in rows)
    page = stamped(Page(rows), 101)
    (one, *_) = [json.loads(line) for line in _lines(stream.shape_page(page)).splitlines()]
    assert one["callDuration"] == 12
    assert one["_extra"] == {"c_tier": ["x"]}
