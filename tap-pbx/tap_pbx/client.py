"""The PBX's transport: the key in the query, the error table, and answers read tolerantly.

Facts of the vendor: https://support.primevox.net/portal/en/kb/articles/call-history-cdr-v2 and
sms-mms-messaging-v2 unless said otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from tap_pbx.envelope import check_offset, error_of, integer, rows_of
from tap_pbx.links import without_key
from tap_shared.errors import (
    CredentialsRefused,
    PleaseRetry,
    StreamFailed,
    StreamUnavailable,
    TapError,
)
from tap_shared.http import Reply, Request, Transport, gateway_faults
from tap_shared.page import Page, decode

if TYPE_CHECKING:
    from tap_pbx.tap import TapPBX

__all__ = ["CALLS", "NotThere", "PbxClient", "Refused", "read_answer", "status_faults"]

T = TypeVar("T")
Params = tuple[tuple[str, str], ...]
Answer = Mapping[str, Any]

CALLS = "/api/call_list.php"

_BAD_REQUEST = 400
_LONGEST = 200
_KEY = re.compile(r"(auth|api) ?key .*invalid|api key and container id", re.IGNORECASE)
_CONTAINER = re.compile(r"container ?id is invalid", re.IGNORECASE)
_TEMPORARY = re.compile(r"connecting to the database|try again later", re.IGNORECASE)
_NO_RIGHT = re.compile(
    r"permission|not (allowed|permitted|authori[sz]ed)|denied|forbidden|unauthori[sz]ed|no access",
    re.IGNORECASE,
)


class Refused(StreamFailed):
    """The vendor answers with an error that this table does not know.

    Args:
        said: The vendor's text.
    """

    def __init__(self, said: str) -> None:
        """Keep the vendor's text beside the sentence."""
        super().__init__(f'the vendor answers with an error: "{said}".')
        self.said = said


class NotThere(StreamFailed):
    """HTTP 404: the vendor has no such thing, or the path is another."""


def vendor_error(text: str) -> TapError:
    """Turn an error text of the vendor into what is to be done about it.

    Texts: call-history-cdr-v2 and sms-mms-messaging-v2; a tenant's refusal is inferred.
    """
    said = " ".join(text.split())[:_LONGEST]
    if _TEMPORARY.search(said):
        return PleaseRetry("the vendor cannot reach its database")
    if _KEY.search(said):
        return CredentialsRefused(
            "The PBX refuses the API key; make a new one in the portal's Users area and set"
            " api_key."
        )
    if _CONTAINER.search(said):
        return CredentialsRefused(
            "The PBX refuses the container; set container_id to the six digits at the top left of"
            " the portal's dashboard."
        )
    if _NO_RIGHT.search(said):
        return StreamUnavailable(f'the vendor refuses it: "{said}".')
    return Refused(said)


def status_faults(reply: Reply) -> None:
    """Raise for every HTTP status that is no success; an error text in the body goes first.

    Raises:
        TapError: Whatever the error table says.
    """
    if reply.status < _BAD_REQUEST:
        return
    text = error_of(_lenient(reply.body))
    error = vendor_error(text) if text else None
    if error is not None and not isinstance(error, Refused):
        raise error
    gateway_faults(reply)
    if reply.status in {401, 403}:
        msg = (
            f"The PBX refuses the credentials (HTTP {reply.status}{reply.reference}); check"
            " api_key, container_id and the rights of the key's user."
        )
        raise CredentialsRefused(msg)
    if reply.status == 404:
        raise NotThere(str(error) if error else f"the vendor answers HTTP 404{reply.reference}.")
    if error is not None:
        raise error
    msg = f"the vendor answers HTTP {reply.status}{reply.reference}; check api_url."
    raise StreamFailed(msg)


def read_answer(body: bytes) -> Answer:
    """Read a body that should be a JSON object, whatever its label says.

    Raises:
        PleaseRetry: It is no JSON object.
        TapError: It is an error; errors come with status 200.
    """
    try:
        answer = _decode(body)
    except PleaseRetry:
        _raise_plain_text(body)
        raise
    if text := error_of(answer):
        raise vendor_error(text)
    if isinstance(answer, dict):
        return answer
    msg = "the answer is no JSON object"
    raise PleaseRetry(msg)


def _decode(body: bytes) -> object:
    anything: Any = Any
    value: object = decode(body, anything)
    return value


def _lenient(body: bytes) -> object:
    """Read an error's body; a gateway's HTML is no answer."""
    try:
        return _decode(body)
    except PleaseRetry:
        return None


def _raise_plain_text(body: bytes) -> None:
    """Raise for one of the documented errors sent as bare text; let anything else pass."""
    text = body.decode("utf-8", "replace").strip()
    if len(text) > _LONGEST or text[:1] in {"<", "{", "["}:
        return
    error = vendor_error(text)
    if isinstance(error, (CredentialsRefused, PleaseRetry)):
        raise error


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
        self.transport = tap.transport({}, self._faults)
        self._tap = tap
        self._has_succeeded = False

    def media_transport(self, largest: int) -> Transport:
        """Give a transport under the same limits whose answers may have so many bytes."""
        transport = self._tap.transport({}, self._faults)
        transport.limits = replace(transport.limits, body_bytes=largest)
        return transport

    def _faults(self, reply: Reply) -> None:
        """Apply the error table; a key that was good before is refused for this thing only."""
        try:
            status_faults(reply)
        except CredentialsRefused as err:
            if reply.status == 403 and self._has_succeeded:
                msg = f"the vendor refuses it (HTTP 403{reply.reference})."
                raise StreamUnavailable(msg) from err
            raise

    def ask(self, path: str, params: Params, read: Callable[[Answer, int], T]) -> T:
        """Send a GET and read its answer inside the retry loop.

        Args:
            path: Path below the API's URL.
            params: Parameters, without credentials; names are case-sensitive.
            read: Reads the answer, of so many bytes; raises `PleaseRetry` where it is none.

        Raises:
            TapError: Whatever the error table says.
        """

        def parse(reply: Reply) -> T:
            answer = self._without_key(read_answer(reply.body))
            check_offset(answer)
            self._has_succeeded = True
            return read(answer, len(reply.body))

        return self.transport.send(Request(f"GET {path}", path, params=self.access + params), parse)

    def _without_key(self, node: Any) -> Any:
        """Take the key out of every text that holds it: links may carry it (inferred)."""
        if isinstance(node, str):
            if "://" not in node and self.key not in node:
                return node
            redact = self._tap.redact
            return node if redact(node) == node else without_key(node, redact)
        if isinstance(node, dict):
            return {name: self._without_key(item) for name, item in node.items()}
        if isinstance(node, list):
            return [self._without_key(item) for item in node]
        return node

    def calls(self, params: Params) -> Page:
        """Read a page of the call list; `facts['pages']` is the vendor's count of pages."""
        return self.ask(CALLS, params, _counted)

    def report(self, path: str, params: Params, name: str, key: str) -> Page:
        """Read rows that come all at once, under `name` and by the identifier `key`."""

        def read(answer: Answer, size: int) -> Page:
            if name not in answer:
                msg = f"the answer has neither '{name}' nor an error"
                raise PleaseRetry(msg)
            pages = integer(answer.get("maxPages")) or 1
            return Page(rows_of(answer, name, key), size=size, facts={"pages": pages})

        return self.ask(path, params, read)


def _counted(answer: Answer, size: int) -> Page:
    total = integer(answer.get("maxResultSize"))
    if total is None:
        msg = "the answer has neither maxResultSize nor an error"
        raise PleaseRetry(msg)
    pages = integer(answer.get("maxPages")) or 0
    return Page(rows_of(answer, "data", "callUuid"), total, size, {"pages": pages})
