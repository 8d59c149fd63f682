"""What a run tells about itself: a line now and then while it reads, and a table at its end.

On a terminal the line is alive, see `live_line.py`. All else goes through the loggers; where the
SDK writes structured logs, the figures are fields of their own (`extra`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from tap_shared.instants import instant_text
from tap_shared.live_line import LiveLine, is_watched

if TYPE_CHECKING:
    from tap_shared.stream import ApiStream
    from tap_shared.tap import ApiTap
    from tap_shared.windows import Span

__all__ = ["Figures", "Progress", "table"]

_HEADS = ("stream", "rows", "requests", "retries", "waited s", "undeclared", "bookmark", "outcome")
_NUMBERS = slice(1, 6)
_LONG = 5.0  # seconds after which the end of a stream is news


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
        undeclared_fields: Names of the vendor's fields that the schema does not declare.
        bookmark: Its watermark; with partitions the earliest and their number.
        outcome: `ok`, `failed`, `left out` (refused, and `skip_unavailable` is set), `stopped` or
            `not reached`, where the run ended before it.
    """

    stream_name: str
    rows: int = 0
    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    undeclared_fields: Sequence[str] = ()
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
            f"{len(self.undeclared_fields):,}",
            self.bookmark.replace(".000000Z", "Z"),
            self.outcome,
        )

    def sentence(self, seconds: float) -> str:
        """Give the figures in words, with the time that they took so far."""
        rate = self.rows / seconds if seconds else 0.0
        return (
            f"{_many(self.rows, 'row', 'rows')}, {rate:,.0f} rows/s,"
            f" {_many(self.requests, 'request', 'requests')},"
            f" {_many(self.retries, 'retry', 'retries')}, waited {self.waited_seconds:,.0f} s"
        )


class Progress:
    """Watches a run.

    Args:
        tap: The tap that runs.

    Attributes:
        partitions: How many partitions the present stream has.
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
        self.partitions = 1
        self._place = 0
        self._part = ""
        self._span: Span | None = None
        self._reached: datetime | None = None

    # What the run tells

    @contextmanager
    def running(self, streams: Sequence[str]) -> Iterator[None]:
        """Watch until the run ends, however it ends; then log the table.

        Args:
            streams: Names of all that are to be read.
        """
        ended = threading.Event()
        line = LiveLine(self._line) if is_watched() else None
        if line is None:
            threading.Thread(target=self._speak, args=[ended], daemon=True).start()
        try:
            yield
        finally:
            ended.set()
            if line is None:
                self._report(streams)
            else:
                line.close()
                with line.bare():
                    self._report(streams)

    @contextmanager
    def of(self, stream: ApiStream) -> Iterator[None]:
        """Watch one stream."""
        self._begun = time.monotonic()
        self._span = self._reached = None
        self.partitions, self._place, self._part = 1, 0, ""
        self._outcome, self._stream = "stopped", stream
        try:
            yield
            if self._outcome == "stopped":
                self._outcome = "ok"
        finally:
            self._stream = None
            figures, seconds = self._figures(stream), time.monotonic() - self._begun
            self._finished.append(figures)
            self._before = self._spent()
            level = logging.INFO if seconds >= _LONG else logging.DEBUG  # the table tells of all
            stream.logger.log(
                level, "%s after %.1f s: %s.", figures.outcome.capitalize(), seconds,
                figures.sentence(seconds),
                extra={**asdict(figures), "seconds": round(seconds, 1)},
            )  # fmt: skip

    def begin(self, stream: ApiStream, context: Mapping[str, Any] | None, span: Span) -> None:
        """Note, and say once a stream, what is read of it or of a partition."""
        self._place += 1
        part = ", ".join(f"{name} {value}" for name, value in (context or {}).items())
        self._part = f" of {part} ({self._place} of {self.partitions})" if part else ""
        if stream.is_windowed:
            self._span, self._reached = span, span.start
        is_first = stream.is_windowed and self._place == 1
        level = logging.INFO if is_first else logging.DEBUG
        stream.logger.log(level, "Reading %s%s.", stream.describe(span), self._part)

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
        self._tap.logger.info(
            "Stream '%s'%s%s: %s%s.",
            stream.name, self._part, self._where(), figures.sentence(seconds),
            self._estimate(seconds),
            extra={
                **asdict(figures), "outcome": "running",
                "rows_per_second": round(figures.rows / seconds, 1) if seconds else 0.0,
                "reached": instant_text(self._reached) if self._reached else None,
            },
        )  # fmt: skip

    def _line(self) -> str:
        """Give the live line, what matters most first: its end may not fit."""
        if (stream := self._stream) is None:
            return ""
        seconds = time.monotonic() - self._begun
        said = self._figures(stream).sentence(seconds)
        return f"{stream.name}{self._part}{self._where()}{self._estimate(seconds)}: {said}"

    def _where(self) -> str:
        reached, span = self._reached, self._span
        if reached is None or span is None:
            return ""
        return f" up to {instant_text(reached)[:16]}Z of {instant_text(span.end)[:16]}Z"

    def _estimate(self, seconds: float) -> str:
        """Say how long it may still take, where windows tell."""
        reached, span = self._reached, self._span
        if reached is None or span is None or span.end <= span.start:
            return ""
        within = (reached - span.start) / (span.end - span.start)
        done = (self._place - 1 + within) / max(self.partitions, self._place)
        if not 0 < done <= 1:
            return ""
        return f", about {timedelta(seconds=round(seconds * (1 - done) / done))} left"

    def _report(self, streams: Sequence[str]) -> None:
        if not self._finished:
            return
        known = {figures.stream_name for figures in self._finished}
        missed = [Figures(name, outcome="not reached") for name in streams if name not in known]
        everything = [*self._finished, *missed]
        lines = table([figures.cells for figures in everything])
        for line, figures in zip(lines, [None, *everything], strict=True):
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
            stream.undeclared_fields, _bookmark(state), self._outcome,
        )  # fmt: skip


def _many(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"


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
