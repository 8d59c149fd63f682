"""The kinds of MotionCX streams: logs over time, lookups, and lists of the neighbour services.

A kind says how its requests are made; `streams.py` only declares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.schema.source import SchemaDirectory

from tap_interactions import schemas
from tap_interactions.client import Method, instant, overlapped
from tap_interactions.order import SECOND, Order
from tap_interactions.slices import Slices
from tap_interactions.sweep import Source
from tap_shared.errors import StreamFailed, WindowTooLarge
from tap_shared.page import Page
from tap_shared.pagination import OffsetPaginator, walk
from tap_shared.prefetch import Fence, Node, Step
from tap_shared.stream import ApiStream, WindowRead
from tap_shared.windows import Span, Window, slices

if TYPE_CHECKING:
    from tap_interactions.tap import TapInteractions

__all__ = ["ListStream", "LogStream", "LookupStream", "MotionStream", "SortedStream", "bounds"]

_SAFETY_LAG = timedelta(minutes=5)
_ITEMS_A_PAGE = 100
_FEWEST = 25

Context = Mapping[str, Any]


def bounds(window: Window) -> dict[str, str]:
    """Give the members of an absolute range; a reversed one would be swapped in silence."""
    return {"StartDateTime": instant(window.start), "EndDateTime": instant(window.end)}


class MotionStream(ApiStream):
    """What all streams of the tap share.

    Rows are computed a little after what they tell of, and stamped before they can be read: the
    frozen upper bound of a run stays some minutes behind its start (inferred).
    """

    schemas = SchemaDirectory(schemas)
    lag = _SAFETY_LAG
    tap: TapInteractions
    _limit: int | None = None

    @property
    def limit(self) -> int:
        """Rows that a request asks for."""
        return self._limit or self.tap.settings.page_size

    def ask(
        self, path: str, body: Mapping[str, Any], offset: int, *, is_divisible: bool = False
    ) -> Page:
        """Ask the reporting service for a page; where that times out, for smaller ones from now on.

        Args:
            path: Path below the service.
            body: What is asked for, without its page.
            offset: Rows to skip.
            is_divisible: Whether less than its range can be asked for.

        Raises:
            WindowTooLarge: The answer did not come in time, and the range is divisible.
            StreamFailed: Not even a small page comes in time.
        """
        while True:
            limit = self.limit
            try:
                asked = {**body, "Limit": limit, "Offset": offset}
                return self.tap.client.details(path, asked, is_window=True, codec=self.codec)
            except WindowTooLarge as err:
                if is_divisible:
                    raise
                if limit <= _FEWEST:
                    msg = (
                        f"POST {path}: not even {limit} rows came in time ({err}). Set a shorter"
                        " window or a longer request_timeout."
                    )
                    raise StreamFailed(msg) from None
                self._limit = max(limit // 2, _FEWEST)

    def spelled(self, page: Page) -> Page:
        """Give members their declared spelling; that of some answers is inferred only."""
        declared = {name.lower(): name for name in self.raw_schema["properties"]}
        page.rows = [
            {declared.get(name.lower(), name): value for name, value in row.items()}
            for row in page.rows
        ]
        return page


class LogStream(MotionStream):
    """A log that is only appended to, read window by window and by offset in the order of keys.

    Attributes:
        path: Path below the reporting service.
    """

    primary_keys = ("_id",)
    path: ClassVar[str]

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read each window to an empty page: a short one may be the server's own limit."""
        settings = self.tap.settings
        for part in slices(span, settings.window, settings.start_date):
            window = Window(max(part.start, span.start), part.end)
            fetch = partial(self._fetch, window, part)
            yield walk(fetch, OffsetPaginator(0, f"POST {self.path}"))
            yield Fence(WindowRead(window))

    def _fetch(self, window: Window, part: Window, offset: int) -> Page:
        body = {**bounds(overlapped(window)), "OrderBy": ["_id"]}
        return self.shape(self.ask(self.path, body, offset), part)

    def shape(self, page: Page, part: Window) -> Page:  # noqa: ARG002
        """Add the tap's own columns; `part` is the slice of time that was asked for."""
        return page


class SortedStream(MotionStream):
    """Rows that are read in the order of the time that the vendor's range applies to.

    Attributes:
        path: Path below the reporting service.
        is_strict: Whether rows outside of the range that was asked for are an error.
    """

    primary_keys = ("_id",)
    path: ClassVar[str]
    is_strict: ClassVar[bool] = True

    @property
    def order(self) -> Sequence[str]:
        """Fields to sort by: the time, and what tells equal ones apart."""
        return (self.replication_key or "", "_id")

    def fetch(self, window: Window, offset: int, *, is_divisible: bool = False) -> Page:
        """Read a page of a range; `ask` says what else."""
        body = {**self.range(window), **self.projection, "OrderBy": list(self.order)}
        return self.ask(self.path, body, offset, is_divisible=is_divisible)

    def _scout(self, window: Window, offset: int) -> Page:
        """Read the first page of a range, which may be longer than a window and a little more."""
        is_divisible = window.length > self.tap.settings.window + SECOND
        return self.fetch(window, offset, is_divisible=is_divisible)

    @property
    def projection(self) -> Mapping[str, Any]:
        """Members that choose columns."""
        return {}

    def range(self, window: Window) -> dict[str, Any]:
        """Give the members that choose rows."""
        return dict(bounds(window))

    def slices(self, windows: Iterable[WindowRead], *, counts: bool = False) -> Slices:
        """Give what reads windows.

        Args:
            windows: Their records, in order.
            counts: Whether each is read by itself, and its different rows are counted.
        """
        settings = self.tap.settings
        order = Order(self.replication_key or "", lambda: self.limit)
        source = Source(
            self.fetch,
            self._scout,
            order,
            self.marks,
            settings.max_concurrency,
            counts=counts,
            is_strict=self.is_strict,
        )
        return Slices(source, iter(windows), self.ended, *([1] if counts else []))

    def ended(self, read: WindowRead, found: int) -> Sequence[Node]:  # noqa: ARG002
        """Give the nodes that end a slice, whose last window is `read`."""
        return [Fence(read)]


class LookupStream(MotionStream):
    """A reference list of the reporting service, in one answer.

    Attributes:
        path: Last part of the path.
        member: The member of the answer that holds the list, where it is nested.
        method: The documented method.
        params: Query members.
    """

    primary_keys = ("id",)
    path: ClassVar[str]
    member: ClassVar[str] = ""
    method: ClassVar[Method] = "POST"
    params: ClassVar[Mapping[str, str]] = {}

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read it whole."""
        return [self._read_all]

    def _read_all(self) -> Step:
        page = self.tap.client.lookup(self.path, self.member, self.method, self.params)
        return Step(self.spelled(page))


class ListStream(MotionStream):
    """A list of the routing or CRM service; needs the setting `tenant_id`.

    Attributes:
        path: The whole path.
    """

    primary_keys = ("id",)
    path: ClassVar[str]

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read to an empty page."""
        return [walk(partial(self.fetch, {}), OffsetPaginator(0, f"GET {self.path}"))]

    def fetch(self, params: Mapping[str, str], offset: int) -> Page:
        """Read one page; without a size the vendor gives ten items."""
        size = min(self.tap.settings.page_size, _ITEMS_A_PAGE)
        return self.tap.client.items(
            self.path,
            {
                "TenantId": str(self.tap.config["tenant_id"]),
                **params,
                "SkipCount": str(offset),
                "MaxResultCount": str(size),
                "Sorting": "id",
            },
        )
