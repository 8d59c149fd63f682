"""The imitated Dixa's exports: ranges, dates, named conversations, nasty rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contact_sandbox.dixa.gateway import TOKEN
from tests.sandbox.dixa_client import CONVERSATIONS, MESSAGES, Client, serve


@pytest.fixture(name="dixa", scope="module")
def _dixa() -> Iterator[Client]:
    with serve() as client:
        yield client


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@pytest.mark.parametrize(
    ("path", "field", "stream"),
    [
        (CONVERSATIONS, "updated", "conversation_export"),
        (CONVERSATIONS, "created", "conversation_export"),
        (MESSAGES, "created", "message_export"),
    ],
)
def test_exports_of_consecutive_months_hold_everything_once(
    dixa: Client, path: str, field: str, stream: str
) -> None:
    rows: list[dict[str, Any]] = []
    after = dixa.vendor.start
    while after < dixa.vendor.now:
        before = after + timedelta(days=31)
        query = {f"{field}_after": milliseconds(after), f"{field}_before": milliseconds(before)}
        status, found = dixa.ask("GET", path, query, token=f"Bearer {TOKEN}")
        assert status == 200
        assert isinstance(found, list)
        rows += found
        after = before
    truth = dixa.vendor.expected(stream)
    assert {(row["id"],): row for row in rows} == truth
    assert len(rows) == len(truth)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"updated_after": "2026-05-01"},
        {"updated_before": "2026-05-01"},
        {"updated_after": "2026-05-02", "updated_before": "2026-05-01"},
        {"updated_after": "2026-04-01", "updated_before": "2026-05-03"},
        {"updated_after": "2026-05-01T00:00:00Z", "updated_before": "2026-05-02T00:00:00Z"},
        {"updated_after": "1777593600", "updated_before": "1777593700"},
        {"updatedAfter": "2026-05-01", "updatedBefore": "2026-05-02"},
        {"csids": "one,two"},
    ],
)
def test_an_export_without_a_proper_range_is_refused(dixa: Client, query: dict[str, str]) -> None:
    assert dixa.ask("GET", CONVERSATIONS, query, token=f"Bearer {TOKEN}")[0] == 400


def test_exports_know_dates_conversations_and_which_ranges_they_have(dixa: Client) -> None:
    token = f"Bearer {TOKEN}"
    month = {"created_after": "2026-04-01", "created_before": "2026-05-02"}
    status, rows = dixa.ask("GET", CONVERSATIONS, month, token=token)
    edges = [milliseconds(datetime(2026, *day, tzinfo=UTC)) for day in ((4, 1), (5, 2))]
    truth = dixa.vendor.expected("conversation_export").values()
    inside = [row for row in truth if edges[0] <= row["created_at"] < edges[1]]
    assert (status, rows) == (200, inside)
    updated = {"updated_after": "2026-05-01", "updated_before": "2026-05-02"}
    assert dixa.ask("GET", MESSAGES, updated, token=token)[0] == 400
    numbers = [str(row["id"]) for row in inside[:11]]
    assert dixa.ask("GET", CONVERSATIONS, {"csids": ",".join(numbers)}, token=token)[0] == 422
    named = {"csids": ",".join(numbers[:10])}
    assert dixa.ask("GET", CONVERSATIONS, named, token=token) == (200, inside[:10])
    edge = {"created_after": inside[0]["created_at"], "created_before": inside[0]["created_at"]}
    assert dixa.ask("GET", CONVERSATIONS, edge, token=token) == (200, [])


def test_export_rows_hold_the_nasty_cases(dixa: Client) -> None:
    rows = list(dixa.vendor.expected("conversation_export").values())
    assert any(row["id"] > 2**53 and row["id"] % 2 for row in rows)
    values = [field["value"] for row in rows for field in row["custom_fields"]]
    assert {type(value) for value in values} == {str, list}
    assert any("sentiment" in row for row in rows)
    assert any(row["closed_at"] is None for row in rows)
    texts = [row["text"] for row in dixa.vendor.expected("message_export").values()]
    assert None in texts
    assert any(each and "\ud83d" in each for each in texts)
