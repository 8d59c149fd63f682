"""The kinds of CallGear streams that list what there is: whole lists, and figures day by day.

A kind says how its requests are made; a stream only declares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from tap_callgear.families import CallGearStream, Context, days
from tap_shared.page import Page
from tap_shared.pagination import OffsetPaginator, walk
from tap_shared.prefetch import Fence, Node
from tap_shared.stream import WindowRead
from tap_shared.windows import Span, Window, steps

__all__ = ["DayStream", "ListStream", "SiteDayStream"]


class ListStream(CallGearStream):
    """A reference list, read whole.

    Attributes:
        asks_fields: Whether fields have to be named because some only come when asked for.
        secret_fields: Fields that are dropped as they arrive.
        is_paged: Whether the method takes limit and offset at all.
    """

    primary_keys = ("id",)
    asks_fields: ClassVar[bool] = False
    secret_fields: ClassVar[Sequence[str]] = ()
    is_paged: ClassVar[bool] = True

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read page by page; an offset is safe where rows hardly move."""
        read = WindowRead(Window(span.start, span.end))
        return [*self._pages(read), Fence(read)]

    def _pages(self, read: WindowRead) -> list[Node]:
        return [walk(partial(self._page, read), OffsetPaginator(0, self.method))]

    def _page(self, read: WindowRead, offset: int) -> Page:
        if self.is_paged:
            page = self.ask({"fields": self.fields} if self.asks_fields else {}, offset)
        else:
            page = self.tap.client.read(self.method, {})
            page.total = len(page)
        read.expected = page.total
        for row in page.rows:
            for name in self.secret_fields:
                row.pop(name, None)
        return page

    def verify(self, read: WindowRead) -> Sequence[Node]:
        """Read again, once, where rows moved while they were read."""
        if read.expected is None or read.distinct >= read.expected:
            return ()
        read.passes += 1
        if read.passes == 1:
            return [*self._pages(read), Fence(read)]
        self.logger.warning(
            "The vendor counts %d rows of '%s' and gave %d different ones.",
            read.expected, self.name, read.distinct,
        )  # fmt: skip
        return ()


class DayStream(CallGearStream):
    """Figures that the vendor adds up over the asked range: asked day by day."""

    added: ClassVar[Sequence[str]] = ("date",)
    replication_key = "date"

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Read each local day that overlaps the span, whole."""
        zone = self.tap.client.clock.zone
        for day in steps(span, zone, "day"):
            read = WindowRead(Window(day.start, min(day.end, span.end)))
            date = day.start.astimezone(zone).date().isoformat()
            params = {**days(day, zone), **(context or {})}
            fetch = partial(self._fetch, params, {**(context or {}), "date": date})
            yield walk(fetch, OffsetPaginator(0, self.method))
            yield Fence(read)

    def _fetch(self, params: Mapping[str, Any], stamp: Mapping[str, Any], offset: int) -> Page:
        return self.ask(params, offset).stamp(**stamp)


class SiteDayStream(DayStream):
    """Daily figures of one site at a time."""

    added = ("date", "site_id")

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """The account's sites."""
        return [{"site_id": site} for site in self.tap.client.site_ids]
