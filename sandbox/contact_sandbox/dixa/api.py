"""Dixa's API as the tap sees it: the analytics, the reference lists and the exports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from contact_sandbox.dixa import catalogue, exports, periods, truth
from contact_sandbox.dixa.data import Data
from contact_sandbox.dixa.gateway import TOKEN, Gateway, authorize
from contact_sandbox.dixa.lists import Lists
from contact_sandbox.dixa.metrics import SOURCES, aggregates
from contact_sandbox.dixa.paging import answer, place
from contact_sandbox.dixa.periods import Query, RefusedError
from contact_sandbox.dixa.records import RecordRow
from contact_sandbox.vendor import Reply, Request, Vendor

_MOST_RECORDS = 300
_MOST_ENTRIES = 50
_SHORT_PAGE = 4
_MOST_EVENTS = 10000
_NO_SUCH = "Invalid value extracted from request context"
_EXPORTS_PER_MINUTE = 10


class DixaVendor(Vendor):
    """Dixa Analytics API v1 with reference lists and the Exports API, at one address.

    Options (`defaults` holds what they are by default):
        conversations, agents, feedback: How many there are.
        gmt: The activity log writes `...Z[GMT]`, as documented. singer-io's tap, which is in use,
            cannot read that, so a plain `Z` occurs as well.
        limits: Enforce 10 requests a second, bursts of 4, and 10 exports a minute.
        exports_per_minute, daily_quota: Enforce just these; 0 for none.
        slow_hours: Periods longer than this many hours time out at the gateway (504); 0 for none.
        drift: So many conversations come in while records are being paged, each at the front.
        stale_keys: So many requests with a pageKey for records are refused first.
        inclusive_end: Periods of analytics and exports include their end.
        require_filters: Analytics bodies without any filter are refused.
        refused_ids: Metric and record IDs in the catalogue whose data answer 400.
        refused_filters: Attributes whose list of values answers 400.
        hidden_ids: IDs that are gone from the catalogues.
        collisions: One more record whose stream name would be another's.
        no_organization: The organisation's endpoint is missing (404).
        vanished: A queue, a team and an agent are listed whose children are gone.
        looping: The last page of every list leads to itself.
        key_at: Where the next page's key is: in a relative address (`next`), in one with the
            vendor's host (`absolute`), or at the top of the answer (`top`).
        forbidden: Paths behind the version that answer 403: the token's user lacks the right.
    """

    name = "dixa"
    defaults: ClassVar[dict[str, Any]] = {
        "conversations": 400,
        "agents": 53,
        "feedback": 60,
        "gmt": True,
        "limits": False,
        "exports_per_minute": 0,
        "daily_quota": 0,
        "slow_hours": 0,
        "drift": 0,
        "stale_keys": 0,
        "inclusive_end": False,
        "require_filters": False,
        "refused_ids": (),
        "refused_filters": (),
        "hidden_ids": (),
        "collisions": False,
        "no_organization": False,
        "vanished": False,
        "looping": False,
        "key_at": "next",
        "forbidden": (),
    }

    def __init__(
        self,
        *,
        seed: int = 1,
        now: datetime | None = None,
        days: int = 90,
        **options: Any,
    ) -> None:
        """Make the organisation; see `Vendor` and the class for the arguments."""
        super().__init__(seed=seed, now=now, days=days, **options)
        self.data = Data(seed, self.now, self.start, self.options)
        self.streams = (
            *truth.STATIC_STREAMS,
            *catalogue.stream_names("record", self.data.records),
            *catalogue.stream_names("metric", self.data.metrics),
        )
        per_minute: int = self.options["exports_per_minute"]
        if self.options["limits"] and not per_minute:
            per_minute = _EXPORTS_PER_MINUTE
        self._gateway = Gateway(
            limits=self.options["limits"],
            exports_per_minute=per_minute,
            daily_quota=self.options["daily_quota"],
        )
        self._drift: int = self.options["drift"]
        self._stale: int = self.options["stale_keys"]
        self._lists = Lists(self.data.directory, self.options)

    def settings(self, url: str) -> dict[str, Any]:
        """Return a tap configuration; start_date is the midnight (UTC) that history begins after.

        The client-side limit is off, since the imitation has none by default.
        """
        return {
            "api_token": TOKEN,
            "api_url": url,
            "exports_url": url,
            "start_date": self.start.date().isoformat(),
            "requests_per_minute": 0,
        }

    def expected(self, stream: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Return the wire rows that a full sync of `stream` from `settings()` holds, by key.

        The key is the stream's primary key, except for `record_<id>`, whose `record_key` is a hash
        that only the tap can make: there it is (identity, primary timestamp, ordinal). Identity is
        the conversation's id (integer) or, in rows without one, the row's own UUIDs and status
        joined by `|`; the timestamp is in the taps' form; the ordinal counts rows that agree in
        both, from 0, in the order of the instants that the period applies to. Rows with one
        identity and timestamp may lie in different windows: closings of a conversation that was
        opened again.

        `metric_<id>` holds every UTC day from that of the start to that of `now` (the last one is
        partial), each offered measure, without breakdown. Its rows are aggregate values as
        answered, an element of the list for presence durations (measure `AgentPresenceDuration`),
        and `{"value": None}` for a measure that did not come.
        """
        with self.lock:
            return truth.expected(self.data, stream, self.start, self.now)

    def clocked(self) -> Iterable[object]:
        """Return what keeps the present."""
        return (self.data,)

    def change(self, seed: int) -> None:
        """Change live data; see `Data.change`."""
        with self.lock:
            self.data.change(seed)

    def measure(
        self, metric: str, start: datetime, end: datetime, asked: Sequence[str]
    ) -> list[dict[str, Any]] | None:
        """Return a metric's values over [start, end) without filters, as answered."""
        with self.lock:
            rows = [row for row in self.data.rows(SOURCES[metric]) if start <= row.at < end]
            return aggregates(metric, rows, asked)

    def handle(self, request: Request) -> Reply:
        """Answer a request; refusals are `{"message": ...}` with their status."""
        with self.lock:
            try:
                return self._route(request)
            except RefusedError as refusal:
                return Reply(refusal.status, {"message": refusal.message})

    def _route(self, request: Request) -> Reply:
        """Let a request through the gateway and find who answers it."""
        version, *parts = request.path.strip("/").split("/")
        if version not in ("v1", "beta"):
            raise RefusedError("The requested resource could not be found", 404)
        exported = len(parts) == 1 and parts[0] in ("conversation_export", "message_export")
        authorize(request.headers.get("Authorization"), exports=exported)
        self._gateway.admit(request.path, exports=exported)
        if "/".join(parts) in self.options["forbidden"]:
            raise RefusedError("Forbidden", 403)
        match request.method, parts:
            case "GET", [kind] if exported:
                rows = self.data.export(kind)
                inclusive = self.options["inclusive_end"]
                return Reply(body=exports.select(kind, request, rows, inclusive=inclusive))
            case "GET", ["analytics", *rest]:
                return Reply(body=self._catalogue(request, rest))
            case "POST", ["analytics", "metrics"]:
                return Reply(body=self._metric(request))
            case "POST", ["analytics", "records"]:
                return Reply(body=self._records(request))
            case "GET", ["conversations", "activitylog"]:
                return Reply(body=self._activity(request))
            case "GET", _:
                return Reply(body=self._lists.answer(request, parts))
        raise RefusedError("The requested resource could not be found", 404)

    def _catalogue(self, request: Request, rest: list[str]) -> dict[str, Any]:
        """Answer the catalogues, their single entries and the values of filters."""
        lists = {"metrics": self.data.metrics, "records": self.data.records}
        match rest:
            case [kind] if kind in lists:
                rows = lists[kind]
            case [kind, raw] if kind in lists:
                entry = catalogue.find(lists[kind], raw)
                if entry is None:
                    raise RefusedError(_NO_SUCH)
                return {"data": entry}
            case ["filter", attribute] if attribute in catalogue.ATTRIBUTES:
                if attribute in self.options["refused_filters"]:
                    raise RefusedError(_NO_SUCH)
                rows = self.data.filter_values(attribute)
            case _:
                raise RefusedError(_NO_SUCH)
        at = place(request, _MOST_ENTRIES)
        return answer(request, rows, at, self.options, shortest=_SHORT_PAGE)

    def _query(self, request: Request, entries: list[dict[str, Any]]) -> tuple[Query, set[str]]:
        """Return a checked body with the filters that its metric or record honours."""
        query = periods.read(request, self.now)
        entry = catalogue.find(entries, query.id)
        if entry is None or query.id in self.options["refused_ids"]:
            raise RefusedError(_NO_SUCH)
        if self.options["require_filters"] and not query.filters:
            raise RefusedError
        slow = self.options["slow_hours"]
        if slow and query.length > timedelta(hours=slow):
            raise RefusedError("Endpoint request timed out", 504)
        return query, catalogue.honoured(entry)

    def _select(self, query: Query, record: str, honoured: set[str]) -> list[RecordRow]:
        """Return a record's rows that a query asks for."""
        inclusive: bool = self.options["inclusive_end"]
        rows = self.data.rows(record)
        return [row for row in rows if query.matches(row, honoured, inclusive=inclusive)]

    def _metric(self, request: Request) -> dict[str, Any]:
        """Answer a metric's values; a measure that it does not offer is refused."""
        query, honoured = self._query(request, self.data.metrics)
        entry = catalogue.find(self.data.metrics, query.id) or {}
        offered = catalogue.measures(entry)
        asked = offered if query.measures is None else list(query.measures)
        if not set(asked) <= set(offered):
            raise RefusedError
        values = aggregates(query.id, self._select(query, SOURCES[query.id], honoured), asked)
        data = {"id": query.id} | ({} if values is None else {"aggregates": values})
        return {"data": data}

    def _records(self, request: Request) -> dict[str, Any]:
        """Answer a page of rows; on request, rows come in and keys go stale meanwhile."""
        at = place(request, _MOST_RECORDS)
        query, honoured = self._query(request, self.data.records)
        if request.param("pageKey") is not None:
            if self._stale > 0:
                self._stale -= 1
                raise RefusedError("Invalid value for: query parameter pageKey")
            if self._drift > 0 and query.start and query.end:
                self._drift -= 1
                self.data.arrive(query.start + query.length / 2)
        rows = [row.wire for row in self._select(query, query.id, honoured)]
        return answer(request, rows, at, self.options)

    def _activity(self, request: Request) -> dict[str, Any]:
        """Answer a page of the activity log; both ends of its range are included."""
        bounds = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)]
        for side, name in enumerate(("fromDatetime", "toDatetime")):
            text = request.param(name)
            if text is not None:
                message = f"Invalid value for: query parameter {name}"
                bounds[side] = periods.moment(text, message)
        rows = [row for at, row in self.data.activity() if bounds[0] <= at <= bounds[1]]
        at = place(request, _MOST_EVENTS)
        return answer(request, rows, at, self.options)


VENDOR = DixaVendor
