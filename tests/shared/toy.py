"""A tap on rows in memory, which can be made to fail or to die at any step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from singer_sdk.singerlib.messages import Message

from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.pagination import OffsetPaginator, walk
from tap_shared.prefetch import Fence, Node
from tap_shared.settings import settings_schema
from tap_shared.stream import ApiStream, WindowRead
from tap_shared.tap import ApiTap
from tap_shared.windows import Span, Window, plan
from tap_shared.writer import PageWriter

START = datetime(2024, 1, 1, tzinfo=UTC)
LAG = timedelta(minutes=3)
SITES = ("a", "b")

Key = tuple[str, int]


class Died(BaseException):
    """The process is gone: nothing on the way out may do anything more."""


class Source:
    """Rows by site and id: when they happened, and how often they were rewritten.

    Attributes:
        rows: Key to instant and version.
        fails_at: The page request, counted from 1, that is refused; none where it is 0.
        dies_at: The page request that the process does not survive.
        on_death: Called then.
        arriving: Rows that arrive after so many page requests of a run.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.rows: dict[Key, tuple[datetime, int]] = {}
        self.fails_at = self.dies_at = self.requests = 0
        self.arriving: dict[int, tuple[Key, datetime]] = {}
        self.on_death: Callable[[], object] = int
        self._lock = threading.Lock()

    def page(self, site: str, window: Window, size: int, offset: int) -> Page:
        """Give rows of a window by time, from an offset on, and how many there are."""
        with self._lock:
            self.requests += 1
            if self.requests == self.dies_at:
                self.on_death()
                raise Died
            if self.requests == self.fails_at:
                raise StreamFailed("the source refuses this page.")
            found = sorted(
                (at, ident, version)
                for (of, ident), (at, version) in self.rows.items()
                if of == site and window.start <= at < window.end
            )
            if self.requests in self.arriving:
                key, at = self.arriving.pop(self.requests)
                self.rows.setdefault(key, (at, 0))
        rows = [{"id": i, "at": at.isoformat(), "version": v} for at, i, v in found]
        return Page(rows[offset : offset + size], total=len(rows)).stamp(site=site)


class Loader(PageWriter):
    """Takes lines as a loader does, and dies with the tap after so many.

    Attributes:
        lines: What came whole.
    """

    def __init__(self, dies_after: int | None = None) -> None:
        """Begin with nothing."""
        super().__init__()
        self.lines: list[bytes] = []
        self._left = dies_after

    def _put(self) -> None:
        lines = bytes(self._pending).splitlines()
        self._pending.clear()
        for line in lines:
            if self._left is not None and self._left <= len(self.lines):
                raise Died
            self.lines.append(line)

    def write_message(self, message: Message) -> None:
        """Write at once, so that every point between two messages can be the last."""
        super().write_message(message)
        self.flush()

    def die(self) -> None:
        """Take nothing more."""
        self._left = 0


class Rows(ApiStream):
    """Rows by site."""

    name = "rows"
    primary_keys = ("site", "id")
    replication_key = "at"
    lag = LAG
    tap: ToyTap

    def load_schema(self, name: str | None) -> dict[str, Any]:  # noqa: ARG002
        """Give the schema."""
        whole = {"type": ["integer", "null"], "description": "Number."}
        return {
            "type": "object",
            "properties": {
                "site": {"type": "string", "description": "Site."},
                "id": {"type": "integer", "description": "Id."},
                "at": {"type": ["string", "null"], "format": "date-time", "description": "When."},
                "version": whole,
            },
        }

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """Give the sites."""
        return [{"site": site} for site in SITES]

    def nodes(self, span: Span, context: Mapping[str, Any] | None) -> Iterator[Node]:
        """Give the pages of each window."""
        size, site = self.tap.settings.page_size, (context or {})["site"]
        for window in plan(span, self.tap.settings.window):
            fetch = partial(self.tap.source.page, site, window, size)
            yield walk(fetch, OffsetPaginator(0, "rows"))
            yield Fence(WindowRead(window))


class ToyTap(ApiTap):
    """The tap."""

    name = "tap-toy"
    stream_types = (Rows,)
    source: Source
    config_jsonschema = settings_schema(
        defaults={
            "lookback": "30m", "window": "20m", "page_size": 2, "max_concurrency": 3,
            "requests_per_minute": 0, "api_url": "https://toy.example", "user_agent": "tap-toy/1",
        },
    )  # fmt: skip


def run(
    source: Source, now: datetime, state: Any, loader: Loader, settings: Mapping[str, Any]
) -> Iterable[bytes]:
    """Run the tap at a moment; give the lines that reached the loader."""
    config = {"start_date": START.isoformat(), **settings}
    tap = ToyTap(config=config, state=state, message_writer=loader, validate_config=False)
    tap.source, tap.run_start = source, now
    tap.sync_all()
    return loader.lines
