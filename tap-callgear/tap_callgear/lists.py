"""The kinds of CallGear streams that list what there is: whole lists, and figures day by day.

A kind says how its requests are made; a stream only declares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from tap_callgear.by_offset import OffsetRead
from tap_callgear.families import CallGearStream, Context
from tap_shared.page import Page
from tap_shared.prefetch import Node
from tap_shared.windows import Span, Window, steps

__all__ = ["DayStream", "ListStream", "SiteDayStream"]


class OffsetStream(CallGearStream):
    """Rows that are read by offset.

    Attributes:
        order: The field that the vendor sorts by, where there is one that tells most rows apart.
    """

    order: ClassVar[str | None] = None

    def verify(self, read: Any) -> Sequence[Node]:
        """Read again where rows moved while they were read, or lack."""
        again: Sequence[Node] = read.again(self.logger.warning)
        return again


class ListStream(OffsetStream):
    """A reference list, read whole.

    Attributes:
        asks_fields: Whether fields have to be named because some only come when asked for.
        secret_fields: Fields that are dropped as they arrive.
        is_paged: Whether the method takes limit and offset at all.
    """

    primary_keys = ("id",)
    order: ClassVar[str | None] = "name"
    asks_fields: ClassVar[bool] = False
    secret_fields: ClassVar[Sequence[str]] = ()
    is_paged: ClassVar[bool] = True

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read all there is."""
        window = Window(span.start, span.end)
        return OffsetRead(
            window, self._fetch, self.method, order=self.order, id_field=self.keys[0]
        ).nodes()

    def _fetch(self, offset: int, more: Mapping[str, Any]) -> Page:
        if self.is_paged:
            page = self.ask(more, offset, names_fields=self.asks_fields)
        else:
            page = self.tap.client.read(self.method, {})
            page.total = len(page)
        for row in page.rows:
            for name in self.secret_fields:
                row.pop(name, None)
        return page


class DayStream(OffsetStream):
    """Figures that the vendor adds up over the asked range: asked day by day."""

    added: ClassVar[Sequence[str]] = ("date",)
    replication_key = "date"

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Read each local day that overlaps the span, whole."""
        days = self.tap.client.days
        for day in steps(span, days.zone, "day"):
            asked = {**days.range(day), **(context or {})}
            stamp = {**(context or {}), "date": asked["date_from"].partition(" ")[0]}
            fetch = partial(self._fetch, asked, stamp)
            window = Window(day.start, min(day.end, span.end))
            yield from OffsetRead(window, fetch, self.method, order=self.order).nodes()

    def _fetch(
        self,
        asked: Mapping[str, Any],
        stamp: Mapping[str, Any],
        offset: int,
        more: Mapping[str, Any],
    ) -> Page:
        return self.ask({**asked, **more}, offset).stamp(**stamp)


class SiteDayStream(DayStream):
    """Daily figures of one site at a time."""

    added = ("date", "site_id")

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """The account's sites."""
        return [{"site_id": site} for site in self.tap.client.site_ids]
