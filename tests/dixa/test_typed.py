"""Rows decoded straight into types, and as dictionaries: the same records, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_dixa.envelope import plain_page, typed_page
from tap_dixa.families import DixaStream
from tap_dixa.tap import TapDixa
from tap_shared.coerce import main_type
from tap_shared.errors import TapError
from tap_shared.page import Page
from tap_shared.writer import encode_record
from tests.dixa.bench import Bench, Run
from tests.shared.shapes import values

PLAIN = (
    "activity_log", "agent_presence", "agents", "analytics_metrics", "analytics_records",
    "conversation_export", "custom_attributes", "endusers", "message_export", "organization",
    "queue_members", "queues", "tags", "team_members", "teams",
)  # fmt: skip
STAMPED = {"queue_members": {"queue_id": "q"}, "team_members": {"team_id": "t"}}

Outcome = tuple[list[bytes], str | None] | type[Exception]


@cache
def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = stream(name).raw_schema
    return found


@cache
def tap(pii: str, kept: str, _copy: int) -> TapDixa:
    config = {"api_token": "sandbox-token", "start_date": "2026-01-01", "static_catalogue": True}
    config |= {"pii": pii, "pii_salt": "sandbox-salt", "undeclared_fields": kept}
    catalog = TapDixa(config=config, validate_config=False).catalog_dict
    for entry in catalog["streams"]:
        for each in entry["metadata"]:
            each["metadata"]["selected"] = True
    return TapDixa(config=config, catalog=catalog, validate_config=False)


def stream(name: str, pii: str = "keep", kept: str = "keep", copy: int = 0) -> Any:
    """Give a stream that has not seen a row."""
    found = tap(pii, kept, copy).streams[name]
    for part in ("codec", "conformer"):
        vars(found).pop(part, None)
    return found


def outcome(one: Any, read: Callable[[], Page]) -> Outcome:
    """Give the records of an answer as they are written, and its cursor; or what went wrong."""
    try:
        page = read().stamp(**STAMPED.get(one.name, {}))
        cursor = page.facts.get("cursor")
        if hasattr(one, "shape"):
            page = one.shape(page)
        page.unseen(one.keys, set())
        return [encode_record(record) for record in one.shape_page(page)], cursor
    except TapError as err:
        return type(err)


def typed(one: DixaStream, body: bytes) -> Page:
    codec = one.row_codec
    assert codec is not None
    page = typed_page(body, codec)
    return plain_page(body) if page is None else page


METAS: tuple[Any, ...] = (
    None,
    {},
    {"next": None},
    {"next": "/x/?pageKey=a%2Bb"},
    {"next": "/x?page=2"},
    5,
)


def sample(node: dict[str, Any]) -> Any:
    """Give a value as documented."""
    kind = main_type(node)
    if node.get("format"):
        return 1767225600123 if "x-epoch" in node else "2026-01-05T13:22:07.581Z[GMT]"
    if kind == "array":
        return [sample(node["items"])]
    if kind == "object":
        return {name: sample(child) for name, child in node.get("properties", {}).items()}
    return {"integer": 2**53 + 1, "number": 0.5, "boolean": True}.get(kind, "text")


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give each container and key within a value."""
    if not isinstance(value, (dict, list)):
        return
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        yield from places(inner)


@st.composite
def odd_rows(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Draw a row as documented, but for a few values."""
    row: dict[str, Any] = sample(schema(name))
    row |= draw(st.dictionaries(st.sampled_from(["new", "_extra", "id"]), values, max_size=1))
    for value in draw(st.lists(values, max_size=2)):
        found = list(places(row))
        holder, key = found[draw(st.integers(0, len(found) - 1))]
        holder[key] = value
    return row


@st.composite
def answers(draw: st.DrawFn, name: str) -> bytes:
    """Draw an answer: such rows in every envelope there may be."""
    found = draw(st.lists(odd_rows(name), max_size=3))
    data: Any = draw(st.sampled_from([found, found, found, {"rows": found}, None, [*found, 5]]))
    more = draw(st.dictionaries(st.sampled_from(["pageKey", "new"]), values, max_size=1))
    meta = draw(st.sampled_from(METAS))
    answer = draw(
        st.sampled_from([{"data": data, "meta": meta}, {"data": data, **more}, data, more])
    )
    text = json.dumps(answer, ensure_ascii=draw(st.booleans()))
    return draw(st.sampled_from(["", " "])).encode() + text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("name", ["activity_log", "conversation_export", "queues", "team_members"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_answer_gives_the_same_records_both_ways(name: str, data: st.DataObject) -> None:
    pii = data.draw(st.sampled_from(["keep", "hash", "drop"]))
    kept = data.draw(st.sampled_from(["keep", "drop"]))
    quick, plain = stream(name, pii, kept), stream(name, pii, kept, copy=1)
    for body in data.draw(st.lists(answers(name), min_size=1, max_size=3)) * 2:
        expected = outcome(plain, partial(plain_page, body))
        assert outcome(quick, partial(typed, quick, body)) == expected
        if isinstance(expected, type):
            return  # what is counted of an answer that fails depends on where it does
        assert quick.conformer.undeclared == plain.conformer.undeclared
        assert quick.conformer.misfits == plain.conformer.misfits


@pytest.mark.parametrize(
    ("part", "other"),
    [("tap_dixa.client.typed_page", lambda _body, _codec: None), ("tap_shared.codec._LARGE", 0)],
    ids=["as dictionaries", "as large answers"],
)
def test_a_whole_organisation_is_the_same_in_every_way(
    bench: Bench, full: Run, monkeypatch: pytest.MonkeyPatch, part: str, other: Any
) -> None:
    monkeypatch.setattr(part, other)
    run = bench.run(*PLAIN, page_size=7)
    assert run.error is None
    for name in PLAIN:
        assert run.records[name]
        assert list(map(encode_record, run.records[name])) == [
            encode_record(record) for record in full.records[name]
        ], name


def test_rows_as_documented_are_typed_and_bare_texts_are_learned() -> None:
    one = stream("conversation_export")
    fields = [{"identifier": "reason", "value": "a"}, {"identifier": "x", "value": ["b", "c"]}]
    row = {"id": 2**53 + 1, "updated_at": 1767225600000, "custom_fields": fields, "new": 1}
    body = json.dumps([row, {**row, "id": 2, "custom_fields": []}]).encode()
    for _ in range(2):
        page = typed_page(body, one.row_codec)
        assert page is not None
        (first, _second) = one.shape_page(page)
        record = json.loads(encode_record(first))
        assert [each["value"] for each in record["custom_fields"]] == [["a"], ["b", "c"]]
        assert record["_extra"] == {"new": 1}
    again = typed_page(body, one.row_codec)
    assert again is not None
    assert dict not in set(map(type, again.rows))
