"""The kinds of streams beside records and metrics: lists, children of lists, logs and exports.

A kind says how its requests are made; `streams.py` only declares. Envelopes and paging of lists:
the description at https://github.com/api-evangelist/dixa.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from singer_sdk.schema.source import SchemaDirectory

from tap_dixa import schemas
from tap_dixa.client import Rejected
from tap_dixa.paging import PageSize, Walk, step
from tap_shared.errors import StreamFailed, StreamUnavailable, WindowTooLarge
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Job, Node, Step
from tap_shared.stream import ApiStream, WindowRead
from tap_shared.windows import Span, Window, halve, plan

if TYPE_CHECKING:
    from singer_sdk.singerlib import CatalogEntry

    from tap_dixa.tap import TapDixa
    from tap_shared.codec import Codec
    from tap_shared.errors import TapError

__all__ = [
    "EDGE", "GONE", "ChildStream", "DixaStream", "ExportStream", "ListStream", "LogStream",
    "UnreadStream", "halves_of", "instant",
]  # fmt: skip

EDGE = timedelta(milliseconds=1)
"""How far each request reaches beyond its window: whether ends are inclusive is not documented."""

_SHORTEST = timedelta(minutes=1)

_LAG = timedelta(minutes=5)
_MOST_EVENTS = 10_000  # https://github.com/singer-io/tap-dixa
_EXPORT_WINDOW = timedelta(days=30)  # no query may span more than 31 days
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GONE = frozenset((400, 404))
"""What an id that is gone or unknown answers: a team and a filter 400, an agent or a queue 404."""


Context = Mapping[str, Any]
Params = Sequence[tuple[str, str]]


def instant(moment: datetime) -> str:
    """Write an instant for a request: UTC with `Z`, to the millisecond."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


class DixaStream(ApiStream):
    """What all streams of the tap share."""

    schemas = SchemaDirectory(schemas)
    lag = _LAG
    tap: TapDixa

    def page_size(self, most: int | None) -> PageSize:
        """Give a page size that is heeded up to `most`; None sends none."""
        limit = None if most is None else self.tap.client.most(most)
        return PageSize(limit, self.logger.warning)

    @property
    def row_codec(self) -> Codec | None:
        """What decodes the rows, where they are emitted as they come."""
        return self.codec

    def every(self, span: Span) -> Fence:
        """Give the fence behind a list that is read whole."""
        return Fence(WindowRead(Window(span.start, span.end)))


class UnreadStream(DixaStream):
    """A stream whose catalogue could not be read: it fails, and the others run.

    Args:
        tap: The tap.
        entry: The Singer catalog's entry.
        err: Why the catalogue could not be read.
    """

    def __init__(self, tap: TapDixa, entry: CatalogEntry, err: TapError) -> None:
        """Take over the entry."""
        self._entry = entry
        self._err = err
        self.primary_keys = tuple(entry.key_properties or ())
        self.replication_key = entry.replication_key
        super().__init__(tap, entry.tap_stream_id)

    def load_schema(self, name: str | None) -> dict[str, Any]:  # noqa: ARG002
        """Give the entry's schema."""
        return self._entry.schema.to_dict()

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Tell of the catalogue.

        Raises:
            TapError: Always.
        """
        raise self._err


class ListStream(DixaStream):
    """A reference list, read whole.

    Attributes:
        path: Its path behind the version.
        params: Query pairs of every request.
        most: Rows a page; None where the list takes no page size.
        inside: The member of `data` that holds the rows.
        may_be_missing: Whether older installations do not have it (404).
    """

    primary_keys: ClassVar[Sequence[str]] = ("id",)
    path: ClassVar[str]
    params: ClassVar[Params] = ()
    most: ClassVar[int | None] = None
    inside: ClassVar[str | None] = None
    may_be_missing: ClassVar[bool] = False

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read page by page."""
        _ = self.row_codec  # before several threads ask for it
        return [partial(step, self._pages(), self.shape), self.every(span)]

    def _pages(self) -> Iterator[Page]:
        walk = Walk(self._ask, self.page_size(self.most), f"GET /v1{self.path}")
        try:
            yield from walk.again()
        except Rejected as refusal:
            if not (self.may_be_missing and refusal.status == 404):
                raise
            self.logger.warning("'%s' is missing on this installation (404).", self.name)

    def _ask(self, params: Iterable[tuple[str, str]]) -> Page:
        asked = [*self.params, *params]
        return self.tap.client.get(self.path, asked, inside=self.inside, codec=self.row_codec)

    def shape(self, page: Page) -> Page:
        """Add the tap's own columns."""
        return page


class ChildStream(DixaStream):
    """What belongs to each row of another list, one request a row, several side by side.

    Attributes:
        parents: Path of the other list.
        parents_most: Rows a page of it; None where it takes no page size.
        template: Path of the children, with `{}` for the parent's id.
        parent_key: The column that holds the parent's id.
    """

    parents: ClassVar[str]
    parents_most: ClassVar[int | None] = None
    template: ClassVar[str]
    parent_key: ClassVar[str]

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read the parents page by page, and the children of each right behind it."""
        _ = self.row_codec  # before several threads ask for it
        self._asked = 0
        self._refused: list[str] = []
        size = self.page_size(self.parents_most)
        walk = Walk(partial(self.tap.client.get, self.parents), size, f"GET /v1{self.parents}")
        return [partial(self._lead, walk.again(), set()), self.every(span)]

    def _lead(self, pages: Iterator[Page], known: set[str]) -> Step:
        page = next(pages, None)
        if page is None:
            return Step()
        ids = [str(row["id"]) for row in page.rows if row.get("id")]
        fresh = [each for each in dict.fromkeys(ids) if each not in known]
        known.update(fresh)
        self._asked += len(fresh)
        jobs: list[Node] = [partial(self._children, each) for each in fresh]
        return Step(None, [*jobs, partial(self._lead, pages, known)])

    def _children(self, parent: str) -> Step:
        path = self.template.format(quote(parent, safe=""))
        what = self.template.format("{id}")
        ask = partial(self.tap.client.get, path, what=what, codec=self.row_codec)
        walk = Walk(ask, PageSize(None, self.logger.warning), f"GET /v1{what}")
        try:
            rows = [row for page in walk.whole() for row in page.rows]
        except Rejected as refusal:
            if refusal.status not in GONE:
                raise
            self._refused.append(parent)
            self.logger.info("One %s is gone; its rows are left out.", self.parent_key)
            return Step()
        return Step(self.shape(Page(rows).stamp(**{self.parent_key: parent})))

    def verify(self, read: WindowRead) -> Sequence[Node]:  # noqa: ARG002 - nothing of it is needed
        """Tell parents that are gone from a list that is refused."""
        if 1 < len(self._refused) == self._asked:
            msg = f"the vendor refuses GET /v1{self.template.format('{id}')} for every parent."
            raise StreamUnavailable(msg)
        return ()

    def shape(self, page: Page) -> Page:
        """Add further columns."""
        return page


class LogStream(DixaStream):
    """A log that takes a range of time, paged; its rows have ids and never change.

    Attributes:
        path: Its path behind the version.
        range_params: Names of the parameters for start and end.
    """

    primary_keys: ClassVar[Sequence[str]] = ("id",)
    path: ClassVar[str]
    range_params: ClassVar[tuple[str, str]]

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read window by window."""
        _ = self.row_codec  # before several threads ask for it
        self._size = self.page_size(_MOST_EVENTS)
        for window in plan(span, self.tap.settings.window):
            yield self._job(window)
            yield Fence(WindowRead(window))

    def _job(self, window: Window) -> Job:
        ask = partial(self._ask, window)
        pages = Walk(ask, self._size, f"GET /v1{self.path}").again()
        return partial(self._page, window, pages)

    def _page(self, window: Window, pages: Iterator[Page]) -> Step:
        try:
            page = next(pages, None)
        except WindowTooLarge as err:
            return Step(None, [self._job(half) for half in halves_of(window, err)])
        return Step() if page is None else Step(page, [partial(self._page, window, pages)])

    def _ask(self, window: Window, params: Iterable[tuple[str, str]]) -> Page:
        ends = (instant(window.start - EDGE), instant(window.end + EDGE))
        asked = [*zip(self.range_params, ends, strict=True), *params]
        return self.tap.client.get(self.path, asked, is_window=True, codec=self.row_codec)


class ExportStream(DixaStream):
    """An export: one bare array a request, at most 31 days, 10 requests a minute.

    Attributes:
        range_name: The parameters' name without `_after` and `_before`.
    """

    primary_keys: ClassVar[Sequence[str]] = ("id",)
    selected_by_default = False
    range_name: ClassVar[str]

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read windows as long as the vendor allows, one after the other: requests are scarce."""
        self._longest = _EXPORT_WINDOW
        return self._rest(span.start, span.end)

    def _rest(self, start: datetime, end: datetime) -> list[Node]:
        return [partial(self._read_window, start, end)] if start < end else []

    def _read_window(self, start: datetime, end: datetime) -> Step:
        window = Window(start, min(end, start + self._longest))
        ends = (_ms(window.start - EDGE), _ms(window.end + EDGE))
        params = [(f"{self.range_name}_after", ends[0]), (f"{self.range_name}_before", ends[1])]
        try:
            page = self.tap.client.export(self.name, params, self.row_codec)
        except WindowTooLarge as err:
            self._longest = halves_of(window, err)[0].length  # the others are no smaller
            return Step(None, self._rest(start, end))
        return Step(page, [Fence(WindowRead(window)), *self._rest(window.end, end)])


def halves_of(window: Window, err: Exception) -> Sequence[Window]:
    """Cut a window that the vendor does not answer in time, or that is too much at once.

    Raises:
        StreamFailed: It is too short for that.
    """
    halves = halve(window, _SHORTEST)
    if halves is None:
        msg = f"the vendor gives no usable answer for {window} ({err}). Run again later."
        raise StreamFailed(msg)
    return halves


def _ms(moment: datetime) -> str:
    return str((moment - _EPOCH) // EDGE)
