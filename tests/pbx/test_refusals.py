"""Errors in every form that the vendor may give them, and what becomes of each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pbx.telling import CALLS, KEY, Query, Said, Telling, call, counted, listing

NO_TENANT = "Your Tenant ID is invalid."
NO_ENTRY = "Access denied."


def errors(err: str) -> list[str]:
    return [line for line in err.splitlines() if "| ERROR " in line]


def refusing(status: int, body: Any) -> dict[str, Any]:
    """Answer for the default tenant and refuse any other."""
    answer = listing(call())

    def answered(query: Query) -> Said:
        return answer(query) if query["tenantID"] == "0" else (status, body)

    return {CALLS: answered}


@pytest.mark.parametrize(
    "text",
    [
        "Your API Auth Key is invalid.",
        "Your Container ID is invalid.",
        "The supplied API Key is invalid.",
        "API Key and Container ID are both required.",
        "Invalid API key",
        "Your Container ID is missing.",
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        lambda text: {"error": text},
        lambda text: text,
        lambda text: {"success": 0, "message": text, "data": []},
        lambda text: {"status": "error", "message": text, "data": []},
        lambda text: (401, text),
        lambda text: (403, {"error": text}),
    ],
    ids=["error", "text", "success", "status", "401", "403"],
)
def test_bad_credentials_end_the_run_with_2_at_the_first_answer(
    told: Telling, text: str, form: Any
) -> None:
    run = told.run({CALLS: form(text)}, "calls", "event_types", skip_unavailable=True)
    assert run.code == 2
    [line] = errors(run.err)
    assert "set container_id" in line if "r Container" in text else "set api_key" in line
    assert len(told.asked) == 1
    assert KEY not in run.err


@pytest.mark.parametrize(
    "answer",
    [
        (401, {"error": "Unauthorized"}),
        (403, {"error": "Forbidden"}),
        (403, "<html>Forbidden</html>"),
        (401, b""),
        {"error": NO_ENTRY},
    ],
)
def test_a_refusal_of_everything_is_no_stream_to_leave_out(told: Telling, answer: Said) -> None:
    run = told.run({CALLS: answer}, "calls", skip_unavailable=True)
    assert run.code == 2
    assert "check api_key" in run.err


@pytest.mark.parametrize("tenants", [["0", "101"], ["101", "0"]])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"error": NO_TENANT}),
        (200, {"error": "Tenant 101 does not exist."}),
        (200, {"error": "Something that nobody documented"}),
        (200, {"error": NO_ENTRY}),
        (200, NO_TENANT),
        (400, {"error": NO_TENANT}),
        (401, {"error": NO_TENANT}),
        (403, {"error": NO_ENTRY}),
        (403, b""),
        (404, {"error": NO_TENANT}),
    ],
)
def test_a_tenant_that_is_refused_in_any_way_fails_alone_and_can_be_left_out(
    told: Telling, tenants: list[str], status: int, body: Any
) -> None:
    run = told.run(refusing(status, body), "calls", tenant_ids=tenants)
    assert run.code == 1
    assert "(tenant_id 101)" in errors(run.err)[0]
    assert "Deselect it, or set skip_unavailable." in errors(run.err)[0]
    assert [row["tenant_id"] for row in run.rows("calls")] == ["0"]
    assert run.bookmarks("calls").keys() == {"0"}
    left_out = told.run(refusing(status, body), "calls", tenant_ids=tenants, skip_unavailable=True)
    assert left_out.code == 0
    assert left_out.rows("calls") == run.rows("calls")


def test_what_nobody_documented_fails_a_tenant_that_has_answered_before(told: Telling) -> None:
    def answered(query: Query) -> Said:
        if query["fromDate"] > "2026-03-01":
            return {"error": "Something that nobody documented"}
        return counted(0, data=[])

    run = told.run(
        {CALLS: answered}, "calls", tenant_ids=["101"], window="1d", skip_unavailable=True
    )
    assert run.code == 1
    assert "Something that nobody documented" in run.err


@pytest.mark.parametrize(
    "passing",
    [
        {"error": "Error connecting to the database. Try again later."},
        "Error connecting to the database. Try again later.",
        (500, {"error": "Error connecting to the database, please try again later."}),
        {"error": "Rate limit exceeded"},
        (429, {"error": "Too many requests"}),
        b"",
        "<br />\n<b>Warning</b>: x<br />\n" + '{"maxResultSize":0,"data":[]}',
        {"status": "ok"},
        {"maxResultSize": 1, "currentResultSize": 1, "data": []},
        {"maxResultSize": 1, "currentResultSize": 1, "data": {"c-1": "text"}},
    ],
    ids=str,
)
def test_what_may_pass_is_asked_again_and_never_taken_for_no_calls(
    told: Telling, passing: Said
) -> None:
    answers = iter([passing, counted(1, data={"c-1": call()})])
    run = told.run({CALLS: lambda _query: next(answers)}, "calls")
    assert run.code == 0
    assert [row["callUuid"] for row in run.rows("calls")] == ["c-1"]
    if not says_wait(passing):
        again = told.run({CALLS: passing}, "calls")
        assert again.code == 1
        assert not again.bookmarks("calls")


def says_wait(said: Said) -> bool:
    """Tell whether an answer asks for a wait, which would go on for an hour."""
    return "Rate" in str(said) or "Too many" in str(said)
