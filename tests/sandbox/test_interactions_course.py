"""The derived fields of an interaction are those of the specification's example."""

from __future__ import annotations

from contact_sandbox.interactions import course, instants
from contact_sandbox.interactions.documents import Document
from tests.interactions.example import EXAMPLE

STARTED, ENDED, DELIVERED, ACCEPTED, ROLLED_UP = (
    EXAMPLE[name]
    for name in (
        "StartedDateTimeUtc", "EndedDateTimeUtc", "FirstDeliveredAtUtc", "FirstAcceptedAtUtc",
        "MostRecentRollupAtUtc",
    )
)  # fmt: skip
DURATIONS = {"InteractionTime", "AcceptTime", "AgentHandleTime"}
"""Measured by the vendor's clocks, not derived from the example's instants."""


def test_an_interaction_derives_the_fields_of_the_example() -> None:
    started, ended, delivered, accepted, rolled_up = map(
        instants.parse, (STARTED, ENDED, DELIVERED, ACCEPTED, ROLLED_UP)
    )
    never = dict.fromkeys(("Queued", "Dequeued", "Abandoned"))
    fields = {
        **course.boundary("Started", started),
        **course.ending(started, delivered, ended),
        **course.milestones({**never, "Delivered": delivered, "Accepted": accepted}),
        **course.rollup(rolled_up),
    }
    row = Document(fields).row()
    derived = row.keys() - DURATIONS
    assert len(derived) == 48
    assert {name: row[name] for name in derived} == {name: EXAMPLE[name] for name in derived}
    assert abs(row["InteractionTime"] - 488.3968609) < 0.001
    assert abs(row["AgentHandleTime"] - 483.0579721) < 0.001


def test_a_running_interaction_has_no_end() -> None:
    row = course.ending(instants.parse(STARTED), None, None)
    assert set(row.values()) == {None}


def test_fractions_lose_their_zeros_on_the_wire_but_not_in_the_crm() -> None:
    for text in ("2024-01-05T13:22:07Z", "2024-01-05T13:22:07.2Z", "2024-01-05T13:22:07.214Z"):
        assert instants.wire(instants.parse(text)) == text
    assert instants.zoneless(instants.parse("2024-01-05T13:22:07.2Z")).endswith("07.2000003")
