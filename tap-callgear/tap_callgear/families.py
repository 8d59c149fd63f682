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
from tap_callgear.reports import Report, Sizer
from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.prefetch import Node
from tap_shared.stream import ApiStream, WindowRead
from tap_shared.windows import SECOND, Span, Window, steps

if TYPE_CHECKING:
    from tap_callgear.tap import TapCallGear
    from tap_shared.codec import Codec

__all__ = ["CallGearStream", "ReportStream", "SiteReportStream", "days"]

_THREE_MONTHS = timedelta(days=89)
_SETTLED = timedelta(hours=1)
_FEW = 5

Context = Mapping[str, Any]


class CallGearStream(ApiStream):
    """What all streams of the tap share.

    Attributes:
        method: The API's method.
        added: Columns that the tap adds, which are never asked for.
    """

    schemas = SchemaDirectory(schemas)
    method: ClassVar[str]
    added: ClassVar[Sequence[str]] = ()
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
        """The vendor's fields to ask for: the selected ones, and always key and time."""
        excluded = (self.tap.config.get("exclude_fields") or {}).get(self.name, [])
        needed = {*self.keys, self.replication_key}
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
        is_window: bool = False,
        codec: Codec | None = None,
    ) -> Page:
        """Read one page."""
        page_size = self.tap.settings.page_size
        return self.tap.client.read(
            self.method,
            {**self.extra, **params, "limit": page_size, "offset": offset},
            is_window=is_window,
            codec=codec,
        )


class ReportStream(CallGearStream):
    """A report over a range of time.

    Attributes:
        is_sortable: Whether the vendor sorts by the replication key.
        longest: Longest range that the vendor answers.
        flags: Settings that are sent as parameters of the same name where they are on.
        least_lookback: Lookback below which the setting is not heeded, as old rows are restated.
        grain: Shortest range that can be asked for.
    """

    is_sortable: ClassVar[bool] = True
    longest: ClassVar[timedelta] = _THREE_MONTHS
    flags: ClassVar[Sequence[str]] = ()
    least_lookback: ClassVar[timedelta] = timedelta(0)
    grain: ClassVar[timedelta] = SECOND
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
            partial(self._fetch, context),
            self.replication_key if self.is_sortable else None,
            self.keys,
            self.tap.client.clock,
            Sizer(self.tap.settings.page_size, self.longest),
            grain=self.grain,
        )

    def _fetch(self, context: Context | None, window: Window, offset: int) -> Page:
        params: dict[str, Any] = {**self.range(window), **(context or {}), "fields": self.fields}
        params.update((name, True) for name in self.flags if self.tap.config.get(name))
        if self.is_sortable:
            params["sort"] = [{"field": self.replication_key, "order": "asc"}]
        return self.shape(self.ask(params, offset, is_window=True, codec=self.row_codec))

    @property
    def row_codec(self) -> Codec | None:
        """What decodes the rows."""
        return self.codec

    def range(self, window: Window) -> dict[str, str]:
        """Give the range parameters; neighbouring windows share a second."""
        clock = self.tap.client.clock
        return {
            "date_from": clock.text_from(window.start),
            "date_till": clock.text_till(window.end),
        }

    def shape(self, page: Page) -> Page:
        """Add the tap's own columns."""
        return page

    def verify(self, read: WindowRead) -> Sequence[Node]:
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
        if read.passes:
            msg = (
                f"the vendor counts {read.expected} rows in {read.window} and gave {read.distinct}"
                " different ones, twice; the bookmark stays before them. Run again later."
            )
            raise StreamFailed(msg)
        return self._current.again(read)


class SiteReportStream(ReportStream):
    """A report that the vendor gives for one site at a time, by local days."""

    added = ("row_key",)
    row_key_of: ClassVar[Sequence[str]] = ()
    row_codec = None
    grain = timedelta(days=1)

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

    def range(self, window: Window) -> dict[str, str]:
        """Give the range as whole days, the last one included."""
        return days(window, self.tap.client.clock.zone)

    def shape(self, page: Page) -> Page:
        """Make the key: a hash over the row's dimensions."""
        for row in page.rows:
            row["row_key"] = _row_key([row.get(name) for name in self.row_key_of])
        return page


def days(window: Window, zone: tzinfo) -> dict[str, str]:
    """Give the range parameters of the local days that a window touches, the last one included."""
    last = (window.end - timedelta(microseconds=1)).astimezone(zone).date()
    return {
        "date_from": f"{window.start.astimezone(zone).date()} 00:00:00",
        "date_till": f"{last} 23:59:59",
    }


def _row_key(values: Sequence[Any]) -> str:
    """Hash dimension values; numbers and their texts are the same value."""
    texts = [None if value is None else str(value) for value in values]
    return hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).hexdigest()


def _has_instants(node: Mapping[str, Any]) -> bool:
    below = [*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])]
    return node.get("format") == "date-time" or any(_has_instants(child) for child in below)
