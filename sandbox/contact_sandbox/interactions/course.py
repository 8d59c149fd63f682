"""What follows from the course of one interaction: the derived fields of its record.

Which field is floored to what is read off the specification's example: `*DayUtc` are the tenant's
local midnights, `*DateUtc` those of UTC, and `RecordWrittenAtEpoch` is a quarter of an hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from contact_sandbox.interactions import instants

DATE_FIELDS = frozenset(
    {
        "StartedDateTimeUtc", "EndedDateTimeUtc", "FirstQueuedAtUtc", "FirstDequeuedAtUtc",
        "FirstAcceptedAtUtc", "FirstDeliveredAtUtc", "AbandonedAtUtc", "FirstRollupAtUtc",
        "MostRecentRollupAtUtc", "RecordWrittenAtUtc", "StartedDateUtc", "EndedDateUtc",
        *(
            f"{milestone}{period}Utc"
            for milestone in ("Started", "Ended", "Abandoned", "FirstAccepted", "FirstQueued")
            for period in ("Day", "Hour", "QuarterHour")
        ),
    }
)  # fmt: skip
"""The fields of an interaction that a range can apply to; the names are case-sensitive."""

_DAY = timedelta(days=1)


def periods(milestone: str, at: datetime | None) -> dict[str, Any]:
    """Return the periods in which a milestone lies, null where it was not reached."""
    return {
        f"{milestone}QuarterHourUtc": at and instants.floor(at, instants.QUARTER),
        f"{milestone}HourUtc": at and instants.floor(at, instants.HOUR),
        f"{milestone}DayUtc": at and instants.midnight(at, instants.TENANT_ZONE),
    }


def boundary(name: str, at: datetime | None) -> dict[str, Any]:
    """Return everything that follows from the start or the end (`Started`, `Ended`)."""
    floors = (("Date", _DAY), ("Hour", instants.HOUR), ("QuarterHour", instants.QUARTER))
    return {
        f"{name}DateTimeUtc": at,
        f"{name}DateUtc": at and instants.midnight(at),
        f"{name}Epoch": at and instants.epoch(at),
        **{
            f"{name}Epoch{period}": at and instants.epoch(instants.floor(at, step))
            for period, step in floors
        },
        **periods(name, at),
    }


def milestones(reached: dict[str, datetime | None]) -> dict[str, Any]:
    """Return everything that follows from the first queueing, delivery and acceptance.

    Args:
        reached: Instants by `Queued`, `Dequeued`, `Delivered`, `Accepted` and `Abandoned`.
    """
    fields: dict[str, Any] = {"AbandonedAtUtc": reached["Abandoned"]}
    for name in ("Queued", "Dequeued", "Delivered", "Accepted"):
        at = reached[name]
        fields[f"First{name}AtUtc"] = at
        fields[f"First{name}Epoch"] = at and instants.epoch(at)
    for name in ("Abandoned", "FirstAccepted", "FirstQueued"):
        fields |= periods(name, reached[name.removeprefix("First")])
    answered, abandoned = reached["Accepted"] is not None, reached["Abandoned"] is not None
    return {
        **fields,
        "AcceptTime": span(reached["Delivered"], reached["Accepted"]),
        "QueuedTime": span(reached["Queued"], reached["Dequeued"]),
        "AbandonedTime": span(reached["Queued"], reached["Abandoned"]),
        "IsAnswered": answered,
        "IsAbandoned": abandoned,
        "HasQueued": reached["Queued"] is not None,
        "WasDelivered": reached["Delivered"] is not None,
        "AnsweredApplied": int(answered),
        "AbandonedApplied": int(abandoned),
        "AbandonType": int(abandoned),
    }


def ending(started: datetime, delivered: datetime | None, ended: datetime | None) -> dict[str, Any]:
    """Return everything that follows from the end; null while the interaction is running."""
    return {
        **boundary("Ended", ended),
        "InteractionTime": span(started, ended),
        "AgentHandleTime": span(delivered, ended),
    }


def rollup(at: datetime) -> dict[str, Any]:
    """Return what the reporting job stamps on a record."""
    return {
        "MostRecentRollupAtUtc": at,
        "RecordWrittenAtUtc": at,
        "RecordWrittenAtEpoch": instants.epoch(instants.floor(at, instants.QUARTER)),
    }


def span(first: datetime | None, last: datetime | None) -> float | int | None:
    """Return the seconds between two instants; a whole number arrives as an integer."""
    if first is None or last is None:
        return None
    seconds = (last - first).total_seconds()
    return int(seconds) if seconds.is_integer() else seconds
