"""The Infinity imitation is as strict at the door as the vendor: versions, limits, parameters."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from contact_sandbox.infinity import output
from contact_sandbox.infinity.activity import change_states, operator_states
from contact_sandbox.infinity.api import API_KEY, InfinityVendor
from tests.sandbox.infinity.client import (
    BASIC,
    CALLS,
    KEY,
    METRICS,
    NOW,
    WHOLE,
    Client,
    Params,
    keyset,
    serve,
)


@pytest.mark.parametrize("headers", [{}, BASIC, {"Authorization": f"Bearer {API_KEY}"}])
def test_key_version_takes_only_the_key(client: Client, headers: dict[str, str]) -> None:
    assert client.send("/reports/v2.1/igrps", headers=headers) == (401, b'"auth required"')


def test_password_version_takes_only_the_password(client: Client) -> None:
    assert client.send("/reports/v2/igrps", headers=KEY)[0] == 401
    assert client.send("/config/v2/users", headers=BASIC)[0] == 200
    assert client.send("/reports/v2/igrps", headers=BASIC)[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/reports/v3/igrps", "/reports/v2.1/igrps/5/goals", "/reports/v2.1/igrps/x/goals",
     "/reports/v2.1/igrps/101/triggers/sales", "/reports/v2.1/igrps/101/channels/9",
     "/config/v2.1/igrps/101/dgrps/9/numbers", "/reports/v2.1/triggers/visits?igrp=101"],
)  # fmt: skip
def test_unknown_resources(client: Client, path: str) -> None:
    assert client.send(path) == (404, b'"Resource not found"')


def test_other_verbs_and_long_addresses_are_refused(client: Client) -> None:
    assert client.send("/reports/v2.1/igrps", method="POST")[0] == 405
    status, body = client.send(CALLS, {"limit": 1, "filter[]": "rowId-in-value-" + "1," * 9000})
    assert (status, body[:1]) == (414, b"<")


def test_forbidden_and_unknown_installations_are_still_listed() -> None:
    with serve(forbidden={2044}, unknown={31007}) as server:
        client = Client(server.url("infinity"))
        assert len(client.rows("/reports/v2.1/igrps")) == 4
        assert client.refusal("/reports/v2.1/igrps/2044/goals") == (403, "access denied")
        assert client.refusal("/reports/v2.1/igrps/31007/goals") == (404, "Resource not found")
        wanted = {**WHOLE, "igrp": 2044, "group[]": "ch", "limit": 9}
        assert client.refusal(METRICS, wanted)[0] == 403
        keys = server.vendors["infinity"].expected("calls")
        assert {igrp for igrp, _ in keys} == {101}


def test_rows_are_lines_and_none_is_a_blank_line(client: Client) -> None:
    empty = {"startDate": "2020-01-01", "endDate": "2020-01-02", "limit": 5}
    assert client.send(CALLS, empty) == (200, b"\n")
    assert client.send("/reports/v2.1/igrps/40001/triggers/all", {**WHOLE, "limit": 5})[1] == b"\n"
    assert client.send(CALLS, {**empty, "format": "jsonarray"})[1] == b"\n]\n"


def test_array_and_csv_formats(client: Client) -> None:
    asked = {**WHOLE, "limit": 3, "sort[]": "rowId-asc", "display[]": ["rowId-id", "notes", "act"]}
    found = json.loads(client.send(CALLS, {**asked, "format": "jsonarray"})[1])
    assert [list(row) for row in found] == [["id", "notes", "act"]] * 3
    sheet = client.send(CALLS, {**asked, "format": "csv"})[1].decode()
    lines = list(csv.reader(io.StringIO(sheet)))
    assert lines[0] == ["id", "notes", "act"]
    assert [line[0] for line in lines[1:]] == [row["id"] for row in found]
    assert client.refusal(CALLS, {**WHOLE, "limit": 3, "format": "csv"})[0] == 400


def test_repeated_scalars_take_the_last_value_and_brackets_may_be_escaped(client: Client) -> None:
    rows = client.rows(CALLS, {**WHOLE, "limit": ["9", "2"], "display[]": ["rowId", "act"]})
    assert [sorted(row) for row in rows] == [["act", "rowId"]] * 2
    literal = client.send(f"{CALLS}?limit=1&display[]=vid-visitorId&sort[0]=rowId-asc")
    assert literal[0] == 200


@pytest.mark.parametrize(
    ("operand", "count"), [("eq", 1), ("le", 3), ("lt", 2), ("ge", 8), ("gt", 7), ("ne", 9)]
)
def test_operands_compare_integers(client: Client, operand: str, count: int) -> None:
    rows = keyset(client, limit=5000)[0]
    place = next(n for n, row in enumerate(rows) if len(row["rowId"]) == 8)
    ids = [int(row["rowId"]) for row in rows[place - 2 : place + 8]]
    asked = {
        **WHOLE,
        "limit": 50,
        "sort[]": "rowId-asc",
        "filter[]": [
            f"rowId-{operand}-value-{ids[2]}",
            f"rowId-ge-value-{ids[0]}",
            f"rowId-in-value-{','.join(map(str, ids))}",
        ],
    }
    assert len(client.rows(CALLS, asked)) == count


@pytest.mark.parametrize(
    "params",
    [{}, {"limit": 0}, {"limit": "many"}, {"limit": 50_001}, {"limit": 1, "page": 2},
     {"limit": 1, "filter": "rowId-gt-value-0"}, {"limit": 1, "filter[]": "rowId-gt-0"},
     {"limit": 1, "filter[]": "rowId-like-value-0"}, {"limit": 1, "filter[]": "rowId-gt-value-x"},
     {"limit": 1, "filter[]": "c_branch-eq-value-1"}, {"limit": 1, "filter[]": "pt_x-eq-value-1"},
     {"limit": 1, "filter[]": "rowid-gt-value-0"}, {"limit": 1, "sort[]": "rowId"},
     {"limit": 1, "sort[]": "rowId-up"}, {"limit": 1, "sort": "rowId-asc"},
     {"limit": 1, "display[]": "colour"}, {"limit": 1, "display": "act"},
     {"limit": 1, "startDate": "01/02/2025"}, {"limit": 1, "startDate": "2025-02-30"},
     {"limit": 1, "startDate": "2025-2-3"},
     {"limit": 1, "startDate": "2025-02-02", "endDate": "2025-02-01"},
     {"limit": 1, "tz": "Mars/Olympus"}, {"limit": 1, "format": "yaml"},
     {"limit": 1, "group[]": "ch"},
     {"limit": 1, "rootOrgId": "seven"}, {"limit": 1, "offset": "-1"}],
)  # fmt: skip
def test_bad_parameters_are_refused(client: Client, params: Params) -> None:
    assert client.refusal(CALLS, params)[0] == 400


def test_caps_refuse_or_cut_silently() -> None:
    with serve(cap=10) as server:
        status, text = Client(server.url("infinity")).refusal(CALLS, {**WHOLE, "limit": 11})
        assert (status, "limit" in text) == (400, True)
    with serve(cap=10, cap_mode="silent") as server:
        assert len(Client(server.url("infinity")).rows(CALLS, {**WHOLE, "limit": 11})) == 10
    with serve(cap=10, cap_mode="message") as server:
        status, text = Client(server.url("infinity")).refusal(CALLS, {**WHOLE, "limit": 11})
        assert (status, "limit" in text) == (200, True)


@pytest.mark.parametrize("auth", ["api_key", "basic"])
def test_settings_work(auth: str) -> None:
    settings = InfinityVendor(now=NOW, auth=auth).settings("http://127.0.0.1:1")
    assert settings["start_date"] == "2024-12-31T12:00:00Z"
    assert ("api_key" in settings, "password" in settings) == (auth == "api_key", auth == "basic")


def test_poisoned_answers_pass_after_two_attempts() -> None:
    with serve(poison=1.0) as server:
        client = Client(server.url("infinity"))
        asked = {**WHOLE, "limit": 10, "sort[]": "rowId-asc"}
        bodies = [client.send(CALLS, asked)[1] for _ in range(3)]
        rows = [json.loads(line) for line in bodies[2].split(b"\n")[:-1]]
        assert len(rows) == 10
        assert bodies[2] not in bodies[:2]
        found = {_harm(client.send(CALLS, {**asked, "limit": n})[1]) for n in range(20, 60)}
        assert found == {*output.POISONS}


def _harm(body: bytes) -> str:
    """Tell what is wrong with an answer."""
    if b'"Internal error, ' in body:
        return "string"
    if b'{"error":' in body:
        return "object"
    return "cut" if body else "void"


@pytest.mark.parametrize("spelling", output.SPELLINGS)
def test_every_spelling_holds_the_same_rows(spelling: str, client: Client) -> None:
    asked = {**WHOLE, "limit": 9, "sort[]": "rowId-asc"}
    with serve(spelling=spelling) as server:
        body = Client(server.url("infinity")).send(CALLS, asked)[1]
    mark = b"\xef\xbb\xbf"
    assert body.startswith(mark) == (spelling == "bom")
    assert body.endswith(b"\n") == (spelling not in {"unended", "array"})
    assert (b"\r\n" in body, b"\n\n" in body) == (spelling == "crlf", spelling == "blank")
    lines = [line for line in body.removeprefix(mark).split(b"\n") if line.strip()]
    rows = [json.loads(line) for line in lines]
    assert (rows[0] if spelling == "array" else rows) == client.rows(CALLS, asked)


def test_no_change_gives_two_operator_states_one_key() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    for seed in range(1500):
        rng = random.Random(seed)  # noqa: S311 - no secret
        rows = operator_states(rng, now - timedelta(days=1), now, 2)
        change_states(rng, rows, now)
        keys = [row["triggerDatetime"] for row in rows if row["operatorRef"] == "op9"]
        assert len(keys) == len(set(keys))
