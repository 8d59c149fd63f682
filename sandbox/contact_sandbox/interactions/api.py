"""The MotionCX imitation: credentials, rights and routes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.interactions import envelope, instants, lists
from contact_sandbox.interactions.body import Members, RefusedError
from contact_sandbox.interactions.data import TENANT_ID
from contact_sandbox.interactions.details import LimitError
from contact_sandbox.interactions.documents import Document
from contact_sandbox.interactions.envelope import Code
from contact_sandbox.interactions.filters import FilterError
from contact_sandbox.interactions.options import OPTIONS
from contact_sandbox.interactions.ranges import RangeError
from contact_sandbox.interactions.reporting import Reporting
from contact_sandbox.interactions.tenant import Tenant
from contact_sandbox.vendor import Reply, Request, Vendor

API_KEY = "sandboxA=:sandboxB="
"""Two parts of base64 shape, each with its padding; obviously no real key."""

_REPORTING = "/reporting/api/v1"
_LOOKUPS = (
    (("queues",), "GET"),
    (("agents",), "POST"),
    (("dispositions", "disposition_sets"), "POST"),
    (("report_message_event_types", "report_message_event_type_reasons"), "POST"),
    (("workflow_message_event_types",), "POST"),
)
"""The streams that each lookup feeds, and its documented method; the first names its path."""

_STEP = timedelta(minutes=5)

Answer = Callable[[Request], Reply]


@dataclass(frozen=True)
class Route:
    """One endpoint: the streams it feeds, the method it takes, and what answers it."""

    streams: tuple[str, ...]
    method: str
    answer: Answer


class Interactions(Vendor):
    """MotionCX: reporting, and the routing and CRM lists next to it."""

    name = "interactions"
    streams = (
        "interactions", "report_messages", "agent_workstate_events", "agent_workstate_rollup",
        "queues", "agents", "dispositions", "disposition_sets", "report_message_event_types",
        "report_message_event_type_reasons", "workflow_message_event_types", "workstates",
        "workstate_sets", "tickets",
    )  # fmt: skip
    defaults = OPTIONS

    def __init__(
        self, *, seed: int = 1, now: datetime | None = None, days: int = 90, **options: object
    ) -> None:
        """Seed the tenant; its history begins at a UTC midnight, so that its days are whole."""
        super().__init__(seed=seed, now=now, days=days, **options)
        self.start = instants.midnight(self.start)
        self.tenant = Tenant(seed, self.start, self.now, self.options)
        self._began = time.monotonic()
        self._requests = self._reports = self._queries = 0
        self._rng = seeded.generator(seed, self.name, "ties")
        self._reporting = Reporting(self.options, self.clock, self._rng)
        self._routes = self._make_routes()

    @property
    def rerolled(self) -> dict[str, datetime]:
        """Rollup instant by `_id` of each interaction that the option `reroll` rewrote."""
        with self.lock:
            return dict(self.tenant.rerolled)

    def clock(self) -> datetime:
        """Return the server's present: `now` and the time since the imitation was made."""
        passed = timedelta(seconds=time.monotonic() - self._began)
        return instants.milliseconds(self.now + passed)

    def _make_routes(self) -> dict[str, Route]:
        """Return the endpoints by path."""
        tenant, service = self.tenant, self._reporting
        found = {
            f"{_REPORTING}/interaction/details": Route(("interactions",), "POST", self._details),
            f"{_REPORTING}/interaction/aggregates": Route((), "POST", self._aggregates),
            f"{_REPORTING}/report-message/details": Route(
                ("report_messages",), "POST", self._log(tenant.messages, filtered=False)
            ),
            f"{_REPORTING}/agent-workstate-events/details": Route(
                ("agent_workstate_events",), "POST", self._log(tenant.events, filtered=True)
            ),
            f"{_REPORTING}/agent/workstate/rollup": Route(
                ("agent_workstate_rollup",),
                "POST",
                lambda asked: service.rollup(Members.of_body(asked), tenant.shifts),
            ),
            "/crm/main/v1/tickets": Route(("tickets",), "GET", self._list(tenant.tickets)),
        }
        for streams, method in _LOOKUPS:
            last = streams[0].replace("_", "-")
            found[f"{_REPORTING}/lookup/{last}"] = Route(streams, method, self._lookup(last))
        for stream, rows in tenant.lists.items():
            answer = self._list([Document(row) for row in rows])
            found[f"/irm/v1/{stream.replace('_', '-')}"] = Route((stream,), "GET", answer)
        return found

    def handle(self, request: Request) -> Reply:
        """Answer a request: credentials first, then route, rights and the endpoint itself."""
        with self.lock:
            if not self._admits(request):
                return Reply(401, headers={"WWW-Authenticate": "ApiKey"})
            route = self._routes.get(request.path)
            if route is None:
                return Reply(404)
            refusal = self._refusal(request, route)
            if refusal is not None:
                return refusal
            try:
                return self._answer(request, route)
            except RefusedError as refused:
                return refused.reply
            except (RangeError, FilterError, LimitError) as error:
                return self._reporting.invalid(error)

    def _admits(self, request: Request) -> bool:
        """Tell whether the request presents the key, in either header, and the key still lives."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        shown = request.headers.get("x-api-key")
        if shown is None and scheme.lower() == "apikey":
            shown = value.strip()
        if shown != API_KEY:
            return False
        self._requests += 1
        last = self.options["revoke_after"]
        return last is None or self._requests <= last

    def _refusal(self, request: Request, route: Route) -> Reply | None:
        """Return the answer to a wrong method or a missing right, or None."""
        changed = [self.options["lookup_methods"].get(name) for name in route.streams]
        method = next(filter(None, changed), route.method)
        if request.method != method:
            return Reply(405, headers={"Allow": method})
        return Reply(403) if set(route.streams) & set(self.options["forbidden"]) else None

    def _answer(self, request: Request, route: Route) -> Reply:
        """Answer an admitted request; the reporting service has errors of its own."""
        if not request.path.startswith(_REPORTING):
            return route.answer(request)
        if set(route.streams) & set(self.options["missing_right"]):
            return envelope.failure(Code.AUTHORIZATION_FAILED)
        self._reports += 1
        if self.options["transient"] and self._reports % self.options["transient"] == 0:
            return envelope.failure(Code.ERROR)
        return route.answer(request)

    def _details(self, request: Request) -> Reply:
        """Answer a detail query; now and then the reporting job then rewrites what it covers."""
        members = Members.of_body(request)
        if self._reporting.is_slow(members):
            return Reply(504, headers={"Retry-After": "0"})
        found = self._reporting.interactions(members, self.tenant.interactions)
        reply = self._reporting.page(members, found)
        self._queries += 1
        if self.options["reroll"] and self._queries % self.options["reroll"] == 0:
            self.tenant.reroll(found, self.clock())
        return reply

    def _aggregates(self, request: Request) -> Reply:
        """Answer an aggregate query."""
        members = Members.of_body(request)
        found = self._reporting.interactions(members, self.tenant.interactions)
        return self._reporting.aggregates(members, found)

    def _log(self, documents: Sequence[Document], *, filtered: bool) -> Answer:
        """Return what answers queries of messages or events."""

        def answer(request: Request) -> Reply:
            members = Members.of_body(request)
            found = self._reporting.events(members, documents, filtered=filtered)
            return self._reporting.page(members, found)

        return answer

    def _lookup(self, name: str) -> Answer:
        """Return what answers a lookup; a body is optional but has to be a JSON object."""

        def answer(request: Request) -> Reply:
            Members.of_body(request, required=False)
            return self._reporting.lookup(name, self.tenant.lookups[name], request)

        return answer

    def _list(self, documents: Sequence[Document]) -> Answer:
        """Return what answers a list of the routing or CRM service."""
        largest = self.options["max_result_count"]
        return lambda request: lists.answer(request, documents, self._rng, largest)

    def settings(self, url: str) -> dict[str, Any]:
        """Return a complete configuration, with the tenant that the routing lists need."""
        field = self.options["date_field"]
        changed = field != OPTIONS["date_field"]
        return {
            "api_url": url,
            "api_key": API_KEY,
            "tenant_id": TENANT_ID,
            "start_date": seeded.utc_text(self.start),
            **({"replication_date_field": field} if changed else {}),
        }

    def expected(self, stream: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Return the rows of a stream since the begin of the history, by primary key."""
        with self.lock:
            return self.tenant.expected(stream)

    def clocked(self) -> Iterable[object]:
        """Return what keeps the present."""
        return (self.tenant,)

    def change(self, seed: int) -> None:
        """Re-roll recent, running and old interactions, and add new and late rows.

        The clock counts in steps, so that a young tenant changes the same way every time.
        """
        with self.lock:
            self.tenant.change(seed, self.now + (self.clock() - self.now) // _STEP * _STEP)


VENDOR = Interactions
