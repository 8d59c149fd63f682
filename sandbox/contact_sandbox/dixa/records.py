"""Rows of analytics records, derived from conversations, presence and feedback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contact_sandbox.dixa.conversations import Conversation
from contact_sandbox.dixa.directory import CHANNELS, Row
from contact_sandbox.dixa.texts import instant
from contact_sandbox.seeded import utc_text

NO_VALUE: Row = {}


@dataclass(frozen=True)
class RecordRow:
    """One row and what the vendor knows about it besides.

    Attributes:
        at: The instant that a request's period applies to.
        primary: The row's primary timestamp; another one in closed_conversations.
        identity: The conversation's id; without one, the row's other ids and status, joined.
        wire: The row as it is answered.
        attributes: Values that filters look at, by attribute.
        value: The number that metrics are computed from.
        order: Rows are answered in descending order of this: late arrivals first, then shuffled.
    """

    at: datetime
    primary: datetime
    identity: int | str
    wire: Row
    attributes: dict[str, list[str]] = field(default_factory=dict)
    value: float | None = None
    order: tuple[int, float] = (0, 0.0)


def typed(kind: str, value: Any, label: str | None = None) -> Row:
    """Return a typed value as rows hold it, with a label where there is one."""
    made: Row = {"_type": kind, "value": value}
    return made if label is None else made | {"label": label}


def row(name: str, primary: datetime, fields: Iterable[tuple[str, Row]], value: Row) -> Row:
    """Return a row as it is answered; an empty field or value is left out altogether."""
    made: Row = {
        "primaryTimestampField": {"name": name, "timestamp": instant(primary)},
        "fields": [{"name": n, "field": f} if f else {"name": n} for n, f in fields],
    }
    return made | {"value": value} if value else made


def person(agent: Row | None) -> Row:
    """Return the field of an agent; empty where there is none."""
    return typed("UUIDField", agent["id"], agent["displayName"]) if agent else {}


def origin(made: Conversation) -> list[tuple[str, Row]]:
    """Return the fields that say where a conversation came from."""
    queue = made.queue
    return [
        ("csid", typed("LongField", made.csid)),
        ("initial_direction", typed("StringField", made.direction, made.direction.capitalize())),
        ("initial_channel", typed("StringField", made.channel, CHANNELS[made.channel])),
        ("current_channel", typed("StringField", made.current_channel)),
        ("contact_point", typed("StringField", made.contact_point, made.contact_point)),
        ("queue", typed("UUIDField", queue["id"], queue["name"]) if queue else {}),
    ]


def ratings(conversations: Iterable[Conversation]) -> Iterator[RecordRow]:
    """Yield answered ratings: by the instant they were offered, so answers come in late."""
    for made in conversations:
        tags = [typed("UUIDField", tag["id"], tag["name"]) for tag in made.tags]
        for rating in made.ratings:
            if rating.score is None:
                continue
            fields = [*origin(made), ("agent_id", person(made.agent))]
            fields.append(("tag_ids", {"_type": "ListField", "values": tags}))
            if rating.comment is not None:
                fields.append(("comment", typed("StringField", rating.comment)))
            if rating.modified:
                fields.append(("modified_at", typed("InstantField", instant(rating.modified))))
            wire = row("offered_at", rating.offered, fields, typed("LongField", rating.score))
            yield RecordRow(
                rating.offered, rating.offered, made.csid, wire, made.attributes(),
                float(rating.score), (made.arrival, made.shuffle),
            )  # fmt: skip


def closings(conversations: Iterable[Conversation]) -> Iterator[RecordRow]:
    """Yield closings: the period applies to closed_at, the primary timestamp is created_at."""
    for made in conversations:
        for closing in made.closings:
            fields = [
                *origin(made),
                ("agent_id", person(closing.agent)),
                ("closed_at", typed("InstantField", instant(closing.at))),
                ("closed_by", typed("StringField", closing.by)),
            ]
            yield RecordRow(
                closing.at, made.created, made.csid,
                row("created_at", made.created, fields, NO_VALUE), made.attributes(),
                None, (made.arrival, made.shuffle),
            )  # fmt: skip


def first_responses(conversations: Iterable[Conversation]) -> Iterator[RecordRow]:
    """Yield first answers; the conversation's id is a `conversation_id` here."""
    for made in conversations:
        if made.answered_after is None:
            continue
        at = made.assignments[0][0]
        fields = [
            ("conversation_id", typed("LongField", made.csid)),
            ("agent_id", person(made.agent)),
            ("queue_id", typed("UUIDField", made.queue["id"]) if made.queue else {}),
            ("first_response_at", stamp("first_response_at", at)),
        ]
        wire = row("first_response_at", at, fields, typed("DoubleField", made.answered_after))
        yield RecordRow(
            at, at, made.csid, wire, made.attributes(), made.answered_after,
            (made.arrival, made.shuffle),
        )  # fmt: skip


def assignments(conversations: Iterable[Conversation]) -> Iterator[RecordRow]:
    """Yield assignments; a conversation may be passed on within one instant."""
    for made in conversations:
        for at, agent in made.assignments:
            fields = [*origin(made), ("agent_id", person(agent))]
            attributes = made.attributes() | {"agent_id": [agent["id"]]}
            yield RecordRow(
                at, at, made.csid, row("assigned_at", at, fields, NO_VALUE), attributes,
                None, (made.arrival, made.shuffle),
            )  # fmt: skip


def stamp(name: str, at: datetime) -> Row:
    """Return a TimestampField: it has a name and a timestamp instead of a value."""
    return {"_type": "TimestampField", "name": name, "timestamp": instant(at)}


def numbered(rows: Iterable[RecordRow]) -> Iterator[tuple[tuple[int | str, str, int], RecordRow]]:
    """Yield rows with their truth keys: identity, primary timestamp, ordinal among equals."""
    seen: dict[tuple[int | str, str], int] = {}
    for made in sorted(rows, key=lambda each: each.at):
        key = (made.identity, utc_text(made.primary))
        seen[key] = seen.get(key, -1) + 1
        yield (*key, seen[key]), made
