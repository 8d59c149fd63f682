"""One tenant's stored rows: how they are seeded, what a sync must find, how they change."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.interactions import activity, data, instants, tickets
from contact_sandbox.interactions.documents import Document, Row
from contact_sandbox.interactions.reference import reference

Keyed = dict[tuple[Any, ...], Row]

_DAY = timedelta(days=1)
_LATE = timedelta(minutes=45)
"""How far back a live change is stamped: inside the taps' default lookback of one hour."""

_FRESH = timedelta(minutes=6)
"""How far back it is stamped at least: behind a safety lag of some minutes."""


class Tenant:
    """The rows of one tenant.

    Attributes:
        rerolled: Rollup instant by `_id` of each interaction that was re-rolled between requests.
    """

    def __init__(
        self, seed: int, start: datetime, now: datetime, options: Mapping[str, Any]
    ) -> None:
        """Seed the rows of [start, now), the youngest of them `data.SETTLED` old."""
        self._seed, self._start, self._now, self._options = seed, start, now, options
        self._rng = rng = seeded.generator(seed, "interactions")
        found = reference(rng, options["agents"])
        self.lookups, self.lists = found.lookups, found.lists
        self._agents: list[Row] = self.lookups["agents"]
        self._maker = data.Maker(rng, self._agents, self.lookups["queues"])
        counts = (options["interactions"], options["burst"])
        self.interactions = data.interactions(self._maker, rng, start, now, counts)
        self.messages = [
            activity.message(rng, self._agents, at)
            for at in activity.timeline(rng, start, now, options["messages"])
        ]
        self.events = [
            activity.event(rng, self._agents, at)
            for at in activity.timeline(rng, start, now, options["events"])
        ]
        self.shifts = activity.Shifts(seed, self._agents)
        self.tickets = tickets.tickets(
            rng, start, now, options["tickets"], options["tickets_never_changed"]
        )
        self.rerolled: dict[str, datetime] = {}

    def reroll(self, found: Sequence[Document], at: datetime) -> None:
        """Re-roll some of the interactions found, each once, up to the total of the options.

        Args:
            found: Interactions that a query covered.
            at: The present; with the option `reroll_later` the stamp moves less far.
        """
        fresh = [each for each in found if each.fields["_id"] not in self.rerolled]
        left = self._options["reroll_total"] - len(self.rerolled)
        count = max(min(left, self._options["reroll_rows"], len(fresh)), 0)
        later = timedelta(seconds=self._options["reroll_later"])
        for document in self._rng.sample(fresh, count):
            stamp = document.fields["MostRecentRollupAtUtc"] + later if later else at
            data.roll_up(document, stamp, self._rng)
            self.rerolled[document.fields["_id"]] = stamp

    def expected(self, stream: str) -> Keyed:
        """Return the rows of a stream since the begin of the history, by primary key."""
        if stream == "interactions":
            return self._interactions()
        if stream == "agent_workstate_rollup":
            return self._rollups()
        if stream == "tickets":
            found = [each for each in self.tickets if tickets.latest(each) >= self._start]
            return _by_key([tickets.visible(each.row()) for each in found], "id")
        logs = {"report_messages": self.messages, "agent_workstate_events": self.events}
        if stream in logs:
            late = [each.row() for each in logs[stream] if each.at and each.at >= self._start]
            return _by_key(late, "_id")
        return _by_key(self._reference(stream), "id")

    def _interactions(self) -> Keyed:
        """Return the interactions whose replication field lies in the history."""
        field = self._options["date_field"]
        found = [each for each in self.interactions if each.fields[field] is not None]
        return _by_key([each.row() for each in found if each.fields[field] >= self._start], "_id")

    def _rollups(self) -> Keyed:
        """Return the rollup rows of every closed UTC day of the history."""
        found: Keyed = {}
        day = self._start
        while day + _DAY <= self._now - data.SETTLED:
            for row in self.shifts.rows(day, day + _DAY):
                found[row["AgentId"], seeded.utc_text(day)] = row
            day += _DAY
        return found

    def _reference(self, stream: str) -> list[Row]:
        """Return the rows of a stream of reference data; maps become rows of id and name."""
        if stream in self.lists:
            return self.lists[stream]
        if stream in ("queues", "agents"):
            return list(self.lookups[stream])
        if stream in ("dispositions", "disposition_sets"):
            member = "dispositions" if stream == "dispositions" else "dispositionSets"
            return list(self.lookups["dispositions"][member])
        member = "eventTypeReasons" if stream.endswith("reasons") else "eventTypes"
        path = "workflow" if stream.startswith("workflow") else "report"
        codes: dict[str, str] = self.lookups[f"{path}-message-event-types"][member]
        return [{"id": int(code), "name": name} for code, name in codes.items()]

    def change(self, seed: int, now: datetime) -> None:
        """Let `now` have brought what it brings to a live tenant.

        Interactions, recent, running and old ones, are re-rolled; interactions, messages and
        events are added at the recent edge and a little late; cases are changed and added.
        """
        rng = seeded.generator(seed, "interactions", "change")
        for document in self._to_reroll(rng, now):
            data.roll_up(document, _moment(rng, now), rng)
        ages = (None, None, None, None, timedelta(days=12), timedelta(days=30))
        self.interactions += [self._maker.interaction(_moment(rng, now), age=age) for age in ages]
        for minutes in (6, 15, 30, 44):
            at = now.replace(microsecond=0) - timedelta(minutes=minutes, seconds=rng.randint(1, 50))
            self.messages.append(activity.message(rng, self._agents, at))
            self.events.append(activity.event(rng, self._agents, at))
        for document in rng.sample(self.tickets, min(3, len(self.tickets))):
            document.update({"updatedDate": _moment(rng, now), "updatedByName": "Ada Quist"})
        self.tickets.append(tickets.ticket(rng, len(self.tickets) + 1, _moment(rng, now)))

    def _to_reroll(self, rng: random.Random, now: datetime) -> list[Document]:
        """Return interactions to re-roll: five recent ones, five old ones, and all that run."""
        settled = [
            each
            for each in self.interactions
            if self._start <= each.fields["MostRecentRollupAtUtc"] < now - _LATE - _FRESH
        ]
        settled.sort(key=lambda each: each.fields["StartedDateTimeUtc"])
        running = [each for each in settled if each.fields["EndedDateTimeUtc"] is None]
        ended = [each for each in settled if each.fields["EndedDateTimeUtc"] is not None]
        half = len(ended) // 2
        old, recent = ended[:half], ended[half:][-30:]
        return [
            *rng.sample(recent, min(5, len(recent))),
            *rng.sample(old, min(5, len(old))),
            *running,
        ]


def _moment(rng: random.Random, now: datetime) -> datetime:
    """Return an instant of whole milliseconds at the recent edge."""
    since = rng.randint(_FRESH // timedelta(milliseconds=1), _LATE // timedelta(milliseconds=1))
    return instants.milliseconds(now - timedelta(milliseconds=since))


def _by_key(rows: Sequence[Row], key: str) -> Keyed:
    """Return rows by the one column of their key."""
    return {(row[key],): row for row in rows}
