"""The CallGear Data API v2.0: one JSON-RPC endpoint.

From https://callgear.github.io/data_api/ and, where that is silent, the nastier reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from contact_sandbox import seeded
from contact_sandbox.callgear.access import LOGIN, PASSWORD, TOKEN, Points, Sessions
from contact_sandbox.callgear.changes import Change
from contact_sandbox.callgear.data import Account
from contact_sandbox.callgear.envelope import read_call, result
from contact_sandbox.callgear.errors import RpcError
from contact_sandbox.callgear.methods import AGENT_METHODS, BY_STREAM, METHODS, Method
from contact_sandbox.callgear.parameters import Selection, check
from contact_sandbox.callgear.query import shuffled, sort_rows
from contact_sandbox.callgear.reference import SIP_PASSWORD, reference_ids
from contact_sandbox.callgear.rows import Projection, Row
from contact_sandbox.callgear.statistics import (
    DIMENSIONS,
    aggregate,
    aggregate_key,
    days_with_figures,
)
from contact_sandbox.vendor import Reply, Request, Vendor

APP_ID = 4_001_733
"""Id of the account."""

_HEADERS = {"Content-Type": "application/json; charset=UTF-8"}
_FOLD = timedelta(hours=2)


class CallGear(Vendor):
    """The imitation of CallGear.

    Options (with defaults in `defaults`):
        calls: Calls in the range; other reports are in proportion.
        burst: Further calls within one single second.
        timezone: The account's IANA zone; every time on the wire is local and naive.
        fractions: Whether stored times have fractions of a second, which the wire cuts off.
        till: `inclusive` or `exclusive`: whether a row at exactly `date_till` is in the range.
        ranges: `local` compares a range with local texts, `utc` converts its ends to instants.
        stable_order: Whether ties and unsorted rows keep one order from request to request.
        short_pages: Whether pages end at two thirds of the asked limit.
        bare_array: Whether campaign_daily_stat's result is the bare array.
        hits_object: Whether some visits have one object as `hits` instead of an array.
        auth: `key` or `session`: which credentials `settings` gives.
        session_seconds: How long a session lives.
        session_requests: After how many requests a session is lost, None for never.
        key_requests: After how many requests the permanent key expires, None for never.
        agent: Whether the account is an agent's: `user_id` is mandatory, customers are listed.
        disabled, forbidden: Methods whose component or right is missing.
        missing_fields: Method -> fields that the brand does not know.
        refuse: A mnemonic that answers every request, for example `ip_not_whitelisted`.
        day_limit, minute_limit: Budgets of points, None for none.
        day_seconds, minute_seconds: Lengths of their periods.
    """

    name = "callgear"
    streams = (*(name for name in BY_STREAM if name != "source_costs"), "account")
    defaults: ClassVar[Mapping[str, Any]] = {
        "calls": 600, "burst": 620, "timezone": "Europe/Berlin", "fractions": True,
        "till": "inclusive", "ranges": "local", "stable_order": False, "short_pages": False,
        "bare_array": True, "hits_object": False, "auth": "key", "session_seconds": 3600,
        "session_requests": None, "key_requests": None, "agent": False, "disabled": frozenset(),
        "forbidden": frozenset(), "missing_fields": {}, "refuse": None, "day_limit": None,
        "minute_limit": None, "day_seconds": 86_400, "minute_seconds": 60,
    }  # fmt: skip

    def __init__(
        self, *, seed: int = 1, now: datetime | None = None, days: int = 90, **options: Any
    ) -> None:
        """Set up the account; its tables are built when they are first asked for."""
        super().__init__(seed=seed, now=now, days=days, **options)
        self.account = Account(seed, self.start, self.now, self.options)
        self._sessions = Sessions(self.options, APP_ID)
        self._points = Points(self.options)
        self._projections: dict[tuple[str, frozenset[str]], Projection] = {}
        self._asked: dict[str, int] = {}

    def handle(self, request: Request) -> Reply:
        """Answer a JSON-RPC request; errors come with status 200, too."""
        if request.path != "/v2.0":
            return Reply(404, "<html><body>Not Found</body></html>", {"Content-Type": "text/html"})
        if request.method != "POST":
            return Reply(405, "Method Not Allowed", {"Allow": "POST"})
        with self.lock:
            try:
                body = self._call(*read_call(request.body))
            except RpcError as error:
                return Reply(200, error.envelope(self._points.metadata()), dict(_HEADERS))
        return Reply(200, body, dict(_HEADERS))

    def settings(self, url: str) -> dict[str, Any]:
        """Return a working tap configuration."""
        found: dict[str, Any] = {
            "api_url": url,
            "start_date": self.start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if self.options["auth"] == "key":
            found["access_token"] = TOKEN
        else:
            found |= {"login": LOGIN, "password": PASSWORD}
        if self.options["agent"]:
            found["user_id"] = reference_ids("get.customer_users")[0]
        return found

    def secrets(self) -> tuple[str, ...]:
        """Return texts that no output of the tap may hold."""
        return (TOKEN, PASSWORD, SIP_PASSWORD, "sandbox-session-")

    def expected(self, stream: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Return what a full sync of `stream` must hold now, with every declared field.

        A row of `campaign_daily_stats` has as key the tuple of its dimensions (`DIMENSIONS`),
        because `row_key` is made by the tap. Keys of the other daily streams begin with the date
        (and site) that was asked for, which the rows themselves do not hold. Streams that the
        account may not read are empty.
        """
        if stream == "account":
            return {(APP_ID,): self._profile()}
        method = BY_STREAM[stream]
        with self.lock:
            if self._refusal(method.name):
                return {}
            if method.time == "*":
                return self._expected_days(method)
            rows = [
                row
                for row in self.account.table(method.name).rows
                if not row.hidden_unless and (method.time == "date" or self.account.emitted(row))
            ]
            names = method.key or DIMENSIONS
            return {tuple(row.get(name) for name in names): row.full(method) for row in rows}

    def clocked(self) -> Iterable[object]:
        """Return what keeps the present."""
        return (self.account,)

    def change(self, seed: int) -> None:
        """Add recent and late rows and rewrite recent ones; see `Change`."""
        with self.lock:
            Change(self.account, seed).apply()

    def fault_key(self, request: Request) -> bytes:
        """Leave out the JSON-RPC id, which a client may count up when it tries again."""
        try:
            body = json.loads(request.body)
            return json.dumps([body["method"], body["params"]], sort_keys=True).encode()
        except (ValueError, KeyError, TypeError):
            return super().fault_key(request)

    def _call(self, ident: Any, name: str, params: dict[str, Any]) -> bytes:
        """Return the reply to a well-formed call."""
        if self.options["refuse"]:
            refusal = self.options["refuse"]
            raise RpcError(refusal, field="access_token", value=params.get("access_token"))
        if name == "login.user":
            return result(ident, None, self._sessions.login(params))
        if name not in METHODS and name not in ("logout.user", "get.account"):
            raise RpcError("method_not_found", field="method", value=name)
        self._sessions.check(params)
        if name == "logout.user":
            return result(ident, None, self._sessions.logout(params))
        self._points.check()
        if name == "get.account":
            return self._account_reply(ident, params)
        return self._list(ident, METHODS[name], params)

    def _account_reply(self, ident: Any, params: dict[str, Any]) -> bytes:
        """Return the account; it takes nothing but the token and spells `meta_data`."""
        unexpected = sorted(set(params) - {"access_token"})
        if unexpected:
            raise RpcError("unexpected_parameters", field=unexpected[0])
        self._points.charge()
        metadata = {"limits": self._points.metadata()} if self._points.metadata() else {}
        return result(ident, {"meta_data": metadata}, [self._profile()])

    def _profile(self) -> dict[str, Any]:
        """Return the account's only row."""
        return {"app_id": APP_ID, "name": "Sandbox & Söhne", "timezone": self.options["timezone"]}

    def _refusal(self, name: str) -> str | None:
        """Return the mnemonic that refuses a method to this account, or None."""
        if name in self.options["disabled"]:
            return "method_component_disabled"
        closed = name in AGENT_METHODS and not self.options["agent"]
        return "forbidden" if closed or name in self.options["forbidden"] else None

    def _list(self, ident: Any, method: Method, params: dict[str, Any]) -> bytes:
        """Return a page of a list method."""
        refusal = self._refusal(method.name)
        if refusal:
            raise RpcError(refusal, field="method", value=method.name)
        self._check_user(method, params)
        absent = frozenset(self.options["missing_fields"].get(method.name, ()))
        selection = check(method, params, absent)
        rows = self._rows(method, params, selection)
        total = len(rows)
        page = self._page(method, params, rows, selection)
        projection = self._projection(method, selection.names)
        data = [row.render(projection) for row in page]
        self._points.charge()
        if method.name == "get.campaign_daily_stat" and self.options["bare_array"]:
            return result(ident, None, data, bare=True)
        if method.name == "get.uploaded_calls":
            return result(ident, None, data)
        limits = self._points.metadata()
        metadata = {"total_items": total, "version": None, "limits": limits}
        return result(ident, {"metadata": metadata}, data)

    def _check_user(self, method: Method, params: dict[str, Any]) -> None:
        """Refuse an agent's request without a customer's user."""
        if not self.options["agent"] or method.name in AGENT_METHODS:
            return
        user = params.get("user_id")
        if user is None:
            raise RpcError("required_parameter_missed", field="user_id")
        if user not in reference_ids("get.customer_users"):
            raise RpcError("invalid_parameter_value", field="user_id", value=user)

    def _rows(self, method: Method, params: dict[str, Any], selection: Selection) -> list[Row]:
        """Return the rows in the asked range that pass the filter."""
        low, high = selection.low, selection.high
        if method.time == "*" and low and high:
            days = [
                day
                for day in days_with_figures(self.account)
                if low.date() <= day and datetime(day.year, day.month, day.day) < high  # noqa: DTZ001 - local naive
            ]
            rows = aggregate(self.account, method.name, params, days)
        elif low and high:
            rows = self._between(method, low, high)
        else:
            rows = list(self.account.table(method.name).rows)
        rows = [row for row in rows if not row.hidden_unless or params.get(row.hidden_unless)]
        for name, wanted in (
            ("chat_id", [params.get("chat_id")]),
            ("chat_ids", params.get("chat_ids")),
        ):
            if name in params:
                rows = [row for row in rows if row.get("chat_id") in (wanted or [])]
        if method.name == "get.campaign_daily_stat":
            rows = [row for row in rows if row.get("site_id") == params["site_id"]]
        return [row for row in rows if selection.test(row)] if selection.test else rows

    def _between(self, method: Method, low: datetime, high: datetime) -> list[Row]:
        """Return the rows of a report in a range."""
        table = self.account.table(method.name)
        inclusive = self.options["till"] == "inclusive"
        if method.time == "date":
            start = low.replace(hour=0, minute=0, second=0)
            return table.between(start, high, inclusive=inclusive)
        if self.options["ranges"] == "local":
            return table.between(low, high, inclusive=inclusive)
        first, last = (self.account.clock.instant(str(edge)) for edge in (low, high))
        near = table.between(low - _FOLD, high + _FOLD, inclusive=True)
        return [
            row
            for row in near
            if row.at and first <= row.at and (row.at < last or (inclusive and row.at == last))
        ]

    def _page(
        self, method: Method, params: dict[str, Any], rows: list[Row], selection: Selection
    ) -> list[Row]:
        """Return the asked page of the rows in the asked order."""
        if not self.options["stable_order"]:
            shown = json.dumps([method.name, params], sort_keys=True)
            times = self._asked[shown] = self._asked.get(shown, 0) + 1
            rows = shuffled(rows, seeded.generator(self.seed, "order", times, shown))
        rows = sort_rows(rows, selection.sort, method.time)
        limit = selection.limit
        if self.options["short_pages"]:
            limit = max(1, limit * 2 // 3)
        return rows[selection.offset : selection.offset + limit]

    def _projection(self, method: Method, names: tuple[str, ...]) -> Projection:
        """Return the one projection of a set of a method's fields."""
        key = (method.name, frozenset(names))
        return self._projections.setdefault(key, Projection(names, method))

    def _expected_days(self, method: Method) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Return what a sync day by day of an aggregating method must hold."""
        per_site = "site_id" in method.required
        sites = reference_ids("get.sites") if per_site else [None]
        found = {}
        for day in days_with_figures(self.account):
            for site in sites:
                for row in aggregate(self.account, method.name, {"site_id": site}, [day]):
                    key = aggregate_key(method.name, day, row, site)
                    found[key] = row.full(method)
        return found


VENDOR = CallGear
