"""Bulk export by `rowId`: the vendor's own method for reading years of triggers.

Rows come sorted by `rowId` alone, and each request asks for those beyond the last one received. An
answer is read while it comes, a quarter of a megabyte at a time, and when it breaks off the next
request goes on behind the last good row: neither a gap nor a double. Only an empty answer is the
end, since the vendor may cap pages silently.
https://kb.infinity.co/knowledge-base/article/api-reports; the operand `gt` is inferred.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tap_infinity.client import InfinityClient, Params
from tap_infinity.lines import READING, Lines, Nameless, Taken, no_row
from tap_shared.coerce import Rules, coercion
from tap_shared.errors import PleaseRetry, StreamFailed
from tap_shared.fields import column_of
from tap_shared.http import Reply, Request
from tap_shared.page import Page
from tap_shared.prefetch import Node, Step
from tap_shared.rate_limit import Stopped

if TYPE_CHECKING:
    from tap_shared.codec import Codec

__all__ = ["KeysetWalk", "usable_ids"]

_BEYOND = "gt"
_HELD = 5
"""How many bytes a row takes in memory for each byte on the wire, roughly."""
_WHOLE = coercion({"type": "integer"}, Rules())
_LARGEST = 2**63 - 1


class KeysetWalk:
    """One chain of requests over one range of days.

    Attributes:
        last: The last `rowId` that came; the one to begin behind before any came.

    Args:
        client: The login's API.
        path: Path below the version.
        params: Query pairs without sort, limit and the filter on `rowId`.
        after: Only rows beyond this `rowId`; None for all.
        give: Makes of each page what is emitted, and the nodes that come right behind it.
        wanted: Bytes of one reading.
        codec: Decodes the rows; dictionaries where there is none.
    """

    def __init__(
        self,
        client: InfinityClient,
        path: str,
        params: Params,
        *,
        after: int | None,
        give: Callable[[Page], tuple[Page | None, Sequence[Node]]],
        wanted: int = READING,
        codec: Codec | None = None,
    ) -> None:
        """Begin before the first row; nothing is requested yet."""
        self._client = client
        self._path = path
        self._params = params
        self.last = after
        self._give = give
        self._wanted = wanted
        self._codec = codec
        self._reply: Reply | None = None
        self._lines = Lines(iter(()))
        self._received = 0
        self._ends = 0
        self._trouble: PleaseRetry | None = None
        self._nameless: PleaseRetry | None = None
        self._closed = False
        self._lock = threading.Lock()

    def job(self) -> Step:
        """Read on: some rows, and the job that reads the next ones."""
        taken, ids = self._client.rows.use(self._read)
        self._advance(ids)
        has_ended = self._is_end(taken)
        if taken.is_last or self._trouble is not None:
            self._received = 0
        read = Page(taken.rows, size=taken.size * _HELD)
        read.write("rowId", ids)
        page, behind = self._give(read)
        return Step(page, [*behind, *(() if has_ended else (self.job,))])

    def close(self) -> None:
        """Let go of an answer that nobody will read to its end."""
        with self._lock:
            self._closed = True
            self._drop()

    def _drop(self) -> None:
        if self._reply is not None:
            self._reply.close()
            self._reply, self._lines = None, Lines(iter(()))

    def _request(self, limit: int) -> Request:
        beyond = (("filter[]", f"rowId-{_BEYOND}-value-{self.last}"),)
        return self._client.request(
            self._path,
            (
                *self._params,
                ("sort[]", "rowId-asc"),
                *(beyond if self.last is not None else ()),
                ("limit", str(limit)),
            ),
        )

    def _read(self, limit: int) -> tuple[Taken, list[int]]:
        request = self._request(limit)
        return self._client.transport.persist(request, partial(self._attempt, request))

    def _attempt(self, request: Request) -> tuple[Taken, list[int]]:
        """Read some lines, of the answer at hand or of a new one; give them and their row ids.

        Raises:
            PleaseRetry: Nothing could be read, or the answer before broke off: wait first.
        """
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            raise trouble
        taken = self._take(request)
        self._ends = self._ends + 1 if self._is_end(taken) else 0
        if self._ends:
            self._client.believe(is_blank=taken.is_blank, times=self._ends)
        if self._ends and self._nameless is not None:  # what follows its neighbour is not it
            raise StreamFailed(f"{self._path}: {self._nameless}.")
        ids = usable_ids(taken.rows)
        if ids:
            self._nameless = None
        if len(ids) < len(taken.rows):
            taken.trouble = no_row(taken.rows[len(ids)], ("rowId",))
            self._nameless = taken.trouble if isinstance(taken.trouble, Nameless) else None
            del taken.rows[len(ids) :]
        if taken.trouble is not None:
            self._let_go()
            if not taken.rows:
                self._received = 0
                raise taken.trouble
        self._trouble = taken.trouble
        return taken, ids

    def _is_end(self, taken: Taken) -> bool:
        return taken.is_last and not self._received and not taken.rows

    def _take(self, request: Request) -> Taken:
        if self._reply is None:
            self._open(request)
        taken = self._lines.take()
        if taken.is_last:
            self._let_go()
        return taken

    def _let_go(self) -> None:
        with self._lock:
            self._drop()

    def _open(self, request: Request) -> None:
        reply = self._client.transport.open(request)
        with self._lock:
            if self._closed:
                reply.close()
                raise Stopped("The stream has ended.")
            self._reply = reply
        self._lines = Lines(reply.blocks(is_bounded=False), self._wanted, self._codec)

    def _advance(self, ids: Sequence[int]) -> None:
        """Move on behind the last row.

        Raises:
            StreamFailed: Row ids do not grow, compared as integers: the vendor ignored the order
                or the filter.
        """
        before = -1 if self.last is None else self.last
        if any(a >= b for a, b in pairwise((before, *ids))):
            msg = (
                f"{self._path}: rowId does not grow from row to row, so the vendor ignored the"
                " order or the filter; nothing past it was read."
            )
            raise StreamFailed(msg)
        self._received += len(ids)
        if ids:
            self.last = ids[-1]


def usable_ids(rows: Sequence[Any]) -> list[int]:
    """Give the row ids, up to the first that is unusable."""
    values = column_of(rows, "rowId")
    with suppress(ValueError):
        if {*map(type, values)} == {str} and all(map(str.isdecimal, values)):
            plain = [*map(int, values)]
            if max(plain) <= _LARGEST:
                return plain
    return [*_usable(values)]


def _usable(values: Iterable[Any]) -> Iterator[int]:
    with suppress(ValueError, OverflowError):
        for value in values:
            number = _WHOLE(value)
            if number is None:
                return
            yield number
