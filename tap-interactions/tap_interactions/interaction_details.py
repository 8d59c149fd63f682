"""The stream of interactions: rewritten records, read by the time they were last rewritten.

Source: https://docs.motioncxapps.com/reference/post_reporting-api-v1-interaction-details.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from tap_interactions.client import overlapped
from tap_interactions.families import SortedStream
from tap_shared.conform import EXTRA
from tap_shared.errors import StreamFailed, StreamUnavailable
from tap_shared.prefetch import Fence, Node, Step
from tap_shared.stream import WindowRead
from tap_shared.windows import Span, Window, plan

if TYPE_CHECKING:
    from tap_interactions.tap import TapInteractions

__all__ = ["DATE_FIELDS", "Interactions"]

DATE_FIELDS = (
    "MostRecentRollupAtUtc", "RecordWrittenAtUtc", "StartedDateTimeUtc", "EndedDateTimeUtc",
)  # fmt: skip
"""Values of the setting `replication_date_field`; the first is the default."""

_START_FIELD = "StartedDateTimeUtc"
_MANY = 10
_DAY = timedelta(days=1)

Context = Mapping[str, Any]


class InteractionRead(WindowRead):
    """What is known of one window of interactions.

    Attributes:
        found: Different rows of the last reading.
        earlier: What the vendor counted before that reading; None at the first.
        is_last: Whether it is the run's last window.
    """

    def __init__(self, window: Window, *, is_last: bool) -> None:
        """Begin with nothing read."""
        super().__init__(window)
        self.found = 0
        self.earlier: int | None = None
        self.is_last = is_last

    @property
    def is_complete(self) -> bool:
        """Whether the rows found agree with the vendor's count.

        Where the count moved during the reading, anything between its two values does.
        """
        if self.expected is None:
            return True
        counts = (self.expected, self.expected if self.earlier is None else self.earlier)
        return min(counts) <= self.found <= max(counts)


class Interactions(SortedStream):
    """Interactions of agents and customers (`interaction/details`)."""

    name = "interactions"
    path = "interaction/details"

    def __init__(self, tap: TapInteractions, name: str | None = None) -> None:
        """Prepare; nothing is requested."""
        super().__init__(tap, name)
        self._span: Span | None = None
        self._total = 0

    @property
    def replication_key(self) -> str:
        """The setting `replication_date_field`, whatever an older catalog says."""
        return str(self._tap.config.get("replication_date_field") or DATE_FIELDS[0])

    @replication_key.setter
    def replication_key(self, new_value: str | None) -> None:
        self.logger.debug("The catalog's replication key is %s.", new_value)

    @property
    def marks(self) -> Sequence[str]:
        """Key and stamp: a row that is rewritten while the tap reads comes again."""
        return (*self.keys, self.replication_key)

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read window by window."""
        self._span, self._total = span, 0
        windows = plan(span, self.tap.settings.window)
        reads = (InteractionRead(window, is_last=window.end >= span.end) for window in windows)
        return self.slices(reads, counts=self.tap.config["verify_counts"]).nodes()

    def ended(self, read: WindowRead, found: int) -> Sequence[Node]:
        """Let the vendor count a window, where that is set."""
        if not isinstance(read, InteractionRead):
            return [Fence(read)]
        read.found = found
        counting = [partial(self._count, read)] if self.tap.config["verify_counts"] else []
        return [*counting, Fence(read)]

    # Requests

    def range(self, window: Window) -> dict[str, Any]:
        """Give the members that choose rows. The field is named, as its default is unknown."""
        queues = self.tap.config.get("queues")
        return {
            **super().range(window),
            "DateFilterField": self.replication_key,
            **({"Queues": queues} if queues else {}),
        }

    @property
    def projection(self) -> Mapping[str, Any]:
        """Only the fields that are wanted, where those are few."""
        return {"Fields": self._fields} if self._fields else {}

    @cached_property
    def _fields(self) -> list[str]:
        """The fields to ask for, where the catalog deselects many; nothing asks for all.

        Fields that nobody declared only come if all are asked for.
        """
        declared = self.raw_schema["properties"]
        wanted = [name for name in declared if self.mask.get(("properties", name), True)]
        is_open = self.tap.settings.undeclared_fields == "keep"
        if len(declared) - len(wanted) < _MANY or (
            is_open and self.mask.get(("properties", EXTRA), True)
        ):
            return []
        return list(dict.fromkeys(["_id", self.replication_key, *wanted]))

    # Completeness

    def _count(self, read: InteractionRead) -> Step:
        """Let the vendor count what a window holds."""
        read.earlier = read.expected
        try:
            read.expected = self.tap.client.count(self.range(overlapped(read.window)))
        except StreamUnavailable as err:
            msg = f"its rows cannot be counted: {err} Unset verify_counts."
            raise StreamFailed(msg) from None
        return Step()

    def verify(self, read: WindowRead) -> Sequence[Node]:
        """Compare with the vendor's count, and doubt a field by which nothing at all is found."""
        if not isinstance(read, InteractionRead):
            return ()
        if not read.is_complete:
            return self._again(read)
        self._total += read.found
        if read.is_last and not self._total and self._is_doubtful:
            read.is_last = False
            return [self._look_for_starts, Fence(read)]
        return ()

    def _again(self, read: InteractionRead) -> Sequence[Node]:
        """Read a window once more.

        Raises:
            StreamFailed: That was done before.
        """
        if read.passes:
            msg = (
                f"the vendor counts {read.expected} interactions in {read.window} and gave"
                f" {read.found} different ones, twice; the bookmark stays before them. Run again"
                " later, or unset verify_counts."
            )
            raise StreamFailed(msg)
        read.passes += 1
        self.logger.info("%s is read again: its rows and their count differ.", read.window)
        return self.slices([read], counts=True).nodes()

    @property
    def _is_doubtful(self) -> bool:
        """Whether finding nothing is suspicious: on a first run, or over a day or more."""
        span = self._span
        if span is None or self.replication_key == _START_FIELD:
            return False
        return span.watermark is None or span.end - span.start >= _DAY

    def _look_for_starts(self) -> Step:
        """Warn where interactions started, but the replication field finds none.

        A date field that the vendor does not filter by is no error: it finds nothing (inferred).
        """
        if self._span is not None:
            whole = overlapped(Window(self._span.start, self._span.end))
            body = {
                **self.range(whole),
                "DateFilterField": _START_FIELD,
                "Fields": ["_id"],
                "OrderBy": [_START_FIELD, "_id"],
                "Limit": 1,
                "Offset": 0,
            }
            if len(self.tap.client.details(self.path, body)):
                self.logger.warning(
                    "Stream '%s': nothing is found by '%s' in %s, although interactions started"
                    " in it. Set replication_date_field to another field.",
                    self.name, self.replication_key, whole,
                )  # fmt: skip
        return Step()
