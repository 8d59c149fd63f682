"""The quick way of reading calls and the way through dictionaries give the same, byte for byte."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tap_pbx.families import CallListStream
from tap_pbx.history import CallRead
from tap_pbx.links import without_key
from tap_pbx.tap import TapPBX
from tap_pbx.typed_calls import KeyMarks, typed_page
from tap_shared.errors import TapError
from tap_shared.redact import Redactor
from tap_shared.windows import Window
from tap_shared.writer import _lines
from tests.pbx.telling import KEY, call, counted

WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
FORMS = (
    KEY, quote(KEY), quote(KEY, safe=""), quote_plus(KEY), quote(KEY, safe="").lower(),
    base64.b64encode(KEY.encode()).decode(), base64.urlsafe_b64encode(KEY.encode()).decode(),
)  # fmt: skip
LINKS = (
    "", "a.wav", "https://pbx.primevox.net/r?containerID=1&fileName=a.wav", "http://[x", "?auth=x",
    "https://Auth:pw@pbx.primevox.net/a.wav", "https://h/r?a%75th=x&b=1#auth=y",
    *(f"https://pbx.primevox.net/r?auth={form}&fileName=a.wav" for form in FORMS),
    *(f"https://pbx.primevox.net/{form}/a.wav" for form in FORMS),
)  # fmt: skip
TEXTS = (
    "", "é 日本", "a\x00b", "\ud83d", "x\u2028y", '"\\/', "told", "1", "0", "true", "12.0", "1e3",
    *FORMS, *(f"see https://h/?auth={form}" for form in FORMS),
)  # fmt: skip
TIMES = (
    "2026-03-01 10:00:00", "2026-03-01 10:00:00.104689", "2026-03-01T10:00:00",
    "2026-03-01T10:00:00+01:00", "2026-03-02 00:00:00", "2026-03-02 00:00:01.9",
    "0000-00-00 00:00:00", "2026-02-30 10:00:00", "1999-12-31 23:59:59", "nonsense",
)  # fmt: skip
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.integers(2**31, 2**64), st.sampled_from(TEXTS),
    st.floats(allow_nan=False, allow_infinity=False, width=32), st.text(max_size=5),
    st.lists(st.integers(0, 3), max_size=2), st.dictionaries(st.sampled_from("ab"), st.just(1)),
)  # fmt: skip
FIELDS = [name for name in call() if name not in {"callUuid", "callDate", "recordingUrl"}]
CALL = st.builds(
    lambda at, link, odd, gone: {
        name: value
        for name, value in {**call("own", at), "recordingUrl": link, **odd}.items()
        if name not in gone
    },
    st.sampled_from(TIMES[:2]) | st.sampled_from(TIMES) | ODD,
    st.sampled_from(LINKS) | ODD,
    st.dictionaries(st.sampled_from([*FIELDS, "callUuid", "new", "_extra"]), ODD, max_size=3),
    st.sets(st.sampled_from([*call(), "callUuid"]), max_size=2),
)
ROWS = st.lists(CALL, max_size=5)
HEAD = st.dictionaries(
    st.sampled_from(["maxResultSize", "maxPages", "utcOffset", "currentResultSize", "error",
                     "errors", "success", "status", "message", "new"]),
    ODD, max_size=1,
)  # fmt: skip
SHAPES: tuple[Callable[[list[Any]], dict[str, Any]], ...] = (
    lambda rows: {"data": {f"u-{n}": row for n, row in enumerate(rows)}},
    lambda rows: {"data": rows},
    lambda rows: {f"u-{n}": row for n, row in enumerate(rows)},
    lambda rows: {"data": {"calls": {f"u-{n}": row for n, row in enumerate(rows)}}},
    lambda rows: {"data": {**{f"u-{n}": row for n, row in enumerate(rows)}, "x": 1}},
)


class Way:
    """The calls of one tap, read in one way."""

    def __init__(self, *, is_quick: bool, pii: str) -> None:
        config = {
            "api_key": KEY, "container_id": "654321", "start_date": "2026-03-01", "pii": pii,
            "pii_salt": "salt",
        }  # fmt: skip
        self.tap = TapPBX(config=config, validate_config=False)
        found = self.tap.streams["calls"]
        assert isinstance(found, CallListStream)
        self.stream = found
        calls = self.tap.client.calls
        if not is_quick:
            self.tap.client.calls = lambda params, _codec: calls(params)  # type: ignore[assignment,method-assign,misc]

    def read(self, body: bytes) -> object:
        """Give the lines that an answer comes to, or the error."""
        reply: Any = SimpleNamespace(body=body, status=200)
        self.tap.client.transport.send = lambda _, parse: parse(reply)  # type: ignore[assignment,method-assign]
        read = CallRead(WINDOW, {"tenant_id": "0"})
        try:
            page = self.stream._page(read, read.parts[0], 1)
            lines = _lines(self.stream.shape_page(page))
        except TapError as err:
            return type(err), str(err)
        return lines, page.total, page.facts, read.parts[0].keys

    @property
    def counts(self) -> object:
        return self.stream.conformer.undeclared, self.stream.conformer.misfits


def answer(head: dict[str, Any], shape: int, rows: list[Any]) -> dict[str, Any]:
    return {**counted(len(rows)), **SHAPES[shape](rows), **head}


def written(value: Any, style: int) -> bytes:
    """Write JSON as PHP does, as others do, or with letters escaped that need it not."""
    text = json.dumps(value, ensure_ascii=style != 1)
    if style == 0:
        text = text.replace("/", "\\/")
    elif style == 2:
        text = text.replace("told", "t\\u006fld")
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("pii", ["keep", "hash", "drop"])
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HEAD, st.sampled_from([0, 0, 0, 1, 2, 3, 4]), st.lists(ROWS, min_size=1, max_size=3),
       st.sampled_from([0, 0, 1, 2]))  # fmt: skip
@example({}, 0, [[call("own"), {"callDate": TIMES[0]}, {"new": 1}]], 0)
@example({}, 3, [[call("own")]], 0)
@example({}, 0, [[call("own", recordingUrl=LINKS[7]), call("two", cidName=KEY)]], 2)
@example({"currentResultSize": 2}, 0, [[]], 0)
@example({}, 0, [[call("own"), call("two", callDate=None, recordingUrl=LINKS[-3])]], 0)
@example(
    {},
    1,
    [
        [call("own"), call("own", callDate=False)],
        [call("own"), call("own"), call("own"), {"callDate": None}, call("own", callDate=False)],
    ],
    0,
)
@example({"error": "Your API Auth Key is invalid."}, 0, [[call("own")]], 0)
def test_both_ways_give_the_same(
    pii: str, head: dict[str, Any], shape: int, pages: list[list[Any]], style: int
) -> None:
    quick, plain = (Way(is_quick=is_quick, pii=pii) for is_quick in (True, False))
    for rows in pages:
        body = written(answer(head, shape, rows), style)
        found = quick.read(body)
        assert found == plain.read(body)
        if isinstance(found, tuple) and isinstance(found[0], type):
            return  # the stream ends here; how far it had counted says nothing
        assert quick.counts == plain.counts


def test_plain_calls_are_read_the_quick_way_and_links_with_the_key_too() -> None:
    way = Way(is_quick=True, pii="keep")
    rows = [call(f"c-{n}", recordingUrl=link) for n, link in enumerate(LINKS[7:10])]
    body = written(answer({}, 0, rows), 0)
    codec, marks = way.stream.codec, KeyMarks(KEY)
    for _ in range(5):  # each page teaches of one more flag that it is a number here
        page = typed_page(body, codec, marks)
    assert page is not None
    assert {type(row) is dict for row in page.rows} == {False}
    hidden = answer({}, 0, [call("c-1", callNotes=f"the key is {KEY}")])
    assert typed_page(written(hidden, 0), codec, marks) is None
    lines = str(way.read(body))
    assert not [form for form in FORMS if form in lines]
    assert [without_key(link, way.tap.client.hide) in lines for link in LINKS[7:10]] == [True] * 3


@given(st.text(min_size=4, max_size=30).map(str.strip), st.sampled_from([0, 1]))
@example("told+key/==", 0)
@example("a/b+c d%e", 0)
@example("é日本ключ", 0)
@example("\\n\"'", 0)
def test_no_form_of_a_key_gets_past_its_marks(key: str, style: int) -> None:
    redactor, marks = Redactor(), KeyMarks(key)
    redactor.add(key)
    if not marks.is_usable:
        return
    for form in redactor._forms:
        if len(form) >= 4 and redactor(form) != form:
            assert not marks.only_in([], written(["x" + form + "y"], style)), form
            assert marks.may_be_in(f"x{form}y".encode("utf-8", "replace")), form
