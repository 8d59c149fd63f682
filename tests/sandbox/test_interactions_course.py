"""The derived fields of an interaction are those of the specification's example."""

from __future__ import annotations

from contact_sandbox.interactions import course, instants
from contact_sandbox.interactions.documents import Document

STARTED, ENDED = "2022-07-25T15:08:57.025Z", "2022-07-25T15:17:05.422Z"
DELIVERED, ACCEPTED = "2022-07-25T15:09:02.364Z", "2022-07-25T15:09:09.823Z"
ROLLED_UP = "2022-07-25T15:19:17.214Z"
EXAMPLE = {
    "StartedDateTimeUtc": STARTED,
    "EndedDateTimeUtc": ENDED,
    "FirstQueuedAtUtc": None,
    "FirstDequeuedAtUtc": None,
    "FirstAcceptedAtUtc": ACCEPTED,
    "FirstDeliveredAtUtc": DELIVERED,
    "AbandonedAtUtc": None,
    "MostRecentRollupAtUtc": ROLLED_UP,
    "StartedDateUtc": "2022-07-25T00:00:00Z",
    "EndedDateUtc": "2022-07-25T00:00:00Z",
    "QueuedTime": None,
    "AbandonedTime": None,
    "StartedEpoch": 1658761737,
    "StartedEpochDate": 1658707200,
    "StartedEpochQuarterHour": 1658761200,
    "StartedEpochHour": 1658761200,
    "EndedEpoch": 1658762225,
    "EndedEpochDate": 1658707200,
    "EndedEpochHour": 1658761200,
    "EndedEpochQuarterHour": 1658762100,
    "RecordWrittenAtUtc": ROLLED_UP,
    "RecordWrittenAtEpoch": 1658762100,
    "FirstQueuedEpoch": None,
    "FirstDequeuedEpoch": None,
    "FirstAcceptedEpoch": 1658761749,
    "FirstDeliveredEpoch": 1658761742,
    "AbandonType": 0,
    "IsAnswered": True,
    "IsAbandoned": False,
    "HasQueued": False,
    "WasDelivered": True,
    "AbandonedQuarterHourUtc": None,
    "AbandonedHourUtc": None,
    "AbandonedDayUtc": None,
    "EndedDayUtc": "2022-07-25T05:00:00Z",
    "EndedHourUtc": "2022-07-25T15:00:00Z",
    "EndedQuarterHourUtc": "2022-07-25T15:15:00Z",
    "FirstAcceptedDayUtc": "2022-07-25T05:00:00Z",
    "FirstAcceptedHourUtc": "2022-07-25T15:00:00Z",
    "FirstAcceptedQuarterHourUtc": "2022-07-25T15:00:00Z",
    "FirstQueuedDayUtc": None,
    "FirstQueuedHourUtc": None,
    "FirstQueuedQuarterHourUtc": None,
    "AbandonedApplied": 0,
    "AnsweredApplied": 1,
    "StartedDayUtc": "2022-07-25T05:00:00Z",
    "StartedHourUtc": "2022-07-25T15:00:00Z",
    "StartedQuarterHourUtc": "2022-07-25T15:00:00Z",
}
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
    assert {name: value for name, value in row.items() if name not in DURATIONS} == EXAMPLE
    assert abs(row["InteractionTime"] - 488.3968609) < 0.001
    assert abs(row["AgentHandleTime"] - 483.0579721) < 0.001


def test_a_running_interaction_has_no_end() -> None:
    row = course.ending(instants.parse(STARTED), None, None)
    assert set(row.values()) == {None}


def test_fractions_lose_their_zeros_on_the_wire_but_not_in_the_crm() -> None:
    for text in ("2024-01-05T13:22:07Z", "2024-01-05T13:22:07.2Z", "2024-01-05T13:22:07.214Z"):
        assert instants.wire(instants.parse(text)) == text
    assert instants.zoneless(instants.parse("2024-01-05T13:22:07.2Z")).endswith("07.2000003")
