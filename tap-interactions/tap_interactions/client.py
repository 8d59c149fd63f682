"""MotionCX's transport: the key in its header, and the services that it opens.

Facts of the vendor: https://docs.motioncxapps.com/reference/authentication, `date-range-handling`
and `aggregation` there, unless marked as inferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from tap_interactions import answers
from tap_shared.http import Request
from tap_shared.page import Page
from tap_shared.windows import Window

if TYPE_CHECKING:
    from tap_interactions.tap import TapInteractions
    from tap_shared.codec import Codec

__all__ = ["MILLISECOND", "Method", "MotionClient", "floor", "instant", "overlapped"]

Method = Literal["GET", "POST"]

MILLISECOND = timedelta(milliseconds=1)
"""Precision of the vendor's instants, and the overlap that makes up for unknown bounds."""

_REPORTING = "/reporting/api/v1/"
_OTHER: dict[Method, Method] = {"GET": "POST", "POST": "GET"}


def instant(moment: datetime) -> str:
    """Write a bound: in UTC, with milliseconds and `Z`.

    A time without an offset would be read in the server's zone (inferred).
    """
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def overlapped(window: Window) -> Window:
    """Widen a window to whole milliseconds, and by one more at its start.

    Whether the vendor's bounds are inclusive is not published: the overlap makes up for either.
    """
    start, end = floor(window.start), floor(window.end)
    return Window(start - MILLISECOND, end if end == window.end else end + MILLISECOND)


def floor(moment: datetime) -> datetime:
    """Cut to whole milliseconds, as they are sent."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class MotionClient:
    """The services that one key opens.

    Args:
        tap: Gives settings and the key.
    """

    def __init__(self, tap: TapInteractions) -> None:
        """Prepare; nothing is sent."""
        key = tap.config["api_key"].strip()
        by_scheme = tap.config["auth_header"] == "authorization"
        header = {"Authorization": f"apikey {key}"} if by_scheme else {"x-api-key": key}
        self._transport = tap.transport(header, answers.faults)
        self._groups: list[str] = []

    def details(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        is_window: bool = False,
        codec: Codec | None = None,
    ) -> Page:
        """Ask the reporting service for rows.

        What its answers say of totals is not documented and is not heeded.

        Args:
            path: Path below the service, such as `interaction/details`.
            body: The request's members.
            is_window: Whether a smaller query can be asked instead of one that times out.
            codec: Decodes the rows; dictionaries where there is none.

        Raises:
            WindowTooLarge: Such a query timed out twice.
            TapError: Whatever the error table says.
        """
        request = Request(f"POST {path}", _REPORTING + path, "POST", body=body, is_window=is_window)
        return self._transport.send(request, partial(answers.rows, codec=codec))

    def count(self, body: Mapping[str, Any]) -> int:
        """Count interactions with the aggregates endpoint.

        Whether an empty list of group fields is legal is inferred; where it is refused, the counts
        by tenant are added up.

        Args:
            body: Range and filter members of what is to be counted.
        """
        try:
            return self._count(body)
        except answers.RequestRefused:
            if self._groups:
                raise
            self._groups = ["TenantId"]
        return self._count(body)

    def _count(self, body: Mapping[str, Any]) -> int:
        path = "interaction/aggregates"
        asked = {**body, "Aggregates": {"_id": ["Count"]}, "GroupFields": self._groups}
        request = Request(f"POST {path}", _REPORTING + path, "POST", body=asked)
        return self._transport.send(request, answers.count)

    def lookup(self, name: str, member: str, method: Method, params: Mapping[str, str]) -> Page:
        """Ask for a reference list.

        The vendor's controllers mark them with GET and POST; on 405 the other one is tried, once.

        Args:
            name: Last part of the path.
            member: The member of the answer that holds the list, where it is nested; or "".
            method: The documented method.
            params: Query members.
        """
        try:
            return self._lookup(name, member, method, params)
        except answers.MethodRefused:
            return self._lookup(name, member, _OTHER[method], params)

    def _lookup(self, name: str, member: str, method: Method, params: Mapping[str, str]) -> Page:
        path = f"lookup/{name}"
        request = Request(
            f"{method} {path}",
            _REPORTING + path,
            method,
            params=tuple(params.items()),
            body={} if method == "POST" else None,
        )
        return self._transport.send(request, partial(answers.lookup, member=member))

    def items(self, path: str, params: Mapping[str, str]) -> Page:
        """Ask the routing or CRM service for one page of a list.

        Args:
            path: The whole path.
            params: Query members.
        """
        request = Request(f"GET {path}", path, params=tuple(params.items()))
        return self._transport.send(request, answers.items)
