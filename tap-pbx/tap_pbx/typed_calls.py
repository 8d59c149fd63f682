"""Answers of the call list, decoded straight into typed rows where nothing about them is odd.

What is odd in any way (an error, another envelope, the key in other places than links) is left to
the reading into dictionaries, which gives the same records.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from tap_pbx.envelope import CALL, check_offset, integer
from tap_pbx.refusals import error_of
from tap_shared.codec import Codec
from tap_shared.decoders import decoder
from tap_shared.errors import PleaseRetry
from tap_shared.fields import column_of, put, value_of
from tap_shared.page import Page

__all__ = ["KeyMarks", "typed_page"]

LINK = "recordingUrl"

_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ESCAPED = re.compile(rb"\\u00[0-7]")
_RUN = re.compile("[A-Za-z0-9]+")
_SHORTEST = 4

Row = Any
Call = TypeVar("Call")


class _Answer(Struct, Generic[Call], rename="camel"):
    """The paging fields, the rows, and the members that errors stand under."""

    data: dict[str, Call] | list[Call] | None = None
    current_result_size: Any = None
    max_result_size: Any = None
    max_pages: Any = None
    utc_offset: Any = None
    error: Any = None
    errors: Any = None
    success: Any = None
    status: Any = None
    result: Any = None

    @property
    def is_good(self) -> bool:
        """Whether it is no error."""
        members = ("error", "errors", "success", "status", "result")
        told = {name: getattr(self, name) for name in members}
        return error_of({**told, "message": "it failed", "maxResultSize": 0}) is None


class KeyMarks:
    """What every form of the key has in common, to tell quickly that a text holds none of them.

    Letters and digits stay what they are when a text is percent-encoded or put into JSON; base64
    has letters and digits of its own.

    Args:
        key: The API key, without white space around it.
    """

    def __init__(self, key: str) -> None:
        """Find the longest runs of letters and digits."""
        encoded = base64.b64encode(key.encode("utf-8", "replace")).decode()
        self._plain, self._encoded = (_longest_run(text) for text in (key, encoded))
        self.is_usable = min(len(self._plain), len(self._encoded)) >= _SHORTEST

    def may_be_in(self, text: bytes) -> bool:
        """Tell whether a text may hold the key, in any form but JSON's escapes of its letters."""
        # From behind, which is searched three times as quickly.
        found = text.rfind(self._plain) >= 0 or text.rfind(self._encoded) >= 0
        return found or not self.is_usable

    def only_in(self, rows: Sequence[Row], body: bytes) -> bool:
        """Tell whether a body holds the key nowhere but in the links of its rows."""
        if b"\\" in body and body.rfind(b"\\u00") >= 0 and _ESCAPED.search(body):
            return False
        if not self.may_be_in(body):
            return True
        if body.rfind(self._encoded) >= 0:
            return False
        links = column_of(rows, LINK)
        return body.count(self._plain) == sum(_text_of(link).count(self._plain) for link in links)


def _longest_run(text: str) -> bytes:
    return max(_RUN.findall(text), key=len, default="").encode()


def _text_of(value: Any) -> bytes:
    """Give a link's bytes: text, or the JSON of one that is not looked at."""
    if type(value) is str:
        return value.encode("utf-8", "replace")
    return bytes(value) if type(value) is Raw else b""


def typed_page(body: bytes, codec: Codec, key: KeyMarks) -> Page | None:
    """Read an answer of the call list.

    Args:
        body: The answer.
        codec: Decodes the rows.
        key: What the key looks like.

    Returns:
        The page, with the links as they came; None where the answer is odd.

    Raises:
        StreamFailed: Its times come in another offset than UTC.
    """
    answer = codec.whole(_Answer, body, by_row=True)
    if answer is None:  # one of its rows does not fit
        try:
            answer = decoder(_Answer[Raw]).decode(body)
        except _FAULTS:
            return None
    total, shown = integer(answer.max_result_size), integer(answer.current_result_size)
    if answer.data is None or total is None or not (answer.is_good and key.is_usable):
        return None
    try:
        rows = _rows(answer.data, codec)
    except PleaseRetry:
        return None
    if (shown and not rows) or not _may_be_calls(rows):
        return None
    if not key.only_in(rows, body):
        return None
    check_offset({"utcOffset": answer.utc_offset})
    return Page(rows, total, len(body), {"pages": integer(answer.max_pages) or 0})


def _rows(data: dict[str, Any] | list[Any], codec: Codec) -> list[Row]:
    """Give the rows of a map or list, and fill in the identifiers that they leave to the map."""
    rows = [*(data.values() if isinstance(data, dict) else data)]
    if rows and type(rows[0]) is Raw:
        rows = [*codec.rows(b"[" + b",".join(rows) + b"]")]
    if isinstance(data, dict) and not all(own := column_of(rows, CALL.key)):
        for row, mark, uuid in zip(rows, data, own, strict=True):
            if uuid in (None, ""):
                put(row, CALL.key, mark)
    return rows


def _may_be_calls(rows: Sequence[Row]) -> bool:
    """Tell whether any row is marked as a call; identifiers may come from the map."""
    return not rows or any(value_of(row, name) is not None for row in rows for name in _MARKS)


_MARKS = sorted(CALL.fields - {CALL.key})
