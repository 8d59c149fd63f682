"""Flaws that the model must find: each is one way in which the shared code could lose or repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from pytest import MonkeyPatch  # noqa: PT013 - a type

from tap_shared import pagination, reading, state, stream, windows
from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.pagination import CursorPaginator, GuardedPaginator, OffsetPaginator
from tap_shared.prefetch import Fence, ReadAhead, Step
from tap_shared.reading import Reading
from tap_shared.stream import ApiStream
from tap_shared.tap import ApiTap
from tap_shared.windows import Span, Window
from tap_shared.writer import PageWriter
from tests.shared import toy
from tests.shared.toy_source import PAGINGS

__all__ = ["FLAWS"]

Flaw = Callable[[MonkeyPatch], None]

FLAWS: dict[str, tuple[Flaw, Sequence[str]]] = {}
"""What is wrong -> what builds it in, and the ways of paging that may show it."""


def flaw(name: str, *pagings: str) -> Callable[[Flaw], Flaw]:
    """Name a flaw."""

    def add(build: Flaw) -> Flaw:
        FLAWS[name] = build, pagings or [*PAGINGS]
        return build

    return add


# Windows and watermarks


def _mark(patch: MonkeyPatch, moved: Callable[[datetime, datetime], datetime]) -> None:
    def mark(entry: Any, key: str, reached: datetime, run_start: datetime) -> None:
        state.mark(entry, key, moved(reached, run_start), run_start)

    patch.setattr(reading, "mark", mark)


def _span(patch: MonkeyPatch, **other: Any) -> None:
    def span(**given: Any) -> Span:
        return windows.span_of_run(**given | {k: v(given) for k, v in other.items()})

    patch.setattr(stream, "span_of_run", span)


@flaw("the watermark is 45 minutes past the window")
def _(patch: MonkeyPatch) -> None:
    _mark(patch, lambda reached, _: reached + timedelta(minutes=45))


@flaw("the watermark is a second past the window")
def _(patch: MonkeyPatch) -> None:
    _mark(patch, lambda reached, _: reached + timedelta(seconds=1))


@flaw("the watermark is the run's start")
def _(patch: MonkeyPatch) -> None:
    _mark(patch, lambda _, run_start: run_start)


@flaw("the watermark moves backwards")
def _(patch: MonkeyPatch) -> None:
    def mark(entry: Any, key: str, reached: datetime, run_start: datetime) -> None:
        entry.pop("replication_key_value", None)
        state.mark(entry, key, reached, run_start)

    patch.setattr(reading, "mark", mark)


@flaw("the lookback is left out")
def _(patch: MonkeyPatch) -> None:
    _span(patch, lookback=lambda _: timedelta(0))


@flaw("the lookback reaches before start_date")
def _(patch: MonkeyPatch) -> None:
    _span(patch, start_date=lambda given: given["start_date"] - given["lookback"])


@flaw("the lag is left out")
def _(patch: MonkeyPatch) -> None:
    _span(patch, lag=lambda _: timedelta(0))


@flaw("end_date is left out")
def _(patch: MonkeyPatch) -> None:
    _span(patch, end_date=lambda _: None)


@flaw("the bookmark of another replication key counts")
def _(patch: MonkeyPatch) -> None:
    def bookmark(entry: Any, key: str) -> datetime | None:
        return state.bookmark({**entry, "replication_key": key}, key)

    patch.setattr(stream, "bookmark", bookmark)


@flaw("one partition's bookmark is kept under another")
def _(patch: MonkeyPatch) -> None:
    found = ApiStream.get_context_state

    def other(self: ApiStream, context: Any) -> Any:
        site = next(site for site in toy.SITES if site != context["site"])
        return found(self, {"site": site})

    patch.setattr(ApiStream, "get_context_state", other)


@flaw("all partitions share a bookmark")
def _(patch: MonkeyPatch) -> None:
    found = ApiStream.get_context_state
    patch.setattr(ApiStream, "get_context_state", lambda self, _: found(self, {"site": "a"}))


@flaw("the last window is left out")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(toy, "plan", lambda span, length: [*windows.plan(span, length)][:-1])


@flaw("windows have a gap")
def _(patch: MonkeyPatch) -> None:
    def plan(span: Span, length: timedelta) -> Iterator[Window]:
        for window in windows.plan(span, length):
            yield Window(window.start, max(window.start, window.end - timedelta(seconds=1)))

    patch.setattr(toy, "plan", plan)


@flaw("the second half of a window that was too long is left out")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(toy, "halve", lambda window: (windows.halve(window) or ())[:1])


# Reading


@flaw("rows that come twice are not dropped")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(toy.Rows, "is_deduplicated", False)


@flaw("rows that come twice in a window are not dropped")
def _(patch: MonkeyPatch) -> None:
    unseen = Page.unseen

    def only_edges(page: Page, key: Any, seen: set[Any], earlier: Any = ()) -> Page:
        mine: set[Any] = set()
        unseen(page, key, mine, earlier)
        seen |= mine
        return page

    patch.setattr(Page, "unseen", only_edges)


@flaw("rows at the edge of two windows are not dropped")
def _(patch: MonkeyPatch) -> None:
    unseen = Page.unseen
    patch.setattr(Page, "unseen", lambda page, key, seen, _: unseen(page, key, seen))


@flaw("keys of one partition are remembered in the next")
def _(patch: MonkeyPatch) -> None:
    seen: set[Any] = set()
    unseen = Page.unseen
    patch.setattr(Page, "unseen", lambda page, _, __, ___: unseen(page, ("id",), seen))


@flaw("rows from outside of what is read are not left out")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(toy.Rows, "bounded", False)


@flaw("a state comes before its last records")
def _(patch: MonkeyPatch) -> None:
    write = PageWriter.write_page
    held: list[Any] = []

    def late(writer: PageWriter, *page: Any) -> None:
        for one in held[:]:
            write(writer, *one)
        held[:] = [page]

    patch.setattr(PageWriter, "write_page", late)


@flaw("a state comes only at the end")
def _(patch: MonkeyPatch) -> None:
    move = Reading._checkpoint

    def last(self: Reading, reached: datetime) -> None:
        if reached == self._span.end:
            move(self, reached)

    patch.setattr(Reading, "_checkpoint", last)


@flaw("the state is moved before the window is written")
def _(patch: MonkeyPatch) -> None:
    records = Reading._records

    def early(self: Reading, page: Page) -> Iterator[Any]:
        self._checkpoint(self._span.end)
        return records(self, page)

    patch.setattr(Reading, "_records", early)


@flaw("one partition that fails ends the others")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(stream, "SettingRefused", StreamFailed)


# Read-ahead and paging


@flaw("a fence is passed while a page of its window is on its way")
def _(patch: MonkeyPatch) -> None:
    def place(self: ReadAhead, entry: Any, then: Sequence[Any]) -> None:
        at = self._entries.index(entry) + 1
        at += at < len(self._entries) and isinstance(self._entries[at].node, Fence)
        for offset, node in enumerate(then):
            self._entries.insert(at + offset, self._entry(node))

    patch.setattr(ReadAhead, "_place", place)


@flaw("pages that follow are put in the wrong order, behind all that was planned")
def _(patch: MonkeyPatch) -> None:
    def place(self: ReadAhead, _: Any, then: Sequence[Any]) -> None:
        self._entries.extend(self._entry(node) for node in then)

    patch.setattr(ReadAhead, "_place", place)


@flaw("a page that fails is passed over")
def _(patch: MonkeyPatch) -> None:
    work = ReadAhead._work

    def tolerant(self: ReadAhead, entry: Any) -> None:
        job = entry.node

        def read() -> Step:
            try:
                found: Step = job()
            except StreamFailed:
                return Step()
            return found

        entry.node = read
        work(self, entry)

    patch.setattr(ReadAhead, "_work", tolerant)


@flaw("a page that is done comes out before one that is not")
def _(patch: MonkeyPatch) -> None:
    head = ReadAhead._head

    def hasty(self: ReadAhead) -> Any:
        with self._change:
            done = [e for e in self._entries if e.done or isinstance(e.node, Fence)]
            if done and done[0] is not self._entries[0]:
                self._entries.remove(done[0])
                self._entries.appendleft(done[0])
        return head(self)

    patch.setattr(ReadAhead, "_head", hasty)


@flaw("the last page is dropped where the pages are known", "numbered")
def _(patch: MonkeyPatch) -> None:
    rest = pagination.NumberedPaginator.rest
    patch.setattr(pagination.NumberedPaginator, "rest", lambda self, page: rest(self, page)[:-1])


@flaw("a short page is taken for the last")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(OffsetPaginator, "has_more", lambda _, page: len(page) >= 5)


@flaw("offsets count the rows that were asked for")
def _(patch: MonkeyPatch) -> None:
    def following(self: OffsetPaginator, page: Page) -> int | None:
        at: int = self.current_value + 5
        return None if page.total is not None and at >= page.total else at

    patch.setattr(OffsetPaginator, "get_next", following)


@flaw("an empty page ends a cursor", "cursor")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(CursorPaginator, "has_more", GuardedPaginator.has_more)


@flaw("a signal's state says that the window under way is read")
def _(patch: MonkeyPatch) -> None:
    def finish(self: toy.ToyTap, _: int) -> None:
        entry = self.streams["rows"].get_context_state({"site": "b"})
        state.mark(entry, "at", self.run_start - toy.LAG, self.run_start)
        ApiTap.finish(self, _)

    patch.setattr(toy.ToyTap, "finish", finish)
