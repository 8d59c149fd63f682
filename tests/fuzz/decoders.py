"""Rows and lines, in any bytes at all: the quick way and the generic way agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tap_infinity.lines import Lines
from tap_shared.codec import Codec
from tap_shared.coerce import Rules
from tap_shared.conform import EXTRA, Conformer
from tap_shared.errors import PleaseRetry, TapError
from tap_shared.page import Page, decode
from tap_shared.writer import _lines
from tests.contract.runner import ROOT
from tests.fuzz.mangled import mangled, spoilt, text_of
from tests.fuzz.outcome import check_lines, outcome
from tests.fuzz.running import Target
from tests.shared.shapes import rows, schemas
from tests.shared.test_codec import Envelope

__all__ = ["DECODERS"]

_ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]).map(ZoneInfo)
_SCHEMAS = sorted(ROOT.glob("tap-*/tap_*/schemas/*.json"))


@cache
def _schema(place: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_SCHEMAS[place].read_text("utf-8"))
    return found


_declared = st.integers(0, len(_SCHEMAS) - 1).map(_schema)


class Case:
    """A schema, and pages of its rows as bytes."""

    def __init__(self, schema: dict[str, Any], rules: Rules, pages: list[bytes]) -> None:
        """Compile both ways."""
        chosen = {*schema["properties"], EXTRA}
        self.pages = pages
        self.generic, conformer = (
            Conformer(schema, keys=(), rules=rules, selected=chosen) for _ in range(2)
        )
        self.codec = Codec(schema, conformer, keys=(), rules=rules, selected=chosen)
        self._shown = schema, rules

    def __repr__(self) -> str:
        """Show what it was made of."""
        return f"Case(*{self._shown!r}, {self.pages!r})"

    def plain(self, page: Callable[[], list[dict[str, Any]]]) -> bytes | type[TapError]:
        """Shape rows the generic way."""
        return outcome(lambda: _lines(self.generic.page(page())))


@st.composite
def _cases(draw: st.DrawFn, *, in_lines: bool = False) -> Case:
    schema = draw(st.one_of(schemas, _declared))
    rules = Rules(draw(_ZONES), draw(st.sampled_from(["keep", "hash", "drop"])), b"salt")
    pages = []
    for page in draw(st.lists(st.lists(rows(schema), max_size=4), min_size=1, max_size=3)):
        chance: Random = draw(st.randoms())
        good = spoilt(page, chance) if draw(st.integers(0, 3)) == 0 else page
        if in_lines and isinstance(good, list):
            text = b"".join(text_of(row, chance) + b"\n" for row in good)
        else:
            text = text_of(good, chance)
        pages.append(mangled(text, chance) if draw(st.booleans()) else text)
    return Case(schema, rules, pages * 2)  # what was learned from a page must not change it


def check_rows(case: Case) -> None:
    """Read pages at once, in one go with their envelope, and late."""
    for text in case.pages:
        plain = case.plain(lambda text=text: decode(text, list[dict[str, Any]]))  # type: ignore[misc]
        assert outcome(lambda text=text: _lines(case.codec.shape(case.codec.rows(text)))) == plain  # type: ignore[misc]
        if not isinstance(plain, bytes):
            continue
        check_lines(plain)
        whole = case.codec.whole(Envelope, b'{"data":' + text + b',"total":1}')
        assert whole is None or _lines(case.codec.shape(case.codec.rows(whole.data))) == plain


def check_late_rows(case: Case) -> None:
    """Read pages as the rows of large answers are read: when they are looked at."""
    with patch.multiple("tap_shared.codec", _LARGE=1), patch.multiple("tap_shared.page", _BLOCK=2):
        for text in case.pages:
            plain = case.plain(lambda text=text: decode(text, list[dict[str, Any]]))  # type: ignore[misc]

            def late(text: bytes = text) -> bytes:
                blocks = Page(case.codec.rows(text)).blocks()
                return b"".join(_lines(case.codec.shape(one.rows)) for one in blocks)

            assert outcome(late) == plain


def _taken(body: bytes, size: int, codec: Codec | None) -> tuple[list[Any], str]:
    """Read lines in pieces; give rows, and the kind of trouble, or how they ended."""
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    lines, found = Lines(iter(pieces), size, codec), []
    while True:
        taken = lines.take()
        found += taken.rows
        if taken.trouble is not None:
            return found, type(taken.trouble).__name__
        if taken.is_last:
            return found, "whole" if taken.is_terminated else "not ended"


def check_answer_lines(case: Case) -> None:
    """Read answers of one row a line, however their bytes come, with a codec and without."""
    for text in case.pages:
        rows_of, end = _taken(text, 1 << 20, None)
        plain = _lines(case.generic.page(rows_of))
        check_lines(plain)
        for size, codec in ((1, None), (7, case.codec), (1 << 20, case.codec)):
            typed, its_end = _taken(text, size, codec)
            assert its_end == end
            assert _lines(case.codec.shape(typed)) == plain


def check_body(body: bytes) -> None:
    """Decode any bytes as JSON: what comes out can be written and read again."""
    anything: Any = Any
    for kind in (anything, dict, list[dict[str, Any]]):
        value = outcome(lambda kind=kind: decode(body, kind))  # type: ignore[misc]
        if isinstance(value, type):
            assert issubclass(value, PleaseRetry)
        else:
            check_lines(_lines([{"value": value}]))


_bodies = st.builds(
    lambda value, chance, is_whole: (
        text_of(value, chance) if is_whole else mangled(text_of(value, chance), chance)
    ),
    _declared.flatmap(rows) | st.recursive(st.none() | st.integers() | st.text(), st.lists),
    st.randoms(),
    st.booleans(),
)

DECODERS = {
    "rows": Target(_cases(), check_rows),
    "late rows": Target(_cases(), check_late_rows),
    "lines": Target(_cases(in_lines=True), check_answer_lines),
    "bodies": Target(_bodies | st.binary(max_size=40), check_body),
}
