"""Triggers over years: windows of whole days, and a catch-up for what arrives later than that.

A row can arrive long after the time it bears (imports, late matches), and nothing but its `rowId`
tells that it is new. So the state of an installation keeps, beside the watermark, `max_row_id`: up
to this `rowId` everything older than the lookback has been emitted. After the windows of a run, one
walk over the days before them asks for what lies beyond.

That number is the highest `rowId` when the run began, asked for first, and not the highest one that
was read: a row may arrive in a window that is read already, while a younger one arrives in a window
still to come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from tap_infinity.client import Params
from tap_infinity.families import Context, InfinityStream, igrp_of, stamped
from tap_infinity.keyset import KeysetWalk
from tap_infinity.lines import READING
from tap_shared.instants import instant_text, to_instant
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Node, Step
from tap_shared.stream import WindowRead
from tap_shared.windows import Span, Window, plan

if TYPE_CHECKING:
    from tap_infinity.tap import TapInfinity
    from tap_shared.codec import Codec

__all__ = ["CallKeywordStream", "TriggerStream", "day_windows", "days"]

DAY = timedelta(days=1)
_REACHED = "max_row_id"
_FIRST_RUN = "row_id_at_start"
_IDS_A_REQUEST = 100
_WHOLE_PAGE = 64 << 20
_LATEST = timedelta(days=2)


def day_windows(span: Span, length: timedelta) -> Iterator[Window]:
    """Cut a span into windows of whole UTC days; the first and the last day are whole as well.

    Args:
        span: What to read.
        length: The `window` setting, a day at least.
    """
    if span.start < span.end:
        whole = Span(_midnight(span.start), _midnight(span.end + DAY - _INSTANT))
        yield from plan(whole, max(DAY, length // DAY * DAY))


_INSTANT = timedelta(microseconds=1)


def days(window: Window) -> Params:
    """Give the parameters of a window of whole days; the vendor's end date is inclusive."""
    return (
        ("startDate", window.start.date().isoformat()),
        ("endDate", (window.end - _INSTANT).date().isoformat()),
        ("tz", "UTC"),
    )


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


class _Reading(WindowRead):
    """A window, with what the state keeps of row ids once it has been read.

    Args:
        window: The window.
        state: The partition's state.
        newest: The vendor's highest row id when the run began.
        is_last: Whether windows and catch-up are complete with it.
    """

    def __init__(
        self, window: Window, state: MutableMapping[str, Any], newest: int, *, is_last: bool
    ) -> None:
        super().__init__(window)
        self.state = state
        self.newest = newest
        self.is_last = is_last

    def note(self) -> None:
        """Write down up to which row id late rows have been looked for.

        A first run that is interrupted leaves what the next one needs to find the rows that
        arrived since in windows that it has read.
        """
        known = _number(self.state.get(_REACHED))
        if self.is_last:
            self.state[_REACHED] = max(self.newest, known or 0)
            self.state.pop(_FIRST_RUN, None)
        elif known is None:
            self.state.setdefault(_FIRST_RUN, self.newest)


class TriggerWindows(InfinityStream):
    """What is read along the triggers of one report, by `rowId`.

    Attributes:
        report: The report's name in the path.
        shown: Columns to ask for; none asks for all, the account's own ones included.
        wanted: Bytes of one reading.
    """

    report: ClassVar[str]
    shown: ClassVar[Sequence[str]] = ()
    wanted: ClassVar[int] = READING

    def __init__(self, tap: TapInfinity, name: str | None = None) -> None:
        """Read nothing yet."""
        super().__init__(tap, name)
        self._walks: list[KeysetWalk] = []
        self._rows_by: Codec | None = None

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Ask for the highest row id first, then read, so that nothing arrives in between."""
        windows = list(day_windows(span, self.tap.settings.window))
        if not windows:
            return []
        self._rows_by = self.codec if self.given else None  # made here, as requests run in threads
        read = partial(self._windows, span, context, windows)
        return [partial(self._begin, windows, context, read)] if self.is_windowed else read(0)

    def _begin(
        self,
        windows: Sequence[Window],
        context: Context | None,
        read: Callable[[int], Iterable[Node]],
    ) -> Step:
        """Ask for the highest row id of the latest days, or of all where they are empty."""
        end = windows[-1].end
        first = _midnight(self.tap.settings.start_date)
        newest = 0
        for start in dict.fromkeys((max(first, end - _LATEST), first)):
            params = (*self._params(Window(start, end), ()), ("sort[]", "rowId-desc"))
            asked = self.tap.client.request(self._path(igrp_of(context)), (*params, ("limit", "1")))
            for found in self.tap.client.read(asked, ("rowId",)).column("rowId"):
                newest = max(newest, _number(found) or 0)
            if newest:
                break
        return Step(None, list(read(newest)))

    def _windows(
        self, span: Span, context: Context | None, windows: Sequence[Window], newest: int
    ) -> Iterator[Node]:
        """Give window by window, then what arrived late before them."""
        igrp, state = igrp_of(context), self.get_context_state(context)
        for window in windows:
            yield self._walk(igrp, window, span).job
            read = Window(window.start, min(window.end, span.end))
            yield Fence(_Reading(read, state, newest, is_last=False))
        start, after = _midnight(self.tap.settings.start_date), _known(state)
        if span.watermark and after is not None and start < windows[0].start:
            yield self._walk(igrp, Window(start, windows[0].start), span, after).job
        end = Window(span.end, span.end)
        yield Fence(_Reading(end, state, newest, is_last=True))

    def verify(self, read: WindowRead) -> Sequence[Node]:
        """Keep the catch-up's state; there is no count to compare with."""
        if isinstance(read, _Reading) and self.is_windowed:
            read.note()
        return ()

    def _path(self, igrp: int) -> str:
        return f"igrps/{igrp}/triggers/{self.report}"

    def _walk(self, igrp: int, window: Window, span: Span, after: int | None = None) -> KeysetWalk:
        walk = KeysetWalk(
            self.tap.client,
            self._path(igrp),
            self._params(window, self.shown),
            after=after,
            give=self._giver(igrp, span),
            wanted=self.wanted,
            codec=self._rows_by,
        )
        self._walks.append(walk)
        return walk

    def _params(self, window: Window, shown: Sequence[str]) -> Params:
        """Give the parameters of every request for triggers."""
        return (
            *days(window),
            ("format", "json"),
            *(("display[]", name) for name in shown),
            *((("excludePiiData", "1"),) if self.tap.config.get("exclude_pii") else ()),
        )

    def _giver(
        self,
        igrp: int,
        span: Span,  # noqa: ARG002 - children need the span
    ) -> Callable[[Page], tuple[Page | None, Sequence[Node]]]:
        """Give what makes of a page of triggers the rows to emit."""
        return lambda page: (stamped(page, igrp), ())

    def let_go(self) -> None:
        """Close answers that are read bit by bit, when nobody reads on."""
        for walk in self._walks:
            walk.close()
        self._walks = []


class TriggerStream(TriggerWindows):
    """Triggers of one report."""

    primary_keys = ("igrp", "rowId")
    replication_key = "triggerDatetime"
    schema_name = "trigger"
    given = ("igrp", "rowId")
    is_deduplicated = False

    def load_schema(self, name: str | None) -> dict[str, Any]:
        """Give the schema that all reports share, described as this one."""
        schema = super().load_schema(name)
        what = (self.__doc__ or "").strip().rstrip(".")
        route = "GET /reports/{version}/igrps/{igrp}/triggers/" + self.report
        return {**schema, "description": f"{what}; {route}."}


class CallKeywordStream(TriggerWindows):
    """Keywords heard in calls: the calls' row ids, then their keywords, many calls a request.

    `callKeywords` answers for named calls only, so the stream follows the windows and the catch-up
    of the calls, with a bookmark of its own
    (https://kb.infinity.co/service/api/reports_v2_callKeywords.html).
    """

    primary_keys = ("igrp", "rowId", "keywordId", "leg", "startTime")
    follows = "triggerDatetime"
    report = "calls"
    shown = ("rowId", "triggerDatetime", "callKeywordSpotting")
    wanted = _WHOLE_PAGE

    def _giver(self, igrp: int, span: Span) -> Callable[[Page], tuple[Page | None, Sequence[Node]]]:
        """Give what makes of a page of calls the requests for their keywords."""
        first, last = instant_text(self.tap.settings.start_date), instant_text(span.end)

        def give(page: Page) -> tuple[Page | None, Sequence[Node]]:
            ids = [str(row["rowId"]) for row in page.rows if _is_asked(row, first, last)]
            starts = range(0, len(ids), _IDS_A_REQUEST)
            return None, [self._hits(igrp, ids[n : n + _IDS_A_REQUEST]) for n in starts]

        return give

    def _hits(self, igrp: int, ids: Sequence[str]) -> Node:
        order = ("rowId", "keywordId", "leg", "startTime")
        params = (
            ("filter[]", f"rowId-in-value-{','.join(ids)}"),
            *(("sort[]", f"{name}-asc") for name in order),
        )
        path = f"igrps/{igrp}/callKeywords"
        shape = partial(stamped, igrp=igrp)
        return self.tap.client.offsets(path, params, order, shape=shape)


def _is_asked(row: dict[str, Any], first: str, last: str) -> bool:
    """Tell whether a call lies in the span and was not explicitly left out of spotting."""
    if str(row.get("callKeywordSpotting")) == "0":
        return False
    at = None
    with suppress(ValueError, TypeError):
        at = to_instant(row.get("triggerDatetime"))
    return at is None or first <= at < last


def _known(state: MutableMapping[str, Any]) -> int | None:
    """Give the row id beyond which late rows are unknown; None where no run has kept one."""
    found = _number(state.get(_REACHED))
    return _number(state.get(_FIRST_RUN)) if found is None else found


def _number(value: Any) -> int | None:
    """Read a row id; None where it is none."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
