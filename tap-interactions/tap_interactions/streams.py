"""The streams: what each one is and where it comes from.

Pages of the endpoints: https://docs.motioncxapps.com/reference/; what is known from the vendor's
sample code only is marked as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from tap_interactions.client import instant, overlapped
from tap_interactions.families import (
    ListStream,
    LogStream,
    LookupStream,
    MotionStream,
    SortedStream,
)
from tap_interactions.interaction_details import Interactions
from tap_interactions.passes import Passes
from tap_shared.fields import value_of
from tap_shared.instants import InstantReader, instant_text
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Job, Node, Step
from tap_shared.stream import WindowRead
from tap_shared.windows import Span, Window, plan, steps

if TYPE_CHECKING:
    from tap_interactions.tap import TapInteractions

__all__ = ["STREAMS"]

_BY_DAY = 2
_CLOSED_DAYS_READ_AGAIN = timedelta(days=3)
_LAST_SECOND = 253_402_300_800  # of the year 9999

_of_seconds, _of_milliseconds = InstantReader(UTC, "s"), InstantReader(UTC, "ms")

Context = Mapping[str, Any]


class ReportMessages(LogStream):
    """The log of messages about interactions and agents (`report-message/details`).

    The name of a message's own time is not published, so the window it came in is its bookmark.
    """

    name = "report_messages"
    path = "report-message/details"
    replication_key = "window_end"
    selected_by_default = False
    bounded = False

    def shape(self, page: Page, part: Window) -> Page:
        """Stamp the slice of time."""
        return page.stamp(window_start=instant_text(part.start), window_end=instant_text(part.end))


class AgentWorkstateEvents(SortedStream):
    """Changes of agents' workstates (`agent-workstate-events/details`).

    Many events share a second, and nobody promises an order among them.
    """

    name = "agent_workstate_events"
    path = "agent-workstate-events/details"
    order = ("Epoch", "_id")
    replication_key = "event_at"
    is_strict = False  # that the range applies to `Epoch` is written nowhere

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read window by window."""
        return self.slices(map(WindowRead, plan(span, self.tap.settings.window))).nodes()

    def fetch(self, window: Window, offset: int, *, is_divisible: bool = False) -> Page:
        """Read a page, and make the events' instants of `Epoch`."""
        page = super().fetch(window, offset, is_divisible=is_divisible)
        for row, epoch in zip(page.rows, page.column("Epoch"), strict=True):
            _put(row, "event_at", _event_at(epoch))
        return page


def _event_at(epoch: Any) -> str | None:
    """Read seconds; what would lie beyond the calendar in seconds is read as milliseconds."""
    try:
        return (_of_seconds if float(epoch) < _LAST_SECOND else _of_milliseconds)(epoch)
    except (ValueError, TypeError):
        return None


def _put(row: Any, name: str, value: Any) -> None:
    """Fill a column of a row, be it a dictionary or of a type, where it is empty."""
    if value_of(row, name) is not None:
        return
    if type(row) is dict:
        row[name] = value
    else:
        setattr(row, row.attributes[name], value)


class AgentWorkstateRollup(MotionStream):
    """Seconds by agent and workstate over a closed UTC day (`agent/workstate/rollup`).

    The vendor adds up over whatever is asked, so each day is asked by itself.
    """

    name = "agent_workstate_rollup"
    primary_keys = ("AgentId", "period_start")
    replication_key = "period_start"
    selected_by_default = False

    def lookback(self) -> timedelta:
        """Read the last closed days again: late events change them (inferred)."""
        return max(self.tap.settings.lookback, _CLOSED_DAYS_READ_AGAIN)

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read every day that is over, and begins no earlier than `start_date`."""
        for day in steps(span, self.zone, "day"):
            if day.start >= self.tap.settings.start_date and day.end <= span.end:
                yield partial(self._day, day)
                yield Fence(WindowRead(day))

    def _day(self, day: Window) -> Step:
        """Read one day, in the members' spelling of the endpoint's page; it has no pages."""
        body = {
            "startDateTime": day.start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "endDateTime": day.end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "resolution": _BY_DAY,
        }
        page = self.spelled(self.tap.client.details("agent/workstate/rollup", body))
        return Step(
            page.stamp(period_start=instant_text(day.start), period_end=instant_text(day.end))
        )


class Queues(LookupStream):
    """Queues (`lookup/queues`, shown as GET on the page `authentication`)."""

    name = "queues"
    path = "queues"
    method = "GET"


class Agents(LookupStream):
    """Agents, disabled ones included (`lookup/agents`; known from sample code only)."""

    name = "agents"
    path = "agents"
    params: ClassVar[Mapping[str, str]] = {"includeDisabled": "true"}


class Dispositions(LookupStream):
    """Outcomes of interactions (`lookup/dispositions`)."""

    name = "dispositions"
    path = "dispositions"
    member = "dispositions"


class DispositionSets(LookupStream):
    """Sets of outcomes (`lookup/dispositions`)."""

    name = "disposition_sets"
    path = "dispositions"
    member = "dispositionSets"


class ReportMessageEventTypes(LookupStream):
    """Names of event types (`lookup/report-message-event-types`; sample code only)."""

    name = "report_message_event_types"
    path = "report-message-event-types"
    member = "eventTypes"


class ReportMessageEventTypeReasons(LookupStream):
    """Names of reasons of events (`lookup/report-message-event-types`; sample code only)."""

    name = "report_message_event_type_reasons"
    path = "report-message-event-types"
    member = "eventTypeReasons"


class WorkflowMessageEventTypes(LookupStream):
    """Names of workflow event types (`lookup/workflow-message-event-types`; sample code only)."""

    name = "workflow_message_event_types"
    path = "workflow-message-event-types"
    member = "eventTypes"


class RoutingStream(ListStream):
    """A list of the routing service, selected by default where the tenant is known."""

    def __init__(self, tap: TapInteractions, name: str | None = None) -> None:
        """Look at the settings; nothing is requested."""
        self.selected_by_default = tap.config.get("tenant_id") is not None
        super().__init__(tap, name)


class Workstates(RoutingStream):
    """States that agents can be in (`/irm/v1/workstates`)."""

    name = "workstates"
    path = "/irm/v1/workstates"


class WorkstateSets(RoutingStream):
    """Sets of workstates (`/irm/v1/workstate-sets`)."""

    name = "workstate_sets"
    path = "/irm/v1/workstate-sets"


class Tickets(ListStream):
    """CRM cases by their last change (`/crm/main/v1/tickets`; known from sample code only).

    A case that changes while the list is read leaves its window and shifts what is behind it, so a
    window is read in repeated passes. Cases that were never changed are found by their creation.
    """

    name = "tickets"
    path = "/crm/main/v1/tickets"
    replication_key = "updatedDate"
    marks = ("id", "updatedDate")
    selected_by_default = False

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read window by window; as a full table, cases that were never changed as well."""
        if not self.is_windowed:
            yield self._passes({})
            return
        yield _only(_is_unchanged, self._passes(_between("Created", Window(span.start, span.end))))
        for window in plan(span, self.tap.settings.window):
            yield self._passes(_between("Updated", window))
            yield Fence(WindowRead(window))

    def _passes(self, params: Mapping[str, str]) -> Job:
        return Passes(partial(self.fetch, params), self.marks, lambda _is_end: ()).read

    def fetch(self, params: Mapping[str, str], offset: int) -> Page:
        """Read one page, without the key to the mail account that a case may carry."""
        page = super().fetch(params, offset)
        for row in page.rows:
            _without_secret(row)
        return page


def _between(what: str, window: Window) -> dict[str, str]:
    wide = overlapped(window)
    return {f"{what}At": instant(wide.start), f"{what}To": instant(wide.end)}


def _is_unchanged(row: Mapping[str, Any]) -> bool:
    return row.get(Tickets.replication_key) is None


def _only(test: Callable[[Mapping[str, Any]], bool], job: Job) -> Job:
    """Give a job, and those that it leads to, whose pages keep the rows that pass a test."""

    def run() -> Step:
        step = job()
        if step.page is not None:
            step.page.keep(test)
        return Step(step.page, [_only(test, node) for node in step.then if callable(node)])

    return run


def _without_secret(row: dict[str, Any]) -> None:
    for name, account in row.items():
        if name.lower() == "emailaccount" and isinstance(account, dict):
            row[name] = {k: v for k, v in account.items() if k.lower() != "apikey"}


STREAMS: Sequence[type[MotionStream]] = (
    Interactions,
    ReportMessages,
    AgentWorkstateEvents,
    AgentWorkstateRollup,
    Queues,
    Agents,
    Dispositions,
    DispositionSets,
    ReportMessageEventTypes,
    ReportMessageEventTypeReasons,
    WorkflowMessageEventTypes,
    Workstates,
    WorkstateSets,
    Tickets,
)
