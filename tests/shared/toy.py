"""A tap on rows in memory, which can be made to fail or to die at any step."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from singer_sdk.singerlib.messages import Message

from tap_shared.errors import Terminated, WindowTooLarge, interruption
from tap_shared.page import Page
from tap_shared.pagination import walk
from tap_shared.prefetch import Fence, Job, Lead, Node, Step
from tap_shared.settings import settings_schema
from tap_shared.stream import ApiStream, WindowRead
from tap_shared.tap import ApiTap
from tap_shared.windows import Span, Window, halve, plan
from tap_shared.writer import PageWriter
from tests.shared.toy_source import PAGINGS, Died, Source

START = datetime(2024, 1, 1, tzinfo=UTC)
LAG = timedelta(minutes=3)
SITES = ("a", "b")


class Loader(PageWriter):
    """Takes lines as a loader does, and dies with the tap after so many.

    Args:
        dies_after: Lines that it takes before it is gone.
        stops_at: The line during which SIGTERM arrives; none where it is 0.

    Attributes:
        lines: What came whole.
    """

    def __init__(self, dies_after: int | None = None, stops_at: int = 0) -> None:
        """Begin with nothing."""
        super().__init__()
        self.lines: list[bytes] = []
        self._left, self._stops_at = dies_after, stops_at

    def _put(self) -> None:
        lines = bytes(self._pending).splitlines()
        self._pending.clear()
        for line in lines:
            if self._left is not None and self._left <= len(self.lines):
                raise Died
            self.lines.append(line)
            if len(self.lines) == self._stops_at:
                signal.raise_signal(signal.SIGTERM)

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
        page = partial(self.tap.source.page, self.tap.source.run, (context or {})["site"])
        for window in plan(span, self.tap.settings.window):
            job = self._job(page, window)
            yield Lead(job) if self.tap.source.is_led else job
            yield Fence(WindowRead(window))

    def _job(self, page: Callable[..., Page], window: Window) -> Job:
        """Give the job of a window, in halves where it is too long."""
        paginator = PAGINGS[self.tap.source.paging]()
        job = walk(partial(page, window, self.tap.settings.page_size), paginator)

        def read() -> Step:
            try:
                return job()
            except WindowTooLarge:
                return Step(None, [self._job(page, half) for half in halve(window) or ()])

        return read


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
    try:
        tap.sync_all()
    except (Terminated, RuntimeError) as err:  # as the command line does
        if (stop := interruption(err)) is None:
            raise
        tap.finish(stop.signum)
        raise stop from None
    return loader.lines
