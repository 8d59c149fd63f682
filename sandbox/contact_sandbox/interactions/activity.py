"""Seeded activity of agents: report messages, workstate events and time by workstate."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from contact_sandbox import seeded
from contact_sandbox.interactions import instants
from contact_sandbox.interactions.data import SETTLED, TENANT_ID
from contact_sandbox.interactions.documents import Document, Row, object_id

_WORKSTATE_CHANGE = 24
_DAY = timedelta(days=1)
_WEEKEND = 5


def message(rng: random.Random, agents: Sequence[Row], at: datetime) -> Document:
    """Return a report message of the time `at`, which the record carries under no known name."""
    agent = seeded.pick(rng, agents)
    state: Row = {
        "SessionId": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "AgentId": agent["id"],
        "FirstName": agent["firstName"],
        "LastName": agent["lastName"],
        "LoggedIn": rng.random() < 0.9,
        "RoutingProfileId": 6,
        "TenantId": TENANT_ID,
        "ChannelStates": [{"ChannelType": 2, "Capacity": 1, "InUse": rng.randint(0, 1)}],
    }
    fields: Row = {
        "_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "TenantId": TENANT_ID,
        "Type": 1,
        "EventType": _WORKSTATE_CHANGE,
        "EventTypeReason": rng.randint(0, 5),
        "AgentMessage": {"State": state},
    }
    if rng.random() < 0.2:
        # Messages of interactions have other members, of which none is published.
        fields |= {"Type": 2, "EventType": 3, "AgentMessage": None, "Sequence": rng.randint(1, 9)}
    return Document(fields, at)


def event(rng: random.Random, agents: Sequence[Row], at: datetime) -> Document:
    """Return a change of workstate at `at`, a whole second."""
    agent = seeded.pick(rng, agents)
    seconds = instants.epoch(at)
    fields: Row = {
        "_id": object_id(rng.getrandbits(64), at),
        "AgentId": agent["id"],
        "EventType": _WORKSTATE_CHANGE,
        "Epoch": seconds,
        "EpochDate": seconds,
        "EpochQuarterHour": instants.epoch(instants.floor(at, instants.QUARTER)),
        "EpochHour": instants.epoch(instants.floor(at, instants.HOUR)),
        "FirstName": agent["firstName"],
        "LastName": agent["lastName"],
        "WorkstateId": rng.randint(1, 4),
    }
    return Document(fields, at)


def timeline(rng: random.Random, start: datetime, now: datetime, count: int) -> list[datetime]:
    """Return `count` instants of whole seconds in [start, now - SETTLED], many of them twins."""
    return [start, *seeded.moments(rng, start, now - SETTLED, max(count - 1, 0), twins=0.2)][:count]


class Shifts:
    """Seconds that each agent spent in each workstate on each UTC day."""

    def __init__(self, seed: int, agents: Sequence[Row]) -> None:
        """Derive every figure from `seed`."""
        self._seed = seed
        self._agents = agents

    def rows(self, start: datetime, end: datetime, *, inactive: bool = False) -> list[Row]:
        """Return one row for each agent over the whole of [start, end).

        Args:
            start: Begin of the period.
            end: End of the period, exclusive.
            inactive: Whether agents who were not logged in get a row too.
        """
        rows = []
        for agent in self._agents:
            durations = self._durations(agent, start, end)
            if inactive or any(durations.values()):
                entries = [
                    {"StateId": state, "State": min(state, 4), "Duration": seconds}
                    for state, seconds in durations.items()
                ]
                rows.append({"StateIdDurations": entries, **_identity(agent)})
        return rows

    def _durations(self, agent: Row, start: datetime, end: datetime) -> dict[int, float]:
        """Return seconds by workstate, in proportion where a day is not covered whole."""
        total = dict.fromkeys((1, 2, 4, 1001), 0.0)
        day = instants.midnight(start)
        while day < end:
            covered = min(end, day + _DAY) - max(start, day)
            rng = seeded.generator(self._seed, agent["id"], day.date())
            works = day.weekday() < _WEEKEND and rng.random() < 0.6
            for state in total if works else ():
                total[state] += round(rng.random() * 7000, 3) * (covered / _DAY)
            day += _DAY
        return total


def _identity(agent: Row) -> Row:
    """Return how a rollup row names its agent."""
    return {
        "AgentId": agent["id"],
        "FirstName": agent["firstName"],
        "LastName": agent["lastName"],
    }
