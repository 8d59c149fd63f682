"""The answers that list calls, tell one call's events, or report on ring groups."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from contact_sandbox.pbx import listing, php
from contact_sandbox.pbx.data import Call
from contact_sandbox.pbx.events import RING_GROUP, event_row, report_row
from contact_sandbox.pbx.rows import Spelling, call_row, summary
from contact_sandbox.pbx.store import Store
from contact_sandbox.seeded import generator
from contact_sandbox.vendor import Request

T = TypeVar("T")

NO_CALL = "Your CallUUID is missing."
_LONGEST = timedelta(hours=2)


class CallHistory:
    """Answers as documents, made from the store. Not thread-safe."""

    def __init__(self, store: Store, options: Mapping[str, Any], seed: int, now: datetime) -> None:
        """Answer from `store` under the vendor's options, at the instant `now`."""
        self._store = store
        self._options = options
        self._seed = seed
        self._now = now
        self._lists = 0

    def calls(self, request: Request, tenant: str, spelling: Spelling) -> dict[str, Any]:
        """Return a page of the tenant's calls."""
        self._lists += 1
        window = listing.window(request, self._now)
        if not listing.narrowed(request):
            self._drift(tenant, window)
        chosen = listing.chooser(request, self._store.events)
        calls = [call for call in self._store.within(tenant, window) if chosen(call)]
        number = listing.page(request)
        shown = _slice(self._ordered(calls), number)
        rows = {
            call.uuid: call_row(call, self._store.directories[tenant], window.offset, spelling)
            for call in shown
        }
        if "stray-row" in self._options["lies"] and rows:
            next(iter(rows.values()))["callDate"] = "1999-12-31 23:59:59"
        if "no-envelope" in self._options["lies"]:
            return rows
        head = self._envelope(len(shown), number, len(calls), window.offset)
        if self._options["shape"] == "top-level":
            return {**head, **rows}
        return {**head, "data": rows if self._options["shape"] == "map" else list(rows.values())}

    def details(self, request: Request, tenant: str, spelling: Spelling) -> dict[str, Any]:
        """Return one call with a page of its events."""
        uuid = request.param("callUUID")
        if not uuid:
            return {"error": NO_CALL}
        offset, number = php.integer(request.param("utcOffset")), listing.page(request)
        call = self._store.find(tenant, uuid)
        if call is None:
            return {**self._envelope(0, number, 0, offset), "data": {}}
        events = self._store.events(call)
        rows = {event.uuid: event_row(event, offset) for event in _slice(events, number)}
        fields = summary(call, self._store.directories[tenant], offset, spelling)
        forms: dict[str, dict[str, Any]] = {
            "data": {**fields, "data": rows},
            "events": {**fields, "events": rows},
            "array": {**fields, "events": list(rows.values())},
            "record": {"data": {**fields, "events": rows}},
            "nested": {"data": {call.uuid: {**fields, "events": rows}}},
        }
        head = self._envelope(len(rows), number, len(events), offset)
        return {**head, **forms[self._options["details_shape"]]}

    def ring_groups(self, request: Request, tenant: str, _: Spelling) -> dict[str, Any]:
        """Return the ring-group events of a window, all at once."""
        window = listing.window(request, self._now)
        by_call = self._options["ring_groups_by"] == "call"
        near = listing.Window(window.start - _LONGEST, window.end, window.offset)
        return {
            "data": {
                event.row_id: report_row(event, window.offset)
                for call in self._store.within(tenant, near)
                for event in self._store.events(call)
                if event.kind in RING_GROUP and window.holds(call.at if by_call else event.at)
            }
        }

    def _drift(self, tenant: str, window: listing.Window) -> None:
        """Let a late call turn up when its turn has come."""
        every, count = self._options["drift"], len(self._store.changes["drifted"])
        if every and self._lists % every == 0 and count < self._options["drift_limit"]:
            self._store.drift(tenant, window)

    def _ordered(self, calls: list[Call]) -> list[Call]:
        """Return calls newest first; those of one second in an order of this request's own."""
        if not self._options["unstable_ties"]:
            return calls[::-1]
        rng = generator(self._seed, "pbx", "order", self._lists)
        keyed = [(call.at.replace(microsecond=0), rng.random(), call) for call in calls]
        keyed.sort(key=lambda entry: entry[:2], reverse=True)
        return [call for *_, call in keyed]

    def _pages(self, total: int) -> int:
        """Return how many pages the vendor says there are."""
        lagging: int | None = self._options["pages"]
        right: int = -(-total // listing.PAGE_SIZE) or self._options["empty_pages"]
        return right if lagging is None else lagging

    def _envelope(self, shown: int, number: int, total: int, offset: int) -> dict[str, Any]:
        """Return the paging fields."""
        lies = self._options["lies"]
        fields = {
            "currentResultSize": shown,
            "currentPage": number,
            "maxResultSize": total + ("short" in lies and total > 0),
            "maxPages": self._pages(total),
            "utcOffset": offset + 60 * ("offset" in lies),
        }
        if self._options["numbers"] == "strings":
            return {name: str(value) for name, value in fields.items()}
        return fields


def _slice(rows: list[T], number: int) -> list[T]:
    """Return the rows of page `number`."""
    return rows[(number - 1) * listing.PAGE_SIZE : number * listing.PAGE_SIZE]
