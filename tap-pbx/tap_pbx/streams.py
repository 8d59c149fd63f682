"""The streams: what each one is and where it comes from.

Business objects and paths: https://support.primevox.net/portal/en/kb/articles/call-history-cdr-v2
and sms-mms-messaging-v2; the ring-group report: https://github.com/next-in-line/
primevox-api-client.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_pbx.envelope import CONVERSATION, MESSAGE, Kind
from tap_pbx.event_types import event_type_rows, redact_pins
from tap_pbx.families import (
    CallListStream,
    Context,
    FollowingStream,
    PbxStream,
    Row,
    TenantStream,
    check_inside,
    days_back,
    range_of,
)
from tap_pbx.history import CallRead
from tap_pbx.recordings import has_recording
from tap_pbx.refusals import NotThere, Unknown, is_gone
from tap_shared.errors import StreamUnavailable
from tap_shared.once import made_once
from tap_shared.page import Page
from tap_shared.pagination import NumberedPaginator, walk
from tap_shared.prefetch import Fence, Node, Step
from tap_shared.stream import WindowRead
from tap_shared.windows import Span, Window, plan

if TYPE_CHECKING:
    from tap_shared.codec import Codec

__all__ = ["STREAMS"]

_ANNOTATED = (
    (("filterCallHasNotes", "1"),),
    (("filterFlaggedFollowup", "1"),),
    *((("filterCallSeverity", str(severity)),) for severity in range(1, 6)),
)
"""What finds calls with notes, a follow-up flag or a severity; the filter knows 1 to 5."""

_LONGEST = timedelta(days=1)
"""How long after a window its events may be: whether their time or their call's counts is open."""

_ENTRY = "phone_numbers_entry"


class Calls(CallListStream):
    """Calls of a tenant, inbound, outbound and internal (`/api/call_list.php`)."""

    name = "calls"
    primary_keys = ("container_id", "tenant_id", "callUuid")

    @property
    def row_codec(self) -> Codec:
        """What decodes the rows."""
        return self.codec

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Read the span, then sweep older calls for annotations."""
        yield from super().nodes(span, context)
        reach = self.tap.annotation_lookback
        if reach is not None and span.start < span.end:
            start_date = self.tap.settings.start_date
            range_ = days_back(span, self.tap.run_start, reach, start_date)
            if range_ is not None:
                yield from self.asking(CallRead(range_, context or {}, _ANNOTATED))


class CallEvents(FollowingStream):
    """Steps in the life of each call, one request a call (the call-details path)."""

    name = "call_events"
    primary_keys = ("container_id", "tenant_id", "callUuid", "eventUuid")
    selected_by_default = False

    def follow(self, call: Row) -> Page:
        """Read the events of a call."""
        return self.tap.events.read(call)


class CallRecordings(FollowingStream):
    """Recordings of calls; the audio itself is stored where `recordings_dir` is set."""

    name = "call_recordings"
    primary_keys = ("container_id", "tenant_id", "callUuid")
    selected_by_default = False

    def concerns(self, call: Row) -> bool:
        """Tell whether a call is marked as recorded or has a link."""
        return has_recording(call)

    def turn(self, page: Page, read: CallRead) -> Step:
        """List recordings page by page; only fetching one takes a request of its own."""
        if self.tap.recordings.is_storing:
            return super().turn(page, read)
        calls = [row for row in page.rows if self.concerns(row)]
        rows = [self.tap.recordings.listed(call) for call in calls]
        return Step(Page(rows, size=page.size))

    def follow(self, call: Row) -> Page:
        """Fetch the recording of a call."""
        return Page([self.tap.recordings.fetch(call)])


class EventTypes(PbxStream):
    """The published table of event types; it ships with the tap."""

    name = "event_types"
    primary_keys = ("eventType",)

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Give the table; nothing is requested."""
        return [lambda: Step(Page(event_type_rows()))]


class RingGroupEvents(TenantStream):
    """Ring-group events of a tenant (`/api/reports/raw/ringgroup`)."""

    name = "ring_group_events"
    primary_keys = ("container_id", "tenant_id", "event_id")
    replication_key = "eventDate"
    selected_by_default = False

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Read window by window; the report has neither pages nor a count, as far as is known."""
        for window in plan(span, self.tap.settings.window):
            yield walk(partial(self._page, context or {}, window), NumberedPaginator(1))
            yield Fence(WindowRead(window))

    def _page(self, context: Context, window: Window, number: int) -> Page:
        params = (("tenantID", context["tenant_id"]), *range_of(window))
        further = (("page", str(number)),) if number > 1 else ()
        try:
            page = self.tap.client.ring_groups((*params, *further))
        except NotThere as err:
            raise StreamUnavailable(str(err)) from None
        check_inside(page.column("eventDate"), window, after=_LONGEST)
        if self.tap.config["redact_pins"]:
            for row in page.rows:
                redact_pins(row)
        return self.stamp(page, context)


class PhoneStream(PbxStream):
    """A stream of text messages, which are asked for by one of the container's numbers."""

    selected_by_default = False

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """The configured numbers, by their place in the setting: a number is personal data.

        Raises:
            StreamUnavailable: There is none.
        """
        if not self.tap.phone_numbers:
            raise StreamUnavailable("it needs the setting phone_numbers.")
        return [{_ENTRY: place} for place, _ in enumerate(self.tap.phone_numbers, 1)]

    def _number(self, context: Context) -> str:
        place: int = context[_ENTRY]
        return self.tap.phone_numbers[place - 1]

    def conversations(self, context: Context) -> Page:
        """Read the conversations of a number.

        Raises:
            StreamUnavailable: The vendor does not know the number.
        """
        params = (("phoneNumber", self._number(context)),)
        try:
            return self._stamped(context, "conversations", params, CONVERSATION)
        except NotThere as err:
            raise StreamUnavailable(str(err)) from None

    def messages(self, context: Context, conversation: str) -> Page:
        """Read the messages of a conversation."""
        params = (("conversationID", conversation),)
        page = self._stamped(context, "conversation", params, MESSAGE)
        return page.stamp(conversation_id=conversation)

    def _stamped(
        self, context: Context, call: str, params: tuple[tuple[str, str], ...], kind: Kind
    ) -> Page:
        held = "conversations" if kind is CONVERSATION else "messages"
        page = self.tap.client.messaging(call, params, held, kind)
        container = self.tap.client.container
        number = self._number(context)
        return page.stamp(container_id=container, tenant_id=None, phone_number=number)


class SmsConversations(PhoneStream):
    """Text-message conversations of the numbers (`/api/messaging/v1/conversations`)."""

    name = "sms_conversations"
    primary_keys = ("container_id", "phone_number", "conversation_id")

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read all conversations of a number."""
        return [lambda: Step(self.conversations(context or {}))]


class SmsMessages(PhoneStream):
    """Text messages of every conversation (`/api/messaging/v1/conversation`)."""

    name = "sms_messages"
    primary_keys = ("container_id", "message_id")

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read the conversations of a number, then the messages of each."""
        return [partial(self._each, context or {})]

    @made_once
    def _read_already(self) -> set[str]:
        """Conversations of which the messages came, under whichever number."""
        return set()

    def _each(self, context: Context) -> Step:
        names = map(str, self.conversations(context).column("conversation_id"))
        fresh = [name for name in names if name not in self._read_already]
        return Step(None, [partial(self._of, context, name) for name in fresh])

    def _of(self, context: Context, conversation: str) -> Step:
        try:
            page = self.messages(context, conversation)
        except (NotThere, Unknown) as err:
            if not is_gone(err, has_succeeded=bool(self._read_already)):
                raise StreamUnavailable(str(err)) from None
            self.logger.warning("A conversation is gone: %s Its messages are left out.", err)
            return Step(None)
        self._read_already.add(conversation)
        return Step(page)


STREAMS = (
    Calls,
    CallEvents,
    CallRecordings,
    EventTypes,
    RingGroupEvents,
    SmsConversations,
    SmsMessages,
)
