"""The triggers of one installation: seeded rows, changes, and calls by the million."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.infinity.bulk_calls import BulkCalls
from contact_sandbox.infinity.columns import TRIGGER_COLUMNS
from contact_sandbox.infinity.reference import QUEUES, Row, Site
from contact_sandbox.infinity.trigger_rows import ACTS, number, render

FIRST_ROW_IDS = {101: 9_999_700, 2044: 4_294_967_000, 31007: 9_999_950}
"""The first id of each installation; the first and the last grow a digit on the way."""
BLANK_GOALS = ("", "0", 0, None)
REPORTS: dict[str, Callable[[Row], bool]] = {
    "all": lambda _: True,
    "calls": lambda row: row["act"] == "call",
    "users": lambda row: row["act"] == "callUser",
    "goals": lambda row: row["goal"] not in BLANK_GOALS,
    "transactions": lambda row: bool(row["txc"]) and row["act"] != "callRate",
    "visits": lambda row: row["act"] == "land",
}
REPORTS["callsGoalsTransactions"] = lambda row: any(
    REPORTS[name](row) for name in ("calls", "goals", "transactions")
)
REPORTS["touchPoints"] = lambda row: any(
    REPORTS[name](row) for name in ("visits", "calls", "goals")
)
REPORTS["callStatus"] = lambda row: row["act"] in {"callBlegStart", "callAlegStop"}


@dataclass(slots=True)
class Trigger:
    """One row with what the wire does not show.

    Attributes:
        row_id: Its number.
        at: Epoch seconds of the event.
        wire: The row as it is sent in UTC.
        queue: Queue of a call, a dimension of the operational report only.
        counted: Whether the aggregated metrics know it.
        version: How often it was rewritten.
    """

    row_id: int
    at: int
    wire: Row
    queue: str = ""
    counted: bool = True
    version: int = 0


class TriggerTable:
    """Triggers of one installation in the order of their ids."""

    def __init__(
        self,
        site: Site,
        seed: int,
        *,
        start: datetime,
        now: datetime,
        calls: int,
        bulk: int = 0,
        future: int = 0,
    ) -> None:
        """Fill the table.

        Args:
            site: The installation.
            seed: Everything follows from it.
            start: What lies before is not asked for; ordinary rows begin at the next midnight.
            now: The present.
            calls: Number of calls made one by one; 0 leaves the table empty.
            bulk: Number of further calls made from templates.
            future: Number of rows dated two days ahead.
        """
        self.site = site
        self.start = start
        self.now = now
        self.columns = (*TRIGGER_COLUMNS, *site.custom, "aiSummary")
        self.rows: list[Trigger] = []
        self.bulk: BulkCalls | None = None
        self._next = FIRST_ROW_IDS.get(site.igrp, 1)
        self._first = min(_midnight_after(start), now)
        self._seed = seed
        if calls:
            self._seed_rows(seeded.generator(seed, "infinity", site.igrp), calls, future)
        if bulk:
            rng = seeded.generator(seed, "infinity bulk", site.igrp)
            self.bulk = BulkCalls(rng, site, self._first, now, bulk)
            self._next = self.bulk.last_row_id + 1

    def _seed_rows(self, rng: random.Random, calls: int, future: int) -> None:
        """Make calls with everything that happens around them, then the odd ones."""
        others = min(calls, 600) * 3 // 2
        acts = ["call"] * calls + rng.choices(*zip(*ACTS, strict=True), k=others)
        rng.shuffle(acts)
        self._add(rng, "call", self.start - timedelta(minutes=40), counted=False)
        for act, at in zip(
            acts, seeded.moments(rng, self._first, self.now, len(acts)), strict=True
        ):
            late = rng.random() < 0.03
            self._add(rng, act, self._first + (at - self._first) * rng.random() if late else at)
        self._add(rng, "sale", self.start - timedelta(days=30), counted=False)
        for _ in range(future):
            self._add(rng, "call", self.now + timedelta(days=2), counted=False)
        self._distort()

    def _distort(self) -> None:
        """Give some calls what careless readers choke on."""
        calls = [row.wire for row in self.rows if row.wire["act"] == "call"][1:]
        oddities: list[Row] = [
            {"notes": seeded.LONE_SURROGATE, "leadScore": "n/a"},
            {"notes": "\u2028line\u2029breaks\x85 that split careless readers", "t": "\x1e"},
            {"aiSummary": {"text": "A column of tomorrow", "tags": ["new", None]}},
            {"visitorFirstDatetime": "", "callDuration": "", "leadScore": 0, "city": None},
            {"totalKeywordScore": "-12", "bridgeDuration": None, "goalValue": "1e2", "lat": 0},
            {"c_newColumn": str(2**63), "orgId": str(2**53 + 1)},
        ]
        for row, oddity in zip(calls[:: max(1, len(calls) // 8)], oddities, strict=False):
            row.update(oddity)
        for name in ("sfWhoRef", "leadScore", "visitorCallCount"):
            calls[-1].pop(name, None)

    def _add(self, rng: random.Random, act: str, at: datetime, *, counted: bool = True) -> Trigger:
        """Append a row with the next id."""
        row_id = self._next
        self._next += 1 + int(rng.random() * 2)
        at = at.replace(microsecond=0)
        queue = seeded.pick(rng, QUEUES) if act == "call" else ""
        wire = render(rng, self.site, act, row_id, at)
        self.rows.append(Trigger(row_id, int(at.timestamp()), wire, queue, counted))
        return self.rows[-1]

    def change(self, seed: int) -> None:
        """Add rows at the recent edge, late and very late ones, and rewrite recent rows.

        Very late rows are older than the tap's lookback of 7 days, so only their id tells that
        they are new; the aggregated metrics leave them out.
        """
        if not self.rows:
            return
        rng = seeded.generator(seed, "infinity change", self.site.igrp)
        age = (self.now - self._first).total_seconds()
        for act in ("call", "call", "sale", "land", "callUser", "page"):
            self._add(rng, act, self._back(rng, 0, min(3600, age)))
        for act in ("call", "sale", "land"):
            self._add(rng, act, self._back(rng, min(3600, age), min(6 * 86400, age)))
        if age > 9 * 86400:
            for act in ("call", "sale", "land", "callUser"):
                self._add(rng, act, self._back(rng, 8 * 86400, age), counted=False)
        self._rewrite(rng)

    def _back(self, rng: random.Random, least: float, most: float) -> datetime:
        """Return an instant between `least` and `most` seconds ago."""
        return self.now - timedelta(seconds=rng.uniform(least, most))

    def _rewrite(self, rng: random.Random) -> None:
        """Change ratings, notes, scores and attribution of some calls of the last five days."""
        edge = int((self.now - timedelta(days=5)).timestamp())
        places = [
            place
            for place, row in enumerate(self.rows)
            if row.wire["act"] == "call" and row.at >= edge and row.counted
        ]
        for place in rng.sample(places, min(6, len(places))):
            old = self.rows[place]
            wire = old.wire | {
                "callRating": seeded.pick(rng, ("bad", "good", "excellent")),
                "notes": seeded.text(rng, 0.5),
                "leadScore": number(rng, round(rng.random() * 10, 2)),
                "callKeywordSpotting": "1",
                "campaign": "rewritten",
            }
            self.rows[place] = Trigger(
                old.row_id, old.at, wire, old.queue, old.counted, old.version + 1
            )

    def triggers(self, start: int, end: int) -> Iterator[Trigger]:
        """Yield the rows whose event lies in the epoch seconds [start, end), by id."""
        snapshot = list(self.rows)
        if self.bulk is None:
            yield from (row for row in snapshot if start <= row.at < end)
            return
        border = bisect_left(snapshot, self.bulk.first_row_id, key=_row_id)
        yield from (row for row in snapshot[:border] if start <= row.at < end)
        for row_id, at, wire in self.bulk.rows(*self.bulk.places(start, end)):
            yield Trigger(row_id, at, wire, QUEUES[row_id % len(QUEUES)])
        yield from (row for row in snapshot[border:] if start <= row.at < end)

    def by_id(self, row_ids: set[int]) -> list[Trigger]:
        """Return the rows made one by one that have one of `row_ids`."""
        return [row for row in list(self.rows) if row.row_id in row_ids]

    def expected(self, report: str, retention: int | None = None) -> Iterator[Trigger]:
        """Yield the rows of a report from the start to now.

        Args:
            report: A name of `REPORTS`.
            retention: Days that the report goes back, None for all.
        """
        start = self.start
        if retention is not None:
            start = max(start, self.now - timedelta(days=retention))
        accepts = REPORTS[report]
        span = (int(start.timestamp()), int(self.now.timestamp()) + 1)
        return (row for row in self.triggers(*span) if accepts(row.wire))

    def plain_lines(
        self,
        report: str,
        span: tuple[int, int],
        bounds: tuple[int, int],
        limit: int,
        encode: Callable[[Any], bytes],
    ) -> Iterator[bytes]:
        """Yield whole lines of a keyset page without holding its rows.

        Args:
            report: A report that holds every call.
            span: Epoch seconds [start, end) of the events.
            bounds: Row ids [low, high).
            limit: Most rows.
            encode: Renders a row as one line.
        """
        snapshot = list(self.rows)
        accepts = REPORTS[report]
        bulk = self.bulk
        border = bisect_left(snapshot, bulk.first_row_id, key=_row_id) if bulk else len(snapshot)
        for part, template in ((snapshot[:border], bulk), (snapshot[border:], None)):
            low, high = (bisect_left(part, bound, key=_row_id) for bound in bounds)
            for row in part[low:high]:
                if limit and span[0] <= row.at < span[1] and accepts(row.wire):
                    limit -= 1
                    yield encode(row.wire)
            if template and limit:
                first, last = template.places(*span)
                first = max(first, bounds[0] - template.first_row_id)
                last = min(last, bounds[1] - template.first_row_id, first + limit)
                limit -= max(0, last - first)
                yield from template.lines(first, last)


def _row_id(row: Trigger) -> int:
    """Return the id of a row."""
    return row.row_id


def _midnight_after(instant: datetime) -> datetime:
    """Return the first midnight (UTC) at or after an instant."""
    day = instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day if day == instant else day + timedelta(days=1)
