"""A server of sorted rows that keeps no promise, and a reader that runs jobs in any order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tap_interactions.client import overlapped
from tap_interactions.order import Order
from tap_interactions.sweep import Source
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Node
from tap_shared.windows import Window

BEGIN = datetime(2026, 11, 20, 8, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
FIELD = "MostRecentRollupAtUtc"
MARKS = ("_id", FIELD)

Row = dict[str, Any]


def text(moment: datetime) -> str:
    """Write an instant as the vendor does: zeros at the end of its fraction cut off."""
    fraction = f"{moment.microsecond // 1000:03d}".rstrip("0")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}Z"


@dataclass
class Server:
    """Rows by instant, in milliseconds after `BEGIN`, served as the attributes say.

    Attributes:
        offsets: The rows' instants.
        limit: Rows that are asked for.
        cap: Rows that the server gives at most.
        bounds: Inclusivity of ranges.
        is_tied: Whether equal instants come in another order each time.
        by_text: Whether instants are sorted as text.
        is_unsorted: Whether no order is kept at all.
        short: How often a page is cut short for no reason.
        leaving: Rows that are rewritten to after the range at each request.
        left: How many may still be rewritten.
    """

    offsets: Sequence[int]
    limit: int = 500
    cap: int = 500
    bounds: str = "[)"
    is_tied: bool = False
    by_text: bool = False
    is_unsorted: bool = False
    short: float = 0.0
    leaving: int = 0
    left: int = 40
    seed: int = 1
    asked: list[tuple[Window, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)  # noqa: S311 - no secret
        keys = [f"{n:024x}" for n in range(len(self.offsets))]
        self.rng.shuffle(keys)
        self.rows = {
            key: BEGIN + offset * MILLISECOND
            for key, offset in zip(keys, self.offsets, strict=True)
        }

    def fetch(self, window: Window, offset: int) -> Page:
        """Read a page."""
        assert window.start < window.end
        self.asked.append((window, offset))
        found = [key for key, at in self.rows.items() if self._is_inside(at, window)]
        self.rng.shuffle(found)
        if not self.is_unsorted:
            found.sort(key=self._rank)
        size = min(self.limit, self.cap)
        if self.rng.random() < self.short:
            size = self.rng.randint(1, size)
        rows = [{"_id": key, FIELD: text(self.rows[key])} for key in found[offset : offset + size]]
        for key in self.rng.sample(sorted(self.rows), min(self.leaving, self.left, len(self.rows))):
            del self.rows[key]
            self.left -= 1
        return Page(rows)

    def _is_inside(self, at: datetime, window: Window) -> bool:
        return (window.start < at or (at == window.start and self.bounds[0] == "[")) and (
            at < window.end or (at == window.end and self.bounds[1] == "]")
        )

    def _rank(self, key: str) -> tuple[Any, str]:
        at = self.rows[key]
        return text(at) if self.by_text else at, "" if self.is_tied else key

    def source(self, width: int = 1, **more: Any) -> Source:
        """Give the server as what a sweep reads."""
        order = Order(FIELD, lambda: self.limit)
        return Source(self.fetch, self.fetch, order, MARKS, width, **more)

    def window(self, length: timedelta) -> Window:
        """Give a range from the first instant on, as it is asked for."""
        return overlapped(Window(BEGIN, BEGIN + length))


@dataclass
class Reader:
    """Runs jobs as the read-ahead does, several under way, ended in any order.

    Attributes:
        out: Rows and fences as they come out, each row once a window.
    """

    width: int = 1
    seed: int = 1
    out: list[Row | Fence] = field(default_factory=list)

    def run(self, nodes: Sequence[Node]) -> list[Row]:
        """Run jobs and all that they lead to; give the rows."""
        rng = random.Random(self.seed)  # noqa: S311 - no secret
        entries: list[Any] = list(nodes)
        while jobs := [n for n, entry in enumerate(entries) if callable(entry)]:
            at = rng.choice(jobs[: self.width])
            step = entries[at]()
            entries[at : at + 1] = [*([step.page] if step.page else []), *step.then]
        keys: set[Any] = set()
        earlier: set[Any] = set()
        for entry in entries:
            if isinstance(entry, Fence):
                keys, earlier = set(), keys
                self.out.append(entry)
            else:
                self.out += entry.unseen(MARKS, keys, earlier).rows
        return [row for row in self.out if isinstance(row, dict)]


def keys_of(rows: Sequence[Row]) -> list[str]:
    return [row["_id"] for row in rows]
