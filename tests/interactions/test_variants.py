"""Answers that the facts leave open come in another form, and give the same records."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from contact_sandbox import Reply
from tests.interactions.tenant import bookmark, keys_of, serving

REPORTING = "/reporting/api/v1/"

Row = dict[str, Any]


def pascal(row: Row) -> Row:
    return {name[:1].upper() + name[1:]: value for name, value in row.items()}


def of_rows(change: Callable[[Row], Row]) -> Callable[[Row], Row]:
    return lambda content: {**content, "data": [change(row) for row in content["data"]]}


def of_data(change: Callable[[Any], Any]) -> Callable[[Row], Row]:
    return lambda content: {**content, "data": change(content["data"])}


FORMS: dict[str, tuple[str, str, Callable[[Row], Row]]] = {
    "envelope": ("interactions", "interaction/details", pascal),
    "agents": ("agents", "lookup/agents", of_rows(pascal)),
    "wrapped": ("agents", "lookup/agents", of_data(lambda rows: {"agents": rows, "total": 8})),
    "queues": ("queues", "lookup/queues", of_rows(pascal)),
    "mapped": ("queues", "lookup/queues", of_data(lambda rows: {str(r["id"]): r for r in rows})),
    "members": ("dispositions", "lookup/dispositions", of_data(pascal)),
    "nested": ("disposition_sets", "lookup/dispositions", of_data(lambda data: {"result": data})),
    "codes": ("report_message_event_types", "lookup/report-message-event-types", of_data(pascal)),
    "rollup": ("agent_workstate_rollup", "agent/workstate/rollup",
               of_rows(lambda row: {("agentId" if k == "AgentId" else k): row[k] for k in row})),
    "milliseconds": ("agent_workstate_events", "agent-workstate-events/details",
                     of_rows(lambda row: {**row, "Epoch": row["Epoch"] * 1000})),
    "text": ("agent_workstate_events", "agent-workstate-events/details",
             of_rows(lambda row: {**row, "Epoch": str(row["Epoch"])})),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_another_form_gives_the_same_records(form: str) -> None:
    stream, path, change = FORMS[form]
    with serving() as tenant:
        plain = tenant.run(stream)
        tenant.twist(REPORTING + path, change)
        other = tenant.run(stream, max_attempts=1)
        assert plain.rows(stream)
        assert other.error is None
        assert comparable(other.rows(stream)) == comparable(plain.rows(stream))


def comparable(rows: list[Row]) -> list[Row]:
    """Leave out what keeps the form that it came in."""
    return [{n: value for n, value in row.items() if n not in {"Epoch", "_extra"}} for row in rows]


def test_a_count_may_come_as_one_object() -> None:
    with serving() as tenant:
        tenant.twist(REPORTING + "interaction/aggregates", of_data(lambda rows: rows[0]))
        run = tenant.run(verify_counts=True, start_date="2026-11-17", max_attempts=1)
        assert run.error is None
        assert bookmark(run.state) == "2026-11-20T15:25:00.000000Z"


def test_a_list_is_not_taken_for_another_that_is_missing() -> None:
    with serving() as tenant:
        tenant.twist(
            REPORTING + "lookup/dispositions",
            of_data(lambda data: {"dispositions": data["dispositions"]}),
        )
        run = tenant.run("disposition_sets", "dispositions", max_attempts=1)
        assert run.error is not None
        assert run.rows("disposition_sets") == []
        assert len(run.rows("dispositions")) == 23


@pytest.mark.parametrize("stream", ["agent_workstate_rollup", "interactions"])
def test_two_timeouts_are_no_end(stream: str) -> None:
    path = {"interactions": "interaction/details"}.get(stream, "agent/workstate/rollup")
    count = itertools.count()
    with serving() as tenant:
        expected = tenant.vendor.expected(stream)
        tenant.twist(
            REPORTING + path,
            lambda content: (
                Reply(504, headers={"Retry-After": "0"}) if next(count) < 2 else content
            ),
        )
        run = tenant.run(stream)
        assert run.error is None
        assert len(run.by_key(stream, keys_of(stream))) == len(expected)


def test_cases_that_were_never_changed_come_by_their_creation_and_once() -> None:
    with serving(tickets_never_changed=3) as tenant:
        run = tenant.run("tickets")
        assert run.error is None
        never = [row["id"] for row in run.rows("tickets") if row["updatedDate"] is None]
        cases = [case.fields for case in tenant.vendor.tenant.tickets]
        assert sorted(never) == [case["id"] for case in cases if case["updatedDate"] is None]
        assert never
        later = tenant.run("tickets", state=run.state)
        assert all(row["updatedDate"] for row in later.rows("tickets"))
