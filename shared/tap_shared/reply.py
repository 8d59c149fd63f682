"""One answer: its body read within bounds, and what a gateway may have said in its place."""

from __future__ import annotations

import math
import re
import time
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import requests
import urllib3

from tap_shared.errors import BodyTooLarge, PleaseRetry, PleaseWait, TimedOut
from tap_shared.request import Limits

__all__ = ["Reply", "gateway_faults"]

_GZIP = zlib.MAX_WBITS | 16
_BLOCK = 1 << 18
_REQUEST_IDS = ("x-request-id", "x-correlation-id", "x-amzn-requestid", "request-id", "cf-ray")


class Reply:
    """One answer, its body not yet read.

    Attributes:
        status: HTTP status.
        headers: Header fields, by name in any case.
    """

    def __init__(
        self, response: requests.Response, limits: Limits, deadline: float = math.inf
    ) -> None:
        """Wrap the vendor's response, which is read until a moment of the monotonic clock."""
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._limits = limits
        self._deadline = deadline
        self._body: bytes | None = None

    def blocks(self, *, is_bounded: bool = True) -> Iterator[bytes]:
        """Stream the body in pieces, decompressed.

        Args:
            is_bounded: Whether the limit on a body's size holds: not for a reader that lets go of
                each piece.

        Raises:
            PleaseRetry: The connection broke, or the body is shorter than announced or drips.
            BodyTooLarge: The body is larger than the limit.
        """
        packed = "gzip" in self.headers.get("Content-Encoding", "").lower()
        pieces, got = self._pieces(), 0
        for block in _inflated(pieces) if packed else pieces:
            got += len(block)
            if is_bounded and got > self._limits.body_bytes:
                msg = f"the answer is larger than {self._limits.body_bytes >> 20} MiB."
                raise BodyTooLarge(msg)
            yield block

    def _pieces(self) -> Iterator[bytes]:
        """Give the body's bytes as they come, so that the clock is read however few they are."""
        raw = self._response.raw
        try:
            while piece := raw.read1(_BLOCK, decode_content=False):
                if time.monotonic() > self._deadline:
                    raise self._late()
                yield piece
            left = getattr(raw, "length_remaining", None)
        except urllib3.exceptions.ReadTimeoutError:
            raise self._late() from None
        except (urllib3.exceptions.HTTPError, OSError) as err:
            msg = f"the connection broke while reading ({type(err).__name__})"
            raise PleaseRetry(msg) from None
        if left:
            msg = f"the answer was cut off {left} bytes before its end"
            raise PleaseRetry(msg)

    def _late(self) -> TimedOut:
        """Say that the attempt has no time left, or that no byte comes any more."""
        is_over = time.monotonic() > self._deadline
        took = f"the answer took longer than {self._limits.attempt_seconds:.0f} s"
        return TimedOut(took if is_over else "the answer stopped coming")

    @property
    def body(self) -> bytes:
        """The whole body."""
        if self._body is None:
            self._body = b"".join(self.blocks())
        return self._body

    @property
    def is_html(self) -> bool:
        """Whether the body is an HTML or XML page, as gateways send it."""
        return self.body.lstrip()[:1] == b"<"

    @property
    def retry_after(self) -> float | None:
        """Seconds that the vendor asks to wait; None where it does not say or says nonsense."""
        text = self.headers.get("Retry-After", "").strip()
        if re.fullmatch(r"[+-]?\d{1,9}(\.\d*)?", text):
            return max(0.0, float(text))
        try:
            moment = parsedate_to_datetime(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return max(0.0, moment.timestamp() - time.time())
        except (ValueError, TypeError, OverflowError, IndexError):
            return None

    @property
    def reference(self) -> str:
        """The vendor's id of this answer, for its support, where it gives one."""
        found = (self.headers.get(name) for name in _REQUEST_IDS)
        given = next((value for value in found if value), "")
        return f" (request id {given[:64]})" if given else ""

    def close(self) -> None:
        """Give the connection back, or drop it where bytes are left unread."""
        self._response.close()


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress gzip in bounded blocks.

    Raises:
        PleaseRetry: It is no gzip, or cut off.
    """
    inflate = zlib.decompressobj(_GZIP)
    begun = False
    try:
        for piece in pieces:
            begun, left, block = True, piece, b""
            while left or len(block) == _BLOCK:
                if inflate.eof:
                    inflate = zlib.decompressobj(_GZIP)  # one gzip may follow another
                block = inflate.decompress(left, _BLOCK)
                if block:
                    yield block
                left = inflate.unconsumed_tail or inflate.unused_data
    except zlib.error:
        msg = "the answer says that it is gzip and is not"
        raise PleaseRetry(msg) from None
    if begun and not inflate.eof:
        msg = "the answer was cut off before the end of its gzip"
        raise PleaseRetry(msg)


def gateway_faults(reply: Reply) -> None:
    """Raise for what every vendor's gateway may answer.

    Raises:
        PleaseWait: 429.
        PleaseRetry: 408 or 5xx, with the wait that the vendor asks for.
    """
    said = f"HTTP {reply.status}{reply.reference}"
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise PleaseWait(said, reply.retry_after)
    if reply.status == HTTPStatus.GATEWAY_TIMEOUT:
        raise TimedOut(said, reply.retry_after)
    if (
        reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or reply.status == HTTPStatus.REQUEST_TIMEOUT
    ):
        raise PleaseRetry(said, reply.retry_after)
