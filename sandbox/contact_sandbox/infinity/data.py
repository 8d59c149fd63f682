"""Everything that the imitated account holds, and the truth that a tap must arrive at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.infinity import activity, metrics, reference
from contact_sandbox.infinity.query import Query, Row
from contact_sandbox.infinity.reference import INSTALLATIONS, KEYS
from contact_sandbox.infinity.trigger_table import TriggerTable

Keyed = dict[tuple[Any, ...], Row]
TRIGGER_STREAMS = {
    "calls": "calls",
    "goal_triggers": "goals",
    "transactions": "transactions",
    "call_users": "users",
    "visits": "visits",
    "touch_points": "touchPoints",
    "triggers": "all",
}
"""Streams of the tap by the report that feeds them."""
LIST_STREAMS = ("channels", "dgrps", "goals", "segments", "segment_groups", "attribution_models")
ACCOUNT_STREAMS = ("organisations", "igrps", "users")
STREAMS = (
    *TRIGGER_STREAMS,
    "call_keywords",
    "channel_metrics",
    "pbx_user_states",
    "audit_log",
    *ACCOUNT_STREAMS,
    *LIST_STREAMS,
    "numbers",
    "user_activity",
)
_LARGE = 20_000


class Account:
    """The data behind one login.

    Attributes:
        sites: Installations with their small lists.
        tables: Triggers by installation.
        states: Operator states by installation.
        audit: Log entries by installation.
        activity: User activity by installation.
        lists: Rows that belong to no installation, by stream.
    """

    def __init__(
        self, seed: int, *, start: datetime, now: datetime, calls: int, retention: int, future: int
    ) -> None:
        """Make the data of `calls` calls, beyond 20,000 from templates."""
        self.seed = seed
        self.start = start
        self.now = now
        self.retention = retention
        self.lists = {
            "organisations": reference.organisations(),
            "igrps": reference.igrps(),
            "users": reference.users(seed, now),
        }
        self.sites = {igrp: reference.build_site(igrp, seed, now) for igrp in INSTALLATIONS}
        self.tables: dict[int, TriggerTable] = {}
        self.states: dict[int, list[Row]] = {}
        self.audit: dict[int, list[Row]] = {}
        self.activity: dict[int, list[Row]] = {}
        single = calls if calls <= _LARGE else 600
        for igrp, share in INSTALLATIONS.items():
            self.tables[igrp] = TriggerTable(
                self.sites[igrp],
                seed,
                start=start,
                now=now,
                calls=max(1, int(single * share)) if share else 0,
                bulk=calls - single if igrp == min(INSTALLATIONS) else 0,
                future=future if share else 0,
            )
            self._add_activity(igrp, bool(share))

    def _add_activity(self, igrp: int, busy: bool) -> None:  # noqa: FBT001 - private
        """Make operator states, audit log and user activity of an installation."""
        rng = seeded.generator(self.seed, "infinity activity", igrp)
        states = activity.operator_states(rng, self.start, self.now, 90) if busy else []
        self.states[igrp] = states
        entries = activity.audit_log(rng, igrp, self.start, self.now, 50) if busy else []
        self.audit[igrp] = entries
        self.activity[igrp] = activity.user_activity(rng, igrp, self.now) if busy else []

    def change(self, seed: int) -> None:
        """Add and rewrite rows of every kind."""
        rng = seeded.generator(seed, "infinity account change")
        for igrp, table in self.tables.items():
            table.change(seed)
            if self.audit[igrp]:
                activity.change_states(rng, self.states[igrp], self.now)
                for hours in (0.1, 30, 100):
                    at = self.now - timedelta(hours=hours)
                    self.audit[igrp].append(activity.audit_entry(rng, igrp, at))
                last = self.activity[igrp][0]
                landed = reference.wire_time(self.now)
                self.activity[igrp][0] = last | {"landCount": "99", "lastLandDt": landed}
            channels = self.sites[igrp].lists["channels"]
            channels[0] = channels[0] | {"channelName": f"Paid search, renamed {seed}"}

    def keywords(self, igrp: int, row_ids: set[int]) -> list[Row]:
        """Return the keyword hits of some rows of an installation."""
        found = self.tables[igrp].by_id(row_ids)
        return [hit for trigger in found for hit in activity.keyword_hits(self.seed, igrp, trigger)]

    def counted(self, igrp: int, span: tuple[int, int]) -> Iterator[Any]:
        """Yield the triggers of a time that the aggregated metrics know."""
        return (row for row in self.tables[igrp].triggers(*span) if row.counted)

    def expected(self, stream: str, igrps: Collection[int]) -> Keyed:
        """Return what a full sync of `stream` over the installations `igrps` must hold."""
        if stream in ACCOUNT_STREAMS:
            return {(int(row[KEYS[stream]]),): row for row in self.lists[stream]}
        found: Keyed = {}
        for igrp in igrps:
            found |= dict(self._expected_of(stream, igrp))
        return found

    def _expected_of(self, stream: str, igrp: int) -> Iterator[tuple[tuple[Any, ...], Row]]:
        """Yield key and row of a stream for one installation."""
        keyed: dict[str, Callable[[int], Iterator[tuple[tuple[Any, ...], Row]]]] = {
            "call_keywords": self._expected_keywords,
            "channel_metrics": self._expected_metrics,
            "pbx_user_states": self._expected_states,
        }
        logs = {
            "audit_log": lambda: self._since_start(self.audit[igrp], "dt"),
            "user_activity": lambda: self.activity[igrp],
        }
        if stream in TRIGGER_STREAMS:
            report = TRIGGER_STREAMS[stream]
            retention = self.retention if report == "touchPoints" else None
            for trigger in self.tables[igrp].expected(report, retention):
                yield (igrp, trigger.row_id), trigger.wire
        elif stream in KEYS:
            for row in self.sites[igrp].lists[stream]:
                yield (igrp, int(row[KEYS[stream]])), row
        elif stream in keyed:
            yield from keyed[stream](igrp)
        elif stream in logs:
            for row in logs[stream]():
                yield (row["_id"],), row
        else:
            message = f"no stream {stream!r}"
            raise LookupError(message)

    def _since_start(self, rows: list[Row], column: str) -> list[Row]:
        """Return the rows whose time is not before the start."""
        return [row for row in rows if row[column] >= reference.wire_time(self.start)]

    def _expected_states(self, igrp: int) -> Iterator[tuple[tuple[Any, ...], Row]]:
        """Yield the operator states since the start."""
        for row in self._since_start(self.states[igrp], "triggerDatetime"):
            instant = _instant(row["triggerDatetime"])
            yield (igrp, instant, row["operatorRef"], row["operatorState"]), row

    def _expected_keywords(self, igrp: int) -> Iterator[tuple[tuple[Any, ...], Row]]:
        """Yield the keyword hits of the calls that a full sync emits."""
        calls = {row.row_id for row in self.tables[igrp].expected("calls")}
        for row in self.keywords(igrp, calls):
            ids = (int(row["rowId"]), int(row["keywordId"]))
            yield (igrp, *ids, row["leg"], int(row["startTime"])), row

    def _expected_metrics(self, igrp: int) -> Iterator[tuple[tuple[Any, ...], Row]]:
        """Yield the channel metrics of each day, without custom metrics."""
        day = self.start.replace(hour=0, minute=0, second=0)
        query = Query(group=("ch",))
        while day <= self.now:
            span = (int(day.timestamp()), int(day.timestamp()) + 86_400)
            triggers = self.counted(igrp, span)
            for row in metrics.aggregate(metrics.REPORTS["channels"], query, triggers):
                yield (igrp, day.strftime("%Y-%m-%d"), int(row["ch"])), row
            day += timedelta(days=1)


def _instant(text: str) -> str:
    """Return a wire time in the form that the tap emits."""
    return seeded.utc_text(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC))
