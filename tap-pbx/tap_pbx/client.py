"""The PBX's transport: the key in the query, and answers read tolerantly.

Facts of the vendor: https://support.primevox.net/portal/en/kb/articles/call-history-cdr-v2 and
sms-mms-messaging-v2 unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tap_pbx.envelope import CALL, REPORTED, Kind, check_offset, integer, rows_of
from tap_pbx.links import without_key
from tap_pbx.refusals import Answer, Denied, Refused, read_answer, status_faults
from tap_pbx.typed_calls import KeyMarks, typed_page
from tap_shared.errors import PleaseRetry, StreamUnavailable
from tap_shared.http import Reply, Request, Transport
from tap_shared.page import Page
from tap_shared.redact import Redactor

if TYPE_CHECKING:
    from tap_pbx.tap import TapPBX
    from tap_shared.codec import Codec

__all__ = ["CALLS", "PbxClient"]

T = TypeVar("T")
Params = tuple[tuple[str, str], ...]

CALLS = "/api/call_list.php"

_DEFAULT_TENANT = "0"


def _never(body: bytes) -> None:
    """Leave an answer to the reading into dictionaries."""


class PbxClient:
    """The API of one container.

    Args:
        tap: Gives settings and credentials.
    """

    def __init__(self, tap: TapPBX) -> None:
        """Prepare; nothing is sent."""
        self.key: str = tap.config["api_key"].strip()
        self.container: str = tap.config["container_id"].strip()
        self.access: Params = (("auth", self.key), ("containerID", self.container))
        self.transport = tap.transport({}, status_faults)
        self._tap = tap
        self._has_succeeded = False
        self._known: set[str] = set()
        self._marks = KeyMarks(self.key)
        self.hide = Redactor()
        self.hide.add(self.key)

    def media_transport(self, largest: int) -> Transport:
        """Give a transport under the same limits whose answers may have so many bytes."""
        transport = self._tap.transport({}, status_faults)
        transport.limits = replace(transport.limits, body_bytes=largest)
        return transport

    def send(
        self, request: Request, parse: Callable[[Reply], T], transport: Transport | None = None
    ) -> T:
        """Send a request; a key that was good before is refused for this thing only.

        Raises:
            TapError: Whatever the error table says.
        """
        try:
            return (transport or self.transport).send(request, parse)
        except Denied as err:
            if self._has_succeeded:
                msg = f"the vendor refuses it ({err.said}), though the key is good elsewhere."
                raise StreamUnavailable(msg) from err
            raise

    def ask(
        self,
        path: str,
        params: Params,
        read: Callable[[Answer, int], T],
        quick: Callable[[bytes], T | None] = _never,
    ) -> T:
        """Send a GET and read its answer inside the retry loop.

        Args:
            path: Path below the API's URL.
            params: Parameters, without credentials; names are case-sensitive.
            read: Reads the answer, of so many bytes; raises `PleaseRetry` where it is none.
            quick: Reads its bytes, or gives None where they are odd in any way.

        Raises:
            TapError: Whatever the error table says.
        """

        def parse(reply: Reply) -> T:
            found = quick(reply.body)
            if found is not None:
                self._has_succeeded = True
                return found
            answer = read_answer(reply.body)
            if not self._marks.only_in((), reply.body):
                answer = self._without_key(answer)
            check_offset(answer)
            self._has_succeeded = True
            return read(answer, len(reply.body))

        return self.send(Request(f"GET {path}", path, params=self.access + params), parse)

    def ask_tenant(
        self,
        path: str,
        params: Params,
        read: Callable[[Answer, int], T],
        quick: Callable[[bytes], T | None] = _never,
    ) -> T:
        """Ask for rows of a tenant, of which the first parameter says which.

        An error that nobody documented, for a tenant of which nothing was ever answered, is taken
        for a refusal of that tenant, unless it is the only hope: how the vendor says that it has
        none, or that the key may not see it, is not public.

        Raises:
            TapError: Whatever the error table says.
        """
        tenant = params[0][1]
        try:
            answer = self.ask(path, params, read, quick)
        except (Refused, Denied) as err:
            has_hope = self._has_succeeded or tenant != self._tap.tenants[-1]
            if tenant == _DEFAULT_TENANT or tenant in self._known or not has_hope:
                raise
            msg = f"the vendor refuses this tenant, or has none of that number: {err.said}."
            raise StreamUnavailable(msg) from None
        self._known.add(tenant)
        return answer

    def may_show_key(self, text: str) -> bool:
        """Tell whether the key may stand in a text, in any form."""
        return self._marks.may_be_in(text.encode("utf-8", "replace"))

    def _without_key(self, node: Any) -> Any:
        """Take the key, in any form, out of every text: links may carry it (inferred)."""
        if isinstance(node, str):
            return node if self.hide(node) == node else without_key(node, self.hide)
        if isinstance(node, dict):
            return {self.hide(name): self._without_key(item) for name, item in node.items()}
        if isinstance(node, list):
            return [self._without_key(item) for item in node]
        return node

    def calls(self, params: Params, codec: Codec | None = None) -> Page:
        """Read a page of the call list; `facts['pages']` is the vendor's count of pages.

        Args:
            params: Parameters, the tenant first.
            codec: Decodes the rows, where nothing about the answer is odd.
        """
        quick = _never if codec is None else partial(typed_page, codec=codec, key=self._marks)
        return self.ask_tenant(CALLS, params, _counted, quick)

    def ring_groups(self, params: Params) -> Page:
        """Read ring-group events, of which no pages are known."""
        return self.ask_tenant("/api/reports/raw/ringgroup", params, _all_under("data", REPORTED))

    def messaging(self, call: str, params: Params, name: str, kind: Kind) -> Page:
        """Read what a messaging call gives, all at once."""
        return self.ask(f"/api/messaging/v1/{call}", params, _all_under(name, kind))


def _counted(answer: Answer, size: int) -> Page:
    total = integer(answer.get("maxResultSize"))
    if total is None:
        msg = "the answer has neither maxResultSize nor an error"
        raise PleaseRetry(msg)
    rows = rows_of(answer, "data", CALL)
    shown = integer(answer.get("currentResultSize"))
    if shown and not rows:
        msg = f"the answer counts {shown} calls on its page, but none are found in it"
        raise PleaseRetry(msg)
    return Page(rows, total, size, {"pages": integer(answer.get("maxPages")) or 0})


def _all_under(name: str, kind: Kind) -> Callable[[Answer, int], Page]:
    """Give the reader of an answer that has neither pages nor counts, as far as is known."""

    def read(answer: Answer, size: int) -> Page:
        rows = rows_of(answer, name, kind)
        if not rows and name not in answer:
            msg = f"the answer has neither '{name}' nor an error"
            raise PleaseRetry(msg)
        return Page(rows, size=size, facts={"pages": integer(answer.get("maxPages")) or 1})

    return read
