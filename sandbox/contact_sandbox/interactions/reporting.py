"""The reporting service: its endpoints over the stored documents."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox.interactions import details, envelope, filters, ranges
from contact_sandbox.interactions.activity import Shifts
from contact_sandbox.interactions.aggregates import aggregate, read_aggregates
from contact_sandbox.interactions.body import Members, problem
from contact_sandbox.interactions.course import DATE_FIELDS
from contact_sandbox.interactions.documents import Document, Row
from contact_sandbox.interactions.envelope import Code
from contact_sandbox.vendor import Reply, Request

_DETAIL = "JObject"
_DEFAULT_DATE_FIELD = "StartedDateTimeUtc"
_LARGEST = 500


class Reporting:
    """Answers detail queries, aggregates, rollups and lookups."""

    def __init__(
        self, options: Mapping[str, Any], clock: Callable[[], datetime], rng: random.Random
    ) -> None:
        """Prepare.

        Args:
            options: The vendor's options.
            clock: The server's clock.
            rng: Decides the order of ties.
        """
        self._options = options
        self._clock = clock
        self._rng = rng
        self._answers = 0
        self._miscounts = options["miscount"]
        self._limits = details.Limits(
            options["max_limit"],
            options["default_limit"],
            _LARGEST if options["refuse_limit"] else None,
            options["order_fields"],
            options["short_pages"],
        )

    def invalid(self, error: Exception) -> Reply:
        """Return the answer to a request that makes no sense to the service."""
        status = self._options["range_error_status"]
        return envelope.failure(Code.INVALID_REQUEST, str(error), status)

    def interactions(self, members: Members, documents: Sequence[Document]) -> list[Document]:
        """Return the interactions that a body's range and filters let through, unordered."""
        inside = self._range(members)
        field = members.get("DateFilterField", str) or _DEFAULT_DATE_FIELD
        # A field that does not exist, or is no time, is no error: it matches nothing.
        dead = field not in DATE_FIELDS or field in self._options["dead_date_fields"]
        queues = set(members.array("Queues", int))
        queued_only = members.get("ExcludeNonqueued", bool) or False
        test = self._filter(members)
        return [
            document
            for document in (() if dead else documents)
            if document.fields.get(field) in inside
            and (not queues or document.fields["QueueId"] in queues)
            and (not queued_only or document.fields["HasQueued"])
            and test(document.fields)
        ]

    def events(
        self, members: Members, documents: Sequence[Document], *, filtered: bool
    ) -> list[Document]:
        """Return messages or events in a body's range; only events can be filtered."""
        inside = self._range(members)
        test = self._filter(members) if filtered else (lambda _: True)
        return [each for each in documents if each.at in inside and test(each.fields)]

    def is_slow(self, members: Members) -> bool:
        """Tell whether a query takes longer than the gateway waits."""
        inside, limit = self._range(members), members.get("Limit", int) or 0
        hours = (inside.end - inside.start) / timedelta(hours=1)
        most, longest = self._options["slow_limit"], self._options["slow_range"]
        return bool((most and limit > most) or (longest and hours > longest))

    def page(self, members: Members, documents: Sequence[Document]) -> Reply:
        """Return the page of `documents` that a body asks for."""
        page = details.Page.of(members, self._limits, self._rng)
        as_text = self._options["text_order"]
        rows = page.cut(details.ordered(documents, page.order, self._rng, as_text=as_text))
        self._answers += 1
        if self._answers % 3 == 0:
            # The total is an estimate: nothing says that it is exact.
            total = len(documents) // 100 * 100
            paging = {"total": total, "limit": page.limit, "offset": page.offset}
            return envelope.success(rows, _DETAIL, paging)
        return envelope.success(rows, _DETAIL, lax=self._answers % 3 == 1)

    def aggregates(self, members: Members, documents: Sequence[Document]) -> Reply:
        """Return aggregates over `documents`."""
        fields = members.array("GroupFields", str)
        wanted = read_aggregates(members)
        if self._options["group_fields_required"] and not fields:
            return self.invalid(ValueError("GroupFields must not be empty."))
        rows = aggregate(documents, fields, wanted)
        if self._miscounts and rows and "Count_id" in rows[0]:
            self._miscounts -= 1
            rows[0]["Count_id"] += 1
        return envelope.success(rows, _DETAIL)

    def rollup(self, members: Members, shifts: Shifts) -> Reply:
        """Return one row for each agent over the whole range of a body."""
        inside = self._range(members)
        agents = set(members.array("Agents", int))
        inactive = members.get("IncludeInactiveTime", bool) or False
        members.array("Queues", int)
        rows = shifts.rows(inside.start, inside.end, inactive=inactive)
        return envelope.success(
            [row for row in rows if not agents or row["AgentId"] in agents], "AgentWorkstateRollup"
        )

    def lookup(self, name: str, data: object, request: Request) -> Reply:
        """Return reference data; `name` is the last part of the path."""
        if name == "agents" and isinstance(data, list):
            asked = (Members.of_query(request).get("includeDisabled", str) or "false").lower()
            if asked not in ("true", "false"):
                raise problem("includeDisabled", f"The value '{asked}' is not valid.")
            data = [row for row in data if asked == "true" or not row["isDisabled"]]
        if name in self._options["wrapped"]:
            data = {name: data}
        return envelope.success(data, f"{name.title().replace('-', '')}Result")

    def _range(self, members: Members) -> ranges.Range:
        """Return the range that a body asks for."""
        return ranges.resolve(members.asked(), self._clock(), self._options["bounds"])

    def _filter(self, members: Members) -> Callable[[Row], bool]:
        """Return the test that a body's filter stands for."""
        return filters.compile_filter(members.get("Filter", dict) or {})
