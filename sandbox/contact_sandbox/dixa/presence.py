"""Presence periods of agents and feedback on the AI agent: rows without much of a conversation."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from contact_sandbox import seeded
from contact_sandbox.dixa.conversations import BEYOND_DOUBLE
from contact_sandbox.dixa.directory import Row
from contact_sandbox.dixa.records import NO_VALUE, RecordRow, person, row, stamp, typed
from contact_sandbox.dixa.texts import instant, new_id


@dataclass
class Period:
    """What one agent was doing; `ended` is missing while it lasts."""

    agent: Row
    status: str
    started: datetime
    ended: datetime | None
    shuffle: float

    def seconds(self, now: datetime) -> float:
        """Return the length so far."""
        return ((self.ended or now) - self.started).total_seconds()


def periods(
    rng: random.Random, agents: list[Row], start: datetime, end: datetime
) -> Iterator[Period]:
    """Yield two periods a day, by turns of four agents; the last three still go on."""
    days = (end - start).days + 1
    for day in range(days):
        for turn in range(2):
            started = start + timedelta(
                days=day, hours=6 + 9 * turn, milliseconds=rng.randint(0, 9)
            )
            ended = started + timedelta(minutes=rng.randint(1, 400))
            agent = agents[(day + turn) % min(4, len(agents))]
            status = rng.choice(("Working", "Working", "Away", "På pause ☕"))
            if ended < end:
                yield Period(agent, status, started, ended, rng.random())
    for agent in agents[:3]:
        yield Period(agent, "Working", end - timedelta(hours=2), None, rng.random())


def presence_rows(found: Iterable[Period], now: datetime) -> Iterator[RecordRow]:
    """Yield presence periods as rows; an open one has neither an end nor a value."""
    for period in found:
        agent, ended = period.agent, period.ended
        channels = [typed("StringField", name) for name in ("EMAIL", "PSTN_PHONE")]
        fields = [
            ("agent_id", person(agent)),
            ("status", typed("StringField", period.status, period.status.title())),
            ("ended_at", typed("InstantField", instant(ended)) if ended else {}),
            ("active_channels", {"_type": "ListField", "values": channels}),
        ]
        seconds = period.seconds(now)
        value = typed("LongField", round(seconds)) if ended else NO_VALUE
        yield RecordRow(
            period.started, period.started, f"{agent['id']}|{period.status}",
            row("started_at", period.started, fields, value), {"agent_id": [agent["id"]]},
            seconds, (0, period.shuffle),
        )  # fmt: skip


def feedback(rng: random.Random, moments: list[datetime]) -> list[RecordRow]:
    """Return one row of feedback for each moment: every field type and every oddity."""
    values: tuple[Row, ...] = (
        typed("BooleanField", value=True),
        typed("IntField", 3),
        typed("StringField", "good", "Good 👍"),
        typed("UUIDField", new_id(rng), "Case"),
        typed("InstantField", instant(moments[0])),
        typed("DoubleField", 0.1),
        {"_type": "MoneyField", "amount": "12.50", "currency": "DKK"},
        NO_VALUE,
    )
    rows = []
    for place, at in enumerate(moments):
        item, csid = new_id(rng), BEYOND_DOUBLE + 10**6 + place
        lonely = place % 7 == 3
        fields = [("csid", typed("LongField", csid))] if not lonely else []
        confidence = rng.random()
        fields += [
            *_oddities(rng, item, at, place),
            ("confidence", typed("DoubleField", confidence)),
        ]
        wire = row("given_at", at, fields, values[place % len(values)])
        if place % 11 == 5:
            wire["sentiment"] = {"score": -1}
        identity: int | str = item if lonely else csid
        rows.append(RecordRow(at, at, identity, wire, {}, confidence, (0, rng.random())))
    return rows


def _oddities(rng: random.Random, item: str, at: datetime, place: int) -> list[tuple[str, Row]]:
    """Return fields that a careless reader trips over."""
    sources = [typed("StringField", "faq"), typed("LongField", BEYOND_DOUBLE), typed("IntField", 7)]
    return [
        ("feedback_uuid", typed("UUIDField", item)),
        ("isHelpful", typed("BooleanField", value=place % 2 == 0)),
        ("is_escalated", typed("StringField", "maybe")),
        ("handling_time", typed("StringField", "n/a") if place % 5 == 0 else typed("IntField", 9)),
        ("reviewed_at", typed("InstantField", instant(at + timedelta(minutes=1)))),
        ("topic", typed("StringField", seeded.text(rng, 0.3), "Topic")),
        ("topic", typed("StringField", "a second topic")),
        ("source_ids", {"_type": "ListField", "values": sources[: place % 4]}),
        ("empty_list", {"_type": "ListField"}),
        ("last_message", stamp("last_message_at", at - timedelta(seconds=1))),
        ("turns_count", typed("IntField", place)),
        ("Turns_Count", typed("IntField", -place)),
        ("value_type", typed("StringField", "not a type")),
        ("labels", typed("StringField", "not a label")),
        ("cost", {"_type": "MoneyField", "amount": "0.10", "currency": "EUR"}),
        ("nothing", {}),
        ("note", typed("StringField", seeded.LONE_SURROGATE if place == 1 else "ok")),
    ]
