"""Once through one partition of a stream: fetch, shape, emit, checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.messages import RecordMessage

from tap_shared.fields import column_of
from tap_shared.instants import instant_text
from tap_shared.page import Page
from tap_shared.prefetch import Fence, ReadAhead
from tap_shared.state import mark
from tap_shared.stream_maps import mapped
from tap_shared.windows import Span, Window

if TYPE_CHECKING:
    from tap_shared.batch import BatchFiles
    from tap_shared.stream import ApiStream

__all__ = ["Reading", "WindowRead"]

Records = list[Any]


class WindowRead:
    """What is known of one window while it is read.

    Attributes:
        window: The window.
        expected: Rows that the vendor says it has; None where it does not say.
        distinct: Rows with different keys that have come.
        passes: How often it has been read again.
    """

    def __init__(self, window: Window) -> None:
        """Begin with nothing read."""
        self.window = window
        self.expected: int | None = None
        self.distinct = 0
        self.passes = 0


class Reading:
    """One partition, read once.

    Args:
        stream: The stream.
        context: The partition; None where the stream has none.
        span: What is read of it.
        emits: Whether records are written; else the reader takes them.
        checkpoints: Whether the watermark moves.
        batches: The files that take the records, where they do not go out one by one.
    """

    def __init__(
        self,
        stream: ApiStream,
        context: Mapping[str, Any] | None,
        span: Span,
        *,
        emits: bool,
        checkpoints: bool,
        batches: BatchFiles | None = None,
    ) -> None:
        """Begin before the first window."""
        self._stream = stream
        self._tap = stream.tap
        self._context = context
        self._span = span
        self._emits = emits and stream.selected
        self._checkpoints = checkpoints
        self._batches = batches
        self._keys: set[Any] = set()
        self._earlier: AbstractSet[Any] = frozenset()

    def pages(self, begun: ReadAhead | None) -> Iterator[Records]:
        """Read window by window; give the records of each page once they are written.

        Args:
            begun: A read-ahead that was begun before the stream's turn.
        """
        stream = self._stream
        ahead = begun or ReadAhead(self._tap.settings.max_concurrency)
        work = None if begun else stream.nodes(self._span, self._context)
        for item in ahead.run(work):
            if isinstance(item, Fence):
                self._end_window(item.what, ahead)
                continue
            for records in self._records(item):
                yield records
                if stream.is_limit_reached:
                    return
        self._checkpoint(self._span.end)

    # Shape

    def _records(self, page: Page) -> Iterator[Records]:
        """Shape and write a page, block by block."""
        stream = self._stream
        for block in page.blocks():
            if stream.is_deduplicated:
                block.unseen(stream.marks, self._keys, self._earlier)
            records = stream.within_limit(self._inside(stream.shape_page(block)))
            stream.rows += len(records)
            if records:
                self._tap.has_emitted = True
            if self._emits:
                self._emit(records, page.read_at)
            yield records

    def _inside(self, records: Records) -> Records:
        """Leave out what lies outside [start_date, end_date), where records tell their time."""
        stream, field = self._stream, self._stream.replication_key
        if not (stream.bounded and field):
            return records
        if stream.raw_schema["properties"].get(field, {}).get("format") == "date":
            return records
        first, last = instant_text(self._tap.settings.start_date), instant_text(self._span.end)
        times = column_of(records, field)
        if all(times) and (not times or (first <= min(times) and max(times) < last)):
            return records
        return [r for r, at in zip(records, times, strict=True) if not at or first <= at < last]

    # Emit

    def _emit(self, records: Records, extracted: datetime) -> None:
        stream, writer = self._stream, self._tap.message_writer
        if self._batches is not None:
            self._batches.add(records)
        elif stream.is_plain:
            writer.write_page(stream.name, records, extracted.isoformat(), stream.version)
        else:
            for alias, record in mapped(stream.stream_maps, records):
                writer.write_message(RecordMessage(alias, record, stream.version, extracted))

    # Checkpoint

    def _end_window(self, read: WindowRead, ahead: ReadAhead) -> None:
        """Check a window whose pages are all out; read what is missing, or move the watermark."""
        read.distinct = len(self._keys)
        if again := self._stream.verify(read):
            ahead.push(again)
            return
        self._earlier, self._keys = self._keys, set()
        self._checkpoint(min(read.window.end, self._span.end))  # a whole day may end after the span

    def _checkpoint(self, reached: datetime) -> None:
        stream, key = self._stream, self._stream.watermark_key
        if key is None or not self._checkpoints:
            return
        self._tap.progress.reach(reached)
        entry = stream.get_context_state(self._context)
        move = partial(mark, entry, key, reached, self._tap.run_start)
        if self._batches is not None:
            self._batches.reach(move)
            return
        move()
        self._tap.state_writer.write_state(stream.tap_state)
