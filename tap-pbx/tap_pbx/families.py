"""The kinds of PBX streams: what is read tenant by tenant, and what follows from the call list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from singer_sdk.schema.source import SchemaDirectory

from tap_pbx import schemas
from tap_pbx.history import CallRead, Part, whole_seconds
from tap_pbx.links import without_key
from tap_shared.errors import StreamFailed
from tap_shared.instants import parse_instant
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Node, Step
from tap_shared.stream import ApiStream, WindowRead
from tap_shared.windows import SECOND, Span, Window, plan

if TYPE_CHECKING:
    from tap_pbx.tap import TapPBX

__all__ = [
    "CallListStream",
    "FollowingStream",
    "PbxStream",
    "TenantStream",
    "check_inside",
    "days_back",
    "range_of",
]

Context = Mapping[str, Any]
Params = tuple[tuple[str, str], ...]
Row = dict[str, Any]


def range_of(window: Window) -> Params:
    """Give the range parameters, always both and always in UTC.

    A missing date would mean today, and one offset for a whole answer is wrong on one side of a
    clock change. Both ends are included and stored times are finer than a second (inferred), so
    neighbouring windows share the second at their edge.
    """
    whole = whole_seconds(window)
    first, last = (f"{at:%Y-%m-%d %H:%M:%S}" for at in (whole.start, whole.end))
    return (("fromDate", first), ("toDate", last), ("utcOffset", "0"))


def second_of(value: object) -> datetime | None:
    """Read a time text to the second; None for a blank, a zero date or nonsense."""
    try:
        return parse_instant(str(value)).replace(microsecond=0)
    except ValueError:
        return None


def check_inside(
    rows: Iterable[Row], field: str, window: Window, *, after: timedelta = SECOND
) -> None:
    """Check that the vendor heeded the dates: a misread date silently means another day.

    Args:
        rows: The vendor's rows.
        field: Their time.
        window: What was asked for; a second before it is granted for rounding.
        after: How much is granted after it.

    Raises:
        StreamFailed: A row lies outside the window.
    """
    whole = whole_seconds(window)
    first, last = whole.start - SECOND, whole.end + after
    for row in rows:
        at = second_of(row.get(field))
        if at is not None and not first <= at <= last:
            raise StreamFailed(
                f"the vendor answers with a row of {at:%Y-%m-%d %H:%M:%S} when asked for {window},"
                " so it did not heed the dates; nothing of the answer was used. Report it to the"
                " vendor."
            )


class PbxStream(ApiStream):
    """What all streams of the tap share."""

    schemas = SchemaDirectory(schemas)
    tap: TapPBX


class TenantStream(PbxStream):
    """A stream that is read tenant by tenant: no call lists all of them, and no row names its."""

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """The configured tenants."""
        return [{"tenant_id": tenant} for tenant in self.tap.tenants]

    def stamp(self, page: Page, context: Context) -> Page:
        """Add container and tenant to every row."""
        return page.stamp(container_id=self.tap.client.container, tenant_id=context["tenant_id"])


class CallListStream(TenantStream):
    """A stream that reads windows of the call list, for itself or for what its calls lead to."""

    replication_key = "callDate"
    _counted = 0

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Read window by window; a page that follows from another comes right behind it."""
        tenant = context or {}
        self._counted = 0
        for window in plan(span, self.tap.settings.window):
            is_end = span.watermark is None and window.end == span.end
            yield from self.asking(CallRead(window, tenant, is_first_run_end=is_end))

    def asking(self, read: CallRead) -> list[Node]:
        """Give the nodes that ask every question of a window for the first time."""
        return [*(self._begin(read, part) for part in read.parts), Fence(read)]

    def verify(self, read: WindowRead) -> Sequence[Node]:
        """Ask again, or more finely, until the calls equal the vendor's count."""
        if not isinstance(read, CallRead):
            return ()
        part = read.following()
        if part is not None:
            return [self._begin(read, part), Fence(read)]
        self._counted += read.calls
        if read.is_first_run_end and not self._counted:
            self.logger.warning(
                "Tenant %s has no calls at all; check tenant_ids.", read.context["tenant_id"]
            )
        return ()

    def _begin(self, read: CallRead, part: Part) -> Node:
        part.begin()
        return partial(self._first, read, part)

    def _first(self, read: CallRead, part: Part) -> Step:
        """Read the first page, which tells how many more there are."""
        page = self._page(read, part, 1)
        count = part.pages(len(page), page.total or 0, page.facts["pages"])
        step = self.turn(page, read)
        rest = [partial(self._another, read, part, number) for number in range(2, count + 1)]
        return Step(step.page, [*step.then, *rest])

    def _another(self, read: CallRead, part: Part, number: int) -> Step:
        return self.turn(self._page(read, part, number), read)

    def _page(self, read: CallRead, part: Part, number: int) -> Page:
        params = (("tenantID", read.context["tenant_id"]), *range_of(part.window), *part.params)
        page = self.tap.client.calls((*params, ("page", str(number))))
        check_inside(page.rows, "callDate", part.window)
        part.note(
            ((str(row.get("callUuid")), second_of(row.get("callDate"))) for row in page.rows),
            page.total or 0,
        )
        for row in page.rows:
            if row.get("recordingUrl"):
                row["recordingUrl"] = without_key(str(row["recordingUrl"]), self.tap.redact)
        return self.stamp(page, read.context)

    def turn(self, page: Page, read: CallRead) -> Step:  # noqa: ARG002 - those that follow need it
        """Turn a page of calls into the stream's own rows, or into the requests that give them."""
        return Step(page)


class FollowingStream(CallListStream):
    """A stream whose rows follow from single calls, each of which is asked for once a window."""

    def turn(self, page: Page, read: CallRead) -> Step:
        """Give one job for each call that has not come yet."""
        calls = [row for row in page.rows if read.claim(str(row.get("callUuid")))]
        return Step(None, [partial(self._follow, call) for call in calls if self.concerns(call)])

    def _follow(self, call: Row) -> Step:
        return Step(self.follow(call))

    def concerns(self, call: Row) -> bool:  # noqa: ARG002 - every call, by default
        """Tell whether a call leads to any row."""
        return True

    def follow(self, call: Row) -> Page:
        """Read the rows that follow from a call."""
        raise NotImplementedError


def days_back(span: Span, moment: datetime, reach: timedelta, earliest: datetime) -> Window | None:
    """Give the range before a span that a sweep covers; None where the span covers it."""
    start = max(earliest, moment - reach)
    return Window(start, span.start) if start < span.start else None
