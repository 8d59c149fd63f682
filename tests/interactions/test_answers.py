"""Each kind of answer means one thing: rows, another try, or an error with a sentence."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import requests
import urllib3

from tap_interactions import answers
from tap_shared.errors import (
    CredentialsRefused,
    PleaseRetry,
    PleaseWait,
    StreamFailed,
    StreamUnavailable,
)
from tap_shared.http import Limits, Reply

CANARY = "canary-canary"


def reply(content: Any, status: int = 200) -> Reply:
    response = requests.Response()
    response.status_code = status
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    response.raw = urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)
    return Reply(response, Limits())


def success(data: Any, **members: Any) -> Reply:
    return reply({"resultCode": 0, "resultCodeName": "Success", "data": data, **members})


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (401, b"", CredentialsRefused),
        (401, {"resultCode": 3}, CredentialsRefused),
        (403, b"<html>", StreamUnavailable),
        (405, b"", answers.MethodRefused),
        (429, b"", PleaseWait),
        (500, {"resultCode": 3}, PleaseRetry),
        (502, b"<html>", PleaseRetry),
        (408, b"", PleaseRetry),
        (400, {"resultCode": 4, "data": {"error": CANARY}}, answers.RequestRefused),
        (400, {"title": CANARY, "status": 400, "errors": {"$.Limit": [CANARY]}}, StreamFailed),
        (400, {"resultCode": 3, "data": None}, PleaseRetry),
        (400, {"resultCode": 2}, StreamUnavailable),
        (404, CANARY.encode(), StreamFailed),
        (409, {"errors": [CANARY]}, StreamFailed),
    ],
)
def test_statuses(status: int, content: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        answers.faults(reply(content, status))
    assert type(caught.value) in {kind, answers.RequestRefused}
    assert CANARY not in str(caught.value)


def test_problem_details_name_the_member_but_not_its_value() -> None:
    content = {"status": 400, "errors": {"$.Limit": [CANARY], f"{CANARY} {CANARY}": []}}
    with pytest.raises(answers.RequestRefused, match=r"about \$\.Limit \(HTTP 400\)"):
        answers.faults(reply(content, 400))


def test_a_success_passes() -> None:
    answers.faults(reply({"resultCode": 0}, 200))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"resultCode": 1, "data": None}, StreamFailed),
        ({"resultCode": 2, "data": None}, StreamUnavailable),
        ({"resultCode": 3, "data": {"error": CANARY, "errorType": None}}, PleaseRetry),
        ({"resultCode": 4, "data": {"error": CANARY}}, answers.RequestRefused),
        ({"resultCode": 77}, answers.RequestRefused),
        ({"resultCode": "4"}, answers.RequestRefused),
        ({"data": []}, PleaseRetry),
        ({"resultCode": True, "data": []}, PleaseRetry),
        ({"resultCode": 0, "data": None}, PleaseRetry),
        ({"resultCode": 0}, PleaseRetry),
        ({"resultCode": 0, "data": {}}, PleaseRetry),
        ({"resultCode": 0, "data": {"error": CANARY}}, PleaseRetry),
        ({"resultCode": 0, "data": [1]}, PleaseRetry),
        ([], PleaseRetry),
        (b"", PleaseRetry),
        (b'{"resultCode": 0, "data": [', PleaseRetry),
        (b"<html>", PleaseRetry),
    ],
)
def test_a_200_is_no_success_until_its_body_is(content: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        answers.rows(reply(content))
    assert type(caught.value) is kind
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("code", [0, "0"], ids=["number", "text"])
@pytest.mark.parametrize("paging", [True, "true", "false", None])
def test_rows_are_read_whatever_is_said_of_paging(code: Any, paging: Any) -> None:
    members = {"resultCode": code, "hasPaging": paging, "paging": {"total": 0}, "totalResults": 9}
    page = answers.rows(success([{"_id": "a"}], **members))
    assert page.rows == [{"_id": "a"}]
    assert page.total is None
    assert page.size > 20


@pytest.mark.parametrize(
    ("data", "total"),
    [
        ([{"Count_id": 7}], 7),
        ([{"TenantId": 2, "count_id": 7}, {"TenantId": 3, "Count_id": "5"}], 12),
        ([], 0),
    ],
)
def test_counts_are_added_up_over_groups(data: Any, total: int) -> None:
    assert answers.count(success(data)) == total


@pytest.mark.parametrize("row", [{}, {"Count_id": None}, {"Count_id": "many"}])
def test_aggregates_without_a_count_are_a_broken_answer(row: dict[str, Any]) -> None:
    with pytest.raises(PleaseRetry):
        answers.count(success([row]))


@pytest.mark.parametrize(
    ("data", "member", "rows"),
    [
        ([{"id": 1}], "", [{"id": 1}]),
        ([], "", []),
        ({"queues": [{"id": 1}]}, "", [{"id": 1}]),
        ({"total": 1, "list": [{"id": 1}]}, "", [{"id": 1}]),
        ({"a": [{"id": 1}], "b": [{"id": 2}]}, "B", [{"id": 2}]),
        ({"eventTypes": {"3": "Queued", "24": "X"}, "eventTypeReasons": {"0": "None"}},
         "eventTypes", [{"id": 3, "name": "Queued"}, {"id": 24, "name": "X"}]),
        ({"eventTypes": [{"id": 3, "name": "X"}]}, "eventTypes", [{"id": 3, "name": "X"}]),
        ({"eventTypes": {}, "eventTypeReasons": {"0": "None"}}, "eventTypes", []),
        ({"3": "Queued"}, "eventTypes", [{"id": 3, "name": "Queued"}]),
        ({"3": {"name": "X", "color": "red"}}, "", [{"id": 3, "name": "X", "color": "red"}]),
    ],
)  # fmt: skip
def test_lookups_are_lists_maps_or_hold_one(data: Any, member: str, rows: Any) -> None:
    assert answers.lookup(success(data), member).rows == rows


@pytest.mark.parametrize("data", [None, {}, "none", {"a": [], "b": []}, {"a": None}, [3]])
def test_a_lookup_without_a_list_is_a_broken_answer(data: Any) -> None:
    with pytest.raises(PleaseRetry):
        answers.lookup(success(data), "eventTypes")


def test_neighbours_have_another_envelope() -> None:
    assert answers.items(reply({"totalCount": 9, "items": [{"id": 1}]})).rows == [{"id": 1}]
    broken: Any
    for broken in ({"totalCount": 9}, {"items": None}, [], {"resultCode": 3}):
        with pytest.raises(PleaseRetry):
            answers.items(reply(broken))
    with pytest.raises(StreamUnavailable):
        answers.items(reply({"resultCode": 2, "data": None}))
