"""The imitated account: its tables, built when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.callgear import conversations, events, statistics
from contact_sandbox.callgear.clock import Clock
from contact_sandbox.callgear.methods import BY_STREAM, METHODS
from contact_sandbox.callgear.reference import reference_rows
from contact_sandbox.callgear.rows import Block, Row, Table
from contact_sandbox.callgear.values import Values

_EDGE = timedelta(minutes=10)
_VISITORS = 160

_BUILDERS: dict[str, Callable[[Account], list[Row]]] = {
    "get.calls_report": events.calls,
    "get.call_legs_report": events.legs,
    "get.financial_call_legs_report": events.financial_legs,
    "get.communications_report": conversations.communications,
    "get.chats_report": conversations.chats,
    "get.chat_messages_report": conversations.messages,
    "get.goals_report": conversations.goals,
    "get.offline_messages_report": conversations.offline_messages,
    "get.visitor_sessions_report": conversations.sessions,
    "get.uploaded_calls": conversations.uploaded_calls,
    "get.campaign_daily_stat": statistics.campaign_days,
}


class Account:
    """Everything that the account holds.

    Attributes:
        seed: Settles every value.
        start, now: The range of the data, UTC.
        clock: The account's clock.
        options: The vendor's options.
        visitors: Blocks of values about visitors, shared by the rows of several reports.
    """

    def __init__(
        self, seed: int, start: datetime, now: datetime, options: Mapping[str, Any]
    ) -> None:
        """Prepare an account without building its tables."""
        self.seed = seed
        self.start = start
        self.now = now
        self.options = options
        self.clock = Clock(options["timezone"])
        self._tables: dict[str, Table] = {}
        self.visitors = self._visitors()

    def table(self, name: str) -> Table:
        """Return the table of a method, building it the first time; call it under a lock."""
        if name not in self._tables:
            build = _BUILDERS.get(name)
            rows = build(self) if build else reference_rows(self, name)
            self._tables[name] = Table(METHODS[name], rows)
        return self._tables[name]

    def stream(self, name: str) -> Table:
        """Return the table that feeds the stream `name`."""
        return self.table(BY_STREAM[name].name)

    def moments(self, name: str, count: int) -> list[datetime]:
        """Return about `count` instants for the rows of a report, ascending.

        Besides the random ones: the first second, both sides of every clock change (in a fold both
        occurrences of one local text), and three before the start, which a tap must leave out.
        """
        rng = seeded.generator(self.seed, name, "moments")
        found = seeded.moments(rng, self.start, self.now - _EDGE, count)
        found += [self.start - timedelta(seconds=lead) for lead in (1, 3600, 172_800)]
        found.append(self.start)
        for change, shift in seeded.clock_changes(self.clock.zone, self.start, self.now - _EDGE):
            found += [change - timedelta(seconds=1), change, change + timedelta(minutes=30)]
            if shift < 0:
                found += [change - timedelta(minutes=30), change + timedelta(seconds=shift)]
        return sorted(map(self.fraction, found))

    def fraction(self, at: datetime) -> datetime:
        """Add a fraction of a second to about every other instant; the wire cuts it off."""
        whole = at.replace(microsecond=0)
        if not self.options["fractions"] or at == self.start:
            return whole
        rng = seeded.generator(self.seed, "fraction", at.timestamp())
        return at.replace(microsecond=int(rng.random() * 10**6)) if rng.random() < 0.5 else whole

    def row(self, own: dict[str, Any], at: datetime, *blocks: Block) -> Row:
        """Return a row of the instant `at`."""
        return Row(own, blocks, at, self.clock.local(at))

    def emitted(self, row: Row) -> bool:
        """Tell whether a tap that starts at the account's start emits a row with a time."""
        if row.at is None:
            return True
        return self.clock.instant(self.clock.text(row.at)) >= self.start

    def _visitors(self) -> list[Block]:
        """Return the visitors: everything that communications of all kinds have in common."""
        method = METHODS["get.communications_report"]
        rng = seeded.generator(self.seed, "visitors")
        values = Values(method, self.clock, rng)
        taken = set(conversations.COMMUNICATION_OWN)
        blocks = [values.fill({}, taken, self.start) for _ in range(_VISITORS)]
        for place, block in enumerate(blocks):
            block.update(self._attribution(place))
        return [Block(block) for block in blocks]

    def _attribution(self, place: int) -> dict[str, Any]:
        """Return the site, campaign and source of a visitor, in step with the reference tables."""
        site = self.table("get.sites").rows[place % 3].own
        campaign = self.table("get.campaigns").rows[place % 8].own
        source = self.table("get.sources").rows[place % 8].own
        return {
            "site_id": site["id"], "site_domain_name": site["domain_name"],
            "campaign_id": campaign["id"], "campaign_name": campaign["name"],
            "source_id": source["id"], "source_name": source["name"],
            "visitor_id": 9_161_005_360 + place, "segments": None if place % 7 == 0 else [],
        }  # fmt: skip
