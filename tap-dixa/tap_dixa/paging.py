"""How Dixa's lists are paged: by keys that hide a page number, so rows shift while one reads.

`meta.next` and `pageKey`: https://docs.dixa.io/openapi/dixa-api/v1/analytics. That a key holds a
page number shows in its published sample; that rows therefore come twice is inferred.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from tap_dixa.client import Rejected
from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.pagination import CursorPaginator
from tap_shared.prefetch import Step

__all__ = ["SMALL_PAGE", "PageSize", "StaleKey", "Walk", "content", "settled", "step"]

SMALL_PAGE = 50
"""A size that every list takes."""

_PASSES = 4

Row = Mapping[str, Any]
Ask = Callable[[Sequence[tuple[str, str]]], Page]


class StaleKey(Rejected):
    """The vendor refuses the key of a following page: the walk has to begin anew."""


@dataclass(slots=True)
class PageSize:
    """The size of an endpoint's pages.

    Attributes:
        limit: Rows a request; None where the endpoint takes no such parameter.
        warn: Where a size that the vendor refuses is told.
    """

    limit: int | None
    warn: Callable[[str], None]

    def shrink(self, what: str) -> None:
        """Keep to small pages from now on."""
        refused, self.limit = self.limit, SMALL_PAGE
        if refused != SMALL_PAGE:  # else another window has told it
            self.warn(f"{what}: the vendor refuses {refused} rows a page; {SMALL_PAGE} it is.")


@dataclass(frozen=True, slots=True)
class Walk:
    """A way through a paged list.

    Attributes:
        ask: Reads a page with the given query pairs.
        size: The endpoint's page size; constant within one walk.
        what: What is read, for errors.
    """

    ask: Ask
    size: PageSize
    what: str

    def pages(self) -> Iterator[Page]:
        """Give the pages in order.

        Raises:
            StaleKey: The key of a following page is refused.
            StreamFailed: The keys go in a circle.
        """
        paginator = CursorPaginator(self.what)
        page, limit = self._first()
        while True:
            paginator.advance(page)
            yield page
            if paginator.finished:
                return
            try:
                page = self.ask(_params(limit, paginator.current_value))
            except Rejected as refusal:
                if refusal.status != 400:
                    raise
                raise StaleKey(refusal.status, str(refusal)) from None

    def _first(self) -> tuple[Page, int | None]:
        """Read the first page; where a large one is refused, try a small one."""
        limit = self.size.limit
        try:
            return self.ask(_params(limit)), limit
        except Rejected as refusal:
            if refusal.status != 400 or limit is None or limit <= SMALL_PAGE:
                raise
        page = self.ask(_params(SMALL_PAGE))
        self.size.shrink(self.what)
        return page, SMALL_PAGE

    def whole(self) -> list[Page]:
        """Read all pages; begin anew, once, where a key has gone stale.

        Raises:
            StreamFailed: Keys go stale, or in a circle.
        """
        try:
            return list(self.pages())
        except StaleKey:
            return list(self._anew())

    def again(self) -> Iterator[Page]:
        """Give the pages, and all of them anew, once, where a key has gone stale.

        Raises:
            StreamFailed: Keys go stale, or in a circle.
        """
        try:
            yield from self.pages()
        except StaleKey:
            yield from self._anew()

    def _anew(self) -> Iterator[Page]:
        try:
            yield from self.pages()
        except StaleKey as err:
            msg = (
                f"{self.what}: the vendor refuses the key of a following page twice (HTTP"
                f" {err.status}). Run again later."
            )
            raise StreamFailed(msg) from None


def _params(limit: int | None, key: str | None = None) -> list[tuple[str, str]]:
    size = [] if limit is None else [("pageLimit", str(limit))]
    return size if key is None else [*size, ("pageKey", key)]


def step(pages: Iterator[Page], shape: Callable[[Page], Page]) -> Step:
    """Read one page, as a job that leads to the next one."""
    page = next(pages, None)
    return Step() if page is None else Step(shape(page), [partial(step, pages, shape)])


def content(row: Any) -> str:
    """Give a row as a text that two rows share only where they are the same."""
    try:
        return msgspec.json.encode(row, order="sorted").decode()
    except (UnicodeEncodeError, OverflowError, TypeError):
        return json.dumps(row, sort_keys=True, ensure_ascii=False, default=str)


def settled(read: Callable[[], Sequence[Page]], identity: Callable[[Row], str]) -> Page:
    """Read a window until its rows did not shift between its pages.

    A row that arrives at the front pushes another one over the edge of a page, where it is seen a
    second time. Two equal rows may as well be true twins (two questions of a survey, answered
    alike), so a window with rows that agree across pages is read again: what two readings have in
    common is true, and a reading without such rows is.

    Args:
        read: Reads all pages.
        identity: Gives what tells a row from others, whatever its values.

    Returns:
        The window's rows in one page. Where they never come to rest, each row as often as one
        answer held it.
    """
    passes: list[list[list[dict[str, Any]]]] = []
    size = 0
    for _ in range(_PASSES):
        answers = read()
        size = sum(page.size for page in answers)
        pages = [list(page.rows) for page in answers]
        rows = [row for page in pages for row in page]
        if not _shifted(pages, identity) or (passes and _same(rows, passes[-1])):
            return Page(rows, size=size)
        passes.append(pages)
    return Page(_union(page for one in passes for page in one), size=size)


def _shifted(pages: Sequence[Sequence[Row]], identity: Callable[[Row], str]) -> bool:
    if len(pages) == 1:
        return False
    seen: set[str] = set()
    for page in pages:
        here = {identity(row) for row in page}
        if here & seen:
            return True
        seen |= here
    return False


def _same(rows: Iterable[Row], pages: Iterable[Iterable[Row]]) -> bool:
    before = Counter(content(row) for page in pages for row in page)
    return Counter(map(content, rows)) == before


def _union(pages: Iterable[Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    kept: Counter[str] = Counter()
    rows = []
    for page in pages:
        here: Counter[str] = Counter()
        for row in page:
            mark = content(row)
            here[mark] += 1
            if here[mark] > kept[mark]:
                kept[mark] += 1
                rows.append(row)
    return rows
