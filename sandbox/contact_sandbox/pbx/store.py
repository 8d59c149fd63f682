"""The vendor's stored calls, and what happens to them while clients are reading."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from contact_sandbox.pbx.data import QUIET, Call, begin, history, new_call
from contact_sandbox.pbx.directory import directory
from contact_sandbox.pbx.events import Event, events
from contact_sandbox.pbx.listing import Window
from contact_sandbox.seeded import generator, words

LOOKBACK = timedelta(days=3)
"""The tap's default lookback; changes to older calls are told apart by it."""

NOTES_LIMIT = 255

_AT = attrgetter("at")
Key = tuple[str, str]
"""Tenant and identifier of a call."""


class Store:
    """Every tenant's calls, by time and by identifier. Not thread-safe.

    Attributes:
        tenants: The calls of each tenant, oldest first.
        directories: The parts of each tenant's phone system.
        changes: Keys of changed calls by what happened: `new`, `late`, `annotated`,
            `annotated-old` (before the lookback), `finished`, `transcribed`, `drifted`, `noted`.
    """

    def __init__(
        self, options: Mapping[str, Any], seed: int, start: datetime, now: datetime
    ) -> None:
        """Fill the store with the seeded history."""
        self._seed = seed
        self._start = start
        self._now = now
        self.tenants = history(options, seed, start, now)
        self.directories = {tenant: directory(seed, tenant) for tenant in self.tenants}
        self.changes: defaultdict[str, list[Key]] = defaultdict(list)
        self._found = {
            tenant: {call.uuid: call for call in calls} for tenant, calls in self.tenants.items()
        }
        self._drifts = 0

    def find(self, tenant: str, uuid: str | None) -> Call | None:
        """Return a call by its identifier."""
        return self._found.get(tenant, {}).get(uuid or "")

    def within(self, tenant: str, window: Window) -> list[Call]:
        """Return a tenant's calls in `window`, oldest first."""
        calls = self.tenants.get(tenant, [])
        return calls[
            bisect_left(calls, window.start, key=_AT) : bisect_right(calls, window.end, key=_AT)
        ]

    def events(self, call: Call) -> list[Event]:
        """Return a call's events."""
        return events(call, self.directories[call.tenant])

    def drift(self, tenant: str, window: Window) -> None:
        """Let a call of `tenant` that was missing so far turn up inside `window`, if it can."""
        low = max(window.start, self._start)
        span = min(window.end, self._now - QUIET) - low
        if tenant not in self.tenants or span <= timedelta(0):
            return
        self._drifts += 1
        rng = generator(self._seed, "pbx", "drift", self._drifts)
        call = new_call(rng, tenant, self.directories[tenant], low + span * rng.random())
        self._insert("drifted", call)

    def note(self, call: Call, fields: Mapping[str, str]) -> None:
        """Attach flag, severity and notes to a call; what is out of range is left as it was."""
        if fields.get("callFlagged") in ("0", "1"):
            call.flagged = int(fields["callFlagged"])
        if fields.get("callSeverity") in tuple("012345"):
            call.severity = int(fields["callSeverity"])
        if "callNotes" in fields:
            call.notes = fields["callNotes"][:NOTES_LIMIT]
        self.changes["noted"].append((call.tenant, call.uuid))

    def change(self, seed: int) -> None:
        """Change every tenant's calls: see `changes`."""
        for tenant in self.tenants:
            self._rewrite(tenant, seed)
            self._grow(tenant, seed)

    def _grow(self, tenant: str, seed: int) -> None:
        """Add calls at the recent edge, one of them running, and a late one."""
        rng = generator(self._seed, "pbx", "grow", tenant, seed)
        parts = self.directories[tenant]
        for place in range(3):
            at = self._now - QUIET + timedelta(seconds=rng.randrange(240), microseconds=place)
            call = new_call(rng, tenant, parts, at)
            self._insert("new", call if place else begin(call))
        late = max(self._start, self._now - timedelta(days=2, seconds=rng.randrange(10**4)))
        self._insert("late", new_call(rng, tenant, parts, late))

    def _rewrite(self, tenant: str, seed: int) -> None:
        """Finish a running call and annotate recent and old ones."""
        rng = generator(self._seed, "pbx", "rewrite", tenant, seed)
        edge = self._now - LOOKBACK + timedelta(hours=1)
        recent = [call for call in self.tenants[tenant] if call.at >= edge and not call.running]
        old = [call for call in self.tenants[tenant] if call.at < edge - timedelta(hours=2)]
        for call in [call for call in self.tenants[tenant] if call.running][:1]:
            call.running, call.duration, call.spoke = False, rng.randrange(30, 900), 1
            call.last_event, call.audio = "Extension Answer", "query"
            self.changes["finished"].append((tenant, call.uuid))
        for name, calls in (("annotated", recent), ("annotated-old", old)):
            if calls:
                call = rng.choice(calls)
                call.notes, call.severity, call.flagged = words(rng, 6), rng.randrange(1, 6), 1
                self.changes[name].append((tenant, call.uuid))
        silent = [call for call in recent if not call.transcription]
        if silent:
            call = rng.choice(silent)
            call.transcription = words(rng, 40)
            self.changes["transcribed"].append((tenant, call.uuid))

    def _insert(self, change: str, call: Call) -> None:
        """Add a call in its place and remember why."""
        insort(self.tenants[call.tenant], call, key=_AT)
        self._found[call.tenant][call.uuid] = call
        self.changes[change].append((call.tenant, call.uuid))
