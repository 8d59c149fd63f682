"""What a call list request asks for: window, directions, filters, page.

Parameter names are case-sensitive; whatever is unknown, misspelt or malformed is ignored, which
leaves the default in place: today, the default tenant, every direction.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from contact_sandbox.pbx import php
from contact_sandbox.pbx.data import INBOUND, INTERNAL, OUTBOUND, Call
from contact_sandbox.pbx.directory import APPLICATIONS
from contact_sandbox.pbx.events import IVR, Event

if TYPE_CHECKING:
    from contact_sandbox.vendor import Request

PAGE_SIZE = 500
PUSHED = 52

Parameter = Callable[[str], str | None]
Test = Callable[[Call, str], bool]

_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_SHOWN = {INBOUND: "showInbound", OUTBOUND: "showOutbound", INTERNAL: "showInternal"}

NARROWING: dict[str, tuple[int, Test]] = {
    "filterInboundCallerNumber": (INBOUND, lambda call, value: call.number == value),
    "filterInboundDid": (INBOUND, lambda call, value: call.dialed == value),
    "filterInboundExtenReceived": (INBOUND, lambda call, value: call.extension == value),
    "filterOutboundNumberDialed": (OUTBOUND, lambda call, value: call.dialed == value),
    "filterOutboundExtenDialed": (OUTBOUND, lambda call, value: call.number == value),
    "filterInternalExten": (INTERNAL, lambda call, value: value in (call.number, call.dialed)),
    "filterInternalApp": (
        INTERNAL, lambda call, value: call.dialed in APPLICATIONS.get(value, ()),
    ),
}  # fmt: skip
"""Filters that bind the calls of one direction and leave the others alone."""

SELECTING: dict[str, Test] = {
    "filterWentToVoicemail": lambda call, value: value != "1" or (
        call.direction == INBOUND and bool(call.voicemail)
    ),
    "filterSpokeToPerson": lambda call, value: value != "1" or (
        call.direction == INBOUND and bool(call.spoke)
    ),
    "filterFlaggedFollowup": lambda call, value: value != "1" or bool(call.flagged),
    "filterCallHasNotes": lambda call, value: value != "1" or bool(call.notes),
    "filterCallSeverity": lambda call, value: (
        value not in set("012345") or (call.severity or 0) == int(value)
    ),
}  # fmt: skip
"""Filters that bind every call."""

_FILTERS = (*NARROWING, *SELECTING, "filterIvrId")


@dataclass(frozen=True)
class Window:
    """A range of stored times, both ends included, with the offset of the answer in minutes."""

    start: datetime
    end: datetime
    offset: int

    def holds(self, at: datetime) -> bool:
        """Tell whether the instant `at` lies in the window."""
        return self.start <= at <= self.end


def window(request: Request, now: datetime) -> Window:
    """Return the range that a request asks for; the dates are read as UTC."""
    today = now.replace(hour=0, minute=0, second=0)
    return Window(
        _date(request.param("fromDate")) or today,
        _date(request.param("toDate")) or today + timedelta(hours=23, minutes=59, seconds=59),
        php.integer(request.param("utcOffset")),
    )


def _date(value: str | None) -> datetime | None:
    """Return a well-formed date, else None."""
    if not _DATE.fullmatch(value or ""):
        return None
    try:
        return datetime.fromisoformat(f"{value}").replace(tzinfo=UTC)
    except ValueError:
        return None


def page(request: Request) -> int:
    """Return the number of the page asked for."""
    return max(1, php.integer(request.param("page"), 1))


def narrowed(request: Request) -> bool:
    """Tell whether a request asks for less than every call of its window."""
    hides = any(request.param(name) == "0" for name in _SHOWN.values())
    return hides or any(request.param(name) for name in _FILTERS)


def chooser(request: Request, events: Callable[[Call], list[Event]]) -> Callable[[Call], bool]:
    """Return the test that a request's directions and filters put every call to.

    Args:
        request: A call list request.
        events: Gives the events of a call, for the filters that look into it.
    """
    hidden = {number for number, name in _SHOWN.items() if request.param(name) == "0"}
    set_ = {name: value for name in _FILTERS if (value := request.param(name))}
    narrowing = [(*NARROWING[name], value) for name, value in set_.items() if name in NARROWING]
    selecting = [(SELECTING[name], value) for name, value in set_.items() if name in SELECTING]
    menu = set_.get("filterIvrId")

    def chosen(call: Call) -> bool:
        return (
            call.direction not in hidden
            and all(call.direction != side or test(call, value) for side, test, value in narrowing)
            and all(test(call, value) for test, value in selecting)
            and (not menu or any(_menu(request, menu, event) for event in events(call)))
        )

    return chosen


def _menu(request: Request, menu: str, event: Event) -> bool:
    """Tell whether an event happened in the IVR menu asked for, as asked for."""
    wanted = php.integer(request.param("filterIvrEventType"))
    pushed = request.param("filterIvrPushed")
    return (
        event.data[0] == menu
        and event.kind in IVR.get(wanted, frozenset())
        and not (wanted == PUSHED and pushed and str(event.data[3]) != pushed)
    )
