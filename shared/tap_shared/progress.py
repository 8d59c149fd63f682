"""What a run tells about itself: a line now and then while it reads, and a table at its end.

Everything goes through the tap's logger; where the SDK writes structured logs, the figures are
fields of their own (`extra`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from tap_shared.instants import instant_text

if TYPE_CHECKING:
    from tap_shared.stream import ApiStream
    from tap_shared.tap import ApiTap
    from tap_shared.windows import Span

__all__ = ["Figures", "Progress", "table"]

_HEADS = ("stream", "rows", "requests", "retries", "waited s", "bookmark", "outcome")
_NUMBERS = slice(1, 5)


@dataclass
class Figures:
    """What one stream came to.

    Attributes:
        stream_name: The stream.
        rows: Records emitted.
        requests: Requests sent until it ended and since the stream before it did, tries and logins
            included. Lists that are fetched ahead count with the stream that is read meanwhile.
        retries: Tries after a failed one, and waits for a limit.
        waited_seconds: Seconds spent waiting for limits and between tries, of all threads.
        bookmark: Its watermark; with partitions the earliest and their number.
        outcome: `ok`, `failed`, `left out` (refused, and `skip_unavailable` is set) or `stopped`.
    """

    stream_name: str
    rows: int = 0
    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    bookmark: str = "-"
    outcome: str = "ok"

    @property
    def cells(self) -> tuple[str, ...]:
        """The figures as a line of the table."""
        return (
            self.stream_name,
            f"{self.rows:,}",
            f"{self.requests:,}",
            f"{self.retries:,}",
            f"{self.waited_seconds:,.0f}",
            self.bookmark,
            self.outcome,
        )


class Progress:
    """Watches a run.

    Args:
        tap: The tap that runs.
    """

    interval: ClassVar[float] = 30.0

    def __init__(self, tap: ApiTap) -> None:
        """Begin with nothing read."""
        self._tap = tap
        self._finished: list[Figures] = []
        self._stream: ApiStream | None = None
        self._outcome = "ok"
        self._before = (0, 0, 0.0)
        self._begun = 0.0
        self._span: Span | None = None
        self._reached: datetime | None = None

    # What the run tells

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch until the run ends, however it ends; then log the table."""
        ended = threading.Event()
        threading.Thread(target=self._speak, args=[ended], daemon=True).start()
        try:
            yield
        finally:
            ended.set()
            self._report()

    @contextmanager
    def of(self, stream: ApiStream) -> Iterator[None]:
        """Watch one stream."""
        self._begun = time.monotonic()
        self._span = self._reached = None
        self._outcome, self._stream = "stopped", stream
        try:
            yield
            if self._outcome == "stopped":
                self._outcome = "ok"
        finally:
            self._stream = None
            self._finished.append(self._figures(stream))
            self._before = self._spent()

    def begin(self, span: Span) -> None:
        """Note what is read of a stream or partition."""
        self._span, self._reached = span, span.start

    def reach(self, moment: datetime) -> None:
        """Note the end of a finished window."""
        self._reached = moment

    def mark(self, outcome: str) -> None:
        """Note that the stream, or a partition of it, `failed` or is `left out`."""
        if self._outcome != "failed":
            self._outcome = outcome

    # What it says

    def _speak(self, ended: threading.Event) -> None:
        while not ended.wait(self.interval):
            if (stream := self._stream) is not None:
                self._say(stream)

    def _say(self, stream: ApiStream) -> None:
        figures, seconds = self._figures(stream), time.monotonic() - self._begun
        rate = figures.rows / seconds if seconds else 0.0
        self._tap.logger.info(
            "Stream '%s'%s: %s rows, %.0f rows/s, %d requests, %d retries, waited %.0f s%s.",
            stream.name, self._place(), f"{figures.rows:,}", rate, figures.requests,
            figures.retries, figures.waited_seconds, self._estimate(seconds),
            extra={
                **asdict(figures), "outcome": "running", "rows_per_second": round(rate, 1),
                "reached": instant_text(self._reached) if self._reached else None,
            },
        )  # fmt: skip

    def _place(self) -> str:
        if self._reached is None or self._span is None:
            return ""
        return f" up to {instant_text(self._reached)[:19]}Z of {instant_text(self._span.end)[:19]}Z"

    def _estimate(self, seconds: float) -> str:
        """Say how long it may still take, where windows tell; of this partition only."""
        if self._reached is None or self._span is None or self._reached <= self._span.start:
            return ""
        left = (self._span.end - self._reached) / (self._reached - self._span.start)
        return f", about {timedelta(seconds=round(seconds * left))} left"

    def _report(self) -> None:
        if not self._finished:
            return
        lines = table([figures.cells for figures in self._finished])
        for line, figures in zip(lines, [None, *self._finished], strict=True):
            fields = {"summary": True, **(asdict(figures) if figures else {})}
            self._tap.logger.info("%s", line, extra=fields)

    # Figures

    def _spent(self) -> tuple[int, int, float]:
        """Give the requests, retries and seconds waited so far, of all transports."""
        made = self._tap.transports
        gates = {id(transport.gate): transport.gate for transport in made}
        return (
            sum(transport.requests for transport in made),
            sum(transport.retries for transport in made),
            sum(gate.waited for gate in gates.values()),
        )

    def _figures(self, stream: ApiStream) -> Figures:
        spent = [now - then for now, then in zip(self._spent(), self._before, strict=True)]
        state = self._tap.state.get("bookmarks", {}).get(stream.name, {})
        return Figures(
            stream.name, stream.rows, int(spent[0]), int(spent[1]), round(spent[2], 1),
            _bookmark(state), self._outcome,
        )  # fmt: skip


def _bookmark(state: Mapping[str, Any]) -> str:
    parts = [state, *state.get("partitions", ())]
    values = sorted(filter(None, (part.get("replication_key_value") for part in parts)))
    if not values:
        return "-"
    return values[0] if len(values) == 1 else f"{values[0]} (earliest of {len(values)})"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Give a heading and one aligned line for each row, numbers to the right."""
    lines = [_HEADS, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADS))]
    right = range(len(_HEADS))[_NUMBERS]
    return [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
