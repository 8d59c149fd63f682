"""One way through the house: plan, fetch, shape, emit, checkpoint.

`ApiStream` is the base class of every stream of every tap. A stream says which requests read a span
of time (`nodes`) and, where the vendor gives a count, how to tell that a window is complete
(`verify`); it never loops, waits, retries or writes state.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from singer_sdk.singerlib.messages import SchemaMessage
from singer_sdk.streams.core import Stream

from tap_shared.batch import BatchFiles
from tap_shared.codec import Codec
from tap_shared.coerce import Rules
from tap_shared.conform import EXTRA, Conformer, declared_schema, tagged, without_deselected
from tap_shared.errors import EndsRun, SettingRefused, StreamFailed, Unreachable
from tap_shared.failures import labelled
from tap_shared.instants import instant_text
from tap_shared.once import made_once
from tap_shared.page import Page
from tap_shared.prefetch import Node, ReadAhead
from tap_shared.reading import Reading, WindowRead
from tap_shared.sdk import is_verified
from tap_shared.state import bookmark
from tap_shared.stream_maps import as_dictionary, changes_nothing, mapped
from tap_shared.windows import Span, Window, span_of_run

if TYPE_CHECKING:
    from singer_sdk.helpers._batch import BatchConfig

    from tap_shared.tap import ApiTap

__all__ = ["ApiStream", "Context", "WindowRead"]

Context = Mapping[str, Any]

_LIST_BYTES = 4 << 20
_PUNCTUAL = timedelta(minutes=5)  # that clocks of two machines may be apart


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
        given: Columns that the tap writes into every row, whatever the vendor sends under their
            names.
        bounded: Whether records carry the time that the vendor's range applies to, so that those
            outside [start_date, end_date) are left out.
    """

    schemas: ClassVar[SchemaDirectory]
    schema_name: ClassVar[str | None] = None
    lag: ClassVar[timedelta] = timedelta(0)
    follows: ClassVar[str | None] = None
    given: ClassVar[Sequence[str]] = ()
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
    def marks(self) -> Sequence[str]:
        """The columns by which a row that comes twice is known; a changed row has another mark."""
        return self.keys

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
        if found is not None and found - self.tap.run_start > _PUNCTUAL:
            self._warn_of_the_future(found, context)
        return span_of_run(
            start_date=settings.start_date,
            end_date=settings.end_date,
            bookmark=found,
            lookback=self.lookback(),
            run_start=self.tap.run_start,
            lag=self.lag,
        )

    def _warn_of_the_future(self, mark: datetime, context: Context | None) -> None:
        """Say that a clock is wrong, or was when the bookmark was written."""
        self.logger.warning(
            "Stream %s: its bookmark, %s, lies ahead of this machine's clock, and little or nothing"
            " is read until then. Set the clock; if it was wrong before, set the bookmark back in"
            " the state.", labelled(self.name, context), instant_text(mark),
        )  # fmt: skip

    def lookback(self) -> timedelta:
        """Give how far before the bookmark to read again."""
        return self.tap.settings.lookback

    # Shape

    @made_once
    def conformer(self) -> Conformer:
        """The compiled shape of this run's records."""
        declared = self.raw_schema["properties"]
        offered = self.effective_schema.get("properties", {})
        wanted = {n for n in {*offered, *declared} if self.mask.get(("properties", n), True)}
        needed = {*self.keys, self.replication_key or ""} & set(declared)
        return Conformer(
            without_deselected(self.raw_schema, self.mask),
            keys=[key for key in self.keys if key in declared],
            rules=self._rules,
            selected=wanted & set(offered) | needed,
            unoffered=wanted & set(declared) - set(offered) - needed,
            keep_undeclared=not self._rules.is_closed,
            stream=self.name,
        )

    @made_once
    def codec(self) -> Codec:
        """The quick way from bytes to records."""
        return Codec(
            without_deselected(self.raw_schema, self.mask),
            self.conformer,
            keys=self.keys,
            rules=self._rules,
            selected=self.conformer.selected,
            given=self.given,
        )

    @property
    def _rules(self) -> Rules:
        """How values are read; what is undeclared is kept where there is an `_extra` for it."""
        settings = self.tap.settings
        has_extra = EXTRA in self.effective_schema.get("properties", {})
        keeps = settings.undeclared_fields == "keep" and has_extra
        keeps = keeps and self.mask.get(("properties", EXTRA), True)
        return Rules(self.zone, settings.pii, settings.pii_salt.encode(), is_closed=not keeps)

    def shape_page(self, page: Page) -> list[Any]:
        """Turn the rows of a page into records; one for each row."""
        return self.codec.shape(page.rows)

    # Emit

    def _generate_schema_messages(self) -> Generator[SchemaMessage, None, None]:
        """Announce the schema with its tags."""
        for message in super()._generate_schema_messages():
            message.schema = tagged(message.schema, self.schema, pii=self.tap.settings.pii)
            yield message

    def announced(self) -> dict[str, dict[str, Any]]:
        """Give the schema of each name that records are emitted under."""
        return {message.stream: message.schema for message in self._generate_schema_messages()}

    @cached_property
    def is_plain(self) -> bool:
        """Whether records are written as they are: no stream map, no flattening."""
        plain = changes_nothing(self.stream_maps) and is_verified()
        self.logger.debug("Records are written %s.", "by the page" if plain else "one by one")
        return plain

    def emitted(self, records: Iterable[Any]) -> Iterator[tuple[str, Any]]:
        """Give each record as it is emitted, mapped and flattened, with the name it goes by."""
        if self.is_plain:
            return ((self.name, record) for record in records)
        return mapped(self.stream_maps, records)

    @property
    def version(self) -> int | None:
        """The stream's version, where ACTIVATE_VERSION is on."""
        return self._stream_version

    def _sync_batches(self, batch_config: BatchConfig, context: Context | None = None) -> None:
        """Read as ever, but into files."""
        with self.get_batch_counter() as counter:
            self._batches = BatchFiles(self, batch_config, counter)
            for _ in self._sync_records(context):
                pass
            try:
                self._batches.flush()
            except StreamFailed as err:
                self.tap.failures.note(self, None, err)

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
        _ = self.codec  # made once, before threads ask for it
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
            yield from map(as_dictionary, records)

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
        parts = self.partitions  # none at all is another thing than an account without any
        contexts = [context] if context is not None else everything if parts is None else parts
        self.tap.progress.partitions = len(contexts)
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
                        self.tap.failures.note(self, partition, err)  # one host of several
                        continue
                    self.tap.ending = err
                    break
                except (SettingRefused, BrokenPipeError):
                    raise
                except Exception as err:  # noqa: BLE001 - the other partitions are still read
                    self.tap.failures.note(self, partition, err)
                if self.is_limit_reached:
                    break
        self.tap.message_writer.flush()
        if "conformer" in vars(self):  # where nothing could be read, there is none
            self.conformer.report(self.logger.warning)

    @property
    def undeclared_fields(self) -> list[str]:
        """Names of fields that came and that the schema does not declare."""
        return sorted(self.conformer.undeclared) if "conformer" in vars(self) else []

    def _read(
        self, context: Context | None, *, emits: bool, checkpoints: bool
    ) -> Iterator[list[Any]]:
        span = self.span(context)
        self.tap.progress.begin(self, context, span)
        _ = self.codec  # made once, before threads ask for it
        begun, self._begun = self._begun, None
        reading = Reading(
            self, context, span, emits=emits, checkpoints=checkpoints, batches=self._batches
        )
        try:
            yield from reading.pages(begun)
        finally:
            self.let_go()
        if self.ABORT_AT_RECORD_COUNT is not None:
            self.tap.message_writer.flush()  # a dry run ends without the tap's own last line

    def let_go(self) -> None:
        """Close what the reading of a partition may hold open; nothing, mostly."""

    def describe(self, span: Span) -> str:
        """Say what is read, for the log."""
        has_range = self.replication_key or self.is_windowed
        return str(Window(span.start, span.end)) if has_range else "all rows"

    # Dry runs read a few records only

    def within_limit(self, records: list[Any]) -> list[Any]:
        """Cut records off at the limit of a dry run."""
        limit = self.ABORT_AT_RECORD_COUNT
        return records if limit is None else records[: max(0, limit - self.rows)]

    @property
    def is_limit_reached(self) -> bool:
        """Whether a dry run has what it wants."""
        limit = self.ABORT_AT_RECORD_COUNT
        return limit is not None and self.rows >= limit

    def get_replication_key_signpost(self, context: Context | None = None) -> None:  # noqa: ARG002
        """Leave the SDK's signpost out: a watermark needs none."""
        return
