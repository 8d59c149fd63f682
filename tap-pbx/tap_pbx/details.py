"""The events of a call: every page of its details, counted.

The path of the details is not public, nor is where in the answer the events hang.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_pbx.envelope import events_of, integer
from tap_pbx.event_types import purpose_of, redact_pins
from tap_pbx.refusals import Answer, Unknown, is_gone
from tap_shared.errors import PleaseRetry, StreamFailed
from tap_shared.page import Page

if TYPE_CHECKING:
    from tap_pbx.client import PbxClient

__all__ = ["EventReader"]

_PASSES = 5
_MOST_PAGES = 1000
_CALL_COLUMNS = ("container_id", "tenant_id", "callUuid", "callDate")

Row = dict[str, Any]


class EventReader:
    """Reads the events of calls.

    Args:
        client: The container's API.
        path: The `call_details_path` setting.
        logger: Where new event types and vanished calls are told.
        hides_pins: The `redact_pins` setting.
    """

    def __init__(
        self, client: PbxClient, path: str, logger: logging.Logger, *, hides_pins: bool
    ) -> None:
        """Prepare; nothing is sent."""
        self._client = client
        self._path = path
        self._logger = logger
        self._hides_pins = hides_pins
        self._has_succeeded = False
        self._unknown: set[str] = set()

    def read(self, call: Row) -> Page:
        """Read all events of a call.

        Args:
            call: The call's row, stamped with container and tenant.

        Raises:
            StreamFailed: The vendor counts other events than it gives, or has no such path.
        """
        events: dict[str, Row] = {}
        counted = size = 0
        for _ in range(_PASSES):
            page = self._ask(call, 1)
            size += page.size
            totals, rows = {page.total}, page.rows
            for number in range(2, page.facts["pages"] + 1):
                further = self._ask(call, number)
                if not further.rows:  # the count of pages is only a hint
                    break
                totals.add(further.total)
                rows = [*rows, *further.rows]
            events.update({str(row.get("eventUuid")): row for row in rows})
            counted = page.total or 0
            if totals == {len(events)}:
                return Page([self._shaped(row, call) for row in events.values()], size=size)
        msg = (
            f"the vendor counts {counted} events of a call and gave {len(events)} different ones,"
            f" {_PASSES} times; the bookmark stays before it. Run again later."
        )
        raise StreamFailed(msg)

    def _ask(self, call: Row, number: int) -> Page:
        params = (
            ("tenantID", str(call["tenant_id"])),
            ("callUUID", str(call["callUuid"])),
            ("utcOffset", "0"),
        )
        further = (("page", str(number)),) if number > 1 else ()
        try:
            page = self._client.ask(self._path, (*params, *further), partial(_counted, number))
        except (StreamFailed, Unknown) as err:
            if is_gone(err, has_succeeded=self._has_succeeded):
                self._logger.warning("The details of a call are gone: %s It has no events.", err)
                return Page([], 0, facts={"pages": 1})
            if self._has_succeeded or isinstance(err, Unknown):
                raise
            msg = f"{err} No details could be read so far: check call_details_path."
            raise StreamFailed(msg) from None
        self._has_succeeded = True
        return page

    def _shaped(self, row: Row, call: Row) -> Row:
        kind = row.get("eventType")
        name = purpose_of(kind)
        if name is None and kind not in (None, "") and str(kind) not in self._unknown:
            self._unknown.add(str(kind))
            self._logger.info("Event type %s is newer than the published table.", str(kind)[:20])
        if self._hides_pins:
            redact_pins(row)
        own = {column: call.get(column) for column in _CALL_COLUMNS}
        own["eventUuid"] = row.get("eventUuid") or None
        return {**row, **own, "event_type_name": name}


def _counted(number: int, answer: Answer, size: int) -> Page:
    total = integer(answer.get("maxResultSize"))
    if total is None:
        msg = "the answer has neither maxResultSize nor an error"
        raise PleaseRetry(msg)
    rows = events_of(answer)
    if total and not rows and number == 1:
        msg = f"the vendor counts {total} events of a call, but none are found in its answer."
        raise StreamFailed(msg)
    pages = max(integer(answer.get("maxPages")) or 0, -(-total // len(rows)) if rows else 0)
    pages = min(pages, total)
    if pages > _MOST_PAGES:
        msg = f"the vendor tells of {pages} pages of events of one call, more than can be."
        raise StreamFailed(msg)
    return Page(rows, total, size, {"pages": pages})
