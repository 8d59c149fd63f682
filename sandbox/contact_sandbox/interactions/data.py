"""Seeded interactions, the awkward ones included."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.interactions import course, instants
from contact_sandbox.interactions.documents import Document, Row, object_id

TENANT_ID = 2
BIG_ID = 2**40
"""Above this some ids lie: they need 64 bits."""

SETTLED = timedelta(minutes=10)
"""Age of the youngest seeded row: older than a client's safety lag behind the present."""

_PHONE, _EMAIL, _SMS = 2, 4, 6
_PROVIDERS = {_PHONE: 2, _EMAIL: 6, _SMS: 3, 1: 1}
_COUNTERS = ("AgentReplyCount", "CustomerReplyCount", "HoldCount", "MuteCount")
_MESSAGE_TIMES = (
    "AgentFirstResponseTime", "TotalTimeWaitingOnAgent", "TotalTimeWaitingOnCustomer",
    "LongestTimeWaitingOnAgent", "LongestTimeWaitingOnCustomer",
)  # fmt: skip
_CALL_TIMES = ("TotalTalkTime", "TotalRingTime", "TotalHoldTime", "TotalMuteTime")


class Maker:
    """Makes interactions of seeded agents and queues."""

    def __init__(self, rng: random.Random, agents: Sequence[Row], queues: Sequence[Row]) -> None:
        """Use `rng` for everything that looks random."""
        self._rng = rng
        self._agents = agents
        self._queues = queues

    def interaction(self, rolled_up: datetime, *, age: timedelta | None = None) -> Document:
        """Return an interaction whose latest rollup is at `rolled_up`.

        Args:
            rolled_up: Instant of whole milliseconds.
            age: Time from its end to that rollup; default mostly minutes, sometimes weeks.
        """
        rng = self._rng
        ended = rolled_up - (age or self._age())
        started = ended - timedelta(milliseconds=rng.randint(5_000, 1_800_000))
        reached = self._reached(started, ended)
        first_rollup = min(rolled_up, ended + timedelta(milliseconds=rng.randint(60_000, 300_000)))
        guid = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        channel = rng.choices((_PHONE, 1, _EMAIL, _SMS), (7, 1, 1, 1))[0]
        return Document(
            {
                "_id": object_id(rng.getrandbits(64), started + (ended - started) / 2),
                "InteractionId": guid,
                "InteractionIdStr": guid,
                **course.boundary("Started", started),
                **course.ending(started, reached["Delivered"], ended),
                **course.milestones(reached),
                "FirstRollupAtUtc": first_rollup,
                **course.rollup(rolled_up),
                **self._measures(channel),
                **self._people(answered=reached["Accepted"] is not None),
                **self._channel(channel, guid),
                **self._service_level(reached),
            }
        )

    def _age(self) -> timedelta:
        """Return the time from the end of an interaction to its latest rollup."""
        minutes = timedelta(milliseconds=self._rng.randint(90_000, 900_000))
        return minutes + timedelta(days=self._rng.choices((0, 1, 9, 40), (7, 1, 1, 1))[0])

    def _reached(self, started: datetime, ended: datetime) -> dict[str, datetime | None]:
        """Return the milestones of an interaction: abandoned, direct or queued and answered."""
        rng = self._rng
        at = [
            instants.milliseconds(started + (ended - started) * share)
            for share in sorted(rng.random() * 0.5 for _ in range(4))
        ]
        never: dict[str, datetime | None] = dict.fromkeys(
            ("Queued", "Dequeued", "Delivered", "Accepted", "Abandoned")
        )
        kind = rng.random()
        if kind < 0.15:
            return {**never, "Queued": at[0], "Dequeued": ended, "Abandoned": ended}
        direct = {**never, "Delivered": at[2], "Accepted": at[3]}
        if kind < 0.5:
            return direct
        return {**direct, "Queued": at[0], "Dequeued": at[1]}

    def _measures(self, channel: int) -> Row:
        """Return counters and durations; those of the other kind of channel are null."""
        rng = self._rng
        measured = _CALL_TIMES if channel == _PHONE else _MESSAGE_TIMES
        return {
            "EndedReason": rng.choice((20, 1, 4)),
            "EventCount": rng.randint(5, 80),
            "CurrentQueueCount": 0,
            **{name: rng.randint(0, 9) for name in _COUNTERS},
            **dict.fromkeys((*_CALL_TIMES, *_MESSAGE_TIMES)),
            **{name: self._seconds() for name in measured},
            "WorkflowTime": rng.choice((None, 12, 3.5)),
            "TotalWaitTime": rng.choice((None, self._seconds())),
            "TotalACWTime": rng.choice((None, 30, self._seconds())),
        }

    def _seconds(self) -> float | int:
        """Return a duration: seven decimals, the noise of a sum of floats, or an integer."""
        exact = round(self._rng.random() * 600, 7)
        return self._rng.choice((exact, 323.08310220000004, int(exact)))

    def _people(self, *, answered: bool) -> Row:
        """Return who took part."""
        rng = self._rng
        agent = seeded.pick(rng, self._agents) if answered else None
        return {
            "QueueId": rng.choice((None, seeded.pick(rng, self._queues)["id"])),
            "TicketId": rng.choice((None, None, BIG_ID + rng.randint(1, 45))),
            "TenantId": TENANT_ID,
            "AgentId": agent and agent["id"],
            "AgentFirstName": agent and agent["firstName"],
            "AgentLastName": agent and agent["lastName"],
            "RoutingProfileId": agent and 6,
            "ANI": f"+{seeded.phone(rng)}",
            "DNIS": f"+{seeded.phone(rng)}",
            "FromCity": rng.choice((None, "Łódź", "Columbus")),
            "FromState": rng.choice((None, "OH")),
            "FromZip": rng.choice((None, "02139", "43004")),
            "FromCountry": rng.choice((None, "US")),
            "StirVerstat": rng.choice((None, "TN-Validation-Passed-A")),
        }

    def _channel(self, channel: int, guid: str) -> Row:
        """Return the channel; only on calls is its identifier the interaction's GUID."""
        rng = self._rng
        return {
            "ChannelUniqueIdentifier": guid if channel == _PHONE else seeded.text(rng, 0.5),
            "ChannelProviderType": _PROVIDERS[channel],
            "ChannelType": channel,
            "Direction": rng.randint(0, 1),
            "IsCRMUpdateEvent": rng.random() < 0.05,
            "DataErrorDetected": False,
        }

    def _service_level(self, reached: dict[str, Any]) -> Row:
        """Return the service level, which applies to what queued."""
        applies = reached["Queued"] is not None
        met = applies and self._rng.random() < 0.8
        return {
            "ServiceLevelSeconds": 30 if applies else 0,
            "ServiceLevelApplies": int(applies),
            "IsInServiceLevel": int(met) if applies else -1,
            "IsInServiceLevelApplied": int(met),
        }


def interactions(
    maker: Maker, rng: random.Random, start: datetime, now: datetime, counts: tuple[int, int]
) -> list[Document]:
    """Return the seeded interactions.

    Args:
        maker: Makes each of them.
        rng: Generator of the times.
        start: Begin of the history; two rows lie just before it.
        now: The present; rollups end `SETTLED` before it.
        counts: Ordinary interactions, and those that one bulk rollup stamped at one instant.
    """
    ordinary, burst = counts
    end = now - SETTLED
    stamps = seeded.moments(rng, start, end, ordinary, twins=0.05)
    # A fraction of one digit, of three, or none: as texts these do not sort.
    parts = rng.choices((0, 200, None), (1, 1, 8), k=ordinary)
    found = [
        maker.interaction(at + timedelta(milliseconds=rng.randrange(999) if part is None else part))
        for at, part in zip(stamps, parts, strict=True)
    ]
    bulk = instants.floor(start + (end - start) * 0.6, instants.HOUR) + timedelta(milliseconds=500)
    found += [maker.interaction(bulk) for _ in range(burst)]
    _spoil(found, start)
    edges = (start - timedelta(milliseconds=1), start - timedelta(hours=5), start)
    return found + [maker.interaction(at) for at in edges]


def _spoil(found: list[Document], start: datetime) -> None:
    """Make some of the interactions awkward."""
    changes: tuple[Row, ...] = (
        {"ServiceLevelSeconds": "30"},
        {"ChannelUniqueIdentifier": seeded.LONE_SURROGATE, "ChannelType": 1},
        {"SentimentScore": -0.25, "Tags": ["vip", {"level": 2}]},
        {"AgentFirstName": "", "AgentLastName": None, "TicketId": 2**53 + 1},
        {"ChannelUniqueIdentifier": "🎧 " * 400, "ChannelProviderType": 999999},
    )
    for document, changed in zip(found[3:], changes, strict=False):
        document.update(changed)
    if len(found) > 20:
        # A transfer: two records of one interaction.
        shared = found[10].fields["InteractionId"]
        found[11].update({"InteractionId": shared, "InteractionIdStr": shared})
        for document in found[12:16]:  # written before the field existed
            del document.fields["TotalACWTime"]
        # A rollup whose writing took its time.
        late = max(start, found[16].fields["MostRecentRollupAtUtc"])
        found[16].update({"RecordWrittenAtUtc": late + timedelta(milliseconds=37)})
        for document in found[17:19]:
            run_on(document)


def run_on(document: Document) -> None:
    """Make an interaction one that has not ended yet."""
    fields = document.fields
    document.update(
        course.ending(fields["StartedDateTimeUtc"], fields["FirstDeliveredAtUtc"], None)
    )


def roll_up(document: Document, at: datetime, rng: random.Random) -> None:
    """Let the reporting job recompute a record: a new stamp, later facts, the end if it ran on."""
    fields = document.fields
    changed: Row = {
        "EventCount": fields["EventCount"] + 1,
        "TotalACWTime": rng.randint(5, 300),
        **course.rollup(at),
    }
    if fields["EndedDateTimeUtc"] is None:
        started = fields["StartedDateTimeUtc"]
        ended = started + timedelta(milliseconds=rng.randint(5_000, 1_800_000))
        changed |= course.ending(started, fields["FirstDeliveredAtUtc"], ended)
    document.update(changed)
