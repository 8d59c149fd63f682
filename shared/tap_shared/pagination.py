"""Paginators: from one page, which page comes next.

They are the SDK's paginators, advanced with a `Page` instead of a response, and every one of them
refuses a token that it has seen before: a vendor that sends a cursor twice would otherwise be read
for ever. Where the first page tells all the rest, `rest` gives their tokens, to be read side by
side.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from singer_sdk.pagination import BaseAPIPaginator

from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.prefetch import Job, Step

__all__ = [
    "CursorPaginator",
    "GuardedPaginator",
    "KeysetPaginator",
    "NumberedPaginator",
    "OffsetPaginator",
    "walk",
]

T = TypeVar("T", bound=Hashable)

_MOST_PAGES = 1_000_000
_MOST_EMPTY = 200  # pages in a row that name a follower and hold nothing
_FEW = 20  # pages may repeat while rows move under the reader, but not half of them


class GuardedPaginator(BaseAPIPaginator[T], Generic[T]):
    """A paginator that ends on an empty page and never takes a token twice.

    Args:
        start: The first page's token.
        what: What is being read, for errors.
    """

    def __init__(self, start: T, what: str = "") -> None:
        """Remember the first token as seen."""
        super().__init__(start)
        self._seen: set[T] = {start}
        self._pages: set[int] = set()
        self._repeats = 0
        self._empty = 0
        self._what = what

    def advance(self, response: Any) -> None:
        """Move on to the token after a page.

        Raises:
            StreamFailed: The token was seen before, or there is no end to the pages.
        """
        self._page_count += 1
        self._refuse_repeats(response.rows)
        following = self.get_next(response) if self.has_more(response) else None
        if following is None:
            self._finished = True
            return
        self._empty = 0 if response.rows else self._empty + 1
        is_endless = self._page_count > _MOST_PAGES or self._empty > _MOST_EMPTY
        if following in self._seen or is_endless:
            msg = (
                f"{self._what}: the vendor's paging goes in a circle after {self._page_count}"
                " pages; nothing past it was read. Report it to the vendor."
            )
            raise StreamFailed(msg)
        self._seen.add(following)
        self._value = following

    def _refuse_repeats(self, rows: Sequence[Any]) -> None:
        """Count pages that begin and end like an earlier one.

        Raises:
            StreamFailed: Most do: the vendor ignores the token and would be read for ever.
        """
        if not rows:
            return
        mark = hash((len(rows), repr(rows[0]), repr(rows[-1])))
        self._repeats += mark in self._pages
        self._pages.add(mark)
        if self._repeats > max(_FEW, self._page_count // 2):
            msg = (
                f"{self._what}: the vendor sends the same pages again and again"
                f" ({self._repeats} of {self._page_count}); it ignores the page that is asked for."
                " Report it to the vendor."
            )
            raise StreamFailed(msg)

    def has_more(self, response: Any) -> bool:
        """Tell whether a page may have a follower: an empty one has none."""
        return len(response) > 0

    def rest(self, page: Page) -> Sequence[T]:  # noqa: ARG002 - most cannot know
        """Give the tokens of all further pages, where the first page tells them."""
        return ()


class OffsetPaginator(GuardedPaginator[int]):
    """Offset by rows received, to the vendor's total where it gives one, else to an empty page.

    A short page is no end: it may be the vendor's own cap.
    """

    def get_next(self, response: Any) -> int | None:
        """Give the next offset."""
        following: int = self.current_value + len(response)
        if response.total is not None and following >= response.total:
            return None
        return following


class NumberedPaginator(GuardedPaginator[int]):
    """Pages by number, whose last number the first page tells in `facts['pages']`."""

    def get_next(self, response: Any) -> int | None:
        """Give the next number."""
        pages: int = response.facts.get("pages", 0)
        return self.current_value + 1 if self.current_value < pages else None

    def rest(self, page: Page) -> Sequence[int]:
        """Give all further numbers at the first page.

        Raises:
            StreamFailed: There are absurdly many.
        """
        first: int = self.current_value
        pages: int = page.facts.get("pages", 0)
        if pages > _MOST_PAGES:
            msg = (
                f"{self._what}: the vendor tells of {pages} pages, more than can be; nothing past"
                " the first was read. Report it to the vendor."
            )
            raise StreamFailed(msg)
        return range(first + 1, pages + 1)


class CursorPaginator(GuardedPaginator["str | None"]):
    """An opaque cursor that each page tells in `facts['cursor']`; an empty page may have one."""

    def __init__(self, what: str = "") -> None:
        """Begin without a cursor."""
        super().__init__(None, what)

    def has_more(self, response: Any) -> bool:
        """Tell whether the page names a follower."""
        return bool(response.facts.get("cursor"))

    def get_next(self, response: Any) -> str | None:
        """Give the next cursor."""
        cursor: str | None = response.facts.get("cursor")
        return cursor


class KeysetPaginator(GuardedPaginator[int]):
    """Rows beyond the last integer key, until an empty page.

    Args:
        start: Rows with a greater key are asked for.
        field: The key's name.
        what: What is being read, for errors.
    """

    def __init__(self, start: int, field: str, what: str = "") -> None:
        """Begin before the first key."""
        super().__init__(start, what)
        self._field = field

    def get_next(self, response: Any) -> int | None:
        """Give the page's last key.

        Raises:
            StreamFailed: Keys do not grow, or are none: the vendor ignored the filter or the order.
        """
        last: int = self.current_value
        for value in response.column(self._field):
            key = _whole(value)
            if key is None or key <= last:
                msg = (
                    f"{self._what}: '{self._field}' does not grow from row to row, so the vendor"
                    " ignored the order or the filter; nothing past it was read."
                )
                raise StreamFailed(msg)
            last = key
        return last


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def walk(fetch: Callable[[Any], Page], paginator: GuardedPaginator[Any]) -> Job:
    """Give the job that reads a page and leads to all further ones.

    Args:
        fetch: Reads the page of one token.
        paginator: Fresh, at its first token.
    """

    def first() -> Step:
        page = fetch(paginator.current_value)
        known = paginator.rest(page)
        if known:
            return Step(page, [partial(_single, fetch, token) for token in known])
        return _onward(page)

    def following() -> Step:
        return _onward(fetch(paginator.current_value))

    def _onward(page: Page) -> Step:
        paginator.advance(page)
        return Step(page, () if paginator.finished else [following])

    return first


def _single(fetch: Callable[[Any], Page], token: Any) -> Step:
    return Step(fetch(token))
