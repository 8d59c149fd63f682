"""The quick way of reading rows and the way through dictionaries give the same, byte for byte."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tap_interactions import answers
from tap_interactions.tap import TapInteractions
from tap_shared.errors import TapError
from tap_shared.page import Page
from tap_shared.windows import Window
from tap_shared.writer import _lines
from tests.interactions.example import EXAMPLE
from tests.interactions.servers import BEGIN
from tests.interactions.tenant import Row, serving
from tests.interactions.test_answers import reply

STREAMS = ("interactions", "agent_workstate_events", "report_messages")
WINDOW = Window(BEGIN, BEGIN + timedelta(hours=1))
EVENT = {"_id": "6" * 24, "AgentId": 7, "EventType": 24, "Epoch": 1_658_761_737, "FirstName": "A"}
MESSAGE = {
    "_id": "3f3483cd-8ad4-4304-ba78-9f9d61d17ba4", "TenantId": 2, "Type": 1, "EventType": 24,
    "AgentMessage": {"State": {"AgentId": 7, "FirstName": "A", "Loads": [1, {"a": None}]}},
}  # fmt: skip
PLAIN: dict[str, Row] = dict(zip(STREAMS, (EXAMPLE, EVENT, MESSAGE), strict=True))
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.integers(2**31, 2**65),
    st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=4),
    st.sampled_from(
        ("", "\x00", "\ud83d", "12", "12.0", "1e3", "true", "2022-07-25T15:19:17Z", "+16146183900",
         "2022-07-25T15:19:17.2145678Z", "2022-07-25T15:19:17", "0001-01-01T00:00:00Z", "soon",
         "2022-02-30T00:00:00Z", "2022-07-25", 1_658_761_737_000)
    ),
    st.lists(st.integers(0, 3), max_size=2), st.dictionaries(st.sampled_from("ab"), st.just(1)),
)  # fmt: skip


@st.composite
def rows_of(draw: st.DrawFn, stream: str) -> list[Row]:
    """Give rows of which some lack members, hold odd values, or have members that nobody knows."""
    names = [*PLAIN[stream], "New", "_extra", "event_at", "window_end", 'quo"te']
    odd = st.dictionaries(st.sampled_from(names), ODD, max_size=4)
    found = []
    for changes in draw(st.lists(st.just({}) | odd, max_size=6)):
        gone = draw(st.sets(st.sampled_from(names[1:]), max_size=3))
        row = {**PLAIN[stream], **changes}
        found.append({name: value for name, value in row.items() if name not in gone})
    return found


def both_ways(stream: str, body: bytes, **config: Any) -> list[Any]:
    """Read a body with and without the codec; give the lines and counts, or the error."""
    return [_read(stream, body, config, is_typed=typed) for typed in (True, False)]


@cache
def _configured(config: str) -> Any:
    given = {"api_key": "sandbox-key", "start_date": "2022-01-01", **json.loads(config)}
    return TapInteractions(config=given, validate_config=False)


def _read(name: str, body: bytes, config: Row, *, is_typed: bool) -> Any:
    tap = _configured(json.dumps(config))
    stream = type(tap.streams[name])(tap)

    def details(_path: str, _body: Any, *, codec: Any = None, **_more: Any) -> Page:
        return answers.rows(reply(body), codec if is_typed else None)

    tap.client.details = details
    try:
        window = (WINDOW, WINDOW, 0) if name == "report_messages" else (WINDOW, 0)
        read = stream._fetch if name == "report_messages" else stream.fetch
        page = read(*window)
        records = stream.shape_page(page)
    except TapError as err:
        return type(err)
    counts = stream.conformer.undeclared, stream.conformer.misfits
    return len(page), _lines(records), *map(dict, counts)


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("pii", ["keep", "hash", "drop"])
def test_hostile_rows(stream: str, pii: str) -> None:
    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors]
    )
    @given(rows=rows_of(stream))
    @example(rows=[PLAIN[stream]])
    def check(rows: list[Row]) -> None:
        body = json.dumps({"resultCode": 0, "data": rows}).encode("utf-8", "surrogatepass")
        typed, plain = both_ways(stream, body, pii=pii, pii_salt="sandbox-salt")
        assert typed == plain

    check()


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"<html>", b'{"resultCode":0}', b'{"resultCode":0,"data":null}',
        b'{"resultCode":0,"data":{}}', b'{"resultCode":0,"data":[1]}',
        b'{"resultCode":0,"data":[]}',
        b'{"resultCode":"0","data":[]}', b'{"ResultCode":0,"Data":[]}', b'{"resultCode":true}',
        b'{"resultCode":2,"data":[]}', b'{"resultCode":3,"data":null}', b'{"resultCode":4}',
        b'{"resultCode":1,"data":[]}', b'{"resultCode":0,"data":[{"_id":"a"}', b'{"data":[]}',
        b'{"resultCode":0,"data":[{"_id":"a\\u0000"}]}', b'\xef\xbb\xbf{"resultCode":0,"data":[]}',
        b'{"resultCode":0,"data":[{"_id":"a","TotalTalkTime":NaN,"Epoch":NaN}]}',
        b'{"resultCode":0,"data":[{"_id":"a","_id":"b"}],"data":[{"_id":"c"}]}',
        b'{"resultCode":0,"data":[{}]}', b'{"resultCode":0,"data":[null]}',
    ],
)  # fmt: skip
def test_hostile_answers(stream: str, body: bytes) -> None:
    typed, plain = both_ways(stream, body)
    assert typed == plain


def test_plain_rows_are_typed() -> None:
    """The quick way is taken at all."""
    tap = _configured("{}")
    for name, row in PLAIN.items():
        body = json.dumps({"resultCode": 0, "data": [row, row]}).encode()
        page = answers.rows(reply(body), tap.streams[name].codec)
        assert {dict} - set(map(type, page.rows)), name


@pytest.mark.parametrize("stream", STREAMS)
def test_a_whole_run(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as tenant:
        typed = tenant.run(stream)
        monkeypatch.setattr(answers, "_typed", lambda _body, _codec: None)
        plain = tenant.run(stream)
        assert typed.rows(stream)
        assert typed.rows(stream) == plain.rows(stream)
        assert typed.state == plain.state
