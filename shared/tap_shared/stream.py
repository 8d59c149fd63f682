"""One way through the house: plan, fetch, shape, emit, checkpoint.

`ApiStream` is the base class of every stream of every tap. A stream says which requests read a span
of time (`nodes`) and, where the vendor gives a count, how to tell that a window is complete
(`verify`); it never loops, waits, retries or writes state.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from singer_sdk.singerlib.json import serialize_json
from singer_sdk.singerlib.messages import RecordMessage, SchemaMessage
from singer_sdk.streams.core import Stream

from tap_shared.batch import BatchFiles
from tap_shared.codec import Codec
from tap_shared.coerce import Rules
from tap_shared.conform import EXTRA, Conformer, declared_schema, tagged
from tap_shared.errors import EndsRun, SettingRefused, Unreachable
from tap_shared.instants import instant_text
from tap_shared.page import Page, column_of
from tap_shared.prefetch import Fence, Node, ReadAhead
from tap_shared.sdk import is_verified
from tap_shared.state import bookmark, mark
from tap_shared.windows import Span, Window, span_of_run

if TYPE_CHECKING:
    from singer_sdk.helpers._batch import BatchConfig

    from tap_shared.tap import ApiTap

__all__ = ["ApiStream", "WindowRead"]

Context = Mapping[str, Any]

_LIST_BYTES = 4 << 20


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


class ApiStream(Stream):
    """A stream of a vendor's API.

    Attributes:
        schemas: The folder of the tap's schema files.
        schema_name: The schema file's name, where it is not the stream's.
        lag: How far behind the run's start the vendor's data is complete.
        follows: The name that a stream without a replication key, which is read along another
            stream's windows, keeps its watermark under.
        is_deduplicated: Whether a row may come twice in a window or at the edge it shares with the
            next; its key is then remembered for so long.
        bounded: Whether records carry the time that the vendor's range applies to, so that those
            outside [start_date, end_date) are left out.
    """

    schemas: ClassVar[SchemaDirectory]
    schema_name: ClassVar[str | None] = None
    lag: ClassVar[timedelta] = timedelta(0)
    follows: ClassVar[str | None] = None
    bounded: ClassVar[bool] = True
    is_deduplicated: ClassVar[bool] = True
    _tap: ApiTap

    def __init__(self, tap: ApiTap, name: str | None = None) -> None:
        """Load the schema file; nothing is requested."""
        self.raw_schema: dict[str, Any] = self.load_schema(name)
        keys = tuple(self.primary_keys or ())
        schema = declared_schema(self.raw_schema, pii=tap.config.get("pii", "keep"), keys=keys)
        super().__init__(tap, schema=schema, name=name)
        self.tap: ApiTap = tap
        self.keys = keys
        self.rows = 0
        self._batches: BatchFiles | None = None
        self._is_emitted_by_sdk = False
        self._begun: ReadAhead | None = None

    def load_schema(self, name: str | None) -> dict[str, Any]:
        """Give the stream's schema file."""
        return self.schemas.get_schema(self.schema_name or name or self.name)

    # What a stream declares

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Give the requests that read a span, in order, with a `Fence` after each window.

        Args:
            span: What this run reads; for a stream without replication key, all there is.
            context: The partition (installation, tenant), where the stream has partitions.
        """
        raise NotImplementedError

    def verify(self, read: WindowRead) -> Sequence[Node]:  # noqa: ARG002 - most have no count
        """Check a window whose pages have all been emitted.

        Returns:
            Nodes that read what is missing, ending in the same fence; nothing where it is complete.

        Raises:
            StreamFailed: It cannot be completed.
        """
        return ()

    @property
    def zone(self) -> tzinfo:
        """The zone of the vendor's time texts."""
        return UTC

    # Plan

    @property
    def is_windowed(self) -> bool:
        """Whether the stream keeps a watermark."""
        return self.watermark_key is not None

    @property
    def watermark_key(self) -> str | None:
        """The name its watermark is kept under; None where it keeps none."""
        if self.follows or self.replication_method == REPLICATION_FULL_TABLE:
            return self.follows
        return self.replication_key or None

    def span(self, context: Context | None) -> Span:
        """Decide what this run reads of a partition."""
        settings = self.tap.settings
        key = self.watermark_key
        found = bookmark(self.get_context_state(context), key) if key else None
        return span_of_run(
            start_date=settings.start_date,
            end_date=settings.end_date,
            bookmark=found,
            lookback=self.lookback(),
            run_start=self.tap.run_start,
            lag=self.lag,
        )

    def lookback(self) -> timedelta:
        """Give how far before the bookmark to read again."""
        return self.tap.settings.lookback

    # Shape

    @cached_property
    def conformer(self) -> Conformer:
        """The compiled shape of this run's records."""
        settings = self.tap.settings
        offered = self.effective_schema.get("properties", {})
        chosen = [name for name in offered if self.mask.get(("properties", name), True)]
        needed = {*self.keys, self.replication_key or ""} & set(offered)
        return Conformer(
            _without_deselected(self.raw_schema, self.mask),
            keys=[key for key in self.keys if key in self.raw_schema["properties"]],
            rules=Rules(self.zone, settings.pii, settings.pii_salt.encode()),
            selected={*chosen, *needed},
            keep_undeclared=settings.undeclared_fields == "keep" and EXTRA in chosen,
            stream=self.name,
        )

    @cached_property
    def codec(self) -> Codec | None:
        """The quick way from bytes to records; None where records are needed one by one."""
        if not self._is_plain:
            return None
        conformer, settings = self.conformer, self.tap.settings
        return Codec(
            _without_deselected(self.raw_schema, self.mask),
            conformer,
            keys=self.keys,
            rules=Rules(self.zone, settings.pii, settings.pii_salt.encode()),
            selected=conformer.selected,
        )

    def _shape(self, page: Page, span: Span) -> list[Any]:
        codec = self.codec
        records: list[Any] = (
            codec.shape(page.rows) if codec is not None else self.conformer.page(page.rows)
        )
        field = self.replication_key
        if not (self.bounded and field):
            return records
        if self.raw_schema["properties"].get(field, {}).get("format") == "date":
            return records
        first, last = instant_text(self.tap.settings.start_date), instant_text(span.end)
        times = column_of(records, field)
        return [r for r, at in zip(records, times, strict=True) if not at or first <= at < last]

    # Emit

    def _generate_schema_messages(self) -> Generator[SchemaMessage, None, None]:
        """Announce the schema with its tags."""
        for message in super()._generate_schema_messages():
            message.schema = tagged(message.schema, self.schema, pii=self.tap.settings.pii)
            yield message

    @cached_property
    def _is_plain(self) -> bool:
        """Whether records are written as they are: no stream map, no flattening."""
        maps = self.stream_maps
        plain = len(maps) == 1 and type(maps[0]) is SameRecordTransform
        plain = plain and not maps[0].flattening_enabled and is_verified()
        self.logger.debug("Records are written %s.", "by the page" if plain else "one by one")
        return plain

    def _emit(self, records: list[dict[str, Any]], extracted: datetime) -> None:
        if self._batches is not None:
            self._batches.add(records)
            return
        if self._is_plain:
            self.tap.message_writer.write_page(
                self.name, records, extracted.isoformat(), self._stream_version
            )
            return
        for alias, record in self.emitted(records):
            message = RecordMessage(alias, record, self._stream_version, extracted)
            self.tap.message_writer.write_message(message)

    def emitted(self, records: Iterable[Any]) -> Iterator[tuple[str, Any]]:
        """Give each record as it is emitted, mapped and flattened, with the name it goes by."""
        if self._is_plain:
            yield from ((self.name, record) for record in records)
            return
        for record in records:
            for stream_map in self.stream_maps:
                mapped = stream_map.transform(record)
                if mapped is not None:
                    if stream_map.flattening_enabled:
                        _fold(mapped, stream_map.transformed_schema["properties"])
                    yield stream_map.stream_alias, mapped

    @property
    def version(self) -> int | None:
        """The stream's version, where ACTIVATE_VERSION is on."""
        return self._stream_version

    def _sync_batches(self, batch_config: BatchConfig, context: Context | None = None) -> None:
        """Read as ever, but into files."""
        if not is_verified():
            super()._sync_batches(batch_config, context)
            return
        with self.get_batch_counter() as counter:
            self._batches = BatchFiles(self, batch_config, counter)
            for _ in self._sync_records(context):
                pass
            self._batches.flush()

    # Once through

    @property
    def is_list(self) -> bool:
        """Whether it is read whole, in one go: no watermark, no partitions."""
        return not self.is_windowed and type(self).partitions is Stream.partitions

    def begin(self) -> None:
        """Start to fetch a list before its turn comes; nothing is emitted yet."""
        if self._begun is None:
            self._begun = ReadAhead(self.tap.settings.max_concurrency, buffer_bytes=_LIST_BYTES)
            self._begun.begin(self._planned())

    def _planned(self) -> Iterator[Node]:
        """Plan within the read-ahead, so that an error waits for the stream's turn."""
        yield from self.nodes(self.span(None), None)

    def give_up(self) -> None:
        """Drop what was fetched for nothing."""
        if self._begun is not None:
            self._begun.close()

    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Give all records of a partition, one by one: the SDK's public way in.

        Where the SDK's own loop emits them, the watermark moves here: what was given has been
        written by the time the next record is asked for.
        """
        for records in self._read(context, emits=False, checkpoints=self._is_emitted_by_sdk):
            for record in records:
                yield record if type(record) is dict else _as_dictionary(record)

    def _increment_stream_state(
        self, latest_record: dict[str, Any], *, context: Context | None = None
    ) -> None:
        """Leave the watermark alone: it is a window's end, not a record's time."""

    def _by_record(
        self, context: Context | None, *, write_messages: bool
    ) -> Generator[dict[str, Any], Any, Any]:
        """Let the SDK's own loop run, as its private parts may have changed."""
        self.logger.debug("Records are written by the SDK, one by one.")
        self._is_emitted_by_sdk = write_messages
        try:
            yield from super()._sync_records(context, write_messages=write_messages)
        finally:
            self._is_emitted_by_sdk = False
        self.tap.message_writer.flush()
        self.conformer.report(self.logger.warning)

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Read every partition; this replaces the SDK's loop over single records, where known.

        Records are yielded only where nothing is written.
        """
        way = self._by_page if is_verified() else self._by_record
        return way(context, write_messages=write_messages)

    def _by_page(
        self, context: Context | None, *, write_messages: bool
    ) -> Generator[dict[str, Any], Any, Any]:
        """Read every partition, page by page, and move its watermark window by window.

        A partition that fails does not keep the others from being read.
        """
        everything: list[Any] = [None]
        contexts = [context] if context is not None else (self.partitions or everything)
        with self.get_record_counter() as counter, self.get_sync_timer():
            for partition in contexts:
                try:
                    for records in self._read(
                        partition, emits=write_messages, checkpoints=write_messages
                    ):
                        counter.increment(len(records))
                        if not write_messages:
                            yield from records
                except EndsRun as err:
                    if isinstance(err, Unreachable) and self.tap.has_emitted:
                        self.tap.note_failure(self, partition, err)  # one host of several
                        continue
                    self.tap.ending = err
                    break
                except (SettingRefused, BrokenPipeError):
                    raise
                except Exception as err:  # noqa: BLE001 - the other partitions are still read
                    self.tap.note_failure(self, partition, err)
                if self._is_limit_reached():
                    break
        self.tap.message_writer.flush()
        if "conformer" in vars(self):  # where nothing could be read, there is none
            self.conformer.report(self.logger.warning)

    def _read(
        self, context: Context | None, *, emits: bool, checkpoints: bool
    ) -> Iterator[list[dict[str, Any]]]:
        span = self.span(context)
        self.logger.info("Reading %s%s.", self.describe(span), _of(context))
        if self.is_windowed:
            self.tap.progress.begin(span)
        begun, self._begun = self._begun, None
        ahead = begun or ReadAhead(self.tap.settings.max_concurrency)
        window_keys: set[Any] = set()
        previous: set[Any] = set()
        for item in ahead.run(None if begun else self.nodes(span, context)):
            if isinstance(item, Fence):
                item.what.distinct = len(window_keys)
                if again := self.verify(item.what):
                    ahead.push(again)
                    continue
                previous, window_keys = window_keys, set()
                reached = min(item.what.window.end, span.end)  # a whole day may end after the span
                self._checkpoint(context, reached, is_on=checkpoints)
                continue
            page = item.unseen(self.keys, window_keys, previous) if self.is_deduplicated else item
            records = self._shape(page, span)
            records = self._within_limit(records)
            self.rows += len(records)
            if records:
                self.tap.has_emitted = True
            if emits and self.selected:
                self._emit(records, item.read_at)
            yield records
            if self._is_limit_reached():
                break
        else:
            self._checkpoint(context, span.end, is_on=checkpoints)
        if self.ABORT_AT_RECORD_COUNT is not None:
            self.tap.message_writer.flush()  # a dry run ends without the tap's own last line

    def describe(self, span: Span) -> str:
        """Say what is read, for the log."""
        has_range = self.replication_key or self.is_windowed
        return str(Window(span.start, span.end)) if has_range else "all rows"

    # Checkpoint

    def _checkpoint(self, context: Context | None, reached: datetime, *, is_on: bool) -> None:
        key = self.watermark_key
        if key is None or not is_on:
            return
        self.tap.progress.reach(reached)
        entry = self.get_context_state(context)
        if self._batches is not None:
            self._batches.reach(partial(mark, entry, key, reached, self.tap.run_start))
            return
        mark(entry, key, reached, self.tap.run_start)
        self.tap.state_writer.write_state(self.tap_state)

    # Dry runs read a few records only

    def _within_limit(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        limit = self.ABORT_AT_RECORD_COUNT
        return records if limit is None else records[: max(0, limit - self.rows)]

    def _is_limit_reached(self) -> bool:
        limit = self.ABORT_AT_RECORD_COUNT
        return limit is not None and self.rows >= limit

    def get_replication_key_signpost(self, context: Context | None = None) -> None:  # noqa: ARG002
        """Leave the SDK's signpost out: a watermark needs none."""
        return


def _as_dictionary(row: Any) -> dict[str, Any]:
    """Give a typed row as a record, its numbers as they are."""
    record: dict[str, Any] = msgspec.to_builtins(row, builtin_types=(Decimal,))
    return record


def _fold(record: dict[str, Any], columns: Mapping[str, Any]) -> None:
    """Move what flattening gave a name that the schema does not have into `_extra`, as JSON."""
    rest = {name: record.pop(name) for name in list(record) if name not in columns}
    if rest and EXTRA in columns:
        found = record.get(EXTRA)
        record[EXTRA] = serialize_json({**(json.loads(found) if found else {}), **rest})


def _of(context: Context | None) -> str:
    """Name a partition."""
    return " of " + ", ".join(f"{k} {v}" for k, v in context.items()) if context else ""


def _without_deselected(schema: Mapping[str, Any], mask: Mapping[Any, bool]) -> dict[str, Any]:
    """Take the nested properties that the catalog deselects out of a schema."""

    def prune(node: Mapping[str, Any], at: tuple[str, ...]) -> dict[str, Any]:
        pruned = dict(node)
        if "properties" in node:
            pruned["properties"] = {
                name: prune(child, (*at, "properties", name))
                for name, child in node["properties"].items()
            }
        if len(at) > len(("properties", "x")) and not mask.get(at, True):
            pruned["x-deselected"] = True
        return pruned

    return prune(schema, ())
