"""The kinds of CallGear streams that report events: over time, and site by site.

A kind says how its requests are made; a stream only declares.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.schema.source import SchemaDirectory

from tap_callgear import schemas
from tap_callgear.faults import RequestRefused
from tap_callgear.local_time import WallClock
from tap_callgear.reports import Report, Sizer
from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.prefetch import Node
from tap_shared.stream import ApiStream
from tap_shared.windows import Span, Window, steps

if TYPE_CHECKING:
    from tap_callgear.tap import TapCallGear
    from tap_shared.codec import Codec

__all__ = ["CallGearStream", "ReportStream", "SiteReportStream"]

_THREE_MONTHS = timedelta(days=89)
_SETTLED = timedelta(hours=1)
_FEW = 5

Context = Mapping[str, Any]


class CallGearStream(ApiStream):
    """What all streams of the tap share.

    Attributes:
        method: The API's method.
        added: Columns that the tap adds, which are never asked for.
        needed: Fields that are asked for whatever the catalog deselects, besides key and time.
        doubtful: Fields that only some accounts know; they are left out where the vendor says so.
    """

    schemas = SchemaDirectory(schemas)
    method: ClassVar[str]
    added: ClassVar[Sequence[str]] = ()
    needed: ClassVar[Sequence[str]] = ()
    doubtful: ClassVar[frozenset[str]] = frozenset()
    _unknown: frozenset[str] = frozenset()
    tap: TapCallGear

    @property
    def extra(self) -> Mapping[str, Any]:
        """Parameters that every request of the stream has."""
        return {}

    @property
    def zone(self) -> tzinfo:
        """The account's zone, where a field of the stream needs it."""
        return self.tap.client.clock.zone if _has_instants(self.raw_schema) else UTC

    @property
    def fields(self) -> list[str]:
        """The vendor's fields to ask for: the selected ones, and always those that are needed."""
        excluded = {*(self.tap.config.get("exclude_fields") or {}).get(self.name, ())}
        excluded |= self._unknown
        needed = {*self.keys, self.replication_key, *self.needed}
        return [
            name
            for name in self.raw_schema["properties"]
            if name not in self.added
            and name not in excluded
            and (name in needed or self.mask.get(("properties", name), True))
        ]

    def ask(
        self,
        params: Mapping[str, Any],
        offset: int,
        *,
        names_fields: bool = False,
        is_window: bool = False,
        codec: Codec | None = None,
    ) -> Page:
        """Read one page.

        Args:
            params: The stream's own parameters.
            offset: Rows before the page.
            names_fields: Whether the fields are named; without, the vendor gives its default ones.
            is_window: Whether it asks for a range that may be cut.
            codec: Decodes the rows.
        """
        while True:
            fields = self.fields
            page_size = self.tap.settings.page_size
            given = {**self.extra, **params, "limit": page_size, "offset": offset}
            if names_fields:
                given["fields"] = fields
            try:
                return self.tap.client.read(self.method, given, is_window=is_window, codec=codec)
            except RequestRefused as err:
                unknown = self.doubtful.intersection(fields) if err.names is not None else None
                unknown = unknown and (unknown & err.names if err.names else unknown)
                if not unknown:
                    raise
                self._leave_out(unknown)

    def _leave_out(self, unknown: frozenset[str]) -> None:
        """Ask no more for fields that the account does not know."""
        if fresh := unknown - self._unknown:
            self._unknown |= fresh
            self.logger.warning(
                "Stream '%s': this account does not know %s; it is left out.",
                self.name, ", ".join(sorted(fresh)),
            )  # fmt: skip


class ReportStream(CallGearStream):
    """A report over a range of time.

    Attributes:
        is_sortable: Whether the vendor sorts by the replication key.
        longest: Longest range that the vendor answers.
        order: Further fields that the vendor sorts by, for more rows of one time than a page.
        least_lookback: Lookback below which the setting is not heeded, as old rows are restated.
    """

    is_sortable: ClassVar[bool] = True
    longest: ClassVar[timedelta] = _THREE_MONTHS
    order: ClassVar[Sequence[str]] = ()
    least_lookback: ClassVar[timedelta] = timedelta(0)
    _current: Report

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Read a chain of windows, each sized by the one before it."""
        self._current = self._report(context)
        return self._current.nodes(span, self.tap.settings.window)

    def lookback(self) -> timedelta:
        """Read at least so far back."""
        return max(self.tap.settings.lookback, self.least_lookback)

    def _report(self, context: Context | None) -> Report:
        return Report(
            partial(self._fetch, context, ()),
            self.replication_key if self.is_sortable else None,
            self.keys,
            self.clock,
            Sizer(self.tap.settings.page_size, self.longest),
            ordered=partial(self._fetch, context, self.order),
        )

    @property
    def clock(self) -> WallClock:
        """What writes the ranges that are asked for."""
        return self.tap.client.clock

    def _fetch(
        self, context: Context | None, order: Sequence[str], window: Window, offset: int
    ) -> Page:
        params: dict[str, Any] = {**self.clock.range(window), **(context or {})}
        by = [*([self.replication_key] if self.is_sortable else []), *order]
        if by:
            params["sort"] = [{"field": name, "order": "asc"} for name in by]
        return self.shape(
            self.ask(params, offset, names_fields=True, is_window=True, codec=self.row_codec)
        )

    @property
    def row_codec(self) -> Codec | None:
        """What decodes the rows."""
        return self.codec

    def shape(self, page: Page) -> Page:
        """Add the tap's own columns."""
        return page

    def verify(self, read: Any) -> Sequence[Node]:
        """Compare the rows that came with the vendor's total; read again where some are missing.

        At the live edge the total may be a few rows ahead (inferred); the lookback brings them.
        """
        missing = 0 if read.expected is None else read.expected - read.distinct
        if missing <= 0:
            return ()
        is_live = read.window.end > self.tap.run_start - _SETTLED
        if read.passes and is_live and missing <= _FEW:
            self.logger.warning("%s: %d rows are left to the lookback.", read.window, missing)
            return ()
        if again := self._current.again(read):
            return again
        msg = (
            f"the vendor counts {read.expected} rows in {read.window} and gave {read.distinct}"
            f" different ones in {read.passes + 1} readings; the bookmark stays before them. Run"
            " again later."
        )
        raise StreamFailed(msg)


class SiteReportStream(ReportStream):
    """A report that the vendor gives for one site at a time, by local days."""

    added = ("row_key",)
    row_codec = None

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """The account's sites."""
        return [{"site_id": site} for site in self.tap.client.site_ids]

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Read whole local days: the rows carry dates."""
        whole = list(steps(span, self.tap.client.clock.zone, "day"))
        if not whole:
            return []
        return super().nodes(Span(whole[0].start, whole[-1].end), context)

    @property
    def clock(self) -> WallClock:
        """What writes the ranges that are asked for: whole days."""
        return self.tap.client.days

    def shape(self, page: Page) -> Page:
        """Make the key: a hash over the row's dimensions, which are the needed fields."""
        for row in page.rows:
            row["row_key"] = _row_key([row.get(name) for name in self.needed])
        return page


def _row_key(values: Sequence[Any]) -> str:
    """Hash dimension values; numbers and their texts are the same value."""
    texts = [None if value is None else str(value) for value in values]
    return hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).hexdigest()


def _has_instants(node: Mapping[str, Any]) -> bool:
    below = [*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])]
    return node.get("format") == "date-time" or any(_has_instants(child) for child in below)
