"""The HTTP face of the Infinity imitation: versions, permissions, routes and limits."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from contact_sandbox import seeded
from contact_sandbox.infinity import output
from contact_sandbox.infinity.data import STREAMS, Account
from contact_sandbox.infinity.query import Query, RefusedError, Row
from contact_sandbox.infinity.reference import INSTALLATIONS
from contact_sandbox.infinity.routes import ROUTES
from contact_sandbox.vendor import Reply, Request, Vendor

API_KEY = "00000000-sandbox-infinity-key"
USERNAME = "sandbox-infinity@example.com"
PASSWORD = "sandbox-infinity-password"  # noqa: S105 - obviously no secret
_PATH = re.compile(r"/(reports|config)/v(2(?:\.1)?)/(.+?)/?")
_LONGEST_TARGET = 8_000
_POISONINGS = 2


class InfinityVendor(Vendor):
    """Infinity's Reports and Config API, v2 and v2.1.

    Options:
        auth: What `settings` hands out: `api_key` (v2.1) or `basic` (v2); both always work.
        calls: Calls over all installations; beyond 20,000 they come from templates.
        cap: Most rows a request; cap_mode: `error` refuses a higher limit, `message` does so with
            status 200, `silent` cuts.
        short_pages: Share of pages that hold fewer rows than asked for although more exist.
        forbidden, unknown: Installations that are listed but answer 403, or 404.
        pii_permission: False redacts every answer.
        poison: Share of answers with a message or an error object among the rows, with their end
            cut off, or without a byte.
        spelling: How rows are spelt, `lines` as documented; or one of `output.SPELLINGS`, as a
            reader should bear (inferred).
        ignore: Parameters quietly not heeded (`filter`, `sort`, `offset`).
        retention_days: How far back touchPoints go.
        future_rows: Calls dated two days ahead in each installation.
    """

    name: ClassVar[str] = "infinity"
    streams = STREAMS
    defaults: ClassVar[Mapping[str, Any]] = {
        "auth": "api_key",
        "calls": 600,
        "cap": 50_000,
        "cap_mode": "error",
        "short_pages": 0.1,
        "forbidden": frozenset(),
        "unknown": frozenset(),
        "pii_permission": True,
        "poison": 0.0,
        "spelling": "lines",
        "ignore": frozenset(),
        "retention_days": 60,
        "future_rows": 0,
    }

    def __init__(
        self, *, seed: int = 1, now: datetime | None = None, days: int = 90, **options: Any
    ) -> None:
        """Make the account's data; see the class for the options."""
        super().__init__(seed=seed, now=now, days=days, **options)
        self.account = Account(
            seed,
            start=self.start,
            now=self.now,
            calls=self.options["calls"],
            retention=self.options["retention_days"],
            future=self.options["future_rows"],
        )
        self._poisonings: Counter[str] = Counter()

    def handle(self, request: Request) -> Reply:
        """Answer a request; what is refused is a JSON string."""
        if len(request.target) > _LONGEST_TARGET:
            page = "<html><body><h1>414 Request-URI Too Long</h1></body></html>"
            return Reply(414, page, {"Content-Type": "text/html"})
        try:
            return self._answer(request)
        except RefusedError as refusal:
            return output.message(refusal.status, refusal.message)

    def _answer(self, request: Request) -> Reply:
        """Find the route and let it answer."""
        found = _PATH.fullmatch(request.path)
        if found is None:
            raise RefusedError(404, "Resource not found")
        api, version, rest = found.groups()
        if request.headers.get("authorization") != _credentials(version):
            raise RefusedError(401, "auth required")
        if request.method != "GET":
            raise RefusedError(405, "Method not allowed")
        for pattern, answer in ROUTES[api]:
            match = re.fullmatch(pattern, rest)
            if match:
                named = {name: text for name, text in match.groupdict().items() if text}
                if "igrp" in named:
                    self.admit(named["igrp"])
                return answer(self, request, named)
        raise RefusedError(404, "Resource not found")

    def admit(self, igrp: str) -> int:
        """Return an installation's id.

        Raises:
            RefusedError: It does not exist, or the login may not see it.
        """
        number = int(igrp) if igrp.isdecimal() else -1
        if number in self.options["forbidden"]:
            raise RefusedError(403, "access denied")
        if number not in INSTALLATIONS or number in self.options["unknown"]:
            raise RefusedError(404, "Resource not found")
        return number

    def limit(self, query: Query) -> int | None:
        """Return the most rows of an answer; None without a limit.

        Raises:
            RefusedError: The limit is zero, or above the cap in the mode `error`.
        """
        limit = query.integer("limit")
        if limit == 0:
            raise RefusedError(400, "limit must be at least 1")
        cap, mode = self.options["cap"], self.options["cap_mode"]
        if limit is not None and limit > cap and mode != "silent":
            status = 200 if mode == "message" else 400
            raise RefusedError(status, f"The limit must not be higher than {cap}")
        return limit if limit is None else min(limit, cap)

    def page(
        self, rows: list[Row], query: Query, request: Request, *, whole: bool = False
    ) -> Reply:
        """Return the asked part of sorted rows in the asked format.

        Some pages are short, but never those of a report that cannot be paged (`whole`).
        """
        limit = self.limit(query)
        start = query.integer("offset") or 0
        part = rows[start : None if limit is None else start + limit]
        if not whole:
            part = part[: self.shortened(len(part), limit, request)]
        reply = output.reply([query.project(row) for row in part], query)
        if query.scalars.get("format", "json") == "json":
            reply.body = self.spoil(reply.body, request)  # type: ignore[arg-type]
        return reply

    def shortened(self, count: int, limit: int | None, request: Request) -> int:
        """Return how many of `count` rows go out: now and then fewer than there are."""
        chance = seeded.generator(self.seed, "short", request.target).random()
        if limit is None or count < 2 or chance >= self.options["short_pages"]:
            return count
        return max(1, count * 2 // 3)

    def spoil(self, lines: Iterable[bytes], request: Request) -> Iterator[bytes]:
        """Return a body in the asked spelling, poisoned with its share, at most twice a request."""
        lines = output.SPELLINGS[self.options["spelling"]](lines)
        with self.lock:
            attempt = self._poisonings[request.target]
            rng = seeded.generator(self.seed, "poison", request.target, attempt)
            if attempt >= _POISONINGS or rng.random() >= self.options["poison"]:
                return iter(lines)
            self._poisonings[request.target] += 1
        return output.poisoned(lines, seeded.pick(rng, output.POISONS), int(rng.random() * 3))

    def redacts(self, query: Query) -> bool:
        """Tell whether personal data is blotted out of this answer."""
        return not self.options["pii_permission"] or query.scalars.get("excludePiiData") == "1"

    def settings(self, url: str) -> dict[str, Any]:
        """Return a tap configuration that reads every installation."""
        credentials = {"api_key": API_KEY}
        if self.options["auth"] == "basic":
            credentials = {"username": USERNAME, "password": PASSWORD}
        start = self.start.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"api_url": url, "start_date": start, **credentials}

    def expected(self, stream: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Return the truth about `stream`; triggers by the million take memory accordingly."""
        closed = {*self.options["forbidden"], *self.options["unknown"]}
        with self.lock:
            return self.account.expected(
                stream, [igrp for igrp in INSTALLATIONS if igrp not in closed]
            )

    def clocked(self) -> Iterable[object]:
        """Return what keeps the present."""
        return (self.account, *self.account.tables.values())

    def change(self, seed: int) -> None:
        """Add new, late and very late rows and rewrite recent ones."""
        with self.lock:
            self.account.change(seed)


def _credentials(version: str) -> str:
    """Return the Authorization header that a version of the API wants."""
    if version == "2.1":
        return f"ApiKey {API_KEY}"
    return "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()


VENDOR = InfinityVendor
