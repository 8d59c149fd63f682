"""Conversations, from which records, metrics, exports and the activity log are derived."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.dixa.directory import BUSY_AGENTS, CHANNELS, USED_TAGS, Directory, Row
from contact_sandbox.dixa.texts import chance, new_id

BEYOND_DOUBLE = 2**53 + 1
"""From here on a conversation's id is damaged by a detour through floating point."""

FIRST_CSID = 184472


@dataclass
class Rating:
    """One question of a survey, answered (at `rated`, with a score) or still open."""

    offered: datetime
    score: int | None = None
    rated: datetime | None = None
    comment: str | None = None
    modified: datetime | None = None


@dataclass
class Closing:
    """One closing; a conversation that was opened again has several."""

    at: datetime
    by: str
    agent: Row | None


@dataclass
class Message:
    """One message, mail or call."""

    id: str
    at: datetime
    text: str | None
    by_agent: bool


@dataclass
class Conversation:
    """A conversation with everything that happened to it, in UTC.

    `arrival` is 0 for seeded ones and grows with each that comes in while the sandbox is in use.
    """

    csid: int
    created: datetime
    channel: str
    current_channel: str
    direction: str
    contact_point: str
    requester: Row
    queue: Row | None
    agent: Row | None
    tags: list[Row]
    updated: datetime
    shuffle: float
    arrival: int = 0
    assignments: list[tuple[datetime, Row]] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    ratings: list[Rating] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    answered_after: float | None = None
    custom: list[Row] = field(default_factory=list)
    subject: str | None = None

    def attributes(self) -> dict[str, list[str]]:
        """Return the values that filters look at, by attribute; some have none, some several."""
        return {
            "agent_id": [self.agent["id"]] if self.agent else [],
            "queue_id": [self.queue["id"]] if self.queue else [],
            "channel": [self.channel],
            "initial_direction": [self.direction],
            "tag_id": [tag["id"] for tag in self.tags],
            "contact_point": [self.contact_point],
        }


class Maker:
    """Makes conversations, one after the other."""

    def __init__(self, rng: random.Random, directory: Directory) -> None:
        """Draw on `rng` and the people and queues of `directory`."""
        self._rng = rng
        self._directory = directory
        self._count = 0

    def make(self, created: datetime, latest: datetime, arrival: int = 0) -> Conversation:
        """Return a new conversation of which nothing lies after `latest`."""
        rng, directory = self._rng, self._directory
        self._count += 1
        csid = FIRST_CSID + self._count
        if self._count % 20 == 0:
            csid = BEYOND_DOUBLE + 2 * self._count
        busy = directory.agents[:BUSY_AGENTS]
        channel = seeded.pick(rng, list(CHANNELS))
        made = Conversation(
            csid=csid,
            created=created,
            channel=channel,
            current_channel="EMAIL" if chance(rng, 0.1) else channel,
            direction="OUTBOUND" if chance(rng, 0.2) else "INBOUND",
            contact_point=seeded.pick(rng, directory.contact_points()),
            requester=seeded.pick(rng, directory.endusers),
            queue=seeded.pick(rng, directory.queues) if chance(rng, 0.85) else None,
            agent=seeded.pick(rng, busy) if chance(rng, 0.9) else None,
            tags=rng.sample(directory.tags[:USED_TAGS], rng.choice((0, 0, 1, 1, 2, 3))),
            updated=created,
            shuffle=rng.random(),
            arrival=arrival,
            custom=self._custom(),
            subject=seeded.text(rng) if chance(rng, 0.8) else None,
        )
        self._live(made, latest)
        return made

    def _custom(self) -> list[Row]:
        """Return filled-in custom attributes: a list for choices, a bare text otherwise."""
        values: tuple[Any, ...] = (f"A-{self._count:05d}", ["shallow", "deep"])
        kinds = ("Text", "Select")
        definitions = self._directory.attributes[:2]
        rows = [
            {
                "attribute_id": definition["id"],
                "identifier": definition["identifier"],
                "value": value,
                "data_type": kind,
                "archived": False,
            }
            for definition, value, kind in zip(definitions, values, kinds, strict=True)
        ]
        return rows[: self._rng.choice((0, 1, 2))]

    def _live(self, made: Conversation, latest: datetime) -> None:
        """Let the conversation be assigned, answered, closed and rated, up to `latest`."""
        rng = self._rng
        spare = max((latest - made.created).total_seconds() - 1, 0)
        spent = min(rng.random() * 90000, spare)
        if made.agent:
            assigned = made.created + timedelta(seconds=spent * 0.1)
            made.assignments.append((assigned, made.agent))
            if chance(rng, 0.15):  # passed on in the same instant
                made.assignments.append(
                    (assigned, seeded.pick(rng, self._directory.agents[:BUSY_AGENTS]))
                )
            made.answered_after = round(spent * 0.2, rng.choice((0, 3)))
        for part in (0.0, 0.2, 0.4)[: rng.randint(1, 3)]:
            self._write(made, made.created + timedelta(seconds=spent * part), by_agent=part > 0.1)
        made.updated = made.created + timedelta(seconds=spent * 0.5)
        if chance(rng, 0.9):
            self.close(made, made.created + timedelta(seconds=spent))
            if chance(rng, 0.12) and spare > spent:
                again = min(spent + rng.random() * 200000, spare)
                self.close(made, made.created + timedelta(seconds=again))
            if chance(rng, 0.6):
                self.survey(made, latest)

    def _write(self, made: Conversation, at: datetime, *, by_agent: bool) -> None:
        """Add a message."""
        rng = self._rng
        text: str | None = seeded.text(rng, 0.15)
        if chance(rng, 0.03):
            text = seeded.LONE_SURROGATE
        elif chance(rng, 0.05):
            text = None
        made.messages.append(Message(new_id(rng), at, text, by_agent))

    def close(self, made: Conversation, at: datetime) -> None:
        """Close the conversation; its instant gets no, 3 or 6 digits of a second."""
        at = at.replace(microsecond=self._rng.choice((0, at.microsecond // 1000 * 1000, 293001)))
        by = seeded.pick(self._rng, ("Agent", "Agent", "Enduser", "Unknown"))
        made.closings.append(Closing(at, by, made.agent if by == "Agent" else None))
        made.closings.sort(key=lambda closing: closing.at)
        made.updated = max(made.updated, at)

    def survey(self, made: Conversation, latest: datetime) -> None:
        """Ask for one or two ratings in one instant; some stay unanswered, some are twins."""
        rng = self._rng
        offered = made.closings[0].at
        for _ in range(2 if chance(rng, 0.2) else 1):
            made.ratings.append(Rating(offered))
            if chance(rng, 0.85):
                wait = min(timedelta(seconds=rng.random() * 90000), (latest - offered) / 2)
                self.rate(made, made.ratings[-1], offered + wait)
        if chance(rng, 0.2) and made.ratings[0].score:
            made.ratings[0].comment = seeded.text(rng, 0.5)
        if len(made.ratings) > 1 and made.ratings[1].score and chance(rng, 0.7):
            made.ratings[1].score = made.ratings[0].score or 4
            made.ratings[0].comment = None

    def rate(self, made: Conversation, rating: Rating, at: datetime) -> None:
        """Answer a question of a survey, or change the answer."""
        if rating.score is None:
            rating.score, rating.rated = self._rng.choice((1, 2, 3, 4, 4, 5, 5, 5)), at
        else:
            rating.score, rating.modified = rating.score % 5 + 1, at
        made.updated = max(made.updated, at)
