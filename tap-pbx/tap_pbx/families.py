"""The kinds of PBX streams: what is read tenant by tenant, and what follows from the call list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

from msgspec import Raw
from singer_sdk.schema.source import SchemaDirectory

from tap_pbx import schemas
from tap_pbx.history import CallRead, Part, second_of, whole_seconds
from tap_pbx.links import without_key
from tap_pbx.typed_calls import LINK
from tap_shared.errors import StreamFailed
from tap_shared.fields import put, texts
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Node, Step
from tap_shared.stream import ApiStream, WindowRead
from tap_shared.windows import SECOND, Span, Window, plan

if TYPE_CHECKING:
    from tap_pbx.tap import TapPBX
    from tap_shared.codec import Codec

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

_LENGTHS = frozenset({len("2026-03-01 10:00:00"), len("2026-03-01 10:00:00.104689")})
_SUSPECT = ("auth", "@", "%")
_PLAIN = {str, Raw, type(None)}


def range_of(window: Window) -> Params:
    """Give the range parameters, always both and always in UTC.

    A missing date would mean today, and one offset for a whole answer is wrong on one side of a
    clock change. Both ends are included and stored times are finer than a second (inferred), so
    neighbouring windows share the second at their edge.
    """
    whole = whole_seconds(window)
    first, last = _text_of(whole.start), _text_of(whole.end)
    return (("fromDate", first), ("toDate", last), ("utcOffset", "0"))


def check_inside(times: Sequence[Any], window: Window, *, after: timedelta = SECOND) -> None:
    """Check that the vendor heeded the dates: a misread date silently means another day.

    Args:
        times: The times of the vendor's rows, as they came.
        window: What was asked for; a second before it is granted for rounding.
        after: How much is granted after it.

    Raises:
        StreamFailed: A row lies outside the window.
    """
    whole = whole_seconds(window)
    first, last = whole.start - SECOND, whole.end + after
    if _are_between(times, _text_of(first), _text_of(last)):
        return
    for at in map(second_of, times):
        if at is not None and not first <= at <= last:
            raise StreamFailed(
                f"the vendor answers with a row of {at:%Y-%m-%d %H:%M:%S} when asked for {window},"
                " so it did not heed the dates; nothing of the answer was used. Report it to the"
                " vendor."
            )


def _are_between(times: Sequence[Any], first: str, last: str) -> bool:
    """Tell whether all are times as the vendor writes them, whose order is that of their texts."""
    if set(map(type, times)) != {str} or not set(map(len, times)) <= _LENGTHS:
        return False
    earliest, latest = min(times), max(times)
    return bool(first <= earliest and latest <= last)


def _text_of(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


class PbxStream(ApiStream):
    """What all streams of the tap share."""

    schemas = SchemaDirectory(schemas)
    tap: TapPBX


class TenantStream(PbxStream):
    """A stream that is read tenant by tenant: no call lists all of them, and no row names its."""

    given = ("container_id", "tenant_id")

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """The configured tenants."""
        return [{"tenant_id": tenant} for tenant in self.tap.tenants]

    @property
    def marks(self) -> Sequence[str]:
        """The key's columns that differ within a tenant."""
        return [key for key in self.keys if key not in {"container_id", "tenant_id"}]

    def stamp(self, page: Page, context: Context) -> Page:
        """Add container and tenant to every row."""
        page.write("container_id", repeat(self.tap.client.container))
        page.write("tenant_id", repeat(context["tenant_id"]))
        return page


class CallListStream(TenantStream):
    """A stream that reads windows of the call list, for itself or for what its calls lead to."""

    replication_key = "callDate"
    _counted = 0

    @property
    def row_codec(self) -> Codec | None:
        """What decodes the rows; dictionaries where they only lead to others."""
        return None

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
        page = self.tap.client.calls((*params, ("page", str(number))), self.row_codec)
        times = page.column("callDate")
        check_inside(times, part.window)
        calls = page.column("callUuid")
        if not all(calls):  # rows with an empty one would pass for one and the same
            page.write("callUuid", [None if one == "" else one for one in calls])
        part.note(texts(calls), times, page.total or 0)
        self._clean_links(page)
        return self.stamp(page, read.context)

    def _clean_links(self, page: Page) -> None:
        """Take the key out of the links that may hold one."""
        links = page.column(LINK)
        shown = "\n".join([link for link in links if type(link) is str])
        lowered = shown.lower()
        is_suspect = any(mark in lowered for mark in _SUSPECT)
        is_suspect = is_suspect or self.tap.client.may_show_key(shown)
        if is_suspect or not set(map(type, links)) <= _PLAIN:
            for row, link in zip(page.rows, links, strict=True):
                if link and type(link) is not Raw:
                    put(row, LINK, without_key(str(link), self.tap.client.hide))

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
